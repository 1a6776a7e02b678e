/** DynamoDB as its users call it: boto3 with resources and waiters, both AWS CLIs, and a server that is killed. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import {
  CreateTableCommand,
  DescribeTableCommand,
  DynamoDBClient,
  GetItemCommand,
  ProvisionedThroughputExceededException,
  PutItemCommand,
  QueryCommand,
  UpdateItemCommand,
} from "@aws-sdk/client-dynamodb";
import {
  DescribeStreamCommand,
  DynamoDBStreamsClient,
  GetRecordsCommand,
  GetShardIteratorCommand,
  type _Record,
} from "@aws-sdk/client-dynamodb-streams";
import { AWS_CLIS } from "./aws-cli.ts";
import {
  clientEnv,
  PYTHON_BOTO3,
  run,
  SDK_CONFIG,
  startServer,
  until,
  type RunningServer,
} from "./server.ts";

let server: RunningServer;
let folder: string;

before(async () => {
  server = await startServer();
  folder = mkdtempSync(join(tmpdir(), "lambent-dynamodb-clients-"));
});

after(async () => {
  await server[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

const SCRIPT = `
import json
from decimal import Decimal
import boto3
from boto3.dynamodb.conditions import Attr, Key
from boto3.dynamodb.types import Binary

dynamodb = boto3.resource("dynamodb")
table = dynamodb.create_table(
    TableName="music",
    KeySchema=[{"AttributeName": "artist", "KeyType": "HASH"}, {"AttributeName": "song", "KeyType": "RANGE"}],
    AttributeDefinitions=[{"AttributeName": "artist", "AttributeType": "S"}, {"AttributeName": "song", "AttributeType": "S"}],
    BillingMode="PAY_PER_REQUEST",
)
assert table.table_status == "CREATING", table.table_status
table.wait_until_exists()
table.reload()
assert table.table_status == "ACTIVE"
item = {"artist": "a", "song": "s1", "price": Decimal("1.10"), "cover": Binary(b"\\x00\\xff"), "tags": {"x", "y"},
        "sizes": {Decimal(1), Decimal("2.5")}, "meta": {"live": True, "none": None, "list": [Decimal("1E+3"), "z"]}}
table.put_item(Item=item)
assert table.get_item(Key={"artist": "a", "song": "s1"})["Item"] == item
with table.batch_writer() as batch:
    for number in range(60):
        batch.put_item(Item={"artist": "b", "song": "s%02d" % number, "n": number})
found = table.query(KeyConditionExpression=Key("artist").eq("b") & Key("song").between("s10", "s19"),
                    FilterExpression=Attr("n").gte(15), ProjectionExpression="song")
assert [one["song"] for one in found["Items"]] == ["s15", "s16", "s17", "s18", "s19"], found
pages = dynamodb.meta.client.get_paginator("scan").paginate(TableName="music", PaginationConfig={"PageSize": 7})
assert sum(page["Count"] for page in pages) == 61
try:
    table.put_item(Item=item, ConditionExpression=Attr("artist").not_exists())
    raise AssertionError("the condition held")
except dynamodb.meta.client.exceptions.ConditionalCheckFailedException as error:
    assert error.response["Error"]["Message"] == "The conditional request failed"
updated = table.update_item(Key={"artist": "a", "song": "s1"}, UpdateExpression="ADD price :p SET meta.live = :f",
                            ExpressionAttributeValues={":p": Decimal("0.05"), ":f": False}, ReturnValues="UPDATED_NEW")
assert updated["Attributes"] == {"price": Decimal("1.15"), "meta": {"live": False}}, updated
client = dynamodb.meta.client
try:
    client.transact_write_items(TransactItems=[
        {"Put": {"TableName": "music", "Item": {"artist": "c", "song": "s"}, "ConditionExpression": "attribute_exists(artist)"}},
        {"Delete": {"TableName": "music", "Key": {"artist": "a", "song": "s1"}}}])
    raise AssertionError("the transaction went through")
except client.exceptions.TransactionCanceledException as error:
    assert str(error) == ("An error occurred (TransactionCanceledException) when calling the TransactWriteItems operation: "
        "Transaction cancelled, please refer cancellation reasons for specific reasons [ConditionalCheckFailed, None]"), error
    assert [reason["Code"] for reason in error.response["CancellationReasons"]] == ["ConditionalCheckFailed", "None"]
try:
    client.create_table(TableName="music", KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}], BillingMode="PAY_PER_REQUEST")
except client.exceptions.ResourceInUseException as error:
    assert error.response["Error"]["Message"] == "Table already exists: music"
table.delete()
table.wait_until_not_exists()
print(json.dumps({"tables": [each.name for each in dynamodb.tables.all()]}))
`;

test("boto3: resources, waiters, paginators, conditions, transactions", async (t) => {
  if (PYTHON_BOTO3 === undefined) return t.skip("no Python with boto3 (LAMBENT_TEST_PYTHON)");
  const probe = await run(PYTHON_BOTO3, ["-c", "import boto3"]);
  if (probe.code !== 0) return t.skip("this Python has no boto3 (LAMBENT_TEST_PYTHON)");
  const ran = await run(PYTHON_BOTO3, ["-c", SCRIPT], { env: clientEnv(server), timeoutMs: 90_000 });
  assert.equal(ran.code, 0, ran.stderr);
  assert.ok(Array.isArray((JSON.parse(ran.stdout) as { tables: string[] }).tables));
});

describe("both generations of the AWS CLI", { concurrency: true }, () => {
  for (const cli of AWS_CLIS) {
    test(`${cli.name}: a table, an item, a query, its stream`, { skip: cli.skip }, async () => {
      const name = `cli-${cli.suffix}`;
      const aws = async (...args: string[]): Promise<Record<string, unknown>> => {
        const { code, stdout, stderr } = await cli.run(server, folder, [...args, "--output", "json"]);
        assert.equal(code, 0, stderr);
        return (stdout.trim() === "" ? {} : JSON.parse(stdout)) as Record<string, unknown>;
      };
      await aws(
        ...["dynamodb", "create-table", "--table-name", name, "--billing-mode", "PAY_PER_REQUEST"],
        ...["--key-schema", "AttributeName=id,KeyType=HASH"],
        ...["--attribute-definitions", "AttributeName=id,AttributeType=S"],
        ...["--stream-specification", "StreamEnabled=true,StreamViewType=NEW_IMAGE"],
      );
      await aws("dynamodb", "wait", "table-exists", "--table-name", name);
      const item = join(folder, `${name}.json`);
      writeFileSync(item, JSON.stringify({ id: { S: "a" }, n: { N: "1.0" } }));
      await aws("dynamodb", "put-item", "--table-name", name, "--item", `file://${item}`);
      const found = await aws(
        ...["dynamodb", "query", "--table-name", name, "--key-condition-expression", "id = :id"],
        ...["--expression-attribute-values", '{":id":{"S":"a"}}'],
      );
      assert.deepEqual(found["Items"], [{ id: { S: "a" }, n: { N: "1" } }]);
      const { Streams } = await aws("dynamodbstreams", "list-streams", "--table-name", name);
      assert.equal((Streams as unknown[]).length, 1);
      await aws("dynamodb", "delete-table", "--table-name", name);
      await aws("dynamodb", "wait", "table-not-exists", "--table-name", name);
    });
  }
});

const WORKERS = 16;
/** Workers that all count in one item, so that their writes share commits. */
const COUNTING = 4;
/** Writes that are answered before the server is killed; others are under way then. */
const ANSWERED = 400;

