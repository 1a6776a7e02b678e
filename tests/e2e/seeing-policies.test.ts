/** Where policies are enforced: a refused delivery and a refused poll say what they lack. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import {
  EventBridgeClient,
  PutEventsCommand,
  PutRuleCommand,
  PutTargetsCommand,
} from "@aws-sdk/client-eventbridge";
import { CreateQueueCommand, SetQueueAttributesCommand, SQSClient } from "@aws-sdk/client-sqs";
import { createClient } from "../../src/aws/client.ts";
import { zip } from "../../src/testing/zip.ts";
import { arnOf, configOf } from "./cli-session.ts";
import { ROOT, startServer, until } from "./server.ts";

const statement = (more: object): string =>
  JSON.stringify({ Version: "2012-10-17", Statement: [{ Effect: "Allow", ...more }] });
const TRUST = statement({ Principal: { Service: "lambda.amazonaws.com" }, Action: "sts:AssumeRole" });

test("what policies refuse says which command lets it in, and where the event went", async () => {
  await using strict = await startServer({ flags: ["--iam", "enforce"] });
  const config = await configOf(strict);
  const [queues, events] = [new SQSClient(config), new EventBridgeClient(config)];
  try {
    const child = spawn(process.execPath, [join(ROOT, "bin/lambent.js"), "logs", "-f"], {
      stdio: ["ignore", "pipe", "ignore"],
      env: { ...process.env, LAMBENT_DATA_DIR: strict.dataDir, NO_COLOR: "1" },
    });
    const ended = new Promise((resolve) => child.once("exit", resolve));
    let text = "";
    child.stdout.on("data", (chunk: Buffer) => (text += chunk.toString()));
    const dead = (await queues.send(new CreateQueueCommand({ QueueName: "dead" }))).QueueUrl ?? "";
    await queues.send(new CreateQueueCommand({ QueueName: "q" }));
    const Policy = JSON.stringify({
      Version: "2012-10-17",
      Statement: [
        {
          Effect: "Allow",
          Principal: { Service: "events.amazonaws.com" },
          Action: "sqs:SendMessage",
          Resource: arnOf.queue("dead"),
        },
      ],
    });
    await queues.send(new SetQueueAttributesCommand({ QueueUrl: dead, Attributes: { Policy } }));
    await events.send(new PutRuleCommand({ Name: "r", EventPattern: '{"source":["shop"]}' }));
    const DeadLetterConfig = { Arn: arnOf.queue("dead") };
    await events.send(
      new PutTargetsCommand({ Rule: "r", Targets: [{ Id: "1", Arn: arnOf.queue("q"), DeadLetterConfig }] }),
    );
    // It follows from some moment on: events are sent until one of them is told of.
    await until("the failure is told", async () => {
      await events.send(
        new PutEventsCommand({ Entries: [{ Source: "shop", DetailType: "order", Detail: "{}" }] }),
      );
      return text.includes("FAILED");
    });
    child.kill("SIGTERM");
    await ended;
    assert.match(
      text,
      /⇢ events rule r → sqs q FAILED AccessDenied: .*sqs:sendmessage.*; sent to sqs dead\n *→ next: add to the resource's policy: \{"Effect":"Allow","Principal":\{"Service":"events\.amazonaws\.com"\},"Action":"sqs:SendMessage","Resource":"arn:aws:sqs:us-east-1:000000000000:q"/,
    );
  } finally {
    queues.destroy();
    events.destroy();
  }
});

test("a role that may not read its stream any more is told what it lacks", async () => {
  await using strict = await startServer({ flags: ["--iam", "enforce"] });
  const aws = createClient(await configOf(strict));
  const RoleName = "reader";
  await aws.call("iam", "CreateRole", { RoleName, AssumeRolePolicyDocument: TRUST });
  const may = {
    RoleName,
    PolicyName: "may",
    PolicyDocument: statement({ Action: "dynamodb:*", Resource: "*" }),
  };
  await aws.call("iam", "PutRolePolicy", may);
  await aws.call("lambda", "CreateFunction", {
    FunctionName: "f",
    Runtime: "python3.12",
    Handler: "app.handler",
    Role: arnOf.role(RoleName),
    Code: { ZipFile: zip({ "app.py": "def handler(event, context): pass\n" }) },
  });
  const { TableDescription } = await aws.call("dynamodb", "CreateTable", {
    TableName: "table",
    BillingMode: "PAY_PER_REQUEST",
    KeySchema: [{ AttributeName: "id", KeyType: "HASH" }],
    AttributeDefinitions: [{ AttributeName: "id", AttributeType: "S" }],
    StreamSpecification: { StreamEnabled: true, StreamViewType: "KEYS_ONLY" },
  });
  const EventSourceArn = (TableDescription as { LatestStreamArn: string }).LatestStreamArn;
  await until("the mapping is accepted", () =>
    aws
      .call("lambda", "CreateEventSourceMapping", {
        FunctionName: "f",
        EventSourceArn,
        StartingPosition: "LATEST",
      })
      .then(() => true),
  );
  await aws.call("iam", "DeleteRolePolicy", { RoleName, PolicyName: "may" });
  await until("the log says what is missing", () => {
    const log = readFileSync(join(strict.dataDir, "server.log"), "utf8");
    return /"AccessDeniedException: .*add to the identity policy: .*dynamodb:(GetRecords|DescribeStream|GetShardIterator)/.test(
      log,
    );
  });
});

test("a destination that the role may not invoke any more is not invoked, and the log says what it lacks", async () => {
  await using strict = await startServer({ flags: ["--iam", "enforce"] });
  const aws = createClient(await configOf(strict));
  const RoleName = "sender";
  await aws.call("iam", "CreateRole", { RoleName, AssumeRolePolicyDocument: TRUST });
  for (const FunctionName of ["first", "second"]) {
    await aws.call("lambda", "CreateFunction", {
      FunctionName,
      Runtime: "python3.12",
      Handler: "app.handler",
      Role: arnOf.role(RoleName),
      Code: { ZipFile: zip({ "app.py": "def handler(event, context): return 'done'\n" }) },
    });
  }
  const told = {
    FunctionName: "first",
    DestinationConfig: { OnSuccess: { Destination: arnOf.function("second") } },
  };
  await assert.rejects(aws.call("lambda", "PutFunctionEventInvokeConfig", told), {
    code: "InvalidParameterValueException",
    message:
      /^The function execution role does not have permissions to call InvokeFunction on arn:aws:lambda:/,
  });
  const PolicyDocument = statement({ Action: "lambda:InvokeFunction", Resource: arnOf.function("second") });
  await aws.call("iam", "PutRolePolicy", { RoleName, PolicyName: "may", PolicyDocument });
  await aws.call("lambda", "PutFunctionEventInvokeConfig", told);
  const event = { FunctionName: "first", InvocationType: "Event", Payload: Buffer.from("{}") };
  await aws.call("lambda", "Invoke", event);
  const ranOnce = async (): Promise<number> => {
    const logGroupName = "/aws/lambda/second";
    const { events = [] } = (await aws
      .call("logs", "FilterLogEvents", { logGroupName, filterPattern: "REPORT" })
      .catch(() => ({}))) as { events?: object[] };
    return events.length;
  };
  await until("the second function ran", async () => (await ranOnce()) === 1);

  await aws.call("iam", "DeleteRolePolicy", { RoleName, PolicyName: "may" });
  await aws.call("lambda", "Invoke", event);
  await until("the log says what is missing", () => {
    const log = readFileSync(join(strict.dataDir, "server.log"), "utf8");
    return log
      .split("\n")
      .some(
        (line) =>
          line.includes(
            `User: arn:aws:sts::000000000000:assumed-role/${RoleName}/first is not authorized to perform: lambda:InvokeFunction on resource: ${arnOf.function("second")} because no identity-based policy allows the lambda:InvokeFunction action`,
          ) && line.includes("add to the identity policy"),
      );
  });
  assert.equal(await ranOnce(), 1);
});
