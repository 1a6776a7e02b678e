import { createHash } from "node:crypto";
import { access, copyFile, readdir, readFile } from "node:fs/promises";
import path from "node:path";
import type { Logger } from "../../kernel/log.ts";
import type { Interpreter } from "./interpreters.ts";
import { runCommand } from "./run-command.ts";
import { intoPlace } from "./sdk.ts";

/**
 * Python compiles a file that lies in a read-only folder at every start, which costs a third of the
 * start. So the bootstrap is copied and compiled once per version of Python and of the bootstrap.
 * Resolves with the folder to mount; with the original one when compiling did not work.
 */
export async function compiledBootstrap(
  source: string,
  folder: string,
  python: Interpreter,
  log: Logger,
): Promise<string> {
  try {
    const files = (await readdir(source)).filter((name) => name.endsWith(".py")).sort();
    const hash = createHash("sha256");
    for (const name of files) hash.update(name).update(await readFile(path.join(source, name)));
    const edition = hash.digest("hex").slice(0, 16);
    const target = path.join(folder, `python${python.version}-${edition}`);
    if (
      await access(target).then(
        () => true,
        () => false,
      )
    )
      return target;
    await intoPlace(target, async (fresh) => {
      for (const name of files) await copyFile(path.join(source, name), path.join(fresh, name));
      const args = ["-I", "-S", "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", fresh];
      const result = await runCommand(python.executable, args, { env: {}, timeoutMs: 30_000 });
      if (result.code !== 0) throw new Error(result.failure ?? result.stderr);
    });
    return target;
  } catch (error) {
    log.warn({ python: python.executable, error: String(error) }, "Python starts without compiled bootstrap");
    return source;
  }
}
