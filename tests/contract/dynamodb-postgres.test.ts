/** DynamoDB's store on PostgreSQL: every statement of it runs there and means the same. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { openPostgres } from "../../src/adapters/cluster/postgres-database.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import { migrations } from "../../src/services/dynamodb/index.ts";
import { item, openDynamodb, PK_SK, type Output } from "../services/dynamodb-harness.ts";
import { startPostgres, type PostgresServer } from "./postgres-server.ts";

let postgres: PostgresServer | undefined;
before(async () => {
  postgres = await startPostgres();
});
after(async () => {
  await postgres?.stop();
});

const G = { AttributeName: "g", AttributeType: "S" };

test("tables, items, indexes, transactions, streams and expiry on PostgreSQL", async (t) => {
  if (postgres === undefined) return t.skip("no initdb and postgres on this machine");
  const { socket: host, username } = postgres;
  const clock = systemClock();
  const open = (): ReturnType<typeof openPostgres> =>
    openPostgres({ host, port: 5432, database: "postgres", username, migrations, now: clock.now() });
  const h = await openDynamodb(t, { openDatabase: open });
  const T = { TableName: "things" };
  await h.table("things", {
    AttributeDefinitions: [...PK_SK.AttributeDefinitions, G],
    LocalSecondaryIndexes: [
      {
        IndexName: "local",
        KeySchema: [
          { AttributeName: "pk", KeyType: "HASH" },
          { AttributeName: "g", KeyType: "RANGE" },
        ],
        Projection: { ProjectionType: "ALL" },
      },
    ],
    StreamSpecification: { StreamEnabled: true, StreamViewType: "NEW_IMAGE" },
    Tags: [{ Key: "a", Value: "1" }],
  });
  const all = Array.from({ length: 25 }, (_each, sk) => item({ pk: "a", sk, g: `g${String(sk % 5)}` }));
  await Promise.all(all.map((one) => h.put("things", one)));
  const add = {
    ...T,
    Key: item({ pk: "a", sk: 1 }),
    UpdateExpression: "ADD n :one",
    ExpressionAttributeValues: { ":one": { N: "1" } },
  };
  await Promise.all(Array.from({ length: 10 }, () => h.call("UpdateItem", add)));
  assert.deepEqual((await h.get("things", add.Key)).n, { N: "10" });

  const found: number[] = [];
  let ExclusiveStartKey: Output;
  do {
    const page: Output = await h.call("Query", {
      ...T,
      IndexName: "local",
      KeyConditionExpression: "pk = :pk AND g BETWEEN :from AND :to",
      ExpressionAttributeValues: { ":pk": { S: "a" }, ":from": { S: "g1" }, ":to": { S: "g2" } },
      Limit: 3,
      ScanIndexForward: false,
      ...(ExclusiveStartKey === undefined ? {} : { ExclusiveStartKey }),
    });
    found.push(...page.Items.map((one: Output) => Number(one.sk.N)));
    ExclusiveStartKey = page.LastEvaluatedKey;
  } while (ExclusiveStartKey !== undefined);
  assert.deepEqual(found, [22, 17, 12, 7, 2, 21, 16, 11, 6, 1]);
  let scanned = 0;
  for (const Segment of [0, 1]) scanned += (await h.call("Scan", { ...T, Segment, TotalSegments: 2 })).Count;
  assert.equal(scanned, 25);

  const Create = {
    IndexName: "byG",
    KeySchema: [{ AttributeName: "g", KeyType: "HASH" }],
    Projection: { ProjectionType: "KEYS_ONLY" },
  };
  await h.call("UpdateTable", {
    ...T,
    AttributeDefinitions: [...PK_SK.AttributeDefinitions, G],
    GlobalSecondaryIndexUpdates: [{ Create }],
  });
  const filled = await h.active("things");
  assert.equal(filled.GlobalSecondaryIndexes[0].ItemCount, 25);
  assert.equal(filled.ItemCount, 25);

  const request = {
    TransactItems: [
      { Put: { ...T, Item: item({ pk: "b", sk: 1 }) } },
      { Delete: { ...T, Key: item({ pk: "a", sk: 0 }), ConditionExpression: "attribute_exists(g)" } },
    ],
    ClientRequestToken: "token",
  };
  await h.call("TransactWriteItems", request);
  await h.call("TransactWriteItems", request);
  const read = await h.call("BatchGetItem", {
    RequestItems: { things: { Keys: [item({ pk: "a", sk: 0 }), item({ pk: "b", sk: 1 })] } },
  });
  assert.deepEqual(read.Responses.things, [item({ pk: "b", sk: 1 })]);

  const records = await h.records("things");
  assert.equal(records.length, 25 + 10 + 2);
  const numbers = records.map((record) => record.dynamodb.SequenceNumber as string);
  assert.deepEqual(numbers, numbers.toSorted());
  assert.equal((await h.call("ListStreams")).Streams.length, 1);

  await h.call("UpdateTimeToLive", {
    ...T,
    TimeToLiveSpecification: { Enabled: true, AttributeName: "ttl" },
  });
  await h.active("things");
  await h.put("things", item({ pk: "old", sk: 1, ttl: Math.floor(h.clock.now() / 1000) - 5 }));
  for (;;) {
    await h.dynamodb.sweep();
    if ((await h.get("things", item({ pk: "old", sk: 1 }))) === undefined) break;
    await h.clock.sleep(10);
  }
  const again = await h.reopen();
  assert.equal((await again.active("things")).ItemCount, 25);
  await again.call("DeleteTable", T);
  while ((await again.call("ListTables")).TableNames.length > 0) await again.clock.sleep(10);
  await again.dynamodb.sweep();
  const [left] = await again.database().read<{ n: number }>("SELECT COUNT(*) AS n FROM ddb_items");
  assert.equal(left?.n, 0);
});

test("two servers on one database: no increment is lost, one claim wins, the stream has one order", async (t) => {
  if (postgres === undefined) return t.skip("no initdb and postgres on this machine");
  const { socket: host, username } = postgres;
  const now = systemClock().now();
  const open = (): ReturnType<typeof openPostgres> =>
    openPostgres({ host, port: 5432, database: "postgres", username, migrations, now });
  const servers = [
    await openDynamodb(t, { openDatabase: open }),
    await openDynamodb(t, { openDatabase: open }),
  ] as const;
  const [h] = servers;
  const T = { TableName: "shared" };
  await h.table("shared", { StreamSpecification: { StreamEnabled: true, StreamViewType: "NEW_IMAGE" } });
  const EACH = 25;
  const add = {
    ...T,
    Key: item({ pk: "counter", sk: 1 }),
    UpdateExpression: "ADD n :one",
    ExpressionAttributeValues: { ":one": { N: "1" } },
  };
  const claim = (server: number, n: number): Output =>
    servers[server]
      ?.put(
        "shared",
        { ...item({ pk: "lock", sk: 1 }), owner: { S: `${String(server)}/${String(n)}` } },
        { ConditionExpression: "attribute_not_exists(pk)" },
      )
      .then(
        () => `${String(server)}/${String(n)}`,
        ({ code }: Output) => code as string,
      );
  const claims: string[] = await Promise.all(
    [0, 1].flatMap((server) =>
      Array.from({ length: EACH }, async (_each, n) => {
        await servers[server]?.call("UpdateItem", add);
        return claim(server, n);
      }),
    ),
  );
  const winners = claims.filter((one) => one !== "ConditionalCheckFailedException");
  assert.equal(winners.length, 1, JSON.stringify(winners));
  assert.equal((await servers[1].get("shared", item({ pk: "lock", sk: 1 }))).owner.S, winners[0]);
  assert.equal((await h.get("shared", add.Key)).n.N, String(2 * EACH));
  const counts = (await servers[1].records("shared")).flatMap(({ dynamodb }) => dynamodb.NewImage.n?.N ?? []);
  assert.deepEqual(
    counts,
    Array.from({ length: 2 * EACH }, (_each, n) => String(n + 1)),
  );
});
