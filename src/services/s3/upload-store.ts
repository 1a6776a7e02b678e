import type { Clock } from "../../kernel/clock.ts";
import { Conflict, type Database, type Row } from "../../ports/database.ts";
import type { Bucket, Part, Upload, UploadMeta } from "./model.ts";
import { dropParts, insertPart, keyBytes, keyText } from "./object-store.ts";

export interface UploadStore {
  create(
    bucket: Bucket,
    upload: { readonly key: string; readonly uploadId: string; readonly meta: UploadMeta },
  ): Promise<boolean>;
  get(bucket: string, key: string, uploadId: string): Promise<Upload | undefined>;
  /** Replaces the part of that number. The blobs that lost a name; undefined when the upload is gone. */
  putPart(upload: Upload, part: Part): Promise<readonly string[] | undefined>;
  /** The blobs that lost a name; undefined when it was gone already. */
  abort(upload: Upload): Promise<readonly string[] | undefined>;
  /** By key, then by beginning; from (key, seq) on. */
  page(
    bucket: string,
    from: Uint8Array,
    aboveSeq: number | undefined,
    to: Uint8Array | undefined,
    limit: number,
  ): Promise<readonly Upload[]>;
}

interface UploadRow {
  readonly bucket: string;
  readonly key_bytes: Uint8Array;
  readonly seq: number;
  readonly upload_id: string;
  readonly created_at: number;
  readonly disturbed: number;
  readonly meta: string;
}

const COLUMNS = "bucket, key_bytes, seq, upload_id, created_at, disturbed, meta";

function uploadOf(row: UploadRow): Upload {
  return {
    bucket: row.bucket,
    key: keyText(row.key_bytes),
    seq: row.seq,
    uploadId: row.upload_id,
    createdAt: row.created_at,
    disturbed: row.disturbed === 1,
    meta: JSON.parse(row.meta) as UploadMeta,
  };
}

export function createUploadStore(database: Database, clock: Clock, nextSeq: () => number): UploadStore {
  const there = "SELECT 1 AS there FROM s3_uploads WHERE upload_id = ?";

  function blobsOf(results: readonly (readonly Row[])[]): string[] {
    return results.flat().flatMap((row) => (typeof row["blob"] === "string" ? [row["blob"]] : []));
  }

  return {
    async create(bucket, { key, uploadId, meta }) {
      try {
        await database.commit([
          {
            sql: "SELECT 1 AS there FROM s3_buckets WHERE name = ? AND created_at = ?",
            params: [bucket.name, bucket.createdAt],
            expect: 1,
          },
          {
            sql: `INSERT INTO s3_uploads (${COLUMNS}) VALUES (?, ?, ?, ?, ?, 0, ?)`,
            params: [bucket.name, keyBytes(key), nextSeq(), uploadId, clock.now(), JSON.stringify(meta)],
          },
        ]);
        return true;
      } catch (error) {
        if (error instanceof Conflict) return false;
        throw error;
      }
    },
    async get(bucket, key, uploadId) {
      const [row] = await database.read<UploadRow>(
        `SELECT ${COLUMNS} FROM s3_uploads WHERE upload_id = ? AND bucket = ? AND key_bytes = ?`,
        [uploadId, bucket, keyBytes(key)],
      );
      return row === undefined ? undefined : uploadOf(row);
    },
    async putPart(upload, part) {
      try {
        return blobsOf(
          await database.commit([
            { sql: there, params: [upload.uploadId], expect: 1 },
            {
              sql: "DELETE FROM s3_parts WHERE owner = ? AND number = ? RETURNING blob",
              params: [upload.uploadId, part.number],
            },
            insertPart(upload.uploadId, part),
          ]),
        );
      } catch (error) {
        if (error instanceof Conflict) return undefined;
        throw error;
      }
    },
    async abort(upload) {
      try {
        return blobsOf(
          await database.commit([
            { sql: "DELETE FROM s3_uploads WHERE upload_id = ?", params: [upload.uploadId], expect: 1 },
            dropParts(upload.uploadId),
          ]),
        );
      } catch (error) {
        if (error instanceof Conflict) return undefined;
        throw error;
      }
    },
    async page(bucket, from, aboveSeq, to, limit) {
      const start =
        aboveSeq === undefined ? "key_bytes >= ?" : "(key_bytes > ? OR (key_bytes = ? AND seq > ?))";
      const starts = aboveSeq === undefined ? [from] : [from, from, aboveSeq];
      const rows = await database.read<UploadRow>(
        `SELECT ${COLUMNS} FROM s3_uploads WHERE bucket = ? AND key_bytes >= ? AND ${start}
         ${to === undefined ? "" : "AND key_bytes < ?"} ORDER BY key_bytes, seq LIMIT ?`,
        [bucket, from, ...starts, ...(to === undefined ? [] : [to]), limit],
      );
      return rows.map(uploadOf);
    },
  };
}
