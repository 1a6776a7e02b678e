import * as errors from "./errors.ts";
import { type Bucket, canonicalId, type Grant } from "./model.ts";

/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html */

export interface AclInput {
  readonly ACL?: string | undefined;
  readonly GrantFullControl?: string | undefined;
  readonly GrantRead?: string | undefined;
  readonly GrantReadACP?: string | undefined;
  readonly GrantWrite?: string | undefined;
  readonly GrantWriteACP?: string | undefined;
}

export type Ownership = "BucketOwnerEnforced" | "BucketOwnerPreferred" | "ObjectWriter";

export function ownershipOf(bucket: Bucket): Ownership | undefined {
  return bucket.settings["ownership"] as Ownership | undefined;
}

const ALL_USERS = "http://acs.amazonaws.com/groups/global/AllUsers";
const AUTHENTICATED = "http://acs.amazonaws.com/groups/global/AuthenticatedUsers";
const LOG_DELIVERY = "http://acs.amazonaws.com/groups/s3/LogDelivery";
const GROUPS = new Set([ALL_USERS, AUTHENTICATED, LOG_DELIVERY]);
const PERMISSIONS = new Set(["FULL_CONTROL", "READ", "READ_ACP", "WRITE", "WRITE_ACP"]);

const CANNED: Readonly<Record<string, readonly (readonly [uri: string, permission: string])[]>> = {
  private: [],
  "public-read": [[ALL_USERS, "READ"]],
  "public-read-write": [
    [ALL_USERS, "READ"],
    [ALL_USERS, "WRITE"],
  ],
  "authenticated-read": [[AUTHENTICATED, "READ"]],
  "aws-exec-read": [],
  "bucket-owner-read": [],
  "bucket-owner-full-control": [],
  "log-delivery-write": [
    [LOG_DELIVERY, "WRITE"],
    [LOG_DELIVERY, "READ_ACP"],
  ],
};

export function ownerGrant(accountId: string): Grant {
  return { Grantee: { Type: "CanonicalUser", ID: canonicalId(accountId) }, Permission: "FULL_CONTROL" };
}

const HEADER_GRANTS = [
  ["GrantFullControl", "FULL_CONTROL", "x-amz-grant-full-control"],
  ["GrantRead", "READ", "x-amz-grant-read"],
  ["GrantReadACP", "READ_ACP", "x-amz-grant-read-acp"],
  ["GrantWrite", "WRITE", "x-amz-grant-write"],
  ["GrantWriteACP", "WRITE_ACP", "x-amz-grant-write-acp"],
] as const;

export function hasGrantHeaders(input: AclInput): boolean {
  return HEADER_GRANTS.some(([member]) => input[member] !== undefined);
}

/** Errors: AccessControlListNotSupported where the bucket has no ACLs. */
export function checkBucketAcl(bucket: Bucket, input: AclInput): void {
  if (ownershipOf(bucket) !== "BucketOwnerEnforced") return;
  const isHarmless = input.ACL === undefined || ["private", "bucket-owner-full-control"].includes(input.ACL);
  if (!isHarmless || hasGrantHeaders(input)) throw errors.aclNotSupported();
}

/**
 * The grants that an input asks for; undefined for none, which means the owner alone.
 * Errors: InvalidArgument, InvalidRequest.
 */
export function grantsOf(input: AclInput, accountId: string): readonly Grant[] | undefined {
  const { ACL } = input;
  if (ACL !== undefined && hasGrantHeaders(input)) {
    throw errors.invalidRequest("Specifying both Canned ACLs and Header Grants is not allowed");
  }
  if (ACL !== undefined) {
    const canned = CANNED[ACL];
    if (canned === undefined) throw errors.invalidArgument(undefined, "x-amz-acl", ACL);
    if (canned.length === 0) return undefined;
    return [
      ownerGrant(accountId),
      ...canned.map(([URI, Permission]) => ({ Grantee: { Type: "Group", URI } as const, Permission })),
    ];
  }
  if (!hasGrantHeaders(input)) return undefined;
  return HEADER_GRANTS.flatMap(([member, permission, header]) =>
    parseGrantees(input[member], header).map((Grantee) => ({ Grantee, Permission: permission })),
  );
}

function parseGrantees(text: string | undefined, header: string): Grant["Grantee"][] {
  if (text === undefined) return [];
  return text.split(",").map((item) => {
    const match = /^\s*(id|uri|emailAddress)\s*=\s*"?([^"]*)"?\s*$/u.exec(item);
    if (match === null) throw errors.invalidArgument("Argument format not recognized", header, text);
    const [, kind, value = ""] = match;
    if (kind === "emailAddress") throw errors.notServed("A grant to an e-mail address");
    return kind === "id" ? canonicalUser(value, "id") : group(value, "uri");
  });
}

function canonicalUser(id: string, argument: string): Grant["Grantee"] {
  if (!/^[0-9a-f]{64}$/u.test(id)) throw errors.invalidArgument("Invalid id", argument, id);
  return { Type: "CanonicalUser", ID: id };
}

function group(uri: string, argument: string): Grant["Grantee"] {
  if (!GROUPS.has(uri)) throw errors.invalidArgument("Invalid group uri", argument, uri);
  return { Type: "Group", URI: uri };
}

export interface AclPolicyInput {
  readonly Owner?: { readonly ID?: string | undefined } | undefined;
  readonly Grants?:
    | readonly {
        readonly Grantee?:
          | {
              readonly Type?: string | undefined;
              readonly ID?: string | undefined;
              readonly URI?: string | undefined;
              readonly EmailAddress?: string | undefined;
            }
          | undefined;
        readonly Permission?: string | undefined;
      }[]
    | undefined;
}

/** The grants of an AccessControlPolicy. Errors: MalformedACLError, InvalidArgument. */
export function grantsOfPolicy(policy: AclPolicyInput): readonly Grant[] {
  const owner = policy.Owner?.ID;
  if (owner === undefined) throw errors.malformedAcl();
  canonicalUser(owner, "CanonicalUser/ID");
  return (policy.Grants ?? []).map(({ Grantee, Permission }) => {
    if (Permission === undefined || !PERMISSIONS.has(Permission) || Grantee === undefined) {
      throw errors.malformedAcl();
    }
    if (Grantee.Type === "CanonicalUser" && Grantee.ID !== undefined) {
      return { Grantee: canonicalUser(Grantee.ID, "CanonicalUser/ID"), Permission };
    }
    if (Grantee.Type === "Group" && Grantee.URI !== undefined) {
      return { Grantee: group(Grantee.URI, "Group/URI"), Permission };
    }
    if (Grantee.Type === "AmazonCustomerByEmail") throw errors.notServed("A grant to an e-mail address");
    throw errors.malformedAcl();
  });
}
