/**
 * Every write of items, one or many:
 *
 * 1. Take the turn of each item. 2. Read table and items. 3. Let the caller decide what becomes of them
 * (conditions are judged here). 4. Commit items, index entries, counts and stream records in one unit that
 * expects what was read. 5. On Conflict, when another process was faster, start again at 2.
 *
 * Writes that come for an item while another one of it is being committed wait for one turn together: they
 * are decided in their order, each on what the one before leaves, and share one commit. So a hot key makes
 * a commit a turn, not a commit a write; each write still has a version and a stream record of its own.
 */
import { LIMITS } from "../../../kernel/limits.ts";
import { Conflict, type Statement } from "../../../ports/database.ts";
import { consumedByWrite, TRANSACTION_FACTOR, type Consumed } from "../capacity.ts";
import type { World } from "../deps.ts";
import {
  collectionTooLarge,
  isConditionalCheckFailed,
  itemTooLarge,
  transactionConflict,
  validation,
} from "../errors.ts";
import { versions } from "../numbers.ts";
import { expectDefinition, keyText, type ItemKey, type ItemState, type Store } from "../store.ts";
import { recordStatements, type UserIdentity } from "../stream/record.ts";
import { streamArn, type Table } from "../table/model.ts";
import { isMetered } from "../meter.ts";
import type { Item } from "../value/item.ts";
import { itemSize } from "../value/size.ts";
import { itemFromText } from "../value/storage.ts";
import {
  changeStatements,
  collectionGrowth,
  hasCollections,
  sameItem,
  unitsOfWrite,
  writeUnits,
  type Change,
} from "./change.ts";
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
  /** Of the item that is left, where the request alone tells; checked by then. */
  readonly bytes?: number;
}

export interface WriteOptions {
  /** Who deletes, when it is not a user. */
  readonly userIdentity?: UserIdentity;
}

export interface TransactionOptions {
  /** Rows to write in the same unit. */
  readonly extra?: readonly Statement[];
  /** Of all items together, as they are written. */
  readonly bytesMax: number;
}

export interface Writer {
  /** Errors: what the target decides; TransactionConflictException when others kept being faster. */
  one(target: Target, options?: WriteOptions): Promise<Change>;
  /**
   * All or nothing. `refuse` turns what stands against each target, one slot a target, into the request's
   * error. Errors: what `refuse` returns; ValidationException when all items together are too large.
   */
  all(
    targets: readonly Target[],
    refuse: (failures: readonly unknown[]) => Error,
    options: TransactionOptions,
  ): Promise<Change[]>;
}

/** An item as a write finds it. */
interface Found {
  readonly table: Table;
  readonly key: ItemKey;
  readonly stored: ItemState | undefined;
  readonly old: Item | undefined;
  readonly collectionBytes: number;
}

/** A write that waits for its item's turn. */
interface Waiting {
  readonly target: Target;
  readonly table: Table;
  readonly userIdentity: UserIdentity | undefined;
  readonly resolve: (change: Change) => void;
  readonly reject: (error: unknown) => void;
}

interface Decided {
  readonly change: Change;
  readonly userIdentity?: UserIdentity | undefined;
}

const ATTEMPTS_MAX = 20;
/** Writes that share a commit: a unit of at most some 13 MB. */
const GROUP_MAX = 32;

