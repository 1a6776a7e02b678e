/** The next step for a function whose code could not be entered: what its archive has, and what was looked for. */
import { readdir } from "node:fs/promises";
import { join, relative } from "node:path";

/** What is known of a failed init. */
export interface FailedEntry {
  /** `python3.13`, `nodejs22.x`, `provided.al2023` */
  readonly runtime: string;
  readonly handler: string;
  readonly errorType: string;
  readonly message: string;
  /** Files of the archive, by their path in it. */
  readonly files: readonly string[];
}

const TOLD: ReadonlySet<string> = new Set([
  "Runtime.ImportModuleError",
  "Runtime.HandlerNotFound",
  "Runtime.InvalidEntrypoint",
]);
const ENTRIES_READ_MAX = 400;
const FILES_NAMED = 5;
const EXTENSIONS: Readonly<Record<string, readonly string[]>> = {
  nodejs: [".js", ".mjs", ".cjs"],
  python: [".py", "/__init__.py"],
};
/** `No module named 'requests.adapters'`, `Cannot find module 'left-pad'`, `Cannot find package 'x' imported …` */
const MISSING = /No module named '([\w-]+)|Cannot find (?:module|package) '((?:@[\w.-]+\/)?\w[\w.-]*)/;

/**
 *   1. A bootstrap: without its run bit, below a folder, for another machine, or not there.
 *   2. The handler's file is not there: which one is wanted, what there is, which handler would fit.
 *   3. It is there: what it imports is not, or it lacks the function.
 */
export function entryHint(entry: FailedEntry): string | undefined {
  if (entry.errorType === "Runtime.InvalidEntrypoint") return bootstrapHint(entry);
  const extensions = EXTENSIONS[/^[a-z]+/.exec(entry.runtime)?.[0] ?? ""];
  if (!TOLD.has(entry.errorType) || extensions === undefined) return undefined;
  const { handler, files } = entry;
  const { module, name } = split(entry);
  const wanted = extensions.map((extension) => module + extension);
  const found = wanted.find((file) => files.includes(file));
  if (found === undefined) {
    const below = files.find((file) => wanted.some((one) => file.endsWith(`/${one}`)));
    const there = `handler ${handler} wants ${wanted[0] as string}; the archive has ${listed(files)}`;
    if (below !== undefined) {
      const folder = below.slice(
        0,
        below.length - (wanted.find((one) => below.endsWith(`/${one}`)) as string).length,
      );
      return `${there}: zip what is in ${folder} instead of the folder, or set the handler to ${folder}${handler}`;
    }
    const candidates = files.filter((file) => !file.includes("/") && file.endsWith(extensions[0] as string));
    const [only] = candidates;
    return only === undefined || candidates.length > 1
      ? there
      : `${there}: set the handler to ${only.slice(0, -(extensions[0] as string).length)}.${name}, or rename the file`;
  }
  if (entry.errorType === "Runtime.HandlerNotFound") {
    return `${found} is in the archive, but defines no ${name}: export one, or set the handler to the function it has`;
  }
  const missing = MISSING.exec(entry.message);
  const dependency = missing?.[1] ?? missing?.[2];
  if (dependency === undefined) return undefined;
  const install = entry.runtime.startsWith("python")
    ? `pip install ${dependency} -t .`
    : `npm install ${dependency}`;
  return `${found} imports ${dependency}, which the archive does not have: run \`${install}\` beside it and zip all of the folder`;
}

function bootstrapHint({ message, files }: FailedEntry): string {
  if (message.includes("permission denied")) {
    return "bootstrap may not be run: chmod +x bootstrap, then zip it again";
  }
  if (files.includes("bootstrap")) {
    return "bootstrap does not start here: build it for Linux and this machine's processor, or check the interpreter in its first line";
  }
  const below = files.find((file) => file.endsWith("/bootstrap"));
  const there = `a custom runtime wants a file named bootstrap; the archive has ${listed(files)}`;
  if (below === undefined) return there;
  return `${there}: zip what is in ${below.slice(0, -"bootstrap".length)} instead of the folder`;
}

/** Python's handler is split at its last dot, Node's at the first one behind the last slash. */
function split({ runtime, handler }: FailedEntry): { readonly module: string; readonly name: string } {
  const slash = handler.lastIndexOf("/") + 1;
  const dot = runtime.startsWith("python") ? handler.lastIndexOf(".") : handler.indexOf(".", slash);
  if (dot < 0) return { module: handler, name: "" };
  const module = handler.slice(0, dot);
  return {
    module: runtime.startsWith("python") ? module.replaceAll(".", "/") : module,
    name: handler.slice(dot + 1),
  };
}

function listed(files: readonly string[]): string {
  if (files.length === 0) return "no files";
  const named = files.slice(0, FILES_NAMED).join(", ");
  return files.length > FILES_NAMED ? `${named}, …` : named;
}

/** The same for unpacked code. Undefined also for a folder that is gone. */
export async function hintForCode(
  codeDir: string,
  version: { readonly runtime: string; readonly handler: string },
  errorType: string,
  answer: Uint8Array,
): Promise<string | undefined> {
  if (!TOLD.has(errorType)) return undefined;
  const { runtime, handler } = version;
  const files = await filesOf(codeDir).catch(() => []);
  return entryHint({ runtime, handler, errorType, message: Buffer.from(answer).toString("utf8"), files });
}

/** The files of the first folders, those at the top first. */
async function filesOf(codeDir: string): Promise<string[]> {
  const files: string[] = [];
  const folders = [codeDir];
  for (let read = 0; read < ENTRIES_READ_MAX;) {
    const folder = folders.shift();
    if (folder === undefined) break;
    for (const entry of (await readdir(folder, { withFileTypes: true })).toSorted((a, b) =>
      a.name < b.name ? -1 : 1,
    )) {
      read += 1;
      const path = join(folder, entry.name);
      if (entry.isDirectory()) folders.push(path);
      else files.push(relative(codeDir, path));
    }
  }
  return files;
}
