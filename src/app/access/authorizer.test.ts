import assert from "node:assert/strict";
import { test } from "node:test";
import type { Caller, RequestContext, Service, ServiceAccess } from "../../aws/service.ts";
import { canonicalId } from "../../kernel/canonical-id.ts";
import { systemClock } from "../../kernel/clock.ts";
import { ServiceError } from "../../kernel/errors.ts";
import { type Logger, silentLogger } from "../../kernel/log.ts";
import { systemRandom } from "../../kernel/random.ts";
import type { EntityPolicies, IamReader } from "../../services/index.ts";
import { type AuthorizerDeps, createAuthorizer } from "./authorizer.ts";

const ACCOUNT = "000000000000";
const QUEUE = `arn:aws:sqs:us-east-1:${ACCOUNT}:q`;

interface World {
  mode: AuthorizerDeps["mode"];
  /** Statements of the one user's and the one role's policy. */
  statements: object[];
  exists: boolean;
  policy: string | undefined;
  lines: Record<string, unknown>[];
  loads: number;
  revision: number;
}

function world(more: Partial<World> = {}): World {
  return {
    mode: "enforce",
    statements: [],
    exists: true,
    policy: undefined,
    lines: [],
    loads: 0,
    revision: 0,
    ...more,
  };
}

function readerOf(it: World): IamReader {
  const roleArn = `arn:aws:iam::${ACCOUNT}:role/path/worker`;
  return {
    role: async () =>
      it.exists
        ? { arn: roleArn, roleId: "AROAX", maxSessionSeconds: 3600, trustPolicy: { Statement: [] } }
        : undefined,
    user: async () => (it.exists ? { arn: `arn:aws:iam::${ACCOUNT}:user/ann`, userId: "AIDAX" } : undefined),
    async policiesOf(): Promise<EntityPolicies> {
      it.loads += 1;
      const document = { Version: "2012-10-17", Statement: it.statements as never };
      return { inline: [{ name: "p", document }], attached: [], groups: [], boundary: undefined };
    },
    tagsOf: async () => ({ team: "x" }),
    policyDocument: async () => undefined,
    revision: () => it.revision,
    accessKey: () => undefined,
  };
}

function serviceOf(it: World, name = "sqs", more: Partial<ServiceAccess> = {}): Service {
  const access: ServiceAccess = {
    prefix: name,
    rules: {
      SendMessage: {
        resources: (input) => [String(input["QueueUrl"] ?? QUEUE)],
        conditions: (input) => ({ "sqs:Kind": input["Kind"] as string | undefined }),
      },
    },
    resourcePolicy: () => it.policy,
    ...more,
  };
  return { name, operations: {}, access };
}

const USER: Caller = {
  accessKeyId: "AKIAX",
  kind: "user",
  arn: `arn:aws:iam::${ACCOUNT}:user/ann`,
  userId: "AIDAX",
  verified: true,
};
const ROLE: Caller = {
  accessKeyId: undefined,
  kind: "role",
  arn: `arn:aws:sts::${ACCOUNT}:assumed-role/worker/fn`,
  userId: "worker:fn",
  verified: true,
};
const ROOT: Caller = {
  accessKeyId: "test",
  kind: "root",
  arn: `arn:aws:iam::${ACCOUNT}:root`,
  userId: ACCOUNT,
  verified: false,
};
const NOBODY: Caller = {
  accessKeyId: undefined,
  kind: "anonymous",
  arn: "anonymous",
  userId: "anonymous",
  verified: false,
};
const S3: Caller = {
  accessKeyId: undefined,
  kind: "service",
  arn: "s3.amazonaws.com",
  userId: "s3.amazonaws.com",
  verified: true,
  source: { arn: "arn:aws:s3:::bucket", accountId: ACCOUNT },
};

interface Asked {
  readonly service?: Service;
  readonly operation?: string;
  readonly input?: Record<string, unknown>;
  readonly headers?: Record<string, string>;
  readonly sourceIp?: string;
  readonly fromSandbox?: boolean;
}

