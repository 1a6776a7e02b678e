/**
 * One ordered sequence of a shard's records: batches are gathered, run one after the other, and a
 * batch that fails holds back only this lane.
 */
import type { Clock } from "../../../kernel/clock.ts";
import { ServiceError } from "../../../kernel/errors.ts";
import { LIMITS } from "../../../kernel/limits.ts";
import type { InvocationOutcome } from "../../model/invocation.ts";
import type { EventSourceMapping } from "../model.ts";
import { batchReport } from "../report.ts";
import type { StreamRecord } from "./source.ts";
import {
  freshWork,
  stepAfter,
  withoutExpired,
  type AttemptResult,
  type GiveUpCondition,
  type Work,
} from "./step.ts";
import { STATE_BYTES_MAX, stateFrom, windowFields, windowOf, type OpenWindow } from "./window.ts";

export interface LaneDeps {
  readonly mapping: EventSourceMapping;
  readonly shardId: string;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** How long the source keeps a record: after that it is tried no more. */
  readonly retentionMs: number;
  /** The source shall be read once more, and `caughtUp` be told. */
  look(): void;
  /** Rejects with a ServiceError when the platform refused. */
  invoke(payload: Uint8Array): Promise<InvocationOutcome>;
  /** These records need nothing more; resolves when that is durable. */
  finished(records: readonly StreamRecord[], window: OpenWindow | undefined): Promise<void>;
  givenUp(
    records: readonly StreamRecord[],
    condition: GiveUpCondition,
    attempts: number,
    last: InvocationOutcome | undefined,
  ): Promise<void>;
  /** How an attempt went, for LastProcessingResult and the metrics. */
  attempted(
    result: AttemptResult,
    records: readonly StreamRecord[],
    outcome: InvocationOutcome | undefined,
    refusal: unknown,
  ): void;
}

interface Attempted {
  readonly result: AttemptResult;
  /** Absent when the platform refused. */
  readonly outcome: InvocationOutcome | undefined;
  readonly refusal?: ServiceError;
}

/** `{"Records":[` and `]}` around the records of an event. */
const EVENT_OVERHEAD = 14;

interface Waiting {
  readonly record: StreamRecord;
  /** Of its JSON, with the comma behind it. */
  readonly bytes: number;
}

export class Lane {
  readonly #deps: LaneDeps;
  readonly #waiting: Waiting[] = [];
  #waitingBytes = 0;
  /** Whatever arrived at the source before this was added. */
  #readUntilMs = 0;
  #window: OpenWindow | undefined;
  #wake: (() => void) | undefined;
  #ended = false;

  constructor(deps: LaneDeps, window: OpenWindow | undefined) {
    this.#deps = deps;
    this.#window = window;
  }

  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  add(record: StreamRecord): void {
    const bytes = Buffer.byteLength(JSON.stringify(record.event)) + 1;
    this.#waiting.push({ record, bytes });
    this.#waitingBytes += bytes;
    this.#wake?.();
  }

  /** Everything that arrived at the source before `atMs` was added. */
  caughtUp(atMs: number): void {
    this.#readUntilMs = atMs;
    this.#wake?.();
  }

  /** No record will follow: `run` resolves when all are finished. */
  end(): void {
    this.#ended = true;
    this.caughtUp(Infinity);
  }

