import assert from "node:assert/strict";
import { test } from "node:test";
import * as sdk from "@aws-sdk/client-lambda";
import { saw } from "./lambda-client.ts";
import { lambdaOverHttp, type LambdaOverHttp } from "./lambda-http.ts";
import { ARN, ROLE, zip } from "./lambda-fixture.ts";

const createInput = async (over: object = {}): Promise<sdk.CreateFunctionCommandInput> => ({
  FunctionName: "f",
  Runtime: "python3.12",
  Handler: "index.handler",
  Role: ROLE,
  Code: { ZipFile: await zip() },
  ...over,
});

/** What a caller of the SDK catches. */
async function caught(work: Promise<unknown>): Promise<sdk.LambdaServiceException & Record<string, unknown>> {
  try {
    await work;
  } catch (error) {
    assert.ok(error instanceof sdk.LambdaServiceException, String(error));
    return error as never;
  }
  return assert.fail("it was accepted");
}

async function withFunction({ client, api }: LambdaOverHttp, over: object = {}): Promise<void> {
  await client.send(new sdk.CreateFunctionCommand(await createInput(over)));
  await api.settled("f");
}

test("statuses and bodies through the SDK: create 201, get 200, publish 201, tag 204, delete 204", async (t) => {
  const over = await lambdaOverHttp(t);
  const { client } = over;
  const created = await client.send(new sdk.CreateFunctionCommand(await createInput({ Tags: { a: "1" } })));
  assert.equal(created.$metadata.httpStatusCode, 201);
  assert.equal(created.State, "Pending");
  await sdk.waitUntilFunctionActiveV2({ client, maxWaitTime: 10, minDelay: 1 }, { FunctionName: "f" });
  const got = await client.send(new sdk.GetFunctionCommand({ FunctionName: "f" }));
  assert.deepEqual(got.Tags, { a: "1" });
  const published = await client.send(new sdk.PublishVersionCommand({ FunctionName: "f" }));
  assert.deepEqual([published.$metadata.httpStatusCode, published.Version], [201, "1"]);
  const alias = new sdk.CreateAliasCommand({
    FunctionName: "f",
    Name: "live",
    FunctionVersion: "1",
    RoutingConfig: { AdditionalVersionWeights: {} },
  });
  assert.equal((await client.send(alias)).$metadata.httpStatusCode, 201);
  const tag = await client.send(new sdk.TagResourceCommand({ Resource: `${ARN}:f`, Tags: { b: "2" } }));
  assert.equal(tag.$metadata.httpStatusCode, 204);
  const untag = await client.send(
    new sdk.UntagResourceCommand({ Resource: `${ARN}:f`, TagKeys: ["a", "b"] }),
  );
  assert.equal(untag.$metadata.httpStatusCode, 204);
  assert.deepEqual((await client.send(new sdk.ListTagsCommand({ Resource: `${ARN}:f` }))).Tags, {});
  const gone = await client.send(new sdk.DeleteAliasCommand({ FunctionName: "f", Name: "live" }));
  assert.equal(gone.$metadata.httpStatusCode, 204);
  const deleted = await client.send(new sdk.DeleteFunctionCommand({ FunctionName: "f" }));
  assert.equal(deleted.$metadata.httpStatusCode, 204);
});

test("statuses of policies, concurrency and event settings", async (t) => {
  const over = await lambdaOverHttp(t);
  const { client } = over;
  await withFunction(over);
  const permission = { FunctionName: "f", StatementId: "s1" };
  const added = await client.send(
    new sdk.AddPermissionCommand({
      ...permission,
      Action: "lambda:InvokeFunction",
      Principal: "s3.amazonaws.com",
      SourceArn: "arn:aws:s3:::bucket",
    }),
  );
  assert.equal(added.$metadata.httpStatusCode, 201);
  assert.equal((JSON.parse(added.Statement ?? "{}") as { Sid: string }).Sid, "s1");
  const removed = await client.send(new sdk.RemovePermissionCommand(permission));
  assert.equal(removed.$metadata.httpStatusCode, 204);
  const put = await client.send(
    new sdk.PutFunctionConcurrencyCommand({ FunctionName: "f", ReservedConcurrentExecutions: 1 }),
  );
  assert.deepEqual([put.$metadata.httpStatusCode, put.ReservedConcurrentExecutions], [200, 1]);
  const freed = await client.send(new sdk.DeleteFunctionConcurrencyCommand({ FunctionName: "f" }));
  assert.equal(freed.$metadata.httpStatusCode, 204);
  const config = await client.send(
    new sdk.PutFunctionEventInvokeConfigCommand({ FunctionName: "f", MaximumRetryAttempts: 0 }),
  );
  assert.deepEqual(config.DestinationConfig, { OnSuccess: {}, OnFailure: {} });
  assert.ok(config.LastModified instanceof Date);
  const dropped = await client.send(new sdk.DeleteFunctionEventInvokeConfigCommand({ FunctionName: "f" }));
  assert.equal(dropped.$metadata.httpStatusCode, 204);
});

