/** Who may send events, make rules and receive them, in a server that enforces it. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import {
  CreateEventBusCommand,
  EventBridgeClient,
  PutEventsCommand,
  PutPermissionCommand,
  PutRuleCommand,
  PutTargetsCommand,
} from "@aws-sdk/client-eventbridge";
import {
  CreateAccessKeyCommand,
  CreateRoleCommand,
  CreateUserCommand,
  DeleteUserPolicyCommand,
  IAMClient,
  PutRolePolicyCommand,
  PutUserPolicyCommand,
} from "@aws-sdk/client-iam";
import {
  CreateQueueCommand,
  DeleteMessageCommand,
  ReceiveMessageCommand,
  SetQueueAttributesCommand,
  SQSClient,
} from "@aws-sdk/client-sqs";
import { startServer, until } from "../e2e/server.ts";

interface Keys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

const ACCOUNT = "000000000000";
const ARNS = `arn:aws:events:us-east-1:${ACCOUNT}`;
const BUS = `${ARNS}:event-bus/guarded`;
const RULE = `${ARNS}:rule/guarded/r`;
const queueArn = (name: string): string => `arn:aws:sqs:us-east-1:${ACCOUNT}:${name}`;

const document = (...statements: object[]): string =>
  JSON.stringify({
    Version: "2012-10-17",
    Statement: statements.map((one) => ({ Effect: "Allow", ...one })),
  });

async function outcome(call: Promise<unknown>): Promise<string> {
  return call.then(
    () => "ok",
    (error: unknown) => (error as Error).message,
  );
}

test("users, bus policies and receivers decide about events", async () => {
  await using server = await startServer({ flags: ["--iam", "enforce", "--pool", "0"] });
  const root = JSON.parse(readFileSync(join(server.dataDir, "root-key.json"), "utf8")) as Keys;
  const config = (credentials: Keys) => ({
    endpoint: server.endpoint,
    region: "us-east-1",
    credentials,
    maxAttempts: 1,
  });
  const iam = new IAMClient(config(root));
  const sqs = new SQSClient(config(root));
  const owner = new EventBridgeClient(config(root));
  await iam.send(new CreateUserCommand({ UserName: "ada" }));
  const { AccessKey } = await iam.send(new CreateAccessKeyCommand({ UserName: "ada" }));
  const ada = new EventBridgeClient(
    config({ accessKeyId: AccessKey?.AccessKeyId ?? "", secretAccessKey: AccessKey?.SecretAccessKey ?? "" }),
  );
  const allowAda = (...statements: object[]): Promise<unknown> =>
    iam.send(
      new PutUserPolicyCommand({ UserName: "ada", PolicyName: "p", PolicyDocument: document(...statements) }),
    );
  const send = (client: EventBridgeClient, Source: string): Promise<string> =>
    outcome(
      client.send(
        new PutEventsCommand({
          Entries: [{ Source, DetailType: "t", Detail: "{}", EventBusName: "guarded" }],
        }),
      ),
    );
  const denied = (action: string, resource: string): string =>
    `User: arn:aws:iam::${ACCOUNT}:user/ada is not authorized to perform: ${action} on resource: ${resource} because no identity-based policy allows the ${action} action`;
  const urlOf = (name: string): string => `${server.endpoint}/${ACCOUNT}/${name}`;
  const queue = async (name: string, Condition?: object): Promise<void> => {
    await sqs.send(new CreateQueueCommand({ QueueName: name }));
    if (Condition === undefined) return;
    const Policy = document({
      Principal: { Service: "events.amazonaws.com" },
      Action: "sqs:SendMessage",
      Resource: queueArn(name),
      Condition,
    });
    await sqs.send(new SetQueueAttributesCommand({ QueueUrl: urlOf(name), Attributes: { Policy } }));
  };
  const received = async (name: string): Promise<Record<string, string | undefined>> => {
    let attributes: Record<string, string | undefined> | undefined;
    await until(`a message in ${name}`, async () => {
      const { Messages = [] } = await sqs.send(
        new ReceiveMessageCommand({ QueueUrl: urlOf(name), MessageAttributeNames: ["All"] }),
      );
      const [message] = Messages;
      if (message !== undefined) {
        const { ReceiptHandle } = message;
        await sqs.send(new DeleteMessageCommand({ QueueUrl: urlOf(name), ReceiptHandle }));
        const texts = Object.entries(message.MessageAttributes ?? {}).map(([key, value]) => [
          key,
          value.StringValue,
        ]);
        attributes = Object.fromEntries(texts) as Record<string, string>;
      }
      return message !== undefined;
    });
    return attributes ?? {};
  };
  try {
    await owner.send(new CreateEventBusCommand({ Name: "guarded" }));
    assert.equal(await send(owner, "any"), "ok");
    assert.equal(await send(ada, "mine"), denied("events:PutEvents", BUS));

    await allowAda({
      Action: "events:PutEvents",
      Resource: BUS,
      Condition: { StringEquals: { "events:source": "mine", "events:detail-type": "t" } },
    });
    assert.equal(await send(ada, "mine"), "ok");
    assert.equal(await send(ada, "other"), denied("events:PutEvents", BUS));
    await iam.send(new DeleteUserPolicyCommand({ UserName: "ada", PolicyName: "p" }));
    const Policy = document({
      Sid: "ada",
      Principal: { AWS: `arn:aws:iam::${ACCOUNT}:user/ada` },
      Action: "events:PutEvents",
      Resource: BUS,
    });
    await owner.send(new PutPermissionCommand({ EventBusName: "guarded", Policy }));
    assert.equal(await send(ada, "other"), "ok");

    const EventPattern = '{"source":["mine"]}';
    const putRule = (): Promise<string> =>
      outcome(ada.send(new PutRuleCommand({ Name: "r", EventBusName: "guarded", EventPattern })));
    assert.equal(await putRule(), denied("events:PutRule", RULE));
    await allowAda(
      { Action: "events:PutRule", Resource: RULE, Condition: { StringEquals: { "events:source": "mine" } } },
      {
        Action: "events:PutTargets",
        Resource: RULE,
        Condition: { ArnLike: { "events:TargetArn": queueArn("*") } },
      },
    );
    assert.equal(await putRule(), "ok");
    const putTarget = (Arn: string, RoleArn?: string): Promise<string> => {
      const target = {
        Id: "a",
        Arn,
        DeadLetterConfig: { Arn: queueArn("dead") },
        ...(RoleArn === undefined ? {} : { RoleArn }),
      };
      return outcome(
        ada.send(new PutTargetsCommand({ Rule: "r", EventBusName: "guarded", Targets: [target] })),
      );
    };
    assert.equal(await putTarget(`arn:aws:sns:us-east-1:${ACCOUNT}:t`), denied("events:PutTargets", RULE));
    const role = `arn:aws:iam::${ACCOUNT}:role/r`;
    assert.equal(await putTarget(queueArn("in"), role), denied("iam:PassRole", role));
    assert.equal(await putTarget(queueArn("in")), "ok");

    // The queue lets nobody in: the dead-letter queue says so.
    await queue("in");
    await queue("dead", { ArnEquals: { "aws:SourceArn": RULE } });
    assert.equal(await send(owner, "mine"), "ok");
    const { ERROR_CODE: code, RULE_ARN: rule } = await received("dead");
    assert.equal(code, "NO_PERMISSIONS");
    assert.equal(rule, RULE);
    await queue("in", {
      ArnEquals: { "aws:SourceArn": RULE },
      StringEquals: { "aws:SourceAccount": ACCOUNT },
    });
    assert.equal(await send(owner, "mine"), "ok");
    await received("in");

    // A bus as the target is asked as the target's role.
    await owner.send(new CreateEventBusCommand({ Name: "next" }));
    const trust = document({ Principal: { Service: "events.amazonaws.com" }, Action: "sts:AssumeRole" });
    await iam.send(new CreateRoleCommand({ RoleName: "r", AssumeRolePolicyDocument: trust }));
    const next = `${ARNS}:event-bus/next`;
    await owner.send(new PutRuleCommand({ Name: "beyond", EventBusName: "next", EventPattern }));
    const beyond = { Id: "a", Arn: queueArn("beyond") };
    await owner.send(new PutTargetsCommand({ Rule: "beyond", EventBusName: "next", Targets: [beyond] }));
    await queue("beyond", { ArnEquals: { "aws:SourceArn": `${ARNS}:rule/next/beyond` } });
    const toBus = { Id: "a", Arn: next, RoleArn: role, DeadLetterConfig: { Arn: queueArn("dead") } };
    await owner.send(new PutTargetsCommand({ Rule: "r", EventBusName: "guarded", Targets: [toBus] }));
    assert.equal(await send(owner, "mine"), "ok");
    assert.equal((await received("dead"))["ERROR_CODE"], "NO_PERMISSIONS");
    await iam.send(
      new PutRolePolicyCommand({
        RoleName: "r",
        PolicyName: "p",
        PolicyDocument: document({ Action: "events:PutEvents", Resource: next }),
      }),
    );
    assert.equal(await send(owner, "mine"), "ok");
    await received("beyond");
  } finally {
    for (const client of [iam, sqs, owner, ada]) client.destroy();
  }
});
