/**
 * Buses, rules, targets and tags in state.db. Statements that make or change a child expect its parent,
 * so that what is deleted meanwhile is not half there again.
 */
import type { Scope } from "../../kernel/scope.ts";
import { optionalNumber, optionalText } from "../../ports/columns.ts";
import { type Database, type Row, type SqlValue, type Statement } from "../../ports/database.ts";
import { type Bus, EVENTS_LIMITS, type Rule, type RuleState, type Target } from "./model.ts";
import { busArn, type BusKey, DEFAULT_BUS, ruleArn, type RuleKey } from "./names.ts";

export type Tags = Readonly<Record<string, string>>;

export interface Page {
  readonly prefix?: string | undefined;
  readonly after?: string | undefined;
  readonly limit: number;
}

export interface EventsStore {
  bus(key: BusKey): Promise<Bus | undefined>;
  buses(scope: Scope, page: Page): Promise<Bus[]>;
  /** The default bus of an account and region is there from the first look. */
  ensureDefault(scope: Scope, now: number): Promise<void>;
  rule(key: RuleKey): Promise<Rule | undefined>;
  rules(key: BusKey, page: Page): Promise<Rule[]>;
  targets(key: RuleKey, page: Page): Promise<Target[]>;
  /** With the name of their rule, of all rules of the bus. */
  targetsOfBus(key: BusKey): Promise<{ readonly rule: string; readonly target: Target }[]>;
  ruleNamesByTarget(key: BusKey, targetArn: string, page: Page): Promise<string[]>;
  tags(arn: string): Promise<Tags>;
  /** Rules whose schedule is due, the earliest first. */
  due(now: number, limit: number): Promise<Rule[]>;
  /** When the next schedule is due. */
  nextDue(): Promise<number | undefined>;
  commit(unit: readonly Statement[]): Promise<void>;
}

const IN_BUS = "account_id = ? AND region = ? AND bus = ?";
const busParams = ({ accountId, region, bus }: BusKey): string[] => [accountId, region, bus];
const ruleParams = (key: RuleKey): string[] => [...busParams(key), key.rule];
/** Sorts behind every name. */
const LAST = "\u{10ffff}";

export function createStore(database: Database): EventsStore {
  const read = (sql: string, params: readonly SqlValue[]): Promise<Row[]> => database.read(sql, params);
  function listed(table: string, where: string, column: string): string {
    return `SELECT * FROM ${table} WHERE ${where} AND ${column} >= ? AND ${column} < ? AND ${column} > ?
      ORDER BY ${column} LIMIT ?`;
  }
  const pageParams = ({ prefix = "", after = "", limit }: Page): SqlValue[] => [
    prefix,
    prefix + LAST,
    after,
    limit,
  ];

  return {
    async bus(key) {
      return (await read(`SELECT * FROM events_buses WHERE ${IN_BUS}`, busParams(key))).map(toBus)[0];
    },
    async buses({ accountId, region }, page) {
      const sql = listed("events_buses", "account_id = ? AND region = ?", "bus");
      return (await read(sql, [accountId, region, ...pageParams(page)])).map(toBus);
    },
    async ensureDefault({ accountId, region }, now) {
      const sql = `INSERT INTO events_buses (account_id, region, bus, created_at, modified_at)
        VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`;
      await database.commit([{ sql, params: [accountId, region, DEFAULT_BUS, now, now] }]);
    },
    async rule(key) {
      const sql = `SELECT * FROM events_rules WHERE ${IN_BUS} AND rule = ?`;
      return (await read(sql, ruleParams(key))).map(toRule)[0];
    },
    async rules(key, page) {
      return (
        await read(listed("events_rules", IN_BUS, "rule"), [...busParams(key), ...pageParams(page)])
      ).map(toRule);
    },
    async targets(key, page) {
      const sql = listed("events_targets", `${IN_BUS} AND rule = ?`, "id");
      return (await read(sql, [...ruleParams(key), ...pageParams(page)])).map(toTarget);
    },
    async targetsOfBus(key) {
      const sql = `SELECT rule, target FROM events_targets WHERE ${IN_BUS} ORDER BY rule, id`;
      return (await read(sql, busParams(key))).map((row) => ({
        rule: String(row["rule"]),
        target: toTarget(row),
      }));
    },
    async ruleNamesByTarget(key, targetArn, { after = "", limit }) {
      const sql = `SELECT DISTINCT rule FROM events_targets WHERE ${IN_BUS} AND arn = ? AND rule > ?
        ORDER BY rule LIMIT ?`;
      return (await read(sql, [...busParams(key), targetArn, after, limit])).map((row) =>
        String(row["rule"]),
      );
    },
    async tags(arn) {
      const rows = await read("SELECT * FROM events_tags WHERE arn = ? ORDER BY tag_key", [arn]);
      return Object.fromEntries(rows.map((row) => [String(row["tag_key"]), String(row["tag_value"])]));
    },
    async due(now, limit) {
      const sql = "SELECT * FROM events_rules WHERE next_ms <= ? ORDER BY next_ms LIMIT ?";
      return (await read(sql, [now, limit])).map(toRule);
    },
    async nextDue() {
      const [row] = await read("SELECT MIN(next_ms) AS due FROM events_rules WHERE next_ms IS NOT NULL", []);
      return optionalNumber(row?.["due"]);
    },
    async commit(unit) {
      await database.commit(unit);
    },
  };
}

