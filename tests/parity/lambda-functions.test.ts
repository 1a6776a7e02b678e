import assert from "node:assert/strict";
import { test } from "node:test";
import { type LambdaApi, lambdaApi } from "./lambda-client.ts";
import { ARN, ROLE, zip } from "./lambda-fixture.ts";

const NOT_AGAIN =
  "The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to retrieve the latest Revision Id";
const MISMATCH = "The derived qualifier from the function name does not match the specified qualifier.";

async function withFunction(over: object = {}): Promise<LambdaApi> {
  const api = lambdaApi();
  await create(api, over);
  await api.settled("f");
  return api;
}

async function create(api: LambdaApi, over: object = {}): Promise<object> {
  return api.call("CreateFunction", {
    FunctionName: "f",
    Runtime: "python3.12",
    Handler: "index.handler",
    Role: ROLE,
    Code: { ZipFile: await zip() },
    ...over,
  });
}

test("CreateFunction answers exactly AWS's fields", async () => {
  const api = lambdaApi();
  const release = api.codeCache.hold();
  const created = (await create(api)) as Record<string, unknown>;
  release();
  for (const key of ["CodeSha256", "CodeSize", "LastModified", "RevisionId", "RuntimeVersionConfig"]) {
    assert.ok(created[key] !== undefined, key);
    delete created[key];
  }
  assert.deepEqual(created, {
    Architectures: ["x86_64"],
    Description: "",
    EphemeralStorage: { Size: 512 },
    FunctionArn: `${ARN}:f`,
    FunctionName: "f",
    Handler: "index.handler",
    LoggingConfig: { LogFormat: "Text", LogGroup: "/aws/lambda/f" },
    MemorySize: 128,
    PackageType: "Zip",
    Role: ROLE,
    Runtime: "python3.12",
    SnapStart: { ApplyOn: "None", OptimizationStatus: "Off" },
    State: "Pending",
    StateReason: "The function is being created.",
    StateReasonCode: "Creating",
    Timeout: 3,
    TracingConfig: { Mode: "PassThrough" },
    Version: "$LATEST",
  });
});

test("an active function has LastUpdateStatus, and shows variables, tags and concurrency when it has them", async () => {
  const api = await withFunction({ Environment: { Variables: {} }, Tags: { a: "1" } });
  await api.call("PutFunctionConcurrency", { FunctionName: "f", ReservedConcurrentExecutions: 3 });
  const got = await api.call("GetFunction", { FunctionName: "f" });
  assert.deepEqual(Object.keys(got).sort(), ["Code", "Concurrency", "Configuration", "Tags"]);
  assert.deepEqual(got.Concurrency, { ReservedConcurrentExecutions: 3 });
  assert.deepEqual(got.Configuration?.Environment, { Variables: {} });
  assert.equal(got.Configuration?.LastUpdateStatus, "Successful");
  assert.equal(got.Configuration?.StateReason, undefined);
  assert.equal(got.Code?.RepositoryType, "S3");
  assert.match(got.Configuration?.LastModified ?? "", /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+0000$/);
  const bare = await withFunction();
  assert.deepEqual(Object.keys(await bare.call("GetFunction", { FunctionName: "f" })).sort(), [
    "Code",
    "Configuration",
  ]);
});

test("an update is InProgress in its answer", async () => {
  const api = await withFunction();
  const release = api.codeCache.hold();
  const updated = await api.call("UpdateFunctionCode", { FunctionName: "f", ZipFile: await zip("new") });
  assert.equal(updated.State, "Active");
  assert.equal(updated.LastUpdateStatus, "InProgress");
  assert.equal(updated.LastUpdateStatusReason, "The function is being created.");
  assert.equal(updated.LastUpdateStatusReasonCode, "Creating");
  const seen = await api.call("GetFunction", { FunctionName: "f" });
  assert.equal(seen.Configuration?.LastUpdateStatus, "InProgress");
  assert.equal(seen.Configuration?.RevisionId, updated.RevisionId);
  const second = await api.refused("UpdateFunctionConfiguration", { FunctionName: "f", Timeout: 4 });
  assert.deepEqual(second, {
    code: "ResourceConflictException",
    status: 409,
    type: "User",
    message: `The operation cannot be performed at this time. An update is in progress for resource: ${ARN}:f`,
  });
  release();
  assert.notEqual((await api.settled("f")).RevisionId, updated.RevisionId);
});

test("a dry run tells the new code's hash and changes nothing", async () => {
  const api = await withFunction();
  const before = await api.call("GetFunctionConfiguration", { FunctionName: "f" });
  const archive = await zip("dry");
  const dry = await api.call("UpdateFunctionCode", { FunctionName: "f", ZipFile: archive, DryRun: true });
  assert.notEqual(dry.CodeSha256, before.CodeSha256);
  assert.equal(dry.RevisionId, before.RevisionId);
  assert.deepEqual(await api.call("GetFunctionConfiguration", { FunctionName: "f" }), before);
  assert.equal(api.blobs.held.size, 1);
});

