import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { silentLogger } from "../../src/kernel/log.ts";
import { findNodes, findPythons } from "../../src/adapters/runtimes/interpreters.ts";
import type { Interpreter } from "../../src/adapters/runtimes/interpreters.ts";
import { runtimesFolder } from "./harness.ts";

/** One interpreter per version of this host, for tests that must hold on each. */
export async function hostInterpreters(): Promise<{
  readonly pythons: readonly Interpreter[];
  readonly nodes: readonly Interpreter[];
}> {
  const cacheFolder = await mkdtemp(path.join(tmpdir(), "lambent-probes-"));
  try {
    const options = {
      searchPath: process.env["PATH"] ?? "",
      homeFolder: process.env["HOME"] ?? "/",
      cacheFolder,
      log: silentLogger,
    };
    return {
      pythons: onePerVersion(await findPythons(options)).filter((one) => one.number >= 10),
      nodes: onePerVersion(await findNodes(options, [process.execPath])),
    };
  } finally {
    await rm(cacheFolder, { recursive: true });
  }
}

function onePerVersion(all: readonly Interpreter[]): readonly Interpreter[] {
  const seen = new Set<number>();
  return all.filter((one) => !seen.has(one.number) && seen.add(one.number));
}

export function pythonCommand(python: Interpreter): readonly string[] {
  return [python.executable, "-S", path.join(runtimesFolder, "python", "bootstrap.py")];
}

/** `runtime` is the one asked for, whatever Node runs it. */
export function nodeCommand(
  node: Interpreter,
  runtime: string,
  flags: readonly string[] = [],
): readonly string[] {
  const bootstrap = path.join(runtimesFolder, "nodejs", "bootstrap.cjs");
  return [node.executable, ...flags, bootstrap, runtime];
}