/** While there is room for it: the count is part of the statement, so that two at once are not both the last. */
export function insertBus(bus: Bus): Statement {
  return {
    sql: `INSERT INTO events_buses (account_id, region, bus, description, policy, created_at, modified_at)
      SELECT CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS TEXT),
        CAST(? AS BIGINT), CAST(? AS BIGINT)
      WHERE (SELECT COUNT(*) FROM events_buses WHERE account_id = ? AND region = ? AND bus <> ?) < ?`,
    params: [
      ...[...busParams(bus), bus.description ?? null, bus.policy ?? null, bus.createdAt, bus.modifiedAt],
      ...[bus.accountId, bus.region, DEFAULT_BUS, EVENTS_LIMITS.busesPerScope],
    ],
    expect: 1,
  };
}

/** Only where nobody has changed the bus since it was read. */
export function updateBus(bus: Bus, readAt: number): Statement {
  return {
    sql: `UPDATE events_buses SET description = ?, policy = ?, modified_at = ?
      WHERE ${IN_BUS} AND modified_at = ?`,
    params: [bus.description ?? null, bus.policy ?? null, bus.modifiedAt, ...busParams(bus), readAt],
    expect: 1,
  };
}

export function deleteBus(key: BusKey): readonly Statement[] {
  return [
    {
      sql: `DELETE FROM events_buses WHERE ${IN_BUS} AND NOT EXISTS (
        SELECT 1 FROM events_rules r WHERE r.account_id = ? AND r.region = ? AND r.bus = ?)
        AND NOT EXISTS (SELECT 1 FROM events_archives WHERE bus_arn = ?)`,
      params: [...busParams(key), ...busParams(key), busArn(key)],
      expect: 1,
    },
    removeAllTags(busArn(key)),
  ];
}

/** Makes or replaces; only on a bus that is there and has room. */
export function putRule(rule: Rule): Statement {
  return {
    sql: `INSERT INTO events_rules
      (account_id, region, bus, rule, pattern, schedule, state, description, role_arn, since_ms, next_ms)
      SELECT CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS TEXT),
        CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS BIGINT), CAST(? AS BIGINT)
      WHERE EXISTS (SELECT 1 FROM events_buses WHERE ${IN_BUS})
        AND (SELECT COUNT(*) FROM events_rules WHERE ${IN_BUS} AND rule <> ?) < ?
      ON CONFLICT (account_id, region, bus, rule) DO UPDATE SET pattern = excluded.pattern,
        schedule = excluded.schedule, state = excluded.state, description = excluded.description,
        role_arn = excluded.role_arn, since_ms = excluded.since_ms, next_ms = excluded.next_ms`,
    params: [
      ...ruleParams(rule),
      rule.pattern ?? null,
      rule.schedule ?? null,
      rule.state,
      rule.description ?? null,
      rule.roleArn ?? null,
      rule.sinceMs,
      rule.nextMs ?? null,
      ...busParams(rule),
      ...ruleParams(rule),
      EVENTS_LIMITS.rulesPerBus,
    ],
    expect: 1,
  };
}

