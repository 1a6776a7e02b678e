/** Who may do what, as users and functions meet it: policies that restrict, and AWS's sentences where they do. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import process from "node:process";
import { after, before, describe, test } from "node:test";
import {
  CloudWatchLogsClient,
  CreateLogGroupCommand,
  PutLogEventsCommand,
} from "@aws-sdk/client-cloudwatch-logs";
import {
  CreateAccessKeyCommand,
  CreatePolicyCommand,
  CreateRoleCommand,
  CreateUserCommand,
  DeleteUserPermissionsBoundaryCommand,
  GetRoleCommand,
  IAMClient,
  PutRolePolicyCommand,
  PutUserPermissionsBoundaryCommand,
  PutUserPolicyCommand,
  TagUserCommand,
  UpdateAssumeRolePolicyCommand,
} from "@aws-sdk/client-iam";
import {
  AddPermissionCommand,
  CreateFunctionCommand,
  GetFunctionCommand,
  InvokeCommand,
  LambdaClient,
  ListFunctionsCommand,
  TagResourceCommand,
  waitUntilFunctionActiveV2,
} from "@aws-sdk/client-lambda";
import { AssumeRoleCommand, GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import { refusal } from "./client.ts";
import { ROOT, run, type RunningServer, SDK_CONFIG, startServer } from "./server.ts";
import { zip } from "../../src/testing/zip.ts";

const ACCOUNT = "000000000000";
const OTHER = "222222222222";
const FUNCTION = `arn:aws:lambda:us-east-1:${ACCOUNT}:function`;

interface Keys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

interface Session {
  readonly iam: IAMClient;
  readonly sts: STSClient;
  readonly lambda: LambdaClient;
  readonly logs: CloudWatchLogsClient;
}

const made: { destroy(): void }[] = [];

function as(server: RunningServer, credentials: Keys): Session {
  const config = { region: SDK_CONFIG.region, endpoint: server.endpoint, credentials, maxAttempts: 1 };
  const session = {
    iam: new IAMClient(config),
    sts: new STSClient(config),
    lambda: new LambdaClient(config),
    logs: new CloudWatchLogsClient(config),
  };
  made.push(...Object.values(session));
  return session;
}

function rootOf(server: RunningServer): Session {
  return as(server, JSON.parse(readFileSync(join(server.dataDir, "root-key.json"), "utf8")) as Keys);
}

const account = (server: RunningServer, id: string): Session =>
  as(server, { accessKeyId: id, secretAccessKey: "test" });

const policy = (...statements: object[]): string =>
  JSON.stringify({ Version: "2012-10-17", Statement: statements });
const allow = (Action: string | string[], Resource: string | string[] = "*", more: object = {}): object => ({
  Effect: "Allow",
  Action,
  Resource,
  ...more,
});
const trust = (Principal: object, more: object = {}): string =>
  policy({ Effect: "Allow", Principal, Action: "sts:AssumeRole", ...more });
const LAMBDA_TRUST = trust({ Service: "lambda.amazonaws.com" });

/** A user with a key, and the clients that sign with it. */
async function user(server: RunningServer, by: Session, name: string): Promise<Session & { arn: string }> {
  const { User } = await by.iam.send(new CreateUserCommand({ UserName: name }));
  const { AccessKey } = await by.iam.send(new CreateAccessKeyCommand({ UserName: name }));
  const keys = {
    accessKeyId: AccessKey?.AccessKeyId ?? "",
    secretAccessKey: AccessKey?.SecretAccessKey ?? "",
  };
  return { ...as(server, keys), arn: User?.Arn ?? "" };
}

async function grant(by: Session, name: string, ...statements: object[]): Promise<void> {
  const PolicyDocument = policy(...statements);
  await by.iam.send(new PutUserPolicyCommand({ UserName: name, PolicyName: "p", PolicyDocument }));
}

const CODE = `import botocore.session
def handler(event, context):
    client = botocore.session.get_session().create_client('logs')
    try:
        client.create_log_group(logGroupName=event['group'])
        return 'created'
    except client.exceptions.ClientError as error:
        return [error.response['Error']['Code'], error.response['Error']['Message']]
`;

