/** Partition keys by name of table and index, for IAM's rules, which may look at nothing but their input. */
import type { Table } from "./model.ts";

export interface HashNames {
  note(table: Table): void;
  /**
   * All that tables (`TABLE`) or indexes (`TABLE/index/INDEX`) of this name have or had, in any account and
   * region; empty when none was seen.
   */
  of(name: string): readonly string[];
}

const NAMES_MAX = 10_000;

export function createHashNames(): HashNames {
  const names = new Map<string, readonly string[]>();

  function add(name: string, hash: string): void {
    const known = names.get(name) ?? [];
    if (known.includes(hash)) return;
    // Forgetting is safe: what is not known is judged by all values of a key.
    if (names.size >= NAMES_MAX) names.clear();
    names.set(name, [...known, hash]);
  }

  return {
    note({ name, keys, indexes }) {
      add(name, keys.hash);
      for (const index of indexes) add(`${name}/index/${index.name}`, index.keys.hash);
    },
    of: (name) => names.get(name) ?? [],
  };
}
