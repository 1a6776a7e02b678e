import { ServiceError } from "../../kernel/errors.ts";
import { hasOwnSignatures } from "../protocol/habits.ts";
import type { KeyResolver, KnownKey } from "../sigv4/keys.ts";
import { refuse } from "../sigv4/refusals.ts";
import type { Signature, SignatureReading } from "../sigv4/signature.ts";
import { checkPresignedTime, type VerifiedParts, verifySignature } from "../sigv4/verify.ts";
import { readForm } from "../sigv4/form.ts";
import { checkExpiry2, mismatch, type Signature2, verifyVersion2 } from "../sigv4/version2.ts";
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

/** What a signature of version 2 covers besides. */
export interface AuthenticatedParts extends VerifiedParts {
  readonly bucket: string | undefined;
  /** The operation may be named by a plain link: nobody signs those. */
  readonly isLink?: boolean;
}

const ACCOUNT_ID = /^\d{12}$/u;
/**
 * The key that everybody uses with local endpoints: as its secret is known, links presigned with it can
 * be told from tampered ones. It proves nothing about who sends them.
 */
const CUSTOMARY_KEYS: ReadonlyMap<string, KnownKey> = new Map([
  [
    "test",
    {
      secretAccessKey: "test",
      accountId: "",
      caller: { accessKeyId: "test", kind: "anonymous", arn: "", userId: "", verified: false },
    },
  ],
]);
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
  parts: AuthenticatedParts,
  options: AuthenticateOptions,
  nowMs: number,
): Identity | Promise<Identity> {
  if (reading.kind === "malformed" && reading.s3 !== undefined && parts.protocol === "restXml") {
    throw new ServiceError(reading.s3.code, reading.s3.status, reading.s3.message);
  }
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
    const mayBeAnybody = parts.protocol === "restXml" || parts.isLink === true;
    if (options.requireKnownKeys && mayBeAnybody) return nobody(options.defaultAccountId);
    if (options.requireKnownKeys) {
      throw refuse("unsigned", parts.protocol, undefined, "sign the request with a key of this server");
    }
    return rootOf(options.defaultAccountId, undefined);
  }
  const { accessKeyId, sessionToken } = reading.signature;
  const key = options.keys.resolve(accessKeyId, sessionToken);
  if (reading.kind === "signed-v2") {
    const { signature: old } = reading;
    if (key instanceof Promise) return key.then((known) => judgeVersion2(old, known, parts, options, nowMs));
    return judgeVersion2(old, key, parts, options, nowMs);
  }
  const { signature } = reading;
  if (key instanceof Promise) return key.then((known) => judge(signature, known, parts, options, nowMs));
  return judge(signature, key, parts, options, nowMs);
}

function judge(
  signature: Signature,
  key: KnownKey | undefined,
  parts: AuthenticatedParts,
  options: AuthenticateOptions,
  nowMs: number,
): Identity {
  if (key !== undefined) {
    verifySignature(signature, key, parts, nowMs);
    return { caller: key.caller, accountId: key.accountId, secretAccessKey: key.secretAccessKey };
  }
  if (signature.presigned && hasOwnSignatures(signature.service)) {
    checkPresignedTime(signature, nowMs);
    const customary = CUSTOMARY_KEYS.get(signature.accessKeyId);
    if (customary !== undefined) verifySignature(signature, customary, parts, nowMs);
  }
  return unknownKey(signature.accessKeyId, parts, options);
}

function judgeVersion2(
  signature: Signature2,
  key: KnownKey | undefined,
  parts: AuthenticatedParts,
  options: AuthenticateOptions,
  nowMs: number,
): Identity {
  if (parts.protocol !== "restXml") {
    throw refuse(
      "malformed",
      parts.protocol,
      "Only S3 takes signatures of version 2.",
      "sign with version 4",
    );
  }
  if (key !== undefined) {
    verifyVersion2(signature, key, parts, nowMs);
    return { caller: key.caller, accountId: key.accountId, secretAccessKey: key.secretAccessKey };
  }
  checkExpiry2(signature, nowMs);
  const customary = CUSTOMARY_KEYS.get(signature.accessKeyId);
  if (customary !== undefined) verifyVersion2(signature, customary, parts, nowMs);
  return unknownKey(signature.accessKeyId, parts, options);
}

/**
 * Who signed a form: its policy is what is signed. Fields have lower-case names.
 * Errors: those of signatures, AccessDenied for fields that are missing.
 */
export async function authenticateForm(
  fields: ReadonlyMap<string, string>,
  options: AuthenticateOptions,
): Promise<Identity> {
  const claim = readForm(fields);
  if (claim === undefined) {
    return options.requireKnownKeys
      ? nobody(options.defaultAccountId)
      : rootOf(options.defaultAccountId, undefined);
  }
  const known = await options.keys.resolve(claim.accessKeyId, fields.get("x-amz-security-token"));
  const key = known ?? CUSTOMARY_KEYS.get(claim.accessKeyId);
  if (key?.expired === true) {
    throw refuse("expired-token", "restXml", undefined, "ask STS for new credentials");
  }
  if (key !== undefined && !claim.isSignedWith(key.secretAccessKey)) {
    throw mismatch(claim.accessKeyId, claim.signature, claim.policy);
  }
  if (known !== undefined) return { caller: known.caller, accountId: known.accountId };
  if (options.requireKnownKeys) {
    throw refuse("unknown-key", "restXml", undefined, "use a key that this server issued");
  }
  const accountId = ACCOUNT_ID.test(claim.accessKeyId) ? claim.accessKeyId : options.defaultAccountId;
  return rootOf(accountId, claim.accessKeyId);
}

/** Unknown keys are believed outside enforce mode. */
function unknownKey(accessKeyId: string, parts: VerifiedParts, options: AuthenticateOptions): Identity {
  if (options.requireKnownKeys) {
    throw refuse("unknown-key", parts.protocol, undefined, "use a key that this server issued");
  }
  const accountId = ACCOUNT_ID.test(accessKeyId) ? accessKeyId : options.defaultAccountId;
  return rootOf(accountId, accessKeyId);
}
