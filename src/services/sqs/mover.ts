/**
 * Message move tasks: what lies in a dead-letter queue goes back to where it came from, or to another
 * queue. A task is a row, its progress is committed with the messages it moves, and it goes on after a
 * restart.
 *
 * A step: read the first visible messages that were there when the task began; give each a new number, id
 * and time in its destination, guarded by its receive count; count them. Then wait as long as the asked
 * rate wants. No more such messages: the task is completed.
 */
import type { Clock, Timer } from "../../kernel/clock.ts";
import type { Logger } from "../../kernel/log.ts";
import type { Random } from "../../kernel/random.ts";
import { optionalNumber } from "../../ports/columns.ts";
import { Conflict, type Database, type Statement } from "../../ports/database.ts";
import type { Directory, Queue } from "./directory.ts";
import { settleGroup } from "./fifo.ts";

export type MoveStatus = "RUNNING" | "COMPLETED" | "CANCELLING" | "CANCELLED" | "FAILED";

export interface MoveTask {
  readonly taskId: string;
  readonly sourceArn: string;
  readonly destinationArn: string | undefined;
  readonly perSecond: number | undefined;
  readonly status: MoveStatus;
  readonly failure: string | undefined;
  readonly startedAt: number;
  readonly toMove: number;
  readonly moved: number;
  /** Messages up to here were there when the task began. */
  readonly lastSeq: number;
}

export interface MoverDeps {
  readonly database: Database;
  readonly directory: Directory;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly nextSeq: () => number;
  readonly arrived: (queue: Queue, count: number) => void;
}

export interface Mover {
  start(task: {
    source: Queue;
    destinationArn: string | undefined;
    perSecond: number | undefined;
    toMove: number;
  }): Promise<MoveTask>;
  /** Latest first. */
  list(sourceArn: string, limit: number): Promise<MoveTask[]>;
  find(taskId: string): Promise<MoveTask | undefined>;
  /** Stops it after the step under way. Resolves with how many were moved; undefined when it was not running. */
  cancel(taskId: string): Promise<number | undefined>;
  /** Goes on with the tasks an earlier server left running. */
  resume(): Promise<void>;
  close(): Promise<void>;
}

/** AWS's own highest rate, and what a task without a rate gets here. */
export const MOVES_PER_SECOND_MAX = 500;
const STEP_MAX = 50;

interface TaskRow {
  readonly task_id: string;
  readonly source_arn: string;
  readonly destination_arn: string | null;
  readonly per_second: number | null;
  readonly status: MoveStatus;
  readonly failure: string | null;
  readonly started_at: number;
  readonly to_move: number;
  readonly moved: number;
  readonly last_seq: number;
}

interface Moving {
  readonly seq: number;
  readonly receive_count: number;
  readonly group_id: string | null;
  readonly source_arn: string | null;
}

