import assert from "node:assert/strict";
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, describe, it } from "node:test";
import { ServiceError } from "../../src/kernel/errors.ts";
import type { Logger } from "../../src/kernel/log.ts";
import { createRuntimeCatalog } from "../../src/adapters/runtimes/index.ts";
import type { InstallableRuntimeCatalog, RuntimeCatalogOptions } from "../../src/adapters/runtimes/index.ts";
import type { RuntimeLaunch } from "../../src/ports/runtime-catalog.ts";
import { FrameType } from "../../src/lambda/runtime-api/frames.ts";
import { runtimesFolder, startRuntime } from "./harness.ts";
import { hostInterpreters } from "./interpreters.ts";

const { pythons } = await hostInterpreters();
const folders: string[] = [];
after(async () => {
  for (const folder of folders) await rm(folder, { recursive: true, force: true });
});

async function folder(): Promise<string> {
  const made = await mkdtemp(path.join(tmpdir(), "lambent-catalog-"));
  folders.push(made);
  return made;
}

async function script(file: string, text: string): Promise<string> {
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, `#!/bin/sh\n${text}\n`);
  await chmod(file, 0o755);
  return file;
}

interface World {
  readonly catalog: InstallableRuntimeCatalog;
  readonly dataDir: string;
  readonly home: string;
  readonly bin: string;
  readonly lines: string[];
}

/** A catalog that sees a made-up home and PATH (and the system's own folders). */
async function world(overrides: Partial<RuntimeCatalogOptions> = {}): Promise<World> {
  const [dataDir, home, bin] = [await folder(), await folder(), await folder()];
  const lines: string[] = [];
  const keep = (_fields: unknown, message: string): void => void lines.push(message);
  const log: Logger = { debug: keep, info: keep, warn: keep, error: keep };
  const catalog = createRuntimeCatalog({
    runtimesFolder,
    dataDir,
    log,
    strict: false,
    searchPath: `${bin}:/usr/bin:/bin`,
    homeFolder: home,
    packageManagerEnv: {},
    installSdkWhenMissing: false,
    ...overrides,
  });
  return { catalog, dataDir, home, bin, lines };
}

const refused = (hint: RegExp) => (error: unknown) =>
  error instanceof ServiceError &&
  error.code === "InvalidRuntimeException" &&
  error.status === 502 &&
  hint.test(error.hint ?? "");

describe("the catalog of runtimes", () => {
  it("starts nodejs24.x with the Node that npm brought", async () => {
    const { catalog } = await world();
    const launch = await catalog.launch("nodejs24.x");
    assert.equal(launch.interface, "framed");
    assert.match(launch.actual, /^Node\.js 24\./);
    assert.equal(launch.warning, undefined);
    assert.ok(launch.mounts.some((mount) => mount.target === "/var/lambent/nodejs"));
    assert.ok(launch.argv.includes("/var/lambent/nodejs/bootstrap.cjs"));
  });

  it("starts a custom runtime's own bootstrap", async () => {
    const { catalog } = await world();
    const launch = await catalog.launch("provided.al2023");
    assert.equal(launch.interface, "http");
    assert.deepEqual(launch.argv, ["/var/task/bootstrap"]);
  });

  it("refuses a language it does not run, by name", async () => {
    const { catalog } = await world();
    await assert.rejects(catalog.launch("java21"), refused(/java21.*nodejs24\.x/));
  });

  it("takes the nearest version with a warning that names the fix, and refuses it when strict", async () => {
    const { catalog } = await world();
    const launch = await catalog.launch("nodejs18.x");
    assert.match(launch.warning ?? "", /^nodejs18\.x runs on Node\.js \d+\.\d+\.\d+: /);
    const strict = await world({ strict: true });
    await assert.rejects(strict.catalog.launch("nodejs18.x"), refused(/put a node 18 on the PATH/));
  });

  it("lists what is there", async () => {
    const { catalog } = await world();
    const infos = await catalog.list();
    const node = infos.find((info) => info.runtime === "nodejs24.x");
    assert.equal(node?.exact, true);
    assert.equal(node.available, true);
    assert.equal(node.sdk, false);
  });

  it("passes over programs that refuse to run, and remembers it", async () => {
    const { catalog, bin, dataDir } = await world();
    const seen = path.join(dataDir, "seen");
    const shim = await script(
      path.join(bin, "python3.14"),
      `echo run >> ${seen}; echo 'command not found' >&2; exit 127`,
    );
    const infos = await catalog.list();
    assert.notEqual(infos.find((info) => info.runtime === "python3.14")?.path, shim);
    const again = createRuntimeCatalog({
      runtimesFolder,
      dataDir,
      log: { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined },
      strict: false,
      searchPath: `${bin}:/usr/bin:/bin`,
      homeFolder: "/nonexistent",
      packageManagerEnv: {},
      installSdkWhenMissing: false,
    });
    await again.list();
    assert.equal(await readFile(seen, "utf8"), "run\n");
  });

  const python = pythons[0];
  const skip = python === undefined ? "no Python 3.10 or newer on this host" : false;

  it("finds a Python of a version manager and mounts it where Lambda has its own", { skip }, async () => {
    const { catalog, home } = await world();
    const one = pythons.find((each) => !each.executable.startsWith("/usr/"));
    if (one === undefined) return;
    const manager = path.join(home, ".pyenv/versions");
    await mkdir(manager, { recursive: true });
    await symlink(one.prefix, path.join(manager, one.version));
    const launch = await catalog.launch(`python3.${one.number}`);
    if (launch.mounts.length < 2) return; // the system has the same version
    assert.ok(launch.mounts.some((mount) => mount.source === one.prefix && mount.target === "/var/lang"));
    assert.equal(launch.argv[0], `/var/lang/bin/python3.${one.number}`);
  });

  it("takes only what every user may run where functions run as another user", { skip }, async () => {
    const { catalog, home } = await world({ readableByAll: true, searchPath: "/nonexistent" });
    // The folder of mkdtemp may be entered by its owner alone.
    const manager = path.join(home, ".pyenv/versions/3.99.0/bin");
    const answer = `["cpython",[3,99,0],"${path.dirname(manager)}","${manager}/python3.99"]`;
    await script(path.join(manager, "python3.99"), `echo '${answer}'`);
    const launched = await catalog.launch("python3.99").catch((error: unknown) => error);
    const text = launched instanceof ServiceError ? launched.hint : (launched as RuntimeLaunch).warning;
    assert.match(
      text ?? "",
      /3\.99\.0\/bin\/python3\.99 is the exact version, but only its owner may run it/,
    );
  });

  it("starts Python with a compiled bootstrap", { skip }, async () => {
    const { catalog } = await world({ homeFolder: process.env["HOME"] ?? "/" });
    const launch = await catalog.launch(`python3.${python?.number}`);
    const bootstrap = launch.mounts.find((mount) => mount.target === "/var/lambent/python");
    assert.ok(bootstrap !== undefined);
    const compiled = await readdir(path.join(bootstrap.source, "__pycache__"));
    assert.ok(compiled.some((name) => name.startsWith("lambent_runtime.")));
  });
});

