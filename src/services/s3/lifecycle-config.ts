import * as errors from "./errors.ts";
import type { Lifecycle, LifecycleRule } from "./lifecycle.ts";
import { S3_LIMITS } from "./model.ts";
import { readTagSet } from "./tags.ts";
import { type TransitionsInput, transitionsOf } from "./transitions.ts";

/** What PutBucketLifecycleConfiguration takes: https://docs.aws.amazon.com/AmazonS3/latest/API/API_LifecycleRule.html */

interface TagInput {
  readonly Key?: string | undefined;
  readonly Value?: string | undefined;
}

interface Sizes {
  readonly ObjectSizeGreaterThan?: number | undefined;
  readonly ObjectSizeLessThan?: number | undefined;
}

export interface LifecycleRuleInput extends TransitionsInput {
  readonly ID?: string | undefined;
  readonly Status?: string | undefined;
  readonly Prefix?: string | undefined;
  readonly Filter?:
    | (Sizes & {
        readonly Prefix?: string | undefined;
        readonly Tag?: TagInput | undefined;
        readonly And?:
          | (Sizes & {
              readonly Prefix?: string | undefined;
              readonly Tags?: readonly TagInput[] | undefined;
            })
          | undefined;
      })
    | undefined;
  readonly Expiration?:
    | {
        readonly Date?: Date | undefined;
        readonly Days?: number | undefined;
        readonly ExpiredObjectDeleteMarker?: boolean | undefined;
      }
    | undefined;
  readonly NoncurrentVersionExpiration?:
    | { readonly NoncurrentDays?: number | undefined; readonly NewerNoncurrentVersions?: number | undefined }
    | undefined;
  readonly AbortIncompleteMultipartUpload?: { readonly DaysAfterInitiation?: number | undefined } | undefined;
}

/** Errors: MalformedXML, InvalidArgument, InvalidRequest. */
export function readLifecycle(
  sent: readonly LifecycleRuleInput[] | undefined,
  newId: () => string,
): Lifecycle {
  if (sent === undefined || sent.length === 0 || sent.length > S3_LIMITS.lifecycleRules) {
    throw errors.malformedXml();
  }
  const named = sent.map((rule) => ({ ...rule, ID: rule.ID ?? newId() }));
  if (new Set(named.map((rule) => rule.ID)).size !== named.length) {
    throw errors.invalidArgument("Rule ID must be unique. Found same ID for more than one rule", "ID");
  }
  return { rules: named.map(readRule), shown: named };
}

function readRule(input: LifecycleRuleInput & { readonly ID: string }): LifecycleRule {
  if (input.ID.length > 255) {
    throw errors.invalidArgument("ID length should not exceed allowed limit of 255", "ID", input.ID);
  }
  if (input.Status !== "Enabled" && input.Status !== "Disabled") throw errors.malformedXml();
  if (input.Filter === undefined && input.Prefix === undefined) throw errors.malformedXml();
  if (input.Filter !== undefined && input.Prefix !== undefined) throw errors.malformedXml();
  const filter = filterOf(input);
  const ends = { ...expirationOf(input), ...noncurrentOf(input), ...abortOf(input) };
  const actions = { ...ends, ...transitionsOf(input, { ...filter, ...ends }) };
  if (Object.keys(actions).length === 0) {
    throw errors.invalidRequest("At least one action needs to be specified in a rule");
  }
  if (actions.expireMarkers === true && filter.tags.length > 0) {
    throw errors.invalidRequest("ExpiredObjectDeleteMarker cannot be specified with Tags.");
  }
  if (actions.abortUploadDays !== undefined && filter.tags.length > 0) {
    throw errors.invalidRequest("AbortIncompleteMultipartUpload cannot be specified with Tags.");
  }
  return { ID: input.ID, Status: input.Status, ...filter, ...actions };
}

type Filter = Pick<LifecycleRule, "prefix" | "tags" | "largerThan" | "smallerThan">;

