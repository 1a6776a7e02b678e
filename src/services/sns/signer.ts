/**
 * The key that signs messages: made at the first need, sealed in the database, the same for ever after.
 * Its certificate is served at `certificatePath`.
 */
import { createHash, createPrivateKey, generateKeyPair, sign, type KeyObject } from "node:crypto";
import { promisify } from "node:util";
import type { Clock } from "../../kernel/clock.ts";
import type { Random } from "../../kernel/random.ts";
import { Conflict, type Database } from "../../ports/database.ts";
import type { Secrets } from "../../ports/secrets.ts";
import { selfSigned } from "./certificate.ts";
import { stringToSign, type Notice, type Signed } from "./envelope.ts";

/** Where certificates are, on every host name of the endpoint. */
export const CERTIFICATE_PATH = "/SimpleNotificationService-";

const KEY_ID = "rsa";
const CONTEXT = "sns signing key";
const YEARS_30_MS = 30 * 365 * 24 * 3600 * 1000;

const generate = promisify(generateKeyPair);
const signInPool = promisify<string, Uint8Array, KeyObject, Buffer>((algorithm, data, key, done) =>
  sign(algorithm, data, key, done),
);

export interface Signer {
  /** `version`: 1 is SHA-1, 2 is SHA-256. `endpoint`: where the reader finds the certificate. */
  sign(notice: Notice, version: string, endpoint: string): Promise<Signed>;
  /** PEM text for a path that begins with CERTIFICATE_PATH; undefined when it names another. */
  certificate(path: string): Promise<string | undefined>;
  /** Makes the key ahead of its first use. */
  prepare(): void;
}

interface SigningKey {
  readonly key: KeyObject;
  readonly certificate: string;
  readonly path: string;
}

export function createSigner(deps: {
  readonly database: Database;
  readonly secrets: Secrets;
  readonly clock: Clock;
  readonly random: Random;
}): Signer {
  const { database, secrets, clock, random } = deps;
  let loading: Promise<SigningKey> | undefined;

  function ready(): Promise<SigningKey> {
    loading ??= load().catch((error: unknown) => {
      // The next message tries again: the disk may have room then.
      loading = undefined;
      throw error;
    });
    return loading;
  }

  async function load(): Promise<SigningKey> {
    return (await read()) ?? (await make());
  }

  async function read(): Promise<SigningKey | undefined> {
    const [row] = await database.read<{ sealed: Uint8Array; certificate: string }>(
      "SELECT sealed, certificate FROM sns_keys WHERE id = ?",
      [KEY_ID],
    );
    if (row === undefined) return undefined;
    const bytes = Buffer.from(secrets.open(row.sealed, CONTEXT));
    return keyOf(createPrivateKey({ key: bytes, format: "der", type: "pkcs8" }), row.certificate);
  }

  async function make(): Promise<SigningKey> {
    const { privateKey } = await generate("rsa", { modulusLength: 2048 });
    const now = clock.now();
    const certificate = selfSigned(privateKey, {
      commonName: "sns.lambent.local",
      serial: Buffer.from(random.hex(30), "hex"),
      fromMs: now - 24 * 3600 * 1000,
      toMs: now + YEARS_30_MS,
    });
    const sealed = secrets.seal(privateKey.export({ format: "der", type: "pkcs8" }), CONTEXT);
    try {
      await database.commit([
        {
          sql: "INSERT INTO sns_keys (id, sealed, certificate) VALUES (?, ?, ?)",
          params: [KEY_ID, sealed, certificate],
          expect: 1,
        },
      ]);
    } catch (error) {
      const others = error instanceof Conflict ? await read() : undefined;
      if (others === undefined) throw error;
      return others;
    }
    return keyOf(privateKey, certificate);
  }

  return {
    async sign(notice, version, endpoint) {
      const { key, path } = await ready();
      const algorithm = version === "2" ? "sha256" : "sha1";
      const bytes = await signInPool(algorithm, Buffer.from(stringToSign(notice), "utf8"), key);
      return { version, signature: bytes.toString("base64"), certificateUrl: endpoint + path };
    },
    async certificate(path) {
      const known = await ready();
      return path === known.path ? known.certificate : undefined;
    },
    prepare: () => void ready().catch(() => undefined),
  };
}

function keyOf(key: KeyObject, certificate: string): SigningKey {
  const digest = createHash("md5").update(certificate).digest("hex");
  return { key, certificate, path: `${CERTIFICATE_PATH}${digest}.pem` };
}
