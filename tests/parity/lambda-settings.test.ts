import assert from "node:assert/strict";
import { test } from "node:test";
import { type LambdaApi, lambdaApi, saw } from "./lambda-client.ts";
import { ARN, ROLE, SCOPE, zip } from "./lambda-fixture.ts";

async function withVersions(count: number): Promise<LambdaApi> {
  const api = lambdaApi();
  await api.call("CreateFunction", {
    FunctionName: "f",
    Runtime: "python3.12",
    Handler: "index.handler",
    Role: ROLE,
    Code: { ZipFile: await zip() },
  });
  for (let i = 1; i <= count; i++) {
    await api.settled("f");
    await api.call("UpdateFunctionConfiguration", { FunctionName: "f", Timeout: 10 + i });
    await api.settled("f");
    await api.call("PublishVersion", { FunctionName: "f" });
  }
  await api.settled("f");
  return api;
}

const invalid = (message: string): object => ({
  code: "InvalidParameterValueException",
  status: 400,
  message,
  type: "User",
});
/** The few that AWS sends without a Type. */
const invalidBare = (message: string): object => ({ ...invalid(message), type: undefined });
const notFound = (message: string): object => ({
  code: "ResourceNotFoundException",
  status: 404,
  message,
  type: "User",
});

test("publishing: a version per change, none without one, RevisionIds of their own", async () => {
  const api = await withVersions(0);
  const rev2 = (await api.settled("f")).RevisionId;
  const first = await api.call("PublishVersion", { FunctionName: "f", Description: "one" });
  assert.equal(first.FunctionArn, `${ARN}:f:1`);
  assert.deepEqual([first.State, first.LastUpdateStatus, first.Description], ["Active", "Successful", "one"]);
  const rev4 = (await api.call("GetFunctionConfiguration", { FunctionName: "f" })).RevisionId;
  assert.equal(new Set([rev2, first.RevisionId, rev4]).size, 3);
  const again = await api.call("PublishVersion", { FunctionName: "f", Description: "two" });
  assert.deepEqual(again, first);
  assert.equal((await api.call("GetFunctionConfiguration", { FunctionName: "f" })).RevisionId, rev4);
  await api.call("UpdateFunctionConfiguration", { FunctionName: "f", Description: "other" });
  await api.settled("f");
  assert.equal((await api.call("PublishVersion", { FunctionName: "f" })).Version, "2");
  const frozen = await api.call("GetFunctionConfiguration", { FunctionName: "f:1" });
  assert.deepEqual(frozen, first);
});

test("a deleted version's number is not given again", async () => {
  const api = await withVersions(2);
  await api.call("DeleteFunction", { FunctionName: "f", Qualifier: "2" });
  assert.equal((await api.call("PublishVersion", { FunctionName: "f" })).Version, "3");
});

test("CodeSha256 guards publishing", async () => {
  const api = await withVersions(0);
  const { CodeSha256 = "" } = await api.settled("f");
  assert.deepEqual(
    await api.refused("PublishVersion", { FunctionName: "f", CodeSha256: "other" }),
    invalid(
      `CodeSHA256 (other) is different from current CodeSHA256 in $LATEST (${CodeSha256}). Please try again with the CodeSHA256 in $LATEST.`,
    ),
  );
  await api.call("PublishVersion", { FunctionName: "f", CodeSha256 });
});

test("code published at once is Pending under its own ARN", async () => {
  const api = await withVersions(1);
  const release = api.codeCache.hold();
  const published = await api.call("UpdateFunctionCode", {
    FunctionName: "f",
    ZipFile: await zip("v2"),
    Publish: true,
  });
  release();
  assert.equal(published.FunctionArn, `${ARN}:f:2`);
  assert.deepEqual([published.State, published.StateReasonCode], ["Pending", "Creating"]);
  assert.ok(!("LastUpdateStatus" in published));
  await api.settled("f");
  assert.equal((await api.call("GetFunctionConfiguration", { FunctionName: "f:2" })).State, "Active");
});

