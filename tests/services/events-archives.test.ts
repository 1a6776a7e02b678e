/** Archives keep the events of a bus, and replays send them to its rules again. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import {
  CancelReplayCommand,
  CreateArchiveCommand,
  CreateEventBusCommand,
  DeleteArchiveCommand,
  DeleteEventBusCommand,
  DescribeArchiveCommand,
  DescribeReplayCommand,
  type EventBridgeClient,
  ListArchivesCommand,
  ListReplaysCommand,
  PutEventsCommand,
  PutRuleCommand,
  PutTargetsCommand,
  StartReplayCommand,
  UpdateArchiveCommand,
} from "@aws-sdk/client-eventbridge";
import { refusal } from "../e2e/client.ts";
import { startServer, until } from "../e2e/server.ts";
import { ACCOUNT, openWorld, REGION, saw, worldOf, type World } from "./events-fixture.ts";

const ARNS = `arn:aws:events:${REGION}:${ACCOUNT}`;
const busArn = (name: string): string => `${ARNS}:event-bus/${name}`;
const archiveArn = (name: string): string => `${ARNS}:archive/${name}`;
const SOURCE = "core.update-account-command";
const DETAIL = '{"command": "update-account", "payload": {"acc_id": "0a787ecb-4015", "sf_id": "baz"}}';
const NOON = new Date("2026-01-01T12:00:00Z");
const minutes = (count: number): Date => new Date(NOON.getTime() + count * 60_000);

let world: World;
before(async () => {
  world = await openWorld({ flags: ["--pool", "0"] });
});
after(async () => world[Symbol.asyncDispose]());

async function put(events: EventBridgeClient, EventBusName: string, ...Times: Date[]): Promise<void> {
  const entry = { EventBusName, Source: SOURCE, DetailType: SOURCE, Detail: DETAIL };
  await events.send(new PutEventsCommand({ Entries: Times.map((Time) => ({ ...entry, Time })) }));
}

async function failure(call: Promise<unknown>): Promise<readonly [string, string]> {
  const error = await refusal(call);
  return [error.name, error.message];
}

/** A bus with a rule that sends what comes to a queue, and an archive. */
async function archived(name: string, more: object = {}): Promise<void> {
  const { events } = world;
  await events.send(new CreateEventBusCommand({ Name: name }));
  const Arn = await world.queue(name);
  const Rule = "all";
  await events.send(
    new PutRuleCommand({ Name: Rule, EventBusName: name, EventPattern: `{"source":["${SOURCE}"]}` }),
  );
  await events.send(new PutTargetsCommand({ Rule, EventBusName: name, Targets: [{ Id: "q", Arn }] }));
  await events.send(new CreateArchiveCommand({ ArchiveName: name, EventSourceArn: busArn(name), ...more }));
}

const start = (ReplayName: string, name: string, from: Date, to: Date, more: object = {}) =>
  world.events.send(
    new StartReplayCommand({
      ReplayName,
      EventSourceArn: archiveArn(name),
      EventStartTime: from,
      EventEndTime: to,
      Destination: { Arn: busArn(name), ...more },
    }),
  );

const stateOf = async (ReplayName: string): Promise<string | undefined> =>
  (await world.events.send(new DescribeReplayCommand({ ReplayName }))).State;

