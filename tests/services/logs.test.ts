import assert from "node:assert/strict";
import { test } from "node:test";
import { StorageUnavailable } from "../../src/ports/database.ts";
import { ACCOUNT, type Harness, openHarness, type Output, REGION, saw } from "./harness.ts";

const SCOPE = { accountId: ACCOUNT, region: REGION };
const GROUP = "/aws/lambda/fn";
const DAY = 86_400_000;

async function withStream(harness: Harness, logGroupName = "g", logStreamName = "s"): Promise<void> {
  await harness.call("logs", "CreateLogGroup", { logGroupName });
  await harness.call("logs", "CreateLogStream", { logGroupName, logStreamName });
}

const messages = (events: readonly Output[]): string[] => events.map((event) => event.message);

test("groups: create, describe, retention, tags, delete; they survive a restart", async (t) => {
  const first = await openHarness(t);
  const { call } = first;
  await call("logs", "CreateLogGroup", { logGroupName: "a/1", tags: { env: "testing" } });
  await call("logs", "CreateLogGroup", { logGroupName: "a/2" });
  await call("logs", "CreateLogGroup", { logGroupName: "B/Other" });
  await assert.rejects(call("logs", "CreateLogGroup", { logGroupName: "a/1" }), {
    code: "ResourceAlreadyExistsException",
    message: "The specified log group already exists",
  });
  await assert.rejects(call("logs", "CreateLogGroup", { logGroupName: "x".repeat(513) }), {
    code: "InvalidParameterException",
    message: "Invalid LogGroup or LogStream, both must have length less than or equal to 512.",
  });
  await assert.rejects(
    call("logs", "CreateLogGroup", { logGroupName: "k", kmsKeyId: "arn:x" }),
    /kmsKeyId is not supported/,
  );
  await assert.rejects(
    call("logs", "CreateLogGroup", { logGroupName: "d", logGroupClass: "DELIVERY" }),
    /logGroupClass DELIVERY is not supported/,
  );
  const { logGroups: found } = await call("logs", "DescribeLogGroups", { logGroupNamePrefix: "a/" });
  assert.equal(found.length, 2);
  const { creationTime, ...rest } = found[0];
  assert.equal(typeof creationTime, "number");
  const arn = `arn:aws:logs:${REGION}:${ACCOUNT}:log-group:a/1`;
  assert.deepEqual(rest, {
    logGroupName: "a/1",
    arn: `${arn}:*`,
    logGroupArn: arn,
    logGroupClass: "STANDARD",
    metricFilterCount: 0,
    storedBytes: 0,
    deletionProtectionEnabled: false,
  });
  const byPattern = await call("logs", "DescribeLogGroups", { logGroupNamePattern: "Other" });
  assert.deepEqual(
    byPattern.logGroups.map((group: Output) => group.logGroupName),
    ["B/Other"],
  );
  assert.equal("storedBytes" in byPattern.logGroups[0], false);
  await assert.rejects(
    call("logs", "DescribeLogGroups", { logGroupNamePattern: "a", logGroupNamePrefix: "a" }),
    { code: "InvalidParameterException" },
  );
  await call("logs", "PutRetentionPolicy", { logGroupName: "a/1", retentionInDays: 14 });
  await assert.rejects(call("logs", "PutRetentionPolicy", { logGroupName: "a/1", retentionInDays: 2 }), {
    code: "InvalidParameterException",
  });
  await call("logs", "TagLogGroup", { logGroupName: "a/1", tags: { two: "2" } });
  await call("logs", "TagResource", { resourceArn: arn, tags: { three: "3" } });
  await call("logs", "UntagLogGroup", { logGroupName: "a/1", tags: ["env"] });
  await call("logs", "UntagResource", { resourceArn: `${arn}:*`, tagKeys: ["two"] });
  await first.close();

  const again = await openHarness(t, { folder: first.folder });
  assert.deepEqual((await again.call("logs", "ListTagsLogGroup", { logGroupName: "a/1" })).tags, {
    three: "3",
  });
  assert.deepEqual((await again.call("logs", "ListTagsForResource", { resourceArn: arn })).tags, {
    three: "3",
  });
  const [kept] = (await again.call("logs", "DescribeLogGroups")).logGroups.filter(
    (group: Output) => group.logGroupName === "a/1",
  );
  assert.equal(kept.retentionInDays, 14);
  for (const operation of [
    ...["CreateLogGroup", "PutRetentionPolicy", "TagLogGroup", "TagResource"],
    ...["UntagLogGroup", "UntagResource"],
  ])
    saw("logs", operation, "persistence");
  await again.call("logs", "DeleteRetentionPolicy", { logGroupName: "a/1" });
  await again.call("logs", "PutLogGroupDeletionProtection", {
    logGroupIdentifier: arn,
    deletionProtectionEnabled: true,
  });
  await assert.rejects(again.call("logs", "DeleteLogGroup", { logGroupName: "a/1" }), {
    code: "ValidationException",
    message: "Cannot delete log group with deletion protection enabled. Disable deletion protection first.",
  });
  await again.call("logs", "PutLogGroupDeletionProtection", {
    logGroupIdentifier: arn,
    deletionProtectionEnabled: false,
  });
  await again.call("logs", "DeleteLogGroup", { logGroupName: "a/1" });
  await assert.rejects(again.call("logs", "DeleteLogGroup", { logGroupName: "a/1" }), {
    code: "ResourceNotFoundException",
    message: "The specified log group does not exist.",
  });
});

