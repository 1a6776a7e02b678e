/** SNS topics with functions, queues and web servers behind them, through the AWS SDK. */
import assert from "node:assert/strict";
import { createVerify, X509Certificate } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import process from "node:process";
import { after, before, describe, test } from "node:test";
import { CloudWatchLogsClient, FilterLogEventsCommand } from "@aws-sdk/client-cloudwatch-logs";
import { AddPermissionCommand } from "@aws-sdk/client-lambda";
import * as allOfSns from "@aws-sdk/client-sns";
import {
  CreateTopicCommand,
  ListSubscriptionsByTopicCommand,
  PublishCommand,
  SetTopicAttributesCommand,
  SNSClient,
  SubscribeCommand,
} from "@aws-sdk/client-sns";
import {
  CreateUserCommand,
  CreateAccessKeyCommand,
  IAMClient,
  PutUserPolicyCommand,
} from "@aws-sdk/client-iam";
import { CreateQueueCommand, ReceiveMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { AWS_CLIS } from "./aws-cli.ts";
import { clients, type Clients } from "./client.ts";
import { lambent, SDK_CONFIG, startServer, until, type RunningServer } from "./server.ts";

const ACCOUNT = "000000000000";
/** Subscribes from inside its sandbox. */
const SUBSCRIBER = `import os, urllib.parse, urllib.request
def handler(event, context):
    body = urllib.parse.urlencode({'Action': 'Subscribe', 'Version': '2010-03-31', **event}).encode()
    return urllib.request.urlopen(os.environ['AWS_ENDPOINT_URL'], body).status
`;
const ECHO = `import json
def handler(event, context):
    print("EVENT " + json.dumps(event))
`;

interface Line {
  readonly notification: Readonly<Record<string, string>>;
  readonly delivery: Readonly<Record<string, unknown>>;
  readonly status: string;
}

let server: RunningServer;
let api: Clients;
let sns: SNSClient;
let sqs: SQSClient;

function connect(): void {
  api = clients(server);
  sns = new SNSClient({ ...SDK_CONFIG, endpoint: server.endpoint });
  sqs = new SQSClient({ ...SDK_CONFIG, endpoint: server.endpoint });
}

function disconnect(): void {
  api?.destroy();
  sns?.destroy();
  sqs?.destroy();
}

before(async () => {
  server = await startServer();
  connect();
});
after(async () => {
  disconnect();
  await server?.[Symbol.asyncDispose]();
});

async function topic(Name: string): Promise<string> {
  return (await sns.send(new CreateTopicCommand({ Name }))).TopicArn ?? "";
}

/** The events that the function has printed. */
async function events(name: string): Promise<Record<string, unknown>[]> {
  const lines = await api.lines(name, "EVENT").catch(() => []);
  return lines.map((line) => JSON.parse(line.slice(line.indexOf("{"))) as Record<string, unknown>);
}

test("a function is called with AWS's event, a queue gets AWS's JSON", async () => {
  await api.create("listener", { "app.py": ECHO });
  const TopicArn = await topic("news");
  const QueueUrl = (await sqs.send(new CreateQueueCommand({ QueueName: "news" }))).QueueUrl ?? "";
  await api.lambda.send(
    new AddPermissionCommand({
      FunctionName: "listener",
      StatementId: "sns",
      Action: "lambda:InvokeFunction",
      Principal: "sns.amazonaws.com",
      SourceArn: TopicArn,
    }),
  );
  const Endpoint = `arn:aws:lambda:us-east-1:${ACCOUNT}:function:listener`;
  const { SubscriptionArn } = await sns.send(
    new SubscribeCommand({ TopicArn, Protocol: "lambda", Endpoint }),
  );
  await sns.send(
    new SubscribeCommand({ TopicArn, Protocol: "sqs", Endpoint: `arn:aws:sqs:us-east-1:${ACCOUNT}:news` }),
  );
  const { MessageId } = await sns.send(
    new PublishCommand({
      TopicArn,
      Message: "Hello",
      MessageAttributes: { store: { DataType: "String", StringValue: "a" } },
    }),
  );
  await until("the function was called", async () => (await events("listener")).length > 0);
  const [event] = await events("listener");
  const [record] = (event as { Records: Record<string, unknown>[] }).Records;
  const { Sns: message, ...rest } = record as { Sns: Record<string, unknown> };
  assert.deepEqual(rest, {
    EventSource: "aws:sns",
    EventVersion: "1.0",
    EventSubscriptionArn: SubscriptionArn,
  });
  const { Timestamp, Signature, SigningCertUrl, UnsubscribeUrl, ...plain } = message;
  assert.deepEqual(plain, {
    Type: "Notification",
    MessageId,
    TopicArn,
    Subject: null,
    Message: "Hello",
    SignatureVersion: "1",
    MessageAttributes: { store: { Type: "String", Value: "a" } },
  });
  assert.match(String(Timestamp), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/u);
  assert.match(String(Signature), /^[A-Za-z0-9+/]{342}==$/u);
  assert.match(String(SigningCertUrl), /\/SimpleNotificationService-[0-9a-f]{32}\.pem$/u);
  assert.equal(
    UnsubscribeUrl,
    `${server.endpoint}/?Action=Unsubscribe&SubscriptionArn=${SubscriptionArn ?? ""}`,
  );

  const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 10 }));
  const body = JSON.parse(Messages[0]?.Body ?? "") as Record<string, unknown>;
  assert.deepEqual(Object.keys(body), [
    "Type",
    "MessageId",
    "TopicArn",
    "Message",
    "Timestamp",
    "SignatureVersion",
    "Signature",
    "SigningCertURL",
    "UnsubscribeURL",
    "MessageAttributes",
  ]);
  assert.equal(body["Message"], "Hello");
});

