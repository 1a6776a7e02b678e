/** Partition keys by table name, for IAM's rules, which may look at nothing but their input. */
import type { Table } from "./model.ts";

export interface HashNames {
  note(table: Table): void;
  /** All that tables of this name have or had, in any account and region; empty when none was seen. */
  of(tableName: string): readonly string[];
}

const NAMES_MAX = 10_000;

export function createHashNames(): HashNames {
  const names = new Map<string, readonly string[]>();
  return {
    note({ name, keys }) {
      const known = names.get(name) ?? [];
      if (known.includes(keys.hash)) return;
      // Forgetting is safe: what is not known is judged by all values of a key.
      if (names.size >= NAMES_MAX) names.clear();
      names.set(name, [...known, keys.hash]);
    },
    of: (tableName) => names.get(tableName) ?? [],
  };
}