/** Asks as often as it is called, of one authorizer. */
function asker(it: World): (caller: Caller, asked?: Asked) => Promise<string | undefined> {
  const clock = systemClock();
  const log: Logger = {
    ...silentLogger,
    warn: (fields, message) => void it.lines.push({ ...fields, message }),
  };
  const authorize = createAuthorizer({
    mode: it.mode,
    reader: readerOf(it),
    clock,
    log,
    noteKeyUse: () => undefined,
  });
  return async (caller, asked = {}) => {
    const service = asked.service ?? serviceOf(it);
    const operation = asked.operation ?? "SendMessage";
    const context: RequestContext = {
      accountId: ACCOUNT,
      region: "us-east-1",
      requestId: "r",
      service: service.name,
      operation,
      caller,
      endpoint: "",
      fromSandbox: asked.fromSandbox === true,
      signal: new AbortController().signal,
      clock,
      random: systemRandom(),
      log,
      headers: asked.headers ?? {},
      ...(asked.sourceIp === undefined ? {} : { sourceIp: asked.sourceIp }),
    };
    return authorize({ service, operation, input: asked.input ?? {}, context });
  };
}

const allow = (more: object = {}): object => ({
  Effect: "Allow",
  Action: "sqs:SendMessage",
  Resource: "*",
  ...more,
});
const document = (...Statement: object[]): string => JSON.stringify({ Version: "2012-10-17", Statement });

async function refusal(call: Promise<unknown>): Promise<ServiceError> {
  const error = await call.then(
    () => undefined,
    (cause: unknown) => cause,
  );
  assert.ok(error instanceof ServiceError, "the call was expected to be refused");
  return error;
}

test("off asks nothing, warn nothing of the account itself, enforce allows it", async () => {
  for (const mode of ["off", "warn", "enforce"] as const) {
    const it = world({ mode });
    const ask = asker(it);
    assert.equal(await ask(ROOT), undefined);
    if (mode === "off") assert.equal(await ask(USER), undefined);
    assert.equal(it.loads, 0);
  }
});

test("each service refuses in its own code, status and spelling", async () => {
  const it = world();
  const cases: readonly (readonly [string, string, number, string])[] = [
    [
      "sqs",
      "AccessDenied",
      403,
      `sqs:sendmessage on resource: ${QUEUE} because no identity-based policy allows the sqs:sendmessage action`,
    ],
    [
      "sns",
      "AuthorizationError",
      403,
      `SNS:SendMessage on resource: ${QUEUE} because no identity-based policy allows the SNS:SendMessage action`,
    ],
    [
      "s3",
      "AccessDenied",
      403,
      `s3:SendMessage on resource: "${QUEUE}" because no identity-based policy allows the s3:SendMessage action`,
    ],
    [
      "dynamodb",
      "AccessDeniedException",
      400,
      `dynamodb:SendMessage on resource: ${QUEUE} because no identity-based policy allows the dynamodb:SendMessage action`,
    ],
    [
      "lambda",
      "AccessDeniedException",
      403,
      `lambda:SendMessage on resource: ${QUEUE} because no identity-based policy allows the lambda:SendMessage action`,
    ],
  ];
  for (const [name, code, status, rest] of cases) {
    const error = await refusal(asker(it)(USER, { service: serviceOf(it, name) }));
    assert.deepEqual([error.code, error.status], [code, status]);
    assert.equal(error.message, `User: ${USER.arn} is not authorized to perform: ${rest}`);
  }
  const s3 = serviceOf(it, "s3", { rules: {} });
  const everywhere = await refusal(asker(it)(USER, { service: s3, operation: "ListAllMyBuckets" }));
  assert.match(everywhere.message, /perform: s3:ListAllMyBuckets because no identity-based policy/);
  assert.equal((await refusal(asker(it)(NOBODY, { service: s3 }))).message, "Access Denied");
});

