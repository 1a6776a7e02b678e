import type { Scope } from "../../kernel/scope.ts";
import type { Architecture, FunctionVersion } from "../model/function.ts";
import {
  BEING_CREATED,
  checkConfiguration,
  configurationFields,
  type ConfigurationSpec,
  newVersion,
  noteArchitecture,
} from "./configuration.ts";
import { checkDeadLetter } from "./dead-letter.ts";
import type { ControlContext } from "./deps.ts";
import { functionNotFound, invalidParameter, preconditionFailed, resourceConflict } from "./errors.ts";
import { functionArn, nameForCreation, qualifierKind, targetArn, targetOf } from "./names.ts";
import { decodeMarker, encodeMarker, type Page, pageSize } from "./page.ts";
import {
  type FunctionRecord,
  LATEST,
  latestOf,
  publishedVersions,
  versionAt,
  versionPlace,
  withEntry,
} from "./record.ts";
import { type Archive, storeCode } from "./stored-code.ts";
import { checkNewTags } from "./tags.ts";
import { environmentText, refuseWhileUpdating, withPublished } from "./versions.ts";

export interface CreateSpec extends ConfigurationSpec {
  readonly functionName: string;
  readonly architecture?: Architecture | undefined;
  readonly zipFile: Archive | undefined;
  readonly publish?: boolean | undefined;
  readonly tags?: Readonly<Record<string, string>> | undefined;
}

export interface UpdateConfigurationSpec extends ConfigurationSpec {
  readonly functionName: string;
  readonly revisionId?: string | undefined;
}

export interface UpdateCodeSpec {
  readonly functionName: string;
  readonly zipFile: Archive | undefined;
  readonly imageUri?: string | undefined;
  readonly architecture?: Architecture | undefined;
  readonly publish?: boolean | undefined;
  readonly dryRun?: boolean | undefined;
  readonly revisionId?: string | undefined;
}

/** A function as GetFunction sees it; `arn` is qualified as the caller qualified it. */
export interface FoundFunction {
  readonly version: FunctionVersion;
  readonly arn: string;
  readonly tags: ReadonlyMap<string, string>;
  readonly reservedConcurrency: number | undefined;
}

export interface Functions {
  create(scope: Scope, spec: CreateSpec): Promise<FunctionVersion>;
  get(scope: Scope, functionName: string, qualifier?: string): Promise<FoundFunction>;
  /** `allVersions`: FunctionVersion=ALL. */
  list(
    scope: Scope,
    allVersions: boolean,
    marker: string | undefined,
    maxItems: number | undefined,
  ): Promise<Page<FunctionVersion>>;
  updateConfiguration(scope: Scope, spec: UpdateConfigurationSpec): Promise<FunctionVersion>;
  /** The published version when Publish was asked for, else $LATEST. */
  updateCode(scope: Scope, spec: UpdateCodeSpec): Promise<FunctionVersion>;
  delete(scope: Scope, functionName: string, qualifier?: string): Promise<void>;
}

