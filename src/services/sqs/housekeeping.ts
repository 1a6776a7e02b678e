/**
 * What goes by itself: messages past their retention, boxes of purged and deleted queues, deduplication
 * ids older than five minutes. In steps of a few hundred rows, one step a commit, so that nobody's send
 * waits behind a million deletions. Nothing runs while there is nothing to do: one timer stands at the
 * next moment something can expire.
 */
import type { Clock, Timer } from "../../kernel/clock.ts";
import type { Logger } from "../../kernel/log.ts";
import type { Database } from "../../ports/database.ts";
import { RENAME_AFTER_MS, type Directory, type Queue } from "./directory.ts";
import { settleGroup } from "./fifo.ts";

export interface Housekeeping {
  /** Deletes what is past the queue's retention now. Resolves with how many messages. */
  expire(queue: Queue): Promise<number>;
  /** Something was stored that expires at about this time (epoch ms). */
  due(at: number): void;
  /** Ends the timer; resolves when the step under way is done. */
  close(): Promise<void>;
}

const STEP_ROWS = 500;
/** Late by this much at the most; so that a stream of sends does not make a stream of sweeps. */
const SLACK_MS = 1000;

export function createHousekeeping(deps: {
  database: Database;
  directory: Directory;
  clock: Clock;
  log: Logger;
}): Housekeeping {
  const { database, directory, clock, log } = deps;
  let timer: Timer | undefined;
  let timerAt = Infinity;
  let running: Promise<unknown> = Promise.resolve();
  const stopping = new AbortController();

  async function expire(queue: Queue): Promise<number> {
    let deleted = 0;
    while (!stopping.signal.aborted) {
      const now = clock.now();
      const oldest = await database.read<{ seq: number; sent_at: number; group_id: string | null }>(
        "SELECT seq, sent_at, group_id FROM sqs_messages WHERE box_id = ? ORDER BY seq LIMIT ?",
        [queue.boxId, STEP_ROWS],
      );
      const expired = oldest.filter((row) => Number(row.sent_at) <= now - queue.settings.retentionMs);
      if (expired.length === 0) return deleted;
      const groups = new Set(expired.flatMap((row) => (row.group_id === null ? [] : [row.group_id])));
      const last = Math.max(...expired.map((row) => Number(row.seq)));
      const cutoff = now - queue.settings.retentionMs;
      const which = "SELECT seq FROM sqs_messages WHERE box_id = ? AND seq <= ? AND sent_at <= ?";
      await database.commit([
        { sql: `DELETE FROM sqs_bodies WHERE seq IN (${which})`, params: [queue.boxId, last, cutoff] },
        {
          sql: "DELETE FROM sqs_messages WHERE box_id = ? AND seq <= ? AND sent_at <= ?",
          params: [queue.boxId, last, cutoff],
        },
        ...[...groups].flatMap((groupId) => settleGroup(queue.boxId, groupId, now)),
      ]);
      deleted += expired.length;
    }
    return deleted;
  }

  async function nextExpiry(queue: Queue): Promise<number | undefined> {
    const [row] = await database.read<{ sent_at: number }>(
      "SELECT sent_at FROM sqs_messages WHERE box_id = ? ORDER BY seq LIMIT 1",
      [queue.boxId],
    );
    return row === undefined ? undefined : Number(row.sent_at) + queue.settings.retentionMs;
  }

  async function clearGarbage(): Promise<void> {
    while (!stopping.signal.aborted) {
      const [box] = await database.read<{ box_id: number }>("SELECT box_id FROM sqs_garbage LIMIT 1");
      if (box === undefined) return;
      const some = `SELECT seq FROM sqs_messages WHERE box_id = ? ORDER BY seq LIMIT ${String(STEP_ROWS)}`;
      const params = [box.box_id];
      const [, gone] = await database.commit([
        { sql: `DELETE FROM sqs_bodies WHERE seq IN (${some})`, params },
        {
          sql: `DELETE FROM sqs_messages WHERE box_id = ? AND seq IN (${some}) RETURNING seq`,
          params: [box.box_id, box.box_id],
        },
      ]);
      if ((gone?.length ?? 0) === STEP_ROWS) continue;
      const rest = (table: string, key: string): string =>
        `DELETE FROM ${table} WHERE box_id = ? AND ${key} IN
          (SELECT ${key} FROM ${table} WHERE box_id = ? LIMIT ${String(STEP_ROWS)}) RETURNING box_id`;
      const twice = [box.box_id, box.box_id];
      const [groups, notes] = await database.commit([
        { sql: rest("sqs_groups", "group_id"), params: twice },
        { sql: rest("sqs_deduplication", "deduplication_id"), params: twice },
      ]);
      if ((groups?.length ?? 0) > 0 || (notes?.length ?? 0) > 0) continue;
      await database.commit([{ sql: "DELETE FROM sqs_garbage WHERE box_id = ?", params }]);
    }
  }

  async function forgetDeduplication(): Promise<number | undefined> {
    while (!stopping.signal.aborted) {
      const rows = await database.read<{ expires_at: number }>(
        "SELECT expires_at FROM sqs_deduplication ORDER BY expires_at LIMIT ?",
        [STEP_ROWS],
      );
      const expired = rows.filter((row) => Number(row.expires_at) <= clock.now());
      if (expired.length === 0) return rows[0] === undefined ? undefined : Number(rows[0].expires_at);
      await database.commit([
        {
          sql: "DELETE FROM sqs_deduplication WHERE expires_at <= ?",
          params: [Number(expired.at(-1)?.expires_at)],
        },
      ]);
    }
    return undefined;
  }

  /** Clears everything that may go now. Resolves with the time of the next look, if there is any. */
  async function sweepNow(): Promise<number | undefined> {
    await clearGarbage();
    const times: number[] = [];
    for (const queue of directory.all()) {
      await expire(queue);
      const at = await nextExpiry(queue);
      if (at !== undefined) times.push(at);
    }
    const note = await forgetDeduplication();
    if (note !== undefined) times.push(note);
    await database.commit([
      {
        sql: "DELETE FROM sqs_deleted_queues WHERE deleted_at <= ?",
        params: [clock.now() - RENAME_AFTER_MS],
      },
    ]);
    return times.length === 0 ? undefined : Math.min(...times);
  }

  function sweep(): Promise<number | undefined> {
    const mine = running.then(sweepNow);
    running = mine.catch(() => undefined);
    return mine;
  }

  function due(at: number): void {
    if (stopping.signal.aborted || at >= timerAt) return;
    timer?.cancel();
    timerAt = at;
    timer = clock.timer(Math.max(0, at - clock.now()) + SLACK_MS, () => {
      timerAt = Infinity;
      sweep().then(
        (next) => {
          if (next !== undefined) due(next);
        },
        (error: unknown) => {
          log.warn({ error: String(error) }, "old messages could not be deleted; tried again in a minute");
          due(clock.now() + 60_000);
        },
      );
    });
  }

  return {
    expire,
    due,
    async close() {
      stopping.abort();
      timer?.cancel();
      await running;
    },
  };
}
