import type { Bench } from "./bench.ts";
import { callJson, createMapping, createQueue, jsonRequest, ACCOUNT, REGION } from "./events-client.ts";
import { NODE_ECHO } from "./functions.ts";
import { elasticmq, type JavaPeer } from "./java.ts";
import { createFunction, type Lambent } from "./lambent.ts";
import { load, median, stop, until } from "./processes.ts";

const IN_FLIGHT = 64;
const MESSAGE = JSON.stringify({ order: 12345678901234, customer: "a name", lines: ["x".repeat(64)] });
/** Drained through the mapping; at the bar they last five seconds. */
const MESSAGES = 10_000;
const SENDS_BAR = 3000;
const WARM_UP_MS = 4000;

export async function queues(bench: Bench): Promise<void> {
  await sends(bench);
  await throughMapping(bench);
}

async function sendsPerSecond(
  bench: Bench,
  port: number,
  QueueUrl: string,
  milliseconds: number,
): Promise<number> {
  const at = { credentials: bench.lambent.credentials, port };
  const requests = Array.from({ length: IN_FLIGHT }, () =>
    jsonRequest(at, "sqs", "SendMessage", { QueueUrl, MessageBody: MESSAGE }).toString("base64"),
  );
  const result = await load({ port, requests, connections: IN_FLIGHT, milliseconds });
  if (result.statuses["200"] !== result.answers) throw new Error(JSON.stringify(result.statuses));
  return result.perSecond;
}

/** A queue each round: what lies in one from the round before must not matter to either. */
async function sends(bench: Bench): Promise<void> {
  const { lambent } = bench;
  let peer: JavaPeer | undefined;
  let missing: unknown = "--no-peers";
  if (bench.withPeers) {
    try {
      peer = await elasticmq();
    } catch (error) {
      missing = error;
    }
  }
  const ours: number[] = [];
  const ratios: number[] = [];
  // The first round warms both up.
  for (let round = 0; round <= bench.rounds; round += 1) {
    const name = `sends-${String(round)}`;
    const ms = round === 0 ? WARM_UP_MS : bench.milliseconds;
    const rate = await sendsPerSecond(bench, lambent.port, await createQueue(lambent, name), ms);
    if (round > 0) ours.push(rate);
    if (peer === undefined) continue;
    const base = `http://127.0.0.1:${String(peer.port)}`;
    await fetch(`${base}/?Action=CreateQueue&QueueName=${name}`);
    const theirs = await sendsPerSecond(bench, peer.port, `${base}/${ACCOUNT}/${name}`, ms);
    if (round > 0) ratios.push(rate / theirs);
  }
  const rate = median(ours);
  const bar = `>= ${String(SENDS_BAR)}/s`;
  bench.row(
    `SQS durable sends/s, ${String(IN_FLIGHT)} in flight`,
    `${rate.toFixed(0)}/s`,
    bar,
    rate >= SENDS_BAR,
  );
  const against = "SQS durable sends/s against ElasticMQ with persistence";
  if (peer === undefined) return bench.notMeasured(against, missing);
  await stop(peer.child);
  bench.row(against, `${median(ratios).toFixed(1)}x`, ">= 3x", median(ratios) >= 3);
}

/** A full queue, then the mapping: from its first message to its last. */
async function throughMapping(bench: Bench): Promise<void> {
  const { lambent } = bench;
  const FunctionName = "drain";
  await createFunction(lambent, FunctionName, NODE_ECHO, 1769);
  const QueueUrl = await createQueue(lambent, FunctionName);
  const Entries = Array.from({ length: 10 }, (_, index) => ({ Id: String(index), MessageBody: MESSAGE }));
  const fill = async (messages: number): Promise<void> => {
    for (let sent = 0; sent < messages; sent += 10 * IN_FLIGHT) {
      const batches = Math.min(IN_FLIGHT, (messages - sent) / 10);
      const some = Array.from({ length: batches }, () =>
        callJson(lambent, "sqs", "SendMessageBatch", { QueueUrl, Entries }),
      );
      await Promise.all(some);
    }
  };
  await fill(MESSAGES);
  const started = performance.now();
  let first: number | undefined;
  await createMapping(lambent, {
    FunctionName,
    EventSourceArn: `arn:aws:sqs:${REGION}:${ACCOUNT}:${FunctionName}`,
    BatchSize: 10,
    ScalingConfig: { MaximumConcurrency: 10 },
    MetricsConfig: { Metrics: ["EventCount"] },
  });
  let done = 0;
  let atFirst = 0;
  await until("all messages are done", async () => {
    done = await deleted(lambent, FunctionName);
    if (done > 0 && first === undefined) [first, atFirst] = [performance.now(), done];
    return done >= MESSAGES;
  });
  const rate = (MESSAGES - atFirst) / ((performance.now() - (first ?? started)) / 1000);
  bench.row(
    "messages/s through an SQS mapping, batch 10, 10 concurrent",
    `${rate.toFixed(0)}/s`,
    ">= 2000/s",
    rate >= 2000,
  );
}

/** Messages that the mapping of a function has deleted because they were done. */
async function deleted(lambent: Lambent, functionName: string): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${String(lambent.port)}/metrics`)).text();
  const line = new RegExp(
    `^lambent_event_source_events_total\\{name="DeletedEventCount".*function="${functionName}"\\} (\\d+)`,
    "m",
  );
  return Number(line.exec(text)?.[1] ?? 0);
}
