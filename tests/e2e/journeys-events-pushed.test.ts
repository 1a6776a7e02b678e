/**
 * Events that are pushed: J16 (one topic, two functions), J17 (schedules), J22 (custom events), through
 * the AWS CLI.
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { AWS_CLIS, type AwsCli } from "./aws-cli.ts";
import { arnOf, cliSession, type CliSession } from "./cli-session.ts";
import { clients, type Clients } from "./client.ts";
import { lambent, startServer, until, type RunningServer } from "./server.ts";

const SHOW = `import json
def handler(event, context):
    print("EVENT " + json.dumps(event))
`;
const DAY_MS = 86_400_000;

let server: RunningServer;
let api: Clients;
let folder: string;

before(async () => {
  server = await startServer();
  api = clients(server);
  folder = mkdtempSync(join(tmpdir(), "lambent-journeys-pushed-"));
});
after(async () => {
  api?.destroy();
  await server?.[Symbol.asyncDispose]();
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
});

// oxlint-disable-next-line typescript/no-explicit-any
async function events(name: string): Promise<any[]> {
  const lines = await api.lines(name, "EVENT").catch(() => []);
  return lines.map((line) => JSON.parse(line.slice("EVENT ".length)) as unknown);
}

function allow(aws: CliSession, name: string, service: string, sourceArn: string): Promise<unknown> {
  return aws.ok(
    `lambda add-permission --function-name ${name} --statement-id ${service} --action lambda:InvokeFunction
     --principal ${service}.amazonaws.com --source-arn ${sourceArn}`,
  );
}

describe("both generations", { concurrency: true }, () => {
  for (const cli of AWS_CLIS) journeys(cli);
});

function journeys(cli: AwsCli): void {
  describe(cli.name, { skip: cli.skip, concurrency: true }, () => {
    test("one message of a topic, two functions (J16)", async () => {
      const aws = cliSession(cli, server, folder);
      const names = ["one", "two"].map((name) => `${name}-${cli.suffix}`);
      const { TopicArn } = await aws.ok(`sns create-topic --name fan-${cli.suffix}`);
      for (const name of names) {
        await api.create(name, { "app.py": SHOW });
        await allow(aws, name, "sns", String(TopicArn));
        const made = await aws.ok(
          `sns subscribe --topic-arn ${String(TopicArn)} --protocol lambda
           --notification-endpoint ${arnOf.function(name)}`,
        );
        assert.match(String(made.SubscriptionArn), /^arn:aws:sns:us-east-1:000000000000:fan-/);
      }
      await aws.ok(`sns publish --topic-arn ${String(TopicArn)} --message`, "hello both");
      for (const name of names) {
        await until(`${name} has heard it`, async () => (await events(name)).length === 1);
        const [event] = await events(name);
        assert.equal(event.Records[0].Sns.Message, "hello both");
        assert.equal(event.Records[0].Sns.TopicArn, TopicArn);
        assert.equal(event.Records[0].EventSource, "aws:sns");
      }
    });

    test("custom events: what matches comes once, what does not never (J22)", async () => {
      const aws = cliSession(cli, server, folder);
      const name = `custom-${cli.suffix}`;
      await api.create(name, { "app.py": SHOW });
      const pattern = { source: [`shop.${cli.suffix}`], detail: { total: [{ numeric: [">", 100] }] } };
      const { RuleArn } = await aws.ok(
        `events put-rule --name ${name} --event-pattern`,
        JSON.stringify(pattern),
      );
      await allow(aws, name, "events", String(RuleArn));
      await aws.ok(`events put-targets --rule ${name} --targets Id=1,Arn=${arnOf.function(name)}`);
      const entry = (detail: object): object => ({
        Source: `shop.${cli.suffix}`,
        DetailType: "order",
        Detail: JSON.stringify(detail),
      });
      const { FailedEntryCount } = await aws.ok(
        "events put-events --entries",
        JSON.stringify([entry({ id: 1, total: 20 }), entry({ id: 2, total: 250 }), entry({ id: 3 })]),
      );
      assert.equal(FailedEntryCount, 0);
      // A second one that matches: when it has come, the others had their time.
      await until("the first has come", async () => (await events(name)).length === 1);
      await aws.ok("events put-events --entries", JSON.stringify([entry({ id: 4, total: 101 })]));
      await until("the second has come", async () => (await events(name)).length === 2);
      const came = await events(name);
      assert.deepEqual(
        came.map((event) => event.detail.id),
        [2, 4],
      );
      assert.equal(came[0]["detail-type"], "order");
      assert.equal(came[0].account, "000000000000");
    });
  });
}

test("every day at 5 PM UTC, and every minute (J17)", { skip: AWS_CLIS[1]?.skip ?? false }, async () => {
  const cli = AWS_CLIS[1];
  assert.ok(cli !== undefined);
  const aws = cliSession(cli, server, folder);
  const now = async (): Promise<number> =>
    (JSON.parse((await lambent(server, ["clock", "--json"])).stdout) as { nowMs: number }).nowMs;
  // From noon on, so that five o'clock does not pass before it is its turn.
  const noon = DAY_MS + DAY_MS / 2 - ((await now()) % DAY_MS);
  await lambent(server, ["clock", "advance", `${String(Math.ceil(noon / 1000))}s`]);
  for (const [name, expression] of [
    ["daily", "cron(0 17 * * ? *)"],
    ["minutely", "rate(1 minute)"],
  ] as const) {
    await api.create(name, { "app.py": SHOW });
    const { RuleArn } = await aws.ok(`events put-rule --name ${name} --schedule-expression`, expression);
    await allow(aws, name, "events", String(RuleArn));
    await aws.ok(`events put-targets --rule ${name} --targets Id=1,Arn=${arnOf.function(name)}`);
  }
  await lambent(server, ["clock", "advance", "61s"]);
  await until("a minute has passed", async () => (await events("minutely")).length > 0);
  assert.deepEqual(await events("daily"), []);

  const today = await now();
  const next = today - (today % DAY_MS) + 17 * 3_600_000;
  const seconds = Math.ceil((next - today) / 1000) + 1;
  const advanced = await lambent(server, ["clock", "advance", `${String(seconds)}s`]);
  assert.equal(advanced.code, 0, advanced.stderr);
  await until("five o'clock has come", async () => (await events("daily")).length === 1);
  const [event] = await events("daily");
  assert.equal(event["detail-type"], "Scheduled Event");
  assert.equal(event.source, "aws.events");
  assert.equal(event.time, new Date(next).toISOString().replace(".000Z", "Z"));
  assert.deepEqual(event.resources, [arnOf.rule("daily")]);
  assert.deepEqual(event.detail, {});
});
