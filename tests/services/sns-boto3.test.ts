/** SNS as boto3 uses it, and on the other engine. The script asserts for itself and ends with `ok`. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { openPostgres } from "../../src/adapters/cluster/postgres-database.ts";
import { outboxMigrations } from "../../src/events/outbox/store.ts";
import type { Database } from "../../src/ports/database.ts";
import { migrations } from "../../src/services/sns/index.ts";
import { startPostgres } from "../contract/postgres-server.ts";
import { PYTHON_BOTO3, run } from "../e2e/server.ts";
import { serveSns } from "./sns-harness.ts";

const missing = PYTHON_BOTO3 === undefined ? "no Python with boto3 (set LAMBENT_TEST_PYTHON)" : false;

async function runs(t: TestContext, database?: Database): Promise<void> {
  const probe = await run(PYTHON_BOTO3 ?? "", ["-c", "import boto3"]);
  if (probe.code !== 0) return t.skip("this Python has no boto3 (set LAMBENT_TEST_PYTHON)");
  const { endpoint } = await serveSns(t, database === undefined ? {} : { database });
  const path = join(import.meta.dirname, "python", "sns_parity.py");
  const { code, stdout, stderr } = await run(PYTHON_BOTO3 ?? "", [path, endpoint], { timeoutMs: 60_000 });
  assert.equal(stderr, "");
  assert.equal(stdout.trim(), "ok");
  assert.equal(code, 0);
}

test("answers and refusals, field by field", { skip: missing }, (t) => runs(t));

test("topics, messages and deduplication on PostgreSQL", async (t) => {
  const postgres = await startPostgres();
  if (postgres === undefined) return t.skip("no initdb and postgres on this machine");
  t.after(() => postgres.stop());
  const { socket: host, username } = postgres;
  const database = await openPostgres({
    host,
    port: 5432,
    database: "postgres",
    username,
    migrations: [...outboxMigrations, ...migrations],
    now: 0,
  });
  const served = await serveSns(t, { database });
  const topic = await served.topic("t.fifo", { FifoTopic: "true", ContentBasedDeduplication: "true" });
  await served.queue("q.fifo", { FifoQueue: "true" });
  await served.subscribeQueue(topic, "q.fifo", { RawMessageDelivery: "true" });
  const group = { MessageGroupId: "g" };
  const first = await served.publish(topic, "one", group);
  assert.deepEqual(await served.publish(topic, "one", group), first);
  await served.publish(topic, "two", group);
  assert.deepEqual(
    (await served.receive("q.fifo", 2)).map(({ Body }) => Body),
    ["one", "two"],
  );
  const plain = await served.topic("t");
  await served.queue("q");
  await served.subscribeQueue(plain, "q");
  await served.publish(plain, "signed");
  assert.match((await served.receive("q"))[0]?.Body ?? "", /"Signature": "[A-Za-z0-9+/]{342}=="/u);
});
