/**
 * What a function may do, and what comes twice: J39 (least privilege), J44 (no key in the code), J45
 * (an event that is delivered again), with boto3 inside and the AWS CLI outside.
 */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { DynamoDBClient, GetItemCommand } from "@aws-sdk/client-dynamodb";
import { rawZip } from "../../src/testing/zip.ts";
import { AWS_CLIS } from "./aws-cli.ts";
import { arnOf, cliSession, configOf, executionRole, grant, type CliSession } from "./cli-session.ts";
import { startServer, until, type RunningServer } from "./server.ts";

// The settings hold the account's key: the server enforces policies.
const cli = AWS_CLIS[1];
const skip = cli?.skip ?? false;

/** Writes a payment. A batch that comes for the first time fails after its writes. */
const PAY = `import os
import boto3
from botocore.exceptions import ClientError

table = boto3.resource("dynamodb").Table("payments")

def handler(event, context):
    for record in event["Records"]:
        order = record["body"]
        table.update_item(Key={"id": "naive/" + order}, UpdateExpression="ADD times :one",
                          ExpressionAttributeValues={":one": 1})
        try:
            table.put_item(Item={"id": "seen/" + record["messageId"]},
                           ConditionExpression="attribute_not_exists(id)")
            table.update_item(Key={"id": "careful/" + order}, UpdateExpression="ADD times :one",
                              ExpressionAttributeValues={":one": 1})
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
        if record["attributes"]["ApproximateReceiveCount"] == "1":
            raise RuntimeError("the connection was lost after the payment")
`;
const WHO = `import os
import boto3

def handler(event, context):
    return {
        "key": os.environ["AWS_ACCESS_KEY_ID"][:4],
        "token": len(os.environ["AWS_SESSION_TOKEN"]) > 0,
        "arn": boto3.client("sts").get_caller_identity()["Arn"],
    }
`;
const WRITE = `import boto3

table = boto3.resource("dynamodb").Table("payments")

def handler(event, context):
    try:
        table.put_item(Item={"id": "written"})
        return "written"
    except Exception as error:
        return [error.response["Error"]["Code"], error.response["Error"]["Message"]]
`;

let server: RunningServer;
let folder: string;
let aws: CliSession;

before(async () => {
  if (skip !== false || cli === undefined) return;
  server = await startServer({ flags: ["--iam", "enforce"], env: { LAMBENT_SDK: "auto" } });
  folder = mkdtempSync(join(tmpdir(), "lambent-journeys-roles-"));
  aws = cliSession(cli, server, folder);
  await aws.ok(
    `dynamodb create-table --table-name payments --billing-mode PAY_PER_REQUEST
     --attribute-definitions AttributeName=id,AttributeType=S --key-schema AttributeName=id,KeyType=HASH`,
  );
});
after(async () => {
  await server?.[Symbol.asyncDispose]();
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
});

async function create(name: string, code: string, role: string): Promise<void> {
  writeFileSync(join(folder, `${name}.zip`), rawZip([{ name: "app.py", body: code }]));
  await aws.ok(
    `lambda create-function --function-name ${name} --runtime python3.12 --handler app.handler
     --role ${role} --timeout 10 --memory-size 512 --zip-file fileb://${name}.zip`,
  );
}

async function invoke(name: string): Promise<string> {
  await aws.ok(`lambda invoke --function-name ${name} ${name}.json`);
  return readFileSync(join(folder, `${name}.json`), "utf8");
}

const NO_SDK = /No module named 'boto3'/;

test("a role without the permission, and what it takes (J39)", { skip }, async (t) => {
  const role = await executionRole(server, "writer", ["logs:*"]);
  await create("writer", WRITE, role);
  const refused = await invoke("writer");
  if (NO_SDK.test(refused)) return t.skip("boto3 could not be installed");
  const table = "arn:aws:dynamodb:us-east-1:000000000000:table/payments";
  assert.deepEqual(JSON.parse(refused), [
    "AccessDeniedException",
    `User: arn:aws:sts::000000000000:assumed-role/writer/writer is not authorized to perform: dynamodb:PutItem on resource: ${table} because no identity-based policy allows the dynamodb:PutItem action`,
  ]);
  await grant(server, "writer", ["dynamodb:PutItem"], table);
  assert.equal(await invoke("writer"), '"written"');
});

test("no key in the code: the role's session is there (J44)", { skip }, async (t) => {
  await create("who", WHO, await executionRole(server, "who", ["logs:*"]));
  const answer = await invoke("who");
  if (NO_SDK.test(answer)) return t.skip("boto3 could not be installed");
  assert.deepEqual(JSON.parse(answer), {
    key: "ASIA",
    token: true,
    arn: "arn:aws:sts::000000000000:assumed-role/who/who",
  });
});

test("a message that comes twice is paid twice, unless the function remembers (J45)", { skip }, async (t) => {
  const table = new DynamoDBClient(await configOf(server));
  t.after(() => table.destroy());
  const role = await executionRole(server, "payer", [
    "logs:*",
    "sqs:ReceiveMessage",
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
    "dynamodb:PutItem",
    "dynamodb:UpdateItem",
  ]);
  await create("payer", PAY, role);
  if (NO_SDK.test(await invoke("payer"))) return t.skip("boto3 could not be installed");
  const { QueueUrl } = await aws.ok(
    "sqs create-queue --queue-name payments --attributes VisibilityTimeout=10",
  );
  await aws.ok(
    `lambda create-event-source-mapping --function-name payer --event-source-arn ${arnOf.queue("payments")}`,
  );
  await aws.ok(`sqs send-message --queue-url ${QueueUrl} --message-body order-1`);
  const times = async (kind: string): Promise<string | undefined> => {
    const { Item } = await table.send(
      new GetItemCommand({
        TableName: "payments",
        ConsistentRead: true,
        Key: { id: { S: `${kind}/order-1` } },
      }),
    );
    return Item?.["times"]?.N;
  };
  await until("it was paid once", async () => (await times("naive")) === "1");
  await until("it was paid again", async () => (await times("naive")) === "2", 40);
  assert.equal(await times("careful"), "1");
});