test("ListVersionsByFunction pages from $LATEST on", async () => {
  const api = await withVersions(3);
  const seen: (string | undefined)[] = [];
  let Marker: string | undefined;
  do {
    const page = await api.call("ListVersionsByFunction", { FunctionName: "f", MaxItems: 2, Marker });
    seen.push(...(page.Versions ?? []).map((version) => version.FunctionArn));
    Marker = page.NextMarker;
  } while (Marker !== undefined);
  assert.deepEqual(
    seen,
    ["$LATEST", "1", "2", "3"].map((version) => `${ARN}:f:${version}`),
  );
  saw("ListVersionsByFunction", "pagination");
});

test("aliases live their life", async () => {
  const api = await withVersions(2);
  const weighted = await api.call("CreateAlias", {
    FunctionName: "f",
    Name: "a",
    FunctionVersion: "1",
    Description: "custom-alias",
    RoutingConfig: { AdditionalVersionWeights: { "2": 0.2 } },
  });
  assert.deepEqual(weighted, {
    AliasArn: `${ARN}:f:a`,
    Name: "a",
    FunctionVersion: "1",
    Description: "custom-alias",
    RoutingConfig: { AdditionalVersionWeights: { "2": 0.2 } },
    RevisionId: weighted.RevisionId,
  });
  assert.deepEqual(await api.call("GetAlias", { FunctionName: "f", Name: "a" }), weighted);
  const plain = await api.call("CreateAlias", {
    FunctionName: "f",
    Name: "2024-01-02",
    FunctionVersion: "2",
    RoutingConfig: {},
  });
  assert.deepEqual([plain.Description, "RoutingConfig" in plain], ["", false]);
  const names = async (over: object): Promise<unknown[]> =>
    ((await api.call("ListAliases", { FunctionName: "f", ...over })).Aliases ?? []).map(
      (alias) => alias.Name,
    );
  assert.deepEqual(await names({}), ["2024-01-02", "a"]);
  assert.deepEqual(await names({ FunctionVersion: "1" }), ["a"]);
  const updated = await api.call("UpdateAlias", {
    FunctionName: "f",
    Name: "a",
    RoutingConfig: { AdditionalVersionWeights: {} },
  });
  assert.ok(!("RoutingConfig" in updated));
  assert.equal(updated.Description, "custom-alias");
  const same = await api.call("UpdateAlias", { FunctionName: "f", Name: "a" });
  assert.notEqual(same.RevisionId, updated.RevisionId);
  const stale = await api.refused("UpdateAlias", {
    FunctionName: "f",
    Name: "a",
    RevisionId: weighted.RevisionId,
  });
  assert.deepEqual([stale.code, stale.status], ["PreconditionFailedException", 412]);
  const byAlias = await api.call("GetFunction", { FunctionName: `${ARN}:f:a` });
  assert.deepEqual([byAlias.Configuration?.FunctionArn, byAlias.Configuration?.Version], [`${ARN}:f:a`, "1"]);
  await api.call("DeleteAlias", { FunctionName: "f", Name: "a" });
  await api.call("DeleteAlias", { FunctionName: "f", Name: "a" });
  assert.deepEqual(await names({}), ["2024-01-02"]);
});

