/**
 * Tumbling windows: a shard's records are gathered by the time they arrived, and the function carries
 * a state through each window. Pure.
 * https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-windows.html
 */
export interface OpenWindow {
  readonly startMs: number;
  readonly endMs: number;
  /** What the function answered last; `{}` at the start. */
  readonly state: unknown;
}

export function windowOf(arrivedAtMs: number, seconds: number): OpenWindow {
  const length = seconds * 1000;
  const startMs = Math.floor(arrivedAtMs / length) * length;
  return { startMs, endMs: startMs + length, state: {} };
}

export const STATE_BYTES_MAX = 1_048_576;

/** The members beside `Records` of an event in a window. */
export function windowFields(
  window: OpenWindow,
  shardId: string,
  sourceArn: string,
  isFinal: boolean,
  isEarly: boolean,
): Readonly<Record<string, unknown>> {
  const time = (ms: number): string => new Date(ms).toISOString().replace(".000Z", "Z");
  return {
    window: { start: time(window.startMs), end: time(window.endMs) },
    state: window.state,
    shardId,
    eventSourceARN: sourceArn,
    isFinalInvokeForWindow: isFinal,
    isWindowTerminatedEarly: isEarly,
  };
}

/** The state in a function's answer; undefined when it gave none. */
export function stateFrom(payload: Uint8Array): unknown {
  try {
    const answer: unknown = JSON.parse(Buffer.from(payload).toString("utf8"));
    return typeof answer === "object" && answer !== null ? (answer as { state?: unknown }).state : undefined;
  } catch {
    return undefined;
  }
}
