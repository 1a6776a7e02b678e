import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { test, type TestContext } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import type { AdjustableClock, Timer } from "../../kernel/clock.ts";
import { ServiceError } from "../../kernel/errors.ts";
import { silentLogger } from "../../kernel/log.ts";
import { systemRandom } from "../../kernel/random.ts";
import { Conflict, StorageUnavailable, type Database, type Row } from "../../ports/database.ts";
import { recursiveInvocation } from "../control/errors.ts";
import type { EventInvokeSettings } from "../control/types.ts";
import type { InvocationOutcome, InvokeRequest } from "../model/invocation.ts";
import { lineageOf, resourceOf } from "../model/lineage.ts";
import { Deliveries, type DeliveryNote } from "../observe/deliveries.ts";
import { createAsyncQueue, type AsyncQueue, type AsyncQueueLimits } from "./queue.ts";
import type { Delivery } from "./record.ts";
import { asyncMigrations } from "./store.ts";

const scope = { accountId: "000000000000", region: "us-east-1" };
const FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function";

/** Time that moves only by `advance`. */
function manualClock(): AdjustableClock {
  let now = 1_700_000_000_000;
  const start = now;
  const waiting = new Set<{ at: number; work: () => void }>();
  const timer = (ms: number, work: () => void): Timer => {
    const entry = { at: now + ms, work };
    waiting.add(entry);
    return { cancel: () => void waiting.delete(entry) };
  };
  return {
    now: () => now,
    monotonic: () => now - start,
    get offsetMs() {
      return now - start;
    },
    timer,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted === true) return reject(signal.reason as Error);
        const pending = timer(ms, resolve);
        signal?.addEventListener("abort", () => {
          pending.cancel();
          reject(signal.reason as Error);
        });
      }),
    advance(ms) {
      now += ms;
      for (const entry of [...waiting].toSorted((a, b) => a.at - b.at)) {
        if (entry.at <= now && waiting.delete(entry)) entry.work();
      }
    },
  };
}

/** The Database port over node:sqlite in memory, atomic and in order; durability is not its business. */
function memoryDatabase(): Database & { failing: boolean } {
  const sqlite = new DatabaseSync(":memory:");
  for (const sql of asyncMigrations.flatMap((migration) => migration.sql)) sqlite.exec(sql);
  return {
    dialect: "sqlite",
    failing: false,
    async read<R extends object = Row>(sql: string, params: readonly (string | number)[] = []) {
      return sqlite.prepare(sql).all(...params) as R[];
    },
    async commit(unit) {
      if (this.failing) throw new StorageUnavailable("disk full");
      sqlite.exec("BEGIN");
      try {
        const results: Row[][] = [];
        for (const [index, { sql, params, expect }] of unit.entries()) {
          const rows = sqlite.prepare(sql).all(...params) as Row[];
          const changed = Number(sqlite.prepare("SELECT changes() AS n").get()?.["n"]);
          if (expect !== undefined && changed !== expect) throw new Conflict(index, sql);
          results.push(rows);
        }
        sqlite.exec("COMMIT");
        return results;
      } catch (error) {
        sqlite.exec("ROLLBACK");
        throw error;
      }
    },
    async close() {
      sqlite.close();
    },
  };
}

type Answer = (request: InvokeRequest) => Promise<InvocationOutcome> | InvocationOutcome;

function outcome(request: InvokeRequest, kind: "success" | "function-error" = "success"): InvocationOutcome {
  const base = {
    requestId: request.requestId ?? "",
    executedVersion: "$LATEST",
    payload: Buffer.from(kind === "success" ? `{"ok":true}` : `{"errorMessage":"boom"}`),
    logTail: "",
    durationMs: 1,
    coldStart: false,
  };
  return kind === "success" ? { ...base, kind } : { ...base, kind, errorType: "Unhandled" };
}

interface Bench {
  readonly queue: AsyncQueue;
  readonly database: Database & { failing: boolean };
  readonly clock: AdjustableClock;
  readonly calls: InvokeRequest[];
  readonly delivered: { arn: string; delivery: Delivery; traceHeader: string | undefined }[];
  /** Lines of the followed log. */
  readonly told: DeliveryNote[];
  readonly settings: Map<string, Partial<EventInvokeSettings> | undefined>;
  send(functionName: string, payload?: string): Promise<string>;
  stop(): Promise<void>;
}

