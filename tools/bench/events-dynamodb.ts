import type { Bench } from "./bench.ts";
import { createTable, jsonRequest, tableInput } from "./events-client.ts";
import { dynamodbLocal, type JavaPeer } from "./java.ts";
import { load, median, stop } from "./processes.ts";

const IN_FLIGHT = 16;
const ITEMS = 512;
const TableName = "bench-items";

const key = (index: number): object => ({ id: { S: `item-${String(index)}` } });
const item = (index: number): object => ({
  ...key(index),
  name: { S: "x".repeat(100) },
  count: { N: String(index * 1000) },
  tags: { L: [{ S: "a" }, { S: "b" }] },
  address: { M: { city: { S: "Lund" }, zip: { N: "22100" } } },
});

const BARS = { PutItem: 2, GetItem: 1.5 } as const;

/** PutItem and GetItem of items of about 250 bytes, on tables without indexes or streams. */
export async function tables(bench: Bench): Promise<void> {
  const { lambent } = bench;
  let peer: JavaPeer | undefined;
  let missing: unknown = "--no-peers";
  if (bench.withPeers) {
    try {
      peer = await dynamodbLocal();
      await fetch(`http://127.0.0.1:${String(peer.port)}`, {
        method: "POST",
        headers: {
          "x-amz-target": "DynamoDB_20120810.CreateTable",
          "content-type": "application/x-amz-json-1.0",
          authorization:
            "AWS4-HMAC-SHA256 Credential=bench/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0",
        },
        body: JSON.stringify(tableInput(TableName)),
      });
    } catch (error) {
      missing = error;
    }
  }
  await createTable(lambent, TableName);
  const perSecond = async (port: number, operation: "PutItem" | "GetItem"): Promise<number> => {
    const at = { credentials: lambent.credentials, port };
    const requests = Array.from({ length: ITEMS }, (_, index) => {
      const input = operation === "PutItem" ? { Item: item(index) } : { Key: key(index) };
      return jsonRequest(at, "dynamodb", operation, { TableName, ...input }).toString("base64");
    });
    const result = await load({ port, requests, connections: IN_FLIGHT, milliseconds: bench.milliseconds });
    if (result.statuses["200"] !== result.answers) throw new Error(JSON.stringify(result.statuses));
    return result.perSecond;
  };
  const rates = { PutItem: [] as number[], GetItem: [] as number[] };
  const ratios = { PutItem: [] as number[], GetItem: [] as number[] };
  // The first round warms both up.
  for (let round = 0; round <= bench.rounds; round += 1) {
    for (const operation of ["PutItem", "GetItem"] as const) {
      const ours = await perSecond(lambent.port, operation);
      const theirs = peer === undefined ? Number.NaN : await perSecond(peer.port, operation);
      if (round === 0) continue;
      rates[operation].push(ours);
      ratios[operation].push(ours / theirs);
    }
  }
  for (const operation of ["PutItem", "GetItem"] as const) {
    const rate = `${median(rates[operation]).toFixed(0)}/s`;
    const what = `DynamoDB ${operation}/s, ${String(IN_FLIGHT)} in flight, against DynamoDB Local's file`;
    if (peer === undefined) {
      bench.notMeasured(`${what} (${rate} here)`, missing);
      continue;
    }
    const ratio = median(ratios[operation]);
    const bar = BARS[operation];
    bench.row(what, `${ratio.toFixed(1)}x (${rate})`, `>= ${String(bar)}x`, ratio >= bar);
  }
  if (peer !== undefined) await stop(peer.child);
}