describe("both generations of the AWS CLI", { concurrency: true }, () => {
  for (const cli of AWS_CLIS) {
    test(
      `${cli.name}: topics, subscriptions, messages, and texts in lambent outbox`,
      { skip: cli.skip },
      async (t) => {
        const aws = async (...args: string[]): Promise<Record<string, unknown>> => {
          const { code, stdout, stderr } = await cli.run(server, process.cwd(), [
            "sns",
            ...args,
            "--output",
            "json",
          ]);
          assert.equal(code, 0, stderr);
          return (stdout.trim() === "" ? {} : JSON.parse(stdout)) as Record<string, unknown>;
        };
        const name = `cli-${cli.suffix}`;
        const arn = String((await aws("create-topic", "--name", name))["TopicArn"]);
        t.after(() => aws("delete-topic", "--topic-arn", arn));
        await aws(
          "subscribe",
          "--topic-arn",
          arn,
          "--protocol",
          "sms",
          "--notification-endpoint",
          "+15550100",
        );
        const { Subscriptions } = await aws("list-subscriptions-by-topic", "--topic-arn", arn);
        assert.equal((Subscriptions as unknown[]).length, 1);
        const { MessageId } = await aws("publish", "--topic-arn", arn, "--message", `hello ${cli.suffix}`);
        const shown = await lambent(server, ["outbox", "--json"]);
        const mails = JSON.parse(shown.stdout) as { messageId: string; to: string; body: string }[];
        const mail = mails.find(({ messageId }) => messageId === MessageId);
        assert.equal(mail?.to, "+15550100");
        assert.equal(mail?.body, `hello ${cli.suffix}`);
        assert.match(
          (await lambent(server, ["outbox"])).stdout,
          new RegExp(`sms \\+15550100\n  hello ${cli.suffix}\n`, "u"),
        );
      },
    );
  }
});

test("the certificate is where the messages say it is", async () => {
  const TopicArn = await topic("signed");
  const QueueUrl = (await sqs.send(new CreateQueueCommand({ QueueName: "signed" }))).QueueUrl ?? "";
  const Endpoint = `arn:aws:sqs:us-east-1:${ACCOUNT}:signed`;
  await sns.send(new SubscribeCommand({ TopicArn, Protocol: "sqs", Endpoint }));
  await sns.send(new PublishCommand({ TopicArn, Message: "hello" }));
  const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 10 }));
  const body = JSON.parse(Messages[0]?.Body ?? "") as Record<string, string>;
  const url = body["SigningCertURL"] ?? "";
  const answer = await fetch(url);
  assert.equal(answer.status, 200);
  const verify = createVerify("RSA-SHA1");
  for (const field of ["Message", "MessageId", "Timestamp", "TopicArn", "Type"]) {
    verify.update(`${field}\n${body[field] ?? ""}\n`);
  }
  const { publicKey } = new X509Certificate(await answer.text());
  assert.ok(verify.verify(publicKey, body["Signature"] ?? "", "base64"));
  assert.equal((await fetch(url.replace(/[0-9a-f]{32}/u, "0".repeat(32)))).status, 404);
});

