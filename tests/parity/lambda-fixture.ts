import { createCipheriv, createDecipheriv, createHash, createHmac, randomBytes } from "node:crypto";
import { DatabaseSync } from "node:sqlite";
import type { RequestContext } from "../../src/aws/service.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import { ServiceError } from "../../src/kernel/errors.ts";
import { silentLogger } from "../../src/kernel/log.ts";
import { systemRandom } from "../../src/kernel/random.ts";
import {
  createFunctionControl,
  type FunctionControl,
  lambdaMigrations,
} from "../../src/lambda/control/control.ts";
import type { FunctionControlDeps } from "../../src/lambda/control/deps.ts";
import type { BlobStore } from "../../src/ports/blob-store.ts";
import type { CodeCache } from "../../src/ports/code-cache.ts";
import { Conflict, type Database, type Row } from "../../src/ports/database.ts";
import type { Secrets } from "../../src/ports/secrets.ts";
import { zip as zipOf } from "../../src/testing/zip.ts";

/** In-memory stand-ins for the ports, so that control is tested without a disk. */
export const SCOPE = { accountId: "111111111111", region: "us-east-1" } as const;
export const ROLE = "arn:aws:iam::111111111111:role/lambda-role";
export const ARN = "arn:aws:lambda:us-east-1:111111111111:function";

export function memoryDatabase(): Database {
  const db = new DatabaseSync(":memory:");
  for (const migration of lambdaMigrations) for (const sql of migration.sql) db.exec(sql);
  const bind = (params: readonly unknown[] = []): never[] => params as never[];
  return {
    dialect: "sqlite",
    read: async <R extends object = Row>(sql: string, params: readonly unknown[] = []) =>
      db.prepare(sql).all(...bind(params)) as R[],
    async commit(unit) {
      db.exec("BEGIN");
      const results: Row[][] = [];
      try {
        unit.forEach((statement, index) => {
          let changed: number;
          try {
            changed = Number(db.prepare(statement.sql).run(...bind(statement.params)).changes);
          } catch (error) {
            if (/UNIQUE/.test(String(error))) throw new Conflict(index, String(error));
            throw error;
          }
          if (statement.expect !== undefined && changed !== statement.expect) {
            throw new Conflict(index, `${changed} rows`);
          }
          results.push([]);
        });
      } catch (error) {
        db.exec("ROLLBACK");
        throw error;
      }
      db.exec("COMMIT");
      return results;
    },
    async close() {
      db.close();
    },
  };
}

export function memoryBlobs(): BlobStore & { readonly held: Map<string, Uint8Array> } {
  const held = new Map<string, Uint8Array>();
  return {
    held,
    async put(body) {
      const chunks: Uint8Array[] = [];
      if (body instanceof Uint8Array) chunks.push(body);
      else for await (const chunk of body) chunks.push(chunk);
      const bytes = Buffer.concat(chunks);
      const sha256 = createHash("sha256").update(bytes).digest("hex");
      held.set(sha256, bytes);
      return { sha256, bytes: bytes.byteLength };
    },
    get: async (sha256) => held.get(sha256),
    async stream(sha256) {
      const bytes = held.get(sha256);
      if (bytes === undefined) return undefined;
      return (async function* () {
        yield bytes;
      })();
    },
    has: async (sha256) => held.has(sha256),
    async delete(sha256) {
      held.delete(sha256);
    },
    async *list() {
      yield* held.keys();
    },
  };
}

export function memorySecrets(key: Uint8Array = randomBytes(32)): Secrets {
  return {
    seal(plaintext, context) {
      const iv = randomBytes(12);
      const cipher = createCipheriv("aes-256-gcm", key, iv).setAAD(Buffer.from(context));
      const body = Buffer.concat([cipher.update(Buffer.from(plaintext as string)), cipher.final()]);
      return Buffer.concat([iv, cipher.getAuthTag(), body]);
    },
    open(sealed, context) {
      const decipher = createDecipheriv("aes-256-gcm", key, sealed.subarray(0, 12)).setAAD(
        Buffer.from(context),
      );
      decipher.setAuthTag(sealed.subarray(12, 28));
      return Buffer.concat([decipher.update(sealed.subarray(28)), decipher.final()]);
    },
    derive: (purpose) => createHmac("sha256", key).update(purpose).digest(),
  };
}

/** A code cache whose work can be held back and made to fail. */
export function memoryCodeCache(): CodeCache & { hold(): () => void; failWith: Error | undefined } {
  let gate: Promise<void> | undefined;
  return {
    failWith: undefined,
    hold() {
      let release = (): void => undefined;
      gate = new Promise((resolve) => {
        release = () => {
          gate = undefined;
          resolve();
        };
      });
      return release;
    },
    async prepare(sha256) {
      await gate;
      if (this.failWith !== undefined) throw this.failWith;
      return `/code/${sha256}`;
    },
    evict: async () => undefined,
  };
}

export interface Bench {
  readonly control: FunctionControl;
  readonly deps: FunctionControlDeps;
  readonly blobs: ReturnType<typeof memoryBlobs>;
  readonly codeCache: ReturnType<typeof memoryCodeCache>;
}

export function bench(over: Partial<FunctionControlDeps> = {}): Bench {
  const blobs = memoryBlobs();
  const codeCache = memoryCodeCache();
  const deps: FunctionControlDeps = {
    database: memoryDatabase(),
    blobs,
    codeCache,
    inspectZip: async (archive) => {
      if (archive[0] !== 0x50 || archive[1] !== 0x4b) {
        throw new ServiceError(
          "InvalidParameterValueException",
          400,
          "Could not unzip uploaded file. Please check your file, then try to upload again.",
          { members: { Type: "User" } },
        );
      }
      return { unzippedBytes: archive.byteLength * 2 };
    },
    secrets: memorySecrets(),
    clock: systemClock(),
    random: systemRandom(),
    log: silentLogger,
    destinations: { check: () => Promise.resolve() },
    hostArchitecture: "x86_64",
    inProgressMs: 0,
    ...over,
  };
  return { control: createFunctionControl(deps), deps, blobs, codeCache };
}

/** A real archive with one file, different for different texts. */
export async function zip(text = "def handler(e, c): return e", name = "index.py"): Promise<Uint8Array> {
  return zipOf({ [name]: text });
}

export function requestContext(over: Partial<RequestContext> = {}): RequestContext {
  return {
    ...SCOPE,
    requestId: "9f89d509-063e-4b8c-a3ae-1848cc7c0701",
    service: "lambda",
    operation: "",
    caller: {
      accessKeyId: undefined,
      kind: "root",
      arn: "arn:aws:iam::111111111111:root",
      userId: SCOPE.accountId,
      verified: false,
    },
    endpoint: "http://127.0.0.1:4566",
    fromSandbox: false,
    signal: new AbortController().signal,
    clock: systemClock(),
    random: systemRandom(),
    log: silentLogger,
    headers: {},
    ...over,
  };
}
