import type { Migration, SqlValue } from "../../ports/database.ts";

/** One statement as it crosses to the writer thread. */
export interface WireStatement {
  readonly sql: string;
  readonly params: readonly SqlValue[];
  readonly expect: number | undefined;
}

export interface WireUnit {
  readonly id: number;
  readonly statements: readonly WireStatement[];
  readonly synced: boolean;
}

export type ToWriter =
  | { readonly kind: "units"; readonly units: readonly WireUnit[] }
  | { readonly kind: "close" };

export type UnitResult =
  | { readonly id: number; readonly rows: readonly (readonly Record<string, SqlValue>[])[] }
  | { readonly id: number; readonly conflict: { readonly index: number; readonly message: string } }
  | { readonly id: number; readonly unavailable: string }
  | { readonly id: number; readonly fault: string };

export type FromWriter =
  | { readonly kind: "opened"; readonly backup: string | undefined }
  | { readonly kind: "failed"; readonly message: string }
  | { readonly kind: "results"; readonly results: readonly UnitResult[] }
  | { readonly kind: "closed" };

export interface WriterOptions {
  readonly path: string;
  readonly synchronous: "full" | "normal";
  readonly migrations: readonly Migration[];
  /** Epoch ms, noted beside the migrations that run now. */
  readonly now: number;
}

/** BUSY, LOCKED, PERM, READONLY, IOERR, CORRUPT, FULL, CANTOPEN, NOTADB: the file or the disk, not the statement. */
const STORAGE_FAULTS = new Set([3, 5, 6, 8, 10, 11, 13, 14, 26]);

/** SQLite's primary result code: the low byte of the extended one; 0 for any other error. */
export function sqliteCode(error: unknown): number {
  const code = (error as { errcode?: unknown }).errcode;
  return typeof code === "number" ? code & 0xff : 0;
}

export function isStorageFault(error: unknown): boolean {
  return STORAGE_FAULTS.has(sqliteCode(error));
}