test("what Publish answered is delivered by the next server when this one is killed", async () => {
  const TopicArn = await topic("kept");
  const QueueUrl = (await sqs.send(new CreateQueueCommand({ QueueName: "kept" }))).QueueUrl ?? "";
  await sns.send(
    new SubscribeCommand({
      TopicArn,
      Protocol: "sqs",
      Endpoint: `arn:aws:sqs:us-east-1:${ACCOUNT}:kept`,
      Attributes: { RawMessageDelivery: "true" },
    }),
  );
  const answered: string[] = [];
  const sending = Array.from({ length: 40 }, async (_, index) => {
    const Message = `m${String(index)}`;
    await sns.send(new PublishCommand({ TopicArn, Message }));
    answered.push(Message);
  });
  await until("half of them are answered", () => answered.length >= 20);
  const { dataDir, port } = server;
  await server.kill();
  await Promise.allSettled(sending);
  disconnect();
  server = await startServer({ dataDir, port });
  connect();
  const received = new Set<string>();
  await until("everything that was answered has arrived", async () => {
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10, WaitTimeSeconds: 1 }),
    );
    for (const { Body = "" } of Messages) received.add(Body);
    return answered.every((message) => received.has(message));
  });
});

test("a topic that asks for it has its deliveries logged, failures apart", async () => {
  const role = `arn:aws:iam::${ACCOUNT}:role/feedback`;
  const Attributes = { LambdaSuccessFeedbackRoleArn: role, SQSFailureFeedbackRoleArn: role };
  const { TopicArn = "" } = await sns.send(new CreateTopicCommand({ Name: "told", Attributes }));
  await api.create("hears", { "app.py": ECHO });
  await api.lambda.send(
    new AddPermissionCommand({
      FunctionName: "hears",
      StatementId: "sns",
      Action: "lambda:InvokeFunction",
      Principal: "sns.amazonaws.com",
      SourceArn: TopicArn,
    }),
  );
  const hears = `arn:aws:lambda:us-east-1:${ACCOUNT}:function:hears`;
  const nowhere = `arn:aws:sqs:us-east-1:${ACCOUNT}:nowhere`;
  await sns.send(new SubscribeCommand({ TopicArn, Protocol: "lambda", Endpoint: hears }));
  await sns.send(new SubscribeCommand({ TopicArn, Protocol: "sqs", Endpoint: nowhere }));
  const { MessageId } = await sns.send(new PublishCommand({ TopicArn, Message: "hello" }));
  const logs = new CloudWatchLogsClient({ ...SDK_CONFIG, endpoint: server.endpoint });
  const line = async (logGroupName: string): Promise<Line> => {
    let text = "";
    await until(`a line in ${logGroupName}`, async () => {
      const { events: found = [] } = await logs.send(new FilterLogEventsCommand({ logGroupName }));
      text = found[0]?.message ?? "";
      return text !== "";
    });
    return JSON.parse(text) as Line;
  };
  const group = `sns/us-east-1/${ACCOUNT}/told`;
  const good = await line(group);
  const { timestamp, ...notification } = good.notification;
  assert.match(timestamp ?? "", /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}$/u);
  const messageMD5Sum = "5d41402abc4b2a76b9719d911017c592";
  assert.deepEqual(notification, { messageMD5Sum, messageId: MessageId, topicArn: TopicArn });
  assert.equal(good.status, "SUCCESS");
  assert.equal(good.delivery["destination"], hears);
  assert.equal(good.delivery["statusCode"], 202);
  const bad = await line(`${group}/Failure`);
  assert.equal(bad.status, "FAILURE");
  assert.equal(bad.delivery["destination"], nowhere);
  assert.match(String(bad.delivery["providerResponse"]), /QueueDoesNotExist/u);
  logs.destroy();
});

test("what a function subscribed reaches public addresses alone, until somebody outside subscribes it, too", async (t) => {
  const TopicArn = await topic("inward");
  const asked: string[] = [];
  const web = createServer((request, response) => {
    asked.push(request.headers["x-amz-sns-message-type"] as string);
    response.end();
  }).listen(0, "127.0.0.1");
  await once(web, "listening");
  t.after(() => web.close());
  const Endpoint = `http://127.0.0.1:${String((web.address() as AddressInfo).port)}/`;
  await api.create("subscriber", { "app.py": SUBSCRIBER });
  const { payload } = await api.invoke("subscriber", { TopicArn, Protocol: "http", Endpoint });
  assert.equal(payload, 200);
  await until("the log tells why", () =>
    server.output().includes("127.0.0.1 is not a public address, and a function made this subscription"),
  );
  assert.match(server.output(), /aws sns subscribe … from outside/u);
  assert.deepEqual(asked, []);
  await sns.send(new SubscribeCommand({ TopicArn, Protocol: "http", Endpoint }));
  await until("the web server is asked to confirm", () => asked.length > 0);
  assert.deepEqual(asked, ["SubscriptionConfirmation"]);
});