/** Only of a rule that is still there. */
export function updateState(rule: Rule): Statement {
  return {
    sql: `UPDATE events_rules SET state = ?, since_ms = ?, next_ms = ? WHERE ${IN_BUS} AND rule = ?`,
    params: [rule.state, rule.sinceMs, rule.nextMs ?? null, ...ruleParams(rule)],
    expect: 1,
  };
}

export function deleteRule(key: RuleKey): readonly Statement[] {
  return [
    {
      sql: `DELETE FROM events_rules WHERE ${IN_BUS} AND rule = ? AND NOT EXISTS (
        SELECT 1 FROM events_targets t WHERE t.account_id = ? AND t.region = ? AND t.bus = ? AND t.rule = ?)`,
      params: [...ruleParams(key), ...ruleParams(key)],
      expect: 1,
    },
    removeAllTags(ruleArn(key)),
  ];
}

/** Moves the schedule on, only from the time that was seen due. */
export function advanceRule(rule: Rule, nextMs: number | undefined): Statement {
  return {
    sql: `UPDATE events_rules SET next_ms = ? WHERE ${IN_BUS} AND rule = ? AND next_ms = ?`,
    params: [nextMs ?? null, ...ruleParams(rule), rule.nextMs ?? null],
    expect: 1,
  };
}

/** Makes or replaces; only of a rule that is there and has room. */
export function putTarget(key: RuleKey, target: Target): Statement {
  return {
    sql: `INSERT INTO events_targets (account_id, region, bus, rule, id, arn, target)
      SELECT CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS TEXT),
        CAST(? AS TEXT), CAST(? AS TEXT)
      WHERE EXISTS (SELECT 1 FROM events_rules WHERE ${IN_BUS} AND rule = ?)
        AND (SELECT COUNT(*) FROM events_targets WHERE ${IN_BUS} AND rule = ? AND id <> ?) < ?
      ON CONFLICT (account_id, region, bus, rule, id)
      DO UPDATE SET arn = excluded.arn, target = excluded.target`,
    params: [
      ...ruleParams(key),
      target.Id,
      target.Arn,
      JSON.stringify(target),
      ...ruleParams(key),
      ...ruleParams(key),
      target.Id,
      EVENTS_LIMITS.targetsPerRule,
    ],
    expect: 1,
  };
}

export function removeTarget(key: RuleKey, id: string): Statement {
  return {
    sql: `DELETE FROM events_targets WHERE ${IN_BUS} AND rule = ? AND id = ?`,
    params: [...ruleParams(key), id],
  };
}

export function putTags(arn: string, tags: Tags): readonly Statement[] {
  const sql = `INSERT INTO events_tags (arn, tag_key, tag_value) VALUES (?, ?, ?)
    ON CONFLICT (arn, tag_key) DO UPDATE SET tag_value = excluded.tag_value`;
  return Object.entries(tags).map(([key, value]) => ({ sql, params: [arn, key, value] }));
}

export function removeTags(arn: string, keys: readonly string[]): readonly Statement[] {
  return keys.map((key) => ({
    sql: "DELETE FROM events_tags WHERE arn = ? AND tag_key = ?",
    params: [arn, key],
  }));
}

function removeAllTags(arn: string): Statement {
  return { sql: "DELETE FROM events_tags WHERE arn = ?", params: [arn] };
}

function toBus(row: Row): Bus {
  return {
    accountId: String(row["account_id"]),
    region: String(row["region"]),
    bus: String(row["bus"]),
    description: optionalText(row["description"]),
    policy: optionalText(row["policy"]),
    createdAt: Number(row["created_at"]),
    modifiedAt: Number(row["modified_at"]),
  };
}

function toRule(row: Row): Rule {
  return {
    accountId: String(row["account_id"]),
    region: String(row["region"]),
    bus: String(row["bus"]),
    rule: String(row["rule"]),
    pattern: optionalText(row["pattern"]),
    schedule: optionalText(row["schedule"]),
    state: String(row["state"]) as RuleState,
    description: optionalText(row["description"]),
    roleArn: optionalText(row["role_arn"]),
    sinceMs: Number(row["since_ms"]),
    nextMs: optionalNumber(row["next_ms"]),
  };
}

const toTarget = (row: Row): Target => JSON.parse(String(row["target"])) as Target;
