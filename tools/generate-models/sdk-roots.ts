import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import { build } from "esbuild";

/**
 * Names of the root elements of XML bodies. Only the SDK's schemas keep them (`ListBucketsOutput`
 * travels as `ListAllMyBucketsResult`); botocore ignores the root when it reads.
 * Keyed by structure name. The packages cannot be imported by Node as they are, hence the bundle.
 */
export async function xmlRootNames(client: string): Promise<Map<string, string>> {
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
    const names = new Map<string, string>();
    for (const schema of Object.values(schemas)) {
      if (!Array.isArray(schema) || schema[0] !== 3) continue;
      const traits = schema[3] as { xmlName?: string } | number;
      if (typeof traits === "object" && traits.xmlName !== undefined)
        names.set(schema[2] as string, traits.xmlName);
    }
    return names;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
