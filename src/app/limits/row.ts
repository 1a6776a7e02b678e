/** One row of `lambent limits`, and how its figures are written. */
const KB = 1024;
const MB = 1024 * KB;
const GB = 1024 * MB;

/**
 * `yes`: refused or cut off with AWS's error. `driver`: holds as far as the sandbox driver says
 * (`lambent doctor`). `not served`: what it limits is not there yet.
 */
export type LimitEnforcement = "yes" | "driver" | "not served";

export interface LimitRow {
  /** Stable key for `--json`. */
  readonly id: string;
  readonly resource: string;
  /** AWS's current default, as people read it. */
  readonly awsDefault: string;
  readonly page: string;
  readonly enforced: LimitEnforcement;
  /** What a user does to get more, or why there is no more. */
  readonly raise: string;
}

export const FIXED = "fixed, as on AWS";

/** With commas: 120,000. Node's own way loads 8 MB of the world's languages. */
export function grouped(count: number): string {
  return String(count).replace(/\B(?=(?:\d{3})+$)/g, ",");
}

/** Bytes as a whole number of the largest unit that divides them. */
export function bytes(count: number): string {
  for (const [unit, size] of [
    ["GB", GB],
    ["MB", MB],
    ["KB", KB],
  ] as const) {
    if (count % size === 0) return `${grouped(count / size)} ${unit}`;
  }
  return `${grouped(count)} bytes`;
}

export function range(min: number, max: number, unit: string, standard: number): string {
  return `${grouped(min)} to ${grouped(max)} ${unit} (default ${grouped(standard)})`;
}

export function row(
  id: string,
  resource: string,
  awsDefault: string,
  raise: string,
  page: string,
  enforced: LimitEnforcement = "yes",
): LimitRow {
  return { id, resource, awsDefault, page, enforced, raise };
}