test("what was written, deleted, protected and taken back is so after a restart", async (t) => {
  const first = await openHarness(t);
  const { call } = first;
  const policyDocument = JSON.stringify({ Version: "2012-10-17", Statement: [] });
  for (const logGroupName of ["kept", "gone"]) await call("logs", "CreateLogGroup", { logGroupName });
  const kept = { logGroupName: "kept" };
  await call("logs", "CreateLogStream", { ...kept, logStreamName: "s" });
  const timestamp = first.clock.now();
  await call("logs", "PutLogEvents", {
    ...kept,
    logStreamName: "s",
    logEvents: [{ timestamp, message: "still here" }],
  });
  await call("logs", "PutRetentionPolicy", { ...kept, retentionInDays: 7 });
  await call("logs", "DeleteRetentionPolicy", kept);
  await call("logs", "PutLogGroupDeletionProtection", {
    logGroupIdentifier: "kept",
    deletionProtectionEnabled: true,
  });
  await call("logs", "DeleteLogGroup", { logGroupName: "gone" });
  for (const policyName of ["kept", "gone"])
    await call("logs", "PutResourcePolicy", { policyName, policyDocument });
  await call("logs", "DeleteResourcePolicy", { policyName: "gone" });
  await first.close();
  const again = await openHarness(t, { folder: first.folder, clock: first.clock });
  const { logGroups } = await again.call("logs", "DescribeLogGroups");
  assert.deepEqual(
    logGroups.map((group: Output) => [
      group.logGroupName,
      group.retentionInDays,
      group.deletionProtectionEnabled,
    ]),
    [["kept", undefined, true]],
  );
  const { logStreams } = await again.call("logs", "DescribeLogStreams", kept);
  assert.deepEqual(
    logStreams.map((stream: Output) => stream.logStreamName),
    ["s"],
  );
  const { events } = await again.call("logs", "GetLogEvents", { ...kept, logStreamName: "s" });
  assert.deepEqual(messages(events), ["still here"]);
  const { resourcePolicies } = await again.call("logs", "DescribeResourcePolicies");
  assert.deepEqual(
    resourcePolicies.map((policy: Output) => policy.policyName),
    ["kept"],
  );
  for (const operation of [
    ...["CreateLogStream", "PutLogEvents", "DeleteRetentionPolicy", "PutLogGroupDeletionProtection"],
    ...["DeleteLogGroup", "PutResourcePolicy", "DeleteResourcePolicy"],
  ])
    saw("logs", operation, "persistence");
});

