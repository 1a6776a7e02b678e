import type { Clock } from "../../kernel/clock.ts";
import { ServiceError } from "../../kernel/errors.ts";
import type { Logger } from "../../kernel/log.ts";
import type { Random } from "../../kernel/random.ts";
import type { Scope } from "../../kernel/scope.ts";
import type { CodeCache } from "../../ports/code-cache.ts";
import type { FunctionVersion } from "../model/function.ts";
import type { FunctionRecord } from "./record.ts";
import type { FunctionStore } from "./store.ts";

/**
 * How a version's state moves. Nothing else may happen to `state` and `lastUpdateStatus`:
 *
 *   create, publish with the code   Pending                        → Active | Failed
 *   update of $LATEST               Active, InProgress             → Active, Successful | Failed
 */
export function isSettled(version: FunctionVersion): boolean {
  return version.state !== "Pending" && version.lastUpdateStatus !== "InProgress";
}

/** The version once its code is unpacked; `failure` is why it could not be. Its RevisionId changes. */
export function settled(
  version: FunctionVersion,
  failure: string | undefined,
  revisionId: string,
): FunctionVersion {
  const {
    stateReason: _reason,
    stateReasonCode: _code,
    lastUpdateStatusReason: _updateReason,
    lastUpdateStatusReasonCode: _updateCode,
    ...rest
  } = version;
  const moved = { ...rest, revisionId };
  if (failure === undefined) return { ...moved, state: "Active", lastUpdateStatus: "Successful" };
  return version.state === "Pending"
    ? { ...moved, state: "Failed", stateReason: failure, stateReasonCode: "InternalError" }
    : {
        ...moved,
        lastUpdateStatus: "Failed",
        lastUpdateStatusReason: failure,
        lastUpdateStatusReasonCode: "InternalError",
      };
}

/** Brings Pending and InProgress versions to their end, in the background and after a restart. */
export class Settler {
  readonly #store: FunctionStore;
  readonly #codeCache: CodeCache;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #log: Logger;
  readonly #inProgressMs: number;
  readonly #running = new Map<string, Promise<void>>();
  /** Functions that were asked for again while they were worked on. */
  readonly #again = new Set<string>();
  #closed = false;

  constructor(
    store: FunctionStore,
    codeCache: CodeCache,
    clock: Clock,
    random: Random,
    log: Logger,
    inProgressMs: number,
  ) {
    this.#store = store;
    this.#codeCache = codeCache;
    this.#clock = clock;
    this.#random = random;
    this.#log = log;
    this.#inProgressMs = inProgressMs;
  }

  /** Starts settling a function; never rejects. Concurrent calls share the work. */
  settle(scope: Scope, name: string): Promise<void> {
    const key = `${scope.accountId}/${scope.region}/${name}`;
    const running = this.#running.get(key);
    if (running !== undefined) {
      // It may have looked already: it looks once more before it ends.
      this.#again.add(key);
      return running;
    }
    const work = this.#work(key, scope, name);
    this.#running.set(key, work);
    return work;
  }

  async #work(key: string, scope: Scope, name: string): Promise<void> {
    do {
      this.#again.delete(key);
      try {
        await this.#run(scope, name);
      } catch (error) {
        this.#log.error({ function: name, error: String(error) }, "a function's state could not be moved");
      }
    } while (this.#again.has(key));
    this.#running.delete(key);
  }

  /** Resolves when no version of the function is Pending. */
  async whenCreated(record: FunctionRecord): Promise<void> {
    for (const version of record.versions.values()) {
      if (version.state === "Pending") return this.settle(record.scope, record.name);
    }
  }

  /** Completes what an earlier process left unfinished. */
  async resume(): Promise<void> {
    for (const { scope, name } of await this.#store.unsettled()) void this.settle(scope, name);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all(this.#running.values());
  }

  async #run(scope: Scope, name: string): Promise<void> {
    // More may have become unsettled while the first was worked on.
    while (!this.#closed) {
      const record = await this.#store.load(scope, name);
      const open = record === undefined ? [] : [...record.versions.values()].filter((v) => !isSettled(v));
      if (open.length === 0) return;
      const startedAt = this.#clock.monotonic();
      const failures = new Map<string, string | undefined>();
      for (const blob of new Set(open.map((version) => version.code.blob))) {
        failures.set(blob, await this.#prepare(blob));
      }
      if (open.some((version) => version.lastUpdateStatus === "InProgress")) {
        const leftMs = this.#inProgressMs - (this.#clock.monotonic() - startedAt);
        if (leftMs > 0) await this.#clock.sleep(leftMs);
      }
      await this.#store.change(scope, name, (current) => this.#settleAll(current, failures));
    }
  }

  #settleAll(record: FunctionRecord, failures: ReadonlyMap<string, string | undefined>): FunctionRecord {
    const versions = new Map(record.versions);
    for (const [key, version] of versions) {
      // A version whose code came later is left for the next round.
      if (isSettled(version) || !failures.has(version.code.blob)) continue;
      versions.set(key, settled(version, failures.get(version.code.blob), this.#random.uuid()));
    }
    return { ...record, versions };
  }

  async #prepare(blob: string): Promise<string | undefined> {
    try {
      await this.#codeCache.prepare(blob);
      return undefined;
    } catch (error) {
      if (!(error instanceof ServiceError)) {
        this.#log.error({ blob, error: String(error) }, "code could not be unpacked");
      }
      return error instanceof Error ? error.message : String(error);
    }
  }
}