export function createMover(deps: MoverDeps): Mover {
  const { database, directory, clock, random, log } = deps;
  const timers = new Map<string, Timer>();
  let running: Promise<unknown> = Promise.resolve();
  let closed = false;

  async function find(taskId: string): Promise<MoveTask | undefined> {
    const [row] = await database.read<TaskRow>("SELECT * FROM sqs_move_tasks WHERE task_id = ?", [taskId]);
    return row === undefined ? undefined : fromRow(row);
  }

  function finish(taskId: string, status: MoveStatus, failure?: string): Promise<unknown> {
    return database.commit([
      {
        sql: "UPDATE sqs_move_tasks SET status = ?, failure = ? WHERE task_id = ?",
        params: [status, failure ?? null, taskId],
      },
    ]);
  }

  /** Where a message goes; a string says why it goes nowhere. */
  function destinationOf(task: MoveTask, message: Moving): Queue | string {
    const arn = task.destinationArn ?? message.source_arn;
    if (arn === null) return "CouldNotDetermineMessageSource";
    return directory.byArn(arn) ?? "AWS.SimpleQueueService.NonExistentQueue";
  }

  /** Resolves with how many were moved, or undefined when the task is over. */
  async function step(taskId: string): Promise<number | undefined> {
    const task = await find(taskId);
    if (task === undefined || task.status !== "RUNNING") {
      if (task?.status === "CANCELLING") await finish(taskId, "CANCELLED");
      return undefined;
    }
    const source = directory.byArn(task.sourceArn);
    if (source === undefined) {
      await finish(taskId, "FAILED", "AWS.SimpleQueueService.NonExistentQueue");
      return undefined;
    }
    const now = clock.now();
    const messages = await database.read<Moving>(
      `SELECT seq, receive_count, group_id, source_arn FROM sqs_messages
        WHERE box_id = ? AND seq <= ? AND visible_at <= ? ORDER BY seq LIMIT ?`,
      [source.boxId, task.lastSeq, now, stepSize(task.perSecond)],
    );
    if (messages.length === 0) {
      await finish(taskId, "COMPLETED");
      return undefined;
    }
    const unit: Statement[] = [];
    const into = new Map<Queue, number>();
    let failure: string | undefined;
    for (const message of messages) {
      const destination = destinationOf(task, message);
      if (typeof destination === "string") {
        failure = destination;
        break;
      }
      unit.push(...move(source, destination, message, now));
      into.set(destination, (into.get(destination) ?? 0) + 1);
    }
    const moved = [...into.values()].reduce((sum, count) => sum + count, 0);
    unit.push({
      sql: "UPDATE sqs_move_tasks SET moved = moved + ? WHERE task_id = ?",
      params: [moved, taskId],
    });
    try {
      await database.commit(unit);
    } catch (error) {
      // A receiver was faster with one of them.
      if (error instanceof Conflict) return 0;
      throw error;
    }
    for (const [queue, count] of into) deps.arrived(queue, count);
    if (failure === undefined) return moved;
    await finish(taskId, "FAILED", failure);
    return undefined;
  }

  function move(from: Queue, to: Queue, message: Moving, now: number): readonly Statement[] {
    const seq = deps.nextSeq();
    const groupId = message.group_id;
    return [
      {
        sql: `UPDATE sqs_messages SET box_id = ?, seq = ?, visible_at = ?, sent_at = ?, receive_count = 0,
            first_received_at = NULL, received_at = NULL, source_arn = NULL
          WHERE box_id = ? AND seq = ? AND receive_count = ? AND visible_at <= ?`,
        params: [to.boxId, seq, now, now, from.boxId, message.seq, message.receive_count, now],
        expect: 1,
      },
      {
        sql: "UPDATE sqs_bodies SET seq = ?, message_id = ? WHERE seq = ?",
        params: [seq, random.uuid(), message.seq],
      },
      ...(groupId === null
        ? []
        : [
            {
              sql: `INSERT INTO sqs_groups (box_id, group_id, ready_at) VALUES (?, ?, ?)
                ON CONFLICT (box_id, group_id) DO NOTHING`,
              params: [to.boxId, groupId, now],
            },
            ...settleGroup(from.boxId, groupId, now),
          ]),
    ];
  }

  function schedule(task: MoveTask, ms: number): void {
    if (closed) return;
    const timer = clock.timer(ms, () => {
      timers.delete(task.taskId);
      running = Promise.all([running, turn(task)]).then(() => undefined);
    });
    timers.set(task.taskId, timer);
  }

  async function turn(task: MoveTask): Promise<void> {
    if (closed) return;
    try {
      const moved = await step(task.taskId);
      if (moved === undefined) return;
      const rate = task.perSecond ?? MOVES_PER_SECOND_MAX;
      schedule(task, (Math.max(1, moved) / rate) * 1000);
    } catch (error) {
      log.warn(
        { task: task.taskId, error: String(error) },
        "a message move task could not go on; tried again soon",
      );
      schedule(task, 5000);
    }
  }

  return {
    find,
    async start({ source, destinationArn, perSecond, toMove }) {
      const task: MoveTask = {
        taskId: random.uuid(),
        sourceArn: source.arn,
        destinationArn,
        perSecond,
        status: "RUNNING",
        failure: undefined,
        startedAt: clock.now(),
        toMove,
        moved: 0,
        lastSeq: deps.nextSeq(),
      };
      await database.commit([
        {
          sql: `INSERT INTO sqs_move_tasks
            (task_id, source_arn, destination_arn, per_second, status, started_at, to_move, moved, last_seq)
            VALUES (?, ?, ?, ?, ?, ?, ?, 0, ?)`,
          params: [
            task.taskId,
            task.sourceArn,
            destinationArn ?? null,
            perSecond ?? null,
            task.status,
            task.startedAt,
            toMove,
            task.lastSeq,
          ],
        },
      ]);
      schedule(task, 0);
      return task;
    },
    async list(sourceArn, limit) {
      const rows = await database.read<TaskRow>(
        "SELECT * FROM sqs_move_tasks WHERE source_arn = ? ORDER BY started_at DESC, last_seq DESC LIMIT ?",
        [sourceArn, limit],
      );
      return rows.map(fromRow);
    },
    async cancel(taskId) {
      const [rows] = await database.commit([
        {
          sql: "UPDATE sqs_move_tasks SET status = 'CANCELLING' WHERE task_id = ? AND status = 'RUNNING' RETURNING moved",
          params: [taskId],
        },
      ]);
      const row = rows?.[0];
      return row === undefined ? undefined : Number(row["moved"]);
    },
    async resume() {
      const rows = await database.read<TaskRow>(
        "SELECT * FROM sqs_move_tasks WHERE status IN ('RUNNING', 'CANCELLING')",
      );
      for (const row of rows) schedule(fromRow(row), 0);
    },
    async close() {
      closed = true;
      for (const timer of timers.values()) timer.cancel();
      await running;
    },
  };
}

/** A tenth of a second's worth at a time. */
function stepSize(perSecond: number | undefined): number {
  return Math.max(1, Math.min(STEP_MAX, Math.floor((perSecond ?? MOVES_PER_SECOND_MAX) / 10)));
}

function fromRow(row: TaskRow): MoveTask {
  return {
    taskId: row.task_id,
    sourceArn: row.source_arn,
    destinationArn: row.destination_arn ?? undefined,
    perSecond: optionalNumber(row.per_second),
    status: row.status,
    failure: row.failure ?? undefined,
    startedAt: Number(row.started_at),
    toMove: Number(row.to_move),
    moved: Number(row.moved),
    lastSeq: Number(row.last_seq),
  };
}
