/** A poller against a queue of its own and a function that answers when the test says so. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ServiceError } from "../../kernel/errors.ts";
import { silentLogger } from "../../kernel/log.ts";
import type { PeerCall } from "../../ports/peers.ts";
import { fakeClock, type FakeClock } from "../../testing/fake-clock.ts";
import type { InvocationOutcome } from "../model/invocation.ts";
import { recursiveInvocation } from "../control/errors.ts";
import { Deliveries, type DeliveryNote } from "../observe/deliveries.ts";
import type { Poller } from "./manager.ts";
import type { EventSourceMapping, MappingSettings, SourceKind } from "./model.ts";
import { startSqsPoller } from "./sqs-poller.ts";

const SETTINGS: MappingSettings = {
  batchSize: 10,
  batchingWindowSeconds: 0,
  filters: [],
  reportBatchItemFailures: false,
  countEvents: false,
};

const OUTCOME = { payload: Buffer.from("null"), requestId: "r", executedVersion: "1" };
const WELL = { ...OUTCOME, kind: "success" } as unknown as InvocationOutcome;
const BADLY = {
  ...OUTCOME,
  kind: "function-error",
  errorType: "Unhandled",
} as unknown as InvocationOutcome;

interface Invocation {
  readonly ids: readonly string[];
  readonly traceHeader: string | undefined;
  answer(outcome: InvocationOutcome): void;
  refuse(error: ServiceError): void;
}

interface World {
  readonly clock: FakeClock;
  readonly poller: Poller;
  /** Every invocation so far, the answered ones included. */
  readonly invocations: Invocation[];
  readonly deleted: string[];
  /** Sums by the metric's name. */
  readonly counted: Map<string, number>;
  /** Lines of the followed log. */
  readonly told: DeliveryNote[];
  /** Calls of ReceiveMessage under way, and the most at once. */
  readonly receiving: { now: number; most: number };
  /** Its visibility timeout is in seconds; it does not delete what is `kept`, or anything at all. */
  readonly queue: { visibility: string; kept: readonly string[] | "all" };
  send(...messages: readonly { readonly id: string; readonly body: string; readonly trace?: string }[]): void;
  settle(): Promise<void>;
}

function world(kind: SourceKind, settings: Partial<MappingSettings> = {}): World {
  const clock = fakeClock();
  const waiting: object[] = [];
  const invocations: Invocation[] = [];
  const deleted: string[] = [];
  const told: DeliveryNote[] = [];
  const deliveries = new Deliveries();
  deliveries.subscribe((note) => told.push(note));
  const receiving = { now: 0, most: 0 };
  const queue: World["queue"] = { visibility: "30", kept: [] };
  const counted = new Map<string, number>();
  let arrived: () => void = () => undefined;

  async function receive(input: PeerCall["input"], signal: AbortSignal | undefined): Promise<object> {
    if (waiting.length === 0 && input["WaitTimeSeconds"] !== 0) {
      await new Promise<void>((resolve) => {
        arrived = resolve;
        signal?.addEventListener("abort", () => resolve(), { once: true });
        clock.timer(Number(input["WaitTimeSeconds"]) * 1000, resolve);
      });
    }
    return { Messages: waiting.splice(0, Number(input["MaxNumberOfMessages"])) };
  }
  const poller = startSqsPoller(
    {
      clock,
      log: silentLogger,
      deliveries,
      metrics: {
        count: (_, name, events) => void counted.set(name, (counted.get(name) ?? 0) + events),
        iteratorAge: () => undefined,
        forget: () => undefined,
      },
      roleOf: () => Promise.resolve("arn:aws:iam::000000000000:role/r"),
      peers: {
        permit: () => Promise.resolve(),
        async call({ operation, input, signal }) {
          if (operation === "GetQueueAttributes")
            return { Attributes: { VisibilityTimeout: queue.visibility } };
          if (operation === "ReceiveMessage") {
            receiving.now += 1;
            receiving.most = Math.max(receiving.most, receiving.now);
            await new Promise((resolve) => setImmediate(resolve));
            const answer = await receive(input, signal);
            receiving.now -= 1;
            return { ...answer };
          }
          const entries = input["Entries"] as readonly { ReceiptHandle: string }[];
          const { kept } = queue;
          if (kept === "all") throw new ServiceError("InternalError", 500, "no disk");
          const handles = entries.map((entry) => entry.ReceiptHandle);
          deleted.push(...handles.filter((handle) => !kept.includes(handle)));
          return {
            Failed: handles
              .filter((handle) => kept.includes(handle))
              .map((Id) => ({ Id, SenderFault: true, Code: "ReceiptHandleIsInvalid", Message: "expired" })),
          };
        },
      },
      invoker: {
        invoke({ payload, traceHeader }) {
          const event = JSON.parse(Buffer.from(payload).toString("utf8")) as {
            Records: readonly { messageId: string }[];
          };
          const { promise, resolve, reject } = Promise.withResolvers<InvocationOutcome>();
          const ids = event.Records.map((record) => record.messageId);
          invocations.push({ ids, traceHeader, answer: resolve, refuse: reject });
          return promise;
        },
      },
    },
    {
      epoch: 1,
      mapping: {
        uuid: "u",
        kind,
        scope: { accountId: "000000000000", region: "us-east-1" },
        sourceArn: "arn:aws:sqs:us-east-1:000000000000:q",
        functionName: "f",
        settings: { ...SETTINGS, ...settings },
      } as unknown as EventSourceMapping,
    },
  );
  return {
    clock,
    poller,
    invocations,
    queue,
    deleted,
    counted,
    told,
    receiving,
    send(...messages) {
      waiting.push(
        ...messages.map(({ id, body, trace }) => ({
          MessageId: id,
          ReceiptHandle: id,
          Body: body,
          MD5OfBody: "",
          ...(trace === undefined ? {} : { Attributes: { AWSTraceHeader: trace } }),
        })),
      );
      arrived();
    },
    async settle() {
      for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    },
  };
}

