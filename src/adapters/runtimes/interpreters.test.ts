import assert from "node:assert/strict";
import { mkdtemp, mkdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { silentLogger } from "../../kernel/log.ts";
import { findPythons } from "./interpreters.ts";

/** A program that says it is CPython 3.12.`patch` below `prefix`. */
const python = (prefix: string, patch: number, before = ""): string => {
  const answer = ["cpython", [3, 12, patch], prefix, path.join(prefix, "bin", "python3.12")];
  return `#!/bin/sh\n${before}\necho '${JSON.stringify(answer)}'\n`;
};

test("a file that vanishes while it is looked at is no interpreter, and hides no other", async (t) => {
  const home = await mkdtemp(path.join(tmpdir(), "interpreters-"));
  t.after(() => rm(home, { recursive: true, force: true }));
  const versions = path.join(home, ".pyenv", "versions");
  for (const [name, patch, before] of [
    ["stays", 98, ""],
    // An uninstall that is under way.
    ["goes", 99, '/bin/rm "$0"'],
  ] as const) {
    const prefix = path.join(versions, name);
    await mkdir(path.join(prefix, "bin"), { recursive: true });
    await writeFile(path.join(prefix, "bin", "python3.12"), python(prefix, patch, before), { mode: 0o755 });
  }
  const cacheFolder = path.join(home, "cache");
  const found = await findPythons({ searchPath: "", homeFolder: home, cacheFolder, log: silentLogger });
  const ours = found.filter(({ prefix }) => prefix.startsWith(home));
  assert.deepEqual(
    ours.map(({ version }) => version),
    ["3.12.98"],
  );
});
