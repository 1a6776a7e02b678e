/** The outbox and the event source mappings on every engine behind the Database port. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { openPostgres } from "../../src/adapters/cluster/postgres-database.ts";
import { openDatabase } from "../../src/adapters/embedded/index.ts";
import {
  claimRows,
  insertRow,
  nextDue,
  outboxMigrations,
  postponeRow,
  releaseHeld,
  removeRow,
} from "../../src/events/outbox/store.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import { silentLogger } from "../../src/kernel/log.ts";
import type { EventSourceMapping } from "../../src/lambda/event-source/model.ts";
import { eventSourceMigrations, MappingStore } from "../../src/lambda/event-source/store.ts";
import { Conflict, type Database } from "../../src/ports/database.ts";
import type { Delivery } from "../../src/ports/outbox.ts";
import { startPostgres, type PostgresServer } from "./postgres-server.ts";

const clock = systemClock();
const folder = mkdtempSync(join(tmpdir(), "lambent-stores-"));
const postgres: PostgresServer | undefined = await startPostgres();
after(async () => {
  await postgres?.stop();
  rmSync(folder, { recursive: true, force: true });
});
const migrations = [...outboxMigrations, ...eventSourceMigrations];

suite("sqlite", false, () =>
  openDatabase({
    path: join(folder, "state.db"),
    synchronous: "full",
    migrations,
    log: silentLogger,
    clock,
  }),
);
suite("postgres", postgres === undefined ? "no initdb and postgres on this machine" : false, () =>
  openPostgres({
    host: postgres?.socket ?? "",
    port: 5432,
    database: "postgres",
    username: "lambent",
    migrations,
    now: clock.now(),
  }),
);

const SCOPE = { accountId: "000000000000", region: "us-east-1" };

function delivery(id: string, orderKey?: string): Delivery {
  return {
    id,
    scope: SCOPE,
    principal: "sns.amazonaws.com",
    sourceArn: "arn:aws:sns:us-east-1:000000000000:t",
    targetArn: "arn:aws:sqs:us-east-1:000000000000:q",
    body: "{}",
    retry: { maxRetries: 1, maxAgeMs: 1_000 },
    ...(orderKey === undefined ? {} : { orderKey }),
  };
}

function mapping(uuid: string, functionName: string): EventSourceMapping {
  return {
    uuid,
    scope: SCOPE,
    sourceArn: "arn:aws:sqs:us-east-1:000000000000:q",
    kind: "sqs",
    functionName,
    qualifier: undefined,
    functionArn: `arn:aws:lambda:us-east-1:000000000000:function:${functionName}`,
    settings: {
      batchSize: 10,
      batchingWindowSeconds: 0,
      filters: [],
      reportBatchItemFailures: false,
      countEvents: false,
    },
    wanted: "enabled",
    transition: "Creating",
    transitionUntilMs: 1,
    lastModifiedMs: 1,
    lastProcessingResult: undefined,
    tags: { team: "a" },
    revision: 1,
  };
}

function suite(engine: string, skip: string | false, open: () => Promise<Database>): void {
  describe(engine, { skip }, () => {
    let database: Database;
    before(async () => {
      database = await open();
    });
    after(async () => {
      await database.close();
    });
    const ids = (rows: readonly { readonly delivery: Delivery }[]): string[] =>
      rows.map((row) => row.delivery.id);

    test("what is due is claimed once; what is held, after its hold or its node's end", async () => {
      await database.commit([
        insertRow(delivery("free"), 1, 100, undefined, "a"),
        insertRow(delivery("held"), 2, 100, 500, "a"),
      ]);
      assert.equal(await nextDue(database), 100);
      assert.deepEqual(ids(await claimRows(database, "b", 200, 1_000, 10)), ["free"]);
      assert.deepEqual(ids(await claimRows(database, "b", 200, 1_000, 10)), []);
      await database.commit([releaseHeld("a", 200)]);
      const [held] = await claimRows(database, "b", 200, 1_000, 10);
      assert.equal(held?.delivery.id, "held");
      assert.equal(held?.epoch, 2);
    });

    test("who lost a row changes nothing", async () => {
      await database.commit([insertRow(delivery("fenced"), 3, 2_000, undefined, "a")]);
      const [first] = await claimRows(database, "a", 2_000, 2_100, 1);
      const [second] = await claimRows(database, "b", 2_100, 2_200, 10);
      assert.ok(first !== undefined && second !== undefined);
      await assert.rejects(database.commit([removeRow(first)]), Conflict);
      await assert.rejects(database.commit([postponeRow(first, 3_000)]), Conflict);
      await database.commit([postponeRow(second, 3_000)]);
      const [again] = await claimRows(database, "a", 3_000, 3_100, 10);
      assert.equal(again?.attempts, 1);
      await database.commit([
        removeRow({ ...again, delivery: again?.delivery ?? delivery("") } as typeof first),
      ]);
    });

    test("of an order key only the oldest row is claimed", async () => {
      await database.commit(
        ["o1", "o2", "p1"].map((id, n) =>
          insertRow(delivery(id, id.slice(0, 1)), 10 + n, 5_000, undefined, "a"),
        ),
      );
      const first = await claimRows(database, "a", 5_000, 9_000, 10);
      assert.deepEqual(
        ids(first).filter((id) => /^[op]\d$/u.test(id)),
        ["o1", "p1"],
      );
      await database.commit(first.map(removeRow));
      assert.deepEqual(ids(await claimRows(database, "a", 5_000, 9_000, 10)), ["o2"]);
    });

    test("a mapping is kept, found, listed in pages and changed by one writer at a time", async () => {
      const store = new MappingStore(database);
      assert.equal(await store.insert(mapping("m1", "f")), undefined);
      assert.equal(await store.insert(mapping("m2", "g")), undefined);
      assert.equal((await store.insert(mapping("m3", "f")))?.uuid, "m1");
      assert.deepEqual(await store.find(SCOPE, "m1"), mapping("m1", "f"));
      assert.equal(await store.find({ ...SCOPE, region: "eu-west-1" }, "m1"), undefined);
      const page = await store.list(SCOPE, {}, "m1", 10);
      assert.deepEqual(
        page.map((one) => one.uuid),
        ["m2"],
      );
      assert.deepEqual((await store.list(SCOPE, { functionName: "g" }, "", 10)).length, 1);
      const changed = { ...mapping("m1", "f"), wanted: "disabled" as const, revision: 2 };
      await store.replace(changed, 1);
      await assert.rejects(store.replace({ ...changed, revision: 3 }, 1), Conflict);
    });

    test("a lease is one node's until it runs out or is given up; checkpoints carry its epoch", async () => {
      const store = new MappingStore(database);
      const [lease] = (await store.lease("a", 1_000, 2_000)).filter(({ mapping: { uuid } }) => uuid === "m1");
      assert.ok(lease !== undefined);
      assert.deepEqual(await store.lease("b", 1_500, 2_500), []);
      await store.saveCheckpoint("m1", "shard", lease.epoch, "17");
      assert.deepEqual([...(await store.checkpoints("m1"))], [["shard", "17"]]);
      const taken = await store.lease("b", 2_000, 3_000);
      assert.equal(taken.length, 2);
      await assert.rejects(store.saveCheckpoint("m1", "shard", lease.epoch, "18"), Conflict);
      await store.release("b");
      assert.equal((await store.lease("a", 2_100, 3_100)).length, 2);
      await store.remove("m1");
      assert.equal((await store.checkpoints("m1")).size, 0);
      assert.equal(await store.find(SCOPE, "m1"), undefined);
    });
  });
}
