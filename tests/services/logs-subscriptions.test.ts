import assert from "node:assert/strict";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import type { Delivery } from "../../src/ports/outbox.ts";
import { ACCOUNT, type Harness, openHarness, type Output, REGION, saw } from "./harness.ts";

const FUNCTION = `arn:aws:lambda:${REGION}:${ACCOUNT}:function:reader`;
const GROUP = { logGroupName: "app" };
const FILTER = { ...GROUP, filterName: "errors", filterPattern: "ERROR", destinationArn: FUNCTION };

async function open(t: Parameters<typeof openHarness>[0]): Promise<Harness> {
  const harness = await openHarness(t);
  await harness.call("logs", "CreateLogGroup", GROUP);
  await harness.call("logs", "CreateLogStream", { ...GROUP, logStreamName: "s" });
  return harness;
}

async function put({ call, clock }: Harness, ...messages: string[]): Promise<void> {
  const timestamp = clock.now();
  const logEvents = messages.map((message) => ({ timestamp, message }));
  await call("logs", "PutLogEvents", { ...GROUP, logStreamName: "s", logEvents });
}

function told(delivery: Delivery | undefined): Output {
  const { awslogs } = JSON.parse(delivery?.body ?? "{}") as { awslogs: { data: string } };
  return JSON.parse(gunzipSync(Buffer.from(awslogs.data, "base64")).toString());
}

test("a function is handed the events that match, as AWS packs them", async (t) => {
  const harness = await open(t);
  const { call, sent } = harness;
  await call("logs", "PutSubscriptionFilter", FILTER);
  await put(harness, "fine", "ERROR one", "ERROR two");
  await put(harness, "fine too");
  assert.equal(sent.length, 1);
  const { body: _body, id, ...delivery } = sent[0] as Delivery;
  assert.match(id, /^[\da-f-]{36}$/u);
  assert.deepEqual(delivery, {
    scope: { accountId: ACCOUNT, region: REGION },
    principal: "logs.amazonaws.com",
    sourceArn: `arn:aws:logs:${REGION}:${ACCOUNT}:log-group:app:*`,
    sourceAccount: ACCOUNT,
    targetArn: FUNCTION,
    retry: { maxRetries: 1000, maxAgeMs: 86_400_000 },
  });
  const { events } = await call("logs", "FilterLogEvents", { ...GROUP, filterPattern: "ERROR" });
  assert.deepEqual(told(sent[0]), {
    messageType: "DATA_MESSAGE",
    owner: ACCOUNT,
    logGroup: "app",
    logStream: "s",
    subscriptionFilters: ["errors"],
    logEvents: events.map(({ eventId, timestamp, message }: Output) => ({ id: eventId, timestamp, message })),
  });
});

test("lines of functions are handed over too, once they are stored", async (t) => {
  const { call, sent, logs, clock } = await open(t);
  await call("logs", "PutSubscriptionFilter", { ...FILTER, filterPattern: "" });
  const scope = { accountId: ACCOUNT, region: REGION };
  logs.sink.append(scope, "app", "line", [{ timestamp: clock.now(), message: "hello\n" }]);
  logs.sink.append(scope, "other", "line", [{ timestamp: clock.now(), message: "not this\n" }]);
  await call("logs", "GetLogEvents", { ...GROUP, logStreamName: "line" });
  assert.deepEqual(
    sent.map((each) => [told(each).logStream, told(each).logEvents[0].message]),
    [["line", "hello\n"]],
  );
});

