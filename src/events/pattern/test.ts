/** The single tests of a pattern's leaf. Pure; a value is what JSON.parse gives. */
import { addressOf, cidrContains, type Cidr } from "./cidr.ts";

export interface Test {
  /** Holds where there is no value at all (`exists: false`); then `holds` is never asked. */
  readonly ofAbsence: boolean;
  readonly holds: (value: unknown) => boolean;
  /** Wildcards in it, for their complexity. */
  readonly wildcards?: readonly string[];
}

const test = (holds: (value: unknown) => boolean): Test => ({ ofAbsence: false, holds });
const ofText = (holds: (text: string) => boolean): Test =>
  test((value) => typeof value === "string" && holds(value));

/** Addresses are equal however they are written. */
export const equals = (wanted: string | number | boolean | null): Test => {
  const address = typeof wanted === "string" ? addressOf(wanted) : undefined;
  if (address === undefined) return test((value) => value === wanted);
  return ofText((text) => {
    const found = text === wanted ? address : addressOf(text);
    return found?.bits === address.bits && found.value === address.value;
  });
};

export const exists: Test = test(() => true);
export const absent: Test = { ofAbsence: true, holds: () => false };

export const equalsIgnoreCase = (wanted: string): Test => {
  const folded = wanted.toLowerCase();
  return ofText((text) => text.toLowerCase() === folded);
};

export const prefix = (wanted: string, ignoreCase: boolean): Test => {
  const folded = wanted.toLowerCase();
  return ofText((text) => (ignoreCase ? text.toLowerCase().startsWith(folded) : text.startsWith(wanted)));
};

export const suffix = (wanted: string, ignoreCase: boolean): Test => {
  const folded = wanted.toLowerCase();
  return ofText((text) => (ignoreCase ? text.toLowerCase().endsWith(folded) : text.endsWith(wanted)));
};

/** `*` stands for any run of characters; `\*` and `\\` for themselves. */
export const wildcard = (wanted: string): Test => {
  const parts = wildcardParts(wanted);
  return { ...ofText((text) => matchesParts(parts, text)), wildcards: [wanted] };
};

/** The literal runs between the stars of a wildcard. */
export function wildcardParts(pattern: string): readonly string[] {
  const parts = [""];
  for (let at = 0; at < pattern.length; at += 1) {
    const char = pattern[at] as string;
    if (char === "*") parts.push("");
    else {
      if (char === "\\") at += 1;
      parts[parts.length - 1] += pattern[at] ?? "";
    }
  }
  return parts;
}

/** First and last run at the ends, the others in order between: taking each as early as possible is enough. */
function matchesParts(parts: readonly string[], text: string): boolean {
  const first = parts[0] as string;
  const last = parts.at(-1) as string;
  if (parts.length === 1) return text === first;
  if (!text.startsWith(first) || !text.endsWith(last) || text.length < first.length + last.length)
    return false;
  let at = first.length;
  const end = text.length - last.length;
  for (const part of parts.slice(1, -1)) {
    const found = text.indexOf(part, at);
    if (found < 0 || found + part.length > end) return false;
    at = found + part.length;
  }
  return true;
}

export interface Range {
  readonly above?: number;
  readonly atLeast?: number;
  readonly below?: number;
  readonly atMost?: number;
}

/** Comparisons end there, for patterns and for events. */
export const NUMBER_MAX = 5_000_000_000;

export const numeric = (range: Range): Test =>
  test(
    (value) =>
      typeof value === "number" &&
      Math.abs(value) <= NUMBER_MAX &&
      (range.above === undefined || value > range.above) &&
      (range.atLeast === undefined || value >= range.atLeast) &&
      (range.below === undefined || value < range.below) &&
      (range.atMost === undefined || value <= range.atMost),
  );

export const cidr = (block: Cidr): Test => ofText((text) => cidrContains(block, text));

/** Holds for a value for which none of `others` does. */
export const noneOf = (others: readonly Test[]): Test => ({
  ...test((value) => !others.some((other) => other.holds(value))),
  wildcards: others.flatMap(({ wildcards = [] }) => wildcards),
});
