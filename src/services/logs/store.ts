/** Groups, streams and tags: rows of the state database. Events are in files of their own. */
import type { Scope } from "../../kernel/scope.ts";
import { optionalNumber } from "../../ports/columns.ts";
import {
  Conflict,
  type Database,
  type Migration,
  type Row,
  type SqlValue,
  type Statement,
} from "../../ports/database.ts";
import type { GroupClass, LogGroup, LogStream, Tags } from "./model.ts";
import { resourcePolicyMigration } from "./resource-policies.ts";
import { subscriptionMigration } from "./subscription-store.ts";

export const migrations: readonly Migration[] = [
  {
    id: "logs/0001",
    sql: [
      `CREATE TABLE log_groups (
        group_id TEXT NOT NULL PRIMARY KEY,
        account_id TEXT NOT NULL,
        region TEXT NOT NULL,
        name TEXT NOT NULL,
        class TEXT NOT NULL,
        created_at BIGINT NOT NULL,
        retention_days INTEGER,
        deletion_protected INTEGER NOT NULL,
        UNIQUE (account_id, region, name)
      )`,
      `CREATE TABLE log_streams (
        stream_id TEXT NOT NULL PRIMARY KEY,
        group_id TEXT NOT NULL,
        name TEXT NOT NULL,
        created_at BIGINT NOT NULL,
        UNIQUE (group_id, name)
      )`,
      `CREATE TABLE log_group_tags (
        group_id TEXT NOT NULL,
        tag_key TEXT NOT NULL,
        tag_value TEXT NOT NULL,
        PRIMARY KEY (group_id, tag_key)
      )`,
    ],
  },
  resourcePolicyMigration,
  subscriptionMigration,
];

export interface StreamKey {
  readonly scope: Scope;
  readonly group: string;
  readonly stream: string;
}

export interface GroupQuery {
  readonly prefix?: string | undefined;
  readonly after?: string | undefined;
  readonly limit: number;
}

export interface LogStore {
  group(scope: Scope, name: string): Promise<LogGroup | undefined>;
  /** Ordered by name. */
  groups(scope: Scope, query: GroupQuery): Promise<LogGroup[]>;
  everyGroup(): Promise<LogGroup[]>;
  groupById(groupId: string): Promise<LogGroup | undefined>;
  /** False when the name is taken. */
  createGroup(group: LogGroup, tags: Tags): Promise<boolean>;
  /** False when there is no such group. */
  deleteGroup(groupId: string): Promise<boolean>;
  setRetention(groupId: string, days: number | undefined): Promise<void>;
  setProtection(groupId: string, deletionProtected: boolean): Promise<void>;
  tags(groupId: string): Promise<Tags>;
  putTags(groupId: string, tags: Tags): Promise<void>;
  removeTags(groupId: string, keys: readonly string[]): Promise<void>;
  stream(groupId: string, name: string): Promise<LogStream | undefined>;
  /** Ordered by name. */
  streams(groupId: string, query: GroupQuery & { readonly descending?: boolean }): Promise<LogStream[]>;
  streamsById(groupId: string, ids: readonly string[]): Promise<LogStream[]>;
  /** False when the name is taken. */
  createStream(stream: LogStream): Promise<boolean>;
  deleteStream(streamId: string): Promise<boolean>;
  /** Finds or makes groups and streams, in one unit; answers in the order asked. */
  ensureStreams(
    keys: readonly StreamKey[],
    now: number,
    newId: () => string,
  ): Promise<(LogStream | undefined)[]>;
}

