import type { SqlValue } from "../../ports/database.ts";

/** One statement as it crosses to the writer thread. */
export interface WireStatement {
  readonly sql: string;
  readonly params: readonly SqlValue[];
  readonly expect: number | undefined;
}

export interface WireUnit {
  readonly id: number;
  readonly statements: readonly WireStatement[];
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
  | { readonly kind: "opened" }
  | { readonly kind: "failed"; readonly message: string }
  | { readonly kind: "results"; readonly results: readonly UnitResult[] }
  | { readonly kind: "closed" };

export interface WriterOptions {
  readonly path: string;
  readonly synchronous: "full" | "normal";
}