test("an AWS service is let in by the resource's policy, for the source it names", async () => {
  const it = world();
  const ask = asker(it);
  const closed = await refusal(ask(S3));
  assert.match(
    closed.message,
    /^User: s3.amazonaws.com is not authorized .* because no resource-based policy/,
  );
  assert.match(
    closed.hint ?? "",
    /"Principal":\{"Service":"s3.amazonaws.com"\}.*"aws:SourceArn":"arn:aws:s3:::bucket"/,
  );
  const grant = (condition: object): string =>
    document({ ...allow(), Principal: { Service: "s3.amazonaws.com" }, Condition: condition });
  const cases: readonly (readonly [object, boolean])[] = [
    [{}, true],
    [{ ArnLike: { "aws:SourceArn": "arn:aws:s3:::bucket" } }, true],
    [{ ArnLike: { "AWS:SourceArn": "arn:aws:s3:*:*:b*" } }, true],
    [{ ArnLike: { "aws:SourceArn": "arn:aws:s3:::other" } }, false],
    [{ StringEquals: { "AWS:SourceAccount": ACCOUNT } }, true],
    [{ StringEquals: { "AWS:SourceAccount": "111111111111" } }, false],
    [{ Bool: { "aws:PrincipalIsAWSService": "true" } }, true],
  ];
  for (const [condition, passes] of cases) {
    it.policy = grant(condition);
    if (passes) assert.equal(await ask(S3), undefined, JSON.stringify(condition));
    else await refusal(ask(S3));
  }
});

test("the keys of a request", async () => {
  const it = world();
  const ask = asker(it);
  const asked: Asked = {
    sourceIp: "192.0.2.7",
    headers: { "user-agent": "test/1" },
    input: { Kind: "k", Tags: [{ Key: "stage", Value: "dev" }] },
  };
  const cases: readonly (readonly [Caller, object, boolean])[] = [
    [USER, { StringEquals: { "aws:username": "ann" } }, true],
    [USER, { StringEquals: { "aws:PrincipalType": "User" } }, true],
    [USER, { StringEquals: { "aws:userid": "AIDAX" } }, true],
    [USER, { StringEquals: { "aws:PrincipalTag/team": "x" } }, true],
    [USER, { StringEquals: { "aws:RequestTag/stage": "dev" } }, true],
    [USER, { "ForAllValues:StringEquals": { "aws:TagKeys": ["stage"] } }, true],
    [USER, { StringEquals: { "aws:RequestedRegion": "us-east-1" } }, true],
    [USER, { StringEquals: { "aws:ResourceAccount": ACCOUNT } }, true],
    [USER, { StringEquals: { "sqs:Kind": "k" } }, true],
    [USER, { StringLike: { "aws:UserAgent": "test/*" } }, true],
    [USER, { IpAddress: { "aws:SourceIp": "192.0.2.0/24" } }, true],
    [USER, { Bool: { "aws:SecureTransport": "true" } }, false],
    [USER, { Bool: { "aws:ViaAWSService": "false" } }, true],
    [USER, { DateGreaterThan: { "aws:CurrentTime": "2020-01-01T00:00:00Z" } }, true],
    [USER, { NumericGreaterThan: { "aws:EpochTime": "1577836800" } }, true],
    [USER, { Null: { "aws:MultiFactorAuthPresent": "true" } }, true],
    [ROLE, { ArnEquals: { "aws:PrincipalArn": `arn:aws:iam::${ACCOUNT}:role/path/worker` } }, true],
    [ROLE, { StringEquals: { "aws:PrincipalAccount": ACCOUNT } }, true],
    [ROLE, { Null: { "aws:username": "true" } }, true],
    [ROLE, { StringEquals: { "aws:PrincipalType": "User" } }, false],
  ];
  for (const [caller, Condition, passes] of cases) {
    it.statements = [allow({ Condition })];
    it.revision += 1;
    const result = ask(caller, asked);
    if (passes) assert.equal(await result, undefined, JSON.stringify(Condition));
    else await refusal(result);
  }
});

test("nobody listens on loopback, to a sandbox or within the process", async () => {
  const it = world();
  const ask = asker(it);
  it.statements = [allow({ Condition: { Bool: { "aws:SecureTransport": "true" } } })];
  const safe: readonly Asked[] = [
    {},
    { sourceIp: "127.0.0.1" },
    { sourceIp: "::1" },
    { sourceIp: "10.0.0.1", fromSandbox: true },
  ];
  for (const asked of safe) assert.equal(await ask(USER, asked), undefined, JSON.stringify(asked));
  for (const sourceIp of ["10.0.0.1", "0.0.0.0", "2001:db8::1"]) await refusal(ask(USER, { sourceIp }));
});

