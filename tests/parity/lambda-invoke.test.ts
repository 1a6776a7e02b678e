import assert from "node:assert/strict";
import { test } from "node:test";
import type { RawResponse } from "../../src/aws/service.ts";
import { ServiceError } from "../../src/kernel/errors.ts";
import { type LambdaApi, lambdaApi } from "./lambda-client.ts";
import { ARN, requestContext, ROLE, zip } from "./lambda-fixture.ts";

async function withFunction(): Promise<LambdaApi> {
  const api = lambdaApi();
  await api.call("CreateFunction", {
    FunctionName: "f",
    Runtime: "python3.12",
    Handler: "index.handler",
    Role: ROLE,
    Code: { ZipFile: await zip() },
  });
  await api.settled("f");
  return api;
}

const text = (bytes: Uint8Array | string | undefined): string =>
  Buffer.from((bytes ?? "") as string).toString();

async function short(
  api: LambdaApi,
  headers: Record<string, string> = {},
  body = "{}",
  query = "",
): Promise<RawResponse> {
  const path = "/2015-03-31/functions/f/invocations";
  const way = api.service.shortPaths?.[0];
  const labels = way?.match("POST", path);
  assert.ok(way !== undefined && labels !== undefined);
  return way.handle(
    labels,
    { method: "POST", path, query, headers, body: Buffer.from(body) },
    requestContext({ headers }),
  );
}

test("a synchronous call answers status, version and payload; the request id is the caller's", async () => {
  const api = await withFunction();
  const answer = await api.call("Invoke", { FunctionName: "f", Payload: Buffer.from('{"a":1}') as never });
  assert.deepEqual(
    [answer.StatusCode, answer.ExecutedVersion, text(answer.Payload)],
    [200, "$LATEST", '{"a":1}'],
  );
  assert.ok(!("FunctionError" in answer) && !("LogResult" in answer));
  assert.equal(api.invoked[0]?.requestId, requestContext().requestId);
  await api.call("Invoke", { FunctionName: "f" });
  assert.equal(text(api.invoked[1]?.payload), "{}");
});

test("the short path answers as the operation does", async () => {
  const api = await withFunction();
  api.outcome = { kind: "function-error", errorType: "Unhandled", logTail: "END\n" };
  const viaCodec = await api.call("Invoke", {
    FunctionName: "f",
    LogType: "Tail",
    Payload: Buffer.from("[]") as never,
  });
  const raw = await short(api, { "x-amz-log-type": "Tail" }, "[]");
  assert.equal(raw.status, viaCodec.StatusCode);
  assert.equal(raw.headers["X-Amz-Executed-Version"], viaCodec.ExecutedVersion);
  assert.equal(raw.headers["X-Amz-Function-Error"], viaCodec.FunctionError);
  assert.equal(raw.headers["X-Amz-Log-Result"], viaCodec.LogResult);
  assert.equal(Buffer.from(raw.headers["X-Amz-Log-Result"] ?? "", "base64").toString(), "END\n");
  assert.equal(text(raw.body), text(viaCodec.Payload));
  assert.deepEqual(api.invoked[0], api.invoked[1]);
});

test("a function whose code could not be unpacked conflicts, whichever way it is called", async () => {
  const api = lambdaApi();
  api.codeCache.failWith = new Error("disk broken");
  await api.call("CreateFunction", {
    FunctionName: "f",
    Runtime: "python3.12",
    Handler: "index.handler",
    Role: ROLE,
    Code: { ZipFile: await zip() },
  });
  const { State } = await api.settled("f");
  assert.equal(State, "Failed");
  const message =
    "The operation cannot be performed at this time. The function is currently in the following state: Failed";
  const refusal = { code: "ResourceConflictException", status: 409, message, type: "User" };
  for (const InvocationType of ["RequestResponse", "Event", "DryRun"] as const) {
    assert.deepEqual(await api.refused("Invoke", { FunctionName: "f", InvocationType }), refusal);
  }
  const InvokeArgs = Buffer.from("{}") as never;
  assert.deepEqual(await api.refused("InvokeAsync", { FunctionName: "f", InvokeArgs }), refusal);
});