test("aliases and routing that cannot be", async () => {
  const api = await withVersions(2);
  const attempt = (over: object): Promise<object> =>
    api.refused("CreateAlias", { FunctionName: "f", Name: "custom", FunctionVersion: "1", ...over });
  const weights = (AdditionalVersionWeights: Record<string, number>): object => ({
    RoutingConfig: { AdditionalVersionWeights },
  });
  assert.deepEqual(
    await attempt(weights({ "1": 0.8, "2": 0.2 })),
    invalid("Number of items in AdditionalVersionWeights cannot be greater than 1"),
  );
  assert.deepEqual(
    await attempt(weights({ "1": 0.5 })),
    invalid("Invalid function version 1. Function version 1 is already included in routing configuration."),
  );
  assert.deepEqual(
    await attempt({ FunctionVersion: "$LATEST", ...weights({ "1": 0.5 }) }),
    invalidBare("$LATEST is not supported for an alias pointing to more than 1 version"),
  );
  assert.deepEqual(await attempt({ FunctionVersion: "10" }), notFound(`Function not found: ${ARN}:f:10`));
  assert.deepEqual(await attempt(weights({ "10": 0.5 })), notFound(`Function not found: ${ARN}:f:10`));
  assert.deepEqual(
    await attempt({ FunctionName: "f-unknown" }),
    notFound(`Function not found: ${ARN}:f-unknown:1`),
  );
  await api.call("CreateAlias", { FunctionName: "f", Name: "custom", FunctionVersion: "$LATEST" });
  assert.deepEqual(await attempt({}), {
    code: "ResourceConflictException",
    status: 409,
    type: "User",
    message: `Alias already exists: ${ARN}:f:custom`,
  });
  assert.deepEqual(
    await api.refused("GetAlias", { FunctionName: "f", Name: "non-existent" }),
    notFound(`Cannot find alias arn: ${ARN}:f:non-existent`),
  );
  assert.deepEqual(
    await api.refused("UpdateAlias", { FunctionName: "f", Name: "non-existent" }),
    notFound(`Alias not found: ${ARN}:f:non-existent`),
  );
});

test("tags, on functions only; each change moves the RevisionId", async () => {
  const api = await withVersions(1);
  const Resource = `${ARN}:f`;
  const list = async (): Promise<object> => (await api.call("ListTags", { Resource })).Tags ?? {};
  const revisions = new Set([(await api.settled("f")).RevisionId]);
  await api.call("TagResource", { Resource, Tags: { A: "a", B: "b" } });
  revisions.add((await api.settled("f")).RevisionId);
  await api.call("TagResource", { Resource, Tags: { B: "b2", C: "c" } });
  assert.deepEqual(await list(), { A: "a", B: "b2", C: "c" });
  await api.call("UntagResource", { Resource, TagKeys: ["A", "nothing"] });
  revisions.add((await api.settled("f")).RevisionId);
  assert.deepEqual(await list(), { B: "b2", C: "c" });
  assert.equal(revisions.size, 3);
  const unsupported =
    "Tags on function aliases and versions are not supported. Please specify a function ARN.";
  for (const qualifier of ["1", "$LATEST"]) {
    assert.deepEqual(
      await api.refused("TagResource", { Resource: `${Resource}:${qualifier}`, Tags: { A: "a" } }),
      invalid(unsupported),
    );
  }
  const gone = notFound(`Function not found: ${ARN}:gone`);
  assert.deepEqual(await api.refused("ListTags", { Resource: `${ARN}:gone` }), gone);
  assert.deepEqual(await api.refused("TagResource", { Resource: `${ARN}:gone`, Tags: { A: "a" } }), gone);
  assert.deepEqual(await api.refused("UntagResource", { Resource: `${ARN}:gone`, TagKeys: ["A"] }), gone);
  const many = Object.fromEntries(Array.from({ length: 49 }, (_, i) => [`k${i}`, "v"]));
  assert.deepEqual(
    await api.refused("TagResource", { Resource, Tags: many }),
    invalid("Number of tags exceeds resource tag limit."),
  );
});

test("permissions: statements, conditions, principals", async () => {
  const api = await withVersions(1);
  const add = async (over: object): Promise<unknown> => {
    const { Statement = "" } = await api.call("AddPermission", {
      FunctionName: "f",
      StatementId: `s${Math.trunc(performance.now() * 1000)}`,
      Action: "lambda:InvokeFunction",
      Principal: "s3.amazonaws.com",
      ...over,
    });
    const { Sid: _sid, ...rest } = JSON.parse(Statement) as Record<string, unknown>;
    return rest;
  };
  const base = { Effect: "Allow", Action: "lambda:InvokeFunction", Resource: `${ARN}:f` };
  assert.deepEqual(await add({ SourceArn: "arn:aws:s3:::b" }), {
    ...base,
    Principal: { Service: "s3.amazonaws.com" },
    Condition: { ArnLike: { "AWS:SourceArn": "arn:aws:s3:::b" } },
  });
  assert.deepEqual(await add({ SourceAccount: "222222222222", PrincipalOrgID: "o-1234567890" }), {
    ...base,
    Principal: { Service: "s3.amazonaws.com" },
    Condition: {
      StringEquals: { "AWS:SourceAccount": "222222222222", "aws:PrincipalOrgID": "o-1234567890" },
    },
  });
  assert.deepEqual(await add({ Principal: "222222222222", EventSourceToken: "token" }), {
    ...base,
    Principal: { AWS: "arn:aws:iam::222222222222:root" },
    Condition: { StringEquals: { "lambda:EventSourceToken": "token" } },
  });
  assert.deepEqual(
    await add({
      Principal: "*",
      Action: "lambda:InvokeFunctionUrl",
      FunctionUrlAuthType: "NONE",
      Qualifier: "1",
    }),
    {
      Effect: "Allow",
      Action: "lambda:InvokeFunctionUrl",
      Resource: `${ARN}:f:1`,
      Principal: "*",
      Condition: { StringEquals: { "lambda:FunctionUrlAuthType": "NONE" } },
    },
  );
});

