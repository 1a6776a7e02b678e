/** Two nodes on one database: one loses the way to it, the other takes its stream over. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { createWakeup, openDatabase } from "../../../adapters/embedded/index.ts";
import { silentLogger } from "../../../kernel/log.ts";
import { systemRandom } from "../../../kernel/random.ts";
import type { Database } from "../../../ports/database.ts";
import { fakeClock } from "../../../testing/fake-clock.ts";
import type { InvocationOutcome } from "../../model/invocation.ts";
import { Deliveries } from "../../observe/deliveries.ts";
import { createManager, type EventSourceManager } from "../manager.ts";
import type { EventSourceMapping } from "../model.ts";
import { eventSourceMigrations, MappingStore } from "../store.ts";
import { startStreamPoller } from "./poller.ts";

const SCOPE = { accountId: "000000000000", region: "us-east-1" };
const STREAM = "arn:aws:dynamodb:us-east-1:000000000000:table/t/stream/s";

const MAPPING: EventSourceMapping = {
  uuid: "m",
  scope: SCOPE,
  sourceArn: STREAM,
  kind: "dynamodb",
  functionName: "f",
  qualifier: undefined,
  functionArn: "arn:aws:lambda:us-east-1:000000000000:function:f",
  settings: {
    batchSize: 2,
    batchingWindowSeconds: 0,
    filters: [],
    reportBatchItemFailures: false,
    countEvents: false,
    stream: {
      startingPosition: "TRIM_HORIZON",
      parallelizationFactor: 1,
      bisectBatchOnFunctionError: false,
      maximumRetryAttempts: -1,
      maximumRecordAgeSeconds: -1,
      tumblingWindowSeconds: 0,
    },
  },
  wanted: "enabled",
  transition: "Creating",
  transitionUntilMs: 0,
  lastModifiedMs: 1,
  lastProcessingResult: undefined,
  tags: {},
  revision: 1,
};

interface Delivered {
  readonly node: string;
  readonly n: number;
  readonly atMs: number;
}

test("nothing is lost, nothing is processed by both at once, and the order holds", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "lambent-takeover-"));
  const clock = fakeClock();
  const database = await openDatabase({
    path: join(folder, "state.db"),
    synchronous: "normal",
    migrations: eventSourceMigrations,
    log: silentLogger,
    clock,
  });
  t.after(async () => {
    await database.close();
    rmSync(folder, { recursive: true });
  });
  await new MappingStore(database).insert(MAPPING);
  const wakeup = createWakeup(clock);
  const records: object[] = [];
  const delivered: Delivered[] = [];

  /** A second, with time for statements to come back from the database's thread. */
  async function second(): Promise<void> {
    for (let turn = 0; turn < 20; turn += 1) {
      await clock.advanceAsync(50);
      await database.read("SELECT 1 AS one");
      await database.commit([]);
    }
  }

  function put(n: number): void {
    const SequenceNumber = String(records.length + 1).padStart(6, "0");
    const at = { ApproximateCreationDateTime: new Date(clock.now()), Keys: { id: { S: "k" } } };
    records.push({ eventID: String(n), dynamodb: { ...at, SequenceNumber } });
    wakeup.notify(STREAM);
  }

  async function answer(operation: string, input: Readonly<Record<string, unknown>>): Promise<object> {
    await clock.sleep(1);
    if (operation === "DescribeStream") return { StreamDescription: { Shards: [{ ShardId: "s" }] } };
    if (operation === "GetShardIterator")
      return { ShardIterator: String(Number(input["SequenceNumber"] ?? 0)) };
    const from = Number(input["ShardIterator"]);
    return { Records: records.slice(from), NextShardIterator: String(records.length) };
  }

  function node(name: string, own: Database): EventSourceManager {
    const store = new MappingStore(own);
    return createManager({
      store,
      clock,
      log: silentLogger,
      node: name,
      poll: (lease) =>
        startStreamPoller(
          {
            store,
            clock,
            wakeup,
            random: systemRandom(),
            log: silentLogger,
            deliveries: new Deliveries(),
            metrics: { count: () => undefined, iteratorAge: () => undefined, forget: () => undefined },
            roleOf: () => Promise.resolve("arn:aws:iam::000000000000:role/r"),
            peers: {
              permit: () => Promise.resolve(),
              call: async ({ operation, input }) => ({ ...(await answer(operation, input)) }),
            },
            invoker: {
              async invoke({ payload }) {
                const event = JSON.parse(Buffer.from(payload).toString("utf8")) as {
                  Records: readonly { eventID: string }[];
                };
                const atMs = clock.now();
                for (const { eventID } of event.Records) {
                  delivered.push({ node: name, n: Number(eventID), atMs });
                }
                await clock.sleep(20);
                return { kind: "success", payload: Buffer.from("null") } as unknown as InvocationOutcome;
              },
            },
          },
          lease,
        ),
    });
  }

  let reachable = true;
  const first = node("a", {
    dialect: database.dialect,
    read: (...query) => (reachable ? database.read(...query) : Promise.reject(new Error("no route"))),
    commit: (unit) => (reachable ? database.commit(unit) : Promise.reject(new Error("no route"))),
    close: () => Promise.resolve(),
  });
  const other = node("b", database);
  await first.start();
  const COUNT = 120;
  for (let n = 1; n <= COUNT; n += 1) {
    put(n);
    if (n === 5) await other.start();
    if (n === 40) reachable = false;
    if (n === 100) reachable = true;
    await second();
  }
  const seen = (): ReadonlySet<number> => new Set(delivered.map(({ n }) => n));
  for (let turn = 0; turn < 200 && seen().size < COUNT; turn += 1) await second();
  await Promise.all([first.close(), other.close(), second()]);

  assert.deepEqual(
    [...seen()],
    Array.from({ length: COUNT }, (_, index) => index + 1),
  );
  const by = (name: string): readonly Delivered[] => delivered.filter((one) => one.node === name);
  assert.ok(by("a").length > 30 && by("b").length > 30);
  const lastOfA = by("a").at(-1)?.atMs ?? Infinity;
  const firstOfB = by("b")[0]?.atMs ?? 0;
  assert.ok(lastOfA < firstOfB, `a worked at ${String(lastOfA)}, b since ${String(firstOfB)}`);
});