test("Event is queued and answers 202, DryRun checks and answers 204", async () => {
  const api = await withFunction();
  const event = await short(api, { "x-amz-invocation-type": "Event" }, '{"n":1}');
  assert.deepEqual([event.status, event.headers, text(event.body)], [202, {}, ""]);
  assert.equal(text(api.queued[0]?.payload), '{"n":1}');
  const dry = await short(api, { "x-amz-invocation-type": "DryRun" });
  assert.deepEqual([dry.status, text(dry.body)], [204, ""]);
  assert.equal(api.invoked.length, 0);
  await assert.rejects(short(api, { "x-amz-invocation-type": "DryRun" }, "{}", "Qualifier=7"), {
    message: `Function not found: ${ARN}:f:7`,
  });
});

test("what an invocation cannot be", async () => {
  const api = await withFunction();
  const refused = async (headers: Record<string, string>, body?: string, query?: string): Promise<string> => {
    try {
      await short(api, headers, body, query);
    } catch (error) {
      assert.ok(error instanceof ServiceError);
      return `${error.status} ${error.code}: ${error.message}`;
    }
    return assert.fail("it was accepted");
  };
  assert.equal(
    await refused({ "x-amz-invocation-type": "Sometimes" }),
    "400 ValidationException: 1 validation error detected: Value 'Sometimes' at 'invocationType' failed to satisfy constraint: Member must satisfy enum value set: [Event, RequestResponse, DryRun]",
  );
  assert.match(await refused({ "x-amz-log-type": "All" }), /Value 'All' at 'logType'/);
  assert.match(
    await refused({}, "hello"),
    /^400 InvalidRequestContentException: .*Unrecognized token 'hello'/,
  );
  const large = JSON.stringify("x".repeat(6_291_456));
  assert.equal(
    await refused({}, large),
    "413 RequestEntityTooLargeException: Request must be smaller than 6291456 bytes for the InvokeFunction operation",
  );
  assert.equal(
    await refused({ "x-amz-invocation-type": "Event" }, JSON.stringify("x".repeat(1_048_576))),
    "413 RequestEntityTooLargeException: 1048578 byte payload is too large for the Event invocation type (limit 1048576 bytes)",
  );
  assert.match(
    await refused({ "x-amz-client-context": "bm8=" }),
    /^400 InvalidRequestContentException: Client context must be a valid Base64-encoded JSON object\.$/,
  );
  assert.match(
    await refused({ "x-amz-tenant-id": "t" }),
    /TenantId of Invoke is not implemented by Lambent yet/,
  );
  assert.match(await refused({}, "{}", "Qualifier=invalid!"), /Value 'invalid!' at 'qualifier' failed/);
  assert.match(await refused({}, "{}", `Qualifier=${"a".repeat(129)}`), /less than or equal to 128$/);
});

test("the client context reaches the function as its JSON text", async () => {
  const api = await withFunction();
  const context = '{"custom":{"foo":"bar"}}';
  await short(api, { "x-amz-client-context": Buffer.from(context).toString("base64") });
  assert.equal(api.invoked[0]?.clientContext, context);
});

test("the short path takes plain names only", async () => {
  const way = (await withFunction()).service.shortPaths?.[0];
  const match = (path: string, method = "POST"): unknown => way?.match(method, path);
  assert.deepEqual(match("/2015-03-31/functions/my-f_1/invocations"), { FunctionName: "my-f_1" });
  for (const path of [
    "/2015-03-31/functions/f:live/invocations",
    `/2015-03-31/functions/${encodeURIComponent(ARN)}%3Af/invocations`,
    "/2015-03-31/functions/f",
    "/2015-03-31/functions//invocations",
    `/2015-03-31/functions/${"a".repeat(65)}/invocations`,
  ]) {
    assert.equal(match(path), undefined, path);
  }
  assert.equal(match("/2015-03-31/functions/f/invocations", "GET"), undefined);
});

test("InvokeAsync queues and answers 202 within its own limit", async () => {
  const api = await withFunction();
  const args = Buffer.from('{"a":1}') as never;
  assert.deepEqual(await api.call("InvokeAsync", { FunctionName: "f", InvokeArgs: args }), { Status: 202 });
  assert.equal(text(api.queued[0]?.payload), '{"a":1}');
  const large = Buffer.from(JSON.stringify("x".repeat(262_144))) as never;
  assert.equal((await api.refused("InvokeAsync", { FunctionName: "f", InvokeArgs: large })).status, 413);
});
