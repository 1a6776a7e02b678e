/** A shard in virtual time: what is read, kept, closed and given up, and when. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createWakeup } from "../../../adapters/embedded/wakeup.ts";
import { ServiceError } from "../../../kernel/errors.ts";
import { fakeClock, type FakeClock } from "../../../testing/fake-clock.ts";
import type { InvocationOutcome } from "../../model/invocation.ts";
import type { EventSourceMapping, MappingSettings, StreamSettings } from "../model.ts";
import { checkpointOf, processShard, type Checkpoint } from "./shard.ts";
import type { StreamRecord } from "./source.ts";

const STREAM = "arn:aws:dynamodb:us-east-1:000000000000:table/t/stream/s";
const DAY_MS = 86_400_000;

interface Event {
  readonly Records: readonly { readonly n: number }[];
  readonly state?: { readonly sum?: number };
  readonly isFinalInvokeForWindow?: boolean;
}

interface World {
  readonly clock: FakeClock;
  readonly stored: StreamRecord[];
  readonly events: Event[];
  readonly givenUp: string[];
  readonly checkpoint: { current: Checkpoint | undefined };
  /** Of GetRecords. */
  reads: number;
  /** Timers set so far. */
  timers: number;
  answer: (event: Event) => Promise<unknown>;
  put(n: number, padding?: string): void;
  /** Reads the shard from its checkpoint on; the function ends it. */
  run(): () => Promise<void>;
}

function world(settings: Partial<MappingSettings>, stream: Partial<StreamSettings> = {}): World {
  const clock = fakeClock(Date.UTC(2026, 0, 1));
  const wakeup = createWakeup(clock);
  const mapping = {
    sourceArn: STREAM,
    settings: {
      batchSize: 100,
      batchingWindowSeconds: 0,
      filters: [],
      reportBatchItemFailures: false,
      countEvents: false,
      ...settings,
      stream: {
        startingPosition: "TRIM_HORIZON",
        parallelizationFactor: 1,
        bisectBatchOnFunctionError: false,
        maximumRetryAttempts: -1,
        maximumRecordAgeSeconds: -1,
        tumblingWindowSeconds: 0,
        ...stream,
      },
    },
  } as unknown as EventSourceMapping;
  const made: World = {
    clock,
    stored: [],
    events: [],
    givenUp: [],
    checkpoint: { current: undefined },
    reads: 0,
    timers: 0,
    answer: () => Promise.resolve(null),
    put(n, padding = "") {
      made.stored.push({
        sequenceNumber: String(made.stored.length + 1).padStart(6, "0"),
        arrivedAtMs: clock.now(),
        partitionKey: String(n),
        event: { n, padding },
      });
      wakeup.notify(STREAM);
    },
    run() {
      const stop = new AbortController();
      const running = processShard(
        {
          mapping,
          shardId: "shard",
          wakeup,
          signal: stop.signal,
          clock: {
            ...clock,
            timer(ms, work) {
              made.timers += 1;
              return clock.timer(ms, work);
            },
          },
          source: {
            batchInfoName: "DDBStreamBatchInfo",
            retentionMs: DAY_MS,
            shards: () => Promise.resolve([]),
            iterator: (_shard, position) =>
              Promise.resolve(
                String(
                  position.kind === "AFTER"
                    ? made.stored.findIndex((one) => one.sequenceNumber === position.sequenceNumber) + 1
                    : 0,
                ),
              ),
            async read(iterator) {
              await clock.sleep(1);
              made.reads += 1;
              // A page, as of one megabyte.
              const records = made.stored.slice(Number(iterator), Number(iterator) + 3);
              return { records, next: String(Number(iterator) + records.length) };
            },
          },
          wants: () => true,
          attempted: () => undefined,
          counted: () => undefined,
          async save(checkpoint) {
            made.checkpoint.current = checkpoint;
          },
          async invoke(payload) {
            const event = JSON.parse(Buffer.from(payload).toString("utf8")) as Event;
            made.events.push(event);
            const answer = await made.answer(event);
            const isError = answer === "error";
            return {
              kind: isError ? "function-error" : "success",
              payload: Buffer.from(JSON.stringify(answer)),
            } as unknown as InvocationOutcome;
          },
          async givenUp(records, condition) {
            made.givenUp.push(...records.map((one) => `${one.sequenceNumber} ${condition}`));
          },
        },
        made.checkpoint.current,
      );
      return async () => {
        stop.abort();
        await Promise.race([running, clock.advanceAsync(1_000)]);
        await running;
      };
    },
  };
  return made;
}

const numbers = (event: Event | undefined): readonly number[] =>
  event?.Records.map((record) => record.n) ?? [];
const sum = async ({ state, Records }: Event): Promise<unknown> => ({
  state: { sum: (state?.sum ?? 0) + Records.reduce((all, { n }) => all + n, 0) },
});