const PLAIN = "def handler(event, context): return 'ran'\n";

async function create(by: Session, name: string, role: string, code: string): Promise<void> {
  await by.lambda.send(
    new CreateFunctionCommand({
      FunctionName: name,
      Role: `arn:aws:iam::${ACCOUNT}:role/${role}`,
      Runtime: "python3.12",
      Handler: "app.handler",
      Timeout: 60,
      MemorySize: 512,
      Code: { ZipFile: await zip({ "app.py": code }) },
    }),
  );
  await waitUntilFunctionActiveV2(
    { client: by.lambda, maxWaitTime: 30, minDelay: 1, maxDelay: 1 },
    { FunctionName: name },
  );
}

async function invoke(by: Session, name: string, event: object = {}): Promise<unknown> {
  const answer = await by.lambda.send(
    new InvokeCommand({ FunctionName: name, Payload: JSON.stringify(event) }),
  );
  return JSON.parse(Buffer.from(answer.Payload ?? []).toString("utf8")) as unknown;
}

const denied = (arn: string, action: string, resource: string, reason = ""): string =>
  `User: ${arn} is not authorized to perform: ${action} on resource: ${resource}` +
  (reason === "" ? ` because no identity-based policy allows the ${action} action` : ` ${reason}`);

/** Message and code of a refusal, and the hint beside it. */
async function refused(
  call: Promise<unknown>,
): Promise<{ code: string; message: string; hint: string; status: unknown }> {
  const error = await refusal(call);
  const { $metadata, $response } = error as unknown as {
    $metadata: { httpStatusCode: number };
    $response: { headers: Record<string, string> };
  };
  const hint = $response.headers["x-lambent-hint"] ?? "";
  return { code: error.name, message: error.message, hint, status: $metadata.httpStatusCode };
}

after(() => {
  for (const client of made) client.destroy();
});