test("errors arrive as the SDK's own classes, with Type and message", async (t) => {
  const over = await lambdaOverHttp(t);
  const { client } = over;
  await withFunction(over);
  const missing = await caught(client.send(new sdk.GetFunctionCommand({ FunctionName: "none" })));
  assert.ok(missing instanceof sdk.ResourceNotFoundException);
  assert.deepEqual(
    [missing.$metadata.httpStatusCode, missing["Type"], missing.message],
    [404, "User", `Function not found: ${ARN}:none`],
  );
  const taken = await caught(client.send(new sdk.CreateFunctionCommand(await createInput())));
  assert.ok(taken instanceof sdk.ResourceConflictException);
  assert.equal(taken.$metadata.httpStatusCode, 409);
  const stale = await caught(
    client.send(new sdk.PublishVersionCommand({ FunctionName: "f", RevisionId: "stale" })),
  );
  assert.ok(stale instanceof sdk.PreconditionFailedException);
  const alias = new sdk.CreateAliasCommand({
    FunctionName: "f",
    Name: "a",
    FunctionVersion: "1",
    RoutingConfig: { AdditionalVersionWeights: { "2": 2 } },
  });
  const weight = await caught(client.send(alias));
  assert.equal(
    weight.message,
    "1 validation error detected: Value '{2=2.0}' at 'routingConfig.additionalVersionWeights' failed to satisfy constraint: Map value must satisfy constraint: [Member must have value less than or equal to 1.0, Member must have value greater than or equal to 0.0, Member must not be null]",
  );
  const number = await caught(
    client.send(new sdk.CreateAliasCommand({ FunctionName: "f", Name: "2024", FunctionVersion: "1" })),
  );
  assert.equal(number.name, "ValidationException");
});

test("Invoke through the SDK, by name, by ARN and by qualifier", async (t) => {
  const over = await lambdaOverHttp(t);
  const { client, api } = over;
  await withFunction(over);
  await client.send(new sdk.PublishVersionCommand({ FunctionName: "f" }));
  for (const input of [{ FunctionName: "f" }, { FunctionName: `${ARN}:f` }, { FunctionName: "function:f" }]) {
    const answer = await client.send(new sdk.InvokeCommand({ ...input, Payload: Buffer.from('{"a":1}') }));
    assert.deepEqual(
      [answer.StatusCode, answer.ExecutedVersion, answer.FunctionError, answer.Payload?.transformToString()],
      [200, "$LATEST", undefined, '{"a":1}'],
    );
  }
  const version = await client.send(new sdk.InvokeCommand({ FunctionName: "f", Qualifier: "1" }));
  assert.equal(version.ExecutedVersion, "1");
  const shorthand = await client.send(new sdk.InvokeCommand({ FunctionName: "f:1" }));
  assert.equal(shorthand.ExecutedVersion, "1");
  const event = await client.send(new sdk.InvokeCommand({ FunctionName: "f", InvocationType: "Event" }));
  assert.deepEqual(
    [event.StatusCode, event.ExecutedVersion, event.Payload?.length ?? 0],
    [202, undefined, 0],
  );
  const dry = await client.send(
    new sdk.InvokeCommand({ FunctionName: `${ARN}:f`, InvocationType: "DryRun" }),
  );
  assert.deepEqual([dry.StatusCode, dry.$metadata.httpStatusCode], [204, 204]);
  api.outcome = { kind: "function-error", errorType: "Unhandled", logTail: "REPORT" };
  for (const FunctionName of ["f", `${ARN}:f`]) {
    const failed = await client.send(new sdk.InvokeCommand({ FunctionName, LogType: "Tail" }));
    assert.deepEqual([failed.StatusCode, failed.FunctionError], [200, "Unhandled"]);
    assert.equal(Buffer.from(failed.LogResult ?? "", "base64").toString(), "REPORT");
  }
  const wrong = await caught(
    client.send(new sdk.InvokeCommand({ FunctionName: "f", Payload: Buffer.from("nonsense") })),
  );
  assert.ok(wrong instanceof sdk.InvalidRequestContentException);
  assert.deepEqual([wrong.$metadata.httpStatusCode, wrong["Type"]], [400, "User"]);
  const large = await caught(
    client.send(new sdk.InvokeCommand({ FunctionName: "f", Payload: Buffer.alloc(6_291_457, 32) })),
  );
  assert.equal(large.$metadata.httpStatusCode, 413);
});