test("a window goes on after a restart with what came meanwhile, also when its time is over", async () => {
  const one = world({}, { tumblingWindowSeconds: 60 });
  one.answer = sum;
  const stop = one.run();
  one.put(1);
  await one.clock.advanceAsync(1_000);
  await stop();
  for (const n of [2, 3, 4, 5]) one.put(n);
  await one.clock.advanceAsync(90_000);
  const stopAgain = one.run();
  await one.clock.advanceAsync(5_000);
  await stopAgain();
  const finals = one.events.filter((event) => event.isFinalInvokeForWindow === true);
  assert.deepEqual(
    finals.map((event) => event.state),
    [{ sum: 15 }],
  );
});

test("a window ends in time, though nobody says that there is something new", async () => {
  const one = world({}, { tumblingWindowSeconds: 2 });
  one.answer = sum;
  const stop = one.run();
  one.put(1);
  await one.clock.advanceAsync(2_500);
  assert.equal(one.events.at(-1)?.isFinalInvokeForWindow, true);
  await stop();
});

test("a batching window within a tumbling one ends with it, and waits without spinning", async () => {
  const one = world({ batchingWindowSeconds: 300 }, { tumblingWindowSeconds: 60 });
  one.answer = sum;
  const stop = one.run();
  one.put(1);
  await one.clock.advanceAsync(59_000);
  assert.deepEqual(one.events, []);
  await one.clock.advanceAsync(2_000);
  assert.deepEqual(one.events.map(numbers), [[1], []]);
  one.put(2);
  await one.clock.advanceAsync(120_000);
  assert.deepEqual(one.events.map(numbers), [[1], [], [2], []]);
  assert.ok(one.timers < 200, `${String(one.timers)} timers`);
  await stop();
});

test("a shard that is stuck reads ahead by bytes as well as by records", async () => {
  const one = world({ batchSize: 10_000 });
  one.answer = () => Promise.reject(new ServiceError("TooManyRequestsException", 429, "slow"));
  const padding = "x".repeat(600_000);
  for (let n = 0; n < 90; n += 1) one.put(n, padding);
  const stop = one.run();
  await one.clock.advanceAsync(10_000);
  // One page is being tried, twice an event's bytes wait.
  assert.ok(one.reads > 6 && one.reads < 12, `${String(one.reads)} pages of two megabytes`);
  await stop();
});

test("an event with a state stays within what a function takes", async () => {
  const one = world({ batchingWindowSeconds: 2 }, { tumblingWindowSeconds: 60 });
  let largest = 0;
  one.answer = async (event) => {
    largest = Math.max(largest, Buffer.byteLength(JSON.stringify(event)));
    return { state: { text: "s".repeat(1_000_000) } };
  };
  const stop = one.run();
  one.put(0);
  await one.clock.advanceAsync(3_000);
  const padding = "x".repeat(400_000);
  for (let n = 1; n <= 40; n += 1) one.put(n, padding);
  await one.clock.advanceAsync(5_000);
  assert.ok(largest > 5_000_000 && largest <= 6_291_456, String(largest));
  await stop();
});

test("what always fails is tried for as long as its stream keeps it", async () => {
  const one = world({});
  one.answer = async (event) => (numbers(event).includes(1) ? "error" : null);
  const stop = one.run();
  one.put(1);
  await one.clock.advanceAsync(DAY_MS - 120_000);
  one.put(2);
  assert.deepEqual(one.givenUp, []);
  await one.clock.advanceAsync(240_000);
  assert.deepEqual(one.givenUp, ["000001 RecordAgeExceeded"]);
  assert.deepEqual(numbers(one.events.at(-1)), [2]);
  await stop();
});

test("a function that ends because the server does has used up no attempt", async () => {
  const one = world({}, { maximumRetryAttempts: 0 });
  const ending = Promise.withResolvers<unknown>();
  one.answer = () => ending.promise;
  const stop = one.run();
  one.put(1);
  await one.clock.advanceAsync(100);
  const stopped = stop();
  ending.resolve("error");
  await stopped;
  assert.deepEqual([one.givenUp, one.checkpoint.current], [[], undefined]);
});

test("a child goes on where its parent ended, not at the latest record", () => {
  const child = { id: "child", parentId: "parent" };
  const stored = (...entries: readonly [string, Checkpoint][]): ReadonlyMap<string, string> =>
    new Map(entries.map(([id, checkpoint]) => [id, JSON.stringify(checkpoint)]));
  assert.equal(checkpointOf(child, stored()), undefined);
  assert.equal(checkpointOf({ id: "parent", parentId: undefined }, stored()), undefined);
  const parent: Checkpoint = { ended: true, sinceMs: 7 };
  assert.deepEqual(checkpointOf(child, stored(["parent", parent])), { sinceMs: 7 });
  assert.deepEqual(checkpointOf(child, stored(["parent", { after: "9" }])), { sinceMs: 0 });
  const own: Checkpoint = { after: "12" };
  assert.deepEqual(checkpointOf(child, stored(["parent", parent], ["child", own])), own);
});