test("RevisionId guards every update", async () => {
  const api = await withFunction();
  const wrong = { RevisionId: "c1d8ca5e-0000-4000-8000-000000000000" };
  const refusal = { code: "PreconditionFailedException", status: 412, type: "User", message: NOT_AGAIN };
  assert.deepEqual(
    await api.refused("UpdateFunctionConfiguration", { FunctionName: "f", Timeout: 9, ...wrong }),
    refusal,
  );
  assert.deepEqual(
    await api.refused("UpdateFunctionCode", { FunctionName: "f", ZipFile: await zip("x"), ...wrong }),
    refusal,
  );
  assert.deepEqual(await api.refused("PublishVersion", { FunctionName: "f", ...wrong }), refusal);
  const { RevisionId } = await api.call("GetFunctionConfiguration", { FunctionName: "f" });
  await api.call("UpdateFunctionConfiguration", { FunctionName: "f", Timeout: 9, RevisionId });
});

test("a function that is not there, and one that is there already", async () => {
  const api = await withFunction();
  const missing = (qualifier = ""): object => ({
    code: "ResourceNotFoundException",
    status: 404,
    type: "User",
    message: `Function not found: ${ARN}:none${qualifier}`,
  });
  const archive = await zip();
  assert.deepEqual(await api.refused("GetFunction", { FunctionName: "none" }), missing());
  assert.deepEqual(
    await api.refused("GetFunction", { FunctionName: "none", Qualifier: "$latest" }),
    missing(":$latest"),
  );
  assert.deepEqual(
    await api.refused("GetFunctionConfiguration", { FunctionName: "none:live" }),
    missing(":live"),
  );
  assert.deepEqual(await api.refused("DeleteFunction", { FunctionName: "none" }), missing());
  assert.deepEqual(
    await api.refused("DeleteFunction", { FunctionName: "none", Qualifier: "$latest" }),
    missing(),
  );
  assert.deepEqual(await api.refused("DeleteFunction", { FunctionName: "none", Qualifier: "3" }), missing());
  assert.deepEqual(await api.refused("Invoke", { FunctionName: "none" }), missing(":$LATEST"));
  assert.deepEqual(
    await api.refused("Invoke", { FunctionName: "none", InvocationType: "Event" }),
    missing(":$LATEST"),
  );
  assert.deepEqual(
    await api.refused("UpdateFunctionCode", { FunctionName: "none", ZipFile: archive }),
    missing(),
  );
  assert.deepEqual(await api.refused("UpdateFunctionConfiguration", { FunctionName: "none" }), missing());
  assert.deepEqual(await api.refused("PublishVersion", { FunctionName: "none" }), missing());
  assert.deepEqual(await api.refused("ListVersionsByFunction", { FunctionName: "none" }), missing());
  assert.deepEqual(await api.refused("ListAliases", { FunctionName: "none" }), missing());
  assert.deepEqual(await api.refused("GetFunction", { FunctionName: "f", Qualifier: "gone" }), {
    ...missing(),
    message: `Function not found: ${ARN}:f:gone`,
  });
  const again = await api.refused("CreateFunction", {
    FunctionName: "f",
    Runtime: "python3.12",
    Handler: "index.handler",
    Role: ROLE,
    Code: { ZipFile: archive },
  });
  assert.deepEqual(again, {
    code: "ResourceConflictException",
    status: 409,
    type: "User",
    message: "Function already exist: f",
  });
});

test("names, partial ARNs and ARNs mean the same function, and disagreeing qualifiers are refused", async () => {
  const api = await withFunction();
  for (const FunctionName of ["f", "function:f", "111111111111:function:f", `${ARN}:f`]) {
    assert.equal((await api.call("GetFunctionConfiguration", { FunctionName })).FunctionArn, `${ARN}:f`);
  }
  const latest = await api.call("GetFunctionConfiguration", { FunctionName: "f", Qualifier: "$LATEST" });
  assert.equal(latest.FunctionArn, `${ARN}:f:$LATEST`);
  assert.equal(latest.Version, "$LATEST");
  for (const operation of ["GetFunction", "GetFunctionConfiguration", "DeleteFunction", "Invoke"] as const) {
    assert.deepEqual(await api.refused(operation, { FunctionName: `${ARN}:f:$LATEST`, Qualifier: "1" }), {
      code: "InvalidParameterValueException",
      status: 400,
      type: "User",
      message: MISMATCH,
    });
  }
});

