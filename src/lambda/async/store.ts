/**
 * The queue's table and every statement on it.
 *
 * A row is held by at most one owner: a queue object that lives. Owners keep one lease row each, so a
 * heartbeat costs one small update however many events are held. A held row's `due_at` is HELD: the
 * one index then starts with what can be claimed. `epoch` counts claims and fences every change: who
 * lost the row changes nothing.
 */
import type { Scope } from "../../kernel/scope.ts";
import { optionalText } from "../../ports/columns.ts";
import type { Database, Migration, Statement } from "../../ports/database.ts";

export const asyncMigrations: readonly Migration[] = [
  {
    id: "async/0001",
    sql: [
      `CREATE TABLE async_event (
        request_id TEXT PRIMARY KEY,
        target TEXT NOT NULL,
        qualifier TEXT,
        due_at BIGINT NOT NULL,
        accepted_at BIGINT NOT NULL,
        owner TEXT NOT NULL,
        epoch BIGINT NOT NULL,
        attempts BIGINT NOT NULL,
        backoffs BIGINT NOT NULL,
        client_context TEXT,
        trace_header TEXT,
        payload BYTEA NOT NULL
      )`,
      `CREATE INDEX async_event_due ON async_event (target, due_at, accepted_at)`,
      `CREATE TABLE async_owner (
        owner TEXT PRIMARY KEY,
        node TEXT NOT NULL,
        expires_at BIGINT NOT NULL
      )`,
    ],
  },
];

/** `due_at` of a held row: later than any time. */
const HELD = 9_000_000_000_000_000;
const NOBODY = "";

export interface QueuedEvent {
  readonly requestId: string;
  readonly scope: Scope;
  readonly functionName: string;
  readonly qualifier: string | undefined;
  readonly acceptedAt: number;
  readonly epoch: number;
  readonly attempts: number;
  readonly backoffs: number;
  readonly clientContext: string | undefined;
  readonly traceHeader: string | undefined;
  readonly payload: Uint8Array;
}

/** One function of one account and region, as the `target` column spells it. */
export function targetOf(scope: Scope, functionName: string): string {
  return `${scope.accountId}/${scope.region}/${functionName}`;
}

export function parseTarget(target: string): { scope: Scope; functionName: string } {
  const [accountId = "", region = "", functionName = ""] = target.split("/");
  return { scope: { accountId, region }, functionName };
}

