/** The HTTP Runtime API and the Extensions API, over a real connection to a pretended sandbox. */
import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { fakeClock, settle, type FakeClock } from "../../testing/fake-clock.ts";
import { dataPlane, type Fixture } from "../../testing/data-plane.ts";
import { fakeDriver, type FakeDriver } from "../../testing/fake-driver.ts";
import type { InvocationOutcome } from "../model/invocation.ts";

let fixture: (Fixture & { clock: FakeClock; driver: FakeDriver }) | undefined;
afterEach(async () => {
  await fixture?.close();
  fixture = undefined;
});

interface Client {
  get(path: string, headers?: Record<string, string>): Promise<Response>;
  post(path: string, body: string | Uint8Array, headers?: Record<string, string>): Promise<Response>;
}

/** Begins an invocation and waits until its sandbox is there; the test then plays the runtime. */
async function begin(payload: string): Promise<{
  outcome: Promise<InvocationOutcome>;
  api: Client;
  at: Fixture & { clock: FakeClock; driver: FakeDriver };
}> {
  const clock = fakeClock();
  const driver = fakeDriver();
  const at = {
    ...dataPlane(driver, clock, { version: { runtime: "provided.al2023" }, launch: { interface: "http" } }),
    clock,
    driver,
  };
  fixture = at;
  const outcome = at.invoke(payload, { clientContext: '{"custom":\n{"ü":1}}', traceHeader: "Root=1-a-b" });
  outcome.catch(() => undefined);
  while (driver.sandboxes.length === 0) await settle();
  return { outcome, api: client(driver.sandboxes[0]?.runtimeApiAddress ?? ""), at };
}

function client(address: string): Client {
  const call =
    (method: string) =>
    (path: string, body?: string | Uint8Array, headers: Record<string, string> = {}) =>
      fetch(`http://${address}${path}`, {
        method,
        headers: { connection: "close", ...headers },
        ...(body === undefined ? {} : { body: body as string }),
      });
  return {
    get: (path, headers) => call("GET")(path, undefined, headers),
    post: (path, body, headers) => call("POST")(path, body, headers),
  };
}

const NEXT = "/2018-06-01/runtime/invocation/next";
const answerPath = (id: string, kind = "response"): string => `/2018-06-01/runtime/invocation/${id}/${kind}`;
const errorTypeIn = async (response: Response): Promise<string> =>
  ((await response.json()) as { errorType: string }).errorType;

test("next gives the event with Lambda's headers, response ends the invocation", async () => {
  const { outcome, api, at } = await begin('{"n":1}');
  const event = await api.get(NEXT);
  assert.equal(await event.text(), '{"n":1}');
  const id = event.headers.get("lambda-runtime-aws-request-id") as string;
  assert.equal(event.headers.get("lambda-runtime-invoked-function-arn"), at.version.functionArn);
  assert.equal(event.headers.get("lambda-runtime-deadline-ms"), String(at.clock.now() + 3000));
  assert.equal(event.headers.get("lambda-runtime-trace-id"), "Root=1-a-b;Lineage=1:0123abcd:0");
  const context = Buffer.from(
    event.headers.get("lambda-runtime-client-context") as string,
    "latin1",
  ).toString("utf8");
  assert.deepEqual(JSON.parse(context), { custom: { ü: 1 } });
  const accepted = await api.post(answerPath(id), "42");
  assert.equal(accepted.status, 202);
  assert.equal((await outcome).requestId, id);
  assert.equal(Buffer.from((await outcome).payload).toString(), "42");
});

test("wrong, late and repeated request ids are refused, and harm nothing", async () => {
  const { outcome, api, at } = await begin("{}");
  const id = (await api.get(NEXT)).headers.get("lambda-runtime-aws-request-id") as string;
  const wrong = await api.post(answerPath("00000000-0000-0000-0000-000000000000"), "1");
  assert.equal(wrong.status, 400);
  assert.deepEqual(await wrong.json(), { errorMessage: "Invalid request ID", errorType: "InvalidRequestID" });
  assert.equal((await api.post(answerPath(id), "1")).status, 202);
  const repeated = await api.post(answerPath(id), "2");
  assert.equal(repeated.status, 403);
  assert.equal(await errorTypeIn(repeated), "InvalidStateTransition");
  assert.equal(Buffer.from((await outcome).payload).toString(), "1");
  const second = at.invoke("{}");
  const event = await api.get(NEXT);
  const late = await api.post(answerPath(id), "3");
  assert.equal(late.status, 400);
  await api.post(answerPath(event.headers.get("lambda-runtime-aws-request-id") as string), "4");
  assert.equal(Buffer.from((await second).payload).toString(), "4");
});

