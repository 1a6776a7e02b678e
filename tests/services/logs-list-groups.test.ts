import assert from "node:assert/strict";
import { test } from "node:test";
import { ACCOUNT, openHarness, type Output, REGION } from "./harness.ts";

const names = (answer: Output): string[] =>
  answer.logGroups.map((group: { logGroupName: string }) => group.logGroupName);

test("ListLogGroups: parts, starts and alternatives of names; class; pages", async (t) => {
  const { call } = await openHarness(t);
  for (const logGroupName of ["/aws/lambda/a", "app/discovery", "my/aws/lambda/b"]) {
    await call("logs", "CreateLogGroup", { logGroupName });
  }
  await call("logs", "CreateLogGroup", { logGroupName: "rare", logGroupClass: "INFREQUENT_ACCESS" });
  const list = (input: object): Promise<Output> => call("logs", "ListLogGroups", input);
  const cases: [object, string[]][] = [
    [{ logGroupNamePattern: "no-such-group" }, []],
    [{ logGroupNamePattern: "/aws/lambda" }, ["/aws/lambda/a", "my/aws/lambda/b"]],
    [{ logGroupNamePattern: "^/aws/lambda|discovery" }, ["/aws/lambda/a", "app/discovery"]],
    [{ logGroupNamePattern: "DISCOVERY" }, []],
    [{ logGroupClass: "INFREQUENT_ACCESS" }, ["rare"]],
    [{}, ["/aws/lambda/a", "app/discovery", "my/aws/lambda/b", "rare"]],
  ];
  for (const [input, expected] of cases)
    assert.deepEqual(names(await list(input)), expected, JSON.stringify(input));
  const first = await list({ limit: 3 });
  assert.equal(names(first).length, 3);
  const second = await list({ limit: 3, nextToken: first.nextToken });
  assert.deepEqual(names(second), ["rare"]);
  assert.equal(second.nextToken, undefined);
  const [group] = (await list({ logGroupNamePattern: "discovery" })).logGroups;
  assert.deepEqual(group, {
    logGroupName: "app/discovery",
    logGroupArn: `arn:aws:logs:${REGION}:${ACCOUNT}:log-group:app/discovery`,
    logGroupClass: "STANDARD",
  });
  await assert.rejects(list({ includeLinkedAccounts: true }), /includeLinkedAccounts is not supported/);
  await assert.rejects(list({ fieldIndexNames: ["a"] }), /fieldIndexNames is not supported/);
});

test("DescribeLogGroups searches names with regard to case", async (t) => {
  const { call } = await openHarness(t);
  await call("logs", "CreateLogGroup", { logGroupName: "aws/DataLogs" });
  const found = async (logGroupNamePattern: string): Promise<string[]> =>
    names(await call("logs", "DescribeLogGroups", { logGroupNamePattern }));
  assert.deepEqual(await found("DataLogs"), ["aws/DataLogs"]);
  assert.deepEqual(await found("datalogs"), []);
});