describe("lambent runtimes add", () => {
  it("installs a pinned Node without running scripts, and uses it", async () => {
    const { catalog, bin, dataDir } = await world();
    await catalog.launch("nodejs22.x");
    const calls = path.join(dataDir, "calls");
    // Stands in for npm: makes the package with a program that answers like that Node.
    await script(
      path.join(bin, "npm"),
      `echo "$@" >> ${calls}
for word in "$@"; do last=$word; done
name=\${last%@*}
mkdir -p "$3/node_modules/$name/bin"
cat > "$3/node_modules/$name/bin/node" <<'END'
#!/bin/sh
echo '["22.23.3","'$0'"]'
END
chmod +x "$3/node_modules/$name/bin/node"`,
    );
    const progress: string[] = [];
    await catalog.install("nodejs22.x", (line) => progress.push(line));
    assert.match(await readFile(calls, "utf8"), /--ignore-scripts .*node-[a-z0-9-]+@22\.\d+\.\d+\n$/);
    assert.match(progress[0] ?? "", /^npm install node-/);
    const launch = await catalog.launch("nodejs22.x");
    assert.equal(launch.actual, "Node.js 22.23.3");
    assert.equal(launch.warning, undefined);
    assert.deepEqual(
      (await readdir(path.join(dataDir, "runtimes"))).filter((name) => name.includes("installing")),
      [],
    );
  });

  it("says what to do when the registry cannot be reached, and leaves nothing behind", async () => {
    const { catalog, bin, dataDir } = await world();
    await script(
      path.join(bin, "npm"),
      "echo 'npm error code ENOTFOUND' >&2; echo 'npm error network request failed' >&2; exit 1",
    );
    await assert.rejects(
      catalog.install("nodejs22.x", () => undefined),
      /could not be installed: network request failed\. Check the network/,
    );
    await assert.rejects(
      catalog.install("sdk-nodejs", () => undefined),
      /AWS SDK for JavaScript could not be installed: .*package the SDK/,
    );
    assert.deepEqual(
      (await readdir(path.join(dataDir, "runtimes"))).filter((name) => name.startsWith("nodejs")),
      [],
    );
  });

  it("refuses what it does not know", async () => {
    const { catalog } = await world();
    await assert.rejects(
      catalog.install("java21", () => undefined),
      /nothing to install for java21/,
    );
    await assert.rejects(
      catalog.install("provided.al2023", () => undefined),
      /your own bootstrap/,
    );
  });

  it("installs a Python with uv, before pyenv, and uses it", async () => {
    const { catalog, bin, home } = await world();
    await assert.rejects(
      catalog.install("python3.99", () => undefined),
      /Neither uv nor pyenv .* `pip install uv`/,
    );
    const managed = path.join(home, ".local/share/uv/python/cpython-3.99/bin");
    const answer = `["cpython",[3,99,0],"${path.dirname(managed)}","${managed}/python3.99"]`;
    // Stands in for uv: makes a program that answers like that Python.
    await script(
      path.join(bin, "uv"),
      `[ "$1" = python ] || exit 0
echo "asked: $*"
mkdir -p ${managed}
cat > ${managed}/python3.99 <<'END'
#!/bin/sh
echo '${answer}'
END
chmod +x ${managed}/python3.99`,
    );
    await script(path.join(bin, "pyenv"), "echo 'not me'; exit 1");
    const progress: string[] = [];
    await catalog.install("python3.99", (line) => progress.push(line));
    assert.deepEqual(progress.slice(0, 2), ["uv python install 3.99", "asked: python install 3.99"]);
    assert.equal((await catalog.launch("python3.99")).actual, "Python 3.99.0");
    const again: string[] = [];
    await catalog.install("python3.99", (line) => again.push(line));
    assert.deepEqual(again, ["python3.99 is on this machine"]);
  });

  it("says why a version manager failed", async () => {
    const { catalog, bin } = await world();
    await script(path.join(bin, "uv"), '[ "$1" = python ] || exit 0; echo "error: no route" >&2; exit 2');
    await assert.rejects(
      catalog.install("python3.98", () => undefined),
      /`uv python install 3\.98` failed: error: no route\. Check the network/,
    );
  });

  it("installs the SDK in the background once, without delaying the launch", async () => {
    const { catalog, bin, dataDir, lines } = await world({ installSdkWhenMissing: true });
    const gate = path.join(dataDir, "gate");
    await script(
      path.join(bin, "npm"),
      `while [ ! -e ${gate} ]; do sleep 0.01; done; mkdir -p "$3/node_modules/@aws-sdk"`,
    );
    const first = await catalog.launch("nodejs24.x");
    assert.ok(!first.mounts.some((mount) => mount.target === "/var/runtime"));
    await catalog.launch("nodejs22.x");
    await writeFile(gate, "");
    await catalog.settled();
    const later = await catalog.launch("nodejs24.x");
    assert.ok(later.mounts.some((mount) => mount.target === "/var/runtime"));
    assert.equal(lines.filter((line) => line.includes("in the background")).length, 1);
    assert.equal(lines.filter((line) => line.includes("is installed")).length, 1);
  });
});