function bench(
  t: TestContext,
  answer: Answer,
  options: {
    database?: Database & { failing: boolean };
    clock?: AdjustableClock;
    node?: string;
    limits?: Partial<AsyncQueueLimits>;
    idle?: boolean;
  } = {},
): Bench {
  const database = options.database ?? memoryDatabase();
  const clock = options.clock ?? manualClock();
  const calls: InvokeRequest[] = [];
  const delivered: Bench["delivered"] = [];
  const told: DeliveryNote[] = [];
  const deliveries = new Deliveries();
  deliveries.subscribe((note) => told.push(note));
  const settings: Bench["settings"] = new Map();
  const queue = createAsyncQueue({
    database,
    invoker: {
      async invoke(request) {
        calls.push(request);
        return answer(request);
      },
    },
    settings: {
      async eventInvokeSettings(_scope, functionName) {
        if (settings.has(functionName) && settings.get(functionName) === undefined) return undefined;
        return {
          maximumRetryAttempts: 2,
          maximumEventAgeSeconds: 21_600,
          onSuccessArn: undefined,
          onFailureArn: undefined,
          deadLetterTargetArn: undefined,
          ...settings.get(functionName),
        };
      },
    },
    destinations: {
      async deliver(arn, delivery, { traceHeader }) {
        if (arn.endsWith(":broken")) throw new Error("no such queue");
        delivered.push({ arn, delivery, traceHeader });
      },
      async permit(arn) {
        if (arn.endsWith(":closed")) throw new ServiceError("AccessDeniedException", 403, "no");
      },
    },
    clock,
    random: systemRandom(),
    log: silentLogger,
    deliveries,
    node: options.node ?? "n1",
    // Tests accept many events in one turn, which real callers cannot.
    limits: { acceptingMany: Infinity, ...options.limits },
  });
  const stop = new AbortController();
  const running = options.idle === true ? Promise.resolve() : queue.run(stop.signal);
  const end = async (): Promise<void> => {
    stop.abort(new Error("stopped"));
    await running;
  };
  t.after(end);
  return {
    queue,
    database,
    clock,
    calls,
    delivered,
    told,
    settings,
    send: (functionName, payload = "{}") =>
      queue.enqueue({ scope, functionName, qualifier: undefined, payload: Buffer.from(payload) }),
    stop: end,
  };
}

/** Lets everything that is ready happen; fails when the condition does not come true. */
async function until(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  for (let turns = 0; turns < 2_000; turns += 1) {
    if (await condition()) return;
    await turn();
  }
  assert.fail(`never happened: ${what}`);
}

async function quiet(): Promise<void> {
  for (let turns = 0; turns < 50; turns += 1) await turn();
}

const empty = (b: Bench) => async (): Promise<boolean> => (await b.queue.gauges()).length === 0;

/** A promise opened by hand. */
function gate(): { wait: Promise<void>; open: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { wait: promise, open: resolve };
}

test("an event runs with its payload and id, and is then gone", async (t) => {
  const b = bench(t, outcome);
  await quiet();
  const id = await b.send("f", `{"n":7}`);
  await until(empty(b), "the queue is empty");
  assert.equal(b.calls.length, 1);
  assert.equal(b.calls[0]?.requestId, id);
  assert.equal(Buffer.from(b.calls[0]?.payload ?? []).toString(), `{"n":7}`);
});

test("events accepted before the dispatcher runs are not lost", async (t) => {
  const first = bench(t, outcome, { idle: true });
  await first.send("f");
  const second = bench(t, outcome, { database: first.database, clock: first.clock, node: "n2" });
  await until(empty(second), "the queue is empty");
  assert.equal(second.calls.length, 1);
});

test("a failing function runs three times, a minute and two minutes apart, under one id", async (t) => {
  const b = bench(t, (request) => outcome(request, "function-error"));
  await quiet();
  const id = await b.send("f");
  await until(() => b.calls.length === 1, "first attempt");
  await quiet();
  b.clock.advance(59_000);
  await quiet();
  assert.equal(b.calls.length, 1);
  b.clock.advance(1_000);
  await until(() => b.calls.length === 2, "second attempt");
  await quiet();
  b.clock.advance(60_000);
  await quiet();
  assert.equal(b.calls.length, 2);
  b.clock.advance(60_000);
  await until(() => b.calls.length === 3, "third attempt");
  await until(empty(b), "given up");
  b.clock.advance(600_000);
  await quiet();
  assert.deepEqual(
    b.calls.map((call) => call.requestId),
    [id, id, id],
  );
});