test("fifty tags a group, however they come", async (t) => {
  const { call } = await openHarness(t);
  await call("logs", "CreateLogGroup", { logGroupName: "g" });
  const resourceArn = `arn:aws:logs:${REGION}:${ACCOUNT}:log-group:g`;
  const tags = (from: number, to: number): Record<string, string> =>
    Object.fromEntries(Array.from({ length: to - from }, (_, at) => [`k${String(from + at)}`, "v"]));
  await call("logs", "TagResource", { resourceArn, tags: tags(0, 50) });
  await call("logs", "TagResource", { resourceArn, tags: tags(10, 20) });
  await assert.rejects(call("logs", "TagResource", { resourceArn, tags: tags(50, 51) }), {
    code: "TooManyTagsException",
  });
  const found = await call("logs", "ListTagsForResource", { resourceArn });
  assert.equal(Object.keys(found.tags).length, 50);
});

test("groups and streams come in pages", async (t) => {
  const harness = await openHarness(t);
  const { call } = harness;
  for (const name of ["g3", "g1", "g2"]) await call("logs", "CreateLogGroup", { logGroupName: name });
  const one = await call("logs", "DescribeLogGroups", { limit: 2 });
  const two = await call("logs", "DescribeLogGroups", { limit: 2, nextToken: one.nextToken });
  const names = [...one.logGroups, ...two.logGroups].map((group: Output) => group.logGroupName);
  assert.deepEqual([names, two.nextToken], [["g1", "g2", "g3"], undefined]);
  await assert.rejects(
    call("logs", "DescribeLogGroups", { logGroupNamePrefix: "g", nextToken: one.nextToken }),
    { message: "The specified nextToken is invalid." },
  );
  for (const name of ["s1", "s2", "s3"])
    await call("logs", "CreateLogStream", { logGroupName: "g1", logStreamName: name });
  await assert.rejects(call("logs", "CreateLogStream", { logGroupName: "g1", logStreamName: "s1" }), {
    code: "ResourceAlreadyExistsException",
    message: "The specified log stream already exists",
  });
  const put = (logStreamName: string, ago: number): Promise<Output> =>
    call("logs", "PutLogEvents", {
      logGroupName: "g1",
      logStreamName,
      logEvents: [{ timestamp: harness.clock.now() - ago, message: "m" }],
    });
  await put("s1", 1000);
  await put("s2", 5000);
  const list = async (input: object): Promise<string[]> => {
    const found: string[] = [];
    let nextToken: string | undefined;
    do {
      const page = await call("logs", "DescribeLogStreams", {
        logGroupName: "g1",
        limit: 2,
        ...input,
        ...(nextToken === undefined ? {} : { nextToken }),
      });
      found.push(...page.logStreams.map((stream: Output) => stream.logStreamName));
      nextToken = page.nextToken;
    } while (nextToken !== undefined);
    return found;
  };
  assert.deepEqual(await list({}), ["s1", "s2", "s3"]);
  assert.deepEqual(await list({ descending: true }), ["s3", "s2", "s1"]);
  assert.deepEqual(await list({ logStreamNamePrefix: "s2" }), ["s2"]);
  assert.deepEqual(await list({ orderBy: "LastEventTime", descending: true }), ["s1", "s2", "s3"]);
  await assert.rejects(list({ orderBy: "LastEventTime", logStreamNamePrefix: "s" }), {
    code: "InvalidParameterException",
  });
  const both = { logGroupName: "g1", logGroupIdentifier: "g1" };
  await assert.rejects(call("logs", "DescribeLogStreams", both), {
    code: "ValidationException",
    message: "LogGroup name and LogGroup ARN are mutually exclusive parameters.",
  });
  const byArn = await call("logs", "DescribeLogStreams", {
    logGroupIdentifier: `arn:aws:logs:${REGION}:${ACCOUNT}:log-group:g1`,
  });
  const { creationTime, ...bare } = byArn.logStreams[2];
  assert.equal(typeof creationTime, "number");
  assert.deepEqual(bare, {
    logStreamName: "s3",
    arn: `arn:aws:logs:${REGION}:${ACCOUNT}:log-group:g1:log-stream:s3`,
    storedBytes: 0,
  });
  assert.equal(byArn.logStreams[0].firstEventTimestamp, byArn.logStreams[0].lastEventTimestamp);
});

