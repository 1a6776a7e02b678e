/** Archives with their events, and replays: rows in and out. */
import assert from "node:assert";
import type { Scope } from "../../kernel/scope.ts";
import { optionalNumber, optionalText } from "../../ports/columns.ts";
import type { Database, Migration, Row, SqlValue, Statement } from "../../ports/database.ts";
import { EVENTS_LIMITS, type Archive, type ArchivedEvent, type Replay, type ReplayState } from "./model.ts";
import { archiveArn, type ArchiveKey, busArn, type BusKey, parseBusArn, type ReplayKey } from "./names.ts";

export interface ArchivePosition {
  readonly timeMs: number;
  readonly eventId: string;
}

export interface ArchiveStore {
  archive(key: ArchiveKey): Promise<Archive | undefined>;
  /** By name. */
  archives(scope: Scope): Promise<Archive[]>;
  archivesOfBus(busArn: string): Promise<Archive[]>;
  /** Everywhere; those that keep their events for some time only. */
  archivesWithRetention(): Promise<Archive[]>;
  /** What is in it. */
  contents(key: ArchiveKey): Promise<{ readonly events: number; readonly bytes: number }>;
  /** It has events that came before a moment. */
  hasOlder(key: ArchiveKey, beforeMs: number): Promise<boolean>;
  /** In the order of their times, after a position, until a time inclusive. */
  events(
    archiveArn: string,
    after: ArchivePosition,
    untilMs: number,
    limit: number,
  ): Promise<ArchivedEvent[]>;
  replay(key: ReplayKey): Promise<Replay | undefined>;
  /** By name. */
  replays(scope: Scope): Promise<Replay[]>;
  /** Everywhere; those that go on. */
  activeReplays(): Promise<Replay[]>;
}

export const archiveMigration: Migration = {
  id: "events/0002",
  sql: [
    `CREATE TABLE events_archives (
      account_id TEXT NOT NULL,
      region TEXT NOT NULL,
      archive TEXT NOT NULL,
      bus_arn TEXT NOT NULL,
      pattern TEXT,
      description TEXT,
      retention_days INTEGER NOT NULL,
      created_at BIGINT NOT NULL,
      PRIMARY KEY (account_id, region, archive)
    )`,
    "CREATE INDEX events_archives_bus ON events_archives (bus_arn)",
    `CREATE TABLE events_archived (
      archive_arn TEXT NOT NULL,
      time_ms BIGINT NOT NULL,
      event_id TEXT NOT NULL,
      taken_ms BIGINT NOT NULL,
      bytes BIGINT NOT NULL,
      body TEXT NOT NULL,
      PRIMARY KEY (archive_arn, time_ms, event_id)
    )`,
    "CREATE INDEX events_archived_taken ON events_archived (archive_arn, taken_ms)",
    `CREATE TABLE events_replays (
      account_id TEXT NOT NULL,
      region TEXT NOT NULL,
      replay TEXT NOT NULL,
      archive_arn TEXT NOT NULL,
      bus_arn TEXT NOT NULL,
      filter_arns TEXT NOT NULL,
      description TEXT,
      state TEXT NOT NULL,
      from_ms BIGINT NOT NULL,
      until_ms BIGINT NOT NULL,
      last_ms BIGINT,
      last_id TEXT NOT NULL,
      started_ms BIGINT NOT NULL,
      ended_ms BIGINT,
      PRIMARY KEY (account_id, region, replay)
    )`,
  ],
};

const ACTIVE = "state IN ('STARTING', 'RUNNING')";
const THIS_ARCHIVE = "account_id = ? AND region = ? AND archive = ?";
const THIS_REPLAY = "account_id = ? AND region = ? AND replay = ?";
const archiveParams = ({ accountId, region, archive }: ArchiveKey): string[] => [accountId, region, archive];
const replayParams = ({ accountId, region, replay }: ReplayKey): string[] => [accountId, region, replay];