/** What ann has no right to, with the action and the resource that the refusal names. */
async function refusesEveryOperation(
  ann: SNSClient,
  topicArn: string,
  subscriptionArn: string,
): Promise<void> {
  const Policy = JSON.stringify({
    Version: "2012-10-17",
    Statement: [{ Effect: "Deny", Principal: "*", Action: "sns:Publish", Resource: topicArn }],
  });
  await sns.send(
    new SetTopicAttributesCommand({ TopicArn: topicArn, AttributeName: "Policy", AttributeValue: Policy }),
  );
  const topic = { TopicArn: topicArn };
  const application = { PlatformApplicationArn: `arn:aws:sns:us-east-1:${ACCOUNT}:app/GCM/a` };
  const device = { EndpointArn: `arn:aws:sns:us-east-1:${ACCOUNT}:endpoint/GCM/a/1` };
  const Attributes = { Enabled: "true" };
  const calls: Readonly<Record<string, object>> = {
    AddPermission: { ...topic, Label: "l", AWSAccountId: [ACCOUNT], ActionName: ["Publish"] },
    CheckIfPhoneNumberIsOptedOut: { phoneNumber: "+15550100" },
    ConfirmSubscription: { ...topic, Token: "x" },
    CreatePlatformApplication: { Name: "a", Platform: "GCM", Attributes: { PlatformCredential: "x" } },
    CreatePlatformEndpoint: { ...application, Token: "x" },
    CreateTopic: { Name: "guarded" },
    DeleteEndpoint: device,
    DeletePlatformApplication: application,
    DeleteTopic: topic,
    GetDataProtectionPolicy: { ResourceArn: topicArn },
    GetEndpointAttributes: device,
    GetPlatformApplicationAttributes: application,
    GetSMSAttributes: {},
    GetSMSSandboxAccountStatus: {},
    GetSubscriptionAttributes: { SubscriptionArn: subscriptionArn },
    GetTopicAttributes: topic,
    ListEndpointsByPlatformApplication: application,
    ListOriginationNumbers: {},
    ListPhoneNumbersOptedOut: {},
    ListSMSSandboxPhoneNumbers: {},
    ListPlatformApplications: {},
    ListSubscriptions: {},
    ListSubscriptionsByTopic: topic,
    ListTagsForResource: { ResourceArn: topicArn },
    ListTopics: {},
    OptInPhoneNumber: { phoneNumber: "+15550100" },
    Publish: { ...topic, Message: "x" },
    PublishBatch: { ...topic, PublishBatchRequestEntries: [{ Id: "1", Message: "x" }] },
    PutDataProtectionPolicy: { ResourceArn: topicArn, DataProtectionPolicy: "{}" },
    RemovePermission: { ...topic, Label: "l" },
    SetEndpointAttributes: { ...device, Attributes },
    SetPlatformApplicationAttributes: { ...application, Attributes },
    SetSMSAttributes: { attributes: { DefaultSMSType: "Promotional" } },
    SetSubscriptionAttributes: { SubscriptionArn: subscriptionArn, AttributeName: "RawMessageDelivery" },
    SetTopicAttributes: { ...topic, AttributeName: "DisplayName", AttributeValue: "x" },
    Subscribe: { ...topic, Protocol: "sms", Endpoint: "+15550100" },
    TagResource: { ResourceArn: topicArn, Tags: [{ Key: "k", Value: "v" }] },
    Unsubscribe: { SubscriptionArn: subscriptionArn },
    UntagResource: { ResourceArn: topicArn, TagKeys: ["k"] },
  };
  const commands = allOfSns as unknown as Record<string, new (input: object) => never>;
  for (const [operation, input] of Object.entries(calls)) {
    const Command = commands[`${operation}Command`];
    assert.ok(Command !== undefined, operation);
    const action = operation === "PublishBatch" ? "Publish" : operation;
    await assert.rejects(
      async () => ann.send(new Command(input)) as Promise<unknown>,
      {
        name: "AuthorizationErrorException",
        message: new RegExp(
          `^User: arn:aws:iam::${ACCOUNT}:user/ann is not authorized to perform: SNS:${action} on resource: \\S+ `,
          "u",
        ),
      },
      operation,
    );
  }
}

