/** Tags of resources decide who may use them, where policies are enforced. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { type Client, createClient } from "../../src/aws/client.ts";
import { startServer } from "./server.ts";

const ARN = "us-east-1:000000000000";
const TAGS = [{ Key: "team", Value: "blue" }];
const OTHERS = [{ Key: "team", Value: "red" }];

interface Made {
  readonly mine: object;
  readonly other: object;
}

/** Two of a kind, of which one has the tag; the operation is then asked for with each. */
interface Kind {
  readonly service: string;
  readonly operation: string;
  make(root: Client): Promise<Made>;
}

const KINDS: readonly Kind[] = [
  {
    service: "sqs",
    operation: "SendMessage",
    async make(root) {
      const queue = async (QueueName: string, team: string): Promise<object> => {
        const made = await root.call("sqs", "CreateQueue", { QueueName, tags: { team } });
        return { ...made, MessageBody: "x" };
      };
      return { mine: await queue("a", "blue"), other: await queue("b", "red") };
    },
  },
  {
    service: "sns",
    operation: "Publish",
    async make(root) {
      const topic = async (Name: string, Tags: object): Promise<object> => {
        const made = await root.call("sns", "CreateTopic", { Name, Tags });
        return { ...made, Message: "x" };
      };
      return { mine: await topic("a", TAGS), other: await topic("b", OTHERS) };
    },
  },
  {
    service: "dynamodb",
    operation: "PutItem",
    async make(root) {
      const table = async (TableName: string, Tags: object): Promise<object> => {
        await root.call("dynamodb", "CreateTable", {
          TableName,
          Tags,
          BillingMode: "PAY_PER_REQUEST",
          AttributeDefinitions: [{ AttributeName: "id", AttributeType: "S" }],
          KeySchema: [{ AttributeName: "id", KeyType: "HASH" }],
        });
        return { TableName, Item: { id: { S: "1" } } };
      };
      return { mine: await table("table-a", TAGS), other: await table("table-b", OTHERS) };
    },
  },
  {
    service: "events",
    operation: "DisableRule",
    async make(root) {
      const rule = async (Name: string, Tags: object): Promise<object> => {
        await root.call("events", "PutRule", { Name, Tags, ScheduleExpression: "rate(1 day)" });
        return { Name };
      };
      return { mine: await rule("a", TAGS), other: await rule("b", OTHERS) };
    },
  },
  {
    service: "logs",
    operation: "PutRetentionPolicy",
    async make(root) {
      const group = async (logGroupName: string, team: string): Promise<object> => {
        await root.call("logs", "CreateLogGroup", { logGroupName, tags: { team } });
        return { logGroupName, retentionInDays: 7 };
      };
      return { mine: await group("a", "blue"), other: await group("b", "red") };
    },
  },
];

test("a tag opens a queue, a topic, a table, a rule, a log group", async (t) => {
  await using server = await startServer({ flags: ["--iam", "enforce", "--pool", "0"] });
  const client = (credentials: { accessKeyId: string; secretAccessKey: string }): Client =>
    createClient({ endpoint: server.endpoint, region: "us-east-1", credentials });
  const root = client(JSON.parse(readFileSync(join(server.dataDir, "root-key.json"), "utf8")));
  await root.call("iam", "CreateUser", { UserName: "ann" });
  const { AccessKey } = (await root.call("iam", "CreateAccessKey", { UserName: "ann" })) as {
    AccessKey: { AccessKeyId: string; SecretAccessKey: string };
  };
  const ann = client({ accessKeyId: AccessKey.AccessKeyId, secretAccessKey: AccessKey.SecretAccessKey });
  const Condition = { StringEquals: { "aws:ResourceTag/team": "blue" } };
  const PolicyDocument = JSON.stringify({
    Version: "2012-10-17",
    Statement: [{ Effect: "Allow", Action: "*", Resource: `arn:aws:*:${ARN}:*`, Condition }],
  });
  await root.call("iam", "PutUserPolicy", { UserName: "ann", PolicyName: "p", PolicyDocument });
  for (const { service, operation, make } of KINDS) {
    await t.test(service, async () => {
      const { mine, other } = await make(root);
      await ann.call(service, operation, { ...mine });
      await assert.rejects(ann.call(service, operation, { ...other }), /is not authorized to perform/);
    });
  }
});
