/**
 * The part of JSONPath that EventBridge takes: `$.detail.items[0].name`, `$['detail-type']`, wildcards
 * `[*]` and `.*`. What a wildcard finds is a list; a path without one finds one value or nothing.
 * https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html
 */
import { isKeptNumber } from "./exact-json.ts";

export type JsonPath = readonly Step[];

type Step = { readonly key: string } | { readonly index: number } | { readonly all: true };

const STEP = /\.([\w\-/$@:]+)|\.(\*)|\[(\d+)\]|\[(\*)\]|\['([^']*)'\]|\["([^"]*)"\]/uy;

/** Undefined when it is no path. */
export function parseJsonPath(text: string): JsonPath | undefined {
  if (!text.startsWith("$")) return undefined;
  const steps: Step[] = [];
  STEP.lastIndex = 1;
  while (STEP.lastIndex < text.length) {
    const found = STEP.exec(text);
    if (found === null) return undefined;
    const [, dotted, dotAll, index, all, quoted, doubleQuoted] = found;
    const key = dotted ?? quoted ?? doubleQuoted;
    if (key !== undefined) steps.push({ key });
    else if (index !== undefined) steps.push({ index: Number(index) });
    else if (dotAll !== undefined || all !== undefined) steps.push({ all: true });
  }
  return steps;
}

/** Undefined where the event has nothing there. */
export function valueAt(path: JsonPath, event: unknown): unknown {
  const found = path.reduce<readonly unknown[]>(
    (values, step) => values.flatMap((value) => take(value, step)),
    [event],
  );
  return path.some((step) => "all" in step) ? found : found[0];
}

function take(value: unknown, step: Step): readonly unknown[] {
  if (typeof value !== "object" || value === null || isKeptNumber(value)) return [];
  if ("all" in step) return Object.values(value) as unknown[];
  if ("index" in step) {
    return Array.isArray(value) && step.index < value.length ? [value[step.index] as unknown] : [];
  }
  if (Array.isArray(value)) return [];
  return Object.hasOwn(value, step.key) ? [(value as Record<string, unknown>)[step.key]] : [];
}
