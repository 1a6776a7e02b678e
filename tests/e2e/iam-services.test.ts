/** The sentences of the services that hold data, and their resource policies, with policies enforced. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { CreateTableCommand, DynamoDBClient, GetItemCommand, PutItemCommand } from "@aws-sdk/client-dynamodb";
import {
  CreateAccessKeyCommand,
  CreateUserCommand,
  IAMClient,
  PutUserPolicyCommand,
} from "@aws-sdk/client-iam";
import {
  CreateBucketCommand,
  DeletePublicAccessBlockCommand,
  GetObjectCommand,
  ListBucketsCommand,
  ListObjectsV2Command,
  PutBucketPolicyCommand,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import {
  CreateQueueCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SetQueueAttributesCommand,
  SQSClient,
} from "@aws-sdk/client-sqs";
import { refusal } from "./client.ts";
import { type RunningServer, SDK_CONFIG, startServer } from "./server.ts";

const ACCOUNT = "000000000000";
const ANN = `arn:aws:iam::${ACCOUNT}:user/ann`;
const QUEUE = `arn:aws:sqs:us-east-1:${ACCOUNT}:orders`;
const TABLE = `arn:aws:dynamodb:us-east-1:${ACCOUNT}:table/orders`;

interface Keys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

interface Session {
  readonly iam: IAMClient;
  readonly s3: S3Client;
  readonly sqs: SQSClient;
  readonly dynamodb: DynamoDBClient;
}

let server: RunningServer;
let root: Session;
let ann: Session;
let queueUrl: string;
const made: { destroy(): void }[] = [];

function as(credentials: Keys): Session {
  const config = { region: SDK_CONFIG.region, endpoint: server.endpoint, credentials, maxAttempts: 1 };
  const session = {
    iam: new IAMClient(config),
    s3: new S3Client({ ...config, forcePathStyle: true }),
    sqs: new SQSClient(config),
    dynamodb: new DynamoDBClient(config),
  };
  made.push(...Object.values(session));
  return session;
}

const policy = (...Statement: object[]): string => JSON.stringify({ Version: "2012-10-17", Statement });

async function grant(...statements: object[]): Promise<void> {
  const PolicyDocument = policy(...statements);
  await root.iam.send(new PutUserPolicyCommand({ UserName: "ann", PolicyName: "p", PolicyDocument }));
}

async function refused(call: Promise<unknown>): Promise<readonly [string, unknown, string]> {
  const error = await refusal(call);
  const { $metadata } = error as unknown as { $metadata: { httpStatusCode: number } };
  return [error.name, $metadata.httpStatusCode, error.message];
}

const denied = (action: string, resource: string): string =>
  `User: ${ANN} is not authorized to perform: ${action} on resource: ${resource} because no identity-based policy allows the ${action} action`;

before(async () => {
  server = await startServer({ flags: ["--iam", "enforce"] });
  root = as(JSON.parse(readFileSync(join(server.dataDir, "root-key.json"), "utf8")) as Keys);
  await root.iam.send(new CreateUserCommand({ UserName: "ann" }));
  const { AccessKey } = await root.iam.send(new CreateAccessKeyCommand({ UserName: "ann" }));
  ann = as({ accessKeyId: AccessKey?.AccessKeyId ?? "", secretAccessKey: AccessKey?.SecretAccessKey ?? "" });
  await root.s3.send(new CreateBucketCommand({ Bucket: "papers" }));
  await root.s3.send(new PutObjectCommand({ Bucket: "papers", Key: "open/a", Body: "text" }));
  await root.s3.send(new PutObjectCommand({ Bucket: "papers", Key: "shut/a", Body: "text" }));
  queueUrl = (await root.sqs.send(new CreateQueueCommand({ QueueName: "orders" }))).QueueUrl ?? "";
  await root.dynamodb.send(
    new CreateTableCommand({
      TableName: "orders",
      BillingMode: "PAY_PER_REQUEST",
      AttributeDefinitions: [{ AttributeName: "id", AttributeType: "S" }],
      KeySchema: [{ AttributeName: "id", KeyType: "HASH" }],
    }),
  );
});

after(async () => {
  for (const client of made) client.destroy();
  await server?.[Symbol.asyncDispose]();
});

test("S3: its code, its quotes, and the bucket's policy", async () => {
  const get = (Key: string): Promise<unknown> => ann.s3.send(new GetObjectCommand({ Bucket: "papers", Key }));
  assert.deepEqual(await refused(get("open/a")), [
    "AccessDenied",
    403,
    denied("s3:GetObject", '"arn:aws:s3:::papers/open/a"'),
  ]);
  assert.deepEqual(await refused(ann.s3.send(new ListObjectsV2Command({ Bucket: "papers" }))), [
    "AccessDenied",
    403,
    denied("s3:ListBucket", '"arn:aws:s3:::papers"'),
  ]);
  const [, , everything] = await refused(ann.s3.send(new ListBucketsCommand({})));
  assert.equal(
    everything,
    `User: ${ANN} is not authorized to perform: s3:ListAllMyBuckets because no identity-based policy allows the s3:ListAllMyBuckets action`,
  );
  const open = { Action: "s3:GetObject", Resource: "arn:aws:s3:::papers/open/*" };
  const put = (...statements: object[]): Promise<unknown> =>
    root.s3.send(new PutBucketPolicyCommand({ Bucket: "papers", Policy: policy(...statements) }));
  await put({ Effect: "Allow", Principal: { AWS: ANN }, ...open });
  await get("open/a");
  await refused(get("shut/a"));
  await grant({ Effect: "Allow", Action: "s3:*", Resource: "*" });
  await get("shut/a");
  await put({
    Effect: "Deny",
    Principal: "*",
    Action: "s3:GetObject",
    Resource: "arn:aws:s3:::papers/shut/*",
  });
  const [, , message] = await refused(get("shut/a"));
  assert.match(message, /"arn:aws:s3:::papers\/shut\/a" with an explicit deny in a resource-based policy$/);
  await grant({ Effect: "Deny", Action: "sts:None", Resource: "*" });

  const url = `${server.endpoint}/papers/open/a`;
  assert.equal((await fetch(url)).status, 403);
  await root.s3.send(new DeletePublicAccessBlockCommand({ Bucket: "papers" }));
  await put({ Effect: "Allow", Principal: "*", ...open });
  assert.equal(await (await fetch(url)).text(), "text");
  const shut = await fetch(`${server.endpoint}/papers/shut/a`);
  assert.equal(shut.status, 403);
  assert.match(await shut.text(), /<Code>AccessDenied<\/Code><Message>Access Denied<\/Message>/);
});

test("SQS: its code and its small letters, and the queue's policy", async () => {
  const send = (): Promise<unknown> =>
    ann.sqs.send(new SendMessageCommand({ QueueUrl: queueUrl, MessageBody: "x" }));
  const [code, status, message] = await refused(send());
  assert.equal(status, 403);
  assert.match(code, /^AccessDenied/);
  assert.equal(message, denied("sqs:sendmessage", QUEUE));
  const Policy = policy({
    Effect: "Allow",
    Principal: { AWS: ANN },
    Action: "sqs:SendMessage",
    Resource: QUEUE,
  });
  await root.sqs.send(new SetQueueAttributesCommand({ QueueUrl: queueUrl, Attributes: { Policy } }));
  await send();
  await refused(ann.sqs.send(new ReceiveMessageCommand({ QueueUrl: queueUrl })));
});

test("DynamoDB: least privilege, down to the leading key", async () => {
  const put = (id: string): Promise<unknown> =>
    ann.dynamodb.send(new PutItemCommand({ TableName: "orders", Item: { id: { S: id } } }));
  const get = (id: string): Promise<unknown> =>
    ann.dynamodb.send(new GetItemCommand({ TableName: "orders", Key: { id: { S: id } } }));
  assert.deepEqual(await refused(put("1")), [
    "AccessDeniedException",
    400,
    denied("dynamodb:PutItem", TABLE),
  ]);
  const Condition = { "ForAllValues:StringEquals": { "dynamodb:LeadingKeys": ["${aws:username}"] } };
  await grant(
    { Effect: "Allow", Action: "dynamodb:PutItem", Resource: TABLE },
    { Effect: "Allow", Action: "dynamodb:GetItem", Resource: TABLE, Condition },
  );
  await put("ann");
  await get("ann");
  await refused(get("bob"));
});