test("an event whose attempt meets a bug is run again, later each time", async (t) => {
  const b = bench(t, (request) => {
    const answer = outcome(request);
    if (b.calls.length > 2) return answer;
    return Object.defineProperty({ ...answer }, "executedVersion", {
      get: () => {
        throw new TypeError("a bug of ours");
      },
    });
  });
  b.settings.set("f", { onSuccessArn: "arn:aws:sqs:us-east-1:000000000000:done" });
  await quiet();
  await b.send("f");
  await until(() => b.calls.length === 1, "the first attempt");
  await quiet();
  b.clock.advance(1_000);
  await until(() => b.calls.length === 2, "the second attempt");
  await quiet();
  b.clock.advance(1_999);
  await quiet();
  assert.equal(b.calls.length, 2);
  b.clock.advance(1);
  await until(empty(b), "the event ended");
  assert.equal(b.calls.length, 3);
  assert.equal(b.delivered.length, 1);
});

test("an event accepted while the last one of its function ends has its retry in time", async (t) => {
  const first = gate();
  const stored = gate();
  const database = memoryDatabase();
  const commit = database.commit.bind(database);
  let hold = false;
  database.commit = async (unit, options) => {
    const rows = await commit(unit, options);
    if (hold && unit.some(({ sql }) => sql.startsWith("INSERT INTO async_event"))) await stored.wait;
    return rows;
  };
  const b = bench(
    t,
    async (request) => {
      if (b.calls.length === 1) await first.wait;
      if (b.calls.length === 2) throw new ServiceError("TooManyRequestsException", 429, "Rate Exceeded.");
      return outcome(request);
    },
    { database },
  );
  await quiet();
  await b.send("f");
  await until(() => b.calls.length === 1, "the first event runs");
  hold = true;
  const second = b.send("f");
  first.open();
  await quiet();
  stored.open();
  await second;
  await until(() => b.calls.length === 2, "the second event meets a throttle");
  await quiet();
  // Long before the slow poll, which would find it, too.
  b.clock.advance(1_000);
  await until(() => b.calls.length === 3, "its retry, a second later");
});

test("throttles back off without spending attempts, then the event runs", async (t) => {
  let throttles = 5;
  const b = bench(t, (request) => {
    if (throttles-- > 0) throw new ServiceError("TooManyRequestsException", 429, "Rate Exceeded.");
    return outcome(request);
  });
  await quiet();
  await b.send("f");
  for (const [index, seconds] of [1, 2, 4, 8, 16].entries()) {
    await until(() => b.calls.length === index + 1, `attempt ${index + 1}`);
    await quiet();
    b.clock.advance(seconds * 1_000 - 1);
    await quiet();
    assert.equal(b.calls.length, index + 1, "not before its time");
    b.clock.advance(1);
  }
  await until(empty(b), "the queue is empty");
  assert.equal(b.calls.length, 6);
});

test("an event throttled past its age goes to OnFailure without a response", async (t) => {
  const b = bench(t, () => {
    throw new ServiceError("TooManyRequestsException", 429, "Rate Exceeded.");
  });
  b.settings.set("f", { maximumEventAgeSeconds: 60, onFailureArn: "arn:aws:sqs:us-east-1:000000000000:q" });
  await quiet();
  await b.send("f", `{"n":1}`);
  for (let step = 0; step < 61; step += 1) {
    await quiet();
    b.clock.advance(1_000);
  }
  await until(empty(b), "given up");
  const [sent] = b.delivered;
  assert.ok(sent?.delivery.kind === "destination");
  const record = JSON.parse(sent.delivery.record) as Record<string, Record<string, unknown>>;
  assert.equal(record["requestContext"]?.["condition"], "EventAgeExceeded");
  assert.equal(record["requestContext"]?.["approximateInvokeCount"], 0);
  assert.equal("responseContext" in record, false);
});