const LARGE = "x".repeat(900_000);
const tenLarge = Array.from({ length: 10 }, (_, n) => ({ id: `m${String(n)}`, body: LARGE }));
const ids = (from: number, to: number): string[] => tenLarge.slice(from, to).map(({ id }) => id);

test("what is more than an event of an ordered queue carries runs after it", async () => {
  const { poller, invocations, deleted, send, settle } = world("sqs-fifo");
  send(...tenLarge);
  await settle();
  assert.deepEqual(
    invocations.map((one) => one.ids),
    [ids(0, 6)],
  );
  invocations[0]?.answer(WELL);
  await settle();
  assert.deepEqual(invocations[1]?.ids, ids(6, 10));
  invocations[1]?.answer(WELL);
  await settle();
  assert.deepEqual(deleted, ids(0, 10));
  await poller.close();
});

test("what follows a failure in an ordered queue is left to the queue", async () => {
  const { poller, invocations, deleted, send, settle } = world("sqs-fifo");
  send(...tenLarge);
  await settle();
  invocations[0]?.answer(BADLY);
  await settle();
  assert.equal(invocations.length, 1);
  assert.deepEqual(deleted, []);
  await poller.close();
});

test("what is more than an event carries waits for no other message", async () => {
  for (const batchingWindowSeconds of [0, 60]) {
    const { poller, invocations, send, settle } = world("sqs", { batchingWindowSeconds });
    send(...tenLarge);
    await settle();
    assert.deepEqual(
      invocations.map((one) => one.ids),
      [ids(0, 6), ids(6, 10)],
    );
    for (const one of invocations) one.answer(WELL);
    await poller.close();
  }
});

test("a refused batch is given back when its messages appear again", async () => {
  const { clock, poller, invocations, send, settle } = world("sqs", { batchingWindowSeconds: 5 });
  send(...tenLarge);
  await settle();
  // The second of both: it waits for nothing else, and knows when its messages appear.
  for (let turn = 0; turn < 60; turn += 1) {
    for (const one of invocations) one.refuse(new ServiceError("TooManyRequestsException", 429, "slow"));
    await settle();
    await clock.advanceAsync(1_000);
  }
  const before = invocations.length;
  await clock.advanceAsync(120_000);
  await settle();
  assert.equal(invocations.length, before);
  await poller.close();
});

test("a queue that hides its messages for less than before is known within a minute", async () => {
  const { clock, poller, invocations, queue, send, settle } = world("sqs");
  await settle();
  queue.visibility = "1";
  await clock.advanceAsync(90_000);
  send({ id: "m", body: "" });
  for (let turn = 0; turn < 20; turn += 1) {
    await settle();
    invocations.at(-1)?.refuse(new ServiceError("TooManyRequestsException", 429, "slow"));
    await settle();
    await clock.advanceAsync(500);
  }
  // After pauses of 100, 200 and 400 ms the next would end when the message is anybody's again.
  assert.ok(invocations.length > 1 && invocations.length <= 4, String(invocations.length));
  await poller.close();
});

