import { createHmac } from "node:crypto";
import { LIMITS } from "../../kernel/limits.ts";
import type { Scope } from "../../kernel/scope.ts";
import { type Aliases, aliasesOf } from "./aliases.ts";
import { CodeBlobs } from "./code-blobs.ts";
import { type CodeDownloads, codeDownloadsOf } from "./code-downloads.ts";
import { type Concurrency, concurrencyOf } from "./concurrency.ts";
import type { ControlContext, FunctionControlDeps } from "./deps.ts";
import { type EventInvokeConfigs, eventInvokeConfigsOf } from "./event-invoke-config.ts";
import { type Functions, functionsOf } from "./functions.ts";
import { type Permissions, permissionsOf } from "./permissions.ts";
import { LATEST, type FunctionRecord } from "./record.ts";
import { recursionOf, type Recursion } from "./recursion.ts";
import { resolverOf } from "./resolver.ts";
import type { AccountQuotas } from "./rows.ts";
import { Settler } from "./settle.ts";
import { FunctionStore } from "./store.ts";
import { type Tags, tagsOf } from "./tags.ts";
import type { FunctionChangeListener, FunctionResolver } from "./types.ts";
import { type Versions, versionsOf } from "./versions.ts";

export type { FunctionControlDeps, ZipInspector } from "./deps.ts";
export { lambdaMigrations } from "./schema.ts";

/** GetAccountSettings. */
export interface AccountSettings {
  readonly functionCount: number;
  readonly totalCodeBytes: number;
  readonly unreservedConcurrency: number;
  readonly quotas: AccountQuotas;
}

/** Lambda's control plane: one object per subject of the API. */
export interface FunctionControl {
  readonly functions: Functions;
  readonly versions: Versions;
  readonly aliases: Aliases;
  readonly permissions: Permissions;
  readonly tags: Tags;
  readonly concurrency: Concurrency;
  readonly recursion: Recursion;
  /** Also the asynchronous queue's source of settings. */
  readonly eventInvokeConfigs: EventInvokeConfigs;
  readonly resolver: FunctionResolver;
  readonly codeDownloads: CodeDownloads;
  accountSettings(scope: Scope): Promise<AccountSettings>;
  /** Is told which execution environments must not serve new invocations any more. */
  onChange(listener: FunctionChangeListener): void;
  /** Is told of the runtime of each function that is made, or that gets another. */
  onRuntime(listener: (runtime: string) => void): void;
  /** After a start: completes states that an earlier process left Pending or InProgress, sweeps code of nobody. */
  start(): Promise<void>;
  /** Resolves when no version of the function is Pending or InProgress any more. */
  whenSettled(scope: Scope, functionName: string): Promise<void>;
  /** Runtimes of all functions, for booting them ahead of the first call. */
  runtimesInUse(): Promise<readonly string[]>;
  /** Resolves when no state is being moved and no code deleted. */
  close(): Promise<void>;
}

const IN_PROGRESS_MS = 20;

export function createFunctionControl(deps: FunctionControlDeps): FunctionControl {
  const quotas: AccountQuotas = { ...LIMITS, ...deps.quotas };
  const store = new FunctionStore(deps.database, deps.secrets, quotas);
  const settler = new Settler(
    store,
    deps.codeCache,
    deps.clock,
    deps.random,
    deps.log,
    deps.inProgressMs ?? IN_PROGRESS_MS,
  );
  const codeBlobs = new CodeBlobs({
    blobs: deps.blobs,
    codeCache: deps.codeCache,
    clock: deps.clock,
    log: deps.log,
    isReferenced: (sha256) => store.isBlobReferenced(sha256),
  });
  store.onChange((before, after) => codeBlobs.changed(before, after));
  const digestKey = deps.secrets.derive("lambda-configuration-digest");
  const context: ControlContext = {
    ...deps,
    store,
    settler,
    codeBlobs,
    digest: (text) => createHmac("sha256", digestKey).update(text).digest("hex"),
  };

  return {
    functions: functionsOf(context),
    versions: versionsOf(context),
    aliases: aliasesOf(context),
    permissions: permissionsOf(context),
    tags: tagsOf(context),
    concurrency: concurrencyOf(context),
    recursion: recursionOf(context),
    eventInvokeConfigs: eventInvokeConfigsOf(context),
    resolver: resolverOf(context, quotas.concurrentExecutions),
    codeDownloads: codeDownloadsOf(deps.blobs, deps.secrets, deps.clock),

    async accountSettings(scope) {
      const totals = await store.totals(scope);
      return {
        functionCount: await store.functionCount(scope),
        totalCodeBytes: totals.codeBytes,
        unreservedConcurrency: quotas.concurrentExecutions - totals.reservedConcurrency,
        quotas,
      };
    },

    onChange(listener) {
      store.onChange((before, after) => {
        const record = after ?? before;
        const retired = retiredEnvironments(before, after);
        if (record === undefined || retired.length === 0) return;
        listener({ scope: record.scope, functionName: record.name, retiredEnvironmentIds: retired });
      });
    },

    onRuntime(listener) {
      store.onChange((before, after) => {
        const runtime = after?.versions.get(LATEST)?.runtime;
        if (runtime !== undefined && runtime !== before?.versions.get(LATEST)?.runtime) listener(runtime);
      });
    },

    async start() {
      await settler.resume();
      codeBlobs.start();
    },
    whenSettled: ({ accountId, region }, functionName) => settler.settle({ accountId, region }, functionName),
    runtimesInUse: () => store.runtimesInUse(),
    async close() {
      await settler.close();
      await codeBlobs.close();
    },
  };
}

/** Environments that a change left without a version. */
export function retiredEnvironments(
  before: FunctionRecord | undefined,
  after: FunctionRecord | undefined,
): string[] {
  const kept = new Set([...(after?.versions.values() ?? [])].map((version) => version.environmentId));
  return [...(before?.versions.values() ?? [])]
    .map((version) => version.environmentId)
    .filter((id) => !kept.has(id));
}