test("OnFailure and the dead-letter queue both hear of the end", async (t) => {
  const b = bench(t, (request) => outcome(request, "function-error"));
  const onFailureArn = "arn:aws:sqs:us-east-1:000000000000:failed";
  const deadLetterTargetArn = "arn:aws:sqs:us-east-1:000000000000:dead";
  b.settings.set("f", { maximumRetryAttempts: 0, onFailureArn, deadLetterTargetArn });
  await quiet();
  const id = await b.send("f", `{"n":1}`);
  await until(empty(b), "given up");
  assert.deepEqual(
    b.delivered.map((item) => item.arn),
    [onFailureArn, deadLetterTargetArn],
  );
  const dead = b.delivered[1]?.delivery;
  assert.ok(dead?.kind === "dead-letter");
  assert.deepEqual(dead.attributes, { RequestID: id, ErrorCode: 200, ErrorMessage: "boom" });
  assert.equal(Buffer.from(dead.payload).toString(), `{"n":1}`);
});

test("a delivery that fails does not keep the event", async (t) => {
  const b = bench(t, outcome);
  b.settings.set("f", { onSuccessArn: "arn:aws:sqs:us-east-1:000000000000:broken" });
  await quiet();
  await b.send("f");
  await until(empty(b), "the queue is empty");
  assert.equal(b.calls.length, 1);
});

test("functions as destinations form a chain, each with an id of its own", async (t) => {
  const b = bench(t, (request) =>
    outcome(request, request.functionName === "b" ? "function-error" : "success"),
  );
  b.settings.set("a", { onSuccessArn: `${FUNCTION}:b:live` });
  b.settings.set("b", { maximumRetryAttempts: 0, onFailureArn: `${FUNCTION}:c` });
  await quiet();
  const id = await b.send("a", `{"n":1}`);
  await until(empty(b), "the chain is done");
  assert.deepEqual(
    b.calls.map((call) => [call.functionName, call.qualifier]),
    [
      ["a", undefined],
      ["b", "live"],
      ["c", undefined],
    ],
  );
  assert.equal(new Set(b.calls.map((call) => call.requestId)).size, 3);
  const inC = JSON.parse(Buffer.from(b.calls[2]?.payload ?? []).toString()) as {
    requestContext: Record<string, unknown>;
    requestPayload: { requestContext: Record<string, unknown> };
  };
  assert.equal(inC.requestContext["condition"], "RetriesExhausted");
  assert.equal(inC.requestContext["functionArn"], `${FUNCTION}:b:live`);
  assert.equal(inC.requestPayload.requestContext["requestId"], id);
});

test("the end of an event hands its chain on, one invocation further", async (t) => {
  const b = bench(t, (request) => outcome(request));
  b.settings.set("a", { onSuccessArn: "arn:aws:sns:us-east-1:000000000000:t" });
  b.settings.set("b", { onSuccessArn: `${FUNCTION}:c` });
  const root = "Root=1-5759e988-bd862e3fe1be46a994272793";
  const [resource, a] = [resourceOf(`${FUNCTION}:b`), resourceOf(`${FUNCTION}:a`)];
  await b.send("a");
  const traceHeader = `${root};Lineage=4:${resource}:3`;
  await b.queue.enqueue({
    scope,
    functionName: "b",
    qualifier: "live",
    payload: Buffer.from("{}"),
    traceHeader,
  });
  await until(empty(b), "both are done");
  assert.deepEqual(lineageOf(b.delivered[0]?.traceHeader), { hops: 1, resource: a, loops: 0 });
  assert.match(b.delivered[0]?.traceHeader ?? "", /^Root=1-/);
  const follower = b.calls.find((call) => call.functionName === "c");
  assert.equal(follower?.traceHeader, `${root};Lineage=5:${resource}:4`);
});

