import { userError } from "./fault.ts";

const UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** `90s`, `2m`, `1h30m`, `500ms`; a bare number is seconds. In milliseconds. */
export function parseDuration(text: string): number {
  if (/^\d+$/.test(text)) return Number(text) * 1_000;
  let rest = text.trim();
  let total = 0;
  while (rest !== "") {
    const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)/.exec(rest);
    const unit = UNITS[match?.[2] ?? ""];
    if (match === null || unit === undefined) {
      throw userError(`"${text}" is not a duration.`, "write it like 90s, 2m, 1h30m or 3d");
    }
    total += Number(match[1]) * unit;
    rest = rest.slice(match[0].length);
  }
  if (text.trim() === "") throw userError("A duration is missing.", "write it like 90s, 2m, 1h30m or 3d");
  return Math.round(total);
}
