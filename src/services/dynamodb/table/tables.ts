/**
 * Tables: finding them, and the life of their definitions. A change is seen under way (CREATING,
 * UPDATING, DELETING) for SETTLE_MS before it is settled; what was under way when the server stopped is
 * settled at the next opening of the file.
 */
import type { Scope } from "../../../kernel/scope.ts";
import { Conflict, type Statement } from "../../../ports/database.ts";
import type { World } from "../deps.ts";
import {
  resourceNotFound,
  tableExists,
  tableInUse,
  tableNotFound,
  tooManyTables,
  tooManyUnderWay,
} from "../errors.ts";
import { changedTable, deleteTable, insertTable, replaceTable, type Store } from "../store.ts";
import { refuseTableName, tableNameOf, type Table } from "./model.ts";

/** Long enough to be seen, short enough not to be waited for. */
const SETTLE_MS = 20;
/** What takes longer, the filling of an index, is described as it stands. */
const PATIENCE_MS = 100;
const ATTEMPTS_MAX = 20;

/** What a change of a definition makes: the new one, and rows that go with it in the same unit. */
export interface TableChange {
  readonly changes: Partial<Table>;
  readonly rows?: readonly Statement[];
}

/** Turns a definition that is under way into the settled one; undefined: there is nothing to settle. */
export type Settle = (table: Table) => Promise<TableChange | "delete" | undefined>;

export interface Tables {
  /** For operations on tables. Errors: ResourceNotFoundException that names it. */
  named(scope: Scope, nameOrArn: string): Promise<Table>;
  /** For operations on items: waits while it is CREATING. Errors: ResourceNotFoundException that does not. */
  withItems(scope: Scope, nameOrArn: string): Promise<Table>;
  /** Errors: ResourceInUseException, LimitExceededException. */
  create(table: Table, rows: readonly Statement[]): Promise<void>;
  /** Decides on the definition as it stands. Errors: what `decide` throws, LimitExceededException. */
  change(scope: Scope, nameOrArn: string, decide: (table: Table) => TableChange): Promise<Table>;
  /**
   * For DescribeTable: gives what is under way a moment to settle. The SDKs' waiters look at once and then
   * only every 20 s.
   * Errors: ResourceNotFoundException that names it.
   */
  settled(scope: Scope, nameOrArn: string): Promise<Table>;
  /** Settles everything that is under way in the file. */
  resume(): Promise<void>;
  close(): Promise<void>;
}

/** What counts among the operations on tables that an account may have under way. */
function isUnderWay({ status, timeToLive }: Partial<Table>): boolean {
  if (timeToLive !== undefined && timeToLive.status !== "ENABLED") return true;
  return status !== undefined && status !== "ACTIVE";
}

export function createTables(world: World, store: Store, settle: Settle): Tables {
  const { clock, limits, log } = world;
  const settling = new Map<number, Promise<void>>();
  /** Scopes of the tables whose change is under way in this process, by number. */
  const underWay = new Map<number, string>();
  const stopping = new AbortController();

  async function named(scope: Scope, nameOrArn: string): Promise<Table> {
    refuseTableName(nameOrArn);
    const name = tableNameOf(scope, nameOrArn);
    const table = name === undefined ? undefined : await store.table(scope, name);
    if (table === undefined) throw tableNotFound(name ?? nameOrArn);
    return table;
  }

  /** Commits a change of the definition; false when it has changed meanwhile. */
  async function apply(table: Table, change: TableChange | "delete"): Promise<boolean> {
    try {
      if (change === "delete") await store.database.commit(deleteTable(table));
      else {
        const after = changedTable(table, change.changes);
        await store.database.commit([replaceTable(table, after), ...(change.rows ?? [])]);
      }
      return true;
    } catch (error) {
      if (error instanceof Conflict) return false;
      throw error;
    }
  }

  const scopeKey = ({ accountId, region }: Scope): string => `${accountId}/${region}`;

  /** Errors: LimitExceededException. */
  function refuseCrowd(scope: Scope): void {
    const key = scopeKey(scope);
    let count = 0;
    for (const place of underWay.values()) if (place === key) count += 1;
    if (count >= limits.tablesUnderWay) throw tooManyUnderWay(limits.tablesUnderWay);
  }

  function settleSoon(table: Table): void {
    if (isUnderWay(table)) underWay.set(table.no, scopeKey(table.scope));
    const before = settling.get(table.no) ?? Promise.resolve();
    const work = before
      .then(() => clock.sleep(SETTLE_MS, stopping.signal))
      .then(() => settleNow(table))
      .catch((error: unknown) => {
        if (!stopping.signal.aborted) log.error({ error, table: table.name }, "a table could not be settled");
      })
      .finally(() => {
        if (settling.get(table.no) !== work) return;
        settling.delete(table.no);
        underWay.delete(table.no);
      });
    settling.set(table.no, work);
  }

  async function settleNow({ scope, name, no }: Table): Promise<void> {
    for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt++) {
      const table = await store.table(scope, name);
      if (table === undefined || table.no !== no) return;
      const change = await settle(table);
      if (change === undefined || stopping.signal.aborted) return;
      if ((await apply(table, change)) && change === "delete") return;
    }
  }

  return {
    named,
    async withItems(scope, nameOrArn) {
      refuseTableName(nameOrArn);
      const name = tableNameOf(scope, nameOrArn);
      let table = name === undefined ? undefined : await store.table(scope, name);
      if (table?.status === "CREATING" && name !== undefined) {
        await settling.get(table.no);
        table = await store.table(scope, name);
      }
      if (table === undefined || table.status === "CREATING" || table.status === "DELETING") {
        throw resourceNotFound(
          `table ${nameOrArn} in ${scope.region} of account ${scope.accountId}: aws dynamodb list-tables`,
        );
      }
      return table;
    },
    async settled(scope, nameOrArn) {
      const table = await named(scope, nameOrArn);
      const underWay = settling.get(table.no);
      if (table.status === "ACTIVE" || underWay === undefined) return table;
      const enough = new AbortController();
      const patience = clock.sleep(PATIENCE_MS, enough.signal).catch(() => undefined);
      await Promise.race([underWay, patience]);
      enough.abort(new Error("it has settled"));
      return named(scope, nameOrArn);
    },
    async create(table, rows) {
      const existing = await store.table(table.scope, table.name);
      if (existing !== undefined) throw tableExists(table.name);
      refuseCrowd(table.scope);
      if ((await store.countTables(table.scope)) >= limits.tables) throw tooManyTables(limits.tables);
      try {
        await store.database.commit([...insertTable(table), ...rows]);
      } catch (error) {
        throw error instanceof Conflict ? tableExists(table.name) : error;
      }
      settleSoon(table);
    },
    async change(scope, nameOrArn, decide) {
      for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt++) {
        const table = await named(scope, nameOrArn);
        const change = decide(table);
        if (isUnderWay(change.changes)) refuseCrowd(scope);
        if (await apply(table, change)) {
          const after = changedTable(table, change.changes);
          settleSoon(after);
          return after;
        }
      }
      throw tableInUse(nameOrArn, "updated");
    },
    async resume() {
      for (const table of await store.everyTable()) settleSoon(table);
    },
    async close() {
      stopping.abort(new Error("the service is closing"));
      await Promise.allSettled(settling.values());
    },
  };
}
