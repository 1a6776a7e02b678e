/** Event source mappings, their leases and checkpoints: tables of state.db and every statement on them. */
import type { Scope } from "../../kernel/scope.ts";
import { optionalText } from "../../ports/columns.ts";
import { Conflict, type Database, type Migration, type Row, type Statement } from "../../ports/database.ts";
import type { EventSourceMapping, MappingSettings, SourceKind, Transition, Wanted } from "./model.ts";

export const eventSourceMigrations: readonly Migration[] = [
  {
    id: "event-source/0001",
    sql: [
      `CREATE TABLE event_source_mapping (
        uuid TEXT PRIMARY KEY,
        account_id TEXT NOT NULL,
        region TEXT NOT NULL,
        source_arn TEXT NOT NULL,
        kind TEXT NOT NULL,
        function_name TEXT NOT NULL,
        qualifier TEXT,
        function_arn TEXT NOT NULL,
        settings TEXT NOT NULL,
        wanted TEXT NOT NULL,
        transition TEXT NOT NULL,
        transition_until BIGINT NOT NULL,
        last_modified BIGINT NOT NULL,
        last_result TEXT,
        tags TEXT NOT NULL,
        revision BIGINT NOT NULL,
        node TEXT NOT NULL,
        epoch BIGINT NOT NULL,
        lease_until BIGINT NOT NULL
      )`,
      `CREATE UNIQUE INDEX event_source_mapping_pair ON event_source_mapping
        (account_id, region, source_arn, function_arn)`,
      `CREATE TABLE event_source_checkpoint (
        uuid TEXT NOT NULL,
        shard_id TEXT NOT NULL,
        epoch BIGINT NOT NULL,
        position TEXT NOT NULL,
        PRIMARY KEY (uuid, shard_id)
      )`,
    ],
  },
];

const COLUMNS = `uuid, account_id, region, source_arn, kind, function_name, qualifier, function_arn,
  settings, wanted, transition, transition_until, last_modified, last_result, tags, revision`;

/** A mapping that this node polls: `epoch` fences what it writes. */
export interface MappingLease {
  readonly mapping: EventSourceMapping;
  readonly epoch: number;
}

export class MappingStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async find(scope: Scope, uuid: string): Promise<EventSourceMapping | undefined> {
    const [row] = await this.#database.read(
      `SELECT ${COLUMNS} FROM event_source_mapping WHERE uuid = ? AND account_id = ? AND region = ?`,
      [uuid, scope.accountId, scope.region],
    );
    return row === undefined ? undefined : mappingOf(row);
  }

  /** In the order of their ids; `after` continues. Of one source or one function where said. */
  async list(
    scope: Scope,
    only: { readonly sourceArn?: string; readonly functionName?: string; readonly functionArn?: string },
    after: string,
    limit: number,
  ): Promise<EventSourceMapping[]> {
    const where = ["account_id = ?", "region = ?", "uuid > ?"];
    const params: (string | number)[] = [scope.accountId, scope.region, after];
    const narrow = (column: string, value: string | undefined): void => {
      if (value === undefined) return;
      where.push(`${column} = ?`);
      params.push(value);
    };
    narrow("source_arn", only.sourceArn);
    narrow("function_name", only.functionName);
    narrow("function_arn", only.functionArn);
    const rows = await this.#database.read(
      `SELECT ${COLUMNS} FROM event_source_mapping WHERE ${where.join(" AND ")} ORDER BY uuid LIMIT ?`,
      [...params, limit],
    );
    return rows.map(mappingOf);
  }

  /** The mapping of the same source and function that stands in the way, else undefined. */
  async insert(mapping: EventSourceMapping): Promise<EventSourceMapping | undefined> {
    const { scope, sourceArn, functionArn } = mapping;
    try {
      await this.#database.commit([insertStatement(mapping)]);
      return undefined;
    } catch (error) {
      if (!(error instanceof Conflict)) throw error;
      const [there] = await this.list(scope, { sourceArn, functionArn }, "", 1);
      if (there === undefined) throw error;
      return there;
    }
  }

  /** Rejects with Conflict when somebody changed it since it was read. */
  async replace(mapping: EventSourceMapping, revisionBefore: number): Promise<void> {
    await this.#database.commit([
      {
        sql: `UPDATE event_source_mapping SET function_name = ?, qualifier = ?, function_arn = ?, settings = ?,
          wanted = ?, transition = ?, transition_until = ?, last_modified = ?, tags = ?, revision = ?
          WHERE uuid = ? AND revision = ?`,
        params: [
          mapping.functionName,
          mapping.qualifier ?? null,
          mapping.functionArn,
          JSON.stringify(mapping.settings),
          mapping.wanted,
          mapping.transition,
          mapping.transitionUntilMs,
          mapping.lastModifiedMs,
          JSON.stringify(mapping.tags),
          mapping.revision,
          mapping.uuid,
          revisionBefore,
        ],
        expect: 1,
      },
    ]);
  }

  async setResult(uuid: string, epoch: number, result: string): Promise<void> {
    await this.#database.commit([
      {
        sql: "UPDATE event_source_mapping SET last_result = ? WHERE uuid = ? AND epoch = ?",
        params: [result, uuid, epoch],
      },
    ]);
  }

  /** Ends a mapping and everything that is remembered of it. */
  async remove(uuid: string): Promise<void> {
    await this.#database.commit([
      { sql: "DELETE FROM event_source_checkpoint WHERE uuid = ?", params: [uuid] },
      { sql: "DELETE FROM event_source_mapping WHERE uuid = ?", params: [uuid] },
    ]);
  }

  /** Takes over what nobody holds, renews what this node holds, and tells all of it. */
  async lease(node: string, now: number, until: number): Promise<MappingLease[]> {
    const [, rows = []] = await this.#database.commit([
      {
        sql: `UPDATE event_source_mapping SET epoch = epoch + 1, node = ? WHERE node <> ? AND lease_until <= ?`,
        params: [node, node, now],
      },
      {
        sql: `UPDATE event_source_mapping SET lease_until = ? WHERE node = ? RETURNING ${COLUMNS}, epoch`,
        params: [until, node],
      },
    ]);
    return rows.map((row) => ({ mapping: mappingOf(row), epoch: Number(row["epoch"]) }));
  }

  /** What the node holds is anybody's: at its end, and at its start for what its earlier life held. */
  async release(node: string): Promise<void> {
    await this.#database.commit([
      {
        sql: "UPDATE event_source_mapping SET node = '', lease_until = 0, epoch = epoch + 1 WHERE node = ?",
        params: [node],
      },
    ]);
  }

  async checkpoints(uuid: string): Promise<Map<string, string>> {
    const rows = await this.#database.read(
      "SELECT shard_id, position FROM event_source_checkpoint WHERE uuid = ?",
      [uuid],
    );
    return new Map(rows.map((row) => [String(row["shard_id"]), String(row["position"])]));
  }

  /** Rejects with Conflict when another node took the mapping over. */
  async saveCheckpoint(uuid: string, shardId: string, epoch: number, position: string): Promise<void> {
    await this.#database.commit(checkpointStatements(uuid, shardId, epoch, position));
  }
}

