import type { Scope } from "../../kernel/scope.ts";
import type { ControlContext } from "./deps.ts";
import {
  functionNotFound,
  invalidParameter,
  invalidParameterBare,
  preconditionFailed,
  resourceConflict,
  resourceNotFound,
} from "./errors.ts";
import { functionArn, targetOf } from "./names.ts";
import { type Page, pageOf } from "./page.ts";
import { type Alias, type AliasRouting, type FunctionRecord, LATEST, withEntry } from "./record.ts";

export type VersionWeights = Readonly<Record<string, number>>;

export interface CreateAliasSpec {
  readonly functionName: string;
  readonly name: string;
  readonly functionVersion: string;
  readonly description?: string | undefined;
  readonly weights?: VersionWeights | undefined;
}

export interface UpdateAliasSpec {
  readonly functionName: string;
  readonly name: string;
  readonly functionVersion?: string | undefined;
  readonly description?: string | undefined;
  /** Empty: the alias points to one version again. */
  readonly weights?: VersionWeights | undefined;
  readonly revisionId?: string | undefined;
}

export interface AliasAnswer {
  readonly alias: Alias;
  readonly arn: string;
}

export interface Aliases {
  create(scope: Scope, spec: CreateAliasSpec): Promise<AliasAnswer>;
  get(scope: Scope, functionName: string, name: string): Promise<AliasAnswer>;
  list(
    scope: Scope,
    functionName: string,
    functionVersion: string | undefined,
    marker: string | undefined,
    maxItems: number | undefined,
  ): Promise<Page<AliasAnswer>>;
  update(scope: Scope, spec: UpdateAliasSpec): Promise<AliasAnswer>;
  /** An alias that is not there is deleted already. */
  delete(scope: Scope, functionName: string, name: string): Promise<void>;
}

/**
 * AdditionalVersionWeights as AWS takes them: at most one version, not the alias's own, and no
 * $LATEST on either side. Undefined when there is none. Existence is checked by the caller.
 */
export function routingOf(
  functionVersion: string,
  weights: VersionWeights | undefined,
): AliasRouting | undefined {
  const entries = Object.entries(weights ?? {});
  if (entries.length > 1) {
    throw invalidParameter("Number of items in AdditionalVersionWeights cannot be greater than 1");
  }
  const [entry] = entries;
  if (entry === undefined) return undefined;
  const [version, weight] = entry;
  if (functionVersion === LATEST) {
    throw invalidParameterBare("$LATEST is not supported for an alias pointing to more than 1 version");
  }
  if (version === functionVersion) {
    throw invalidParameter(
      `Invalid function version ${version}. Function version ${version} is already included in routing configuration.`,
    );
  }
  return { version, weight };
}

export function aliasesOf(context: ControlContext): Aliases {
  const { store, random } = context;

  /** Errors: ResourceNotFoundException naming the first version that is not there. */
  function checkVersions(record: FunctionRecord, version: string, routing: AliasRouting | undefined): void {
    for (const wanted of routing === undefined ? [version] : [version, routing.version]) {
      if (!record.versions.has(wanted)) {
        throw functionNotFound(functionArn(record.scope, record.name, wanted));
      }
    }
  }

  return {
    async create(scope, spec) {
      const target = targetOf(scope, spec.functionName);
      const arn = functionArn(target.scope, target.name, spec.name);
      const routing = routingOf(spec.functionVersion, spec.weights);
      let made: Alias | undefined;
      await store.change(target.scope, target.name, (record) => {
        checkVersions(record, spec.functionVersion, routing);
        if (record.aliases.has(spec.name)) throw resourceConflict(`Alias already exists: ${arn}`);
        made = {
          name: spec.name,
          functionVersion: spec.functionVersion,
          description: spec.description ?? "",
          revisionId: random.uuid(),
          ...(routing === undefined ? {} : { routing }),
        };
        return { ...record, aliases: withEntry(record.aliases, spec.name, made) };
      });
      if (made === undefined) {
        throw functionNotFound(functionArn(target.scope, target.name, spec.functionVersion));
      }
      return { alias: made, arn };
    },

    async get(scope, functionName, name) {
      const target = targetOf(scope, functionName);
      const arn = functionArn(target.scope, target.name, name);
      const record = await store.load(target.scope, target.name);
      const alias = record?.aliases.get(name);
      if (alias === undefined) throw resourceNotFound(`Cannot find alias arn: ${arn}`);
      return { alias, arn };
    },

    async list(scope, functionName, functionVersion, marker, maxItems) {
      const target = targetOf(scope, functionName);
      const record = await store.load(target.scope, target.name);
      if (record === undefined) throw functionNotFound(functionArn(target.scope, target.name));
      const all = [...record.aliases.values()]
        .filter(
          (alias) =>
            functionVersion === undefined ||
            alias.functionVersion === functionVersion ||
            alias.routing?.version === functionVersion,
        )
        .sort((a, b) => (a.name < b.name ? -1 : 1))
        .map((alias) => ({ alias, arn: functionArn(target.scope, target.name, alias.name) }));
      return pageOf(all, (answer) => answer.alias.name, marker, maxItems);
    },

    async update(scope, spec) {
      const target = targetOf(scope, spec.functionName);
      const arn = functionArn(target.scope, target.name, spec.name);
      let made: Alias | undefined;
      await store.change(target.scope, target.name, (record) => {
        const current = record.aliases.get(spec.name);
        if (current === undefined) throw resourceNotFound(`Alias not found: ${arn}`);
        if (spec.revisionId !== undefined && spec.revisionId !== current.revisionId) {
          throw preconditionFailed("GetFunction/GetAlias");
        }
        const functionVersion = spec.functionVersion ?? current.functionVersion;
        const kept =
          current.routing === undefined ? {} : { [current.routing.version]: current.routing.weight };
        const routing = routingOf(functionVersion, spec.weights ?? kept);
        checkVersions(record, functionVersion, routing);
        made = {
          name: spec.name,
          functionVersion,
          description: spec.description ?? current.description,
          revisionId: random.uuid(),
          ...(routing === undefined ? {} : { routing }),
        };
        return { ...record, aliases: withEntry(record.aliases, spec.name, made) };
      });
      if (made === undefined) throw resourceNotFound(`Alias not found: ${arn}`);
      return { alias: made, arn };
    },

    async delete(scope, functionName, name) {
      const target = targetOf(scope, functionName);
      const changed = await store.change(target.scope, target.name, (record) => {
        if (!record.aliases.has(name)) return record;
        return {
          ...record,
          aliases: withEntry(record.aliases, name, undefined),
          policies: withEntry(record.policies, name, undefined),
          eventInvokeConfigs: withEntry(record.eventInvokeConfigs, name, undefined),
        };
      });
      if (changed === undefined) throw functionNotFound(functionArn(target.scope, target.name));
    },
  };
}
