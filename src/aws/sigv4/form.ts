import { createHmac } from "node:crypto";

import { ServiceError } from "../../kernel/errors.ts";
import { equalSecret, hmacHex, signingKey } from "./canonical.ts";

/** The signature of a browser's form, of either version: it covers the policy, as sent in base64. */
export interface FormClaim {
  readonly accessKeyId: string;
  readonly signature: string;
  readonly policy: string;
  isSignedWith(secret: string): boolean;
}

/**
 * Undefined for a form that nobody signed. Fields have lower-case names.
 * Errors: InvalidArgument for a signature without its other fields.
 */
export function readForm(fields: ReadonlyMap<string, string>): FormClaim | undefined {
  const policy = fields.get("policy");
  const version4 = fields.get("x-amz-signature");
  const version2 = fields.get("signature");
  if (version4 === undefined && version2 === undefined) {
    if (policy === undefined) return undefined;
    throw missing("signature");
  }
  if (policy === undefined) throw missing("policy");
  if (version2 !== undefined) {
    const accessKeyId = need(fields, "AWSAccessKeyId");
    return {
      accessKeyId,
      signature: version2,
      policy,
      isSignedWith: (secret) =>
        equalSecret(createHmac("sha1", secret).update(policy).digest("base64"), version2),
    };
  }
  const signature = version4 ?? "";
  const parts = need(fields, "x-amz-credential").split("/");
  const [service = "", region = "", date = ""] = [parts.at(-2), parts.at(-3), parts.at(-4)];
  const accessKeyId = parts.slice(0, -4).join("/");
  need(fields, "x-amz-date");
  return {
    accessKeyId,
    signature,
    policy,
    isSignedWith: (secret) =>
      equalSecret(hmacHex(signingKey(accessKeyId, secret, date, region, service), policy), signature),
  };
}

function need(fields: ReadonlyMap<string, string>, name: string): string {
  const value = fields.get(name.toLowerCase());
  if (value === undefined) throw missing(name);
  return value;
}

function missing(name: string): ServiceError {
  return new ServiceError(
    "InvalidArgument",
    400,
    `Bucket POST must contain a field named '${name}'.  If it is specified, please check the order of the fields.`,
    { members: { ArgumentName: name, ArgumentValue: "" } },
  );
}
