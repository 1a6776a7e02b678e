/** EventBridge through boto3 and both AWS CLIs. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import {
  AWS_V1,
  AWS_V2,
  clientEnv,
  PYTHON_BOTO3,
  ROOT,
  run,
  type RunningServer,
  startServer,
} from "../e2e/server.ts";

let server: RunningServer;
before(async () => {
  server = await startServer({ flags: ["--pool", "0"] });
});
after(async () => server[Symbol.asyncDispose]());

test("boto3: a rule and its target", async (t) => {
  if (PYTHON_BOTO3 === undefined) return t.skip("no Python; LAMBENT_TEST_PYTHON names one with boto3");
  if ((await run(PYTHON_BOTO3, ["-c", "import boto3"])).code !== 0) return t.skip("this Python has no boto3");
  const script = join(ROOT, "tests/services/python/events_journey.py");
  const { code, stdout, stderr } = await run(PYTHON_BOTO3, [script, server.endpoint], { timeoutMs: 60_000 });
  assert.equal(code, 0, stderr);
  const seen = JSON.parse(stdout) as {
    failed: number;
    ids: string[];
    events: { id: string; detail: { n: number } }[];
    refusal: { Code: string; Message: string };
    rules: string[];
  };
  assert.equal(seen.failed, 0);
  assert.deepEqual(
    seen.events.map(({ id, detail }) => [id, detail.n]),
    [[seen.ids[1], 2]],
  );
  assert.deepEqual(seen.refusal, {
    Code: "ResourceNotFoundException",
    Message: "Rule never does not exist on EventBus default.",
  });
  assert.deepEqual(seen.rules, ["journey"]);
});

for (const [name, command] of [
  ["v1", AWS_V1],
  ["v2", AWS_V2],
] as const) {
  test(`AWS CLI ${name}: rules, targets, events, refusals`, async (t) => {
    if (command === undefined) return t.skip(`no AWS CLI ${name} here`);
    const aws = async (...args: string[]): Promise<Readonly<Record<string, unknown>>> => {
      const { code, stdout, stderr } = await run(
        command,
        ["events", "--endpoint-url", server.endpoint, ...args],
        { env: clientEnv(server) },
      );
      assert.equal(code, 0, stderr);
      return stdout.trim() === "" ? {} : (JSON.parse(stdout) as Record<string, unknown>);
    };
    const rule = `cli-${name}`;
    const made = await aws("put-rule", "--name", rule, "--schedule-expression", "rate(5 minutes)");
    assert.deepEqual(made, { RuleArn: `arn:aws:events:us-east-1:000000000000:rule/${rule}` });
    const queue = "arn:aws:sqs:us-east-1:000000000000:q";
    const put = await aws("put-targets", "--rule", rule, "--targets", `Id=1,Arn=${queue}`);
    assert.deepEqual(put, { FailedEntryCount: 0, FailedEntries: [] });
    const listed = await aws("list-targets-by-rule", "--rule", rule);
    assert.deepEqual(listed, { Targets: [{ Id: "1", Arn: queue }] });
    const entries = JSON.stringify([{ Source: "me", DetailType: "t", Detail: "{}" }]);
    const sent = await aws("put-events", "--entries", entries);
    assert.equal(sent["FailedEntryCount"], 0);
    await aws("remove-targets", "--rule", rule, "--ids", "1");
    await aws("delete-rule", "--name", rule);
    const refused = await run(
      command,
      ["events", "--endpoint-url", server.endpoint, "describe-rule", "--name", rule],
      {
        env: clientEnv(server),
      },
    );
    assert.match(
      refused.stderr,
      new RegExp(
        `\\(ResourceNotFoundException\\).*: Rule ${rule} does not exist on EventBus default\\.`,
        "u",
      ),
    );
  });
}