test("an event of a loop is not tried again: it goes where failures go, and the followed log says why", async (t) => {
  const b = bench(t, () => Promise.reject(recursiveInvocation("a")));
  const queue = "arn:aws:sqs:us-east-1:000000000000:dead";
  b.settings.set("a", { deadLetterTargetArn: queue, onFailureArn: `${queue}-record` });
  const id = await b.send("a");
  await until(empty(b), "it is given up");
  assert.equal(b.calls.length, 1);
  assert.deepEqual(
    b.delivered.map(({ arn, delivery }) => [arn, delivery.kind]),
    [
      [`${queue}-record`, "destination"],
      [queue, "dead-letter"],
    ],
  );
  const given = b.told.find(
    ({ text }) => text === `event ${id} → a FAILED RecursiveInvocationException; given up`,
  );
  assert.match(given?.next ?? "", /put-function-recursion-config --function-name a --recursive-loop Allow$/);
});

test("a function that the role may not invoke gets nothing, and the event ends", async (t) => {
  const b = bench(t, outcome);
  b.settings.set("a", { onSuccessArn: `${FUNCTION}:closed` });
  await quiet();
  await b.send("a");
  await until(empty(b), "the queue is empty");
  assert.deepEqual(
    b.calls.map((call) => call.functionName),
    ["a"],
  );
});

test("events of a deleted function are dropped", async (t) => {
  const b = bench(t, () => {
    throw new ServiceError("ResourceNotFoundException", 404, "Function not found");
  });
  b.settings.set("gone", undefined);
  await quiet();
  await b.send("gone");
  await until(empty(b), "dropped");
  assert.equal(b.calls.length, 1);
});

test("a function that hangs does not hold up another", async (t) => {
  const hold = gate();
  const b = bench(t, async (request) => {
    if (request.functionName === "slow") await hold.wait;
    return outcome(request);
  });
  await quiet();
  await Promise.all(Array.from({ length: 100 }, () => b.send("slow")));
  await b.send("quick");
  await until(() => b.calls.some((call) => call.functionName === "quick"), "the quick one ran");
  assert.equal(b.calls.filter((call) => call.functionName === "slow").length, 8, "a window to start with");
  for (let step = 0; step < 6; step += 1) {
    b.clock.advance(50);
    await quiet();
  }
  assert.equal(b.calls.filter((call) => call.functionName === "slow").length, 100, "it fans out");
  hold.open();
  await until(empty(b), "the queue is empty");
});

test("while many events are being accepted a function runs one at a time; all of them run after", async (t) => {
  const hold = gate();
  const slow = bench(
    t,
    async (request) => {
      await hold.wait;
      return outcome(request);
    },
    { limits: { acceptingMany: 16 } },
  );
  await quiet();
  await Promise.all(Array.from({ length: 40 }, () => slow.send("f")));
  await quiet();
  assert.equal(slow.calls.length, 1, "one while the storm lasts");
  slow.clock.advance(60);
  await until(() => slow.calls.length >= 8, "the window opens again");
  hold.open();
  await until(empty(slow), "the queue is empty");
  assert.equal(slow.calls.length, 40);
});

test("what memory may not hold waits in the table, and runs", async (t) => {
  const hold = gate();
  const b = bench(
    t,
    async (request) => {
      await hold.wait;
      return outcome(request);
    },
    { limits: { memoryEvents: 10, runningPerFunction: 8 } },
  );
  await quiet();
  await Promise.all(Array.from({ length: 300 }, (_, n) => b.send("f", String(n))));
  assert.equal((await b.queue.gauges())[0]?.depth, 300);
  b.clock.advance(5_000);
  assert.equal((await b.queue.gauges())[0]?.oldestAgeMs, 5_000);
  hold.open();
  await until(empty(b), "the queue is empty");
  assert.equal(new Set(b.calls.map((call) => Buffer.from(call.payload).toString())).size, 300);
  assert.equal(b.calls.length, 300, "each ran once");
});

test("no other node runs an event whose lease is alive; once it is over, the event moves", async (t) => {
  const hold = gate();
  const first = bench(t, async (request) => {
    await hold.wait;
    return outcome(request);
  });
  await quiet();
  await first.send("f");
  await until(() => first.calls.length === 1, "running on the first node");
  // The second node's time runs, the first one's stands still: a node that hangs.
  const second = bench(t, outcome, { database: first.database, node: "n2" });
  second.clock.advance(30_000);
  await quiet();
  assert.equal(second.calls.length, 0);
  second.clock.advance(31_000);
  await quiet();
  second.clock.advance(31_000);
  await until(() => second.calls.length === 1, "taken over");
  await until(empty(second), "done by the second node");
  hold.open();
  await quiet();
  assert.equal(first.calls.length, 1);
});

