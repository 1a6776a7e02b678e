import { access, constants } from "node:fs/promises";
import path from "node:path";

/**
 * The prebuilt helper for this machine. Errors: Error naming the machine when there is none.
 */
export async function helperPath(): Promise<string> {
  const target = `linux-${process.arch}`;
  // Both from src/adapters/sandbox and from dist/adapters/sandbox (or dist/src/…).
  let folder = import.meta.dirname;
  for (let up = 0; up < 5; up++) {
    const candidate = path.join(folder, "sandbox-helper", "prebuilt", target, "lambent-sandbox");
    const found = await access(candidate, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (found) return candidate;
    folder = path.dirname(folder);
  }
  throw new Error(
    `no sandbox helper for ${process.platform}-${process.arch} (sandbox-helper/build.sh makes one)`,
  );
}
