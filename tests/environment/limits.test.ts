/** Limits of one environment that a real sandbox enforces; skipped where the driver says it does not. */
import assert from "node:assert/strict";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { createRuntimeCatalog } from "../../src/adapters/runtimes/index.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import { silentLogger } from "../../src/kernel/log.ts";
import { dataPlane } from "../../src/testing/data-plane.ts";
import { DRIVERS } from "./drivers.ts";

const HANDLER = `
exports.handler = async (event) => {
  if (event.allocate) {
    const held = [];
    for (;;) held.push(Buffer.alloc(8 * 1024 * 1024, 1));
  }
  if (event.flood) {
    const line = "z".repeat(1023) + "\\n";
    for (let n = 0; n < event.flood; n += 1) process.stdout.write(line);
  }
  return "fine";
};
`;

for (const driver of DRIVERS) {
  test(
    `memory, stdout and the pool on ${driver.name}`,
    { skip: driver.skip ?? false, timeout: 60_000 },
    async (t) => {
      const folder = await mkdtemp(join(tmpdir(), "lambent-limits-"));
      await chmod(folder, 0o755);
      await writeFile(join(folder, "index.js"), HANDLER);
      const catalog = createRuntimeCatalog({
        runtimesFolder: join(import.meta.dirname, "../../runtimes"),
        dataDir: join(folder, "data"),
        log: silentLogger,
        strict: false,
        searchPath: process.env["PATH"] ?? "",
        homeFolder: homedir(),
        packageManagerEnv: {},
        installSdkWhenMissing: false,
      });
      const opened = await driver.open();
      const at = dataPlane(opened, systemClock(), {
        version: { runtime: "nodejs24.x", timeoutMs: 30_000, memoryMb: 128 },
        launch: await catalog.launch("nodejs24.x"),
        codeDir: folder,
        options: { poolSize: 1, poolMax: 1 },
      });
      const text = (payload: Uint8Array): string => Buffer.from(payload).toString();
      try {
        await t.test("a flood on stdout is read to its end, and the next call is well", async () => {
          assert.equal(text((await at.invoke('{"flood":2000}')).payload), '"fine"');
          assert.equal(text((await at.invoke("{}")).payload), '"fine"');
        });

        const noMemoryLimit =
          opened.capabilities.memory !== "enforced" && "memory is not enforced by this driver";
        await t.test("allocating without end is Runtime.OutOfMemory", { skip: noMemoryLimit }, async () => {
          const failed = await at.invoke('{"allocate":true}', { logTail: true });
          assert.deepEqual(JSON.parse(text(failed.payload)), {
            errorType: "Runtime.OutOfMemory",
            errorMessage: `RequestId: ${failed.requestId} Error: Runtime exited with error: signal: killed`,
          });
          assert.match(
            failed.logTail,
            /\tMax Memory Used: 128 MB\t(Init Duration: [\d.]+ ms\t)?Status: error\tError Type: Runtime\.OutOfMemory\n$/,
          );
          assert.equal(text((await at.invoke("{}")).payload), '"fine"');
        });

        const noPool = !opened.capabilities.lateAttach && "this driver cannot attach code late";
        await t.test(
          "an environment from the pool serves a function it has never seen",
          { skip: noPool },
          async () => {
            // What an earlier call set going must have come to rest, or it would serve this one.
            const atRest = (): boolean => {
              const states = at.plane.environments.countByState();
              const moving = [...states.keys()].filter(
                (state) => !["idle", "frozen", "pooled"].includes(state),
              );
              return moving.length === 0 && states.get("pooled") === 1;
            };
            while (!atRest()) await new Promise((resolve) => setImmediate(resolve));
            const hits = at.plane.metrics.poolHits;
            at.plane.onFunctionChange({
              scope: at.version.scope,
              functionName: at.version.name,
              retiredEnvironmentIds: [at.version.environmentId],
            });
            const outcome = await at.invoke("{}", { logTail: true });
            assert.equal(text(outcome.payload), '"fine"');
            assert.equal(at.plane.metrics.poolHits, hits + 1);
            t.diagnostic(outcome.logTail.trimEnd());
          },
        );
      } finally {
        await at.close();
        await rm(folder, { recursive: true, force: true });
      }
    },
  );
}
