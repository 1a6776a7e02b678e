/**
 * Platform applications and their endpoints: rows in the database, read whenever they are asked for. Pushes
 * go to nobody's telephone but into the local outbox (mail.ts), so credentials are neither used nor kept.
 */
import type { Scope } from "../../kernel/scope.ts";
import { Conflict, type Database, type Statement } from "../../ports/database.ts";
import * as errors from "./errors.ts";

export interface Application extends Scope {
  readonly arn: string;
  /** `ADM`, `GCM`, … */
  readonly platform: string;
  readonly attributes: Readonly<Record<string, string>>;
}

export interface PlatformEndpoint {
  readonly arn: string;
  readonly applicationArn: string;
  /** Enabled, Token, CustomUserData. */
  readonly attributes: Readonly<Record<string, string>>;
}

export interface Platforms {
  application(arn: string): Promise<Application | undefined>;
  /** Those after `after`, in the order of their ARNs. */
  applicationsOf(scope: Scope, after: string, limit: number): Promise<readonly Application[]>;
  endpoint(arn: string): Promise<PlatformEndpoint | undefined>;
  endpointsOf(applicationArn: string, after: string, limit: number): Promise<readonly PlatformEndpoint[]>;
  /** The endpoint of a device's token. */
  byToken(applicationArn: string, token: string): Promise<PlatformEndpoint | undefined>;
  /** Whether something can be pushed there. */
  takesPushes(endpointArn: string): Promise<boolean>;
  put(application: Application): Promise<void>;
  /** Undefined when there is no such application. `next` may run again, when somebody else was faster. */
  change(arn: string, next: (application: Application) => Application): Promise<Application | undefined>;
  /** False when the token was registered meanwhile. */
  addEndpoint(endpoint: PlatformEndpoint): Promise<boolean>;
  changeEndpoint(
    arn: string,
    next: (endpoint: PlatformEndpoint) => PlatformEndpoint,
  ): Promise<PlatformEndpoint | undefined>;
  /** With its endpoints. */
  remove(applicationArn: string): Promise<void>;
  removeEndpoint(arn: string): Promise<void>;
}

export function isEnabled({ attributes }: Pick<Application, "attributes">): boolean {
  return attributes["Enabled"]?.toLowerCase() === "true";
}

const ATTEMPTS = 20;

export function createPlatforms(database: Database): Platforms {
  async function read<T>(where: string, ...params: readonly (string | number)[]): Promise<readonly T[]> {
    const rows = await database.read<{ body: string }>(`SELECT body FROM ${where}`, params);
    return rows.map(({ body }) => JSON.parse(body) as T);
  }

  async function first<T>(where: string, ...params: readonly string[]): Promise<T | undefined> {
    return (await read<T>(where, ...params))[0];
  }

  async function commit(unit: readonly Statement[]): Promise<boolean> {
    try {
      await database.commit(unit);
      return true;
    } catch (error) {
      if (error instanceof Conflict) return false;
      throw error;
    }
  }

  /** Writes only over what was read: of two changes at once none is lost. */
  async function rewrite<T>(
    table: "sns_applications" | "sns_endpoints",
    arn: string,
    next: (before: T) => T,
    more: (after: T) => Statement[],
  ): Promise<T | undefined> {
    for (let count = 0; count < ATTEMPTS; count += 1) {
      const sql = `SELECT body FROM ${table} WHERE arn = ?`;
      const [row] = await database.read<{ body: string }>(sql, [arn]);
      if (row === undefined) return undefined;
      const after = next(JSON.parse(row.body) as T);
      const update = {
        sql: `UPDATE ${table} SET body = ? WHERE arn = ? AND body = ?`,
        params: [JSON.stringify(after), arn, row.body],
        expect: 1,
      };
      if (await commit([update, ...more(after)])) return after;
    }
    throw errors.busy();
  }

  const application = (arn: string): Promise<Application | undefined> =>
    first<Application>("sns_applications WHERE arn = ?", arn);
  const endpoint = (arn: string): Promise<PlatformEndpoint | undefined> =>
    first<PlatformEndpoint>("sns_endpoints WHERE arn = ?", arn);

  return {
    application,
    applicationsOf: ({ accountId, region }, after, limit) =>
      read(
        "sns_applications WHERE account = ? AND region = ? AND arn > ? ORDER BY arn LIMIT ?",
        accountId,
        region,
        after,
        limit,
      ),
    endpoint,
    endpointsOf: (applicationArn, after, limit) =>
      read(
        "sns_endpoints WHERE application_arn = ? AND arn > ? ORDER BY arn LIMIT ?",
        applicationArn,
        after,
        limit,
      ),
    byToken: (applicationArn, token) =>
      first(
        "sns_endpoints WHERE application_arn = ? AND token = ? ORDER BY arn LIMIT 1",
        applicationArn,
        token,
      ),
    async takesPushes(arn) {
      const found = await endpoint(arn);
      const owner = found === undefined ? undefined : await application(found.applicationArn);
      return found !== undefined && owner !== undefined && isEnabled(found) && isEnabled(owner);
    },
    async put(made) {
      const { arn, accountId, region } = made;
      await database.commit([
        {
          sql: `INSERT INTO sns_applications (arn, account, region, body) VALUES (?, ?, ?, ?)
            ON CONFLICT (arn) DO UPDATE SET body = excluded.body`,
          params: [arn, accountId, region, JSON.stringify(made)],
        },
      ]);
    },
    change: (arn, next) => rewrite<Application>("sns_applications", arn, next, () => []),
    addEndpoint: ({ arn, applicationArn, attributes }) =>
      commit([
        {
          sql: `INSERT INTO sns_endpoints (arn, application_arn, token, body)
            SELECT ?, ?, ?, ? WHERE NOT EXISTS
              (SELECT 1 FROM sns_endpoints WHERE application_arn = ? AND token = ?)`,
          params: [
            arn,
            applicationArn,
            attributes["Token"] ?? "",
            JSON.stringify({ arn, applicationArn, attributes }),
            applicationArn,
            attributes["Token"] ?? "",
          ],
          expect: 1,
        },
      ]),
    changeEndpoint: (arn, next) =>
      rewrite<PlatformEndpoint>("sns_endpoints", arn, next, ({ attributes }) => [
        {
          sql: "UPDATE sns_endpoints SET token = ? WHERE arn = ?",
          params: [attributes["Token"] ?? "", arn],
        },
      ]),
    async remove(arn) {
      await database.commit([
        { sql: "DELETE FROM sns_applications WHERE arn = ?", params: [arn] },
        { sql: "DELETE FROM sns_endpoints WHERE application_arn = ?", params: [arn] },
      ]);
    },
    async removeEndpoint(arn) {
      await database.commit([{ sql: "DELETE FROM sns_endpoints WHERE arn = ?", params: [arn] }]);
    },
  };
}