test("permissions: conflicts, revisions, qualifiers, removal", async () => {
  const api = await withVersions(1);
  const base = {
    FunctionName: "f",
    StatementId: "s1",
    Action: "lambda:InvokeFunction",
    Principal: "logs.amazonaws.com",
  };
  assert.deepEqual(
    await api.refused("GetPolicy", { FunctionName: "f" }),
    notFound("The resource you requested does not exist."),
  );
  assert.deepEqual(
    await api.refused("RemovePermission", { FunctionName: "f", StatementId: "s1" }),
    notFound("No policy is associated with the given resource."),
  );
  await api.call("AddPermission", base);
  assert.deepEqual(await api.refused("AddPermission", base), {
    code: "ResourceConflictException",
    status: 409,
    type: "User",
    message:
      "The statement id (s1) provided already exists. Please provide a new statement id, or remove the existing statement.",
  });
  const stale = await api.refused("AddPermission", { ...base, StatementId: "s2", RevisionId: "wrong" });
  assert.deepEqual(stale, {
    code: "PreconditionFailedException",
    status: 412,
    type: "User",
    message:
      "The Revision Id provided does not match the latest Revision Id. Call the GetPolicy API to retrieve the latest Revision Id",
  });
  const { RevisionId, Policy = "" } = await api.call("GetPolicy", { FunctionName: "f" });
  assert.equal(RevisionId, (await api.settled("f")).RevisionId);
  assert.deepEqual(Object.keys(JSON.parse(Policy) as object), ["Version", "Id", "Statement"]);
  await api.call("AddPermission", { ...base, StatementId: "s2", RevisionId });
  assert.deepEqual(
    await api.refused("AddPermission", { ...base, Qualifier: "$LATEST" }),
    invalid("We currently do not support adding policies for $LATEST."),
  );
  assert.deepEqual(
    await api.refused("AddPermission", { ...base, Qualifier: "42" }),
    notFound(`Function not found: ${ARN}:f:42`),
  );
  assert.deepEqual(
    await api.refused("AddPermission", { ...base, Qualifier: "nowhere" }),
    notFound(`Cannot find alias arn: ${ARN}:f:nowhere`),
  );
  for (const Principal of ["invalid principal", "invalid.nonaws.com", "arn:aws:s3:::bucket"]) {
    assert.deepEqual(
      await api.refused("AddPermission", { ...base, Principal }),
      invalid("The provided principal was invalid. Please check the principal and try again."),
    );
  }
  assert.deepEqual(
    await api.refused("RemovePermission", { FunctionName: "f", StatementId: "doesnotexist" }),
    notFound("Statement doesnotexist is not found in resource policy."),
  );
  await api.call("RemovePermission", { FunctionName: "f", StatementId: "s1" });
  await api.call("RemovePermission", { FunctionName: "f", StatementId: "s2" });
  assert.equal((await api.refused("GetPolicy", { FunctionName: "f" })).code, "ResourceNotFoundException");
  assert.equal(
    (await api.refused("AddPermission", { ...base, FunctionName: "none" })).message,
    `Function not found: ${ARN}:none`,
  );
});

