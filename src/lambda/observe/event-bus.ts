import type { Scope } from "../../kernel/scope.ts";
import type { InvocationStatus } from "./platform-lines.ts";

/** One finished invocation, as `lambent logs -f` and the console tell it. */
export interface InvocationRecord {
  readonly scope: Scope;
  readonly functionName: string;
  readonly version: string;
  readonly requestId: string;
  readonly startedMs: number;
  readonly durationMs: number;
  readonly initDurationMs: number | undefined;
  readonly status: InvocationStatus;
  readonly errorType: string | undefined;
  readonly logGroup: string;
  readonly logStream: string;
}

/** How many records are kept for those who come later. */
const RECORDS_KEPT = 1000;

/** Bounded: a ring of the last records, and listeners that are called in the same turn. */
export class EventBus {
  readonly #records: InvocationRecord[] = [];
  #next = 0;
  readonly #listeners = new Set<(record: InvocationRecord) => void>();

  publish(record: InvocationRecord): void {
    this.#records[this.#next] = record;
    this.#next = (this.#next + 1) % RECORDS_KEPT;
    for (const listener of this.#listeners) listener(record);
  }

  /** Oldest first. */
  recent(): readonly InvocationRecord[] {
    return [...this.#records.slice(this.#next), ...this.#records.slice(0, this.#next)];
  }

  /** Returns the way out. A listener must not throw. */
  subscribe(listener: (record: InvocationRecord) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
