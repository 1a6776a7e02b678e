/**
 * Temporary credentials that nobody stores: the session token is the sealed description of the
 * session, the secret is derived from key id and token. They survive a restart, and any server that
 * has the key file verifies them.
 */
import { createHmac } from "node:crypto";
import type { Random } from "../../kernel/random.ts";
import { accessKeyId as newAccessKeyId } from "../../kernel/unique-id.ts";
import type { SessionCredentials } from "../../ports/credentials.ts";
import type { Secrets } from "../../ports/secrets.ts";

const CONTEXT = "sts/session";
const ACCESS_KEY_PREFIX = "ASIA";

export interface Session {
  readonly accountId: string;
  readonly kind: "root" | "user" | "role";
  readonly expiryMs: number;
  /** Of a role's session. */
  readonly roleArn?: string;
  readonly roleId?: string;
  readonly sessionName?: string;
  /** Of a user's session. */
  readonly userArn?: string;
  readonly userId?: string;
  /** Restricts the session further; read by the policy evaluator. */
  readonly policy?: string;
  readonly policyArns?: readonly string[];
  readonly tags?: Readonly<Record<string, string>>;
  readonly transitiveTagKeys?: readonly string[];
  readonly sourceIdentity?: string;
}

export interface SessionSealer {
  seal(session: Session): SessionCredentials;
  /** Undefined when the token is not one of ours. An expired session opens too. */
  open(accessKeyId: string, token: string): { session: Session; secretAccessKey: string } | undefined;
}

export function createSessionSealer(secrets: Secrets, random: Random): SessionSealer {
  const key = secrets.derive("sts");
  const secretOf = (accessKeyId: string, token: string): string =>
    createHmac("sha256", key).update(`${accessKeyId}\n${token}`).digest("base64").slice(0, 40);

  return {
    seal(session) {
      // STS's dates have no fraction of a second.
      const expiryMs = Math.floor(session.expiryMs / 1000) * 1000;
      const sealed = secrets.seal(JSON.stringify({ ...session, expiryMs }), CONTEXT);
      const sessionToken = Buffer.from(sealed).toString("base64");
      const accessKeyId = newAccessKeyId(ACCESS_KEY_PREFIX, session.accountId, random);
      const secretAccessKey = secretOf(accessKeyId, sessionToken);
      return { accessKeyId, secretAccessKey, sessionToken, expirationMs: expiryMs };
    },
    open(accessKeyId, token) {
      if (!accessKeyId.startsWith(ACCESS_KEY_PREFIX)) return undefined;
      try {
        const text = Buffer.from(secrets.open(Buffer.from(token, "base64"), CONTEXT)).toString("utf8");
        return { session: JSON.parse(text) as Session, secretAccessKey: secretOf(accessKeyId, token) };
      } catch {
        return undefined;
      }
    },
  };
}
