import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import { build } from "esbuild";

/** What only the SDK's schemas tell. Keys are shape names, or `Structure.Member`. */
export interface SdkNames {
  /** Root elements of XML bodies (`ListBucketsOutput` travels as `ListAllMyBucketsResult`). */
  readonly roots: ReadonlyMap<string, string>;
  /** Names that members of a JSON service have in its older query protocol. */
  readonly members: ReadonlyMap<string, string>;
  /** Names of a map's keys and values there. */
  readonly entries: ReadonlyMap<string, { readonly key: string; readonly value: string }>;
  /** Codes that errors of a JSON service had in the query protocol. */
  readonly queryCodes: ReadonlyMap<string, string>;
}

interface Traits {
  readonly xmlName?: string;
  readonly awsQueryError?: readonly [code: string, status: number];
}

function traitsOf(reference: unknown): Traits {
  const traits: unknown = Array.isArray(reference) ? reference[1] : undefined;
  return typeof traits === "object" && traits !== null ? traits : {};
}

/** Kinds of schema, as the SDK numbers them. */
const MAP = 2;
const STRUCTURE = 3;
const ERROR = -3;

/** Reads a client package's schemas. Node cannot import them as they are packed, hence the bundle. */
export async function readSdkNames(client: string): Promise<SdkNames> {
  const folder = mkdtempSync(join(tmpdir(), "lambent-schemas-"));
  try {
    const bundle = join(folder, "schemas.mjs");
    await build({
      entryPoints: [`node_modules/@aws-sdk/client-${client}/dist-es/schemas/schemas_0.js`],
      outfile: bundle,
      bundle: true,
      format: "esm",
      platform: "node",
      logLevel: "error",
    });
    const schemas = (await import(pathToFileURL(bundle).href)) as Record<string, unknown>;
    return collect(Object.values(schemas));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function collect(schemas: readonly unknown[]): SdkNames {
  const roots = new Map<string, string>();
  const members = new Map<string, string>();
  const entries = new Map<string, { key: string; value: string }>();
  const queryCodes = new Map<string, string>();

  function visit(schema: unknown): void {
    if (!Array.isArray(schema)) return;
    const [kind, , name, own] = schema as [number, string, string, Traits | number];
    const traits = typeof own === "object" ? own : {};
    if (kind === MAP) {
      const [key, value] = [traitsOf(schema[4]).xmlName, traitsOf(schema[5]).xmlName];
      if (key !== undefined && value !== undefined) entries.set(name, { key, value });
    }
    if (kind !== STRUCTURE && kind !== ERROR) return;
    if (traits.xmlName !== undefined) roots.set(name, traits.xmlName);
    if (traits.awsQueryError !== undefined) queryCodes.set(name, traits.awsQueryError[0]);
    const [names, references] = [schema[4] as readonly string[], schema[5] as readonly unknown[]];
    for (const [index, member] of names.entries()) {
      const reference = references[index];
      const { xmlName } = traitsOf(reference);
      if (xmlName !== undefined) members.set(`${name}.${member}`, xmlName);
      // Maps are not exported by name: they are found where they are used.
      const target: unknown = Array.isArray(reference) ? reference[0] : reference;
      const used: unknown = typeof target === "function" ? (target as () => unknown)() : target;
      if (Array.isArray(used) && used[0] === MAP) visit(used);
    }
  }

  for (const schema of schemas) visit(schema);
  return { roots, members, entries, queryCodes };
}
