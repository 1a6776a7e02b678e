/**
 * Python packages as users put them into a function's archive: `pip install --target`, then zip. Each
 * set is installed once and kept as an archive in ~/.cache/lambent-tests.
 */
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { lambent, PYTHON_BOTO3, run, type RunningServer } from "./server.ts";

/** `zipfile` is asked rather than a program: it comes with every Python. */
const PACK = `import os, sys, zipfile
source, archive = sys.argv[1:3]
with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as packed:
    for folder, _, names in os.walk(source):
        for name in names:
            path = os.path.join(folder, name)
            packed.write(path, os.path.relpath(path, source))
`;
const ADD = `import sys, zipfile
archive, name, source = sys.argv[1:4]
with zipfile.ZipFile(archive, "a", zipfile.ZIP_DEFLATED) as packed:
    packed.write(source, name)
`;

/** Version of the Python that runs python3.12 functions here: the exact one, or the nearest. */
async function versionInside(server: RunningServer): Promise<string | undefined> {
  const listed = await lambent(server, ["runtimes", "--json"]);
  const rows = JSON.parse(listed.stdout) as { runtime: string; available: boolean; actual: string }[];
  const row = rows.find((one) => one.runtime === "python3.12");
  return row?.available === true ? /(\d+\.\d+)/.exec(row.actual)?.[1] : undefined;
}

/**
 * Writes an archive of `packages` and the one handler file to `archive`. Returns a reason for skipping
 * where pip cannot get the packages.
 */
export async function archiveWithPackages(
  server: RunningServer,
  packages: readonly string[],
  handler: { readonly name: string; readonly path: string },
  archive: string,
): Promise<string | undefined> {
  const version = await versionInside(server);
  const python = PYTHON_BOTO3;
  if (version === undefined || python === undefined) return "there is no Python here";
  const cache = join(homedir(), ".cache", "lambent-tests");
  const kept = join(cache, `${packages.join("+")}-${version}-${process.arch}.zip`);
  if (!existsSync(kept)) {
    mkdirSync(cache, { recursive: true });
    const folder = mkdtempSync(join(tmpdir(), "lambent-packages-"));
    try {
      const asked = ["--python-version", version, "--only-binary", ":all:", "--no-compile"];
      const pip = await run(
        python,
        ["-m", "pip", "install", "--quiet", "--target", join(folder, "all"), ...asked, ...packages],
        { timeoutMs: 300_000 },
      );
      if (pip.code !== 0)
        return `pip could not get ${packages.join(", ")}: ${pip.stderr.trim().split("\n").at(-1) ?? ""}`;
      const packed = await run(python, ["-c", PACK, join(folder, "all"), join(folder, "packed.zip")]);
      if (packed.code !== 0) throw new Error(packed.stderr);
      copyFileSync(join(folder, "packed.zip"), `${kept}.${String(process.pid)}`);
      renameSync(`${kept}.${String(process.pid)}`, kept);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
  copyFileSync(kept, archive);
  const added = await run(python, ["-c", ADD, archive, handler.name, handler.path]);
  if (added.code !== 0) throw new Error(added.stderr);
  return undefined;
}