export function createArchiveStore(database: Database): ArchiveStore {
  async function archives(where: string, params: readonly SqlValue[]): Promise<Archive[]> {
    const sql = `SELECT * FROM events_archives WHERE ${where} ORDER BY archive`;
    return (await database.read(sql, params)).map(toArchive);
  }
  async function replays(where: string, params: readonly SqlValue[]): Promise<Replay[]> {
    const sql = `SELECT * FROM events_replays WHERE ${where} ORDER BY replay`;
    return (await database.read(sql, params)).map(toReplay);
  }

  return {
    async archive(key) {
      return (await archives(THIS_ARCHIVE, archiveParams(key)))[0];
    },
    archives: ({ accountId, region }) => archives("account_id = ? AND region = ?", [accountId, region]),
    archivesOfBus: (arn) => archives("bus_arn = ?", [arn]),
    archivesWithRetention: () => archives("retention_days > 0", []),
    async contents(key) {
      const sql =
        "SELECT COUNT(*) AS events, COALESCE(SUM(bytes), 0) AS bytes FROM events_archived WHERE archive_arn = ?";
      const [row] = await database.read(sql, [archiveArn(key)]);
      return { events: Number(row?.["events"]), bytes: Number(row?.["bytes"]) };
    },
    async hasOlder(key, beforeMs) {
      const sql = "SELECT 1 AS one FROM events_archived WHERE archive_arn = ? AND taken_ms < ? LIMIT 1";
      return (await database.read(sql, [archiveArn(key), beforeMs])).length > 0;
    },
    async events(arn, { timeMs, eventId }, untilMs, limit) {
      const sql = `SELECT time_ms, event_id, body FROM events_archived
        WHERE archive_arn = ? AND (time_ms > ? OR (time_ms = ? AND event_id > ?)) AND time_ms <= ?
        ORDER BY time_ms, event_id LIMIT ?`;
      const rows = await database.read(sql, [arn, timeMs, timeMs, eventId, untilMs, limit]);
      return rows.map((row) => ({
        timeMs: Number(row["time_ms"]),
        eventId: String(row["event_id"]),
        body: String(row["body"]),
      }));
    },
    async replay(key) {
      return (await replays(THIS_REPLAY, replayParams(key)))[0];
    },
    replays: ({ accountId, region }) => replays("account_id = ? AND region = ?", [accountId, region]),
    activeReplays: () => replays(ACTIVE, []),
  };
}

/** Only of a bus that is there, while the name is free and there is room. */
export function insertArchive(archive: Archive): Statement {
  const { accountId, region, bus } = archive.bus;
  return {
    sql: `INSERT INTO events_archives
      (account_id, region, archive, bus_arn, pattern, description, retention_days, created_at)
      SELECT CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS TEXT),
        CAST(? AS TEXT), CAST(? AS INTEGER), CAST(? AS BIGINT)
      WHERE EXISTS (SELECT 1 FROM events_buses WHERE account_id = ? AND region = ? AND bus = ?)
        AND (SELECT COUNT(*) FROM events_archives WHERE account_id = ? AND region = ?) < ?
      ON CONFLICT DO NOTHING`,
    params: [
      ...archiveParams(archive),
      busArn(archive.bus),
      archive.pattern ?? null,
      archive.description ?? null,
      archive.retentionDays,
      archive.createdAt,
      ...[accountId, region, bus],
      ...[archive.accountId, archive.region, EVENTS_LIMITS.archivesPerScope],
    ],
    expect: 1,
  };
}

/** Only of one that is still there. */
export function updateArchive(archive: Archive): Statement {
  return {
    sql: `UPDATE events_archives SET pattern = ?, description = ?, retention_days = ? WHERE ${THIS_ARCHIVE}`,
    params: [
      archive.pattern ?? null,
      archive.description ?? null,
      archive.retentionDays,
      ...archiveParams(archive),
    ],
    expect: 1,
  };
}

export function deleteArchive(key: ArchiveKey): readonly Statement[] {
  return [
    { sql: `DELETE FROM events_archives WHERE ${THIS_ARCHIVE}`, params: archiveParams(key), expect: 1 },
    { sql: "DELETE FROM events_archived WHERE archive_arn = ?", params: [archiveArn(key)] },
  ];
}

