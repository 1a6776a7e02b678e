import { readdir, readFile, realpath, rename, stat, writeFile, mkdir } from "node:fs/promises";
import path from "node:path";
import type { Logger } from "../../kernel/log.ts";
import { PYTHON_MINOR_MIN } from "./names.ts";
import { runCommand } from "./run-command.ts";

/** A program of this host that was seen to run. */
export interface Interpreter {
  readonly language: "python" | "node";
  /** With every link resolved. */
  readonly executable: string;
  /** The folder that holds all of it (bin, lib, …). */
  readonly prefix: string;
  readonly version: string;
  /** What a runtime identifier counts: 12 of Python 3.12.1, 22 of Node 22.23.3. */
  readonly number: number;
  /** Every user may read and run it: the process driver drops to another user. */
  readonly readableByAll: boolean;
}

export interface SearchOptions {
  readonly searchPath: string;
  readonly homeFolder: string;
  /** Folder of the cache file; probes of files that did not change are not repeated. */
  readonly cacheFolder: string;
  readonly log: Logger;
}

const PROBE_MS_MAX = 5_000;
const PROBES_AT_ONCE = 3;
const PYTHON_PROBE =
  "import sys,os,json;print(json.dumps([sys.implementation.name,list(sys.version_info[:3]),os.path.realpath(sys.base_prefix),os.path.realpath(getattr(sys,'_base_executable',None) or sys.executable)]))";

/** Folders in which version managers keep one folder per version, each with a bin folder. */
const PYTHON_MANAGERS: readonly string[] = [
  ".pyenv/versions",
  ".local/share/uv/python",
  ".local/share/mise/installs/python",
  ".asdf/installs/python",
];
const NODE_MANAGERS: readonly string[] = [
  ".nvm/versions/node",
  ".local/share/mise/installs/node",
  ".asdf/installs/nodejs",
  ".volta/tools/image/node",
];
const SYSTEM_FOLDERS: readonly string[] = ["/usr/bin", "/usr/local/bin", "/opt/homebrew/bin"];

/**
 * Every Python of the host that runs and is new enough, newest first within a version. Candidates
 * are found by name and proved by running them: a file on PATH may be a shim that refuses.
 */
export async function findPythons(options: SearchOptions): Promise<readonly Interpreter[]> {
  const names = /^python3(\.\d+)?$/;
  const candidates = await candidateFiles(options, PYTHON_MANAGERS, names);
  return probeAll("python", candidates, options, probePython);
}

/** The same for Node; `extra` are executables found elsewhere (npm packages). */
export async function findNodes(
  options: SearchOptions,
  extra: readonly string[],
): Promise<readonly Interpreter[]> {
  const candidates = await candidateFiles(options, NODE_MANAGERS, /^node$/);
  return probeAll("node", [...extra, ...candidates], options, probeNode);
}

async function candidateFiles(
  options: SearchOptions,
  managers: readonly string[],
  names: RegExp,
): Promise<readonly string[]> {
  const folders: string[] = [];
  for (const manager of managers) {
    const root = path.join(options.homeFolder, manager);
    for (const version of await entries(root)) folders.push(path.join(root, version, "bin"));
  }
  // A shim only chooses among the folders of its manager, slowly, or refuses; it counts where those
  // folders are at a place unknown here.
  const managed = folders.length > 0;
  const onPath = options.searchPath.split(":").filter(path.isAbsolute);
  folders.push(...SYSTEM_FOLDERS);
  folders.push(...onPath.filter((folder) => !managed || path.basename(folder) !== "shims"));
  const files = new Set<string>();
  for (const folder of new Set(folders)) {
    for (const name of await entries(folder)) {
      if (names.test(name)) files.add(path.join(folder, name));
    }
  }
  return [...files];
}

async function entries(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder);
  } catch {
    return [];
  }
}

type Found = Omit<Interpreter, "language" | "readableByAll">;
type Probe = (file: string, options: SearchOptions) => Promise<Found | undefined>;
type Cache = Record<string, { readonly mtimeMs: number; readonly found: Interpreter | null }>;

