import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";

const run = promisify(execFile);
const HELPER = path.join(import.meta.dirname, "..", "..", "sandbox-helper");

interface Target {
  readonly name: string;
  readonly compiler: string;
  /** The compiler that made the committed program, as the first line of its --version ends. */
  readonly pinned: string;
  readonly debianPackage: string;
}

const TARGETS: readonly Target[] = [
  {
    name: "linux-x64",
    compiler: "x86_64-linux-gnu-gcc",
    pinned: "(Debian 12.2.0-14+deb12u1) 12.2.0",
    debianPackage: "gcc",
  },
  {
    name: "linux-arm64",
    compiler: "aarch64-linux-gnu-gcc",
    pinned: "(Debian 12.2.0-14) 12.2.0",
    debianPackage: "gcc-aarch64-linux-gnu",
  },
];

/** Why the committed program cannot be compared on this machine; false where it can. */
async function whyNot({ compiler, pinned, debianPackage }: Target): Promise<string | false> {
  const version = await run(compiler, ["--version"]).then(
    ({ stdout }) => stdout.split("\n")[0] ?? "",
    () => undefined,
  );
  if (version === undefined) return `${compiler} (package ${debianPackage}) is not installed`;
  return version.endsWith(pinned)
    ? false
    : `the committed program is made by gcc ${pinned}; this is ${version}`;
}

async function digest(file: string): Promise<string> {
  return createHash("sha256")
    .update(await readFile(file))
    .digest("hex");
}

for (const target of TARGETS) {
  const reason = await whyNot(target);
  test(
    `the committed helper for ${target.name} is what its source gives`,
    { skip: reason, timeout: 120_000 },
    async (t) => {
      const folder = await mkdtemp(path.join(tmpdir(), "lambent-helper-"));
      t.after(() => rm(folder, { recursive: true }));
      const built = path.join(folder, "lambent-sandbox");
      await run(path.join(HELPER, "build.sh"), [target.name, built], {
        env: { PATH: process.env["PATH"], CC: target.compiler, CC_ARM64: target.compiler },
      });
      const committed = path.join(HELPER, "prebuilt", target.name, "lambent-sandbox");
      assert.equal(await digest(built), await digest(committed), "run sandbox-helper/build.sh and commit");
    },
  );
}
