import type { Clock } from "../../kernel/clock.ts";
import { Conflict, type Database, type Row, type SqlValue, type Statement } from "../../ports/database.ts";
import type { Bucket, ObjectMeta, ObjectVersion, Part } from "./model.ts";
import type { ChecksumAlgorithm } from "./checksums.ts";

/** A version about to be written. */
export interface NewVersion {
  readonly key: string;
  readonly versionId: string;
  readonly seq: number;
  readonly isMarker: boolean;
  readonly modifiedAt: number;
  readonly bytes: number;
  readonly etag: string;
  readonly meta: ObjectMeta;
  readonly body?: Uint8Array;
  readonly content?: string;
  /** Rows of s3_parts that begin with this version. */
  readonly parts?: readonly Part[];
  /** Or an upload whose parts become this version's. */
  readonly upload?: { readonly uploadId: string; readonly parts: readonly Part[] };
}

/** What must still be so when a change takes effect; otherwise the change is decided anew. */
export interface Expected {
  /** `seq` of the key's latest version, 0 for none; undefined when it does not matter. */
  readonly latestSeq?: number | undefined;
}

export interface ObjectStore {
  /** Greater than every earlier one, and about the time in microseconds. */
  nextSeq(): number;
  latest(bucket: string, key: string): Promise<ObjectVersion | undefined>;
  version(bucket: string, key: string, versionId: string): Promise<ObjectVersion | undefined>;
  parts(content: string): Promise<readonly Part[]>;
  isNamed(blob: string): Promise<boolean>;
  hasVersions(bucket: string): Promise<boolean>;
  /** Resolves with the blobs that lost a name; undefined when something expected was not so. */
  write(
    bucket: Bucket,
    version: NewVersion,
    expected: Expected,
    more: readonly Statement[],
  ): Promise<readonly string[] | undefined>;
  /** Removes one version; the next newest becomes the latest. */
  remove(
    bucket: Bucket,
    version: ObjectVersion,
    more: readonly Statement[],
  ): Promise<readonly string[] | undefined>;
  /** Changes what goes with the bytes; false when the version is gone or has changed. */
  setMeta(version: ObjectVersion, meta: ObjectMeta, more: readonly Statement[]): Promise<boolean>;
  /** Latest versions that are objects, in key order, from `from` (included) to `to` (excluded). */
  page(bucket: string, from: Uint8Array, to: Uint8Array | undefined, limit: number): Promise<ObjectVersion[]>;
  /** All versions: by key, newest first; from (key, seq) downwards. */
  versionPage(
    bucket: string,
    from: Uint8Array,
    belowSeq: number | undefined,
    to: Uint8Array | undefined,
    limit: number,
  ): Promise<ObjectVersion[]>;
}

export interface VersionRow {
  readonly bucket: string;
  readonly key_bytes: Uint8Array;
  readonly seq: number;
  readonly version_id: string;
  readonly is_latest: number;
  readonly is_marker: number;
  readonly modified_at: number;
  readonly bytes: number;
  readonly etag: string;
  readonly content: string | null;
  readonly meta: string;
  readonly body?: Uint8Array | null;
}

export const LISTED =
  "bucket, key_bytes, seq, version_id, is_latest, is_marker, modified_at, bytes, etag, content, meta";

export function keyBytes(key: string): Uint8Array {
  return new TextEncoder().encode(key);
}

export function keyText(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8");
}

export function versionOf(row: VersionRow): ObjectVersion {
  return {
    bucket: row.bucket,
    key: keyText(row.key_bytes),
    seq: row.seq,
    versionId: row.version_id,
    isLatest: row.is_latest === 1,
    isMarker: row.is_marker === 1,
    modifiedAt: row.modified_at,
    bytes: row.bytes,
    etag: row.etag,
    content: row.content ?? undefined,
    meta: JSON.parse(row.meta) as ObjectMeta,
    body: row.body ?? undefined,
  };
}

interface PartRow {
  readonly number: number;
  readonly blob: string;
  readonly bytes: number;
  readonly etag: string;
  readonly checksum: string;
  readonly modified_at: number;
}

/** `CRC32:base64` in one column. */
export function partOf(row: PartRow): Part {
  const colon = row.checksum.indexOf(":");
  return {
    number: row.number,
    blob: row.blob,
    bytes: row.bytes,
    etag: row.etag,
    algorithm: row.checksum.slice(0, colon) as ChecksumAlgorithm,
    checksum: row.checksum.slice(colon + 1),
    modifiedAt: row.modified_at,
  };
}