export function createLogStore(database: Database): LogStore {
  const read = <R extends object = Row>(sql: string, params?: readonly SqlValue[]): Promise<R[]> =>
    database.read<R>(sql, params);

  async function changed(statements: readonly Statement[]): Promise<boolean> {
    try {
      await database.commit(statements);
      return true;
    } catch (error) {
      if (error instanceof Conflict) return false;
      throw error;
    }
  }

  async function group(scope: Scope, name: string): Promise<LogGroup | undefined> {
    const sql = "SELECT * FROM log_groups WHERE account_id = ? AND region = ? AND name = ?";
    return (await read(sql, [scope.accountId, scope.region, name])).map(toGroup)[0];
  }

  return {
    group,
    async groups(scope, query) {
      const range = prefixRange(query.prefix, query.after);
      const sql = `SELECT * FROM log_groups WHERE account_id = ? AND region = ? AND name > ? AND name >= ? AND name < ?
        ORDER BY name LIMIT ?`;
      const params = [scope.accountId, scope.region, range.after, range.from, range.to, query.limit];
      return (await read(sql, params)).map(toGroup);
    },
    async everyGroup() {
      return (await read("SELECT * FROM log_groups")).map(toGroup);
    },
    async groupById(groupId) {
      return (await read("SELECT * FROM log_groups WHERE group_id = ?", [groupId])).map(toGroup)[0];
    },
    createGroup(made, tags) {
      return changed([insertGroup(made, ""), ...tagStatements(made.groupId, tags)]);
    },
    deleteGroup(groupId) {
      return changed([
        { sql: "DELETE FROM log_groups WHERE group_id = ?", params: [groupId], expect: 1 },
        { sql: "DELETE FROM log_streams WHERE group_id = ?", params: [groupId] },
        { sql: "DELETE FROM log_group_tags WHERE group_id = ?", params: [groupId] },
        { sql: "DELETE FROM log_subscription_filters WHERE group_id = ?", params: [groupId] },
      ]);
    },
    async setRetention(groupId, days) {
      const sql = "UPDATE log_groups SET retention_days = ? WHERE group_id = ?";
      await database.commit([{ sql, params: [days ?? null, groupId] }]);
    },
    async setProtection(groupId, deletionProtected) {
      const sql = "UPDATE log_groups SET deletion_protected = ? WHERE group_id = ?";
      await database.commit([{ sql, params: [deletionProtected ? 1 : 0, groupId] }]);
    },
    async tags(groupId) {
      const sql = "SELECT tag_key, tag_value FROM log_group_tags WHERE group_id = ? ORDER BY tag_key";
      const rows = await read<{ tag_key: string; tag_value: string }>(sql, [groupId]);
      return Object.fromEntries(rows.map((row) => [row.tag_key, row.tag_value]));
    },
    async putTags(groupId, tags) {
      await database.commit(tagStatements(groupId, tags));
    },
    async removeTags(groupId, keys) {
      const sql = "DELETE FROM log_group_tags WHERE group_id = ? AND tag_key = ?";
      await database.commit(keys.map((key) => ({ sql, params: [groupId, key] })));
    },
    async stream(groupId, name) {
      const rows = await read("SELECT * FROM log_streams WHERE group_id = ? AND name = ?", [groupId, name]);
      return rows.map(toStream)[0];
    },
    async streams(groupId, query) {
      const { from, to } = prefixRange(query.prefix, undefined);
      const page = query.descending === true ? "name < ?" : "name > ?";
      const order = query.descending === true ? "DESC" : "ASC";
      const after = query.after ?? (query.descending === true ? LAST_NAME : "");
      const sql = `SELECT * FROM log_streams WHERE group_id = ? AND ${page} AND name >= ? AND name < ?
        ORDER BY name ${order} LIMIT ?`;
      return (await read(sql, [groupId, after, from, to, query.limit])).map(toStream);
    },
    async streamsById(groupId, ids) {
      const rows: Row[] = [];
      for (let start = 0; start < ids.length; start += IDS_PER_READ) {
        const some = ids.slice(start, start + IDS_PER_READ);
        const sql = `SELECT * FROM log_streams WHERE group_id = ? AND stream_id IN (${some.map(() => "?").join(", ")})`;
        rows.push(...(await read(sql, [groupId, ...some])));
      }
      return rows.map(toStream);
    },
    createStream(made) {
      const sql = "INSERT INTO log_streams (stream_id, group_id, name, created_at) VALUES (?, ?, ?, ?)";
      return changed([{ sql, params: [made.streamId, made.groupId, made.name, made.createdAt] }]);
    },
    deleteStream(streamId) {
      return changed([{ sql: "DELETE FROM log_streams WHERE stream_id = ?", params: [streamId], expect: 1 }]);
    },
    async ensureStreams(keys, now, newId) {
      const wanted = keys.flatMap((key) => {
        const base = { ...key.scope, createdAt: now, retentionDays: undefined, deletionProtected: false };
        const made: LogGroup = { ...base, groupId: newId(), name: key.group, groupClass: "STANDARD" };
        return [insertGroup(made, " ON CONFLICT DO NOTHING"), insertStreamByName(key, newId(), now)];
      });
      await database.commit(wanted);
      const found = await Promise.all(
        keys.map(async (key) => {
          const sql = `SELECT s.* FROM log_streams s JOIN log_groups g ON g.group_id = s.group_id
            WHERE g.account_id = ? AND g.region = ? AND g.name = ? AND s.name = ?`;
          return read(sql, [key.scope.accountId, key.scope.region, key.group, key.stream]);
        }),
      );
      return found.map((rows) => rows.map(toStream)[0]);
    },
  };
}

