/** Subscription filters: rows, and the same in memory by group, which every stored chunk asks. */
import { Conflict, type Database, type Migration, type Row } from "../../ports/database.ts";

export interface SubscriptionFilter {
  readonly groupId: string;
  readonly name: string;
  readonly pattern: string;
  /** Of a function. */
  readonly destinationArn: string;
  readonly distribution: "ByLogStream" | "Random";
  readonly createdAt: number;
}

export const FILTERS_PER_GROUP = 2;

export interface SubscriptionStore {
  /** Of a group, ordered by name. */
  of(groupId: string): Promise<readonly SubscriptionFilter[]>;
  /** Puts it, or in the place of one of the same name. False when the group is gone or has its number already. */
  put(filter: SubscriptionFilter): Promise<boolean>;
  /** False when there is none. */
  delete(groupId: string, name: string): Promise<boolean>;
  /** A group was deleted, its rows with it. */
  forget(): void;
}

export const subscriptionMigration: Migration = {
  id: "logs/0003",
  sql: [
    `CREATE TABLE log_subscription_filters (
      group_id TEXT NOT NULL,
      name TEXT NOT NULL,
      pattern TEXT NOT NULL,
      destination_arn TEXT NOT NULL,
      distribution TEXT NOT NULL,
      created_at BIGINT NOT NULL,
      PRIMARY KEY (group_id, name)
    )`,
  ],
};

export function createSubscriptionStore(database: Database): SubscriptionStore {
  let known: Promise<Map<string, readonly SubscriptionFilter[]>> | undefined;

  async function load(): Promise<Map<string, readonly SubscriptionFilter[]>> {
    const rows = await database.read("SELECT * FROM log_subscription_filters ORDER BY name");
    return new Map(Map.groupBy(rows.map(toFilter), (filter) => filter.groupId));
  }

  async function change(sql: string, params: readonly (string | number)[]): Promise<boolean> {
    try {
      await database.commit([{ sql, params, expect: 1 }]);
      return true;
    } catch (error) {
      if (error instanceof Conflict) return false;
      throw error;
    } finally {
      known = undefined;
    }
  }

  return {
    async of(groupId) {
      known ??= load();
      try {
        return (await known).get(groupId) ?? [];
      } catch (error) {
        known = undefined;
        throw error;
      }
    },
    put({ groupId, name, pattern, destinationArn, distribution, createdAt }) {
      const sql = `INSERT INTO log_subscription_filters
          (group_id, name, pattern, destination_arn, distribution, created_at)
        SELECT group_id, ?, ?, ?, ?, ? FROM log_groups WHERE group_id = ?
          AND (SELECT COUNT(*) FROM log_subscription_filters WHERE group_id = ? AND name <> ?) < ?
        ON CONFLICT (group_id, name) DO UPDATE SET pattern = excluded.pattern,
          destination_arn = excluded.destination_arn, distribution = excluded.distribution`;
      const values = [name, pattern, destinationArn, distribution, createdAt];
      return change(sql, [...values, groupId, groupId, name, FILTERS_PER_GROUP]);
    },
    delete(groupId, name) {
      return change("DELETE FROM log_subscription_filters WHERE group_id = ? AND name = ?", [groupId, name]);
    },
    forget() {
      known = undefined;
    },
  };
}

function toFilter(row: Row): SubscriptionFilter {
  return {
    groupId: String(row["group_id"]),
    name: String(row["name"]),
    pattern: String(row["pattern"]),
    destinationArn: String(row["destination_arn"]),
    distribution: row["distribution"] === "Random" ? "Random" : "ByLogStream",
    createdAt: Number(row["created_at"]),
  };
}