interface Clients {
  readonly db: DynamoDBClient;
  readonly streams: DynamoDBStreamsClient;
}

function clientsOf({ endpoint }: RunningServer): Clients {
  const config = { ...SDK_CONFIG, endpoint, maxAttempts: 1 };
  return { db: new DynamoDBClient(config), streams: new DynamoDBStreamsClient(config) };
}

async function allRecords({ db, streams }: Clients): Promise<_Record[]> {
  const { Table } = await db.send(new DescribeTableCommand({ TableName: "burst" }));
  const StreamArn = Table?.LatestStreamArn;
  const { StreamDescription } = await streams.send(new DescribeStreamCommand({ StreamArn }));
  const ShardId = StreamDescription?.Shards?.[0]?.ShardId;
  const start = { StreamArn, ShardId, ShardIteratorType: "TRIM_HORIZON" } as const;
  let { ShardIterator } = await streams.send(new GetShardIteratorCommand(start));
  const records: _Record[] = [];
  for (;;) {
    const page = await streams.send(new GetRecordsCommand({ ShardIterator }));
    if ((page.Records ?? []).length === 0) return records;
    records.push(...(page.Records ?? []));
    ShardIterator = page.NextShardIterator;
  }
}

test("--dynamodb-throughput enforce throttles a table that has used five minutes of its units", async () => {
  await using strict = await startServer({ flags: ["--dynamodb-throughput", "enforce"] });
  const { db, streams } = clientsOf(strict);
  const TableName = "small";
  await db.send(
    new CreateTableCommand({
      TableName,
      KeySchema: [{ AttributeName: "id", KeyType: "HASH" }],
      AttributeDefinitions: [{ AttributeName: "id", AttributeType: "S" }],
      ProvisionedThroughput: { ReadCapacityUnits: 1, WriteCapacityUnits: 1 },
    }),
  );
  // 390 units of 300.
  const Item = { id: { S: "large" }, x: { S: "x".repeat(390 * 1024) } };
  await db.send(new PutItemCommand({ TableName, Item }));
  await assert.rejects(db.send(new PutItemCommand({ TableName, Item: { id: { S: "a" } } })), (error) => {
    assert.ok(error instanceof ProvisionedThroughputExceededException);
    const [reason] = error.ThrottlingReasons ?? [];
    assert.equal(reason?.reason, "TableWriteProvisionedThroughputExceeded");
    return reason?.resource?.endsWith(":table/small") === true;
  });
  db.destroy();
  streams.destroy();
});

