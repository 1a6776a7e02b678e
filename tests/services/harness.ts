/** STS, IAM and CloudWatch Logs over real files, called below the wire: operation by operation. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { openDatabase } from "../../src/adapters/embedded/database.ts";
import { openSecrets } from "../../src/adapters/embedded/secrets.ts";
import { OperationRecord } from "../../src/app/operation-record.ts";
import type { Caller, RequestContext, Service } from "../../src/aws/service.ts";
import { type AdjustableClock, systemClock } from "../../src/kernel/clock.ts";
import { ServiceError } from "../../src/kernel/errors.ts";
import { silentLogger } from "../../src/kernel/log.ts";
import { systemRandom } from "../../src/kernel/random.ts";
import type { Database } from "../../src/ports/database.ts";
import type { Delivery, Outbox } from "../../src/ports/outbox.ts";
import type { PeerCall, Peers } from "../../src/ports/peers.ts";
import { createIam, type Iam, migrations as iamMigrations } from "../../src/services/iam/index.ts";
import {
  createLogs,
  dayMigrations,
  type Logs,
  migrations as logMigrations,
  openDayFiles,
} from "../../src/services/logs/index.ts";
import { createSts, type RootKey, type Sts } from "../../src/services/sts/index.ts";

/** What these tests saw, for the compatibility table. */
const evidence = OperationRecord.fromEnvironment();
const SEEN = { status: 200, ms: 0, requestId: "r", accountId: "", region: "", fromSandbox: false } as const;

const PAGE_TOKENS = ["Marker", "nextToken", "NextToken"];

/** Something a test found out of an operation beside its answer: `pagination`, `persistence`. */
export function saw(service: string, operation: string, what: string): void {
  evidence?.note({ ...SEEN, service, operation, errorCode: what });
}

export const ACCOUNT = "123456789012";
export const REGION = "eu-west-1";
export const ROOT_KEY: RootKey = {
  accessKeyId: "LKIAROOT",
  secretAccessKey: "root-secret",
  accountId: ACCOUNT,
};
export const ROOT: Caller = {
  accessKeyId: ROOT_KEY.accessKeyId,
  kind: "root",
  arn: `arn:aws:iam::${ACCOUNT}:root`,
  userId: ACCOUNT,
  verified: true,
};

/** Output fields are looked at as JSON: what is asserted says what they are. */
// oxlint-disable-next-line typescript/no-explicit-any
export type Output = any;

export interface Harness {
  readonly folder: string;
  readonly clock: AdjustableClock;
  readonly database: Database;
  readonly iam: Iam;
  readonly sts: Sts;
  readonly logs: Logs;
  /** What was handed to others, in order. */
  readonly sent: readonly Delivery[];
  /** What others were asked; they refuse what names `forbidden`. */
  readonly called: readonly PeerCall[];
  call(
    service: "iam" | "sts" | "logs",
    operation: string,
    input?: object,
    as?: Partial<RequestContext>,
  ): Promise<Output>;
  close(): Promise<void>;
}

export interface HarnessOptions {
  readonly folder?: string;
  readonly clock?: AdjustableClock;
  readonly iamMode?: "warn" | "enforce";
  readonly diskBytes?: number;
  /** Wraps the databases of events, to break them. */
  readonly wrapDay?: (database: Database) => Database;
}

export async function openHarness(t: TestContext, options: HarnessOptions = {}): Promise<Harness> {
  const folder = options.folder ?? (await mkdtemp(join(tmpdir(), "lambent-services-")));
  const clock = options.clock ?? systemClock();
  const random = systemRandom();
  const log = silentLogger;
  const secrets = await openSecrets({ keyFile: join(folder, "key") });
  const migrations = [...iamMigrations, ...logMigrations];
  const path = join(folder, "state.db");
  const database = await openDatabase({ path, synchronous: "normal", migrations, log, clock });
  const open = (file: string): Promise<Database> =>
    openDatabase({ path: file, synchronous: "normal", migrations: dayMigrations, log, clock }).then(
      options.wrapDay ?? ((same) => same),
    );
  const iam = createIam({ clock, database, secrets });
  const iamMode = options.iamMode ?? "warn";
  const sts = createSts({ clock, random, secrets, directory: iam.reader, rootKey: ROOT_KEY, iamMode });
  const files = await openDayFiles({ folder: join(folder, "logs"), open });
  const limits = options.diskBytes === undefined ? {} : { diskBytes: options.diskBytes };
  const sent: Delivery[] = [];
  const called: PeerCall[] = [];
  const outbox: Outbox = { within: () => [], wake: (deliveries) => void sent.push(...deliveries) };
  const peers: Peers = {
    call(call) {
      called.push(call);
      return JSON.stringify(call.input).includes("forbidden")
        ? Promise.reject(new ServiceError("AccessDeniedException", 403, "no"))
        : Promise.resolve({});
    },
    permit: () => Promise.resolve(),
  };
  const others = { outbox: () => outbox, peers: () => peers };
  const logs = createLogs({ clock, random, log, database, files, limits, ...others });

  const services: Record<string, Service> = { iam: iam.service, sts: sts.service, logs: logs.service };
  let closed = false;
  async function close(): Promise<void> {
    if (closed) return;
    closed = true;
    await logs.close();
    await iam.close();
    await database.close();
  }
  t.after(async () => {
    await close();
    await rm(folder, { recursive: true, force: true });
  });
  return {
    folder,
    clock,
    database,
    iam,
    sts,
    logs,
    sent,
    called,
    close,
    async call(service, operation, input = {}, as = {}) {
      const handler = services[service]?.operations[operation];
      if (handler === undefined) throw new Error(`${service}:${operation} is not there`);
      const context: RequestContext = {
        accountId: ACCOUNT,
        region: REGION,
        requestId: "r",
        service,
        operation,
        caller: ROOT,
        endpoint: "http://127.0.0.1:4566",
        fromSandbox: false,
        signal: new AbortController().signal,
        clock,
        random,
        log,
        headers: {},
        ...as,
      };
      const seen = (errorCode?: string): void =>
        evidence?.note({ ...SEEN, service, operation, ...(errorCode === undefined ? {} : { errorCode }) });
      try {
        const output = (await handler(input as never, context)) as Output;
        seen();
        // A page that was asked for by the token of the one before it.
        if (PAGE_TOKENS.some((member) => member in input)) saw(service, operation, "pagination");
        return output;
      } catch (error) {
        if (error instanceof ServiceError) seen(error.code);
        throw error;
      }
    },
  };
}