test("PutLogEvents: what is acknowledged is in the file; order by time, then arrival", async (t) => {
  const first = await openHarness(t);
  await withStream(first);
  const now = first.clock.now();
  const put = (...logEvents: object[]): Promise<Output> =>
    first.call("logs", "PutLogEvents", { logGroupName: "g", logStreamName: "s", logEvents });
  await put({ timestamp: now - 1000, message: "b" }, { timestamp: now, message: "d" });
  await put({ timestamp: now - 2000, message: "a" }, { timestamp: now, message: "e" });
  await put({ timestamp: now - 500, message: "c" });
  await put({ timestamp: now - DAY / 2, message: "0" });
  // A second server on the same files sees what a crash of the first would leave.
  const second = await openHarness(t, { folder: first.folder });
  const { events } = await second.call("logs", "GetLogEvents", {
    logGroupName: "g",
    logStreamName: "s",
    startFromHead: true,
  });
  assert.deepEqual(messages(events), ["0", "a", "b", "c", "d", "e"]);
  const { events: filtered } = await second.call("logs", "FilterLogEvents", {
    logGroupName: "g",
    startTime: now - 2000,
    endTime: now - 500,
  });
  assert.deepEqual(messages(filtered), ["a", "b", "c"], "FilterLogEvents includes its end");
  const { events: got } = await second.call("logs", "GetLogEvents", {
    logGroupName: "g",
    logStreamName: "s",
    startTime: now - 2000,
    endTime: now - 500,
  });
  assert.deepEqual(messages(got), ["a", "b"], "GetLogEvents excludes its end");
});

test("PutLogEvents refuses and rejects in AWS's words", async (t) => {
  const harness = await openHarness(t);
  await withStream(harness);
  const now = harness.clock.now();
  const put = (logEvents: object[], names: object = {}): Promise<Output> =>
    harness.call("logs", "PutLogEvents", { logGroupName: "g", logStreamName: "s", logEvents, ...names });
  const at = (timestamp: number, message = "m"): object => ({ timestamp, message });
  await assert.rejects(put([at(now), at(now - 1)]), {
    code: "InvalidParameterException",
    message: "Log events in a single PutLogEvents request must be in chronological order.",
  });
  await assert.rejects(put([at(now - DAY - 1), at(now)]), /cannot span more than 24 hours/);
  const half = "x".repeat(524_288);
  await assert.rejects(put([at(now, half), at(now, half)]), {
    message: "Upload too large: 1048628 bytes exceeds limit of 1048576",
  });
  await assert.rejects(put([at(now)], { logGroupName: "none" }), {
    message: "The specified log group does not exist.",
  });
  await assert.rejects(put([at(now)], { logStreamName: "none" }), {
    message: "The specified log stream does not exist.",
  });
  const old = await put([at(now - 15 * DAY)]);
  assert.deepEqual(old.rejectedLogEventsInfo, { tooOldLogEventEndIndex: 1 });
  assert.equal(typeof old.nextSequenceToken, "string");
  assert.deepEqual((await put([at(now), at(now + 3 * 3_600_000)])).rejectedLogEventsInfo, {
    tooNewLogEventStartIndex: 1,
  });
  await harness.call("logs", "PutRetentionPolicy", { logGroupName: "g", retentionInDays: 1 });
  assert.deepEqual((await put([at(now - 2 * DAY)])).rejectedLogEventsInfo, { expiredLogEventEndIndex: 1 });
  const { events } = await harness.call("logs", "GetLogEvents", { logGroupName: "g", logStreamName: "s" });
  assert.equal(events.length, 1);
});