/** Into an archive that is still there; the same event twice is one. */
export function insertArchived(
  key: ArchiveKey,
  event: ArchivedEvent & { readonly takenMs: number; readonly bytes: number },
): Statement {
  return {
    sql: `INSERT INTO events_archived (archive_arn, time_ms, event_id, taken_ms, bytes, body)
      SELECT CAST(? AS TEXT), CAST(? AS BIGINT), CAST(? AS TEXT), CAST(? AS BIGINT), CAST(? AS BIGINT),
        CAST(? AS TEXT)
      WHERE EXISTS (SELECT 1 FROM events_archives WHERE ${THIS_ARCHIVE})
      ON CONFLICT DO NOTHING`,
    params: [
      ...[archiveArn(key), event.timeMs, event.eventId, event.takenMs, event.bytes, event.body],
      ...archiveParams(key),
    ],
  };
}

/** At most `limit` events that came before a moment. */
export function expireArchived(key: ArchiveKey, beforeMs: number, limit: number): Statement {
  const arn = archiveArn(key);
  return {
    sql: `DELETE FROM events_archived WHERE archive_arn = ? AND (time_ms, event_id) IN (
      SELECT time_ms, event_id FROM events_archived WHERE archive_arn = ? AND taken_ms < ?
      ORDER BY taken_ms LIMIT ?)`,
    params: [arn, arn, beforeMs, limit],
  };
}

/** While the name is free and few enough go on. */
export function insertReplay(replay: Replay): Statement {
  return {
    sql: `INSERT INTO events_replays (account_id, region, replay, archive_arn, bus_arn, filter_arns,
        description, state, from_ms, until_ms, last_ms, last_id, started_ms, ended_ms)
      SELECT CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS TEXT),
        CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS BIGINT), CAST(? AS BIGINT), NULL, '',
        CAST(? AS BIGINT), NULL
      WHERE (SELECT COUNT(*) FROM events_replays WHERE account_id = ? AND region = ? AND ${ACTIVE}) < ?
      ON CONFLICT DO NOTHING`,
    params: [
      ...replayParams(replay),
      replay.archiveArn,
      busArn(replay.bus),
      JSON.stringify(replay.filterArns),
      replay.description ?? null,
      replay.state,
      replay.fromMs,
      replay.untilMs,
      replay.startedMs,
      ...[replay.accountId, replay.region, EVENTS_LIMITS.activeReplays],
    ],
    expect: 1,
  };
}

/** Only while it goes on: one that was cancelled stays so. */
export function updateReplay(
  key: ReplayKey,
  change: { readonly state: ReplayState; readonly last?: ArchivePosition; readonly endedMs?: number },
): Statement {
  const { state, last, endedMs } = change;
  return {
    sql: `UPDATE events_replays SET state = ?, last_ms = COALESCE(CAST(? AS BIGINT), last_ms),
      last_id = COALESCE(CAST(? AS TEXT), last_id), ended_ms = CAST(? AS BIGINT)
      WHERE ${THIS_REPLAY} AND ${ACTIVE}`,
    params: [state, last?.timeMs ?? null, last?.eventId ?? null, endedMs ?? null, ...replayParams(key)],
    expect: 1,
  };
}

function busIn(row: Row): BusKey {
  const bus = parseBusArn(String(row["bus_arn"]));
  assert(bus !== undefined, "a row without a bus");
  return bus;
}

function toArchive(row: Row): Archive {
  return {
    accountId: String(row["account_id"]),
    region: String(row["region"]),
    archive: String(row["archive"]),
    bus: busIn(row),
    pattern: optionalText(row["pattern"]),
    description: optionalText(row["description"]),
    retentionDays: Number(row["retention_days"]),
    createdAt: Number(row["created_at"]),
  };
}

function toReplay(row: Row): Replay {
  return {
    accountId: String(row["account_id"]),
    region: String(row["region"]),
    replay: String(row["replay"]),
    archiveArn: String(row["archive_arn"]),
    bus: busIn(row),
    filterArns: JSON.parse(String(row["filter_arns"])) as string[],
    description: optionalText(row["description"]),
    state: String(row["state"]) as ReplayState,
    fromMs: Number(row["from_ms"]),
    untilMs: Number(row["until_ms"]),
    lastMs: optionalNumber(row["last_ms"]),
    lastId: String(row["last_id"]),
    startedMs: Number(row["started_ms"]),
    endedMs: optionalNumber(row["ended_ms"]),
  };
}