test("paginators of the SDK walk every list to its end", async (t) => {
  const over = await lambdaOverHttp(t);
  const { client, api } = over;
  for (let i = 0; i < 5; i++) {
    await client.send(new sdk.CreateFunctionCommand(await createInput({ FunctionName: `f${i}` })));
  }
  await api.settled("f0");
  await client.send(new sdk.PublishVersionCommand({ FunctionName: "f0" }));
  const names: (string | undefined)[] = [];
  const config = { client, pageSize: 2 };
  for await (const page of sdk.paginateListFunctions(config, {})) {
    names.push(...(page.Functions ?? []).map((entry) => entry.FunctionName));
  }
  assert.deepEqual(names, ["f0", "f1", "f2", "f3", "f4"]);
  let all = 0;
  for await (const page of sdk.paginateListFunctions(config, { FunctionVersion: "ALL" })) {
    all += page.Functions?.length ?? 0;
  }
  assert.equal(all, 6);
  const aliases: (string | undefined)[] = [];
  for (const Name of ["b", "a", "c"]) {
    await client.send(new sdk.CreateAliasCommand({ FunctionName: "f0", Name, FunctionVersion: "1" }));
    await client.send(
      new sdk.PutFunctionEventInvokeConfigCommand({
        FunctionName: "f0",
        Qualifier: Name,
        MaximumRetryAttempts: 1,
      }),
    );
  }
  for await (const page of sdk.paginateListAliases(config, { FunctionName: "f0" })) {
    aliases.push(...(page.Aliases ?? []).map((entry) => entry.Name));
  }
  assert.deepEqual(aliases, ["a", "b", "c"]);
  const configs: (string | undefined)[] = [];
  for await (const page of sdk.paginateListFunctionEventInvokeConfigs(config, { FunctionName: "f0" })) {
    configs.push(...(page.FunctionEventInvokeConfigs ?? []).map((entry) => entry.FunctionArn));
  }
  assert.deepEqual(
    configs,
    ["a", "b", "c"].map((alias) => `${ARN}:f0:${alias}`),
  );
  for (const list of ["ListFunctions", "ListAliases", "ListFunctionEventInvokeConfigs"])
    saw(list, "pagination");
});

test("what the model forbids is refused in AWS's sentences before anything is stored", async (t) => {
  const { client, api } = await lambdaOverHttp(t);
  const cases: [object, string][] = [
    [
      { Role: "r1" },
      "Value 'r1' at 'role' failed to satisfy constraint: Member must satisfy regular expression pattern: arn:(aws[a-zA-Z-]*)?:iam::\\d{12}:role/?[a-zA-Z_0-9+=,.@\\-_/]+",
    ],
    [
      { Architectures: [] },
      "Value '[]' at 'architectures' failed to satisfy constraint: Member must have length greater than or equal to 1",
    ],
    [
      { Architectures: ["x86_64", "arm64"] },
      "Value '[x86_64, arm64]' at 'architectures' failed to satisfy constraint: Member must have length less than or equal to 1",
    ],
    [
      { MemorySize: 127 },
      "Value '127' at 'memorySize' failed to satisfy constraint: Member must have value greater than or equal to 128",
    ],
    [
      { Timeout: 0 },
      "Value '0' at 'timeout' failed to satisfy constraint: Member must have value greater than or equal to 1",
    ],
    [
      { Timeout: 901 },
      "Value '901' at 'timeout' failed to satisfy constraint: Member must have value less than or equal to 900",
    ],
  ];
  for (const [over, sentence] of cases) {
    const error = await caught(client.send(new sdk.CreateFunctionCommand(await createInput(over))));
    assert.equal(error.name, "ValidationException");
    assert.equal(error.message, `1 validation error detected: ${sentence}`);
  }
  assert.equal(api.blobs.held.size, 0);
});

test("a placeholder role is refused with the role to use beside AWS's sentence", async (t) => {
  const { client } = await lambdaOverHttp(t);
  const Role = "arn:aws:iam::YOUR_ACCOUNT_ID:role/LambdaBasicRole";
  const error = await caught(client.send(new sdk.CreateFunctionCommand(await createInput({ Role }))));
  assert.equal(error.name, "ValidationException");
  assert.match(
    error.$response?.headers["x-lambent-hint"] ?? "",
    /arn:aws:iam::111111111111:role\/LambdaBasicRole/,
  );
});