test("GetLogEvents walks both ways, and its tokens come back at the ends", async (t) => {
  const harness = await openHarness(t);
  await withStream(harness);
  const now = harness.clock.now();
  const all = Array.from({ length: 10 }, (_, i) => `m${i}`);
  for (const [i, message] of all.entries()) {
    await harness.call("logs", "PutLogEvents", {
      logGroupName: "g",
      logStreamName: "s",
      logEvents: [{ timestamp: now + Math.floor(i / 3), message }],
    });
  }
  const get = (input: object): Promise<Output> =>
    harness.call("logs", "GetLogEvents", { logGroupName: "g", logStreamName: "s", limit: 4, ...input });
  const walk = async (
    start: object,
    token: "nextForwardToken" | "nextBackwardToken",
  ): Promise<string[][]> => {
    const pages: string[][] = [];
    let page = await get(start);
    for (;;) {
      pages.push(messages(page.events));
      const next = await get({ nextToken: page[token] });
      if (next[token] === page[token]) {
        assert.deepEqual(next.events, []);
        const turned = await get({
          nextToken: next[token === "nextForwardToken" ? "nextBackwardToken" : "nextForwardToken"],
        });
        assert.ok(turned.events.length > 0, "turning round at the end finds the last page again");
        return pages;
      }
      page = next;
    }
  };
  assert.deepEqual((await walk({ startFromHead: true }, "nextForwardToken")).flat(), all);
  const backward = await walk({}, "nextBackwardToken");
  assert.deepEqual(backward, [all.slice(6), all.slice(2, 6), all.slice(0, 2)]);
  const first = await get({ startFromHead: true });
  assert.match(first.nextForwardToken, /^f\/\d{56}\/s$/);
  assert.match(first.nextBackwardToken, /^b\/\d{56}\/s$/);
  await assert.rejects(get({ nextToken: "f/1/s" }), { message: "The specified nextToken is invalid." });
});

test("function lines: no group needed, visible at once, merged over streams, patterns", async (t) => {
  const { logs, call, clock } = await openHarness(t);
  const now = clock.now();
  const seen: string[] = [];
  const stop = logs.tail(SCOPE, "/aws/lambda/*", (events) => seen.push(...messages(events)));
  logs.sink.append(SCOPE, GROUP, "s1", [
    { timestamp: now, message: "START\n" },
    { timestamp: now + 2, message: '{"level":"ERROR","n":1}' },
  ]);
  logs.sink.append(SCOPE, GROUP, "s2", [{ timestamp: now + 1, message: "between" }]);
  logs.sink.append({ ...SCOPE, region: "us-east-1" }, GROUP, "s1", [
    { timestamp: now, message: "elsewhere" },
  ]);
  stop();
  logs.sink.append(SCOPE, GROUP, "s1", [{ timestamp: now + 3, message: "late" }]);
  assert.deepEqual(seen, ["START\n", '{"level":"ERROR","n":1}', "between"]);
  const filter = async (input: object): Promise<string[]> =>
    messages(
      (await call("logs", "FilterLogEvents", { logGroupName: GROUP, interleaved: true, ...input })).events,
    );
  assert.deepEqual(await filter({}), ["START\n", "between", '{"level":"ERROR","n":1}', "late"]);
  assert.deepEqual(await filter({ logStreamNames: ["s2"] }), ["between"]);
  assert.deepEqual(
    await filter({ logStreamNamePrefix: "s1", filterPattern: '{ $.level = "ERROR" && $.n >= 1 }' }),
    ['{"level":"ERROR","n":1}'],
  );
  assert.deepEqual(await filter({ startFromHead: false, limit: 2 }), ["late", '{"level":"ERROR","n":1}']);
  await assert.rejects(filter({ logStreamNames: ["s2"], logStreamNamePrefix: "s" }), {
    code: "InvalidParameterException",
  });
  await assert.rejects(filter({ filterPattern: "{ $.a" }), {
    code: "InvalidParameterException",
    message: "Invalid filter pattern",
  });
  const [event] = (await call("logs", "FilterLogEvents", { logGroupName: GROUP, limit: 1 })).events;
  assert.deepEqual(Object.keys(event).toSorted(), [
    "eventId",
    "ingestionTime",
    "logStreamName",
    "message",
    "timestamp",
  ]);
  assert.match(event.eventId, /^\d{56}$/);
  const [stream] = (await call("logs", "DescribeLogStreams", { logGroupName: GROUP })).logStreams;
  assert.deepEqual([stream.firstEventTimestamp, stream.lastEventTimestamp], [now, now + 3]);
});

