/** The files that hold events, one for each UTC day of their timestamps: `<folder>/2026-11-21.db`. */
import { mkdir, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Database, Migration } from "../../ports/database.ts";

export const dayMigrations: readonly Migration[] = [
  {
    id: "logs-day/0001",
    sql: [
      `CREATE TABLE log_chunks (
        stream_id TEXT NOT NULL,
        seq BIGINT NOT NULL,
        group_id TEXT NOT NULL,
        first_ts BIGINT NOT NULL,
        last_ts BIGINT NOT NULL,
        events INTEGER NOT NULL,
        bytes INTEGER NOT NULL,
        ingested_at BIGINT NOT NULL,
        body BYTEA NOT NULL,
        PRIMARY KEY (stream_id, seq)
      )`,
      "CREATE INDEX log_chunks_stream_first ON log_chunks (stream_id, first_ts, seq)",
      "CREATE INDEX log_chunks_stream_last ON log_chunks (stream_id, last_ts, seq)",
      "CREATE INDEX log_chunks_group_first ON log_chunks (group_id, first_ts, seq)",
      "CREATE INDEX log_chunks_group_last ON log_chunks (group_id, last_ts, seq)",
      `CREATE TABLE log_stream_days (
        stream_id TEXT NOT NULL PRIMARY KEY,
        group_id TEXT NOT NULL,
        first_ts BIGINT NOT NULL,
        last_ts BIGINT NOT NULL,
        ingested_at BIGINT NOT NULL,
        events BIGINT NOT NULL,
        bytes BIGINT NOT NULL
      )`,
      "CREATE INDEX log_stream_days_group ON log_stream_days (group_id)",
    ],
  },
];

export interface DayFiles {
  /** Days there is a file for, oldest first. */
  days(): readonly string[];
  /** Runs `work` with the day's database; undefined, and `work` is not run, when there is no file. */
  use<T>(day: string, work: (database: Database) => Promise<T>): Promise<T | undefined>;
  /** The same, creating the file where it is missing. */
  useOrCreate<T>(day: string, work: (database: Database) => Promise<T>): Promise<T>;
  /** Closes and deletes the day's file once nobody uses it. */
  remove(day: string): Promise<void>;
  /** Size on disk. */
  bytes(day: string): Promise<number>;
  close(): Promise<void>;
}

export interface DayFilesDeps {
  readonly folder: string;
  /** Opens (creating where needed) a database with `dayMigrations`; synchronous NORMAL is enough. */
  readonly open: (path: string) => Promise<Database>;
  /** How many files stay open when nobody uses them. */
  readonly openMax?: number;
}

interface Handle {
  readonly database: Promise<Database>;
  users: number;
}

/** A week and today: what is kept of functions by default. */
const OPEN_MAX = 10;

const DAY_FILE = /^(\d{4}-\d{2}-\d{2})\.db$/;

export async function openDayFiles(deps: DayFilesDeps): Promise<DayFiles> {
  const openMax = deps.openMax ?? OPEN_MAX;
  await mkdir(deps.folder, { recursive: true, mode: 0o700 });
  const known = new Set<string>();
  for (const name of await readdir(deps.folder)) {
    const day = DAY_FILE.exec(name)?.[1];
    if (day !== undefined) known.add(day);
  }
  const handles = new Map<string, Handle>();
  const doomed = new Set<string>();
  const pathOf = (day: string): string => join(deps.folder, `${day}.db`);

  async function closeHandle(day: string, handle: Handle): Promise<void> {
    handles.delete(day);
    await (await handle.database).close();
  }

  async function tidy(): Promise<void> {
    for (const [day, handle] of handles) {
      if (handle.users > 0) continue;
      if (doomed.has(day) || handles.size > openMax) await closeHandle(day, handle);
    }
    for (const day of doomed) {
      if (handles.has(day)) continue;
      doomed.delete(day);
      for (const suffix of ["", "-wal", "-shm"]) await rm(pathOf(day) + suffix, { force: true });
    }
  }

  async function useOrCreate<T>(day: string, work: (database: Database) => Promise<T>): Promise<T> {
    let handle = handles.get(day);
    if (handle === undefined) {
      handle = { database: deps.open(pathOf(day)), users: 0 };
    } else {
      handles.delete(day);
    }
    handles.set(day, handle); // the most recently used is the last
    known.add(day);
    doomed.delete(day);
    handle.users += 1;
    try {
      return await work(await handle.database);
    } catch (error) {
      if (await isBroken(handle)) handles.delete(day);
      throw error;
    } finally {
      handle.users -= 1;
      if (handles.size > openMax || doomed.size > 0) await tidy();
    }
  }

  return {
    days: () => [...known].toSorted(),
    async use(day, work) {
      return known.has(day) ? useOrCreate(day, work) : undefined;
    },
    useOrCreate,
    async remove(day) {
      known.delete(day);
      doomed.add(day);
      await tidy();
    },
    async bytes(day) {
      const sizes = ["", "-wal"].map((suffix) =>
        stat(pathOf(day) + suffix).then(
          (info) => info.size,
          () => 0,
        ),
      );
      return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
    },
    async close() {
      for (const [day, handle] of handles) await closeHandle(day, handle);
    },
  };
}

/** A database that never opened must not be kept: the next use tries again. */
async function isBroken(handle: Handle): Promise<boolean> {
  return handle.database.then(
    () => false,
    () => true,
  );
}
