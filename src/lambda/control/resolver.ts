import { ServiceError } from "../../kernel/errors.ts";
import type { Scope } from "../../kernel/scope.ts";
import type { FunctionVersion } from "../model/function.ts";
import { resourceOf } from "../model/lineage.ts";
import type { ControlContext } from "./deps.ts";
import { functionNotFound, resourceConflict } from "./errors.ts";
import { functionArn } from "./names.ts";
import { LATEST, type FunctionRecord } from "./record.ts";
import { isSettled } from "./settle.ts";
import type { AccountTotals } from "./store.ts";
import type { FunctionResolver, ResolvedFunction } from "./types.ts";

/** What a qualifier of one record resolves to: computed once, looked up per invocation. */
interface Target {
  readonly primary: ResolvedFunction;
  /** Weighted alias: `roll` below `weight` goes here. */
  readonly additional: ResolvedFunction | undefined;
  readonly weight: number;
}

/**
 * The hot path's way from a name to what runs. A hit costs two map look-ups: targets hang on the
 * immutable record they were made of, so a write (which puts a new record into the store's cache)
 * needs no invalidation here. Only a changed reservation anywhere in the account drops them all.
 */
export function resolverOf(context: ControlContext, concurrentExecutions: number): FunctionResolver {
  const { store, codeCache } = context;
  let targets = new WeakMap<FunctionRecord, Map<string | undefined, Target>>();
  store.onChange((before, after) => {
    if (before?.reservedConcurrency !== after?.reservedConcurrency) targets = new WeakMap();
  });

  return {
    resolve(scope, functionName, qualifier, roll) {
      const record = store.cached(scope, functionName);
      const target = record === undefined ? undefined : targets.get(record)?.get(qualifier);
      if (target !== undefined) return pick(target, roll);
      return slowly(scope, functionName, qualifier, roll);
    },
  };

  async function slowly(
    scope: Scope,
    name: string,
    qualifier: string | undefined,
    roll: number,
  ): Promise<ResolvedFunction> {
    const cache = targets;
    const record = await store.load(scope, name);
    const totals = await store.totals(scope);
    const target = record === undefined ? undefined : targetOfRecord(record, qualifier, totals);
    if (record === undefined || target === undefined) {
      throw functionNotFound(functionArn(scope, name, qualifier ?? LATEST));
    }
    await ready(target.primary.version);
    if (target.additional !== undefined) await ready(target.additional.version);
    // Into the map of before the reads: if a reservation changed meanwhile, that map is gone.
    const known = cache.get(record) ?? new Map<string | undefined, Target>();
    known.set(qualifier, target);
    cache.set(record, known);
    return pick(target, roll);
  }

  /** A function that is still Pending is waited for; unpacking is shared with whoever does it. */
  async function ready(version: FunctionVersion): Promise<void> {
    if (version.state === "Failed") throw failed();
    if (isSettled(version)) return;
    try {
      await codeCache.prepare(version.code.blob);
    } catch (error) {
      if (error instanceof ServiceError) throw failed(error);
      throw error;
    }
  }

  function targetOfRecord(
    record: FunctionRecord,
    qualifier: string | undefined,
    totals: AccountTotals,
  ): Target | undefined {
    const resolved = (version: string, alias: string | undefined): ResolvedFunction | undefined => {
      const found = record.versions.get(version);
      if (found === undefined) return undefined;
      return {
        version: found,
        invokedFunctionArn: functionArn(record.scope, record.name, qualifier),
        alias,
        lineageResource: resourceOf(found.functionArn),
        isRecursionAllowed: record.recursiveLoop === "Allow",
        reservedConcurrency: record.reservedConcurrency,
        unreservedConcurrency: concurrentExecutions - totals.reservedConcurrency,
      };
    };
    const alias = qualifier === undefined ? undefined : record.aliases.get(qualifier);
    const primary = resolved(alias?.functionVersion ?? qualifier ?? LATEST, alias?.name);
    if (primary === undefined) return undefined;
    const routing = alias?.routing;
    const additional = routing === undefined ? undefined : resolved(routing.version, alias?.name);
    return { primary, additional, weight: routing?.weight ?? 0 };
  }
}

function pick(target: Target, roll: number): ResolvedFunction {
  return target.additional !== undefined && roll < target.weight ? target.additional : target.primary;
}

function failed(cause?: ServiceError): ServiceError {
  return resourceConflict(
    "The operation cannot be performed at this time. The function is currently in the following state: Failed",
    cause?.message ?? "Upload the code again with update-function-code.",
  );
}