const IDS_PER_READ = 500;

/** Sorts behind every name a group or stream can have. */
const LAST_NAME = "\u{10ffff}";

function prefixRange(
  prefix: string | undefined,
  after: string | undefined,
): { after: string; from: string; to: string } {
  return { after: after ?? "", from: prefix ?? "", to: (prefix ?? "") + LAST_NAME };
}

function insertGroup(group: LogGroup, onConflict: string): Statement {
  return {
    sql: `INSERT INTO log_groups
      (group_id, account_id, region, name, class, created_at, retention_days, deletion_protected)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?)${onConflict}`,
    params: [
      group.groupId,
      group.accountId,
      group.region,
      group.name,
      group.groupClass,
      group.createdAt,
      group.retentionDays ?? null,
      group.deletionProtected ? 1 : 0,
    ],
  };
}

function insertStreamByName(key: StreamKey, streamId: string, now: number): Statement {
  return {
    sql: `INSERT INTO log_streams (stream_id, group_id, name, created_at)
      SELECT CAST(? AS TEXT), group_id, CAST(? AS TEXT), CAST(? AS BIGINT) FROM log_groups
      WHERE account_id = ? AND region = ? AND name = ? ON CONFLICT DO NOTHING`,
    params: [streamId, key.stream, now, key.scope.accountId, key.scope.region, key.group],
  };
}

function tagStatements(groupId: string, tags: Tags): Statement[] {
  const sql = `INSERT INTO log_group_tags (group_id, tag_key, tag_value) VALUES (?, ?, ?)
    ON CONFLICT (group_id, tag_key) DO UPDATE SET tag_value = excluded.tag_value`;
  return Object.entries(tags).map(([key, value]) => ({ sql, params: [groupId, key, value] }));
}

function toGroup(row: Row): LogGroup {
  return {
    groupId: String(row["group_id"]),
    accountId: String(row["account_id"]),
    region: String(row["region"]),
    name: String(row["name"]),
    groupClass: String(row["class"]) as GroupClass,
    createdAt: Number(row["created_at"]),
    retentionDays: optionalNumber(row["retention_days"]),
    deletionProtected: Number(row["deletion_protected"]) === 1,
  };
}

function toStream(row: Row): LogStream {
  return {
    streamId: String(row["stream_id"]),
    groupId: String(row["group_id"]),
    name: String(row["name"]),
    createdAt: Number(row["created_at"]),
  };
}
