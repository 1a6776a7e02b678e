import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { openDatabase } from "../../adapters/embedded/index.ts";
import { silentLogger } from "../../kernel/log.ts";
import type { Database } from "../../ports/database.ts";
import { fakeClock, type FakeClock } from "../../testing/fake-clock.ts";
import { createManager, type EventSourceManager, type Poller } from "./manager.ts";
import type { EventSourceMapping } from "./model.ts";
import { eventSourceMigrations, MappingStore, type MappingLease } from "./store.ts";

const folder = mkdtempSync(join(tmpdir(), "lambent-manager-"));
const open: Database[] = [];
after(async () => {
  for (const database of open) await database.close();
  rmSync(folder, { recursive: true });
});

async function newDatabase(clock: FakeClock): Promise<Database> {
  const path = join(folder, `${String(open.length)}.db`);
  const options = { path, synchronous: "normal", log: silentLogger, clock } as const;
  const database = await openDatabase({ ...options, migrations: eventSourceMigrations });
  open.push(database);
  return database;
}

const SCOPE = { accountId: "000000000000", region: "us-east-1" };

function mapping(uuid: string): EventSourceMapping {
  return {
    uuid,
    scope: SCOPE,
    sourceArn: `arn:aws:sqs:us-east-1:000000000000:${uuid}`,
    kind: "sqs",
    functionName: uuid,
    qualifier: undefined,
    functionArn: `arn:aws:lambda:us-east-1:000000000000:function:${uuid}`,
    settings: {
      batchSize: 10,
      batchingWindowSeconds: 0,
      filters: [],
      reportBatchItemFailures: false,
      countEvents: false,
    },
    wanted: "enabled",
    transition: "Creating",
    transitionUntilMs: 0,
    lastModifiedMs: 1,
    lastProcessingResult: undefined,
    tags: {},
    revision: 1,
  };
}

interface Node {
  readonly manager: EventSourceManager;
  /** Uuid and last change of what is polled, also while it ends. */
  readonly polled: Set<string>;
  /** Invocations under way: what a poller waits for when it is closed. */
  readonly underWay: Map<string, Promise<void>>;
  changed(): Promise<void>;
}

function node(name: string, database: Database, clock: FakeClock): Node {
  const polled = new Set<string>();
  const underWay = new Map<string, Promise<void>>();
  const poll = ({ mapping: { uuid, lastModifiedMs } }: MappingLease): Poller => {
    if (uuid.startsWith("unusable")) throw new Error("a filter of another time");
    const what = `${uuid} ${String(lastModifiedMs)}`;
    polled.add(what);
    return {
      async close() {
        await underWay.get(uuid);
        polled.delete(what);
      },
    };
  };
  const store = new MappingStore(database);
  const manager = createManager({ store, clock, log: silentLogger, node: name, poll });
  return {
    manager,
    polled,
    underWay,
    async changed() {
      manager.changed();
      await settled(clock);
    },
  };
}

/** Lets statements on the database's thread come back. */
async function settled(clock: FakeClock): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) {
    await new Promise((resolve) => setImmediate(resolve));
    await clock.advanceAsync(1);
  }
}

async function until(clock: FakeClock, holds: () => boolean): Promise<void> {
  for (let turn = 0; turn < 500 && !holds(); turn += 1) await settled(clock);
  assert.ok(holds());
}

test("an invocation of minutes holds up its own mapping alone", async () => {
  const clock = fakeClock();
  const database = await newDatabase(clock);
  const store = new MappingStore(database);
  await store.insert(mapping("slow"));
  await store.insert(mapping("gone"));
  const one = node("a", database, clock);
  await one.manager.start();
  await until(clock, () => one.polled.size === 2);
  const slow = Promise.withResolvers<void>();
  const gone = Promise.withResolvers<void>();
  one.underWay.set("slow", slow.promise).set("gone", gone.promise);
  await store.replace({ ...mapping("slow"), lastModifiedMs: 2, revision: 2 }, 1);
  await store.replace({ ...mapping("gone"), wanted: "deleted", lastModifiedMs: 2, revision: 2 }, 1);
  await one.changed();
  await store.insert(mapping("new"));
  await one.changed();
  await until(clock, () => one.polled.has("new 1"));
  assert.ok(!one.polled.has("slow 2"), "the older revision still runs");
  assert.ok((await store.find(SCOPE, "gone")) !== undefined, "what runs still has its row");
  slow.resolve();
  gone.resolve();
  await until(clock, () => one.polled.has("slow 2") && !one.polled.has("slow 1"));
  for (let turn = 0; (await store.find(SCOPE, "gone")) !== undefined; turn += 1) {
    assert.ok(turn < 500);
    await settled(clock);
  }
  await one.manager.close();
  assert.equal(one.polled.size, 0);
});

test("a mapping that cannot be run keeps none of the others from running, and can be deleted", async () => {
  const clock = fakeClock();
  const database = await newDatabase(clock);
  const store = new MappingStore(database);
  for (const uuid of ["unusable-a", "usable", "unusable-z"]) await store.insert(mapping(uuid));
  const one = node("a", database, clock);
  await one.manager.start();
  await until(clock, () => one.polled.has("usable 1"));
  await store.replace({ ...mapping("unusable-a"), wanted: "deleted", revision: 2, lastModifiedMs: 2 }, 1);
  await one.changed();
  for (let turn = 0; (await store.find(SCOPE, "unusable-a")) !== undefined; turn += 1) {
    assert.ok(turn < 500);
    await settled(clock);
  }
  await one.manager.close();
});

test("a node that cannot renew its leases has ended its pollers when another takes over", async () => {
  const clock = fakeClock();
  const database = await newDatabase(clock);
  await new MappingStore(database).insert(mapping("m"));
  let reachable = true;
  const unreachable: Database = {
    dialect: database.dialect,
    read: (...query) => database.read(...query),
    commit: (unit) => (reachable ? database.commit(unit) : Promise.reject(new Error("no route"))),
    close: () => Promise.resolve(),
  };
  const first = node("a", unreachable, clock);
  const second = node("b", database, clock);
  await first.manager.start();
  await until(clock, () => first.polled.size === 1);
  await second.manager.start();
  reachable = false;
  let both = 0;
  for (let elapsed = 0; elapsed < 60 && second.polled.size === 0; elapsed += 1) {
    await clock.advanceAsync(1_000);
    await settled(clock);
    both = Math.max(both, first.polled.size + second.polled.size);
  }
  assert.deepEqual([[...first.polled], [...second.polled]], [[], ["m 1"]]);
  assert.equal(both, 1);
  reachable = true;
  await clock.advanceAsync(60_000);
  await settled(clock);
  assert.deepEqual([[...first.polled], [...second.polled]], [[], ["m 1"]]);
  await Promise.all([first.manager.close(), second.manager.close()]);
});
