/**
 * The next steps that went out beside answers, in a header that AWS's tools do not show. The last few are
 * kept in memory, for `lambent hints` and for the AWS CLI's callers: these name themselves in
 * AWS_EXECUTION_ENV, which it puts into its User-Agent.
 */
import type { RequestRecord } from "../aws/gateway/gateway.ts";
import type { Clock } from "../kernel/clock.ts";

const KEPT = 20;

/** GET and POST /_lambent/hints */
export interface HintReport {
  /** The oldest first. */
  readonly hints: readonly RecentHint[];
}

export interface RecentHint {
  readonly ageMs: number;
  readonly operation: string;
  /** AWS's code; absent where the call succeeded. */
  readonly errorCode?: string;
  /** A function made the call. */
  readonly fromSandbox: boolean;
  readonly text: string;
}

interface Kept {
  readonly atMs: number;
  readonly record: RequestRecord;
  readonly text: string;
  shown: boolean;
}

export class RecentHints {
  readonly #clock: Pick<Clock, "monotonic">;
  readonly #kept: Kept[] = [];

  constructor(clock: Pick<Clock, "monotonic">) {
    this.#clock = clock;
  }

  note(record: RequestRecord): void {
    if (record.hint === undefined) return;
    this.#kept.push({ atMs: this.#clock.monotonic(), record, text: record.hint, shown: false });
    if (this.#kept.length > KEPT) this.#kept.shift();
  }

  all(): HintReport {
    return { hints: this.#kept.map((kept) => this.#report(kept)) };
  }

  /** Those of one caller's, each once. @param caller as in `AWS_EXECUTION_ENV=lambent-<caller>` */
  take(caller: string): HintReport {
    const mark = `exec-env/lambent-${caller}`;
    const own = this.#kept.filter(
      ({ shown, record }) => !shown && record.userAgent?.split(" ").includes(mark) === true,
    );
    for (const kept of own) kept.shown = true;
    return { hints: own.map((kept) => this.#report(kept)) };
  }

  #report({ atMs, record, text }: Kept): RecentHint {
    const { operation, errorCode, fromSandbox } = record;
    const ageMs = Math.round(this.#clock.monotonic() - atMs);
    return { ageMs, operation, ...(errorCode === undefined ? {} : { errorCode }), fromSandbox, text };
  }
}