test("error ends the invocation as a function error", async () => {
  const { outcome, api } = await begin("{}");
  const id = (await api.get(NEXT)).headers.get("lambda-runtime-aws-request-id") as string;
  const error = '{"errorType":"My.Error","errorMessage":"m"}';
  assert.equal((await api.post(answerPath(id, "error"), error)).status, 202);
  assert.equal((await outcome).kind, "function-error");
  assert.equal(Buffer.from((await outcome).payload).toString(), error);
});

test("a response over 6 MB is refused with 413 and told to the caller", async () => {
  const { outcome, api } = await begin("{}");
  const id = (await api.get(NEXT)).headers.get("lambda-runtime-aws-request-id") as string;
  const refused = await api.post(answerPath(id), new Uint8Array(6_291_557).fill(0x20));
  assert.equal(refused.status, 413);
  assert.deepEqual(JSON.parse(Buffer.from((await outcome).payload).toString()), {
    errorType: "Function.ResponseSizeTooLarge",
    errorMessage: "Response payload size exceeded maximum allowed payload size (6291556 bytes).",
  });
});

test("what the process printed stands before END, a last line without newline too", async () => {
  const { outcome, api, at } = await begin("{}");
  const id = (await api.get(NEXT)).headers.get("lambda-runtime-aws-request-id") as string;
  at.driver.sandboxes[0]?.process.write("one\ntwo");
  await api.post(answerPath(id), "1");
  await outcome;
  void api.get(NEXT).catch(() => undefined);
  while (!at.lines().some((line) => line.startsWith("REPORT"))) await settle();
  assert.deepEqual(
    at
      .lines()
      .slice(1, 5)
      .map((line) => line.replaceAll(id, "ID")),
    ["START RequestId: ID Version: $LATEST\n", "one\n", "two\n", "END RequestId: ID\n"],
  );
});

test("init/error is told twice to the log and once to the caller", async () => {
  const { outcome, api, at } = await begin("{}");
  const error = '{"errorType":"Init.Failed","errorMessage":"m"}';
  const headers = { "lambda-runtime-function-error-type": "Init.Failed" };
  assert.equal((await api.post("/2018-06-01/runtime/init/error", error, headers)).status, 202);
  while (at.driver.sandboxes.length < 2) await settle();
  await client(at.driver.sandboxes[1]?.runtimeApiAddress ?? "").post(
    "/2018-06-01/runtime/init/error",
    error,
    headers,
  );
  assert.equal(Buffer.from((await outcome).payload).toString(), error);
});

test("internal extensions are told of invocations and hold the environment until they are back", async () => {
  const { outcome, api, at } = await begin("{}");
  const unnamed = await api.post("/2020-01-01/extension/register", '{"events":["INVOKE"]}');
  assert.equal(unnamed.status, 400);
  const registered = await api.post("/2020-01-01/extension/register", '{"events":["INVOKE","SHUTDOWN"]}', {
    "lambda-extension-name": "mine",
  });
  assert.equal(registered.status, 200);
  const identifier = registered.headers.get("lambda-extension-identifier") as string;
  const as = { "lambda-extension-identifier": identifier };
  assert.equal(((await registered.json()) as { functionName: string }).functionName, "demo");
  const told = api.get("/2020-01-01/extension/event/next", as);
  const id = (await api.get(NEXT)).headers.get("lambda-runtime-aws-request-id") as string;
  const event = (await (await told).json()) as { eventType: string; requestId: string };
  assert.deepEqual([event.eventType, event.requestId], ["INVOKE", id]);
  await api.post(answerPath(id), "1");
  await outcome;
  void api.get(NEXT).catch(() => undefined);
  await settle();
  assert.equal(at.plane.environments.countByState().get("finishing"), 1);
  const shutdown = api.get("/2020-01-01/extension/event/next", as);
  while (at.plane.environments.countByState().get("idle") !== 1) await settle();
  const late = await api.post("/2020-01-01/extension/register", "{}", { "lambda-extension-name": "late" });
  assert.equal(late.status, 403);
  void at.plane.environments.list();
  at.plane.onFunctionChange({
    scope: at.version.scope,
    functionName: "demo",
    retiredEnvironmentIds: [at.version.environmentId],
  });
  assert.equal(((await (await shutdown).json()) as { eventType: string }).eventType, "SHUTDOWN");
});

const REFUSED: readonly (readonly [string, string, number])[] = [
  ["GET", "/2022-07-01/telemetry", 404],
  ["GET", "/elsewhere", 404],
  ["GET", "/2018-06-01/runtime/init/error", 405],
  ["GET", "/2020-01-01/extension/event/next", 403],
];
for (const [method, path, status] of REFUSED) {
  test(`${method} ${path} answers ${String(status)}`, async () => {
    const { api } = await begin("{}");
    const response = await (method === "GET" ? api.get(path) : api.post(path, ""));
    assert.equal(response.status, status);
    assert.ok(await errorTypeIn(response));
  });
}
