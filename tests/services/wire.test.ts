/** The services as clients meet them: through the gateway, with the AWS SDK and the AWS CLI. */
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createInterface } from "node:readline";
import { test, type TestContext } from "node:test";
import { promisify } from "node:util";
import {
  CloudWatchLogsClient,
  CreateLogGroupCommand,
  DescribeLogGroupsCommand,
  FilterLogEventsCommand,
  GetLogEventsCommand,
  PutLogEventsCommand,
} from "@aws-sdk/client-cloudwatch-logs";
import {
  AttachRolePolicyCommand,
  CreateAccessKeyCommand,
  CreateRoleCommand,
  CreateUserCommand,
  GetRoleCommand,
  GetUserCommand,
  IAMClient,
  ListAttachedRolePoliciesCommand,
} from "@aws-sdk/client-iam";
import { AssumeRoleCommand, GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import { ACCOUNT, type Harness, openHarness, REGION, ROOT_KEY } from "./harness.ts";
import { serveGateway } from "./served.ts";

interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

interface Served extends Harness {
  readonly endpoint: string;
  config(credentials?: Credentials): {
    endpoint: string;
    region: string;
    credentials: Credentials;
    maxAttempts: number;
  };
}

async function serve(t: TestContext): Promise<Served> {
  const harness = await openHarness(t);
  const { endpoint, close } = await serveGateway({
    services: [harness.iam.service, harness.sts.service, harness.logs.service],
    keys: harness.sts.keys,
    clock: harness.clock,
    accountId: ACCOUNT,
    region: REGION,
  });
  t.after(close);
  const root = { accessKeyId: ROOT_KEY.accessKeyId, secretAccessKey: ROOT_KEY.secretAccessKey };
  return {
    ...harness,
    endpoint,
    config: (credentials = root) => ({ endpoint, region: REGION, credentials, maxAttempts: 1 }),
  };
}

const TRUST = JSON.stringify({
  Version: "2012-10-17",
  Statement: [{ Effect: "Allow", Principal: { Service: "lambda.amazonaws.com" }, Action: "sts:AssumeRole" }],
});

test("SDK: every kind of key signs, a wrong secret and an expired session do not", async (t) => {
  const { config, clock } = await serve(t);
  const iam = new IAMClient(config());
  const identity = async (credentials?: Credentials): Promise<string | undefined> =>
    (await new STSClient(config(credentials)).send(new GetCallerIdentityCommand({}))).Arn;
  assert.equal(await identity(), `arn:aws:iam::${ACCOUNT}:root`);
  await iam.send(new CreateUserCommand({ UserName: "ada" }));
  const { AccessKey: made } = await iam.send(new CreateAccessKeyCommand({ UserName: "ada" }));
  const user = { accessKeyId: made?.AccessKeyId ?? "", secretAccessKey: made?.SecretAccessKey ?? "" };
  assert.equal(await identity(user), `arn:aws:iam::${ACCOUNT}:user/ada`);
  assert.equal((await new IAMClient(config(user)).send(new GetUserCommand({}))).User?.UserName, "ada");
  await assert.rejects(identity({ ...user, secretAccessKey: "wrong" }), { name: "SignatureDoesNotMatch" });
  await iam.send(new CreateRoleCommand({ RoleName: "r", AssumeRolePolicyDocument: TRUST }));
  const assume = new AssumeRoleCommand({
    RoleArn: `arn:aws:iam::${ACCOUNT}:role/r`,
    RoleSessionName: "s1",
    DurationSeconds: 900,
  });
  const { Credentials: got } = await new STSClient(config(user)).send(assume);
  assert.ok(got?.Expiration instanceof Date);
  const session = {
    accessKeyId: got.AccessKeyId ?? "",
    secretAccessKey: got.SecretAccessKey ?? "",
    sessionToken: got.SessionToken ?? "",
  };
  assert.equal(await identity(session), `arn:aws:sts::${ACCOUNT}:assumed-role/r/s1`);
  clock.advance(901_000);
  const ahead = new STSClient({ ...config(session), systemClockOffset: 901_000 });
  await assert.rejects(ahead.send(new GetCallerIdentityCommand({})), /expired/i);
});

test("SDK: IAM's documents and errors over awsQuery", async (t) => {
  const { config } = await serve(t);
  const iam = new IAMClient(config());
  await iam.send(
    new CreateRoleCommand({
      RoleName: "r",
      AssumeRolePolicyDocument: TRUST,
      Tags: [{ Key: "a", Value: "1" }],
    }),
  );
  const { Role: role } = await iam.send(new GetRoleCommand({ RoleName: "r" }));
  assert.equal(decodeURIComponent(role?.AssumeRolePolicyDocument ?? ""), TRUST);
  assert.deepEqual(role?.Tags, [{ Key: "a", Value: "1" }]);
  assert.equal(role?.CreateDate instanceof Date, true);
  const PolicyArn = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole";
  await iam.send(new AttachRolePolicyCommand({ RoleName: "r", PolicyArn }));
  const { AttachedPolicies } = await iam.send(new ListAttachedRolePoliciesCommand({ RoleName: "r" }));
  assert.deepEqual(AttachedPolicies, [{ PolicyName: "AWSLambdaBasicExecutionRole", PolicyArn }]);
  const error = await iam.send(new GetRoleCommand({ RoleName: "none" })).then(
    () => assert.fail("there is no such role"),
    (thrown: Error & { $metadata: { httpStatusCode: number } }) => thrown,
  );
  assert.deepEqual(
    [error.name, error.message, error.$metadata.httpStatusCode],
    ["NoSuchEntityException", "The role with name none cannot be found.", 404],
  );
});

test("SDK: CloudWatch Logs over awsJson1.1", async (t) => {
  const { config, logs, clock } = await serve(t);
  const client = new CloudWatchLogsClient(config());
  await client.send(new CreateLogGroupCommand({ logGroupName: "g", tags: { a: "1" } }));
  const { logGroups } = await client.send(new DescribeLogGroupsCommand({}));
  assert.equal(logGroups?.[0]?.logGroupName, "g");
  const now = clock.now();
  logs.sink.append({ accountId: ACCOUNT, region: REGION }, "g", "s", [{ timestamp: now, message: "one" }]);
  await client.send(
    new PutLogEventsCommand({
      logGroupName: "g",
      logStreamName: "s",
      logEvents: [{ timestamp: now + 1, message: "zwei ✓" }],
    }),
  );
  const { events } = await client.send(new GetLogEventsCommand({ logGroupName: "g", logStreamName: "s" }));
  assert.deepEqual(
    events?.map((event) => [event.timestamp, event.message]),
    [
      [now, "one"],
      [now + 1, "zwei ✓"],
    ],
  );
  const found = await client.send(new FilterLogEventsCommand({ logGroupName: "g", filterPattern: "zwei" }));
  assert.deepEqual(
    found.events?.map((event) => event.message),
    ["zwei ✓"],
  );
  await assert.rejects(
    client.send(new GetLogEventsCommand({ logGroupName: "g", logStreamName: "s", limit: 10_001 })),
    {
      name: "InvalidParameterException",
      message:
        "1 validation error detected: Value '10001' at 'limit' failed to satisfy constraint: Member must have value less than or equal to 10000",
    },
  );
  await assert.rejects(client.send(new CreateLogGroupCommand({ logGroupName: "x".repeat(513) })), {
    name: "InvalidParameterException",
    message: "Invalid LogGroup or LogStream, both must have length less than or equal to 512.",
  });
});

const CLI = "/usr/bin/aws";

async function cliVersion(): Promise<string> {
  if (!existsSync(CLI)) return "";
  const { stdout, stderr } = await promisify(execFile)(CLI, ["--version"]);
  return stdout + stderr;
}

test("AWS CLI v2: logs tail --follow shows lines as they come", async (t) => {
  if (!(await cliVersion()).startsWith("aws-cli/2")) return t.skip(`no AWS CLI v2 at ${CLI}`);
  const { endpoint, logs, clock } = await serve(t);
  const scope = { accountId: ACCOUNT, region: REGION };
  const line = (message: string): void =>
    logs.sink.append(scope, "/aws/lambda/fn", "2026/11/21/[$LATEST]abc", [
      { timestamp: clock.now(), message },
    ]);
  line("before\n");
  const child = spawn(
    CLI,
    ["logs", "tail", "/aws/lambda/fn", "--follow", "--format", "short", "--endpoint-url", endpoint],
    {
      env: {
        PATH: "/usr/bin:/bin",
        HOME: "/nonexistent",
        AWS_DEFAULT_REGION: REGION,
        AWS_ACCESS_KEY_ID: ROOT_KEY.accessKeyId,
        AWS_SECRET_ACCESS_KEY: ROOT_KEY.secretAccessKey,
        PYTHONUNBUFFERED: "1",
      },
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
  t.after(() => child.kill("SIGKILL"));
  let failure = "";
  child.stderr.on("data", (chunk: Buffer) => (failure += chunk.toString()));
  const shown: string[] = [];
  for await (const text of createInterface(child.stdout)) {
    if (text === "") continue;
    shown.push(text.split(" ").at(-1) ?? "");
    if (text.endsWith("before")) line("after\n");
    if (text.endsWith("after")) break;
  }
  assert.deepEqual(shown, ["before", "after"], failure);
});