test("filters are described, put again, counted, deleted, and go with their group", async (t) => {
  const first = await open(t);
  const { call } = first;
  const describe = async (more: object = {}): Promise<Output> =>
    call("logs", "DescribeSubscriptionFilters", { ...GROUP, ...more });
  await call("logs", "PutSubscriptionFilter", FILTER);
  await call("logs", "PutSubscriptionFilter", { ...FILTER, filterName: "all", distribution: "Random" });
  const [all, errors] = (await describe()).subscriptionFilters;
  assert.equal(all.distribution, "Random");
  assert.deepEqual(errors, {
    filterName: "errors",
    logGroupName: "app",
    filterPattern: "ERROR",
    destinationArn: FUNCTION,
    distribution: "ByLogStream",
    applyOnTransformedLogs: false,
    creationTime: errors.creationTime,
  });
  await assert.rejects(call("logs", "PutSubscriptionFilter", { ...FILTER, filterName: "third" }), {
    code: "LimitExceededException",
    message: "Resource limit exceeded.",
  });
  await call("logs", "PutSubscriptionFilter", { ...FILTER, filterPattern: "WARN" });
  const page = await describe({ limit: 1 });
  assert.equal(page.subscriptionFilters[0].filterName, "all");
  const next = await describe({ limit: 1, nextToken: page.nextToken });
  assert.equal(next.subscriptionFilters[0].filterPattern, "WARN");
  assert.equal(next.nextToken, undefined);
  assert.equal((await describe({ filterNamePrefix: "err" })).subscriptionFilters.length, 1);
  await call("logs", "DeleteSubscriptionFilter", { ...GROUP, filterName: "all" });
  await assert.rejects(call("logs", "DeleteSubscriptionFilter", { ...GROUP, filterName: "all" }), {
    code: "ResourceNotFoundException",
    message: "The specified subscription filter does not exist.",
  });
  await first.close();

  const again = await openHarness(t, { folder: first.folder });
  const kept = await again.call("logs", "DescribeSubscriptionFilters", GROUP);
  assert.deepEqual(kept.subscriptionFilters, next.subscriptionFilters);
  for (const operation of ["PutSubscriptionFilter", "DeleteSubscriptionFilter"])
    saw("logs", operation, "persistence");
  await put(again, "WARN after a restart");
  assert.equal(again.sent.length, 1);
  await again.call("logs", "DeleteLogGroup", GROUP);
  await again.call("logs", "CreateLogGroup", GROUP);
  const anew = await again.call("logs", "DescribeSubscriptionFilters", GROUP);
  assert.deepEqual(anew.subscriptionFilters, []);
});

test("what cannot be subscribed is refused, in AWS's words where they are known", async (t) => {
  const { call, called } = await open(t);
  const refused = async (more: object, message: RegExp | string): Promise<void> => {
    const wanted = { code: "InvalidParameterException", message };
    await assert.rejects(call("logs", "PutSubscriptionFilter", { ...FILTER, ...more }), wanted);
  };
  await refused(
    { destinationArn: `${FUNCTION}-forbidden` },
    "Could not execute the lambda function. Make sure you have given CloudWatch Logs permission to execute your function.",
  );
  assert.deepEqual(called.at(-1)?.as, {
    kind: "service",
    principal: "logs.amazonaws.com",
    sourceArn: `arn:aws:logs:${REGION}:${ACCOUNT}:log-group:app:*`,
    sourceAccount: ACCOUNT,
  });
  const roleArn = `arn:aws:iam::${ACCOUNT}:role/r`;
  await refused({ roleArn }, "destinationArn for vendor lambda cannot be used with roleArn");
  await refused({ filterPattern: "{ $.a" }, "Invalid filter pattern");
  await refused({ destinationArn: FUNCTION.replace(REGION, "us-west-2") }, /another account or region/u);
  await refused(
    { destinationArn: `arn:aws:kinesis:${REGION}:${ACCOUNT}:stream/s` },
    /not supported by Lambent/u,
  );
  await refused({ applyOnTransformedLogs: true }, /not supported by Lambent/u);
  await refused({ emitSystemFields: ["@aws.region"] }, /not supported by Lambent/u);
  await refused({ fieldSelectionCriteria: "a" }, /not supported by Lambent/u);
  await call("logs", "CreateLogGroup", { logGroupName: "/aws/lambda/reader" });
  await refused(
    { logGroupName: "/aws/lambda/reader" },
    "The log group provided is reserved for the function logs of the destination function.",
  );
  const missing = { code: "ResourceNotFoundException", message: "The specified log group does not exist." };
  const nowhere = { ...FILTER, logGroupName: "nowhere" };
  await assert.rejects(call("logs", "PutSubscriptionFilter", nowhere), missing);
  await assert.rejects(call("logs", "DescribeSubscriptionFilters", { logGroupName: "nowhere" }), missing);
  await assert.rejects(call("logs", "DeleteSubscriptionFilter", nowhere), missing);
});
