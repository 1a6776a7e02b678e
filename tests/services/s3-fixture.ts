/** S3 behind the gateway, in this process: for the SDK, boto3 and raw requests. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { S3Client, type S3ClientConfig } from "@aws-sdk/client-s3";
import { createBlobStore } from "../../src/adapters/embedded/blob-store.ts";
import { createHasher } from "../../src/adapters/embedded/hasher.ts";
import { openDatabase } from "../../src/adapters/embedded/database.ts";
import { OperationRecord } from "../../src/app/operation-record.ts";
import type { KeyResolver } from "../../src/aws/sigv4/keys.ts";
import { type AdjustableClock, systemClock } from "../../src/kernel/clock.ts";
import { ServiceError } from "../../src/kernel/errors.ts";
import { silentLogger } from "../../src/kernel/log.ts";
import { systemRandom } from "../../src/kernel/random.ts";
import type { Database } from "../../src/ports/database.ts";
import type { Delivery, Outbox } from "../../src/ports/outbox.ts";
import type { PeerCall, Peers } from "../../src/ports/peers.ts";
import { createS3, migrations, type S3 } from "../../src/services/s3/index.ts";
import { serveGateway } from "./served.ts";

export const ACCOUNT = "000000000000";
export const REGION = "us-east-1";
/** Signs what the server verifies; any other key is believed unverified. */
export const KEY = { accessKeyId: "LKIAS3TESTS", secretAccessKey: "the secret of the tests" } as const;

export interface Served {
  readonly endpoint: string;
  readonly folder: string;
  readonly clock: AdjustableClock;
  readonly database: Database;
  readonly s3: S3;
  /** Everything that was committed to the outbox, in order. */
  readonly sent: Delivery[];
  /** Calls to other services; `peers.refuse` names ARNs that refuse. */
  readonly called: PeerCall[];
  readonly refusals: Map<string, ServiceError>;
  client(config?: Partial<S3ClientConfig>): S3Client;
  close(): Promise<void>;
}

const keys: KeyResolver = {
  resolve: (accessKeyId) =>
    accessKeyId === KEY.accessKeyId
      ? {
          secretAccessKey: KEY.secretAccessKey,
          accountId: ACCOUNT,
          caller: {
            accessKeyId,
            kind: "root",
            arn: `arn:aws:iam::${ACCOUNT}:root`,
            userId: ACCOUNT,
            verified: true,
          },
        }
      : undefined,
};

const evidence = OperationRecord.fromEnvironment();

export interface ServeOptions {
  readonly folder?: string;
  /** Another engine than SQLite, with S3's migrations applied. */
  readonly database?: Database;
}

export async function serveS3(t: TestContext, options: ServeOptions = {}): Promise<Served> {
  const folder = options.folder ?? (await mkdtemp(join(tmpdir(), "lambent-s3-")));
  const clock = systemClock();
  const random = systemRandom();
  const log = silentLogger;
  const database =
    options.database ??
    (await openDatabase({
      path: join(folder, "state.db"),
      synchronous: "normal",
      migrations,
      log,
      clock,
    }));
  const sent: Delivery[] = [];
  const called: PeerCall[] = [];
  const refusals = new Map<string, ServiceError>();
  // Deliveries travel with the unit that causes them: `wake` tells that it was committed.
  const outbox: Outbox = { within: () => [], wake: (deliveries) => void sent.push(...deliveries) };
  function refusalOf(call: PeerCall): ServiceError | undefined {
    const text = JSON.stringify(call.input);
    return [...refusals].find(([arn]) => text.includes(arn))?.[1];
  }
  const peers: Peers = {
    call(call) {
      const refusal = refusalOf(call);
      if (refusal !== undefined) return Promise.reject(refusal);
      called.push(call);
      return Promise.resolve({});
    },
    permit(call) {
      const refusal = refusalOf(call);
      return refusal === undefined ? Promise.resolve() : Promise.reject(refusal);
    },
  };
  const blobs = await createBlobStore({ folder: join(folder, "objects") });
  const hasher = createHasher(clock);
  const s3 = await createS3({ clock, random, log, database, blobs, hasher, outbox, peers: () => peers });
  const served = await serveGateway({
    services: [s3.service],
    keys,
    clock,
    accountId: ACCOUNT,
    region: REGION,
    evidence,
  });
  const { endpoint } = served;
  const clients: S3Client[] = [];
  let closed = false;
  async function close(): Promise<void> {
    if (closed) return;
    closed = true;
    for (const client of clients) client.destroy();
    served.close();
    await s3.close();
    await database.close();
  }
  t.after(async () => {
    await close();
    await rm(folder, { recursive: true, force: true });
  });
  return {
    endpoint,
    folder,
    clock,
    database,
    s3,
    sent,
    called,
    refusals,
    close,
    client(config = {}) {
      const client = new S3Client({
        endpoint,
        region: REGION,
        credentials: KEY,
        forcePathStyle: true,
        maxAttempts: 1,
        ...config,
      });
      clients.push(client);
      return client;
    },
  };
}

/** The error that an awaited call was refused with: its code, status and AWS's other fields. */
export async function refusal(call: Promise<unknown>): Promise<{
  readonly code: string;
  readonly status: number;
  readonly message: string;
  readonly fields: Record<string, unknown>;
}> {
  try {
    await call;
  } catch (error) {
    const fault = error as Error & { $metadata?: { httpStatusCode?: number } };
    return {
      code: fault.name,
      status: fault.$metadata?.httpStatusCode ?? 0,
      message: fault.message,
      fields: { ...fault } as Record<string, unknown>,
    };
  }
  throw new Error("the call was expected to be refused");
}