describe("enforce", () => {
  let server: RunningServer;
  let root: Session;

  before(async () => {
    server = await startServer({
      flags: ["--iam", "enforce", "--sdk", "auto"],
      env: { LAMBENT_SDK: "auto" },
    });
    root = rootOf(server);
    for (const RoleName of ["worker", "test"]) {
      await root.iam.send(new CreateRoleCommand({ RoleName, AssumeRolePolicyDocument: LAMBDA_TRUST }));
    }
    await create(root, "plain", "worker", PLAIN);
  });
  after(async () => server?.[Symbol.asyncDispose]());

  test("only keys of this server sign, and each service refuses others in its own words", async () => {
    const anybody = as(server, SDK_CONFIG.credentials);
    const lambda = await refused(anybody.lambda.send(new ListFunctionsCommand({})));
    assert.deepEqual([lambda.code, lambda.status], ["UnrecognizedClientException", 403]);
    assert.equal(lambda.message, "The security token included in the request is invalid.");
    const sts = await refused(anybody.sts.send(new GetCallerIdentityCommand({})));
    assert.deepEqual([sts.code, sts.status], ["InvalidClientTokenId", 403]);
    const logs = await refused(anybody.logs.send(new CreateLogGroupCommand({ logGroupName: "x" })));
    assert.deepEqual([logs.code, logs.status], ["UnrecognizedClientException", 400]);
    const put = new PutLogEventsCommand({
      logGroupName: "x",
      logStreamName: "x",
      logEvents: [{ timestamp: Date.now(), message: "x" }],
    });
    assert.equal((await refused(anybody.logs.send(put))).code, "UnrecognizedClientException");
    const unsigned = await fetch(`${server.endpoint}/2015-03-31/functions`);
    assert.equal(unsigned.status, 403);
    assert.equal(unsigned.headers.get("x-amzn-errortype"), "MissingAuthenticationTokenException");
    assert.ok(Array.isArray((await root.lambda.send(new ListFunctionsCommand({}))).Functions));
  });

  test("a user may do nothing, then what a policy says, at once", async () => {
    const ann = await user(server, root, "ann");
    const list = (): Promise<unknown> => ann.lambda.send(new ListFunctionsCommand({}));
    const first = await refused(list());
    assert.deepEqual([first.code, first.status], ["AccessDeniedException", 403]);
    assert.equal(first.message, denied(ann.arn, "lambda:ListFunctions", "*"));
    assert.equal(
      first.hint,
      'add to the identity policy: {"Effect":"Allow","Action":"lambda:ListFunctions","Resource":"*"}',
    );
    await grant(root, "ann", allow("lambda:List*"), allow("lambda:InvokeFunction", `${FUNCTION}:plain`));
    await list();
    assert.equal(await invoke(ann, "plain"), "ran");
    const qualified = await refused(
      ann.lambda.send(new InvokeCommand({ FunctionName: "plain", Qualifier: "PROD" })),
    );
    assert.equal(qualified.message, denied(ann.arn, "lambda:InvokeFunction", `${FUNCTION}:plain:PROD`));
    const byName = await refused(ann.lambda.send(new InvokeCommand({ FunctionName: "others" })));
    assert.equal(byName.message, denied(ann.arn, "lambda:InvokeFunction", `${FUNCTION}:others`));
    const iam = await refused(ann.iam.send(new GetRoleCommand({ RoleName: "worker" })));
    assert.deepEqual([iam.code, iam.status], ["AccessDenied", 403]);
    assert.equal(iam.message, denied(ann.arn, "iam:GetRole", "role worker"));
    const made = await refused(ann.iam.send(new CreateUserCommand({ UserName: "bob" })));
    assert.equal(made.message, denied(ann.arn, "iam:CreateUser", `arn:aws:iam::${ACCOUNT}:user/bob`));
    const logs = await refused(ann.logs.send(new CreateLogGroupCommand({ logGroupName: "g" })));
    assert.deepEqual([logs.code, logs.status], ["AccessDeniedException", 400]);
    const group = `arn:aws:logs:us-east-1:${ACCOUNT}:log-group:g:log-stream:`;
    assert.equal(logs.message, denied(ann.arn, "logs:CreateLogGroup", group));
    // Nobody can be refused this.
    assert.equal((await ann.sts.send(new GetCallerIdentityCommand({}))).Arn, ann.arn);
  });

  test("a deny beats all, a boundary bounds, and a role must be the caller's to hand over", async () => {
    const cid = await user(server, root, "cid");
    await grant(root, "cid", allow("*"), { Effect: "Deny", Action: "logs:*", Resource: "*" });
    const group = `arn:aws:logs:us-east-1:${ACCOUNT}:log-group:g:log-stream:`;
    const explicit = await refused(cid.logs.send(new CreateLogGroupCommand({ logGroupName: "g" })));
    assert.equal(
      explicit.message,
      denied(cid.arn, "logs:CreateLogGroup", group, "with an explicit deny in an identity-based policy"),
    );
    assert.equal(explicit.hint, "statement 2 of the identity policy p denies logs:CreateLogGroup");
    const { Policy } = await root.iam.send(
      new CreatePolicyCommand({ PolicyName: "bound", PolicyDocument: policy(allow("lambda:Get*")) }),
    );
    const PermissionsBoundary = Policy?.Arn ?? "";
    await root.iam.send(new PutUserPermissionsBoundaryCommand({ UserName: "cid", PermissionsBoundary }));
    await cid.lambda.send(new GetFunctionCommand({ FunctionName: "plain" }));
    const bounded = await refused(cid.lambda.send(new ListFunctionsCommand({})));
    assert.equal(
      bounded.message,
      denied(
        cid.arn,
        "lambda:ListFunctions",
        "*",
        "because no permissions boundary allows the lambda:ListFunctions action",
      ),
    );
    await root.iam.send(new DeleteUserPermissionsBoundaryCommand({ UserName: "cid" }));
    await cid.lambda.send(new ListFunctionsCommand({}));
    await grant(root, "cid", allow("lambda:*"));
    const passing = await refused(create(cid, "cids", "worker", PLAIN));
    assert.equal(passing.message, denied(cid.arn, "iam:PassRole", `arn:aws:iam::${ACCOUNT}:role/worker`));
    const toLambda = { StringEquals: { "iam:PassedToService": "lambda.amazonaws.com" } };
    await grant(root, "cid", allow("lambda:*"), allow("iam:PassRole", "*", { Condition: toLambda }));
    await create(cid, "cids", "worker", PLAIN);
  });

  test("a role is assumed by whom it trusts, and a session policy restricts the session", async () => {
    const dan = await user(server, root, "dan");
    const RoleArn = `arn:aws:iam::${ACCOUNT}:role/worker`;
    const assume = (more: object = {}): Promise<Keys> =>
      dan.sts
        .send(new AssumeRoleCommand({ RoleArn, RoleSessionName: "dans", ...more }))
        .then(({ Credentials }) => ({
          accessKeyId: Credentials?.AccessKeyId ?? "",
          secretAccessKey: Credentials?.SecretAccessKey ?? "",
          sessionToken: Credentials?.SessionToken ?? "",
        }));
    await grant(root, "dan", allow("sts:AssumeRole"));
    const untrusted = await refused(assume());
    assert.deepEqual([untrusted.code, untrusted.status], ["AccessDenied", 403]);
    assert.equal(
      untrusted.message,
      `User: ${dan.arn} is not authorized to perform: sts:AssumeRole on resource: ${RoleArn}`,
    );
    assert.match(untrusted.hint, /^add to the role's trust policy: /);
    const update = (document: string): Promise<unknown> =>
      root.iam.send(new UpdateAssumeRolePolicyCommand({ RoleName: "worker", PolicyDocument: document }));
    await update(trust({ AWS: dan.arn }, { Condition: { StringEquals: { "sts:ExternalId": "secret" } } }));
    await refused(assume());
    await root.iam.send(
      new PutRolePolicyCommand({
        RoleName: "worker",
        PolicyName: "p",
        PolicyDocument: policy(allow("lambda:ListFunctions"), allow("lambda:GetFunction")),
      }),
    );
    const whole = as(server, await assume({ ExternalId: "secret" }));
    await whole.lambda.send(new ListFunctionsCommand({}));
    await whole.lambda.send(new GetFunctionCommand({ FunctionName: "plain" }));
    const Policy = policy(allow("lambda:ListFunctions"));
    const part = as(server, await assume({ ExternalId: "secret", Policy }));
    await part.lambda.send(new ListFunctionsCommand({}));
    const limited = await refused(part.lambda.send(new GetFunctionCommand({ FunctionName: "plain" })));
    const session = `arn:aws:sts::${ACCOUNT}:assumed-role/worker/dans`;
    assert.equal(
      limited.message,
      denied(
        session,
        "lambda:GetFunction",
        `${FUNCTION}:plain`,
        "because no session policy allows the lambda:GetFunction action",
      ),
    );
    await update(LAMBDA_TRUST);
  });

  test("tags of the function and of the user decide where a policy says so", async () => {
    const kim = await user(server, root, "kim");
    const Condition = { StringEquals: { "aws:ResourceTag/team": "${aws:PrincipalTag/team}" } };
    await grant(root, "kim", allow("lambda:InvokeFunction", "*", { Condition }));
    await refused(invoke(kim, "plain"));
    await root.lambda.send(new TagResourceCommand({ Resource: `${FUNCTION}:plain`, Tags: { team: "blue" } }));
    await root.iam.send(new TagUserCommand({ UserName: "kim", Tags: [{ Key: "team", Value: "red" }] }));
    await refused(invoke(kim, "plain"));
    await root.iam.send(new TagUserCommand({ UserName: "kim", Tags: [{ Key: "team", Value: "blue" }] }));
    assert.equal(await invoke(kim, "plain"), "ran");
  });

  test("a function's role is there and trusts Lambda", async () => {
    const missing = await refused(create(root, "orphan", "nowhere", PLAIN));
    assert.deepEqual(
      [missing.code, missing.status, missing.message],
      [
        "InvalidParameterValueException",
        400,
        "The role defined for the function cannot be assumed by Lambda.",
      ],
    );
    assert.match(missing.hint, /aws iam create-role --role-name nowhere/);
    const AssumeRolePolicyDocument = trust({ Service: "ec2.amazonaws.com" });
    await root.iam.send(new CreateRoleCommand({ RoleName: "of-ec2", AssumeRolePolicyDocument }));
    const foreign = await refused(create(root, "orphan", "of-ec2", PLAIN));
    assert.equal(foreign.message, "The role defined for the function cannot be assumed by Lambda.");
    assert.match(foreign.hint, /^add to the trust policy of .*"Service":"lambda.amazonaws.com"/);
  });

  test("a function may do what its role may do", async (t) => {
    await create(root, "writer", "test", CODE);
    const first = await invoke(root, "writer", { group: "made-inside" });
    if (/No module named 'botocore'/.test(JSON.stringify(first)))
      return t.skip("boto3 could not be installed");
    const group = `arn:aws:logs:us-east-1:${ACCOUNT}:log-group:made-inside:log-stream:`;
    assert.deepEqual(first, [
      "AccessDeniedException",
      denied(`arn:aws:sts::${ACCOUNT}:assumed-role/test/writer`, "logs:CreateLogGroup", group),
    ]);
    const PolicyDocument = policy(allow("logs:CreateLogGroup", `arn:aws:logs:*:*:log-group:made-*`));
    await root.iam.send(new PutRolePolicyCommand({ RoleName: "test", PolicyName: "p", PolicyDocument }));
    assert.equal(await invoke(root, "writer", { group: "made-inside" }), "created");
    assert.equal(
      ((await invoke(root, "writer", { group: "elsewhere" })) as string[])[0],
      "AccessDeniedException",
    );
  });
});

describe("warn", () => {
  let server: RunningServer;

  before(async () => {
    server = await startServer({ flags: ["--sdk", "auto"], env: { LAMBENT_SDK: "auto" } });
  });
  after(async () => server?.[Symbol.asyncDispose]());

  test("a function's missing permission is allowed, and told once with the statement to add", async (t) => {
    const root = as(server, SDK_CONFIG.credentials);
    await root.iam.send(new CreateRoleCommand({ RoleName: "lean", AssumeRolePolicyDocument: LAMBDA_TRUST }));
    await create(root, "writer", "lean", CODE);
    const first = await invoke(root, "writer", { group: "one" });
    if (/No module named 'botocore'/.test(JSON.stringify(first)))
      return t.skip("boto3 could not be installed");
    assert.equal(first, "created");
    assert.notEqual(await invoke(root, "writer", { group: "one" }), "created");
    const log = readFileSync(join(server.dataDir, "server.log"), "utf8").split("\n");
    const told = log.filter(
      (line) => line.includes("AWS would refuse this call") && line.includes("log-group:one"),
    );
    assert.equal(told.length, 1, told.join("\n"));
    const line = JSON.parse(told[0] ?? "{}") as Record<string, unknown>;
    assert.equal(line["principal"], `arn:aws:iam::${ACCOUNT}:role/lean`);
    assert.equal(line["function"], "writer");
    assert.equal(line["action"], "logs:CreateLogGroup");
    assert.match(
      String(line["remedy"]),
      /"Action":"logs:CreateLogGroup","Resource":"arn:aws:logs:us-east-1:/,
    );
  });

  test("the answer carries the hint, and what is granted carries none", async () => {
    const root = as(server, SDK_CONFIG.credentials);
    const eve = await user(server, root, "eve");
    const hints: (string | undefined)[] = [];
    eve.lambda.middlewareStack.add(
      (next) => async (args) => {
        const result = await next(args);
        hints.push((result.response as { headers: Record<string, string> }).headers["x-lambent-hint"]);
        return result;
      },
      { step: "deserialize" },
    );
    await eve.lambda.send(new ListFunctionsCommand({}));
    await grant(root, "eve", allow("lambda:ListFunctions"));
    await eve.lambda.send(new ListFunctionsCommand({}));
    assert.equal(hints.length, 2);
    assert.match(
      hints[0] ?? "",
      /^--iam enforce would refuse this \(lambda:ListFunctions on \*\): add to the identity/,
    );
    assert.equal(hints[1], undefined);
  });
});

test("beyond loopback the server answers by any of its names, to signed requests only", async () => {
  await using server = await startServer({ flags: ["--iam", "enforce", "--host", "0.0.0.0"] });
  const root = rootOf(server);
  assert.ok(Array.isArray((await root.lambda.send(new ListFunctionsCommand({}))).Functions));
  const at = (host: string, path: string): Promise<number> =>
    new Promise((resolve, reject) => {
      const outgoing = request(
        { host: "127.0.0.1", port: server.port, path, headers: { host } },
        (answer) => {
          answer.resume();
          resolve(answer.statusCode ?? 0);
        },
      );
      outgoing.once("error", reject);
      outgoing.end();
    });
  assert.equal(await at("lambent.internal:4566", "/_lambent/health"), 200);
  assert.equal(await at("lambent.internal:4566", "/2015-03-31/functions"), 403);
  assert.equal(await at("lambent.internal:4566", "/_lambent/status"), 401);
  assert.equal(await at("lambent.internal:4566", "/metrics"), 401);
  const token = readFileSync(join(server.dataDir, "token"), "utf8").trim();
  assert.equal(await at("lambent.internal:4566", `/metrics?t=${token}`), 200);
});

test("the command line signs with the account's key where it has to", async (t) => {
  await using server = await startServer({ flags: ["--iam", "enforce"] });
  const env = { LAMBENT_DATA_DIR: server.dataDir };
  const bin = join(ROOT, "bin/lambent.js");
  const shown = await run(process.execPath, [bin, "env", "--json"], { env });
  const { set } = JSON.parse(shown.stdout) as { set: Record<string, string> };
  const keys = {
    accessKeyId: set["AWS_ACCESS_KEY_ID"] ?? "",
    secretAccessKey: set["AWS_SECRET_ACCESS_KEY"] ?? "",
  };
  const who = await as(server, keys).sts.send(new GetCallerIdentityCommand({}));
  assert.equal(who.Arn, `arn:aws:iam::${ACCOUNT}:root`);
  const doctor = await run(process.execPath, [bin, "doctor"], { env });
  assert.match(doctor.stdout, /iam.*enforce: what policies do not allow is refused/);
  const demo = await run(process.execPath, [bin, "demo"], { env, timeoutMs: 60_000 });
  assert.equal(demo.code, 0, `${demo.stdout}${demo.stderr}`);
  t.diagnostic(demo.stdout.split("\n")[1] ?? "");
});

test("another account needs the function's policy and its own, also after a restart with enforce", async (t) => {
  let server = await startServer({ flags: [] });
  t.after(() => server[Symbol.asyncDispose]());
  const [mine, theirs] = [as(server, SDK_CONFIG.credentials), account(server, OTHER)];
  await mine.iam.send(new CreateRoleCommand({ RoleName: "worker", AssumeRolePolicyDocument: LAMBDA_TRUST }));
  await create(mine, "shared", "worker", PLAIN);
  const { arn } = await user(server, theirs, "zoe");
  await grant(theirs, "zoe", allow("lambda:*"));
  const { AccessKey } = await theirs.iam.send(new CreateAccessKeyCommand({ UserName: "zoe" }));
  await server.stop();
  server = await startServer({ dataDir: server.dataDir, flags: ["--iam", "enforce"] });
  const keys = {
    accessKeyId: AccessKey?.AccessKeyId ?? "",
    secretAccessKey: AccessKey?.SecretAccessKey ?? "",
  };
  const zoe = as(server, keys);
  const root = rootOf(server);
  const name = `${FUNCTION}:shared`;
  const before = await refused(zoe.lambda.send(new InvokeCommand({ FunctionName: name })));
  assert.equal(
    before.message,
    denied(
      arn,
      "lambda:InvokeFunction",
      name,
      "because no resource-based policy allows the lambda:InvokeFunction action",
    ),
  );
  await root.lambda.send(
    new AddPermissionCommand({
      FunctionName: "shared",
      StatementId: "zoe",
      Action: "lambda:InvokeFunction",
      Principal: OTHER,
    }),
  );
  assert.equal(await invoke(zoe, name), "ran");
  const config = await refused(zoe.lambda.send(new GetFunctionCommand({ FunctionName: name })));
  assert.equal(config.code, "AccessDeniedException");
});
