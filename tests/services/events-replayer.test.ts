/** Replays that stand still, and archives that forget: over a real file, with a clock that is told the time. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { openDatabase } from "../../src/adapters/embedded/database.ts";
import type { Relay } from "../../src/events/outbox/relay.ts";
import { silentLogger } from "../../src/kernel/log.ts";
import { systemRandom } from "../../src/kernel/random.ts";
import { createEvents, type Events, migrations } from "../../src/services/events/index.ts";
import { type FakeClock, fakeClock } from "../../src/testing/fake-clock.ts";
import { until } from "../e2e/server.ts";
import { ACCOUNT, type Call, createCall, REGION, saw } from "./in-process.ts";

const ARNS = `arn:aws:events:${REGION}:${ACCOUNT}`;
const BUS = `${ARNS}:event-bus/default`;
const HOUR_MS = 3_600_000;

/** No event goes anywhere: what reaches the rules is seen elsewhere. */
const NO_RELAY = { use: () => undefined, within: () => [], wake: () => undefined } as unknown as Relay;

interface Opened {
  readonly clock: FakeClock;
  readonly events: Events;
  readonly call: Call;
  /** Another service over the same rows. */
  again(): Opened;
}

async function open(t: TestContext): Promise<Opened> {
  const folder = await mkdtemp(join(tmpdir(), "lambent-replays-"));
  const clock = fakeClock();
  const log = silentLogger;
  const path = join(folder, "state.db");
  const database = await openDatabase({ path, synchronous: "normal", migrations, log, clock });
  const made: Events[] = [];
  t.after(async () => {
    for (const one of made) await one.close();
    await database.close();
    await rm(folder, { recursive: true });
  });
  const again = (): Opened => {
    const random = systemRandom();
    const peers = () => assert.fail("nobody is asked");
    const events = createEvents({ clock, random, log, database, relay: NO_RELAY, peers });
    made.push(events);
    return { clock, events, call: createCall({ services: [events.service], clock, random, log }), again };
  };
  return again();
}

test("ten replays at once, and those that go on can be cancelled", async (t) => {
  const { call, clock, again } = await open(t);
  await call("events", "CreateArchive", { ArchiveName: "a", EventSourceArn: BUS });
  const start = (at: number): Promise<unknown> =>
    call("events", "StartReplay", {
      ReplayName: `r${String(at)}`,
      EventSourceArn: `${ARNS}:archive/a`,
      EventStartTime: new Date(clock.now() - HOUR_MS),
      EventEndTime: new Date(clock.now()),
      Destination: { Arn: BUS },
    });
  for (let at = 0; at < 10; at += 1) await start(at);
  await assert.rejects(start(10), {
    code: "LimitExceededException",
    message: "The requested resource exceeds the maximum number allowed.",
  });
  assert.deepEqual(await call("events", "CancelReplay", { ReplayName: "r0" }), {
    ReplayArn: `${ARNS}:replay/r0`,
    State: "CANCELLING",
  });
  await start(10);

  const next = again();
  next.events.start();
  const states = async (): Promise<Record<string, string>> => {
    const { Replays } = await next.call("events", "ListReplays", {});
    return Object.fromEntries(
      (Replays as { ReplayName: string; State: string }[]).map((one) => [one.ReplayName, one.State]),
    );
  };
  await until("the others are over", async () => {
    const { r0, ...others } = await states();
    assert.equal(r0, "CANCELLED");
    return Object.values(others).every((state) => state === "COMPLETED");
  });
  saw("events", "CancelReplay", "persistence");
});

test("what is older than an archive keeps is deleted within the hour", async (t) => {
  const { call, clock, events } = await open(t);
  events.start();
  for (const [ArchiveName, RetentionDays] of [
    ["short", 1],
    ["long", 0],
  ])
    await call("events", "CreateArchive", { ArchiveName, EventSourceArn: BUS, RetentionDays });
  const put = (): Promise<unknown> =>
    call("events", "PutEvents", { Entries: [{ Source: "s", DetailType: "t", Detail: "{}" }] });
  const count = async (ArchiveName: string): Promise<number> =>
    (await call("events", "DescribeArchive", { ArchiveName })).EventCount as number;
  await put();
  await clock.advanceAsync(23 * HOUR_MS);
  await put();
  assert.deepEqual([await count("short"), await count("long")], [2, 2]);
  await until("the first one is forgotten", async () => {
    if ((await count("short")) === 2) await clock.advanceAsync(HOUR_MS);
    return (await count("short")) === 1;
  });
  assert.equal(await count("long"), 2);
  assert.ok(clock.now() < Date.UTC(2026, 0, 2, 3, 4, 5) + 47 * HOUR_MS, "the second one was not too old");
});