export function insertPart(owner: string, part: Part): Statement {
  return {
    sql: `INSERT INTO s3_parts (owner, number, blob, bytes, etag, checksum, modified_at)
          VALUES (?, ?, ?, ?, ?, ?, ?)`,
    params: [
      owner,
      part.number,
      part.blob,
      part.bytes,
      part.etag,
      `${part.algorithm}:${part.checksum}`,
      part.modifiedAt,
    ],
  };
}

export function dropParts(owner: string): Statement {
  return { sql: "DELETE FROM s3_parts WHERE owner = ? RETURNING blob", params: [owner] };
}

export async function createObjectStore(database: Database, clock: Clock): Promise<ObjectStore> {
  const [newest] = await database.read<{ seq: number | null }>("SELECT MAX(seq) AS seq FROM s3_versions");
  let lastSeq = newest?.seq ?? 0;

  async function one(where: string, params: readonly SqlValue[]): Promise<ObjectVersion | undefined> {
    const [row] = await database.read<VersionRow>(
      `SELECT ${LISTED}, body FROM s3_versions WHERE ${where}`,
      params,
    );
    return row === undefined ? undefined : versionOf(row);
  }

  /** The blobs of all rows that a statement of the unit gave back. */
  async function commit(unit: readonly Statement[]): Promise<readonly string[] | undefined> {
    try {
      const results = await database.commit(unit);
      return results.flat().flatMap((row: Row) => (typeof row["blob"] === "string" ? [row["blob"]] : []));
    } catch (error) {
      if (error instanceof Conflict) return undefined;
      throw error;
    }
  }

  return {
    nextSeq() {
      lastSeq = Math.max(lastSeq + 1, clock.now() * 1000);
      return lastSeq;
    },
    latest: (bucket, key) => one("bucket = ? AND key_bytes = ? AND is_latest = 1", [bucket, keyBytes(key)]),
    version: (bucket, key, versionId) =>
      one("bucket = ? AND key_bytes = ? AND version_id = ?", [bucket, keyBytes(key), versionId]),
    async parts(content) {
      const rows = await database.read<PartRow>(
        "SELECT number, blob, bytes, etag, checksum, modified_at FROM s3_parts WHERE owner = ? ORDER BY number",
        [content],
      );
      return rows.map(partOf);
    },
    async isNamed(blob) {
      const rows = await database.read("SELECT 1 AS there FROM s3_parts WHERE blob = ? LIMIT 1", [blob]);
      return rows.length > 0;
    },
    async hasVersions(bucket) {
      const rows = await database.read("SELECT 1 AS there FROM s3_versions WHERE bucket = ? LIMIT 1", [
        bucket,
      ]);
      return rows.length > 0;
    },
    write: (bucket, version, expected, more) => commit([...writeUnit(bucket, version, expected), ...more]),
    remove: (bucket, version, more) => commit([...removeUnit(bucket, version), ...more]),
    async setMeta(version, meta, more) {
      const done = await commit([
        {
          sql: `UPDATE s3_versions SET meta = ?
                WHERE bucket = ? AND key_bytes = ? AND seq = ? AND meta = ?`,
          params: [
            JSON.stringify(meta),
            version.bucket,
            keyBytes(version.key),
            version.seq,
            JSON.stringify(version.meta),
          ],
          expect: 1,
        },
        ...more,
      ]);
      return done !== undefined;
    },
    async page(bucket, from, to, limit) {
      const rows = await database.read<VersionRow>(
        `SELECT ${LISTED} FROM s3_versions
         WHERE bucket = ? AND key_bytes >= ?${to === undefined ? "" : " AND key_bytes < ?"}
         AND is_latest = 1 AND is_marker = 0 ORDER BY key_bytes LIMIT ?`,
        [bucket, from, ...(to === undefined ? [] : [to]), limit],
      );
      return rows.map(versionOf);
    },
    async versionPage(bucket, from, belowSeq, to, limit) {
      const end = to === undefined ? "" : " AND key_bytes < ?";
      const ends = to === undefined ? [] : [to];
      const start =
        belowSeq === undefined ? "key_bytes >= ?" : "(key_bytes > ? OR (key_bytes = ? AND seq < ?))";
      const starts = belowSeq === undefined ? [from] : [from, from, belowSeq];
      const rows = await database.read<VersionRow>(
        `SELECT ${LISTED} FROM s3_versions WHERE bucket = ? AND key_bytes >= ? AND ${start}${end}
         ORDER BY key_bytes, seq DESC LIMIT ?`,
        [bucket, from, ...starts, ...ends, limit],
      );
      return rows.map(versionOf);
    },
  };
}