export function functionsOf(context: ControlContext): Functions {
  const { store, settler, random, clock } = context;

  return {
    async create(caller, spec) {
      const { scope, name } = nameForCreation(caller, spec.functionName);
      const latest = newVersion(context, scope, name, spec);
      if (spec.tags !== undefined) checkNewTags(new Map(), spec.tags);
      if ((await store.load(scope, name)) !== undefined) throw alreadyExists(name);
      await checkDeadLetter(context, scope, spec.deadLetterTargetArn, latest.role);
      using stored = await storeCode(context, spec.zipFile);
      const { code } = stored;
      const functionId = random.uuid();
      const base: FunctionRecord = {
        scope,
        name,
        functionId,
        stamp: 1,
        nextVersion: 1,
        lastPublished: undefined,
        reservedConcurrency: undefined,
        recursiveLoop: "Terminate",
        tags: new Map(Object.entries(spec.tags ?? {})),
        versions: new Map([[LATEST, { ...latest, functionId, code }]]),
        aliases: new Map(),
        policies: new Map(),
        eventInvokeConfigs: new Map(),
      };
      const next =
        spec.publish === true
          ? withPublished(context, base, undefined, true)
          : { record: base, version: latestOf(base) };
      if (!(await store.create(next.record))) throw alreadyExists(name);
      void settler.settle(scope, name);
      return next.version;
    },

    async get(scope, functionName, qualifier) {
      const target = targetOf(scope, functionName, qualifier);
      const record = await store.load(target.scope, target.name);
      const version = record === undefined ? undefined : versionAt(record, target.qualifier);
      if (record === undefined || version === undefined) throw functionNotFound(targetArn(target));
      return {
        version,
        arn: targetArn(target),
        tags: record.tags,
        reservedConcurrency: record.reservedConcurrency,
      };
    },

    async list({ accountId, region }, allVersions, marker, maxItems) {
      const scope = { accountId, region };
      const size = pageSize(maxItems);
      const from = marker === undefined ? ["", ""] : decodeMarker(marker).split("\n");
      const items: FunctionVersion[] = [];
      const [afterName = "", afterVersion = ""] = from;
      // The marker's function is read again: with FunctionVersion=ALL the page may have ended in it.
      const names = await store.names(scope, afterName, size + 1);
      if (afterVersion !== "") names.unshift(afterName);
      for (const name of names) {
        const record = await store.load(scope, name);
        if (record === undefined) continue;
        const all = allVersions ? [latestOf(record), ...publishedVersions(record)] : [latestOf(record)];
        const isNew = ({ version }: FunctionVersion): boolean =>
          name !== afterName || versionPlace(version) > versionPlace(afterVersion);
        items.push(...all.filter(isNew));
        if (items.length > size) break;
      }
      const shown = items.slice(0, size);
      const last = shown.at(-1);
      const more = last !== undefined && items.length > size;
      const key = last === undefined ? "" : allVersions ? `${last.name}\n${last.version}` : last.name;
      return { items: shown, nextMarker: more ? encodeMarker(key) : undefined };
    },

    async updateConfiguration(scope, spec) {
      const target = targetOf(scope, spec.functionName);
      const arn = functionArn(target.scope, target.name);
      const found = await store.load(target.scope, target.name);
      if (found === undefined) throw functionNotFound(arn);
      checkConfiguration(spec, target.scope);
      await checkDeadLetter(
        context,
        target.scope,
        spec.deadLetterTargetArn,
        spec.role ?? latestOf(found).role,
      );
      await settler.whenCreated(found);
      const record = await store.change(target.scope, target.name, (current) => {
        const latest = latestOf(current);
        checkRevision(latest, spec.revisionId);
        refuseWhileUpdating(current);
        return withLatest(context, current, { ...latest, ...configurationFields(latest, spec) });
      });
      if (record === undefined) throw functionNotFound(arn);
      void settler.settle(target.scope, target.name);
      return latestOf(record);
    },

    async updateCode(scope, spec) {
      const target = targetOf(scope, spec.functionName);
      const arn = functionArn(target.scope, target.name);
      const found = await store.load(target.scope, target.name);
      if (found === undefined) throw functionNotFound(arn);
      if (spec.imageUri !== undefined) {
        throw invalidParameter(
          "Please don't provide ImageUri when updating a function with packageType Zip.",
        );
      }
      await settler.whenCreated(found);
      const before = latestOf(found);
      const architecture = spec.architecture ?? before.architecture;
      noteArchitecture(context, target.name, architecture, before.runtime);
      using stored = await storeCode(context, spec.zipFile, spec.dryRun);
      const { code } = stored;
      let shown: FunctionVersion | undefined;
      const decide = (current: FunctionRecord): FunctionRecord => {
        const latest = latestOf(current);
        checkRevision(latest, spec.revisionId);
        refuseWhileUpdating(current);
        const changed = { ...latest, code, architecture };
        if (spec.dryRun === true) {
          shown = changed;
          return current;
        }
        const updated = withLatest(context, current, changed);
        const next =
          spec.publish === true
            ? withPublished(context, updated, undefined, true)
            : { record: updated, version: latestOf(updated) };
        shown = next.version;
        return next.record;
      };
      const record = await store.change(target.scope, target.name, decide);
      if (record === undefined || shown === undefined) throw functionNotFound(arn);
      void settler.settle(target.scope, target.name);
      return shown;
    },

    async delete(scope, functionName, qualifier) {
      const target = targetOf(scope, functionName, qualifier);
      const arn = functionArn(target.scope, target.name);
      if (target.qualifier === undefined) {
        if ((await store.delete(target.scope, target.name)) === undefined) throw functionNotFound(arn);
        return;
      }
      const kind = qualifierKind(target.qualifier);
      if (kind === "latest") {
        throw invalidParameter("$LATEST version cannot be deleted without deleting the function.");
      }
      if (kind === "alias") throw invalidParameter("Deletion of aliases is not currently supported.");
      const version = target.qualifier;
      const record =
        kind === "other"
          ? undefined
          : await store.change(target.scope, target.name, (current) => withoutVersion(current, version));
      if (record === undefined) throw functionNotFound(arn);
    },
  };

  function withLatest(ctx: ControlContext, record: FunctionRecord, changed: FunctionVersion): FunctionRecord {
    const before = latestOf(record);
    const sameEnvironment = environmentText(before) === environmentText(changed);
    const latest: FunctionVersion = {
      ...changed,
      environmentId: sameEnvironment ? before.environmentId : ctx.random.uuid(),
      revisionId: ctx.random.uuid(),
      lastModifiedMs: clock.now(),
      lastUpdateStatus: "InProgress",
      lastUpdateStatusReason: BEING_CREATED,
      lastUpdateStatusReasonCode: "Creating",
    };
    return { ...record, versions: withEntry(record.versions, LATEST, latest) };
  }
}

/** A version that is not there is deleted already. Errors: ResourceConflictException while aliases point to it. */
function withoutVersion(record: FunctionRecord, version: string): FunctionRecord {
  if (!record.versions.has(version)) return record;
  const aliases = [...record.aliases.values()]
    .filter((alias) => alias.functionVersion === version || alias.routing?.version === version)
    .map((alias) => alias.name);
  if (aliases.length > 0) {
    throw resourceConflict(
      `Unable to delete version because the following aliases reference it: [${aliases.join(", ")}]`,
    );
  }
  return {
    ...record,
    versions: withEntry(record.versions, version, undefined),
    policies: withEntry(record.policies, version, undefined),
    eventInvokeConfigs: withEntry(record.eventInvokeConfigs, version, undefined),
  };
}

function alreadyExists(name: string): Error {
  return resourceConflict(
    `Function already exist: ${name}`,
    "Change it with update-function-code and update-function-configuration, or delete it first.",
  );
}

function checkRevision(latest: FunctionVersion, revisionId: string | undefined): void {
  if (revisionId !== undefined && revisionId !== latest.revisionId) {
    throw preconditionFailed("GetFunction/GetAlias");
  }
}
