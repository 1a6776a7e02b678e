/**
 * Replays: events of an archive go to the rules of its bus once more.
 *
 *   1. A step takes the next events in the order of their own times. Their deliveries and the place that
 *      was reached are one unit, which takes effect only while the replay has not been cancelled.
 *   2. When nothing is left up to the end that was asked for, it is completed.
 *   3. A restart goes on from the place that was reached.
 *
 * Once an hour, while an archive keeps its events for some days only, those that are older are deleted.
 */
import type { Clock, Timer } from "../../kernel/clock.ts";
import type { Logger } from "../../kernel/log.ts";
import { Conflict } from "../../ports/database.ts";
import type { Delivery, Outbox } from "../../ports/outbox.ts";
import { type ArchiveStore, expireArchived, updateReplay } from "./archive-store.ts";
import { REPLAY_NAME } from "./archiver.ts";
import { replayedEvent } from "./event.ts";
import type { Replay } from "./model.ts";
import type { Router } from "./router.ts";
import type { EventsStore } from "./store.ts";

export interface Replayer {
  start(): void;
  /** A replay was started. */
  run(replay: Replay): void;
  /** An archive may keep its events for some days only. */
  retain(): void;
  close(): Promise<void>;
}

export interface ReplayerDeps {
  readonly archives: ArchiveStore;
  readonly store: EventsStore;
  readonly router: Router;
  readonly outbox: Outbox;
  readonly clock: Clock;
  readonly log: Logger;
}

const EVENTS_A_STEP = 50;
/** After a failure of the store. */
const AGAIN_MS = 1_000;
const SWEEP_MS = 3_600_000;
const SWEPT_AT_ONCE = 500;
const DAY_MS = 86_400_000;

export function createReplayer(deps: ReplayerDeps): Replayer {
  const { archives, store, router, outbox, clock, log } = deps;
  const running = new Set<Promise<void>>();
  const life = { open: false };
  let sweep: Timer | undefined;

  function background(work: Promise<void>): void {
    const done = work
      .catch((error: unknown) => log.warn({ error: String(error) }, "archives could not be read"))
      .finally(() => running.delete(done));
    running.add(done);
  }

  async function goThrough(replay: Replay): Promise<void> {
    let last = { timeMs: replay.lastMs ?? replay.fromMs, eventId: replay.lastId };
    while (life.open) {
      try {
        const reached = await step(replay, last);
        if (reached === undefined) return;
        last = reached;
      } catch (error) {
        // It was cancelled.
        if (error instanceof Conflict) return;
        log.warn({ replay: replay.replay, error: String(error) }, "a replay waits");
        await clock.sleep(AGAIN_MS);
      }
    }
  }

  /** The place that was reached; undefined at the end. */
  async function step(
    replay: Replay,
    last: { readonly timeMs: number; readonly eventId: string },
  ): Promise<typeof last | undefined> {
    const events = await archives.events(replay.archiveArn, last, replay.untilMs, EVENTS_A_STEP);
    const end = events.at(-1);
    if (end === undefined) {
      await store.commit([updateReplay(replay, { state: "COMPLETED", endedMs: clock.now() })]);
      return undefined;
    }
    const deliveries: Delivery[] = [];
    for (const { body } of events) {
      const event = replayedEvent(body, REPLAY_NAME, replay.replay, clock.now());
      deliveries.push(...(await router.deliveries(replay.bus, event, replay.filterArns)));
    }
    await store.commit([updateReplay(replay, { state: "RUNNING", last: end }), ...outbox.within(deliveries)]);
    outbox.wake(deliveries);
    return end;
  }

  async function sweepAll(): Promise<void> {
    const kept = await archives.archivesWithRetention();
    for (const archive of kept) {
      const before = clock.now() - archive.retentionDays * DAY_MS;
      while (life.open && (await archives.hasOlder(archive, before)))
        await store.commit([expireArchived(archive, before, SWEPT_AT_ONCE)]);
    }
    if (life.open && kept.length > 0) sweep = clock.timer(SWEEP_MS, retain);
  }

  function retain(): void {
    sweep?.cancel();
    sweep = undefined;
    if (life.open) background(sweepAll());
  }

  async function resume(): Promise<void> {
    for (const replay of await archives.activeReplays()) background(goThrough(replay));
  }

  return {
    start() {
      life.open = true;
      background(resume());
      retain();
    },
    run(replay) {
      if (life.open) background(goThrough(replay));
    },
    retain,
    async close() {
      life.open = false;
      sweep?.cancel();
      await Promise.all(running);
    },
  };
}