test("with --iam enforce: links need no key, everything else what its policies say", async () => {
  const { dataDir, port } = server;
  disconnect();
  await server.stop();
  server = await startServer({ dataDir, port, flags: ["--iam", "enforce"] });
  const root = JSON.parse(readFileSync(join(dataDir, "root-key.json"), "utf8")) as {
    accessKeyId: string;
    secretAccessKey: string;
  };
  const config = { ...SDK_CONFIG, endpoint: server.endpoint, maxAttempts: 1 };
  const iam = new IAMClient({ ...config, credentials: root });
  sns = new SNSClient({ ...config, credentials: root });
  const TopicArn = await topic("guarded");
  await sns.send(new SubscribeCommand({ TopicArn, Protocol: "email", Endpoint: "a@b.c" }));
  const { stdout } = await lambent(server, ["outbox", "--json"]);
  const [mail] = JSON.parse(stdout) as { body: string }[];
  const link = /http:\S+Action=ConfirmSubscription\S+/u.exec(mail?.body ?? "")?.[0] ?? "";
  assert.equal((await fetch(link)).status, 200);
  const { Subscriptions } = await sns.send(new ListSubscriptionsByTopicCommand({ TopicArn }));
  const arn = Subscriptions?.[0]?.SubscriptionArn ?? "";
  assert.ok(arn.startsWith(TopicArn), "the link has confirmed");
  const post = await fetch(
    `${server.endpoint}/?Action=Publish&Version=2010-03-31&Message=x&TopicArn=${TopicArn}`,
  );
  assert.equal(post.status, 403);

  await iam.send(new CreateUserCommand({ UserName: "ann" }));
  const { AccessKey } = await iam.send(new CreateAccessKeyCommand({ UserName: "ann" }));
  const credentials = {
    accessKeyId: AccessKey?.AccessKeyId ?? "",
    secretAccessKey: AccessKey?.SecretAccessKey ?? "",
  };
  const ann = new SNSClient({ ...config, credentials });
  const publish = (): Promise<unknown> => ann.send(new PublishCommand({ TopicArn, Message: "x" }));
  await assert.rejects(publish(), {
    name: "AuthorizationErrorException",
    message: new RegExp(
      `^User: arn:aws:iam::${ACCOUNT}:user/ann is not authorized to perform: SNS:Publish on resource: ${TopicArn} because`,
      "u",
    ),
  });
  const statement = { Effect: "Allow", Action: "sns:Publish", Resource: TopicArn };
  const PolicyDocument = JSON.stringify({ Version: "2012-10-17", Statement: [statement] });
  await iam.send(new PutUserPolicyCommand({ UserName: "ann", PolicyName: "p", PolicyDocument }));
  await publish();
  await assert.rejects(ann.send(new ListSubscriptionsByTopicCommand({ TopicArn })), {
    name: "AuthorizationErrorException",
  });
  const role = `arn:aws:iam::${ACCOUNT}:role/feedback`;
  const AttributeName = "SQSFailureFeedbackRoleArn";
  const mayChange = {
    Effect: "Allow",
    Action: ["sns:Publish", "sns:SetTopicAttributes"],
    Resource: TopicArn,
  };
  const Changes = JSON.stringify({ Version: "2012-10-17", Statement: [mayChange] });
  await iam.send(new PutUserPolicyCommand({ UserName: "ann", PolicyName: "p", PolicyDocument: Changes }));
  await assert.rejects(
    ann.send(new SetTopicAttributesCommand({ TopicArn, AttributeName, AttributeValue: role })),
    /iam:PassRole on resource/u,
  );
  await iam.send(new PutUserPolicyCommand({ UserName: "ann", PolicyName: "p", PolicyDocument }));
  await refusesEveryOperation(ann, TopicArn, arn);
  ann.destroy();
  iam.destroy();
  const unsubscribe = `${server.endpoint}/?Action=Unsubscribe&SubscriptionArn=${arn}`;
  assert.equal((await fetch(unsubscribe)).status, 200);
  assert.deepEqual((await sns.send(new ListSubscriptionsByTopicCommand({ TopicArn }))).Subscriptions, []);
});
