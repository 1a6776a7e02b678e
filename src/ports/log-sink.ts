import type { Scope } from "../kernel/scope.ts";

export interface LogEvent {
  /** Epoch milliseconds. */
  readonly timestamp: number;
  readonly message: string;
}

/**
 * Where the lines of functions go: CloudWatch Logs' own store. `append` never blocks and never
 * throws; it may drop the oldest lines of a flood, and then says so in the stream. Lines may be lost
 * by a crash within a fraction of a second. The group and stream are created with the first line.
 */
export interface LogSink {
  append(scope: Scope, group: string, stream: string, events: readonly LogEvent[]): void;
}
