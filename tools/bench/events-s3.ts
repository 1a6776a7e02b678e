import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import type { Bench } from "./bench.ts";
import { openConnection, type Connection } from "./connection.ts";
import { callS3, s3Request } from "./events-client.ts";
import { freePort, load, median, start, stop, until } from "./processes.ts";

const IN_FLIGHT = 16;
const SMALL = "s".repeat(1024);
const LARGE_BYTES = 64 * 1024 * 1024;
const OBJECTS = 256;
const BUCKET = "bench-objects";

export async function objects(bench: Bench): Promise<void> {
  await callS3(bench.lambent, "PUT", `/${BUCKET}`);
  await small(bench);
  await large(bench);
}

async function small(bench: Bench): Promise<void> {
  const { lambent } = bench;
  for (const [method, bar] of [
    ["PUT", 1500],
    ["GET", 3000],
  ] as const) {
    const requests = Array.from({ length: OBJECTS }, (_, index) => {
      const path = `/${BUCKET}/small/${String(index)}`;
      return s3Request(lambent, method, path, method === "PUT" ? SMALL : "").toString("base64");
    });
    const rates: number[] = [];
    // The first round warms up, and puts what the GETs get.
    for (let round = 0; round <= bench.rounds; round += 1) {
      const { port } = lambent;
      const milliseconds = Math.max(bench.milliseconds, 1000);
      const result = await load({ port, requests, connections: IN_FLIGHT, milliseconds });
      if (result.statuses["200"] !== result.answers) throw new Error(JSON.stringify(result.statuses));
      if (round > 0) rates.push(result.perSecond);
    }
    const rate = median(rates);
    const what = `S3 ${method}/s of 1 KiB, ${String(IN_FLIGHT)} in flight`;
    bench.row(what, `${rate.toFixed(0)}/s`, `>= ${String(bar)}/s`, rate >= bar);
  }
}

/** Beside a node:http server that streams a file out, or into a file that it syncs. One connection. */
async function large(bench: Bench): Promise<void> {
  const { lambent } = bench;
  const port = await freePort();
  const child = start(process.execPath, [
    new URL("file-server.ts", import.meta.url).pathname,
    String(port),
    mkdtempSync(join(tmpdir(), "peer-files-")),
  ]);
  const body = "b".repeat(LARGE_BYTES);
  const head = `host: 127.0.0.1:${String(port)}\r\n`;
  const plain = {
    PUT: Buffer.from(`PUT / HTTP/1.1\r\n${head}content-length: ${String(LARGE_BYTES)}\r\n\r\n${body}`),
    GET: Buffer.from(`GET / HTTP/1.1\r\n${head}\r\n`),
  };
  const ours = {
    PUT: s3Request(lambent, "PUT", `/${BUCKET}/large`, body),
    GET: s3Request(lambent, "GET", `/${BUCKET}/large`),
  };
  await until(
    "the file server",
    async () => (await fetch(`http://127.0.0.1:${String(port)}/`, { method: "PUT", body: "x" })).ok,
  );
  const [toLambent, toFiles] = [await openConnection(lambent.port), await openConnection(port)];
  const shares = { PUT: [] as number[], GET: [] as number[] };
  const rates = { PUT: [] as number[], GET: [] as number[] };
  for (let round = 0; round <= bench.rounds; round += 1) {
    for (const method of ["PUT", "GET"] as const) {
      const plainMs = await transferMs(toFiles, plain[method], method);
      const ms = await transferMs(toLambent, ours[method], method);
      if (round === 0) continue;
      shares[method].push(plainMs / ms);
      rates[method].push(LARGE_BYTES / 1e6 / (ms / 1000));
    }
  }
  for (const method of ["PUT", "GET"] as const) {
    const share = median(shares[method]);
    const what = `S3 ${method} of 64 MiB, share of a plain file over node:http`;
    const value = `${share.toFixed(2)} (${median(rates[method]).toFixed(0)} MB/s)`;
    // What is stored is hashed three times (signature, ETag, checksum), what the plain server stores is not.
    if (method === "PUT") bench.row(what, value, "none", true);
    else bench.row(what, value, ">= 0.5", share >= 0.5);
  }
  toLambent.close();
  toFiles.close();
  await stop(child);
}

async function transferMs(connection: Connection, request: Buffer, method: string): Promise<number> {
  const started = process.hrtime.bigint();
  const { status, bodyBytes, answeredNs } = await connection.ask(request);
  if (status !== 200 || (method === "GET" && bodyBytes !== LARGE_BYTES)) {
    throw new Error(`${method} was answered with ${String(status)} and ${String(bodyBytes)} bytes`);
  }
  return Number(answeredNs - started) / 1e6;
}
