import * as errors from "./errors.ts";
import type { RequestContext } from "../../aws/service.ts";
import { ANONYMOUS, type Bucket, type Grant, ownerId } from "./model.ts";
import { blocks } from "./public-access.ts";

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

export const ALL_USERS = "http://acs.amazonaws.com/groups/global/AllUsers";
export const AUTHENTICATED = "http://acs.amazonaws.com/groups/global/AuthenticatedUsers";
export const LOG_DELIVERY = "http://acs.amazonaws.com/groups/s3/LogDelivery";
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

/** A list with such a grant is public. */
export function isForEverybody({ Grantee }: Grant): boolean {
  return Grantee.URI === ALL_USERS || Grantee.URI === AUTHENTICATED;
}

const FOR_BUCKET_OWNER: Readonly<Record<string, string>> = {
  "bucket-owner-read": "READ",
  "bucket-owner-full-control": "FULL_CONTROL",
};

export function ownerGrant(owner: string): Grant {
  return grantTo(owner, "FULL_CONTROL");
}

function grantTo(owner: string, Permission: string): Grant {
  return { Grantee: { Type: "CanonicalUser", ID: ownerId(owner) }, Permission };
}

/**
 * Whose a new object is: its writer's, or where the bucket takes over, the bucket's owner's.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/about-object-ownership.html
 */
export function ownerOfNew(
  bucket: Bucket,
  input: AclInput,
  { accountId, caller }: Pick<RequestContext, "accountId" | "caller">,
): string {
  const ownership = ownershipOf(bucket);
  if (ownership === "BucketOwnerEnforced") return bucket.accountId;
  if (ownership === "BucketOwnerPreferred" && input.ACL === "bucket-owner-full-control")
    return bucket.accountId;
  return caller.kind === "anonymous" ? ANONYMOUS : accountId;
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

/** Errors: AccessDenied where public lists are blocked. */
export function checkPublicAcl(
  bucket: Bucket,
  grants: readonly Grant[] | undefined,
  resource: string,
  { caller, operation }: Pick<RequestContext, "caller" | "operation">,
): void {
  if (!blocks(bucket, "BlockPublicAcls") || grants?.some(isForEverybody) !== true) return;
  throw errors.blockedPublic(caller, operation, resource, "ACLs", "BlockPublicAcls");
}

/** Errors: AccessControlListNotSupported where the bucket has no ACLs. */
export function checkBucketAcl(bucket: Bucket, input: AclInput): void {
  if (ownershipOf(bucket) !== "BucketOwnerEnforced") return;
  const isHarmless = input.ACL === undefined || ["private", "bucket-owner-full-control"].includes(input.ACL);
  if (!isHarmless || hasGrantHeaders(input)) throw errors.aclNotSupported();
}

/**
 * The grants that an input asks for; undefined for none, which means the owner alone.
 * @param bucketOwner where the list is that of an object
 * Errors: InvalidArgument, InvalidRequest.
 */
export function grantsOf(
  input: AclInput,
  owner: string,
  bucketOwner: string = owner,
): readonly Grant[] | undefined {
  const { ACL } = input;
  if (ACL !== undefined && hasGrantHeaders(input)) {
    throw errors.invalidRequest("Specifying both Canned ACLs and Header Grants is not allowed");
  }
  if (ACL !== undefined) {
    const canned = CANNED[ACL];
    if (canned === undefined) throw errors.invalidArgument(undefined, "x-amz-acl", ACL);
    const shared = FOR_BUCKET_OWNER[ACL];
    if (shared !== undefined && owner !== bucketOwner) {
      return [ownerGrant(owner), grantTo(bucketOwner, shared)];
    }
    if (canned.length === 0) return undefined;
    return [
      ownerGrant(owner),
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
        readonly Grantee?: GranteeInput | undefined;
        readonly Permission?: string | undefined;
      }[]
    | undefined;
}

/**
 * The grants of an AccessControlPolicy. Errors: MalformedACLError, InvalidArgument, AccessDenied (another
 * owner: objects are not given away).
 */
export function grantsOfPolicy(policy: AclPolicyInput, owner: string): readonly Grant[] {
  const named = policy.Owner?.ID;
  if (named === undefined) throw errors.malformedAcl();
  canonicalUser(named, "CanonicalUser/ID");
  if (named !== ownerId(owner)) throw errors.accessDenied();
  return (policy.Grants ?? []).map(({ Grantee, Permission }) => {
    if (Permission === undefined || !PERMISSIONS.has(Permission) || Grantee === undefined) {
      throw errors.malformedAcl();
    }
    const grantee = granteeOf(Grantee);
    if (grantee === undefined) throw errors.malformedAcl();
    return { Grantee: grantee, Permission };
  });
}

export interface GranteeInput {
  readonly Type?: string | undefined;
  readonly ID?: string | undefined;
  readonly URI?: string | undefined;
}

/** Undefined for what names nobody. Errors: InvalidArgument, NotImplemented (e-mail addresses). */
export function granteeOf({ Type, ID, URI }: GranteeInput): Grant["Grantee"] | undefined {
  if (Type === "CanonicalUser" && ID !== undefined) return canonicalUser(ID, "CanonicalUser/ID");
  if (Type === "Group" && URI !== undefined) return group(URI, "Group/URI");
  if (Type === "AmazonCustomerByEmail") throw errors.notServed("A grant to an e-mail address");
  return undefined;
}
