/** A function that reacts to a table, and a policy that lets a user see its own items only. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  CreateTableCommand,
  DeleteItemCommand,
  DescribeTableCommand,
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
  UpdateItemCommand,
} from "@aws-sdk/client-dynamodb";
import {
  CreateAccessKeyCommand,
  CreateUserCommand,
  IAMClient,
  PutUserPolicyCommand,
} from "@aws-sdk/client-iam";
import { CreateEventSourceMappingCommand, GetEventSourceMappingCommand } from "@aws-sdk/client-lambda";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { clients, refusal } from "./client.ts";
import { SDK_CONFIG, startServer, until } from "./server.ts";

const ID = {
  BillingMode: "PAY_PER_REQUEST",
  KeySchema: [{ AttributeName: "id", KeyType: "HASH" }],
  AttributeDefinitions: [{ AttributeName: "id", AttributeType: "S" }],
} as const;

const HANDLER = `
import json

def handler(event, context):
    for record in event["Records"]:
        print("SEEN " + json.dumps(record))
`;

interface Seen {
  readonly eventID: string;
  readonly eventName: string;
  readonly eventSource: string;
  readonly eventSourceARN: string;
  readonly dynamodb: Readonly<Record<string, unknown>>;
}

test("insert, change and removal reach a function in order, in AWS's shape", async () => {
  await using server = await startServer();
  const db = new DynamoDBClient({ ...SDK_CONFIG, endpoint: server.endpoint, maxAttempts: 1 });
  const functions = clients(server);
  try {
    const TableName = "orders";
    await db.send(
      new CreateTableCommand({
        TableName,
        BillingMode: ID.BillingMode,
        KeySchema: [...ID.KeySchema],
        AttributeDefinitions: [...ID.AttributeDefinitions],
        StreamSpecification: { StreamEnabled: true, StreamViewType: "NEW_AND_OLD_IMAGES" },
      }),
    );
    const { Table } = await db.send(new DescribeTableCommand({ TableName }));
    await functions.create("react", { "app.py": HANDLER });
    const { UUID } = await functions.lambda.send(
      new CreateEventSourceMappingCommand({
        FunctionName: "react",
        EventSourceArn: Table?.LatestStreamArn,
        StartingPosition: "TRIM_HORIZON",
      }),
    );
    await until("the mapping is enabled", async () => {
      const { State } = await functions.lambda.send(new GetEventSourceMappingCommand({ UUID }));
      return State === "Enabled";
    });
    const Key = { id: { S: "a" } };
    await db.send(new PutItemCommand({ TableName, Item: { ...Key, blob: { B: Uint8Array.of(1, 2, 3) } } }));
    await db.send(
      new UpdateItemCommand({
        TableName,
        Key,
        UpdateExpression: "SET price = :p REMOVE #b",
        ExpressionAttributeNames: { "#b": "blob" },
        ExpressionAttributeValues: { ":p": { N: "1.10" } },
      }),
    );
    await db.send(new DeleteItemCommand({ TableName, Key }));
    let lines: readonly string[] = [];
    await until("three records were seen", async () => {
      lines = await functions.lines("react", "SEEN");
      return lines.length >= 3;
    });
    const seen = lines.map((line) => JSON.parse(line.slice(line.indexOf("SEEN ") + 5)) as Seen);
    assert.deepEqual(
      seen.map(({ eventName }) => eventName),
      ["INSERT", "MODIFY", "REMOVE"],
    );
    const [insert, modify, remove] = seen.map(({ dynamodb }) => dynamodb);
    assert.deepEqual(insert?.["NewImage"], { id: { S: "a" }, blob: { B: "AQID" } });
    assert.deepEqual(modify?.["OldImage"], insert?.["NewImage"]);
    assert.deepEqual(modify?.["NewImage"], { id: { S: "a" }, price: { N: "1.1" } });
    assert.deepEqual(remove?.["OldImage"], modify?.["NewImage"]);
    assert.equal(remove?.["NewImage"], undefined);
    for (const { eventSource, eventSourceARN, dynamodb } of seen) {
      assert.equal(eventSource, "aws:dynamodb");
      assert.equal(eventSourceARN, Table?.LatestStreamArn);
      assert.deepEqual(dynamodb["Keys"], Key);
      assert.equal(typeof dynamodb["ApproximateCreationDateTime"], "number");
      assert.equal(dynamodb["StreamViewType"], "NEW_AND_OLD_IMAGES");
    }
  } finally {
    db.destroy();
    functions.destroy();
  }
});

test("dynamodb:LeadingKeys holds a user to its own items, however the request is written", async () => {
  await using server = await startServer({ flags: ["--iam", "enforce"] });
  const rootKey = JSON.parse(readFileSync(join(server.dataDir, "root-key.json"), "utf8")) as {
    accessKeyId: string;
    secretAccessKey: string;
  };
  const config = { region: SDK_CONFIG.region, endpoint: server.endpoint, maxAttempts: 1 };
  const root = new DynamoDBClient({ ...config, credentials: rootKey });
  const iam = new IAMClient({ ...config, credentials: rootKey });
  const TableName = "notes";
  await root.send(
    new CreateTableCommand({
      TableName,
      BillingMode: "PAY_PER_REQUEST",
      KeySchema: [
        { AttributeName: "owner", KeyType: "HASH" },
        { AttributeName: "note", KeyType: "RANGE" },
      ],
      AttributeDefinitions: [
        { AttributeName: "owner", AttributeType: "S" },
        { AttributeName: "note", AttributeType: "S" },
      ],
    }),
  );
  await until("the table is active", async () => {
    const { Table } = await root.send(new DescribeTableCommand({ TableName }));
    return Table?.TableStatus === "ACTIVE";
  });
  await iam.send(new CreateUserCommand({ UserName: "ann" }));
  const Statement = {
    Effect: "Allow",
    Action: ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query"],
    Resource: "*",
    Condition: { "ForAllValues:StringEquals": { "dynamodb:LeadingKeys": ["ann"] } },
  };
  await iam.send(
    new PutUserPolicyCommand({
      UserName: "ann",
      PolicyName: "own",
      PolicyDocument: JSON.stringify({ Version: "2012-10-17", Statement: [Statement] }),
    }),
  );
  const { AccessKey } = await iam.send(new CreateAccessKeyCommand({ UserName: "ann" }));
  const credentials = {
    accessKeyId: AccessKey?.AccessKeyId ?? "",
    secretAccessKey: AccessKey?.SecretAccessKey ?? "",
  };
  const ann = new DynamoDBClient({ ...config, credentials });
  const key = (owner: string, note = "n"): Record<string, { S: string }> => ({
    owner: { S: owner },
    note: { S: note },
  });
  await root.send(new PutItemCommand({ TableName, Item: key("bob") }));
  await ann.send(new PutItemCommand({ TableName, Item: key("ann", "bob") }));
  const own = await ann.send(new GetItemCommand({ TableName, Key: key("ann", "bob") }));
  assert.deepEqual(own.Item, key("ann", "bob"));
  const query = (KeyConditionExpression: string, mine: string, other: string): QueryCommand =>
    new QueryCommand({
      TableName,
      KeyConditionExpression,
      ExpressionAttributeNames: { "#o": "owner", "#n": "note" },
      ExpressionAttributeValues: { ":a": { S: mine }, ":b": { S: other } },
    });
  assert.equal((await ann.send(query("#o = :a AND #n = :b", "ann", "bob"))).Count, 1);
  for (const hidden of [
    () => ann.send(new GetItemCommand({ TableName, Key: key("bob") })),
    () => ann.send(new GetItemCommand({ TableName, Key: { note: { S: "ann" }, owner: { S: "bob" } } })),
    () => ann.send(new PutItemCommand({ TableName, Item: key("bob") })),
    () => ann.send(query("#n = :a AND #o = :b", "ann", "bob")),
    () => ann.send(query(":b = #o AND #n > :a", "ann", "bob")),
  ]) {
    assert.equal((await refusal(hidden())).name, "AccessDeniedException");
  }
  for (const client of [root, iam, ann]) client.destroy();
});
