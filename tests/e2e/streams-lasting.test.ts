/** Streams over time: windows, order, throttles, restarts and a server that is killed in the middle. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { ScanCommand } from "@aws-sdk/client-dynamodb";
import { GetEventSourceMappingCommand, PutFunctionConcurrencyCommand } from "@aws-sdk/client-lambda";
import { until } from "./server.ts";
import { idsOf, openStreams, SHOW, type Streams } from "./streams-fixture.ts";

let streams: Streams;
before(async () => {
  streams = await openStreams();
});
after(async () => streams?.[Symbol.asyncDispose]());

async function lastResult(UUID: string): Promise<string | undefined> {
  const command = new GetEventSourceMappingCommand({ UUID });
  return (await streams.api.lambda.send(command)).LastProcessingResult;
}

/** The values of attribute `n` that came of one key, in the order in which they first came. */
async function firsts(name: string, id: string): Promise<string[]> {
  const records = (await streams.events(name)).flatMap((event) => event.Records);
  const values = records
    .filter((record) => record.dynamodb.Keys["id"]?.S === id)
    .map((record) => record.dynamodb.NewImage?.["n"]?.S ?? "");
  return [...new Set(values)];
}

/**
 * Writes down what it sees where a crash does not take it away (log lines of the last moment are lost
 * with a server that is killed), with a signature of its own so that it needs no SDK.
 */
const WITNESS = `import datetime, hashlib, hmac, json, os, time, urllib.error, urllib.request

def sign(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()

def call(operation, body):
    url = os.environ["AWS_ENDPOINT_URL"]
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    scope = f"{now[:8]}/{os.environ['AWS_REGION']}/dynamodb/aws4_request"
    data = json.dumps(body).encode()
    headers = {
        "host": url.split("//")[1],
        "x-amz-date": now,
        "x-amz-security-token": os.environ["AWS_SESSION_TOKEN"],
        "x-amz-target": "DynamoDB_20120810." + operation,
    }
    names = ";".join(sorted(headers))
    lines = "".join(f"{name}:{headers[name]}\\n" for name in sorted(headers))
    request = "\\n".join(["POST", "/", "", lines, names, hashlib.sha256(data).hexdigest()])
    text = "\\n".join(["AWS4-HMAC-SHA256", now, scope, hashlib.sha256(request.encode()).hexdigest()])
    key = ("AWS4" + os.environ["AWS_SECRET_ACCESS_KEY"]).encode()
    for part in scope.split("/"):
        key = sign(key, part)
    credential = f"{os.environ['AWS_ACCESS_KEY_ID']}/{scope}"
    headers["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={names}, Signature={sign(key, text).hex()}")
    headers["content-type"] = "application/x-amz-json-1.0"
    return urllib.request.urlopen(urllib.request.Request(url, data, headers))

def handler(event, context):
    for record in event["Records"]:
        image = record["dynamodb"]["NewImage"]
        if "n" not in image:
            continue
        key, n = image["id"]["S"], image["n"]["S"]
        item = {"id": {"S": f"{key}/{n}"}, "whose": {"S": key}, "n": {"S": n}, "at": {"N": str(time.time_ns())}}
        try:
            call("PutItem", {"TableName": "seen", "Item": item, "ConditionExpression": "attribute_not_exists(id)"})
        except urllib.error.HTTPError as error:
            if b"ConditionalCheckFailed" not in error.read():
                raise
`;

const numbers = (count: number): string[] => Array.from({ length: count }, (_, n) => String(n));

