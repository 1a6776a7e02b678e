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

/** A program that runs programs of another machine; undefined where there is none. */
async function emulator(): Promise<string | undefined> {
  for (const name of ["qemu-aarch64-static", "qemu-aarch64"]) {
    const found = await run(name, ["--version"]).then(
      () => true,
      () => false,
    );
    if (found) return name;
  }
  return undefined;
}

const qemu = process.arch === "arm64" ? undefined : await emulator();

/**
 * An emulator has neither namespaces of its own nor the kernel's limits: what can be seen is that the
 * program loads, reads its arguments and answers.
 */
test(
  "the helper for linux-arm64 runs, as far as an emulator goes",
  { skip: qemu === undefined ? "qemu-aarch64-static (package qemu-user-static) is not here" : false },
  async () => {
    const program = path.join(HELPER, "prebuilt", "linux-arm64", "lambent-sandbox");
    const usage = await run(qemu as string, [program]).catch((error: unknown) => error);
    assert.equal((usage as { code: number }).code, 64);
    assert.match((usage as { stderr: string }).stderr, /^usage: lambent-sandbox /);
  },
);