export function createWriter(world: World, store: Store): Writer {
  const turns = createTurns();
  const nextVersion = versions(world.clock);
  /** Of each item, the group that waits for its next turn and may still be joined. */
  const groups = new Map<string, Waiting[]>();

  async function find(target: Target, table: Table): Promise<Found> {
    const key = target.key(table);
    const stored = await store.item(table, key);
    const old = stored === undefined ? undefined : itemFromText(stored.text);
    const collectionBytes = hasCollections(table) ? await store.collectionBytes(table, key.pk) : 0;
    return { table, key, stored, old, collectionBytes };
  }

  /**
   * Each item of a transaction is judged by what its collection held before. `factor`: what the write costs,
   * in times its units. Errors: what the target throws; ValidationException,
   * ItemCollectionSizeLimitExceededException, ProvisionedThroughputExceededException.
   */
  function decide(target: Target, found: Found, factor: number): Change {
    const { table, stored, old } = found;
    const next = judge(target, found, factor);
    const bytes = bytesOf(next, next === old ? stored?.bytes : target.bytes);
    if (bytes > LIMITS.dynamodbItemBytes) throw itemTooLarge("Item size to update");
    const change = { ...found, next, bytes, version: nextVersion(), isUnchanged: sameItem(old, next) };
    if (hasCollections(table)) {
      const growth = collectionGrowth(change);
      if (growth > 0 && found.collectionBytes + growth > world.limits.collectionBytes)
        throw collectionTooLarge();
    }
    if (factor > 0 && isMetered(table)) world.meter.admit(costOf(change, factor), "Write");
    return change;
  }

  /** A write that its condition refuses costs what the item there would cost to write. */
  function judge(target: Target, { table, stored, old }: Found, factor: number): Item | undefined {
    if (factor === 0 || !isMetered(table)) return target.decide(old, table);
    const units = factor * unitsOfWrite(stored?.bytes ?? 0);
    const cost: Consumed = { table, name: table.name, units, indexes: new Map() };
    world.meter.admit(cost, "Write");
    try {
      return target.decide(old, table);
    } catch (error) {
      if (isConditionalCheckFailed(error)) world.meter.take(cost, "Write");
      throw error;
    }
  }

  /** False when somebody else was faster. */
  async function commit(decided: readonly Decided[], extra: readonly Statement[] = []): Promise<boolean> {
    const nowMs = world.clock.now();
    const tables = new Map(decided.map(({ change: { table } }) => [table.no, table]));
    const statements = [...[...tables.values()].map(expectDefinition), ...extra];
    for (const { change, userIdentity } of decided) {
      statements.push(...changeStatements(change));
      statements.push(...recordStatements(change, { nowMs, random: world.random, userIdentity }));
    }
    try {
      await store.database.commit(statements);
    } catch (error) {
      if (error instanceof Conflict) return false;
      throw error;
    }
    for (const { change } of decided) notify(change);
    return true;
  }

  function charge(change: Change, factor: number): void {
    if (factor > 0 && isMetered(change.table)) world.meter.take(costOf(change, factor), "Write");
  }

  function notify(change: Change): void {
    const { scope, name, stream } = change.table;
    if (stream?.enabled === true && !change.isUnchanged)
      world.wakeup.notify(streamArn(scope, name, stream.label));
  }

  const turnOf = (target: Target, table: Table): string => keyText(table.no, target.key(table));

  /** Answers everyone in the group, once what they were judged on is committed. */
  async function writeGroup(group: readonly Waiting[]): Promise<void> {
    const [{ target: first, table: known }] = group as [Waiting];
    for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt++) {
      let found = await find(first, attempt === 1 ? known : await first.table());
      const decided: Decided[] = [];
      const answers: (() => void)[] = [];
      for (const { target, userIdentity, resolve, reject } of group) {
        try {
          const change = decide(target, found, factorOf(userIdentity));
          decided.push({ change, userIdentity });
          answers.push(() => resolve(change));
          found = after(change);
        } catch (error) {
          answers.push(() => reject(error));
        }
      }
      const isIdle = decided.every(({ change }) => change.isUnchanged);
      if (!isIdle && !(await commit(decided))) continue;
      for (const { change, userIdentity } of decided) charge(change, factorOf(userIdentity));
      return answers.forEach((answer) => answer());
    }
    throw transactionConflict();
  }

  return {
    async one(target, { userIdentity } = {}) {
      const table = await target.table();
      const turn = turnOf(target, table);
      return new Promise((resolve, reject) => {
        const waiting: Waiting = { target, table, userIdentity, resolve, reject };
        const open = groups.get(turn);
        if (open !== undefined && open.length < GROUP_MAX) return void open.push(waiting);
        const group = [waiting];
        groups.set(turn, group);
        const work = (): Promise<void> => {
          if (groups.get(turn) === group) groups.delete(turn);
          return writeGroup(group);
        };
        turns.run([turn], work).catch((error: unknown) => {
          for (const one of group) one.reject(error);
        });
      });
    },
    async all(targets, refuse, { extra, bytesMax }) {
      const tables = await Promise.all(targets.map((target) => target.table()));
      const keys = targets.map((target, index) => turnOf(target, tables[index] as Table));
      return turns.run(keys, async () => {
        for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt++) {
          const outcomes = await Promise.allSettled(
            targets.map(async (target) =>
              decide(target, await find(target, await target.table()), TRANSACTION_FACTOR),
            ),
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
          if (bytes > bytesMax) {
            throw validation(`Transaction payload size cannot exceed 4MB. Payload Size: ${String(bytes)}`);
          }
          const isIdle =
            extra === undefined && changes.length === 1 && changes.every((change) => change.isUnchanged);
          const decided = changes.map((change) => ({ change }));
          if (!isIdle && !(await commit(decided, extra))) continue;
          for (const change of changes) charge(change, TRANSACTION_FACTOR);
          return changes;
        }
        throw refuse(targets.map(transactionConflict));
      });
    },
  };
}

function bytesOf(item: Item | undefined, known: number | undefined): number {
  return item === undefined ? 0 : (known ?? itemSize(item));
}

/** What a service deletes by itself is free. */
function factorOf(userIdentity: UserIdentity | undefined): number {
  return userIdentity === undefined ? 1 : 0;
}

function costOf(change: Change, factor: number): Consumed {
  return consumedByWrite(change.table, change.table.name, writeUnits(change), factor);
}

/** The item as the next write of the same unit finds it. */
function after(change: Change): Found {
  const { table, key, stored, old, next, bytes, version, collectionBytes } = change;
  if (change.isUnchanged) return { table, key, stored, old, collectionBytes };
  return {
    table,
    key,
    stored: next === undefined ? undefined : { version, bytes },
    old: next,
    collectionBytes: collectionBytes + (hasCollections(table) ? collectionGrowth(change) : 0),
  };
}
