/** Tumbling windows through a lane: state from invocation to invocation, and a last one at the end of each window. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { fakeClock } from "../../../testing/fake-clock.ts";
import type { InvocationOutcome } from "../../model/invocation.ts";
import type { EventSourceMapping } from "../model.ts";
import { Lane } from "./lane.ts";
import { windowOf } from "./window.ts";

test("windows begin at multiples of their length", () => {
  const { startMs, endMs } = windowOf(Date.UTC(2026, 0, 1, 0, 0, 47), 30);
  assert.deepEqual([startMs, endMs], [Date.UTC(2026, 0, 1, 0, 0, 30), Date.UTC(2026, 0, 1, 0, 1, 0)]);
});

test("a sum is carried through a window and starts again in the next", async () => {
  const clock = fakeClock(Date.UTC(2026, 0, 1));
  const stop = new AbortController();
  const events: { n: number[]; state: unknown; final: boolean; start: string }[] = [];
  const mapping = {
    sourceArn: "arn",
    settings: {
      batchSize: 2,
      batchingWindowSeconds: 0,
      reportBatchItemFailures: false,
      stream: {
        maximumRetryAttempts: 0,
        maximumRecordAgeSeconds: -1,
        bisectBatchOnFunctionError: false,
        tumblingWindowSeconds: 10,
      },
    },
  } as unknown as EventSourceMapping;
  const lane = new Lane(
    {
      mapping,
      shardId: "shard",
      retentionMs: 86_400_000,
      look: () => lane.caughtUp(clock.now()),
      clock,
      signal: stop.signal,
      async invoke(payload) {
        const event = JSON.parse(Buffer.from(payload).toString("utf8")) as {
          Records: { n: number }[];
          state: { sum?: number };
          isFinalInvokeForWindow: boolean;
          window: { start: string };
        };
        const n = event.Records.map((one) => one.n);
        const { state, isFinalInvokeForWindow: final, window } = event;
        events.push({ n, state, final, start: window.start });
        const sum = (state.sum ?? 0) + n.reduce((all, one) => all + one, 0);
        return {
          kind: "success",
          payload: Buffer.from(JSON.stringify({ state: { sum } })),
        } as unknown as InvocationOutcome;
      },
      finished: () => Promise.resolve(),
      givenUp: () => assert.fail("nothing is given up"),
      attempted: () => undefined,
    },
    undefined,
  );
  const running = lane.run();
  const put = (n: number): void =>
    lane.add({ sequenceNumber: String(n), arrivedAtMs: clock.now(), partitionKey: "k", event: { n } });
  put(1);
  put(2);
  await clock.advanceAsync(3_000);
  put(3);
  await clock.advanceAsync(8_000);
  put(4);
  await clock.advanceAsync(20_000);
  stop.abort();
  await running;
  assert.deepEqual(events, [
    { n: [1, 2], state: {}, final: false, start: "2026-01-01T00:00:00Z" },
    { n: [3], state: { sum: 3 }, final: false, start: "2026-01-01T00:00:00Z" },
    { n: [], state: { sum: 6 }, final: true, start: "2026-01-01T00:00:00Z" },
    { n: [4], state: {}, final: false, start: "2026-01-01T00:00:10Z" },
    { n: [], state: { sum: 4 }, final: true, start: "2026-01-01T00:00:10Z" },
  ]);
});
