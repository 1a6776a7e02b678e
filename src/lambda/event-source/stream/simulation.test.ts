/**
 * Shards, lanes, failures, throttles and crashes from one seed, in virtual time: hours of a stream's
 * life in seconds. What must hold whatever happens:
 *   every wanted record is delivered or given up, none is forgotten;
 *   records of one key are delivered for the first time in their order;
 *   a record that always fails holds back its own lane alone, and is given up after its retries.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ServiceError } from "../../../kernel/errors.ts";
import { fakeClock } from "../../../testing/fake-clock.ts";
import { createWakeup } from "../../../adapters/embedded/wakeup.ts";
import type { InvocationOutcome } from "../../model/invocation.ts";
import type { EventSourceMapping, StreamSettings } from "../model.ts";
import { processShard, type Checkpoint, type ShardDeps } from "./shard.ts";
import type { StreamRecord, StreamSource } from "./source.ts";

/** Mulberry32. */
function chance(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const SCOPE = { accountId: "000000000000", region: "us-east-1" };
const STREAM = "arn:aws:dynamodb:us-east-1:000000000000:table/t/stream/s";

interface Run {
  readonly delivered: readonly string[];
  readonly givenUp: ReadonlySet<string>;
  readonly invocations: number;
}

async function simulate(seed: number, settings: StreamSettings, poison: boolean): Promise<Run> {
  const random = chance(seed);
  const clock = fakeClock();
  const wakeup = createWakeup(clock);
  const stored: StreamRecord[] = [];
  const checkpoints: { current: Checkpoint | undefined } = { current: undefined };
  const delivered: string[] = [];
  const givenUp = new Set<string>();
  let invocations = 0;
  let closed = false;

  const source: StreamSource = {
    batchInfoName: "DDBStreamBatchInfo",
    retentionMs: 86_400_000,
    shards: () => Promise.resolve([{ id: "shard", parentId: undefined }]),
    iterator(_shard, position) {
      const after = position.kind === "AFTER" ? position.sequenceNumber : undefined;
      const at =
        position.kind === "LATEST"
          ? stored.length
          : after === undefined
            ? 0
            : stored.findIndex((one) => one.sequenceNumber === after) + 1;
      return Promise.resolve(String(at));
    },
    async read(iterator, limit) {
      await clock.sleep(Math.floor(random() * 3));
      if (random() < 0.02) throw new ServiceError("ExpiredIteratorException", 400, "expired");
      if (random() < 0.01) throw new ServiceError("InternalServerError", 500, "down");
      const records = stored.slice(Number(iterator), Number(iterator) + limit);
      const end = Number(iterator) + records.length;
      return { records, next: closed && end === stored.length ? undefined : String(end) };
    },
  };
  const mapping = {
    sourceArn: STREAM,
    scope: SCOPE,
    settings: {
      batchSize: 7,
      batchingWindowSeconds: 0,
      filters: [],
      reportBatchItemFailures: true,
      countEvents: false,
      stream: settings,
    },
  } as unknown as EventSourceMapping;

  function deps(signal: AbortSignal): ShardDeps {
    return {
      mapping,
      shardId: "shard",
      source,
      wakeup,
      clock,
      signal,
      wants: (event) => event["wanted"] === true,
      attempted: () => undefined,
      counted: () => undefined,
      async save(checkpoint) {
        await clock.sleep(1);
        if (signal.aborted) throw new Error("the process ended");
        checkpoints.current = checkpoint;
      },
      async invoke(payload) {
        invocations += 1;
        await clock.sleep(Math.floor(random() * 20));
        if (random() < 0.1) throw new ServiceError("TooManyRequestsException", 429, "slow");
        const event = JSON.parse(Buffer.from(payload).toString("utf8")) as {
          Records: readonly { id: string; poison: boolean }[];
        };
        const bad = event.Records.findIndex((one) => one.poison || random() < 0.03);
        const good = bad < 0 ? event.Records : event.Records.slice(0, bad);
        if (bad >= 0 && random() < 0.5) return outcome("function-error", "{}");
        delivered.push(...good.map((one) => one.id));
        const failures = bad < 0 ? [] : [{ itemIdentifier: event.Records[bad]?.id }];
        return outcome("success", JSON.stringify({ batchItemFailures: failures }));
      },
      async givenUp(records) {
        for (const one of records) givenUp.add(one.sequenceNumber);
      },
    };
  }
  const outcome = (kind: "success" | "function-error", text: string): InvocationOutcome =>
    ({
      kind,
      ...(kind === "function-error" ? { errorType: "Unhandled" } : {}),
      payload: Buffer.from(text),
      requestId: "r",
      executedVersion: "1",
      logTail: "",
      durationMs: 1,
      coldStart: false,
    }) as InvocationOutcome;

  async function life(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        return await processShard(deps(signal), checkpoints.current);
      } catch {
        await clock.sleep(500, signal).catch(() => undefined);
      }
    }
  }

  let stop = new AbortController();
  let living = life(stop.signal);
  for (let minute = 0; minute < 60; minute += 1) {
    for (let count = Math.floor(random() * 8); count > 0; count -= 1) {
      const id = String(stored.length + 1).padStart(6, "0");
      const isPoison = poison && stored.length === 20;
      stored.push({
        sequenceNumber: id,
        arrivedAtMs: clock.now(),
        partitionKey: `k${String(Math.floor(random() * 5))}`,
        event: { id, wanted: isPoison || random() < 0.8, poison: isPoison },
      });
    }
    wakeup.notify(STREAM);
    await clock.advanceAsync(60_000);
    if (random() < 0.1) {
      stop.abort();
      await Promise.race([living, clock.advanceAsync(5_000)]);
      stop = new AbortController();
      living = life(stop.signal);
    }
  }
  closed = true;
  wakeup.notify(STREAM);
  const over = { yet: false };
  void living.then(() => (over.yet = true));
  for (let turn = 0; turn < 2_000 && !over.yet; turn += 1) await clock.advanceAsync(60_000);
  assert.ok(over.yet, `seed ${String(seed)}: the shard was not processed to its end`);

  const wanted = stored.filter((one) => one.event["wanted"] === true);
  const seen = new Set(delivered);
  const forgotten = wanted.filter((one) => !seen.has(one.sequenceNumber) && !givenUp.has(one.sequenceNumber));
  assert.deepEqual(forgotten, [], `seed ${String(seed)}: forgotten`);
  const keyOf = new Map(stored.map((one) => [one.sequenceNumber, one.partitionKey]));
  const firsts = new Map<string, string>();
  for (const id of new Set(delivered)) {
    const key = keyOf.get(id) ?? "";
    const before = firsts.get(key) ?? "";
    assert.ok(before < id, `seed ${String(seed)}: ${id} of ${key} came after ${before}`);
    firsts.set(key, id);
  }
  return { delivered, givenUp, invocations };
}

const BASE: StreamSettings = {
  startingPosition: "TRIM_HORIZON",
  parallelizationFactor: 1,
  bisectBatchOnFunctionError: false,
  maximumRetryAttempts: -1,
  maximumRecordAgeSeconds: -1,
  tumblingWindowSeconds: 0,
};

for (let seed = 1; seed <= 12; seed += 1) {
  test(`an hour of seed ${String(seed)}`, async () => {
    const settings = {
      ...BASE,
      parallelizationFactor: 1 + (seed % 3),
      bisectBatchOnFunctionError: seed % 2 === 0,
    };
    const { givenUp, delivered } = await simulate(seed, settings, false);
    assert.ok(delivered.length > 50);
    assert.equal(givenUp.size, 0);
  });
}

test("a record that always fails is given up, alone where batches are split", async () => {
  const settings = { ...BASE, bisectBatchOnFunctionError: true, maximumRetryAttempts: 30 };
  const { givenUp } = await simulate(99, settings, true);
  assert.deepEqual([...givenUp], ["000021"]);
});