test("FilterLogEvents hands out everything once, page by page, and no token at the end", async (t) => {
  const { logs, call, clock } = await openHarness(t);
  const now = clock.now();
  for (let i = 0; i < 3000; i++)
    logs.sink.append(SCOPE, GROUP, `s${i % 7}`, [{ timestamp: now + (i % 50), message: `m${i}` }]);
  const ids = new Set<string>();
  const times: number[] = [];
  let nextToken: string | undefined;
  do {
    const page = await call("logs", "FilterLogEvents", {
      logGroupName: GROUP,
      limit: 400,
      ...(nextToken === undefined ? {} : { nextToken }),
    });
    for (const event of page.events) {
      ids.add(event.eventId);
      times.push(event.timestamp);
    }
    nextToken = page.nextToken;
  } while (nextToken !== undefined);
  assert.equal(ids.size, 3000);
  assert.equal(times.length, 3000);
  assert.deepEqual(
    times,
    times.toSorted((a, b) => a - b),
  );
});

test("a deleted group is empty when its function writes again", async (t) => {
  const { logs, call, clock } = await openHarness(t);
  const line = (message: string): void =>
    logs.sink.append(SCOPE, GROUP, "s", [{ timestamp: clock.now(), message }]);
  line("old");
  await call("logs", "DescribeLogGroups");
  await call("logs", "DeleteLogGroup", { logGroupName: GROUP });
  line("new");
  assert.deepEqual(messages((await call("logs", "FilterLogEvents", { logGroupName: GROUP })).events), [
    "new",
  ]);
  await logs.sweep();
  assert.deepEqual(messages((await call("logs", "FilterLogEvents", { logGroupName: GROUP })).events), [
    "new",
  ]);
});

test("a flood keeps the newest lines and says how many it dropped", async (t) => {
  const { logs, call, clock } = await openHarness(t);
  const message = "x".repeat(1000);
  const now = clock.now();
  for (let i = 0; i < 30; i++) {
    logs.sink.append(
      SCOPE,
      GROUP,
      "s",
      Array.from({ length: 1000 }, (_, j) => ({ timestamp: now, message: `${i * 1000 + j} ${message}` })),
    );
  }
  const { events } = await call("logs", "GetLogEvents", {
    logGroupName: GROUP,
    logStreamName: "s",
    startFromHead: true,
    limit: 2,
  });
  const dropped = Number(/^\[lambent\] (\d+) log lines were dropped here/.exec(events[0].message)?.[1]);
  assert.ok(dropped > 0 && dropped < 30_000);
  assert.ok(events[1].message.startsWith(`${dropped} `), "the line after the gap is the first that was kept");
});

test("lines that cannot be stored are tried again", async (t) => {
  let broken = true;
  const harness = await openHarness(t, {
    wrapDay: (database) => ({
      dialect: database.dialect,
      read: (sql, params) => database.read(sql, params),
      close: () => database.close(),
      commit: (unit) =>
        broken ? Promise.reject(new StorageUnavailable("disk full")) : database.commit(unit),
    }),
  });
  harness.logs.sink.append(SCOPE, GROUP, "s", [{ timestamp: harness.clock.now(), message: "kept" }]);
  const filter = async (): Promise<string[]> =>
    messages((await harness.call("logs", "FilterLogEvents", { logGroupName: GROUP })).events);
  assert.deepEqual(await filter(), []);
  await assert.rejects(
    harness.call("logs", "PutLogEvents", {
      logGroupName: GROUP,
      logStreamName: "s",
      logEvents: [{ timestamp: harness.clock.now(), message: "refused" }],
    }),
    { name: "ServiceUnavailableException" },
  );
  broken = false;
  assert.deepEqual(await filter(), ["kept"]);
});