/** A new event: held by `owner` from the start, or for anybody to claim. */
export function insertEvent(event: QueuedEvent, owner: string | undefined): Statement {
  return {
    sql: `INSERT INTO async_event (request_id, target, qualifier, due_at, accepted_at, owner, epoch,
      attempts, backoffs, client_context, trace_header, payload) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    params: [
      event.requestId,
      targetOf(event.scope, event.functionName),
      event.qualifier ?? null,
      owner === undefined ? event.acceptedAt : HELD,
      event.acceptedAt,
      owner ?? NOBODY,
      event.epoch,
      event.attempts,
      event.backoffs,
      event.clientContext ?? null,
      event.traceHeader ?? null,
      compact(event.payload),
    ],
    expect: 1,
  };
}

/** A view into a larger buffer would carry all of it to the writer thread. */
function compact(payload: Uint8Array): Uint8Array {
  return payload.byteLength === payload.buffer.byteLength ? payload : Uint8Array.from(payload);
}

export function removeEvent(event: QueuedEvent, owner: string): Statement {
  return {
    sql: "DELETE FROM async_event WHERE request_id = ? AND owner = ? AND epoch = ?",
    params: [event.requestId, owner, event.epoch],
    expect: 1,
  };
}

/** Gives the event back, to be claimed at `dueAt`. */
export function releaseEvent(
  event: QueuedEvent,
  owner: string,
  dueAt: number,
  attempts: number,
  backoffs: number,
): Statement {
  return {
    sql: `UPDATE async_event SET owner = '', due_at = ?, attempts = ?, backoffs = ?
      WHERE request_id = ? AND owner = ? AND epoch = ?`,
    params: [dueAt, attempts, backoffs, event.requestId, owner, event.epoch],
    expect: 1,
  };
}

/** Renews the owner's lease, or takes it out. */
export function renewLease(owner: string, node: string, expiresAt: number): Statement {
  return {
    sql: `INSERT INTO async_owner (owner, node, expires_at) VALUES (?, ?, ?)
      ON CONFLICT (owner) DO UPDATE SET expires_at = excluded.expires_at`,
    params: [owner, node, expiresAt],
    expect: 1,
  };
}

/** Everything an owner holds becomes due now. */
export function releaseOwner(owner: string, now: number): readonly Statement[] {
  return [
    { sql: "UPDATE async_event SET owner = '', due_at = ? WHERE owner = ?", params: [now, owner] },
    { sql: "DELETE FROM async_owner WHERE owner = ?", params: [owner] },
  ];
}

/**
 * Owners that are dead: their lease ran out, or they are earlier lives of this node (a node has one
 * queue at a time, so their events are free at once after a crash).
 */
export async function deadOwners(
  database: Database,
  self: { readonly owner: string; readonly node: string },
  now: number,
): Promise<string[]> {
  const rows = await database.read<{ owner: string }>(
    "SELECT owner FROM async_owner WHERE owner <> ? AND (node = ? OR expires_at < ?)",
    [self.owner, self.node, now],
  );
  return rows.map((row) => row.owner);
}

/** Owners of events that have no lease row at all: the commit of their lease failed. Reads the whole table. */
export async function strayOwners(database: Database, self: string): Promise<string[]> {
  const rows = await database.read<{ owner: string }>(
    `SELECT DISTINCT owner FROM async_event
      WHERE owner <> '' AND owner <> ? AND owner NOT IN (SELECT owner FROM async_owner)`,
    [self],
  );
  return rows.map((row) => row.owner);
}

/** Claims up to `count` due events of one function. */
export async function claimEvents(
  database: Database,
  owner: string,
  target: string,
  now: number,
  count: number,
  lease: Statement,
): Promise<QueuedEvent[]> {
  const lock = database.dialect === "postgres" ? " FOR UPDATE SKIP LOCKED" : "";
  const claim: Statement = {
    sql: `UPDATE async_event SET owner = ?, due_at = ?, epoch = epoch + 1 WHERE request_id IN
      (SELECT request_id FROM async_event WHERE target = ? AND due_at <= ? ORDER BY due_at LIMIT ?${lock})
      RETURNING request_id, qualifier, accepted_at, epoch, attempts, backoffs, client_context, trace_header, payload`,
    params: [owner, HELD, target, now, count],
  };
  const rows = (await database.commit([lease, claim]))[1] ?? [];
  const place = parseTarget(target);
  return rows
    .map((row) => ({
      requestId: String(row["request_id"]),
      ...place,
      qualifier: optionalText(row["qualifier"]),
      acceptedAt: Number(row["accepted_at"]),
      epoch: Number(row["epoch"]),
      attempts: Number(row["attempts"]),
      backoffs: Number(row["backoffs"]),
      clientContext: optionalText(row["client_context"]),
      traceHeader: optionalText(row["trace_header"]),
      payload: row["payload"] as Uint8Array,
    }))
    .toSorted((a, b) => a.acceptedAt - b.acceptedAt);
}

/** When the next unheld event of this function is due; undefined when there is none. */
export async function nextDue(database: Database, target: string): Promise<number | undefined> {
  const rows = await database.read<{ due: number | bigint | null }>(
    "SELECT min(due_at) AS due FROM async_event WHERE target = ?",
    [target],
  );
  return dueTime(rows[0]?.due);
}

/** The same for every function that has events: one index probe a function, however long the queue. */
export async function dueByTarget(database: Database): Promise<Map<string, number>> {
  const rows = await database.read<{ target: string; due: number | bigint | null }>(
    `WITH RECURSIVE targets (target) AS (
       SELECT min(target) FROM async_event
       UNION ALL
       SELECT (SELECT min(e.target) FROM async_event e WHERE e.target > targets.target)
       FROM targets WHERE targets.target IS NOT NULL)
     SELECT target, (SELECT min(d.due_at) FROM async_event d WHERE d.target = targets.target) AS due
     FROM targets WHERE target IS NOT NULL`,
  );
  const due = new Map<string, number>();
  for (const row of rows) {
    const at = dueTime(row.due);
    if (at !== undefined) due.set(row.target, at);
  }
  return due;
}

/** Per function: how many events are stored, and when the oldest was accepted. */
export async function depthByTarget(
  database: Database,
): Promise<{ target: string; depth: number; oldest: number }[]> {
  const rows = await database.read<{ target: string; depth: number | bigint; oldest: number | bigint }>(
    "SELECT target, count(*) AS depth, min(accepted_at) AS oldest FROM async_event GROUP BY target ORDER BY target",
  );
  return rows.map((row) => ({ target: row.target, depth: Number(row.depth), oldest: Number(row.oldest) }));
}

export const purgeEvents: Statement = { sql: "DELETE FROM async_event", params: [] };

function dueTime(value: number | bigint | null | undefined): number | undefined {
  if (value === null || value === undefined || Number(value) >= HELD) return undefined;
  return Number(value);
}