test("a policy grows to 20 KB and no further", async () => {
  const api = await withVersions(0);
  const base = { FunctionName: "f", Action: "lambda:InvokeFunction", Principal: "s3.amazonaws.com" };
  const SourceArn = `arn:aws:s3:::${"b".repeat(6000)}`;
  for (const StatementId of ["a", "b", "c"])
    await api.call("AddPermission", { ...base, StatementId, SourceArn });
  const refusal = await api.refused("AddPermission", { ...base, StatementId: "d", SourceArn });
  assert.equal(refusal.code, "PolicyLengthExceededException");
  assert.match(refusal.message, /^The final policy size \(\d+\) is bigger than the limit \(20480\)\.$/);
});

test("every version counts against the account's code storage", async () => {
  const size = (await zip()).byteLength;
  const api = lambdaApi({ quotas: { totalCodeBytes: 2 * size } });
  const input = {
    FunctionName: "f",
    Runtime: "python3.12" as const,
    Handler: "index.handler",
    Role: ROLE,
    Code: { ZipFile: await zip() },
  };
  const full = {
    code: "CodeStorageExceededException",
    status: 400,
    message: "Code storage limit exceeded.",
    type: "User",
  };
  await api.call("CreateFunction", input);
  await api.call("PublishVersion", { FunctionName: "f" });
  assert.deepEqual(await api.refused("CreateFunction", { ...input, FunctionName: "g" }), full);
  await api.call("UpdateFunctionConfiguration", { FunctionName: "f", Timeout: 9 });
  await api.settled("f");
  assert.deepEqual(await api.refused("PublishVersion", { FunctionName: "f" }), full);
  const larger = await zip(
    "x".repeat(100_000).replaceAll("x", () => String(Math.trunc(performance.now() * 1e6))),
  );
  assert.deepEqual(await api.refused("UpdateFunctionCode", { FunctionName: "f", ZipFile: larger }), full);
  await api.call("DeleteFunction", { FunctionName: "f", Qualifier: "1" });
  await api.call("CreateFunction", { ...input, FunctionName: "g" });
  assert.equal((await api.call("GetAccountSettings", {})).AccountLimit?.TotalCodeSize, 2 * size);
});

test("a function or qualifier that is not there, for every setting", async () => {
  const api = await withVersions(0);
  const none = notFound(`Function not found: ${ARN}:none`);
  const FunctionName = "none";
  assert.deepEqual(await api.refused("DeleteAlias", { FunctionName, Name: "a" }), none);
  assert.deepEqual(await api.refused("DeleteFunctionConcurrency", { FunctionName }), none);
  assert.deepEqual(await api.refused("RemovePermission", { FunctionName, StatementId: "s" }), none);
  assert.deepEqual(await api.refused("GetPolicy", { FunctionName }), none);
  assert.deepEqual(
    await api.refused("PutFunctionConcurrency", { FunctionName, ReservedConcurrentExecutions: 1 }),
    none,
  );
  assert.deepEqual(
    await api.refused("GetFunctionEventInvokeConfig", { FunctionName }),
    notFound(`The function ${ARN}:none:$LATEST doesn't have an EventInvokeConfig`),
  );
  const mismatch = { FunctionName: "f:1", Qualifier: "2" };
  for (const operation of [
    "GetFunctionEventInvokeConfig",
    "DeleteFunctionEventInvokeConfig",
    "GetPolicy",
    "GetFunctionConfiguration",
  ] as const) {
    assert.deepEqual(
      await api.refused(operation, mismatch),
      invalid("The derived qualifier from the function name does not match the specified qualifier."),
    );
  }
});