test("an archive is made, shown, changed and deleted", async () => {
  const { events } = world;
  await events.send(new CreateEventBusCommand({ Name: "shown" }));
  const EventPattern = JSON.stringify({ source: [SOURCE] });
  const made = await events.send(
    new CreateArchiveCommand({
      ArchiveName: "shown",
      EventSourceArn: busArn("shown"),
      Description: "of the bus",
      EventPattern,
      RetentionDays: 1,
    }),
  );
  const { CreationTime } = made;
  assert.deepEqual(
    { ...made, $metadata: undefined },
    { ArchiveArn: archiveArn("shown"), State: "ENABLED", CreationTime, $metadata: undefined },
  );
  await put(events, "shown", ...Array.from({ length: 10 }, (_, at) => minutes(at)));
  await events.send(
    new PutEventsCommand({
      Entries: [{ EventBusName: "shown", Source: "other", DetailType: "t", Detail: "{}" }],
    }),
  );
  const listed = {
    ArchiveName: "shown",
    EventSourceArn: busArn("shown"),
    State: "ENABLED",
    RetentionDays: 1,
    SizeBytes: 1590,
    EventCount: 10,
    CreationTime,
  };
  const { Archives } = await events.send(new ListArchivesCommand({ EventSourceArn: busArn("shown") }));
  assert.deepEqual(Archives, [listed]);
  const { $metadata: _, ...described } = await events.send(
    new DescribeArchiveCommand({ ArchiveName: "shown" }),
  );
  const about = { ArchiveArn: archiveArn("shown"), Description: "of the bus", EventPattern };
  assert.deepEqual(described, { ...listed, ...about });

  await events.send(new UpdateArchiveCommand({ ArchiveName: "shown", RetentionDays: 0, Description: "new" }));
  const changed = await events.send(new DescribeArchiveCommand({ ArchiveName: "shown" }));
  assert.deepEqual(
    [changed.RetentionDays, changed.Description, changed.EventPattern],
    [0, "new", EventPattern],
  );
  const bus = { Name: "shown" };
  assert.match((await refusal(events.send(new DeleteEventBusCommand(bus)))).message, /can't be deleted/u);
  await events.send(new DeleteArchiveCommand({ ArchiveName: "shown" }));
  await events.send(new DeleteEventBusCommand(bus));
});

test("archives and replays come in pages, by prefix", async () => {
  const { events } = world;
  await archived("paged");
  for (const name of ["page-1", "page-2", "page-3"]) {
    await events.send(new CreateArchiveCommand({ ArchiveName: name, EventSourceArn: busArn("paged") }));
    await start(name, "paged", minutes(0), minutes(1));
  }
  const query = { NamePrefix: "page-", Limit: 2 };
  const first = await events.send(new ListArchivesCommand(query));
  const second = await events.send(new ListArchivesCommand({ ...query, NextToken: first.NextToken }));
  const names = [first, second].map(({ Archives = [] }) => Archives.map((one) => one.ArchiveName));
  assert.deepEqual(names, [["page-1", "page-2"], ["page-3"]]);
  const some = await events.send(new ListReplaysCommand(query));
  const rest = await events.send(new ListReplaysCommand({ ...query, NextToken: some.NextToken }));
  const replays = [some, rest].map(({ Replays = [] }) => Replays.map((one) => one.ReplayName));
  assert.deepEqual(replays, [["page-1", "page-2"], ["page-3"]]);
  for (const operation of ["ListArchives", "ListReplays"]) saw(operation, "pagination");
});

test("a replay sends what happened between two times, once more, and says so", async () => {
  const { events } = world;
  await archived("again");
  await put(events, "again", minutes(0), minutes(1), minutes(2), minutes(3));
  const originals = (await world.messages("again", 4)).map(({ body }) => body);
  const begun = await start("first", "again", minutes(1), minutes(2));
  assert.deepEqual([begun.State, begun.ReplayArn], ["STARTING", `${ARNS}:replay/first`]);
  const again = await world.messages("again", 2);
  const expected = originals
    .map((body) => JSON.parse(body) as Record<string, unknown>)
    .filter(({ time }) => ["2026-01-01T12:01:00Z", "2026-01-01T12:02:00Z"].includes(String(time)))
    .map((event) => ({ ...event, "replay-name": "first" }));
  const byText = (a: object, b: object): number => JSON.stringify(a).localeCompare(JSON.stringify(b));
  assert.deepEqual(
    again.map(({ body }) => JSON.parse(body) as Record<string, unknown>).toSorted(byText),
    expected.toSorted(byText),
  );
  await until("the replay is over", async () => (await stateOf("first")) === "COMPLETED");
  const {
    $metadata: _,
    ReplayEndTime,
    ...over
  } = await events.send(new DescribeReplayCommand({ ReplayName: "first" }));
  assert.ok(ReplayEndTime instanceof Date);
  assert.deepEqual(over, {
    ReplayArn: `${ARNS}:replay/first`,
    ReplayName: "first",
    EventSourceArn: archiveArn("again"),
    State: "COMPLETED",
    EventStartTime: minutes(1),
    EventEndTime: minutes(2),
    EventLastReplayedTime: minutes(2),
    ReplayStartTime: begun.ReplayStartTime,
    Destination: { Arn: busArn("again") },
  });
  const { EventCount } = await events.send(new DescribeArchiveCommand({ ArchiveName: "again" }));
  assert.equal(EventCount, 4, "what was replayed is not archived again");

  await start("nobody", "again", minutes(0), minutes(3), { FilterArns: [`${ARNS}:rule/again/other`] });
  await until("the replay is over", async () => (await stateOf("nobody")) === "COMPLETED");
  assert.deepEqual(await world.drain("again"), []);
  await start("one", "again", minutes(0), minutes(0.5), { FilterArns: [`${ARNS}:rule/again/all`] });
  assert.equal((await world.messages("again", 1)).length, 1);
});

test("what is refused, in AWS's words", async () => {
  const { events } = world;
  await archived("refused");
  const create = (ArchiveName: string, more: object = {}) =>
    failure(
      events.send(new CreateArchiveCommand({ ArchiveName, EventSourceArn: busArn("refused"), ...more })),
    );
  const missing = (what: string) => ["ResourceNotFoundException", `${what} does not exist.`];
  assert.deepEqual(await create("refused"), [
    "ResourceAlreadyExistsException",
    "Archive refused already exists.",
  ]);
  assert.deepEqual(await create("x", { EventSourceArn: busArn("none") }), missing("Event bus none"));
  assert.equal((await create("x", { EventPattern: "{" }))[0], "InvalidEventPatternException");
  assert.match((await create("x", { KmsKeyIdentifier: "key" }))[1], /not implemented by Lambent/u);
  const none = { ArchiveName: "none" };
  for (const command of [
    new DescribeArchiveCommand(none),
    new UpdateArchiveCommand(none),
    new DeleteArchiveCommand(none),
  ]) {
    assert.deepEqual(await failure(events.send(command as DescribeArchiveCommand)), missing("Archive none"));
  }
  const update = { ArchiveName: "refused", EventPattern: "{" };
  assert.equal(
    (await failure(events.send(new UpdateArchiveCommand(update))))[0],
    "InvalidEventPatternException",
  );
  const list = new ListArchivesCommand({ EventSourceArn: busArn("none") });
  assert.deepEqual(await failure(events.send(list)), missing("Event bus none"));

  const invalid = (what: string) => ["ValidationException", `Parameter ${what}`];
  const begin = (name: string, from: Date, to: Date, more?: object) =>
    failure(start("r", name, from, to, more));
  assert.deepEqual(
    await begin("none", minutes(0), minutes(1), { Arn: busArn("refused") }),
    invalid("EventSourceArn is not valid. Reason: Archive none does not exist."),
  );
  assert.deepEqual(await begin("none", minutes(0), minutes(1)), missing("Event bus none"));
  for (const end of [0, -10]) {
    assert.deepEqual(
      await begin("refused", minutes(0), minutes(end)),
      invalid("EventEndTime is not valid. Reason: EventStartTime must be before EventEndTime."),
    );
  }
  assert.deepEqual(
    await begin("refused", minutes(0), minutes(1), { Arn: busArn("default") }),
    invalid("Destination.Arn is not valid. Reason: Cross event bus replay is not permitted."),
  );
  assert.deepEqual(
    await begin("refused", minutes(0), minutes(1), { Arn: "arn:aws:sqs:us-east-1:000000000000:q" }),
    invalid("Destination.Arn is not valid. Reason: Must contain an event bus ARN."),
  );
  await start("r", "refused", minutes(0), minutes(1));
  assert.deepEqual(await begin("refused", minutes(0), minutes(1)), [
    "ResourceAlreadyExistsException",
    "Replay r already exists.",
  ]);
  await until("the replay is over", async () => (await stateOf("r")) === "COMPLETED");
  assert.deepEqual(await failure(events.send(new CancelReplayCommand({ ReplayName: "r" }))), [
    "IllegalStatusException",
    "Replay r is not in a valid state for this operation.",
  ]);
  const unknown = { ReplayName: "none" };
  assert.deepEqual(await failure(events.send(new DescribeReplayCommand(unknown))), missing("Replay none"));
  assert.deepEqual(await failure(events.send(new CancelReplayCommand(unknown))), missing("Replay none"));
});

test("no more archives than AWS lets an account have", async () => {
  const events = world.eventsIn("eu-west-1");
  const EventSourceArn = `arn:aws:events:eu-west-1:${ACCOUNT}:event-bus/default`;
  for (let at = 0; at < 100; at += 1)
    await events.send(new CreateArchiveCommand({ ArchiveName: `a${String(at)}`, EventSourceArn }));
  assert.deepEqual(
    await failure(events.send(new CreateArchiveCommand({ ArchiveName: "more", EventSourceArn }))),
    ["LimitExceededException", "The requested resource exceeds the maximum number allowed."],
  );
});

test("archives and replays outlive the server", async () => {
  const dataDir = mkdtempSync(join(tmpdir(), "lambent-events-archives-"));
  const flags = ["--pool", "0"];
  let server = await startServer({ dataDir, flags });
  try {
    const first = worldOf(server);
    const EventSourceArn = busArn("default");
    for (const ArchiveName of ["kept", "gone"])
      await first.events.send(new CreateArchiveCommand({ ArchiveName, EventSourceArn }));
    await put(first.events, "default", minutes(0), minutes(1));
    await first.events.send(new UpdateArchiveCommand({ ArchiveName: "kept", Description: "kept" }));
    await first.events.send(new DeleteArchiveCommand({ ArchiveName: "gone" }));
    await first.events.send(
      new StartReplayCommand({
        ReplayName: "r",
        EventSourceArn: archiveArn("kept"),
        EventStartTime: minutes(0),
        EventEndTime: minutes(1),
        Destination: { Arn: EventSourceArn },
      }),
    );
    await server.kill();
    server = await startServer({ dataDir, flags, port: server.port });
    const second = worldOf(server);
    const { Archives = [] } = await second.events.send(new ListArchivesCommand({}));
    assert.deepEqual(
      Archives.map(({ ArchiveName, EventCount }) => [ArchiveName, EventCount]),
      [["kept", 2]],
    );
    await until("the replay goes on to its end", async () => {
      const { State } = await second.events.send(new DescribeReplayCommand({ ReplayName: "r" }));
      return State === "COMPLETED";
    });
    for (const operation of ["CreateArchive", "UpdateArchive", "DeleteArchive", "StartReplay"])
      saw(operation, "persistence");
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
