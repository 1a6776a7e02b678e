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

/** After `lambent env` the shell knows the command; npm and npx put it on a PATH that ends with them. */
export function typedName(env: Readonly<Record<string, string | undefined>>): string {
  if (env["LAMBENT_TYPED"] !== undefined) return env["LAMBENT_TYPED"];
  const ours = env["npm_execpath"] === undefined && which("lambent", env["PATH"] ?? "") !== undefined;
  return ours ? "lambent" : "npx lambent";
}

/** The commands in `text`, as they are typed here. */
export function typed(text: string, name: string = typedName(process.env)): string {
  return text.replaceAll(/(?<!npx )\blambent (?=[a-z-])/g, `${name} `);
}
