/** How this command is typed here: people copy what they are shown. */
import { accessSync, constants, statSync } from "node:fs";
import { delimiter, join } from "node:path";
import process from "node:process";

/** Absolute path of a program on PATH. */
export function which(program: string, path: string = process.env["PATH"] ?? ""): string | undefined {
  for (const folder of path.split(delimiter)) {
    if (folder === "") continue;
    const candidate = join(folder, program);
    try {
      accessSync(candidate, constants.X_OK);
      if (statSync(candidate).isFile()) return candidate;
    } catch {
      // Not here.
    }
  }
  return undefined;
}

/** npm and npx put the command on a PATH that ends with them. */
export function typedName(env: Readonly<Record<string, string | undefined>>): string {
  const ours = env["npm_execpath"] === undefined && which("lambent", env["PATH"] ?? "") !== undefined;
  return ours ? "lambent" : "npx lambent";
}

/** The commands in `text`, as they are typed here. */
export function typed(text: string, name: string = typedName(process.env)): string {
  return text.replaceAll(/(?<!npx )\blambent (?=[a-z])/g, `${name} `);
}
