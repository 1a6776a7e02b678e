/**
 * Every write of items, one or many:
 *
 * 1. Take the turn of each item. 2. Read table and items. 3. Let the caller decide what becomes of them
 * (conditions are judged here). 4. Commit items, index entries, counts and stream records in one unit that
 * expects what was read. 5. On Conflict, when another process was faster, start again at 2.
 */
import { LIMITS } from "../../../kernel/limits.ts";
import { Conflict, type Statement } from "../../../ports/database.ts";
import type { World } from "../deps.ts";
import { transactionConflict, validation } from "../errors.ts";
import { versions } from "../numbers.ts";
import { expectDefinition, keyText, type ItemKey, type Store } from "../store.ts";
import { recordStatements, type UserIdentity } from "../stream/record.ts";
import { streamArn, type Table } from "../table/model.ts";
import type { Item } from "../value/item.ts";
import { itemSize } from "../value/size.ts";
import { itemFromText } from "../value/storage.ts";
import { changeStatements, isUnchanged, type Change } from "./change.ts";
import { createTurns } from "./turns.ts";

/** One item to write. */
export interface Target {
  /** Reads the definition anew for each attempt. */
  readonly table: () => Promise<Table>;
  /** Of the definition read; a key never depends on anything else that changes. */
  readonly key: (table: Table) => ItemKey;
  /**
   * What becomes of the item; undefined: it is gone. Throws what the request is refused with.
   * The item itself is handed back where nothing changes (a check).
   */
  readonly decide: (old: Item | undefined, table: Table) => Item | undefined;
  /** UpdateItem words an item that grew too large in its own way. */
  readonly isUpdate?: boolean;
}

export interface WriteOptions {
  /** Who deletes, when it is not a user. */
  readonly userIdentity?: UserIdentity;
  /** Rows to write in the same unit. */
  readonly extra?: readonly Statement[];
  /** Of all items together, as they are written. */
  readonly bytesMax?: number;
}

export interface Writer {
  one(target: Target, options?: WriteOptions): Promise<Change>;
  /**
   * All or nothing. `refuse` turns what the decisions threw, one slot a target, into the request's error.
   * Errors: what `refuse` returns; TransactionConflictException when others kept being faster.
   */
  all(
    targets: readonly Target[],
    refuse: (failures: readonly unknown[]) => Error,
    options?: WriteOptions,
  ): Promise<Change[]>;
}

const ATTEMPTS_MAX = 20;

export function createWriter(world: World, store: Store): Writer {
  const turns = createTurns();
  const nextVersion = versions(world.clock);

  async function read(target: Target, table: Table): Promise<Change> {
    const key = target.key(table);
    const stored = await store.item(table, key);
    const old = stored === undefined ? undefined : itemFromText(stored.text);
    const next = target.decide(old, table);
    const bytes = next === undefined ? 0 : next === old ? (stored?.bytes ?? 0) : itemSize(next);
    if (bytes > LIMITS.dynamodbItemBytes) {
      const what = target.isUpdate === true ? "Item size to update" : "Item size";
      throw validation(`${what} has exceeded the maximum allowed size`);
    }
    return { table, key, stored, old, next, bytes };
  }

  /** False when somebody else was faster. */
  async function commit(changes: readonly Change[], options: WriteOptions): Promise<boolean> {
    const isIdle = options.extra === undefined && changes.every(isUnchanged);
    if (isIdle && changes.length === 1) return true;
    const nowMs = world.clock.now();
    const guards = new Map(changes.map(({ table }) => [table.no, table]));
    const statements = [...[...guards.values()].map(expectDefinition), ...(options.extra ?? [])];
    for (const change of changes) {
      statements.push(...changeStatements(change, nextVersion()));
      statements.push(
        ...recordStatements(change, { nowMs, random: world.random, userIdentity: options.userIdentity }),
      );
    }
    try {
      await store.database.commit(statements);
    } catch (error) {
      if (error instanceof Conflict) return false;
      throw error;
    }
    for (const change of changes) notify(change);
    return true;
  }

  function notify(change: Change): void {
    const { scope, name, stream } = change.table;
    if (stream?.enabled === true && !isUnchanged(change))
      world.wakeup.notify(streamArn(scope, name, stream.label));
  }

  const turnOf = (target: Target, table: Table): string => keyText(table.no, target.key(table));

  return {
    async one(target, options = {}) {
      const table = await target.table();
      return turns.run([turnOf(target, table)], async () => {
        for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt++) {
          const change = await read(target, attempt === 1 ? table : await target.table());
          if (await commit([change], options)) return change;
        }
        throw transactionConflict();
      });
    },
    async all(targets, refuse, options = {}) {
      const tables = await Promise.all(targets.map((target) => target.table()));
      const keys = targets.map((target, index) => turnOf(target, tables[index] as Table));
      return turns.run(keys, async () => {
        for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt++) {
          const outcomes = await Promise.allSettled(
            targets.map(async (target) => read(target, await target.table())),
          );
          if (outcomes.some(({ status }) => status === "rejected")) {
            throw refuse(
              outcomes.map((outcome) => (outcome.status === "rejected" ? outcome.reason : undefined)),
            );
          }
          const changes = outcomes.flatMap((outcome) =>
            outcome.status === "fulfilled" ? [outcome.value] : [],
          );
          const bytes = changes.reduce((sum, change) => sum + change.bytes, 0);
          if (bytes > (options.bytesMax ?? Infinity)) {
            throw validation(`Transaction payload size cannot exceed 4MB. Payload Size: ${String(bytes)}`);
          }
          if (await commit(changes, options)) return changes;
        }
        throw transactionConflict();
      });
    },
  };
}