  async run(): Promise<void> {
    while (!this.#deps.signal.aborted) {
      const records = await this.#gather();
      if (this.#deps.signal.aborted) return;
      if (records.length > 0) await this.#process(records);
      else if (this.#window === undefined && this.#ended && this.#waiting.length === 0) return;
      await this.#closeWindowIfOver();
    }
  }

  /** A batch: full, or its window of time has passed, or nothing more of its tumbling window waits. */
  async #gather(): Promise<readonly StreamRecord[]> {
    const { clock, mapping, signal } = this.#deps;
    const { batchSize, batchingWindowSeconds } = mapping.settings;
    let deadline = Infinity;
    for (;;) {
      if (signal.aborted) return [];
      const now = clock.now();
      const windowEnd = this.#nextWindow()?.endMs ?? Infinity;
      const ready = this.#ready(batchSize);
      if (ready.count > 0) {
        deadline = Math.min(deadline, windowEnd, now + batchingWindowSeconds * 1000);
        if (ready.isFull || this.#ended || now >= deadline) return this.#take(ready.count);
      } else if (this.#isWindowOver() || (this.#ended && this.#waiting.length === 0)) {
        return [];
      }
      const until = Math.min(deadline, windowEnd);
      if (until > now) await this.#more(until === Infinity ? undefined : until - now);
      else {
        // The window's time is over, and not all of it may have been read.
        const news = this.#more(undefined);
        this.#deps.look();
        await news;
      }
    }
  }

  #take(count: number): readonly StreamRecord[] {
    return this.#waiting.splice(0, count).map(({ record, bytes }) => {
      this.#waitingBytes -= bytes;
      return record;
    });
  }

  /** The tumbling window of the next invocation; undefined without one. */
  #nextWindow(): OpenWindow | undefined {
    const seconds = this.#deps.mapping.settings.stream?.tumblingWindowSeconds ?? 0;
    const first = this.#waiting[0];
    if (this.#window !== undefined || seconds === 0 || first === undefined) return this.#window;
    return windowOf(first.record.arrivedAtMs, seconds);
  }

  /** How many of the waiting records one event can hold. */
  #ready(batchSize: number): { readonly count: number; readonly isFull: boolean } {
    const window = this.#nextWindow();
    let bytes = EVENT_OVERHEAD + Buffer.byteLength(JSON.stringify(this.#fields(window, false, false)));
    let count = 0;
    for (const { record, bytes: more } of this.#waiting) {
      if (count === batchSize) return { count, isFull: true };
      if (window !== undefined && record.arrivedAtMs >= window.endMs) return { count, isFull: true };
      bytes += more;
      if (count > 0 && bytes > LIMITS.syncPayloadBytes) return { count, isFull: true };
      count += 1;
    }
    return { count, isFull: count === batchSize };
  }

  async #more(ms: number | undefined): Promise<void> {
    const { clock, signal } = this.#deps;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        timer?.cancel();
        signal.removeEventListener("abort", done);
        this.#wake = undefined;
        resolve();
      };
      const timer = ms === undefined ? undefined : clock.timer(ms, done);
      signal.addEventListener("abort", done, { once: true });
      this.#wake = done;
    });
  }

  async #process(records: readonly StreamRecord[]): Promise<void> {
    const { clock, mapping, signal } = this.#deps;
    const settings = mapping.settings.stream;
    if (settings === undefined) throw new TypeError("a stream's mapping has stream settings");
    const ageMs = settings.maximumRecordAgeSeconds < 0 ? Infinity : settings.maximumRecordAgeSeconds * 1000;
    const keptMs = Math.min(ageMs, this.#deps.retentionMs);
    if (settings.tumblingWindowSeconds > 0) {
      this.#window ??= windowOf(records[0]?.arrivedAtMs ?? clock.now(), settings.tumblingWindowSeconds);
    }
    let queue: readonly Work[] = [freshWork(records)];
    let attempts = 0;
    let last: InvocationOutcome | undefined;
    while (queue.length > 0 && !signal.aborted) {
      const [head, ...others] = queue as [Work, ...Work[]];
      const { work, expired } = withoutExpired(head, keptMs, clock.now());
      if (expired.length > 0) {
        await this.#deps.givenUp(expired, "RecordAgeExceeded", attempts, last);
        await this.#deps.finished(expired, this.#window);
      }
      if (work.records.length === 0) {
        queue = others;
        continue;
      }
      const { result, outcome, refusal } = await this.#attempt(work.records);
      // Who stops may have stopped the function, too: the attempt counts for nothing.
      if (signal.aborted && (result === "throttled" || result === "failure")) return;
      if (outcome !== undefined) {
        last = outcome;
        attempts = work.failures + 1;
      }
      this.#deps.attempted(result, work.records, outcome, refusal);
      const step = stepAfter(work, result, settings);
      if (step.givenUp.length > 0) {
        await this.#deps.givenUp(step.givenUp, "RetryAttemptsExhausted", attempts, last);
      }
      const over = [...step.done, ...step.givenUp];
      if (over.length > 0) await this.#deps.finished(over, this.#window);
      queue = [...step.next, ...others];
      if (step.pauseMs > 0) await clock.sleep(step.pauseMs, signal).catch(() => undefined);
    }
  }

  async #attempt(records: readonly StreamRecord[], isFinal = false, isEarly = false): Promise<Attempted> {
    const { mapping } = this.#deps;
    const event = {
      Records: records.map((record) => record.event),
      ...this.#fields(this.#window, isFinal, isEarly),
    };
    try {
      const outcome = await this.#deps.invoke(Buffer.from(JSON.stringify(event), "utf8"));
      if (outcome.kind === "function-error") return { result: "failure", outcome };
      if (this.#window !== undefined && !isFinal) {
        this.#window = { ...this.#window, state: stateFrom(outcome.payload) ?? this.#window.state };
      }
      const ids = new Set(records.map((record) => record.sequenceNumber));
      const result = mapping.settings.reportBatchItemFailures ? batchReport(outcome.payload, ids) : "success";
      return { result, outcome };
    } catch (error) {
      if (!(error instanceof ServiceError)) throw error;
      return { result: "throttled", outcome: undefined, refusal: error };
    }
  }

  #fields(window: OpenWindow | undefined, isFinal: boolean, isEarly: boolean): object {
    if (window === undefined) return {};
    const { mapping, shardId } = this.#deps;
    return windowFields(window, shardId, mapping.sourceArn, isFinal, isEarly);
  }

  #isWindowOver(): boolean {
    const window = this.#window;
    if (window === undefined) return false;
    const next = this.#waiting[0];
    if (next !== undefined) return next.record.arrivedAtMs >= window.endMs;
    return this.#deps.clock.now() >= window.endMs && this.#readUntilMs >= window.endMs;
  }

  /** The last invocation of a tumbling window, with nothing but its state; repeated until it went well or was given up. */
  async #closeWindowIfOver(): Promise<void> {
    const { clock, mapping, signal } = this.#deps;
    const window = this.#window;
    if (window === undefined) return;
    const isEarly = Buffer.byteLength(JSON.stringify(window.state)) > STATE_BYTES_MAX;
    if (!isEarly && !this.#isWindowOver()) return;
    const settings = mapping.settings.stream;
    for (let failures = 0, pauses = 0; !signal.aborted; pauses += 1) {
      const { result, outcome, refusal } = await this.#attempt([], true, isEarly);
      this.#deps.attempted(result, [], outcome, refusal);
      if (result === "success") break;
      if (result !== "throttled" && !signal.aborted) failures += 1;
      const retries = settings?.maximumRetryAttempts ?? -1;
      if (retries >= 0 && failures > retries) break;
      await clock.sleep(Math.min(60_000, 200 * 2 ** Math.min(pauses, 16)), signal).catch(() => undefined);
    }
    if (signal.aborted) return;
    this.#window = undefined;
    await this.#deps.finished([], undefined);
  }
}