test("decisions are kept until IAM or the resource's policy changes", async () => {
  const it = world({ statements: [allow()] });
  const ask = asker(it);
  await ask(USER);
  await ask(USER);
  assert.equal(it.loads, 1);
  it.policy = document({ Effect: "Deny", Principal: "*", Action: "sqs:*", Resource: "*" });
  assert.match((await refusal(ask(USER))).message, /explicit deny in a resource-based policy$/);
  it.policy = undefined;
  await ask(USER);
  it.statements = [];
  await ask(USER);
  it.revision += 1;
  await refusal(ask(USER));
  assert.equal(it.loads, 2);
});

test("tags of a resource are asked for where a policy speaks of them", async () => {
  const it = world({
    statements: [allow({ Condition: { StringEquals: { "aws:ResourceTag/stage": "dev" } } })],
  });
  const ask = asker(it);
  let asked = 0;
  let tags: Record<string, string> = { stage: "dev" };
  const resourceTags = (): Record<string, string> => {
    asked += 1;
    return tags;
  };
  const service = serviceOf(it, "sqs", { resourceTags });
  assert.equal(await ask(USER, { service }), undefined);
  tags = { stage: "prod" };
  await refusal(ask(USER, { service }));
  assert.equal(asked, 2);
  it.statements = [allow()];
  it.revision += 1;
  await ask(USER, { service });
  assert.equal(asked, 2);
});

test("a list allows where nothing denies, each time anew, and says what is not there", async () => {
  const it = world();
  const ask = asker(it);
  let policy: string | undefined = document({ ...allow(), Principal: "*" });
  let missing: ServiceError | undefined;
  const acl: ServiceAccess["acl"] = async ({ operation, action, resource }) => {
    assert.deepEqual([operation, action, resource], ["SendMessage", "sqs:SendMessage", QUEUE]);
    return policy === undefined ? undefined : { policy, ...(missing === undefined ? {} : { missing }) };
  };
  const service = serviceOf(it, "sqs", { acl });
  assert.equal(await ask(USER, { service }), undefined);
  assert.equal(await ask(NOBODY, { service }), undefined);
  missing = new ServiceError("NoSuchKey", 404, "gone");
  assert.equal((await refusal(ask(USER, { service }))).code, "NoSuchKey");
  missing = undefined;
  it.policy = document({ Effect: "Deny", Principal: "*", Action: "sqs:*", Resource: "*" });
  await refusal(ask(USER, { service }));
  it.policy = undefined;
  policy = undefined;
  assert.equal((await refusal(ask(USER, { service }))).code, "AccessDenied");
  policy = document({ ...allow(), Principal: { CanonicalUser: canonicalId(ACCOUNT) } });
  await refusal(ask(USER, { service }));
  it.statements = [allow()];
  it.revision += 1;
  assert.equal(await ask(USER, { service }), undefined);
});

test("a decision that a condition had a say in is taken again", async () => {
  const it = world({ statements: [allow({ Condition: { StringEquals: { "aws:UserAgent": "a" } } })] });
  const ask = asker(it);
  await ask(USER, { headers: { "user-agent": "a" } });
  await refusal(ask(USER, { headers: { "user-agent": "b" } }));
  await ask(USER, { headers: { "user-agent": "a" } });
});

test("what is asked at once is read once", async () => {
  const it = world({ statements: [allow()] });
  const ask = asker(it);
  await Promise.all(Array.from({ length: 20 }, () => ask(USER)));
  assert.equal(it.loads, 1);
});