test("a heartbeat keeps a long invocation's lease", async (t) => {
  const hold = gate();
  const clock = manualClock();
  const first = bench(
    t,
    async (request) => {
      await hold.wait;
      return outcome(request);
    },
    { clock },
  );
  await quiet();
  await first.send("f");
  const second = bench(t, outcome, { database: first.database, clock, node: "n2" });
  for (let step = 0; step < 40; step += 1) {
    clock.advance(10_000);
    await quiet();
  }
  assert.equal(second.calls.length, 0);
  hold.open();
  await until(empty(first), "done by the first node");
});

test("an earlier life of the same node gives its events up at once", async (t) => {
  const never = gate();
  const clock = manualClock();
  const first = bench(
    t,
    async (request) => {
      await never.wait;
      return outcome(request);
    },
    { clock },
  );
  await quiet();
  await first.send("f");
  await until(() => first.calls.length === 1, "running before the crash");
  const second = bench(t, outcome, { database: first.database, clock });
  await until(() => second.calls.length === 1, "redelivered without a wait");
  assert.equal(second.calls[0]?.requestId, first.calls[0]?.requestId);
  never.open();
});

test("a full disk refuses new events and keeps those it has", async (t) => {
  const hold = gate();
  const b = bench(t, async (request) => {
    await hold.wait;
    return outcome(request);
  });
  await quiet();
  await b.send("f");
  b.database.failing = true;
  await assert.rejects(b.send("f"), { code: "ServiceException", status: 500 });
  hold.open();
  await quiet();
  assert.equal((await b.queue.gauges())[0]?.depth, 1);
  b.database.failing = false;
  b.clock.advance(1_000);
  await until(empty(b), "removed once the disk has room");
  assert.equal(b.calls.length, 1);
});

test("stopping gives back what did not run", async (t) => {
  const hold = gate();
  const b = bench(t, async (request) => {
    await hold.wait;
    return outcome(request);
  });
  await quiet();
  await Promise.all(Array.from({ length: 20 }, () => b.send("f")));
  assert.equal(b.calls.length, 8);
  const stopped = b.stop();
  hold.open();
  await stopped;
  assert.equal(b.calls.length, 8);
  const next = bench(t, outcome, { database: b.database, clock: b.clock, node: "n3" });
  await until(empty(next), "the rest ran elsewhere");
  assert.equal(next.calls.length, 12);
});

test("an invocation cut off by the stop is repeated after the next start, and nothing is spent", async (t) => {
  const hold = gate();
  const b = bench(t, async (request) => {
    await hold.wait;
    return outcome(request, "function-error");
  });
  b.settings.set("f", { maximumRetryAttempts: 0, onFailureArn: "arn:aws:sqs:us-east-1:000000000000:q" });
  await quiet();
  const id = await b.send("f");
  const stopped = b.stop();
  hold.open();
  await stopped;
  assert.deepEqual(b.delivered, []);
  const next = bench(t, outcome, { database: b.database, clock: b.clock });
  await until(empty(next), "it ran after the start");
  assert.deepEqual(
    next.calls.map((call) => call.requestId),
    [id],
  );
});

test("a purge forgets what waits", async (t) => {
  const b = bench(t, (request) => outcome(request, "function-error"));
  await quiet();
  await b.send("f");
  await until(() => b.calls.length === 1, "first attempt");
  await quiet();
  await b.queue.purge();
  b.clock.advance(600_000);
  await quiet();
  assert.equal(b.calls.length, 1);
  assert.deepEqual(await b.queue.gauges(), []);
});

test("an idle queue leaves no timer but its slow poll", async (t) => {
  const clock = manualClock();
  let timers = 0;
  const counting: AdjustableClock = {
    ...clock,
    offsetMs: 0,
    timer: (ms, work) => {
      timers += 1;
      return clock.timer(ms, work);
    },
  };
  const b = bench(t, outcome, { clock: counting });
  await quiet();
  await b.send("f");
  await until(empty(b), "the queue is empty");
  clock.advance(60_000);
  await quiet();
  timers = 0;
  for (let step = 0; step < 100; step += 1) {
    clock.advance(1_000);
    await quiet();
  }
  assert.equal(timers, 0);
});
