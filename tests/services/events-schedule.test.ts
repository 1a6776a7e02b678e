/** Rules with a schedule, on a clock that is moved; and what is left of them and of events after kill -9. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import {
  DescribeRuleCommand,
  DisableRuleCommand,
  EnableRuleCommand,
  ListRulesCommand,
  PutEventsCommand,
  PutRuleCommand,
  PutTargetsCommand,
} from "@aws-sdk/client-eventbridge";
import { advanceClock, startServer, until } from "../e2e/server.ts";
import { ACCOUNT, openWorld, REGION, type World, worldOf } from "./events-fixture.ts";

const MINUTE = 60_000;

async function schedule(world: World, Name: string, ScheduleExpression: string): Promise<void> {
  const Arn = await world.queue(Name);
  await world.events.send(new PutRuleCommand({ Name, ScheduleExpression }));
  await world.events.send(new PutTargetsCommand({ Rule: Name, Targets: [{ Id: "a", Arn }] }));
}

test("a rate runs from when the rule was made, with AWS's event; disabled it does not", async () => {
  await using world = await openWorld();
  await schedule(world, "rate", "rate(5 minutes)");
  const listed = await world.events.send(new ListRulesCommand({ NamePrefix: "rate" }));
  assert.deepEqual(listed.Rules, [
    {
      Name: "rate",
      Arn: `arn:aws:events:${REGION}:${ACCOUNT}:rule/rate`,
      ScheduleExpression: "rate(5 minutes)",
      State: "ENABLED",
      EventBusName: "default",
    },
  ]);
  assert.deepEqual(await world.drain("rate"), []);
  await advanceClock(world.server, 5 * MINUTE);
  const [first] = await world.messages("rate", 1);
  const event = JSON.parse(first?.body ?? "{}") as Record<string, unknown>;
  assert.deepEqual(
    { ...event, id: "", time: "" },
    {
      version: "0",
      id: "",
      "detail-type": "Scheduled Event",
      source: "aws.events",
      account: ACCOUNT,
      time: "",
      region: REGION,
      resources: [`arn:aws:events:${REGION}:${ACCOUNT}:rule/rate`],
      detail: {},
    },
  );
  await advanceClock(world.server, 5 * MINUTE);
  const [second] = await world.messages("rate", 1);
  const timeOf = (body = "{}"): number => Date.parse((JSON.parse(body) as { time: string }).time);
  assert.equal(timeOf(second?.body) - timeOf(first?.body), 5 * MINUTE);

  await world.events.send(new DisableRuleCommand({ Name: "rate" }));
  await schedule(world, "other", "rate(1 minute)");
  await advanceClock(world.server, 10 * MINUTE);
  // The other rule ran, so this one had its time as well.
  await world.messages("other", 1);
  assert.deepEqual(await world.drain("rate"), []);
  await world.events.send(new EnableRuleCommand({ Name: "rate" }));
  await advanceClock(world.server, 5 * MINUTE);
  await world.messages("rate", 1);
});

test("cron is UTC and to the minute; a rule that matches events runs by its schedule too", async () => {
  await using world = await openWorld();
  const now = await advanceClock(world.server, 0);
  const next = new Date(now - (now % (60 * MINUTE)) + 2 * 60 * MINUTE);
  const Name = "cron";
  const Arn = await world.queue(Name);
  await world.events.send(
    new PutRuleCommand({
      Name,
      ScheduleExpression: `cron(30 ${String(next.getUTCHours())} * * ? *)`,
      EventPattern: '{"source":["me"]}',
    }),
  );
  await world.events.send(
    new PutTargetsCommand({ Rule: Name, Targets: [{ Id: "a", Arn, Input: '{"constant":1}' }] }),
  );
  await world.events.send(
    new PutEventsCommand({ Entries: [{ Source: "me", DetailType: "t", Detail: "{}" }] }),
  );
  assert.equal((await world.messages(Name, 1))[0]?.body, '{"constant":1}');
  await advanceClock(world.server, next.getTime() - now + 31 * MINUTE);
  assert.equal((await world.messages(Name, 1))[0]?.body, '{"constant":1}');
  await advanceClock(world.server, 23 * 60 * MINUTE);
  await schedule(world, "after", "rate(1 minute)");
  await advanceClock(world.server, MINUTE);
  await world.messages("after", 1);
  assert.deepEqual(await world.drain(Name), []);
});

test("kill -9: events that were answered arrive, and a schedule goes on where it was", async () => {
  const dataDir = mkdtempSync(join(tmpdir(), "lambent-events-kill-"));
  let server = await startServer({ dataDir });
  try {
    const first = worldOf(server);
    const Arn = await first.queue("burst");
    await first.events.send(new PutRuleCommand({ Name: "burst", EventPattern: '{"source":["burst"]}' }));
    await first.events.send(new PutTargetsCommand({ Rule: "burst", Targets: [{ Id: "a", Arn }] }));
    await schedule(first, "minutely", "rate(1 minute)");
    const described = await first.events.send(new DescribeRuleCommand({ Name: "minutely" }));
    const answered: string[] = [];
    let killed: Promise<void> | undefined;
    async function sender(): Promise<void> {
      while (killed === undefined) {
        const Entries = [1, 2, 3].map((n) => ({
          Source: "burst",
          DetailType: "t",
          Detail: JSON.stringify({ n }),
        }));
        const answer = await first.events.send(new PutEventsCommand({ Entries })).catch(() => undefined);
        if (answer === undefined) return;
        answered.push(...(answer.Entries ?? []).map(({ EventId = "" }) => EventId));
        if (answered.length >= 300) killed ??= server.kill();
      }
    }
    await Promise.all(Array.from({ length: 16 }, sender));
    await killed;
    assert.ok(answered.length >= 300);

    server = await startServer({ dataDir, port: server.port });
    const second = worldOf(server);
    const seen = new Set<string>();
    let received = 0;
    await until("every answered event has arrived", async () => {
      for (const { body } of await second.drain("burst")) {
        seen.add((JSON.parse(body) as { id: string }).id);
        received += 1;
      }
      return answered.every((id) => seen.has(id));
    });
    // At least once: what was under way when the server was killed may come again, and no more than that.
    assert.ok(received - seen.size <= 64, `${String(received - seen.size)} came twice`);
    assert.deepEqual(
      { ...(await second.events.send(new DescribeRuleCommand({ Name: "minutely" }))), $metadata: {} },
      { ...described, $metadata: {} },
    );
    await advanceClock(second.server, MINUTE);
    assert.equal((await second.messages("minutely", 1)).length, 1);
    for (const one of [first, second]) {
      one.events.destroy();
      one.sqs.destroy();
      one.destroy();
    }
  } finally {
    await server.stop();
    rmSync(dataDir, { recursive: true, force: true });
  }
});