test("retention: hidden at once, deleted by the sweep, never reported where it was not set", async (t) => {
  const { logs, call, clock } = await openHarness(t);
  const now = clock.now();
  logs.sink.append(SCOPE, GROUP, "s", [
    { timestamp: now - 9 * DAY, message: "old" },
    { timestamp: now, message: "new" },
  ]);
  logs.sink.append(SCOPE, "kept", "s", [{ timestamp: now - 9 * DAY, message: "old" }]);
  logs.sink.append(SCOPE, "short", "s", [
    { timestamp: now - 2 * DAY, message: "old" },
    { timestamp: now, message: "new" },
  ]);
  await call("logs", "DescribeLogGroups");
  const read = async (logGroupName: string): Promise<string[]> =>
    messages((await call("logs", "FilterLogEvents", { logGroupName })).events);
  assert.deepEqual(await read("short"), ["old", "new"]);
  await call("logs", "PutRetentionPolicy", { logGroupName: "short", retentionInDays: 1 });
  assert.deepEqual(await read("short"), ["new"]);
  assert.deepEqual(await read(GROUP), ["old", "new"]);
  const swept = await logs.sweep();
  assert.ok(swept.chunks > 0);
  assert.deepEqual(await read(GROUP), ["new"], "function groups are kept for seven days");
  assert.deepEqual(await read("kept"), ["old"], "other groups for ever");
  const { logGroups } = await call("logs", "DescribeLogGroups");
  assert.deepEqual(
    logGroups.map((group: Output) => group.retentionInDays),
    [undefined, undefined, 1],
  );
});

test("the disk budget takes the oldest days first", async (t) => {
  const { logs, call, clock } = await openHarness(t, { diskBytes: 400_000 });
  const now = clock.now();
  const message = "x".repeat(200_000);
  for (const ago of [3, 2, 1, 0])
    logs.sink.append(SCOPE, "g", "s", [{ timestamp: now - ago * DAY, message: `${ago} ${message}` }]);
  await call("logs", "DescribeLogGroups");
  await logs.sweep();
  const { events } = await call("logs", "GetLogEvents", {
    logGroupName: "g",
    logStreamName: "s",
    startFromHead: true,
  });
  const left = messages(events).map((text) => text[0]);
  assert.ok(left.length < 4 && left.at(-1) === "0", `left: ${left.join(" ")}`);
});

test("one day over the budget alone loses its older part", async (t) => {
  const { logs, call, clock } = await openHarness(t, { diskBytes: 1_000_000 });
  const noon = Math.floor(clock.now() / DAY) * DAY + DAY / 2;
  const message = "x".repeat(200_000);
  for (let i = 0; i < 8; i++) {
    logs.sink.append(SCOPE, "g", "s", [{ timestamp: noon + i * 60_000, message: `${i} ${message}` }]);
  }
  await call("logs", "DescribeLogGroups");
  await logs.sweep();
  const { events } = await call("logs", "GetLogEvents", {
    logGroupName: "g",
    logStreamName: "s",
    startFromHead: true,
  });
  // Sweeps also run by themselves while lines come in, so how often it was halved is open.
  const left = messages(events)
    .map((text) => text[0])
    .join("");
  assert.ok(left.length > 0 && left.length <= 4 && "01234567".endsWith(left), `left: ${left}`);
});

test("several streams are picked out of a group of more", async (t) => {
  const { logs, call, clock } = await openHarness(t);
  const now = clock.now();
  for (let i = 0; i < 300; i++) {
    logs.sink.append(SCOPE, "g", `s${String(i % 150).padStart(3, "0")}`, [
      { timestamp: now + i, message: `${i}` },
    ]);
  }
  const filter = async (input: object): Promise<string[]> =>
    messages((await call("logs", "FilterLogEvents", { logGroupName: "g", ...input })).events);
  assert.deepEqual(await filter({ logStreamNames: ["s001", "s149"] }), ["1", "149", "151", "299"]);
  assert.deepEqual(await filter({ logStreamNamePrefix: "s00", limit: 3 }), ["0", "1", "2"]);
  assert.equal((await filter({ logStreamNamePrefix: "s" })).length, 300);
  assert.equal((await filter({ logStreamNamePrefix: "s0" })).length, 200);
  assert.deepEqual(await filter({ logStreamNamePrefix: "none" }), []);
});
