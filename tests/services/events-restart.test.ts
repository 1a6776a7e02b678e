/** Each lasting change of EventBridge is there after the server was killed and started again. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import {
  CreateEventBusCommand,
  DeleteEventBusCommand,
  DeleteRuleCommand,
  DescribeEventBusCommand,
  DescribeRuleCommand,
  DisableRuleCommand,
  EnableRuleCommand,
  ListEventBusesCommand,
  ListRulesCommand,
  ListTagsForResourceCommand,
  ListTargetsByRuleCommand,
  PutEventsCommand,
  PutPermissionCommand,
  PutRuleCommand,
  PutTargetsCommand,
  RemovePermissionCommand,
  RemoveTargetsCommand,
  TagResourceCommand,
  UntagResourceCommand,
  UpdateEventBusCommand,
  type EventBridgeClient,
} from "@aws-sdk/client-eventbridge";
import { startServer } from "../e2e/server.ts";
import { ACCOUNT, REGION, saw, worldOf } from "./events-fixture.ts";

const QUEUE = `arn:aws:sqs:${REGION}:${ACCOUNT}:arrived`;

async function change(events: EventBridgeClient): Promise<void> {
  const allow = (StatementId: string): PutPermissionCommand =>
    new PutPermissionCommand({
      EventBusName: "kept",
      Action: "events:PutEvents",
      Principal: "*",
      StatementId,
    });
  const rule = (Name: string): PutRuleCommand =>
    new PutRuleCommand({ Name, EventBusName: "kept", EventPattern: `{"source":["${Name}"]}` });
  const { EventBusArn = "" } = await events.send(new CreateEventBusCommand({ Name: "kept" }));
  await events.send(new CreateEventBusCommand({ Name: "deleted" }));
  await events.send(new DeleteEventBusCommand({ Name: "deleted" }));
  await events.send(new UpdateEventBusCommand({ Name: "kept", Description: "updated" }));
  for (const id of ["one", "two"]) await events.send(allow(id));
  await events.send(new RemovePermissionCommand({ EventBusName: "kept", StatementId: "one" }));
  for (const name of ["on", "off", "again", "gone"]) await events.send(rule(name));
  for (const Name of ["off", "again"])
    await events.send(new DisableRuleCommand({ Name, EventBusName: "kept" }));
  await events.send(new EnableRuleCommand({ Name: "again", EventBusName: "kept" }));
  await events.send(new DeleteRuleCommand({ Name: "gone", EventBusName: "kept" }));
  await events.send(
    new PutTargetsCommand({
      Rule: "on",
      EventBusName: "kept",
      Targets: ["a", "b"].map((Id) => ({ Id, Arn: QUEUE, InputPath: "$.detail" })),
    }),
  );
  await events.send(new RemoveTargetsCommand({ Rule: "on", EventBusName: "kept", Ids: ["b"] }));
  const Tags = ["x", "y"].map((Key) => ({ Key, Value: Key }));
  await events.send(new TagResourceCommand({ ResourceARN: EventBusArn, Tags }));
  await events.send(new UntagResourceCommand({ ResourceARN: EventBusArn, TagKeys: ["y"] }));
  await events.send(
    new PutEventsCommand({
      Entries: [{ EventBusName: "kept", Source: "on", DetailType: "t", Detail: '{"n":1}' }],
    }),
  );
}

/** Everything that can be read. */
async function state(events: EventBridgeClient): Promise<unknown> {
  const {
    Name,
    Arn = "",
    Description,
    Policy,
    CreationTime,
    LastModifiedTime,
  } = await events.send(new DescribeEventBusCommand({ Name: "kept" }));
  const { Rules = [] } = await events.send(new ListRulesCommand({ EventBusName: "kept" }));
  const { EventBuses = [] } = await events.send(new ListEventBusesCommand({}));
  const { Targets } = await events.send(new ListTargetsByRuleCommand({ Rule: "on", EventBusName: "kept" }));
  const { Tags } = await events.send(new ListTagsForResourceCommand({ ResourceARN: Arn }));
  const { State } = await events.send(new DescribeRuleCommand({ Name: "off", EventBusName: "kept" }));
  return {
    bus: { Name, Arn, Description, Policy, CreationTime, LastModifiedTime },
    buses: EventBuses.map((bus) => bus.Name),
    rules: Rules.map((rule) => [rule.Name, rule.State]),
    Targets,
    Tags,
    State,
  };
}

test("what was changed is still so after kill -9", async () => {
  const dataDir = mkdtempSync(join(tmpdir(), "lambent-events-restart-"));
  const flags = ["--pool", "0"];
  let server = await startServer({ dataDir, flags });
  try {
    const before = worldOf(server);
    await before.queue("arrived");
    await change(before.events);
    const expected = await state(before.events);
    await server.kill();
    server = await startServer({ dataDir, flags, port: server.port });
    const after = worldOf(server);
    assert.deepEqual(await state(after.events), expected);
    assert.deepEqual((expected as { rules: unknown }).rules, [
      ["again", "ENABLED"],
      ["off", "DISABLED"],
      ["on", "ENABLED"],
    ]);
    assert.ok((await after.messages("arrived", 1)).every(({ body }) => body === '{"n":1}'));
    for (const { name } of [
      ...[CreateEventBusCommand, DeleteEventBusCommand, UpdateEventBusCommand],
      ...[PutPermissionCommand, RemovePermissionCommand, PutRuleCommand, DeleteRuleCommand],
      ...[EnableRuleCommand, DisableRuleCommand, PutTargetsCommand, RemoveTargetsCommand],
      ...[TagResourceCommand, UntagResourceCommand, PutEventsCommand],
    ]) {
      saw(name.replace(/Command$/u, ""), "persistence");
    }
    for (const one of [before, after]) {
      one.events.destroy();
      one.sqs.destroy();
      one.destroy();
    }
  } finally {
    await server.stop();
    rmSync(dataDir, { recursive: true, force: true });
  }
});
