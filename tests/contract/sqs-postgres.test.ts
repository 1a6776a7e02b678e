/** SQS's SQL is one for both engines: the model's random operations, and what the model does not do, on PostgreSQL. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { openPostgres } from "../../src/adapters/cluster/postgres-database.ts";
import type { Database } from "../../src/ports/database.ts";
import { migrations } from "../../src/services/sqs/index.ts";
import { arnOf, openSqs } from "../services/sqs-harness.ts";
import { runSeed } from "../services/sqs-model.ts";
import { startPostgres, type PostgresServer } from "./postgres-server.ts";

const postgres: PostgresServer | undefined = await startPostgres();
after(async () => {
  await postgres?.stop();
});
const skip = postgres === undefined ? "no initdb and postgres on this machine" : false;

const TABLES = [
  "queues",
  "deleted_queues",
  "garbage",
  "messages",
  "bodies",
  "groups",
  "deduplication",
  "move_tasks",
];

/** The one database, emptied. */
async function openDatabase(): Promise<Database> {
  const database = await openPostgres({
    host: postgres?.socket ?? "",
    port: 5432,
    database: "postgres",
    username: postgres?.username ?? "",
    migrations,
    now: 0,
  });
  await database.commit(TABLES.map((name) => ({ sql: `DELETE FROM sqs_${name}`, params: [] })));
  return database;
}

for (const fifo of [false, true]) {
  test(
    `random operations on a ${fifo ? "FIFO" : "standard"} queue keep to the model on PostgreSQL`,
    { skip },
    async (t) => {
      for (let seed = 101; seed <= 102; seed += 1) await runSeed(t, fifo, seed, { openDatabase });
    },
  );
}

test("settings, purge, move tasks and expiry on PostgreSQL", { skip }, async (t) => {
  const aws = await openSqs(t, { openDatabase });
  const dead = await aws.queue("dead.fifo", { DelaySeconds: "1" });
  const url = await aws.queue("q.fifo", {
    RedrivePolicy: JSON.stringify({ deadLetterTargetArn: arnOf("dead.fifo"), maxReceiveCount: 1 }),
  });
  const ids = (id: string): object => ({ MessageGroupId: "g", MessageDeduplicationId: id });
  const attributes = { k: { DataType: "Binary", BinaryValue: new Uint8Array([0, 255]) } };
  await aws.send(dead, "é😀", { ...ids("1"), MessageAttributes: attributes });
  await aws.call("SetQueueAttributes", { QueueUrl: dead, Attributes: { DelaySeconds: "0" } });
  assert.equal(await aws.attribute(dead, "ApproximateNumberOfMessages"), "1");
  await aws.call("StartMessageMoveTask", { SourceArn: arnOf("dead.fifo"), DestinationArn: arnOf("q.fifo") });
  const status = async (): Promise<string> =>
    (await aws.call("ListMessageMoveTasks", { SourceArn: arnOf("dead.fifo") })).Results[0].Status as string;
  while ((await status()) === "RUNNING") await aws.clock.advanceAsync(5);
  assert.equal(await status(), "COMPLETED");
  const [moved] = await aws.receive(url, { MessageAttributeNames: ["All"] });
  assert.deepEqual([moved.Body, moved.MessageAttributes], ["é😀", attributes]);
  await aws.call("PurgeQueue", { QueueUrl: url });
  await aws.send(url, "kept", ids("1"));
  await aws.send(url, "repeated", ids("1"));
  assert.deepEqual(await aws.bodies(url), ["kept"]);
  await aws.call("DeleteQueue", { QueueUrl: dead });
  await assert.rejects(aws.queue("dead.fifo"), { code: "QueueDeletedRecently" });
  const left = async (): Promise<number> => (await aws.database().read("SELECT seq FROM sqs_bodies")).length;
  await aws.clock.advanceAsync(345_600_000 + 2000);
  while ((await left()) > 0) await aws.clock.advanceAsync(10);
});