function filterOf({ Filter, Prefix }: LifecycleRuleInput): Filter {
  const { And, ...single } = Filter ?? {};
  if (And !== undefined && Object.values(single).some((value) => value !== undefined)) {
    throw errors.malformedXml();
  }
  if (Object.values(single).filter((value) => value !== undefined).length > 1) throw errors.malformedXml();
  const source = And ?? single;
  checkSizes(source);
  const keys = (And?.Tags ?? []).map((tag) => tag.Key);
  if (new Set(keys).size !== keys.length) throw errors.invalidRequest("Duplicate Tag Keys are not allowed.");
  const tags = readTagSet(And?.Tags ?? (single.Tag === undefined ? [] : [single.Tag]));
  return {
    prefix: source.Prefix ?? Prefix ?? "",
    tags,
    ...(source.ObjectSizeGreaterThan === undefined ? {} : { largerThan: source.ObjectSizeGreaterThan }),
    ...(source.ObjectSizeLessThan === undefined ? {} : { smallerThan: source.ObjectSizeLessThan }),
  };
}

/** Sizes of rules go further than objects do. */
const SIZE_MAX = 1_099_511_627_776_000;

function checkSizes({ ObjectSizeGreaterThan: larger, ObjectSizeLessThan: smaller }: Sizes): void {
  const bounds = [
    ["ObjectSizeGreaterThan", larger, 0],
    ["ObjectSizeLessThan", smaller, 1],
  ] as const;
  for (const [name, value = 1, min] of bounds) {
    if (value >= min && value <= SIZE_MAX) continue;
    throw errors.invalidRequest(`'${name}' should be between ${String(min)} and ${String(SIZE_MAX)}.`);
  }
  if (larger === undefined || smaller === undefined || smaller > larger) return;
  throw errors.invalidRequest("'ObjectSizeLessThan' has to be a value greater than 'ObjectSizeGreaterThan'.");
}

type Actions = Partial<
  Pick<
    LifecycleRule,
    "expireDays" | "expireAtMs" | "expireMarkers" | "noncurrentDays" | "keepNoncurrent" | "abortUploadDays"
  >
>;

function expirationOf({ Expiration }: LifecycleRuleInput): Actions {
  if (Expiration === undefined) return {};
  const { Date: date, Days, ExpiredObjectDeleteMarker } = Expiration;
  if ([date, Days, ExpiredObjectDeleteMarker].filter((value) => value !== undefined).length !== 1) {
    throw errors.malformedXml();
  }
  if (Days !== undefined && Days <= 0) {
    throw errors.invalidArgument("'Days' for Expiration action must be a positive integer", "Days", Days);
  }
  if (date !== undefined && date.getTime() % 86_400_000 !== 0) {
    throw errors.invalidArgument("'Date' must be at midnight GMT", "Date", date.toISOString());
  }
  return {
    ...(Days === undefined ? {} : { expireDays: Days }),
    ...(date === undefined ? {} : { expireAtMs: date.getTime() }),
    ...(ExpiredObjectDeleteMarker === undefined ? {} : { expireMarkers: ExpiredObjectDeleteMarker }),
  };
}

function noncurrentOf({ NoncurrentVersionExpiration: given }: LifecycleRuleInput): Actions {
  if (given === undefined) return {};
  const { NoncurrentDays: days, NewerNoncurrentVersions: kept } = given;
  if (days === undefined) throw errors.malformedXml();
  if (days <= 0) {
    throw errors.invalidArgument(
      "'NoncurrentDays' for NoncurrentVersionExpiration action must be a positive integer",
      "NoncurrentDays",
      days,
    );
  }
  return { noncurrentDays: days, ...(kept === undefined ? {} : { keepNoncurrent: kept }) };
}

function abortOf({ AbortIncompleteMultipartUpload: given }: LifecycleRuleInput): Actions {
  if (given === undefined) return {};
  const { DaysAfterInitiation: days } = given;
  if (days === undefined) throw errors.malformedXml();
  if (days <= 0) {
    throw errors.invalidArgument(
      "'DaysAfterInitiation' for AbortIncompleteMultipartUpload action must be a positive integer",
      "DaysAfterInitiation",
      days,
    );
  }
  return { abortUploadDays: days };
}
