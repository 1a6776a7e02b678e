/**
 * A sample: a folder of `samples/` with a README, the handlers in each language, and `sample.json`,
 * which says step by step what a user would type. What names differ in each run is written `${…}`.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { EXIT, Fault, userError } from "../fault.ts";

export type Language = "python" | "node";

/** An operation of AWS: service, operation, input as the SDK of JavaScript spells it. */
export type Operation = readonly [
  service: string,
  operation: string,
  input?: Readonly<Record<string, unknown>>,
];

export type Step =
  /** Calls an operation; `save` keeps members of its answer (`a.b`) under names; `undo` is for cleaning up. */
  | {
      readonly call: Operation;
      readonly save?: Readonly<Record<string, string>>;
      readonly show?: string;
      readonly undo?: readonly Operation[];
    }
  /** Makes a function of `<language>/<file>.py` or `.mjs`. */
  | {
      readonly function: string;
      readonly file: string;
      readonly timeout?: number;
      readonly environment?: Readonly<Record<string, string>>;
    }
  /** Asks until the answer holds what is expected (see `holds`), and shows the member `show` of it. */
  | { readonly await: Operation; readonly until: unknown; readonly show?: string }
  /** Waits for lines in the log of a function. */
  | { readonly log: string; readonly says: readonly string[] };

export interface Sample {
  readonly name: string;
  readonly folder: string;
  readonly title: string;
  /** What the functions may do. */
  readonly permissions: readonly string[];
  readonly steps: readonly Step[];
}

/** Every sample of the folder `samples`, by name. */
export function listSamples(samples: string): Sample[] {
  if (!existsSync(samples))
    throw new Fault(EXIT.environment, `There is no ${samples}.`, "install Lambent again");
  return readdirSync(samples)
    .filter((name) => existsSync(join(samples, name, "sample.json")))
    .toSorted()
    .map((name) => loadSample(samples, name));
}

/** Errors: Fault for a name that is none. */
export function loadSample(samples: string, name: string): Sample {
  const folder = join(samples, name);
  if (!/^[a-z0-9-]+$/.test(name) || !existsSync(join(folder, "sample.json"))) {
    throw userError(`There is no sample "${name}".`, "lambent samples list");
  }
  const text = readFileSync(join(folder, "sample.json"), "utf8");
  return { ...(JSON.parse(text) as Omit<Sample, "name" | "folder">), name, folder };
}

export function languagesOf(sample: Sample): Language[] {
  return (["python", "node"] as const).filter((language) => existsSync(join(sample.folder, language)));
}

/** Replaces `${name}` everywhere in a value. Errors: an Error for a name that nobody has set. */
export function filled<T>(value: T, names: Readonly<Record<string, string>>): T {
  if (typeof value === "string") {
    return value.replaceAll(/\$\{(\w+)\}/g, (_, name: string) => {
      const found = names[name];
      if (found === undefined) throw new Error(`\${${name}} is not set at this step of the sample`);
      return found;
    }) as T;
  }
  if (Array.isArray(value)) return value.map((item: unknown) => filled(item, names)) as T;
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, filled(item, names)])) as T;
}

/** The member `a.b.0` of a value. */
export function memberOf(value: unknown, path: string): unknown {
  return path
    .split(".")
    .reduce<unknown>((found, key) => (found as Readonly<Record<string, unknown>> | undefined)?.[key], value);
}

/**
 * Whether a value has all that is expected: of an object its members, of a list for each expected item
 * one that holds it, of a text that begins with `~` the rest as a part; else equality.
 */
export function holds(value: unknown, expected: unknown): boolean {
  if (Array.isArray(expected)) {
    return Array.isArray(value) && expected.every((item) => value.some((one) => holds(one, item)));
  }
  if (typeof expected === "object" && expected !== null) {
    if (typeof value !== "object" || value === null) return false;
    const members = value as Readonly<Record<string, unknown>>;
    return Object.entries(expected).every(([key, item]) => holds(members[key], item));
  }
  if (typeof expected === "string" && expected.startsWith("~")) {
    return typeof value === "string" && value.includes(expected.slice(1));
  }
  return value === expected;
}
