/** What a data folder holds: where each kind of state lies, how it is opened, and how all of it is erased. */
import { existsSync } from "node:fs";
import { readdir, rm } from "node:fs/promises";
import {
  createBlobStore,
  createCodeCache,
  openDatabase,
  openSecrets,
  type DataDir,
} from "../adapters/embedded/index.ts";
import type { Clock } from "../kernel/clock.ts";
import type { Logger } from "../kernel/log.ts";
import type { BlobStore } from "../ports/blob-store.ts";
import type { CodeCache } from "../ports/code-cache.ts";
import type { Database, Migration } from "../ports/database.ts";
import type { Secrets } from "../ports/secrets.ts";
import { dayMigrations, openDayFiles, STATE_MIGRATIONS } from "../services/index.ts";

/** A service's file of its own: opened by its first use, so that an idle server stays small. */
export interface OwnFile {
  openDatabase(): Promise<Database>;
  /** Something was stored by an earlier server. */
  hasData(): boolean;
}

export interface Storage {
  readonly secrets: Secrets;
  /** `state.db`: whatever must be one unit with the events it sends. */
  readonly database: Database;
  /** Code archives. */
  readonly blobs: BlobStore;
  readonly codeCache: CodeCache;
  /** Bodies of S3's objects. */
  readonly objects: BlobStore;
  readonly logFiles: Awaited<ReturnType<typeof openDayFiles>>;
  own(name: OwnFileName, migrations: readonly Migration[]): OwnFile;
}

const OWN_FILES = ["dynamodb.db", "sqs.db"] as const;
export type OwnFileName = (typeof OWN_FILES)[number];

/** Files and folders of the data folder that hold state; the keys, the token and the clock are kept apart. */
const STATE: readonly string[] = [
  ...["state.db", ...OWN_FILES].flatMap((name) => [name, `${name}-wal`, `${name}-shm`]),
  ...["logs", "blobs", "objects", "code"],
];

/** Copies that were made before a schema changed hold the same. */
const BACKUP = /\.db\.before-/;

export async function eraseState(dataDir: Pick<DataDir, "path" | "file">): Promise<void> {
  const backups = (await readdir(dataDir.path)).filter((name) => BACKUP.test(name));
  for (const name of [...STATE, ...backups]) await rm(dataDir.file(name), { recursive: true, force: true });
}

export async function openStorage(dataDir: DataDir, clock: Clock, log: Logger): Promise<Storage> {
  const durable = (name: string, migrations: readonly Migration[]): Promise<Database> =>
    openDatabase({ path: dataDir.file(name), synchronous: "full", migrations, log, clock });
  const [secrets, database, blobs, objects] = await Promise.all([
    openSecrets({ keyFile: dataDir.file("master.key") }),
    durable("state.db", STATE_MIGRATIONS),
    createBlobStore({ folder: dataDir.file("blobs") }),
    createBlobStore({ folder: dataDir.file("objects") }),
  ]);
  return {
    secrets,
    database,
    blobs,
    objects,
    codeCache: await createCodeCache({ blobs, folder: dataDir.file("code") }),
    logFiles: await openDayFiles({
      folder: dataDir.file("logs"),
      open: (path) => openDatabase({ path, synchronous: "normal", migrations: dayMigrations, log, clock }),
    }),
    own: (name, migrations) => ({
      openDatabase: () => durable(name, migrations),
      hasData: () => existsSync(dataDir.file(name)),
    }),
  };
}
