/** Schedule expressions of rules: `rate(5 minutes)`, `cron(0 10 * * ? *)`. Pure. Times are UTC. */
import { nextCivil, parseCron, type Cron } from "./cron.ts";

export type Schedule =
  | { readonly kind: "rate"; readonly everyMs: number }
  | { readonly kind: "cron"; readonly cron: Cron };

const UNITS_MS: Readonly<Record<string, number>> = { minute: 60_000, hour: 3_600_000, day: 86_400_000 };

/** Undefined when it is no valid expression. */
export function parseSchedule(text: string): Schedule | undefined {
  const rate = /^rate\(([1-9]\d*) (minute|hour|day)(s?)\)$/u.exec(text);
  if (rate !== null) {
    const count = Number(rate[1]);
    // One minute, two minutes: AWS insists on grammar.
    if ((count === 1) !== (rate[3] === "")) return undefined;
    return { kind: "rate", everyMs: count * (UNITS_MS[rate[2] ?? ""] ?? 0) };
  }
  const cron = /^cron\((.+)\)$/u.exec(text);
  const parsed = cron === null ? undefined : parseCron(cron[1] ?? "");
  return parsed === undefined ? undefined : { kind: "cron", cron: parsed };
}

/**
 * The first run after `afterMs`. A rate counts from `sinceMs`, when its rule was made or enabled.
 * Undefined when there is none any more.
 */
export function nextRun(schedule: Schedule, afterMs: number, sinceMs: number): number | undefined {
  if (schedule.kind === "rate") {
    const { everyMs } = schedule;
    if (afterMs < sinceMs) return sinceMs + everyMs;
    return sinceMs + (Math.floor((afterMs - sinceMs) / everyMs) + 1) * everyMs;
  }
  const after = new Date(afterMs);
  const next = nextCivil(schedule.cron, {
    year: after.getUTCFullYear(),
    month: after.getUTCMonth() + 1,
    day: after.getUTCDate(),
    hour: after.getUTCHours(),
    minute: after.getUTCMinutes(),
  });
  if (next === undefined) return undefined;
  return Date.UTC(next.year, next.month - 1, next.day, next.hour, next.minute);
}
