import type { KeyResolver, KnownKey } from "../sigv4/keys.ts";
import { refuse } from "../sigv4/refusals.ts";
import type { Signature, SignatureReading } from "../sigv4/signature.ts";
import { type VerifiedParts, verifySignature } from "../sigv4/verify.ts";
import type { Caller } from "../service.ts";

export interface AuthenticateOptions {
  readonly keys: KeyResolver;
  readonly defaultAccountId: string;
  /** Refuse what no known key signed. */
  readonly requireKnownKeys: boolean;
}

export interface Identity {
  readonly caller: Caller;
  readonly accountId: string;
  /** Of a known key: the chunks of a streamed body are signed with it, too. */
  readonly secretAccessKey?: string;
}

const ACCOUNT_ID = /^\d{12}$/u;
const roots = new Map<string, Identity>();
const ROOTS_MAX = 1000;

/** The account itself, as which unverified requests act. A 12-digit access key id names it. */
function rootOf(accountId: string, accessKeyId: string | undefined): Identity {
  const id = `${accountId}/${accessKeyId ?? ""}`;
  const known = roots.get(id);
  if (known !== undefined) return known;
  const caller: Caller = {
    accessKeyId,
    kind: "root",
    arn: `arn:aws:iam::${accountId}:root`,
    userId: accountId,
    verified: false,
  };
  const identity = { caller, accountId };
  if (roots.size >= ROOTS_MAX) roots.clear();
  roots.set(id, identity);
  return identity;
}

function nobody(accountId: string): Identity {
  const caller: Caller = {
    accessKeyId: undefined,
    kind: "anonymous",
    arn: "anonymous",
    userId: "anonymous",
    verified: false,
  };
  return { caller, accountId };
}

/** Who sent the request. Answers synchronously when the resolver does; throws AWS's refusals. */
export function authenticate(
  reading: SignatureReading,
  parts: VerifiedParts,
  options: AuthenticateOptions,
  nowMs: number,
): Identity | Promise<Identity> {
  if (reading.kind === "malformed") {
    throw refuse(
      "malformed",
      parts.protocol,
      reading.message,
      "sign the request with an AWS SDK or the AWS CLI",
    );
  }
  if (reading.kind === "unsigned") {
    // Buckets can be anybody's to read; what may be read then, their policies say.
    if (options.requireKnownKeys && parts.protocol === "restXml") return nobody(options.defaultAccountId);
    if (options.requireKnownKeys) {
      throw refuse("unsigned", parts.protocol, undefined, "sign the request with a key of this server");
    }
    return rootOf(options.defaultAccountId, undefined);
  }
  const { signature } = reading;
  const key = options.keys.resolve(signature.accessKeyId, signature.sessionToken);
  if (key instanceof Promise) return key.then((known) => judge(signature, known, parts, options, nowMs));
  return judge(signature, key, parts, options, nowMs);
}

function judge(
  signature: Signature,
  key: KnownKey | undefined,
  parts: VerifiedParts,
  options: AuthenticateOptions,
  nowMs: number,
): Identity {
  if (key !== undefined) {
    verifySignature(signature, key, parts, nowMs);
    return { caller: key.caller, accountId: key.accountId, secretAccessKey: key.secretAccessKey };
  }
  if (options.requireKnownKeys) {
    throw refuse("unknown-key", parts.protocol, undefined, "use a key that this server issued");
  }
  const { accessKeyId } = signature;
  const accountId = ACCOUNT_ID.test(accessKeyId) ? accessKeyId : options.defaultAccountId;
  return rootOf(accountId, accessKeyId);
}