/**
 * 1. The bucket is as it was when this was decided (and the key, where that matters).
 * 2. Outside versioning the null version goes, whatever holds it.
 * 3. Nothing else is the latest any more.
 * 4. The new version, its parts, and the parts of its upload.
 */
function writeUnit(bucket: Bucket, version: NewVersion, expected: Expected): readonly Statement[] {
  const key = keyBytes(version.key);
  const at = [bucket.name, key] as const;
  const unit: Statement[] = [guard(bucket, key, expected)];
  if (version.versionId === "null") unit.push(...dropNullVersion(bucket.name, key));
  if (bucket.versioning !== "Off") {
    unit.push({
      sql: "UPDATE s3_versions SET is_latest = 0 WHERE bucket = ? AND key_bytes = ? AND is_latest = 1",
      params: [...at],
    });
  }
  unit.push({
    sql: `INSERT INTO s3_versions (${LISTED}, body) VALUES (?, ?, ?, ?, 1, ?, ?, ?, ?, ?, ?, ?)`,
    params: [
      ...at,
      version.seq,
      version.versionId,
      version.isMarker ? 1 : 0,
      version.modifiedAt,
      version.bytes,
      version.etag,
      version.content ?? null,
      JSON.stringify(version.meta),
      version.body ?? null,
    ],
    expect: 1,
  });
  const { content, parts, upload } = version;
  if (content !== undefined) for (const part of parts ?? []) unit.push(insertPart(content, part));
  unit.push({
    sql: "UPDATE s3_uploads SET disturbed = 1 WHERE bucket = ? AND key_bytes = ? AND disturbed = 0",
    params: [...at],
  });
  if (content !== undefined && upload !== undefined) {
    unit.push(
      { sql: "DELETE FROM s3_uploads WHERE upload_id = ?", params: [upload.uploadId], expect: 1 },
      // Each as it was read: a part may have been sent again since.
      ...upload.parts.map((part) => ({
        sql: "UPDATE s3_parts SET owner = ? WHERE owner = ? AND number = ? AND blob = ?",
        params: [content, upload.uploadId, part.number, part.blob],
        expect: 1,
      })),
      dropParts(upload.uploadId),
    );
  }
  return unit;
}

function guard(bucket: Bucket, key: Uint8Array, { latestSeq }: Expected): Statement {
  const sql = "SELECT 1 AS there FROM s3_buckets WHERE name = ? AND created_at = ? AND versioning = ?";
  const params: SqlValue[] = [bucket.name, bucket.createdAt, bucket.versioning];
  if (latestSeq === undefined) return { sql, params, expect: 1 };
  return {
    sql: `${sql} AND COALESCE((SELECT MAX(seq) FROM s3_versions WHERE bucket = ? AND key_bytes = ?), 0) = ?`,
    params: [...params, bucket.name, key, latestSeq],
    expect: 1,
  };
}

function dropNullVersion(bucket: string, key: Uint8Array): readonly Statement[] {
  return [
    {
      sql: `DELETE FROM s3_parts WHERE owner IN (SELECT content FROM s3_versions
            WHERE bucket = ? AND key_bytes = ? AND version_id = 'null' AND content IS NOT NULL) RETURNING blob`,
      params: [bucket, key],
    },
    {
      sql: "DELETE FROM s3_versions WHERE bucket = ? AND key_bytes = ? AND version_id = 'null'",
      params: [bucket, key],
    },
  ];
}

function removeUnit(bucket: Bucket, version: ObjectVersion): readonly Statement[] {
  const key = keyBytes(version.key);
  const at = [bucket.name, key] as const;
  return [
    {
      sql: "DELETE FROM s3_versions WHERE bucket = ? AND key_bytes = ? AND seq = ?",
      params: [...at, version.seq],
      expect: 1,
    },
    ...(version.content === undefined ? [] : [dropParts(version.content)]),
    {
      sql: `UPDATE s3_versions SET is_latest = 1 WHERE bucket = ? AND key_bytes = ? AND is_latest = 0
            AND seq = (SELECT MAX(seq) FROM s3_versions WHERE bucket = ? AND key_bytes = ?)`,
      params: [...at, ...at],
    },
    {
      sql: "UPDATE s3_uploads SET disturbed = 1 WHERE bucket = ? AND key_bytes = ? AND disturbed = 0",
      params: [...at],
    },
  ];
}
