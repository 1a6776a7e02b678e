/** Roles, users, policies and their ARNs. IAM is global: everything is kept per account. */
import type { Tag } from "@aws-sdk/client-iam";
import * as errors from "./errors.ts";
import type { EntityKind } from "./errors.ts";

export type { EntityKind } from "./errors.ts";

/** A role, a user or a group: what policies are attached to. */
export interface Entity {
  readonly accountId: string;
  readonly kind: EntityKind;
  readonly name: string;
  readonly id: string;
  readonly path: string;
  readonly createdAt: number;
  readonly boundaryArn: string | undefined;
  /** Of roles only. */
  readonly description: string | undefined;
  readonly maxSessionSeconds: number;
  readonly trustPolicy: string;
}

export interface ManagedPolicy {
  readonly accountId: string;
  readonly name: string;
  readonly id: string;
  readonly path: string;
  readonly description: string | undefined;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly defaultVersion: number;
  /** The number the next version gets: numbers are never used twice. */
  readonly nextVersion: number;
}

export interface PolicyVersion {
  readonly version: number;
  readonly document: string;
  readonly createdAt: number;
}

export interface AccessKey {
  readonly accessKeyId: string;
  readonly accountId: string;
  readonly userName: string;
  readonly status: "Active" | "Inactive";
  readonly createdAt: number;
  readonly lastUsed: { readonly at: number; readonly service: string; readonly region: string } | undefined;
}

export const QUOTAS = {
  policiesPerEntity: 10,
  policyVersions: 5,
  accessKeysPerUser: 2,
  /** Of a user, for each service. */
  credentialsPerService: 2,
  trustPolicyLength: 2048,
  managedPolicyLength: 6144,
  inlineLength: { role: 10_240, user: 2048, group: 5120 },
  tags: 50,
  groupsPerUser: 10,
} as const;

/** What an account may have of each, and what AWS calls the quota. Roles of services do not count. */
export const ACCOUNT_QUOTAS = {
  role: ["RolesPerAccount", 1000],
  user: ["UsersPerAccount", 5000],
  group: ["GroupsPerAccount", 300],
  policy: ["PoliciesPerAccount", 1500],
  "instance-profile": ["InstanceProfilesPerAccount", 1000],
} as const;

/** Before one more is made. Errors: LimitExceeded. */
export function checkRoom(kind: keyof typeof ACCOUNT_QUOTAS, count: number): void {
  const [quota, max] = ACCOUNT_QUOTAS[kind];
  if (count >= max) throw errors.quotaExceeded(quota, max);
}

export const MAX_SESSION_SECONDS_DEFAULT = 3600;
export const AWS_OWNED = "aws";

/** Names are unique without regard to case, and shown as they were given. */
export function nameKey(name: string): string {
  return name.toLowerCase();
}

export function entityArn(entity: Pick<Entity, "accountId" | "kind" | "path" | "name">): string {
  return `arn:aws:iam::${entity.accountId}:${entity.kind}${entity.path}${entity.name}`;
}

export function policyArn(policy: Pick<ManagedPolicy, "accountId" | "path" | "name">): string {
  return `arn:aws:iam::${policy.accountId}:policy${policy.path}${policy.name}`;
}

export interface PolicyArn {
  readonly arn: string;
  /** `aws` for AWS's own. */
  readonly accountId: string;
  readonly path: string;
  readonly name: string;
}

/** Errors: ValidationError when it is no ARN of a policy. */
export function parsePolicyArn(arn: string): PolicyArn {
  const match = /^arn:(?:aws|aws-cn|aws-us-gov):iam::(\d{12}|aws):policy(\/(?:[!-~]+\/)?)([\w+=,.@-]+)$/.exec(
    arn,
  );
  if (match === null) throw errors.unparsableArn();
  const [, accountId = "", path = "/", name = ""] = match;
  return { arn, accountId, path, name };
}

export function versionText(version: number): string {
  return `v${version}`;
}

/** Undefined when it is no version id. */
export function parseVersion(text: string): number | undefined {
  const match = /^v([1-9]\d*)$/.exec(text);
  return match === null ? undefined : Number(match[1]);
}

/** Length as IAM counts policies: without white space. */
export function policyLength(document: string): number {
  return document.replace(/\s/g, "").length;
}

export type TaggedKind = EntityKind | "policy" | "instance-profile";

/**
 * What makes two tag keys the same: their letters in any case for users and roles, exactly themselves
 * for the rest. https://docs.aws.amazon.com/IAM/latest/UserGuide/id_tags.html#case-sensitivity
 */
export function tagNorm(kind: TaggedKind, key: string | undefined): string {
  const text = key ?? "";
  return kind === "policy" || kind === "instance-profile" ? text : text.toLowerCase();
}

/** Errors: InvalidInput. */
export function checkTags(kind: TaggedKind, tags: readonly Tag[]): void {
  if (new Set(tags.map((tag) => tagNorm(kind, tag.Key))).size < tags.length) {
    const ignoresCase = tagNorm(kind, "A") === "a";
    throw errors.invalidInput(
      `Duplicate tag keys found.${ignoresCase ? " Please note that Tag keys are case insensitive." : ""}`,
    );
  }
  if (tags.some((tag) => (tag.Key ?? "").toLowerCase().startsWith("aws:"))) {
    throw errors.invalidInput("Tag keys beginning with aws: are reserved for system use.");
  }
}

const TAGS_QUOTA: Readonly<Record<TaggedKind, string>> = {
  role: "TagsPerRole",
  user: "TagsPerUser",
  group: "TagsPerGroup",
  policy: "TagsPerPolicy",
  "instance-profile": "TagsPerInstanceProfile",
};

/** With the tags that are there already. Errors: LimitExceeded. */
export function checkTagCount(kind: TaggedKind, present: readonly Tag[], added: readonly Tag[]): void {
  const keys = new Set([...present, ...added].map((tag) => tagNorm(kind, tag.Key)));
  if (keys.size > QUOTAS.tags) throw errors.quotaExceeded(TAGS_QUOTA[kind], QUOTAS.tags);
}

export interface Page<T> {
  readonly items: readonly T[];
  readonly paging: { IsTruncated: boolean; Marker?: string };
}

const PAGE_DEFAULT = 100;

export interface PageRequest {
  readonly Marker?: string | undefined;
  readonly MaxItems?: number | undefined;
}

/**
 * Cuts one page out of a sorted list. `key` is what a marker points at: the last item shown.
 * Errors: ValidationError for a marker that is not ours.
 */
export function paginate<T>(all: readonly T[], request: PageRequest, key: (item: T) => string): Page<T> {
  const after = request.Marker === undefined ? undefined : openMarker(request.Marker);
  const rest = after === undefined ? all : all.filter((item) => key(item) > after);
  const items = rest.slice(0, request.MaxItems ?? PAGE_DEFAULT);
  const last = items.at(-1);
  if (items.length === rest.length || last === undefined) return { items, paging: { IsTruncated: false } };
  const marker = Buffer.from(`m1:${key(last)}`).toString("base64url");
  return { items, paging: { IsTruncated: true, Marker: marker } };
}

function openMarker(marker: string): string {
  const text = Buffer.from(marker, "base64url").toString("utf8");
  if (!text.startsWith("m1:")) throw errors.validationError(`Invalid Marker.`);
  return text.slice(3);
}

/** IAM's dates have no fraction of a second. */
export function wholeSeconds(ms: number): number {
  return Math.floor(ms / 1000) * 1000;
}
