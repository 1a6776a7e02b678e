/**
 * What may go: events past their group's retention, events of groups that are gone, and the oldest
 * days when the disk budget is used up.
 */
import type { Clock, Timer } from "../../kernel/clock.ts";
import type { Logger } from "../../kernel/log.ts";
import { dayOf, endOfDay } from "./chunk.ts";
import type { DayFiles } from "./day-files.ts";
import { FUNCTION_GROUP_PREFIX, type LogGroup } from "./model.ts";
import type { LogStore } from "./store.ts";

const DAY_MS = 86_400_000;
const SWEEP_EVERY_MS = 3_600_000;

export interface RetentionLimits {
  /** Days for function groups that set no retention: a budget of this disk, not a setting of the group. */
  readonly functionDays: number;
  readonly diskBytes: number;
}

export const RETENTION_DEFAULTS: RetentionLimits = { functionDays: 7, diskBytes: 2_147_483_648 };

/** Events before this are never shown: the group's own retention, to the millisecond. */
export function visibleFrom(group: LogGroup, now: number): number {
  return group.retentionDays === undefined ? 0 : Math.max(0, now - group.retentionDays * DAY_MS);
}

/** Chunks of the group that end before this are deleted by the sweep. */
export function keptFrom(group: LogGroup, now: number, limits: RetentionLimits): number {
  if (group.retentionDays !== undefined) return visibleFrom(group, now);
  return group.name.startsWith(FUNCTION_GROUP_PREFIX) ? now - limits.functionDays * DAY_MS : 0;
}

export interface RetentionDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly store: LogStore;
  readonly files: DayFiles;
  readonly limits: RetentionLimits;
}

export interface Retention {
  start(): void;
  /** Counts what was stored; the budget is checked again after every twentieth of it. */
  stored(bytes: number): void;
  /** One pass over all files; resolves with what it deleted. */
  sweep(): Promise<{ readonly days: number; readonly chunks: number }>;
  stop(): Promise<void>;
}

export function createRetention(deps: RetentionDeps): Retention {
  const { clock, files, store, limits, log } = deps;
  let timer: Timer | undefined;
  let running: Promise<unknown> = Promise.resolve();
  let unchecked = 0;

  async function dropExpired(): Promise<{ days: number; chunks: number }> {
    const now = clock.now();
    const dropped = { days: 0, chunks: 0 };
    for (const day of files.days()) {
      const left = await files.use(day, async (database) => {
        const rows = await database.read("SELECT DISTINCT group_id FROM log_stream_days");
        // Read after the rows: a group is there before its first chunk is, so none looks gone that is new.
        const groups = new Map((await store.everyGroup()).map((group) => [group.groupId, group]));
        let kept = rows.length;
        for (const { group_id: id } of rows) {
          const group = groups.get(String(id));
          const from = group === undefined ? Infinity : keptFrom(group, now, limits);
          if (endOfDay(day) > from && group !== undefined) continue;
          dropped.chunks += 1;
          kept -= 1;
          const params = [String(id)];
          await database.commit([
            { sql: "DELETE FROM log_chunks WHERE group_id = ?", params },
            { sql: "DELETE FROM log_stream_days WHERE group_id = ?", params },
          ]);
        }
        return kept;
      });
      if (left === 0 && day !== dayOf(now)) {
        await files.remove(day);
        dropped.days += 1;
      }
    }
    return dropped;
  }

  async function keepBudget(): Promise<number> {
    let removed = 0;
    const days = [...files.days()];
    const sizes = await Promise.all(days.map((day) => files.bytes(day)));
    let total = sizes.reduce((sum, size) => sum + size, 0);
    for (const [index, day] of days.entries()) {
      if (total <= limits.diskBytes) return removed;
      if (index === days.length - 1) {
        await dropOldestOf(day);
        return removed;
      }
      log.warn(
        { day, diskBytes: limits.diskBytes },
        "the oldest day of logs is deleted: the disk budget is used up",
      );
      await files.remove(day);
      total -= sizes[index] ?? 0;
      removed += 1;
    }
    return removed;
  }

  /**
   * One day alone is over the budget: the older half of its time goes. The file does not shrink; its
   * pages are used again. Sizes of streams cut in two are guessed: counting them would read all chunks.
   */
  async function dropOldestOf(day: string): Promise<void> {
    await files.use(day, async (database) => {
      const [stored] = await database.read(
        "SELECT SUM(bytes) AS bytes, MIN(first_ts) AS low, MAX(last_ts) AS high FROM log_stream_days",
      );
      if (stored === undefined || Number(stored["bytes"]) <= limits.diskBytes * 0.75) return;
      const middle = Math.floor((Number(stored["low"]) + Number(stored["high"])) / 2);
      log.warn(
        { day, diskBytes: limits.diskBytes },
        "older logs of the day are deleted: the disk budget is used up",
      );
      await database.commit([
        { sql: "DELETE FROM log_chunks WHERE last_ts < ?", params: [middle] },
        { sql: "DELETE FROM log_stream_days WHERE last_ts < ?", params: [middle] },
        {
          sql: "UPDATE log_stream_days SET first_ts = ?, bytes = bytes / 2 WHERE first_ts < ?",
          params: [middle, middle],
        },
      ]);
    });
  }

  async function sweep(): Promise<{ days: number; chunks: number }> {
    unchecked = 0;
    const expired = await dropExpired();
    return { days: expired.days + (await keepBudget()), chunks: expired.chunks };
  }

  /** One sweep at a time. */
  function sweepInTurn(): Promise<{ days: number; chunks: number }> {
    const mine = running.then(sweep);
    running = mine.catch(() => undefined);
    return mine;
  }

  function sweepSafely(): void {
    sweepInTurn().catch((error: unknown) => {
      log.warn({ error: String(error) }, "old log events could not be deleted; the next sweep tries again");
    });
  }

  function again(): void {
    timer = clock.timer(SWEEP_EVERY_MS, () => {
      sweepSafely();
      again();
    });
  }

  return {
    start: again,
    stored(bytes) {
      unchecked += bytes;
      if (unchecked < limits.diskBytes / 20) return;
      unchecked = 0;
      sweepSafely();
    },
    sweep: sweepInTurn,
    async stop() {
      timer?.cancel();
      await running;
    },
  };
}