function checkpointStatements(uuid: string, shardId: string, epoch: number, position: string): Statement[] {
  return [
    {
      sql: "UPDATE event_source_mapping SET epoch = epoch WHERE uuid = ? AND epoch = ?",
      params: [uuid, epoch],
      expect: 1,
    },
    {
      sql: `INSERT INTO event_source_checkpoint (uuid, shard_id, epoch, position) VALUES (?, ?, ?, ?)
        ON CONFLICT (uuid, shard_id) DO UPDATE SET epoch = excluded.epoch, position = excluded.position`,
      params: [uuid, shardId, epoch, position],
    },
  ];
}

function insertStatement(mapping: EventSourceMapping): Statement {
  return {
    sql: `INSERT INTO event_source_mapping (${COLUMNS}, node, epoch, lease_until)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '', 0, 0)`,
    params: [
      mapping.uuid,
      mapping.scope.accountId,
      mapping.scope.region,
      mapping.sourceArn,
      mapping.kind,
      mapping.functionName,
      mapping.qualifier ?? null,
      mapping.functionArn,
      JSON.stringify(mapping.settings),
      mapping.wanted,
      mapping.transition,
      mapping.transitionUntilMs,
      mapping.lastModifiedMs,
      mapping.lastProcessingResult ?? null,
      JSON.stringify(mapping.tags),
      mapping.revision,
    ],
    expect: 1,
  };
}

function mappingOf(row: Row): EventSourceMapping {
  const text = (column: string): string => String(row[column]);
  return {
    uuid: text("uuid"),
    scope: { accountId: text("account_id"), region: text("region") },
    sourceArn: text("source_arn"),
    kind: text("kind") as SourceKind,
    functionName: text("function_name"),
    qualifier: optionalText(row["qualifier"]),
    functionArn: text("function_arn"),
    settings: JSON.parse(text("settings")) as MappingSettings,
    wanted: text("wanted") as Wanted,
    transition: text("transition") as Transition,
    transitionUntilMs: Number(row["transition_until"]),
    lastModifiedMs: Number(row["last_modified"]),
    lastProcessingResult: optionalText(row["last_result"]),
    tags: JSON.parse(text("tags")) as Record<string, string>,
    revision: Number(row["revision"]),
  };
}