test("reserved concurrency", async () => {
  const api = await withVersions(0);
  assert.deepEqual(await api.call("GetFunctionConcurrency", { FunctionName: "f" }), {});
  const put = { FunctionName: "f", ReservedConcurrentExecutions: 0 };
  assert.deepEqual(await api.call("PutFunctionConcurrency", put), { ReservedConcurrentExecutions: 0 });
  assert.deepEqual(await api.call("GetFunctionConcurrency", { FunctionName: "f" }), {
    ReservedConcurrentExecutions: 0,
  });
  assert.deepEqual(
    await api.refused("PutFunctionConcurrency", { FunctionName: "f", ReservedConcurrentExecutions: 901 }),
    invalidBare(
      "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of [100].",
    ),
  );
  assert.match(
    (await api.refused("PutFunctionConcurrency", { FunctionName: "f:1", ReservedConcurrentExecutions: 1 }))
      .message,
    /^This operation is permitted on Lambda functions only\./,
  );
  await api.call("DeleteFunctionConcurrency", { FunctionName: "f" });
  assert.deepEqual(await api.call("GetFunctionConcurrency", { FunctionName: "f" }), {});
  assert.deepEqual(
    await api.refused("GetFunctionConcurrency", { FunctionName: "none" }),
    notFound(`Function not found: ${ARN}:none`),
  );
});

test("event invoke configurations: put replaces, update merges, per qualifier", async () => {
  const api = await withVersions(1);
  await api.call("CreateAlias", { FunctionName: "f", Name: "live", FunctionVersion: "1" });
  const bare = (answer: object): object => {
    const { LastModified, ...rest } = answer as { LastModified?: unknown };
    assert.ok(LastModified instanceof Date);
    return rest;
  };
  const none = { OnFailure: {}, OnSuccess: {} };
  const latest = { DestinationConfig: none, FunctionArn: `${ARN}:f:$LATEST` };
  assert.deepEqual(
    bare(await api.call("PutFunctionEventInvokeConfig", { FunctionName: "f", MaximumRetryAttempts: 0 })),
    { ...latest, MaximumRetryAttempts: 0 },
  );
  assert.deepEqual(
    bare(await api.call("PutFunctionEventInvokeConfig", { FunctionName: "f", MaximumEventAgeInSeconds: 60 })),
    { ...latest, MaximumEventAgeInSeconds: 60 },
  );
  const merged = { ...latest, MaximumEventAgeInSeconds: 60, MaximumRetryAttempts: 1 };
  assert.deepEqual(
    bare(await api.call("UpdateFunctionEventInvokeConfig", { FunctionName: "f", MaximumRetryAttempts: 1 })),
    merged,
  );
  assert.deepEqual(
    bare(await api.call("GetFunctionEventInvokeConfig", { FunctionName: "f", Qualifier: "$LATEST" })),
    merged,
  );
  for (const FunctionName of ["f:live", `${ARN}:f:live`]) {
    const put = await api.call("PutFunctionEventInvokeConfig", { FunctionName, MaximumRetryAttempts: 1 });
    assert.equal(put.FunctionArn, `${ARN}:f:live`);
  }
  await api.call("PutFunctionEventInvokeConfig", {
    FunctionName: "f",
    Qualifier: "1",
    MaximumRetryAttempts: 2,
  });
  const { FunctionEventInvokeConfigs = [] } = await api.call("ListFunctionEventInvokeConfigs", {
    FunctionName: "f",
  });
  assert.deepEqual(
    FunctionEventInvokeConfigs.map((config) => config.FunctionArn),
    ["$LATEST", "1", "live"].map((qualifier) => `${ARN}:f:${qualifier}`),
  );
  await api.call("DeleteFunctionEventInvokeConfig", { FunctionName: "f" });
  assert.deepEqual(
    await api.refused("DeleteFunctionEventInvokeConfig", { FunctionName: "f" }),
    notFound(`The function ${ARN}:f:$LATEST doesn't have an EventInvokeConfig`),
  );
});