test("never more than MaximumConcurrency at once, and as many as that", async () => {
  const { poller, invocations, send, settle } = world("sqs", { maximumConcurrency: 2, batchSize: 1 });
  send(...Array.from({ length: 9 }, (_, n) => ({ id: String(n), body: "" })));
  for (let answered = 0; answered < 9; answered += 1) {
    await settle();
    assert.equal(invocations.length, Math.min(9, answered + 2));
    invocations[answered]?.answer(WELL);
  }
  await poller.close();
});

test("the same message twice in a window is one record, deleted by its last receipt", async () => {
  const { clock, poller, invocations, send, settle } = world("sqs", { batchingWindowSeconds: 60 });
  send({ id: "m", body: "a" });
  await settle();
  send({ id: "m", body: "a" });
  await settle();
  await clock.advanceAsync(61_000);
  await settle();
  assert.deepEqual(
    invocations.map((one) => one.ids),
    [["m"]],
  );
  invocations[0]?.answer(WELL);
  await poller.close();
});

test("a batch belongs to the chain of events that has come least far", async () => {
  const at = (loops: number): string => `Lineage=20:0123abcd:${String(loops)}`;
  const traced = (
    ...loops: readonly (number | undefined)[]
  ): { id: string; body: string; trace?: string }[] =>
    loops.map((one, n) => ({ id: String(n), body: "", ...(one === undefined ? {} : { trace: at(one) }) }));
  for (const [loops, expected] of [
    [[15], at(15)],
    [[15, 3, 9], at(3)],
    [[15, undefined], undefined],
  ] as const) {
    const { poller, invocations, send, settle } = world("sqs");
    send(...traced(...loops));
    await settle();
    assert.equal(invocations[0]?.traceHeader, expected);
    invocations[0]?.answer(WELL);
    await poller.close();
  }
});

test("a message of a loop is left to the queue, and the followed log says what to do", async () => {
  const { poller, invocations, deleted, told, send, settle } = world("sqs");
  send({ id: "m", body: "", trace: "Lineage=16:0123abcd:15" });
  await settle();
  invocations[0]?.refuse(recursiveInvocation("f"));
  await settle();
  assert.deepEqual(deleted, []);
  const [line] = told;
  assert.match(line?.text ?? "", /FAILED RecursiveInvocationException: .*; they appear again in the queue$/);
  assert.match(line?.next ?? "", /put-function-recursion-config --function-name f --recursive-loop Allow$/);
  await poller.close();
});

test("while batches come back full two are gathered at once, and no more run than may", async () => {
  const many = Array.from({ length: 65 }, (_, n) => ({ id: String(n), body: "" }));
  const { poller, invocations, receiving, deleted, send, settle } = world("sqs", { maximumConcurrency: 2 });
  send(...many);
  await settle();
  assert.equal(receiving.most, 2);
  for (let answered = 0; answered < 7; answered += 1) {
    assert.ok(invocations.length - answered <= 2, "two run at most");
    invocations[answered]?.answer(WELL);
    await settle();
  }
  assert.equal(deleted.length, many.length);
  assert.equal(receiving.now, 1, "one waits at an empty queue");
  await poller.close();

  const ordered = world("sqs-fifo");
  ordered.send(...many.slice(0, 30));
  await ordered.settle();
  for (const invocation of ordered.invocations) invocation.answer(WELL);
  assert.equal(ordered.receiving.most, 1, "an ordered queue is read by one");
  await ordered.poller.close();
});

test("what could not be deleted is not counted as deleted, is told of, and holds up what must follow it", async () => {
  const KEPT: readonly (readonly [World["queue"]["kept"], number])[] = [
    [["m1", "m4"], 4],
    ["all", 0],
  ];
  for (const [kept, expected] of KEPT) {
    const { poller, invocations, queue, deleted, counted, told, send, settle } = world("sqs-fifo");
    queue.kept = kept;
    send(...tenLarge);
    await settle();
    invocations[0]?.answer(WELL);
    await settle();
    assert.equal(deleted.length, expected);
    assert.equal(counted.get("DeletedEventCount"), expected);
    assert.equal(counted.get("FailedInvokeEventCount"), 0, "the function did not fail");
    assert.equal(told[0]?.failed, true);
    const left = String(6 - expected);
    assert.match(told[0]?.text ?? "", new RegExp(`batch of 6; ${left} were not deleted and appear again`));
    assert.equal(invocations.length, 1);
    await poller.close();
  }
});