test("kill -9 amid writes: items, index and stream tell the same, and nothing answered is lost", async () => {
  const dataDir = mkdtempSync(join(tmpdir(), "lambent-dynamodb-kill-"));
  try {
    const first = await startServer({ dataDir });
    const { db, streams } = clientsOf(first);
    await db.send(
      new CreateTableCommand({
        TableName: "burst",
        BillingMode: "PAY_PER_REQUEST",
        KeySchema: [{ AttributeName: "id", KeyType: "HASH" }],
        AttributeDefinitions: [
          { AttributeName: "id", AttributeType: "S" },
          { AttributeName: "g", AttributeType: "S" },
        ],
        GlobalSecondaryIndexes: [
          {
            IndexName: "byG",
            KeySchema: [{ AttributeName: "g", KeyType: "HASH" }],
            Projection: { ProjectionType: "KEYS_ONLY" },
          },
        ],
        StreamSpecification: { StreamEnabled: true, StreamViewType: "NEW_IMAGE" },
      }),
    );
    const answered = new Set<string>();
    let counted = 0;
    let next = 0;
    const killed = new AbortController();
    const work = Array.from({ length: WORKERS }, async (_each, worker) => {
      while (!killed.signal.aborted) {
        const id = `i${String((next += 1))}`;
        try {
          if (worker < COUNTING) {
            await db.send(
              new UpdateItemCommand({
                TableName: "burst",
                Key: { id: { S: "counter" } },
                UpdateExpression: "ADD n :one SET g = :g",
                ExpressionAttributeValues: { ":one": { N: "1" }, ":g": { S: "counter" } },
              }),
            );
            counted += 1;
          } else {
            await db.send(new PutItemCommand({ TableName: "burst", Item: { id: { S: id }, g: { S: "x" } } }));
            answered.add(id);
          }
        } catch {
          return;
        }
      }
    });
    await until("enough writes are answered", () => answered.size >= ANSWERED, 60);
    await first.kill();
    killed.abort();
    await Promise.all(work);
    db.destroy();
    streams.destroy();

    const second = await startServer({ dataDir });
    const after = clientsOf(second);
    const query = async (g: string): Promise<string[]> => {
      const ids: string[] = [];
      let ExclusiveStartKey: Record<string, never> | undefined;
      do {
        const page = await after.db.send(
          new QueryCommand({
            TableName: "burst",
            IndexName: "byG",
            KeyConditionExpression: "g = :g",
            ExpressionAttributeValues: { ":g": { S: g } },
            ExclusiveStartKey,
          }),
        );
        ids.push(...(page.Items ?? []).map((item) => item["id"]?.S ?? ""));
        ExclusiveStartKey = page.LastEvaluatedKey as typeof ExclusiveStartKey;
      } while (ExclusiveStartKey !== undefined);
      return ids;
    };
    const indexed = new Set(await query("x"));
    const lost = [...answered].filter((id) => !indexed.has(id));
    assert.deepEqual(lost, [], "answered and not in the index");
    const counter = await after.db.send(
      new GetItemCommand({ TableName: "burst", Key: { id: { S: "counter" } } }),
    );
    const count = Number(counter.Item?.["n"]?.N ?? 0);
    assert.ok(count >= counted && count <= counted + COUNTING, `${String(count)} of ${String(counted)}`);
    const records = await allRecords(after);
    const inserted = records.flatMap(({ dynamodb }) =>
      dynamodb?.NewImage?.["g"]?.S === "x" ? [dynamodb.Keys?.["id"]?.S ?? ""] : [],
    );
    assert.deepEqual(new Set(inserted), indexed, "stream and index");
    const counts = records.flatMap(({ dynamodb }) => dynamodb?.NewImage?.["n"]?.N ?? []);
    assert.deepEqual(
      counts,
      Array.from({ length: count }, (_each, index) => String(index + 1)),
    );
    const { Table } = await after.db.send(new DescribeTableCommand({ TableName: "burst" }));
    assert.equal(Table?.ItemCount, indexed.size + 1);
    // It goes on as if nothing had been.
    await after.db.send(new PutItemCommand({ TableName: "burst", Item: { id: { S: "after" } } }));
    assert.equal((await allRecords(after)).length, records.length + 1);
    after.db.destroy();
    after.streams.destroy();
    await second.stop();
  } finally {
    rmSync(dataDir, { recursive: true, force: true });
  }
});