describe("the SDK folder", () => {
  it("is found by require and import", async () => {
    const sdk = await folder();
    const client = path.join(sdk, "node_modules/@aws-sdk/client-x");
    await mkdir(client, { recursive: true });
    await writeFile(
      path.join(client, "package.json"),
      '{"name":"@aws-sdk/client-x","exports":{"import":"./m.mjs","require":"./c.cjs"}}',
    );
    await writeFile(path.join(client, "m.mjs"), "export const kind = 'esm';");
    await writeFile(path.join(client, "c.cjs"), "exports.kind = 'cjs';");
    const own = path.join(runtimesFolder, "nodejs", "bootstrap.cjs");
    for (const node of (await hostInterpreters()).nodes) {
      const argv = [node.executable, own, `nodejs${node.number}.x`, sdk];
      const files: Record<string, Record<string, string>> = {
        cjs: {
          "index.js": "const { kind } = require('@aws-sdk/client-x'); exports.handler = async () => kind;",
        },
        esm: {
          "index.mjs": "import { kind } from '@aws-sdk/client-x'; export const handler = async () => kind;",
        },
      };
      for (const [kind, code] of Object.entries(files)) {
        const runtime = await startRuntime(argv, { runtime: `nodejs${node.number}.x`, files: code });
        try {
          const ready = await runtime.init();
          assert.equal(ready.type, FrameType.ready, ready.body.toString());
          assert.equal((await runtime.invoke({})).text, `"${kind}"`);
        } finally {
          await runtime.stop();
        }
      }
    }
  });

  it(
    "is found by Python, after the function's own packages",
    { skip: pythons.length === 0 && "no Python" },
    async () => {
      const sdk = await folder();
      await writeFile(path.join(sdk, "boto3.py"), "origin = 'sdk'");
      await writeFile(path.join(sdk, "own.py"), "origin = 'sdk'");
      for (const python of pythons) {
        const argv = [python.executable, "-S", path.join(runtimesFolder, "python", "bootstrap.py"), sdk];
        const files = {
          "own.py": "origin = 'task'",
          "index.py": "import boto3, own\ndef handler(e, c):\n    return [boto3.origin, own.origin]\n",
        };
        const runtime = await startRuntime(argv, { runtime: `python3.${python.number}`, files });
        try {
          await runtime.init();
          assert.equal((await runtime.invoke({})).text, '["sdk", "task"]');
        } finally {
          await runtime.stop();
        }
      }
    },
  );
});
