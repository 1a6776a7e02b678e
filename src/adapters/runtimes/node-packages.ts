import { createRequire } from "node:module";
import path from "node:path";

/** Exact versions of Node that `lambent runtimes add` installs. */
export const NODE_VERSIONS: Readonly<Record<number, string>> = {
  20: "20.20.2",
  22: "22.23.3",
  24: "24.21.0",
};

/** The npm package that carries the Node binary of this platform. */
export function nodePackage(platform: string = process.platform, arch: string = process.arch): string {
  return `node-${platform === "win32" ? "win" : platform}-${arch}`;
}

/** Folder below the data folder in which one installed Node version lives. */
export function nodeInstallFolder(dataDir: string, major: number): string {
  return path.join(dataDir, "runtimes", `nodejs${major}.x`);
}

/** Executables that npm brought: Lambent's own dependency and what was installed later. */
export function packagedNodes(dataDir: string): readonly string[] {
  const found: string[] = [];
  try {
    const manifest = createRequire(import.meta.url).resolve(`${nodePackage()}/package.json`);
    found.push(path.join(path.dirname(manifest), "bin", "node"));
  } catch {
    // Not installed for this platform; the Node that runs the server stands in.
  }
  for (const major of Object.keys(NODE_VERSIONS)) {
    const folder = nodeInstallFolder(dataDir, Number(major));
    found.push(path.join(folder, "node_modules", nodePackage(), "bin", "node"));
  }
  found.push(process.execPath);
  return found;
}

/** What Lambda switches off in Node 20 and 22. https://docs.aws.amazon.com/lambda/latest/dg/lambda-nodejs.html */
export const DISABLED_NODE_FEATURES: Readonly<Record<number, readonly string[]>> = {
  20: ["--no-experimental-require-module"],
  22: ["--no-experimental-require-module", "--no-experimental-detect-module"],
};
