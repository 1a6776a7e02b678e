/**
 * Platform applications and their endpoints: rows in the database, all of them in memory. Pushes go to
 * nobody's telephone but into the local outbox (mail.ts), so credentials are neither used nor kept.
 */
import { sameScope, type Scope } from "../../kernel/scope.ts";
import type { Database, Statement } from "../../ports/database.ts";

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
  application(arn: string): Application | undefined;
  /** In the order of their ARNs. */
  applicationsOf(scope: Scope): readonly Application[];
  endpoint(arn: string): PlatformEndpoint | undefined;
  endpointsOf(applicationArn: string): readonly PlatformEndpoint[];
  /** Whether something can be pushed there. */
  takesPushes(endpointArn: string): boolean;
  put(application: Application): Promise<void>;
  putEndpoint(endpoint: PlatformEndpoint): Promise<void>;
  /** With its endpoints. */
  remove(applicationArn: string): Promise<void>;
  removeEndpoint(arn: string): Promise<void>;
}

export function isEnabled({ attributes }: Pick<Application, "attributes">): boolean {
  return attributes["Enabled"]?.toLowerCase() === "true";
}

const UPSERT = "ON CONFLICT (arn) DO UPDATE SET body = excluded.body";

export async function openPlatforms(database: Database): Promise<Platforms> {
  const applications = await readAll<Application>(database, "sns_applications");
  const endpoints = await readAll<PlatformEndpoint>(database, "sns_endpoints");
  const byArn = (a: { arn: string }, b: { arn: string }): number => (a.arn < b.arn ? -1 : 1);
  const endpointsOf = (arn: string): readonly PlatformEndpoint[] =>
    [...endpoints.values()].filter((one) => one.applicationArn === arn).toSorted(byArn);
  const commit = (unit: readonly Statement[]): Promise<unknown> => database.commit(unit);

  return {
    application: (arn) => applications.get(arn),
    applicationsOf: (scope) =>
      [...applications.values()].filter((one) => sameScope(one, scope)).toSorted(byArn),
    endpoint: (arn) => endpoints.get(arn),
    endpointsOf,
    takesPushes(arn) {
      const endpoint = endpoints.get(arn);
      const application = endpoint === undefined ? undefined : applications.get(endpoint.applicationArn);
      return (
        endpoint !== undefined && application !== undefined && isEnabled(endpoint) && isEnabled(application)
      );
    },
    async put(application) {
      const sql = `INSERT INTO sns_applications (arn, body) VALUES (?, ?) ${UPSERT}`;
      await commit([{ sql, params: [application.arn, JSON.stringify(application)] }]);
      applications.set(application.arn, application);
    },
    async putEndpoint(endpoint) {
      const sql = `INSERT INTO sns_endpoints (arn, body) VALUES (?, ?) ${UPSERT}`;
      await commit([{ sql, params: [endpoint.arn, JSON.stringify(endpoint)] }]);
      endpoints.set(endpoint.arn, endpoint);
    },
    async remove(arn) {
      const gone = endpointsOf(arn);
      await commit([
        { sql: "DELETE FROM sns_applications WHERE arn = ?", params: [arn] },
        ...gone.map((one) => ({ sql: "DELETE FROM sns_endpoints WHERE arn = ?", params: [one.arn] })),
      ]);
      applications.delete(arn);
      for (const one of gone) endpoints.delete(one.arn);
    },
    async removeEndpoint(arn) {
      await commit([{ sql: "DELETE FROM sns_endpoints WHERE arn = ?", params: [arn] }]);
      endpoints.delete(arn);
    },
  };
}

async function readAll<T extends { readonly arn: string }>(
  database: Database,
  table: "sns_applications" | "sns_endpoints",
): Promise<Map<string, T>> {
  const rows = await database.read<{ body: string }>(`SELECT body FROM ${table}`);
  return new Map(rows.map((row) => JSON.parse(row.body) as T).map((one) => [one.arn, one]));
}