test("a tumbling window carries its state to its end", async () => {
  await streams.api.create("window", {
    "app.py": `import json
def handler(event, context):
    state = event["state"]
    state["sum"] = state.get("sum", 0) + len(event["Records"])
    print("EVENT " + json.dumps({**event, "Records": [], "count": len(event["Records"])}))
    if event["isFinalInvokeForWindow"]:
        print("TOTAL " + json.dumps(state))
    return {"state": state}
`,
  });
  const stream = await streams.table("window");
  for (const id of ["a", "b", "c"]) await streams.put("window", id);
  await streams.map("window", stream, { TumblingWindowInSeconds: 2, BatchSize: 2 });
  const totals = async (): Promise<number> => {
    const lines = await streams.api.lines("window", "TOTAL").catch(() => []);
    const sums = lines.map((line) => (JSON.parse(line.slice("TOTAL ".length)) as { sum: number }).sum);
    return sums.reduce((sum, one) => sum + one, 0);
  };
  await until("the windows have ended", async () => (await totals()) === 4);
  for (const event of await streams.events("window")) {
    const { window, shardId, eventSourceARN, isWindowTerminatedEarly, isFinalInvokeForWindow } = event;
    const { start, end } = window as { start: string; end: string };
    assert.match(start, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    assert.equal(Date.parse(end) - Date.parse(start), 2000);
    assert.match(String(shardId), /^shardId-/);
    assert.equal(eventSourceARN, stream);
    assert.equal(isWindowTerminatedEarly, false);
    if (isFinalInvokeForWindow === true) assert.equal(event["count"], 0);
  }
});

test("several batches of a shard run side by side, each key in its order", async () => {
  await streams.api.create("parallel", {
    "app.py": `import json, time
def handler(event, context):
    print("EVENT " + json.dumps(event))
    if any(r["dynamodb"]["Keys"]["id"]["S"] == "slow" for r in event["Records"]):
        time.sleep(1.5)
`,
  });
  const stream = await streams.table("parallel");
  const keys = ["slow", ...numbers(12).map((n) => `k${n}`)];
  for (const n of numbers(3)) for (const key of keys) await streams.put("parallel", key, { n });
  await streams.map("parallel", stream, { ParallelizationFactor: 10, BatchSize: 1 });
  await until("all have come", async () => {
    const events = await streams.events("parallel");
    return events.length === keys.length * 3 + 1;
  });
  const order = (await streams.events("parallel")).flatMap(idsOf);
  const lastSlow = order.lastIndexOf("slow");
  const before = new Set(order.slice(0, lastSlow));
  assert.ok(before.size > 6, `a slow key held back the others: ${order.join(" ")}`);
  for (const key of keys) assert.deepEqual(await firsts("parallel", key), numbers(3), key);
});

test("a throttle is no failure: nothing is given up, and the mapping says why it waits", async () => {
  await streams.api.create("throttled", { "app.py": SHOW });
  const reserve = (ReservedConcurrentExecutions: number): Promise<unknown> =>
    streams.api.lambda.send(
      new PutFunctionConcurrencyCommand({ FunctionName: "throttled", ReservedConcurrentExecutions }),
    );
  await reserve(0);
  const stream = await streams.table("throttled");
  const uuid = await streams.map("throttled", stream, { MaximumRetryAttempts: 0 });
  await until("it was throttled", async () => (await lastResult(uuid)) === "PROBLEM: Function throttled");
  await reserve(5);
  await until("the record came", async () => (await streams.events("throttled")).length === 1);
  await until("the mapping is well again", async () => (await lastResult(uuid)) === "OK");
});

test("LATEST means from when the mapping was made, over a restart", async () => {
  await streams.api.create("latest", { "app.py": SHOW });
  const stream = await streams.table("latest");
  await streams.put("latest", "before");
  // What was written within the second of the mapping may come too.
  const wrote = performance.now();
  await until("that second is over", () => performance.now() - wrote > 1000);
  await streams.map("latest", stream, { StartingPosition: "LATEST" });
  await streams.crash();
  await streams.put("latest", "after-1");
  await until("the first came", async () =>
    (await streams.events("latest")).flatMap(idsOf).includes("after-1"),
  );
  await streams.crash();
  await streams.put("latest", "after-2");
  await until("the second came", async () =>
    (await streams.events("latest")).flatMap(idsOf).includes("after-2"),
  );
  const ids = (await streams.events("latest")).flatMap(idsOf);
  assert.deepEqual([...new Set(ids)], ["after-1", "after-2"]);
});

test("killed in the middle: nothing acknowledged is lost, each key keeps its order", async () => {
  await streams.api.create("killed", { "app.py": WITNESS }, { Timeout: 20 });
  const stream = await streams.table("killed");
  await streams.table("seen");
  await streams.map("killed", stream, { BatchSize: 5, ParallelizationFactor: 2 });
  const keys = ["a", "b", "c"];
  const acknowledged = new Map<string, string[]>(keys.map((key) => [key, []]));
  const writers = { stopped: false };
  // Each writer goes on over the crashes; what was not answered counts as neither written nor lost.
  const writing = keys.map(async (key) => {
    for (let n = 0; !writers.stopped; n += 1) {
      const wrote = await streams.put("killed", key, { n: String(n) }).then(
        () => true,
        () => false,
      );
      if (wrote) acknowledged.get(key)?.push(String(n));
    }
  });
  const enough = (count: number): Promise<void> =>
    until("enough was written", () => [...acknowledged.values()].every((all) => all.length >= count), 60);
  for (const count of [30, 60, 90]) {
    await enough(count);
    await streams.crash();
  }
  await enough(100);
  writers.stopped = true;
  await Promise.all(writing);
  for (const key of keys) {
    const wanted = acknowledged.get(key) ?? [];
    await until(
      `all of ${key} have come`,
      async () => {
        const came = new Set(await witnessed(key));
        return wanted.every((n) => came.has(n));
      },
      60,
    );
    const order = (await witnessed(key)).map(Number);
    assert.deepEqual(
      order,
      order.toSorted((one, other) => one - other),
      key,
    );
  }
});

/** The numbers of one key that the function has seen, by when it saw each of them first. */
async function witnessed(key: string): Promise<string[]> {
  const { Items = [] } = await streams.dynamodb.send(
    new ScanCommand({
      TableName: "seen",
      ConsistentRead: true,
      FilterExpression: "whose = :key",
      ExpressionAttributeValues: { ":key": { S: key } },
    }),
  );
  return Items.toSorted((one, other) =>
    BigInt(one["at"]?.N ?? 0) < BigInt(other["at"]?.N ?? 0) ? -1 : 1,
  ).map((item) => item["n"]?.S ?? "");
}
