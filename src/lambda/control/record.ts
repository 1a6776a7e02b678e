import type { Scope } from "../../kernel/scope.ts";
import type { FunctionVersion } from "../model/function.ts";

export const LATEST = "$LATEST";

/** `AdditionalVersionWeights` holds at most one version; its weight is the share it gets. */
export interface AliasRouting {
  readonly version: string;
  readonly weight: number;
}

export interface Alias {
  readonly name: string;
  readonly functionVersion: string;
  readonly description: string;
  readonly routing?: AliasRouting;
  readonly revisionId: string;
}

/** PutFunctionRecursionConfig. */
export type RecursiveLoop = "Allow" | "Terminate";

/** One statement of a resource policy, as GetPolicy spells it. */
export interface PolicyStatement {
  readonly Sid: string;
  readonly Effect: "Allow";
  readonly Principal: string | { readonly Service: string } | { readonly AWS: string };
  readonly Action: string;
  readonly Resource: string;
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

/** PutFunctionEventInvokeConfig as the user set it: what was left out stays out of the answers. */
export interface EventInvokeConfig {
  readonly qualifier: string;
  readonly maximumRetryAttempts?: number;
  readonly maximumEventAgeSeconds?: number;
  readonly onSuccess?: string;
  readonly onFailure?: string;
  readonly lastModifiedMs: number;
}

/**
 * Everything that belongs to one function name. Immutable: a change is a new record, and the store
 * writes the difference. `stamp` rises with every write and is what compare-and-set compares.
 */
export interface FunctionRecord {
  readonly scope: Scope;
  readonly name: string;
  readonly functionId: string;
  readonly stamp: number;
  /** Number the next published version gets; never goes back. */
  readonly nextVersion: number;
  /** What the last published version was made of, to know when publishing would be a no-op. */
  readonly lastPublished: { readonly version: string; readonly fingerprint: string } | undefined;
  readonly reservedConcurrency: number | undefined;
  /** What is done when the function turns out to be called in a loop. */
  readonly recursiveLoop: RecursiveLoop;
  readonly tags: ReadonlyMap<string, string>;
  readonly versions: ReadonlyMap<string, FunctionVersion>;
  readonly aliases: ReadonlyMap<string, Alias>;
  /** By qualifier; "" is the function itself. */
  readonly policies: ReadonlyMap<string, readonly PolicyStatement[]>;
  readonly eventInvokeConfigs: ReadonlyMap<string, EventInvokeConfig>;
}

/** A map with one entry set or, with undefined, removed. */
export function withEntry<V>(
  map: ReadonlyMap<string, V>,
  key: string,
  value: V | undefined,
): ReadonlyMap<string, V> {
  const copy = new Map(map);
  if (value === undefined) copy.delete(key);
  else copy.set(key, value);
  return copy;
}

export function latestOf(record: FunctionRecord): FunctionVersion {
  const latest = record.versions.get(LATEST);
  if (latest === undefined) throw new Error(`function ${record.name} has no ${LATEST}`);
  return latest;
}

/** The version a qualifier names (an alias: its primary version). */
export function versionAt(
  record: FunctionRecord,
  qualifier: string | undefined,
): FunctionVersion | undefined {
  const key = qualifier ?? LATEST;
  const direct = record.versions.get(key);
  if (direct !== undefined) return direct;
  const alias = record.aliases.get(key);
  return alias === undefined ? undefined : record.versions.get(alias.functionVersion);
}

/** Where a version stands in lists: $LATEST before number 1. */
export function versionPlace(version: string): number {
  return version === LATEST ? 0 : Number(version);
}

/** Published versions in the order of their numbers. */
export function publishedVersions(record: FunctionRecord): FunctionVersion[] {
  return [...record.versions.values()]
    .filter((version) => version.version !== LATEST)
    .sort((a, b) => versionPlace(a.version) - versionPlace(b.version));
}