async function probeAll(
  language: "python" | "node",
  files: readonly string[],
  options: SearchOptions,
  probe: Probe,
): Promise<readonly Interpreter[]> {
  const cacheFile = path.join(options.cacheFolder, `${language}-probes.json`);
  const known = await readCache(cacheFile);
  const cache: Cache = {};
  const found = new Map<string, Interpreter>();
  const targets = new Map<string, string>();
  for (const file of files) {
    // Several names lead to one file; it is probed once, by the name seen first.
    const target = await realpath(file).catch(() => undefined);
    if (target !== undefined && !targets.has(target)) targets.set(target, file);
  }
  const queue = [...targets];
  let probed = 0;
  const examine = async (target: string, file: string): Promise<void> => {
    const { mtimeMs } = await stat(target);
    const old = known[file];
    let interpreter: Interpreter | null;
    if (old !== undefined && old.mtimeMs === mtimeMs) interpreter = old.found;
    else {
      probed += 1;
      const answer = await probe(file, options);
      interpreter =
        answer === undefined
          ? null
          : { ...answer, language, readableByAll: await isReadableByAll(answer.executable) };
      if (answer === undefined) options.log.debug({ file }, "not a usable interpreter");
    }
    cache[file] = { mtimeMs, found: interpreter };
    if (interpreter !== null) found.set(interpreter.executable, interpreter);
  };
  const work = async (): Promise<void> => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const [target, file] = next;
      try {
        await examine(target, file);
      } catch (error) {
        // It was there a moment ago: something is being uninstalled.
        options.log.debug({ file, error: String(error) }, "an interpreter vanished while it was looked at");
      }
    }
  };
  await Promise.all(Array.from({ length: PROBES_AT_ONCE }, work));
  if (probed > 0) await writeCache(cacheFile, cache, options.log);
  return [...found.values()].sort(better);
}

/** Readable by all first, then the newest. */
function better(a: Interpreter, b: Interpreter): number {
  if (a.readableByAll !== b.readableByAll) return a.readableByAll ? -1 : 1;
  return byNumbers(b.version, a.version);
}

/** "3.9.2" before "3.11.0". */
function byNumbers(a: string, b: string): number {
  const [left, right] = [a, b].map((version) => version.split(".").map(Number)) as [number[], number[]];
  const at = left.findIndex((part, index) => part !== right[index]);
  return at < 0 ? left.length - right.length : (left[at] ?? 0) - (right[at] ?? -1);
}

async function probePython(file: string, options: SearchOptions): Promise<Found | undefined> {
  const result = await runCommand(file, ["-I", "-S", "-c", PYTHON_PROBE], probeOptions(options));
  if (result.code !== 0) return undefined;
  try {
    const [name, version, prefix, executable] = JSON.parse(result.stdout) as [
      string,
      [number, number, number],
      string,
      string,
    ];
    if (name !== "cpython" || version[0] !== 3 || version[1] < PYTHON_MINOR_MIN) return undefined;
    // A program outside its own prefix would not find its library where it is mounted.
    if (path.relative(prefix, executable).startsWith("..")) return undefined;
    return { executable, prefix, version: version.join("."), number: version[1] };
  } catch {
    return undefined;
  }
}

async function probeNode(file: string, options: SearchOptions): Promise<Found | undefined> {
  const script = "console.log(JSON.stringify([process.versions.node,process.execPath]))";
  const result = await runCommand(file, ["-e", script], probeOptions(options));
  if (result.code !== 0) return undefined;
  try {
    const [version, executable] = JSON.parse(result.stdout) as [string, string];
    const number = Number(version.split(".")[0]);
    if (number < 20) return undefined;
    return { executable, prefix: path.dirname(path.dirname(executable)), version, number };
  } catch {
    return undefined;
  }
}

const probeOptions = (
  options: SearchOptions,
): { readonly env: Record<string, string>; readonly timeoutMs: number } => ({
  env: { PATH: options.searchPath, HOME: options.homeFolder },
  timeoutMs: PROBE_MS_MAX,
});

/** Whether every user may enter all folders above the file, and the file itself (its x bit). */
export async function isReadableByAll(file: string): Promise<boolean> {
  for (let at = file; ; at = path.dirname(at)) {
    const { mode } = await stat(at);
    if ((mode & 0o001) === 0) return false;
    if (path.dirname(at) === at) return true;
  }
}

async function readCache(file: string): Promise<Cache> {
  try {
    return JSON.parse(await readFile(file, "utf8")) as Cache;
  } catch {
    return {};
  }
}

async function writeCache(file: string, cache: Cache, log: Logger): Promise<void> {
  try {
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(`${file}.new`, JSON.stringify(cache));
    await rename(`${file}.new`, file);
  } catch (error) {
    log.warn({ file, error: String(error) }, "the list of interpreters could not be kept");
  }
}
