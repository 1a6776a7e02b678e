import type { Scope } from "../../kernel/scope.ts";
import type { FunctionVersion } from "../model/function.ts";
import type { ControlContext } from "./deps.ts";
import { functionNotFound, invalidParameter, preconditionFailed, resourceConflict } from "./errors.ts";
import { functionArn, targetOf } from "./names.ts";
import { type Page, pageOf } from "./page.ts";
import {
  type FunctionRecord,
  LATEST,
  latestOf,
  publishedVersions,
  versionPlace,
  withEntry,
} from "./record.ts";

export interface PublishSpec {
  readonly functionName: string;
  readonly codeSha256?: string | undefined;
  readonly description?: string | undefined;
  readonly revisionId?: string | undefined;
}

/** What an execution environment is made of: when this changes, old environments serve no more. */
export function environmentText(version: FunctionVersion): string {
  return JSON.stringify([
    version.code.blob,
    version.runtime,
    version.handler,
    version.role,
    version.memoryMb,
    version.timeoutMs,
    version.tmpMb,
    version.architecture,
    version.environment,
    version.logging,
    version.tracingMode,
  ]);
}

/** What makes a published version differ from the one before. */
function publishedText(version: FunctionVersion): string {
  return JSON.stringify([environmentText(version), version.description, version.deadLetterTargetArn]);
}

export function refuseWhileUpdating(record: FunctionRecord): void {
  const latest = latestOf(record);
  if (latest.lastUpdateStatus !== "InProgress") return;
  throw resourceConflict(
    `The operation cannot be performed at this time. An update is in progress for resource: ${latest.functionArn}`,
    "Wait with `aws lambda wait function-updated-v2 --function-name …`.",
  );
}

/**
 * The record with a new version made of $LATEST, or as it was when nothing changed since the last
 * one. `pending`: the code is new and its unpacking is still to be waited for.
 */
export function withPublished(
  context: ControlContext,
  record: FunctionRecord,
  description: string | undefined,
  pending: boolean,
): { record: FunctionRecord; version: FunctionVersion } {
  const latest = latestOf(record);
  const fingerprint = context.digest(publishedText(latest));
  if (record.lastPublished?.fingerprint === fingerprint) {
    const existing = record.versions.get(record.lastPublished.version);
    if (existing !== undefined) return { record, version: existing };
  }
  const {
    lastUpdateStatusReason: _reason,
    lastUpdateStatusReasonCode: _code,
    stateReason: _stateReason,
    stateReasonCode: _stateCode,
    ...base
  } = latest;
  const number = String(record.nextVersion);
  const version: FunctionVersion = {
    ...base,
    version: number,
    description: description ?? latest.description,
    revisionId: context.random.uuid(),
    environmentId: context.random.uuid(),
    lastUpdateStatus: "Successful",
    ...(pending
      ? { state: "Pending", stateReason: "The function is being created.", stateReasonCode: "Creating" }
      : {}),
  };
  // Publishing moves $LATEST's RevisionId too.
  const moved = { ...latest, revisionId: context.random.uuid() };
  return {
    version,
    record: {
      ...record,
      nextVersion: record.nextVersion + 1,
      lastPublished: { version: number, fingerprint },
      versions: withEntry(withEntry(record.versions, LATEST, moved), number, version),
    },
  };
}

export interface Versions {
  /** Errors: ResourceNotFoundException, PreconditionFailedException, InvalidParameterValueException. */
  publish(scope: Scope, spec: PublishSpec): Promise<FunctionVersion>;
  /** $LATEST first, then the published ones in order. */
  list(
    scope: Scope,
    functionName: string,
    marker: string | undefined,
    maxItems: number | undefined,
  ): Promise<Page<FunctionVersion>>;
}

export function versionsOf(context: ControlContext): Versions {
  const { store, settler } = context;
  return {
    async publish(scope, spec) {
      const target = targetOf(scope, spec.functionName);
      const arn = functionArn(target.scope, target.name);
      const found = await store.load(target.scope, target.name);
      if (found === undefined) throw functionNotFound(arn);
      await settler.whenCreated(found);
      let published: FunctionVersion | undefined;
      const record = await store.change(target.scope, target.name, (current) => {
        const latest = latestOf(current);
        if (spec.revisionId !== undefined && spec.revisionId !== latest.revisionId) {
          throw preconditionFailed("GetFunction/GetAlias");
        }
        if (spec.codeSha256 !== undefined && spec.codeSha256 !== latest.code.codeSha256) {
          throw invalidParameter(
            `CodeSHA256 (${spec.codeSha256}) is different from current CodeSHA256 in $LATEST (${latest.code.codeSha256}). Please try again with the CodeSHA256 in $LATEST.`,
          );
        }
        refuseWhileUpdating(current);
        const next = withPublished(context, current, spec.description, false);
        published = next.version;
        return next.record;
      });
      if (record === undefined || published === undefined) throw functionNotFound(arn);
      return published;
    },

    async list(scope, functionName, marker, maxItems) {
      const target = targetOf(scope, functionName);
      const record = await store.load(target.scope, target.name);
      if (record === undefined) throw functionNotFound(functionArn(target.scope, target.name));
      const all = [latestOf(record), ...publishedVersions(record)];
      const isBehind = (version: string, other: string): boolean =>
        versionPlace(version) > versionPlace(other);
      return pageOf(all, (version) => version.version, marker, maxItems, isBehind);
    },
  };
}