test("deleting: $LATEST and aliases never, a version only when no alias points to it", async () => {
  const api = await withFunction();
  const refusal = async (qualifier: string): Promise<string> =>
    (await api.refused("DeleteFunction", { FunctionName: "f", Qualifier: qualifier })).message;
  assert.equal(await refusal("$LATEST"), "$LATEST version cannot be deleted without deleting the function.");
  assert.equal(await refusal("a".repeat(65)), "Deletion of aliases is not currently supported.");
  await api.call("PublishVersion", { FunctionName: "f" });
  await api.call("CreateAlias", { FunctionName: "f", Name: "live", FunctionVersion: "1" });
  assert.equal(
    await refusal("1"),
    "Unable to delete version because the following aliases reference it: [live]",
  );
  await api.call("DeleteAlias", { FunctionName: "f", Name: "live" });
  await api.call("DeleteFunction", { FunctionName: "f", Qualifier: "1" });
  await api.call("DeleteFunction", { FunctionName: "f", Qualifier: "99" });
  const { Versions = [] } = await api.call("ListVersionsByFunction", { FunctionName: "f" });
  assert.deepEqual(
    Versions.map((version) => version.Version),
    ["$LATEST"],
  );
  await api.call("DeleteFunction", { FunctionName: "f" });
  assert.equal((await api.call("ListFunctions", {})).Functions?.length, 0);
});

test("what cannot be created says why in AWS's words", async () => {
  const api = lambdaApi();
  const archive = await zip();
  const attempt = async (over: object): Promise<[string, string]> => {
    const refusal = await api.refused("CreateFunction", {
      FunctionName: "f",
      Runtime: "python3.12",
      Handler: "index.handler",
      Role: ROLE,
      Code: { ZipFile: archive },
      ...over,
    });
    return [refusal.code, refusal.message];
  };
  const invalid = "InvalidParameterValueException";
  assert.deepEqual(await attempt({ Code: {} }), [invalid, "Please provide a source for function code."]);
  assert.deepEqual(await attempt({ Code: { ZipFile: new Uint8Array() } }), [
    invalid,
    "Uploaded file must be a non-empty zip",
  ]);
  assert.deepEqual(await attempt({ Code: { ZipFile: Buffer.from("this is no zip") } }), [
    invalid,
    "Could not unzip uploaded file. Please check your file, then try to upload again.",
  ]);
  const huge = Buffer.alloc(52_428_801);
  assert.deepEqual(await attempt({ Code: { ZipFile: huge } }), [
    "RequestEntityTooLargeException",
    "Zipped size must be smaller than 52428800 bytes",
  ]);
  assert.deepEqual(await attempt({ Runtime: undefined }), [
    invalid,
    "Runtime and Handler are mandatory parameters for functions created with deployment packages.",
  ]);
  assert.equal((await attempt({ Runtime: "nodejs12.x" }))[0], invalid);
  const tags = Object.fromEntries(Array.from({ length: 51 }, (_, i) => [`k${i}`, "v"]));
  assert.deepEqual(await attempt({ Tags: tags }), [invalid, "Number of tags exceeds resource tag limit."]);
  assert.match(
    (await attempt({ VpcConfig: { SubnetIds: ["s"] } }))[1],
    /^VpcConfig of CreateFunction is not/,
  );
  assert.equal(api.blobs.held.size, 0);
});

test("an archive that unpacks to more than 250 MB is refused", async () => {
  const api = lambdaApi({ inspectZip: async () => ({ unzippedBytes: 262_144_001 }) });
  const refusal = await api.refused("CreateFunction", {
    FunctionName: "f",
    Runtime: "python3.12",
    Handler: "index.handler",
    Role: ROLE,
    Code: { ZipFile: await zip() },
  });
  assert.equal(refusal.message, "Unzipped size must be smaller than 262144000 bytes");
});

test("a partial logging configuration keeps the rest", async () => {
  const api = await withFunction();
  const cases: [object, object][] = [
    [
      { LogFormat: "JSON", SystemLogLevel: "DEBUG" },
      { ApplicationLogLevel: "INFO", LogFormat: "JSON", LogGroup: "/aws/lambda/f", SystemLogLevel: "DEBUG" },
    ],
    [
      { LogFormat: "Text", LogGroup: "cool_lambda" },
      { LogFormat: "Text", LogGroup: "cool_lambda" },
    ],
  ];
  for (const [LoggingConfig, expected] of cases) {
    await api.call("UpdateFunctionConfiguration", { FunctionName: "f", LoggingConfig });
    assert.deepEqual((await api.settled("f")).LoggingConfig, expected);
  }
});

test("ListFunctions shows no states, and with ALL every version under its own ARN", async () => {
  const api = await withFunction();
  await api.call("PublishVersion", { FunctionName: "f" });
  const [listed] = (await api.call("ListFunctions", {})).Functions ?? [];
  assert.equal(listed?.FunctionArn, `${ARN}:f`);
  for (const key of ["State", "LastUpdateStatus", "RuntimeVersionConfig", "StateReason"]) {
    assert.ok(!(key in (listed ?? {})), key);
  }
  const all = (await api.call("ListFunctions", { FunctionVersion: "ALL" })).Functions ?? [];
  assert.deepEqual(
    all.map((entry) => entry.FunctionArn),
    [`${ARN}:f:$LATEST`, `${ARN}:f:1`],
  );
  assert.equal(
    (await api.refused("ListFunctions", { MasterRegion: "ALL" })).code,
    "InvalidParameterValueException",
  );
});
