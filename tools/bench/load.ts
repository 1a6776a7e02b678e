/**
 * A load generator of its own process: raw sockets, keep-alive, one request under way per connection.
 * Reads one JSON line of LoadPlan on stdin, prints one JSON line of LoadResult.
 */
import { connect, type Socket } from "node:net";
import process from "node:process";

export interface LoadPlan {
  readonly port: number;
  /** Whole HTTP/1.1 requests, base64; connections take them in turn. */
  readonly requests: readonly string[];
  readonly connections: number;
  readonly milliseconds: number;
  /** Stop after so many answers in all, if given: for bursts where every connection asks once. */
  readonly total?: number;
  /** Open loop: requests per second in all, whatever comes back. */
  readonly ratePerSecond?: number;
}

export interface LoadResult {
  readonly answers: number;
  readonly perSecond: number;
  readonly p50Us: number;
  readonly p99Us: number;
  /** Answers by status; "function-error" counts 200s that carry X-Amz-Function-Error. */
  readonly statuses: Readonly<Record<string, number>>;
  readonly unanswered: number;
  readonly seconds: number;
}

const plan = JSON.parse(await readLine()) as LoadPlan;
const requests = plan.requests.map((text) => Buffer.from(text, "base64"));
const latencies: number[] = [];
const statuses: Record<string, number> = {};
let sent = 0;
let answered = 0;
let next = 0;
let over = false;

async function readLine(): Promise<string> {
  let text = "";
  for await (const chunk of process.stdin) {
    text += String(chunk);
    if (text.includes("\n")) break;
  }
  return text;
}

interface Lane {
  readonly socket: Socket;
  startedAt: number;
}

const CRLF2 = Buffer.from("\r\n\r\n");

function openLane(onIdle: (lane: Lane) => void): Promise<Lane> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port: plan.port, host: "127.0.0.1", noDelay: true });
    const lane: Lane = { socket, startedAt: 0 };
    let buffer: Buffer = Buffer.alloc(0);
    socket.on("data", (chunk: Buffer) => {
      buffer = buffer.length === 0 ? chunk : Buffer.concat([buffer, chunk]);
      for (;;) {
        const end = buffer.indexOf(CRLF2);
        if (end < 0) return;
        const head = buffer.toString("latin1", 0, end);
        const whole = bodyEnd(head, buffer, end + 4);
        if (whole < 0) return;
        buffer = buffer.subarray(whole);
        answered += 1;
        latencies.push(performance.now() - lane.startedAt);
        const functionError = /^x-amz-function-error:/im.test(head);
        const status = functionError ? "function-error" : head.slice(9, 12);
        statuses[status] = (statuses[status] ?? 0) + 1;
        onIdle(lane);
      }
    });
    socket.once("connect", () => resolve(lane));
    socket.on("error", reject);
  });
}

/** Index after the body, or -1 while it is not whole. */
function bodyEnd(head: string, buffer: Buffer, from: number): number {
  const length = /^content-length: *(\d+)/im.exec(head)?.[1];
  if (length !== undefined) {
    const end = from + Number(length);
    return buffer.length >= end ? end : -1;
  }
  if (/^transfer-encoding: *chunked/im.test(head)) {
    const end = buffer.indexOf("0\r\n\r\n", from);
    return end < 0 ? -1 : end + 5;
  }
  return from;
}

function fire(lane: Lane): void {
  const request = requests[next % requests.length];
  next += 1;
  sent += 1;
  lane.startedAt = performance.now();
  if (request !== undefined) lane.socket.write(request);
}

const limit = plan.total ?? Number.POSITIVE_INFINITY;
let finish: () => void = () => undefined;
const finished = new Promise<void>((resolve) => (finish = resolve));

const closedLoop = plan.ratePerSecond === undefined;
const lanes: Lane[] = [];
/** Of an open loop: connections without a request under way. */
const idle: Lane[] = [];
for (let i = 0; i < plan.connections; i += 1) {
  lanes.push(
    await openLane((lane) => {
      if (answered >= limit) finish();
      else if (!closedLoop) idle.push(lane);
      else if (!over && sent < limit) fire(lane);
    }),
  );
}

const started = performance.now();
if (closedLoop) {
  for (const lane of lanes) if (sent < limit) fire(lane);
} else {
  const rate = plan.ratePerSecond ?? 0;
  idle.push(...lanes);
  setInterval(() => {
    const due = Math.floor(((performance.now() - started) / 1000) * rate);
    while (next < due) {
      const lane = idle.pop();
      if (lane === undefined) {
        // Every connection waits: the request is counted as sent and never answered.
        next += 1;
        sent += 1;
      } else fire(lane);
    }
  }, 1);
}
setTimeout(finish, plan.milliseconds);
await finished;
over = true;
const seconds = (performance.now() - started) / 1000;
latencies.sort((a, b) => a - b);
const at = (share: number): number =>
  Math.round((latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))] ?? 0) * 1000);
const result: LoadResult = {
  answers: answered,
  perSecond: Math.round(answered / seconds),
  p50Us: at(0.5),
  p99Us: at(0.99),
  statuses,
  unanswered: sent - answered,
  seconds,
};
process.stdout.write(`${JSON.stringify(result)}\n`);
process.exit(0);