test("event invoke configurations that cannot be", async () => {
  const api = await withVersions(1);
  const put = (over: object): Promise<object> =>
    api.refused("PutFunctionEventInvokeConfig", { FunctionName: "f", ...over });
  const to = (Destination: string): object => ({ DestinationConfig: { OnSuccess: { Destination } } });
  const gone = notFound("The function doesn't exist.");
  assert.deepEqual(await put({ FunctionName: "none", MaximumRetryAttempts: 1 }), gone);
  assert.deepEqual(await put({ Qualifier: "nowhere", MaximumRetryAttempts: 1 }), gone);
  assert.deepEqual(await api.refused("ListFunctionEventInvokeConfigs", { FunctionName: "none" }), gone);
  assert.deepEqual(
    await put({}),
    invalid("You must specify at least one of error handling or destination setting."),
  );
  assert.deepEqual(
    await put(to(`${ARN}:doesnotexist`)),
    invalid(`The destination ARN ${ARN}:doesnotexist is invalid.`),
  );
  assert.deepEqual(
    await put(to(`${ARN}:f`)),
    invalid("You can't specify the function as a destination for itself."),
  );
  const iam = "arn:aws:iam:us-east-1:111111111111:function:f";
  assert.deepEqual(
    await put(to(iam)),
    invalid(
      `The provided destination config DestinationConfig(onSuccess=OnSuccess(destination=${iam}), onFailure=null) is invalid.`,
    ),
  );
  assert.deepEqual(
    await put(to("arn:aws:sqs:us-east-1:111111111111:q.fifo")),
    invalid("The destination ARN arn:aws:sqs:us-east-1:111111111111:q.fifo is invalid."),
  );
  assert.deepEqual(
    await api.refused("UpdateFunctionEventInvokeConfig", { FunctionName: "f", MaximumRetryAttempts: 1 }),
    notFound(`The function ${ARN}:f:$LATEST doesn't have an EventInvokeConfig`),
  );
});

test("the queue's settings: the qualifier's configuration, AWS's defaults elsewhere", async () => {
  const api = await withVersions(1);
  const scope = { accountId: "111111111111", region: "us-east-1" };
  const defaults = {
    maximumRetryAttempts: 2,
    maximumEventAgeSeconds: 21_600,
    onSuccessArn: undefined,
    onFailureArn: undefined,
    deadLetterTargetArn: undefined,
  };
  const settings = (qualifier?: string): Promise<unknown> =>
    api.control.eventInvokeConfigs.eventInvokeSettings(scope, "f", qualifier);
  assert.deepEqual(await settings(), defaults);
  await api.call("PutFunctionEventInvokeConfig", { FunctionName: "f", MaximumRetryAttempts: 0 });
  assert.deepEqual(await settings(), { ...defaults, maximumRetryAttempts: 0 });
  assert.deepEqual(await settings("$LATEST"), { ...defaults, maximumRetryAttempts: 0 });
  assert.deepEqual(await settings("1"), defaults);
  assert.equal(await settings("nowhere"), undefined);
});

test("recursion ends a loop unless the function may recur; the setting is the function's, not a version's", async () => {
  const api = await withVersions(1);
  const f = { FunctionName: "f" };
  const allowed = async (): Promise<boolean> =>
    (await api.control.resolver.resolve(SCOPE, "f", "1", 0)).isRecursionAllowed;
  assert.deepEqual(await api.call("GetFunctionRecursionConfig", f), { RecursiveLoop: "Terminate" });
  assert.equal(await allowed(), false);
  const { RevisionId } = await api.call("GetFunctionConfiguration", f);
  assert.deepEqual(await api.call("PutFunctionRecursionConfig", { ...f, RecursiveLoop: "Allow" }), {
    RecursiveLoop: "Allow",
  });
  assert.deepEqual(await api.call("GetFunctionRecursionConfig", { FunctionName: `${ARN}:f` }), {
    RecursiveLoop: "Allow",
  });
  assert.equal(await allowed(), true);
  assert.equal((await api.call("GetFunctionConfiguration", f)).RevisionId, RevisionId);
  assert.deepEqual(await api.call("PutFunctionRecursionConfig", { ...f, RecursiveLoop: "Terminate" }), {
    RecursiveLoop: "Terminate",
  });
  assert.equal(await allowed(), false);
  const none = { FunctionName: "none" };
  const missing = notFound(`Function not found: ${ARN}:none`);
  assert.deepEqual(await api.refused("GetFunctionRecursionConfig", none), missing);
  assert.deepEqual(
    await api.refused("PutFunctionRecursionConfig", { ...none, RecursiveLoop: "Allow" }),
    missing,
  );
});