test("warn allows, hints each time and says it once", async () => {
  const it = world({ mode: "warn" });
  const ask = asker(it);
  const first = await ask(ROLE);
  assert.match(
    first ?? "",
    /^--iam enforce would refuse this \(sqs:SendMessage on .*:q\): add to the identity policy: \{/,
  );
  assert.equal(await ask(ROLE), first);
  assert.equal(it.lines.length, 1);
  assert.equal(it.lines[0]?.["session"], "fn");
  await ask(ROLE, { input: { QueueUrl: `${QUEUE}2` } });
  assert.equal(it.lines.length, 2);
});

test("a role of another account: the account's own, and how to make it", async () => {
  const it = world({ mode: "warn" });
  const role = "arn:aws:iam::123456789012:role/lambda-execution-role";
  const rules = {
    SendMessage: {
      actions: () => ["iam:PassRole"],
      resources: () => [role],
      conditions: () => ({ "iam:PassedToService": "lambda.amazonaws.com" }),
    },
  };
  const hint = await asker(it)(USER, { service: serviceOf(it, "sqs", { rules }) });
  assert.match(
    hint ?? "",
    new RegExp(
      `use arn:aws:iam::${ACCOUNT}:role/lambda-execution-role, once it is there: aws iam create-role --role-name lambda-execution-role .*"Service":"lambda.amazonaws.com"`,
    ),
  );
});

test("a permission that is missing for very many resources does not fill the log", async () => {
  const it = world({ mode: "warn" });
  const ask = asker(it);
  for (let index = 0; index < 100; index += 1)
    await ask(ROLE, { input: { QueueUrl: `${QUEUE}${String(index)}` } });
  assert.equal(it.lines.length, 20);
  assert.match(String(it.lines.at(-1)?.["note"]), /not told any more/);
  assert.equal(it.lines[0]?.["note"], undefined);
});

test("a role that does not exist is told once, whatever it does", async () => {
  const it = world({ mode: "warn", exists: false });
  const ask = asker(it);
  assert.match((await ask(ROLE)) ?? "", /role\/worker does not exist here/);
  await ask(ROLE, { input: { QueueUrl: `${QUEUE}2` } });
  assert.equal(it.lines.length, 1);
});

test("a session's policy restricts it; another session of the role is not touched", async () => {
  const it = world({ statements: [allow()] });
  const ask = asker(it);
  const policy = document(allow({ Resource: QUEUE }));
  const bound: Caller = { ...ROLE, accessKeyId: "ASIA1", session: { policy } };
  await ask(bound);
  const error = await refusal(ask(bound, { input: { QueueUrl: `${QUEUE}2` } }));
  assert.match(error.message, /because no session policy allows the sqs:sendmessage action$/);
  await ask(ROLE, { input: { QueueUrl: `${QUEUE}2` } });
  const unreadable: Caller = {
    ...ROLE,
    accessKeyId: "ASIA2",
    session: { policyArns: ["arn:aws:iam::aws:policy/None"] },
  };
  await refusal(ask(unreadable));
});

test("a rule that cannot read its input asks for everything", async () => {
  const it = world({ statements: [allow({ Resource: QUEUE })] });
  const rules = {
    SendMessage: {
      resources: (): string[] => {
        throw new TypeError("odd input");
      },
    },
  };
  const error = await refusal(asker(it)(USER, { service: serviceOf(it, "sqs", { rules }) }));
  assert.match(error.message, /on resource: \* because/);
});

test("what no operation would take is not tried on patterns", async () => {
  const it = world({ statements: [allow({ Resource: "arn:aws:sqs:*:*:*a*a*a*a*b" })] });
  const error = await refusal(asker(it)(USER, { input: { QueueUrl: `${QUEUE}${"a".repeat(1_000_000)}` } }));
  assert.match(error.message, /on resource: \* because/);
});

test("the owner of a resource without an account in its ARN is who the service says", async () => {
  const it = world({ statements: [{ Effect: "Allow", Action: "s3:*", Resource: "*" }] });
  const rules = { GetObject: { resources: () => ["arn:aws:s3:::bucket/k"] } };
  const owned = (owner: string): Service => serviceOf(it, "s3", { rules, ownerOf: () => owner });
  const ask = asker(it);
  assert.equal(await ask(USER, { service: owned(ACCOUNT), operation: "GetObject" }), undefined);
  const error = await refusal(ask(USER, { service: owned("111111111111"), operation: "GetObject" }));
  assert.equal(error.message, "Access Denied");
});
