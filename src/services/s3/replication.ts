/**
 * A bucket's replication configuration. Rules that are disabled are kept and shown, as on AWS, where
 * they do nothing either; a rule that would have to copy objects is refused by name.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-add-config.html
 */
import * as errors from "./errors.ts";
import type { Bucket } from "./model.ts";

export interface ReplicationRule {
  readonly ID?: string | undefined;
  readonly Priority?: number | undefined;
  readonly Prefix?: string | undefined;
  readonly Filter?: object | undefined;
  readonly Status?: string | undefined;
  readonly Destination?: { readonly Bucket?: string | undefined } | undefined;
  readonly DeleteMarkerReplication?: { readonly Status?: string | undefined } | undefined;
}

export interface Replication {
  readonly Role?: string | undefined;
  readonly Rules?: readonly ReplicationRule[] | undefined;
}

export const REPLICATION = "replication";

const RULES_MAX = 1000;
const SCHEMA =
  "for this version of Cross Region Replication configuration schema. Please refer to S3 Developer Guide for more information.";

/**
 * The configuration as it is kept.
 * @param newId for rules without one
 * Errors: InvalidRequest, InvalidArgument, MalformedXML, NotImplemented (rules that are enabled).
 */
export function readReplication(
  bucket: Bucket,
  sent: Replication | undefined,
  newId: () => string,
): Replication {
  if (bucket.versioning !== "Enabled") {
    throw errors.invalidRequest(
      "Versioning must be 'Enabled' on the bucket to apply a replication configuration",
    );
  }
  const rules = sent?.Rules ?? [];
  if (sent?.Role === undefined || rules.length === 0 || rules.length > RULES_MAX) throw errors.malformedXml();
  for (const rule of rules) checkRule(rule);
  const ids = rules.flatMap(({ ID }) => (ID === undefined ? [] : [ID]));
  if (new Set(ids).size !== ids.length) {
    throw errors.invalidArgument("Rule ID must be unique. Found same ID for more than one rule", "ID");
  }
  const Rules = rules.map((rule) => ({
    ...rule,
    ID: rule.ID ?? newId(),
    ...(rule.Prefix === undefined && rule.Filter === undefined ? { Filter: {} } : {}),
  }));
  return { Role: sent.Role, Rules };
}

function checkRule({
  Status,
  Destination,
  Filter,
  Prefix,
  Priority,
  DeleteMarkerReplication,
}: ReplicationRule): void {
  if (Destination?.Bucket === undefined) throw errors.malformedXml();
  if (Status !== "Enabled" && Status !== "Disabled") throw errors.malformedXml();
  if (Filter === undefined) return;
  if (Prefix !== undefined) throw errors.malformedXml();
  if (Priority === undefined) throw errors.invalidRequest(`Priority must be specified ${SCHEMA}`);
  if (DeleteMarkerReplication === undefined) {
    throw errors.invalidRequest(`DeleteMarkerReplication must be specified ${SCHEMA}`);
  }
}

/** Name of the bucket that a rule copies to. */
export function destinationOf({ Destination }: ReplicationRule): string {
  return (Destination?.Bucket ?? "").replace(/^arn:[^:]+:s3:::/u, "");
}

/** Errors: InvalidRequest. */
export function checkDestination(destination: Bucket | undefined): void {
  if (destination?.versioning === "Enabled") return;
  throw errors.invalidRequest("Destination bucket must have versioning enabled.");
}

/** Errors: NotImplemented. */
export function checkEnabled({ Rules }: Replication): void {
  if (Rules?.some(({ Status }) => Status === "Enabled") !== true) return;
  throw errors.notServed("Replication by a rule that is enabled");
}

/** Errors: ReplicationConfigurationNotFoundError. */
export function replicationOf(bucket: Bucket): Replication {
  const text = bucket.settings[REPLICATION];
  if (text !== undefined) return JSON.parse(text) as Replication;
  throw errors.noSuchConfiguration(
    "ReplicationConfigurationNotFoundError",
    "The replication configuration was not found",
    bucket.name,
  );
}
