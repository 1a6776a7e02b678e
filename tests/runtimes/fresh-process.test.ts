import assert from "node:assert/strict";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, describe, it } from "node:test";
import { freshLaunch } from "../../src/adapters/runtimes/index.ts";
import { FrameType } from "../../src/lambda/runtime-api/frames.ts";
import { startRuntime } from "./harness.ts";
import { hostInterpreters, nodeCommand, pythonCommand } from "./interpreters.ts";

const { pythons, nodes } = await hostInterpreters();
const folder = await mkdtemp(path.join(tmpdir(), "lambent-wrapper-"));
after(() => rm(folder, { recursive: true }));

async function answerOf(
  runtime: string,
  argv: readonly string[],
  variables: Readonly<Record<string, string>>,
  files: Readonly<Record<string, string>>,
): Promise<string> {
  const launch = freshLaunch(
    { runtime, actual: runtime, interface: "framed", argv, env: {}, mounts: [] },
    { PATH: "/usr/bin:/bin", ...variables },
  );
  const started = await startRuntime(launch.argv, { runtime, files, env: launch.env });
  try {
    const ready = await started.init();
    assert.equal(ready.type, FrameType.ready, ready.body.toString());
    return (await started.invoke({})).text;
  } finally {
    await started.stop();
  }
}

describe("functions that need a process of their own", () => {
  const python = pythons[0];
  const node = nodes[0];

  it("keep what AWS_LAMBDA_EXEC_WRAPPER made of the environment", async (context) => {
    if (python === undefined) return context.skip("no Python 3.10 or newer on this host");
    const wrapper = path.join(folder, "wrapper");
    await writeFile(wrapper, '#!/bin/sh\nexport FROM_WRAPPER=yes OWN=changed\nexec "$@"\n');
    await chmod(wrapper, 0o755);
    const code =
      "import os\ndef handler(e, c):\n    return [os.environ.get(k) for k in ('FROM_WRAPPER', 'OWN', 'AWS_REGION', 'LAMBENT_KEEP_ENV')]\n";
    const text = await answerOf(
      `python3.${python.number}`,
      pythonCommand(python),
      { AWS_LAMBDA_EXEC_WRAPPER: wrapper, OWN: "own" },
      { "index.py": code },
    );
    assert.equal(text, '["yes", "changed", "us-east-1", null]');
  });

  it("end with status 127 without their wrapper, as in Lambda", async () => {
    assert.ok(node !== undefined);
    const { argv } = freshLaunch(
      {
        runtime: "nodejs24.x",
        actual: "",
        interface: "framed",
        argv: nodeCommand(node, "nodejs24.x"),
        env: {},
        mounts: [],
      },
      { AWS_LAMBDA_EXEC_WRAPPER: "/nonexistent/wrapper" },
    );
    await assert.rejects(startRuntime(argv, { runtime: "nodejs24.x", files: {} }), /exited \(127\)/);
  });

  it("get the options of NODE_OPTIONS, above the launch's own", async () => {
    assert.ok(node !== undefined);
    const text = await answerOf(
      "nodejs22.x",
      nodeCommand(node, "nodejs22.x", ["--max-old-space-size=10240"]),
      { NODE_OPTIONS: "--max-old-space-size=64 --no-warnings" },
      {
        "index.js":
          "exports.handler = async () => [require('node:v8').getHeapStatistics().heap_size_limit < 5e8, process.execArgv, process.env.NODE_OPTIONS];",
      },
    );
    assert.equal(text, '[true,["--expose-gc"],"--max-old-space-size=64 --no-warnings"]');
  });

  it("get Python's own variables", async (context) => {
    if (python === undefined) return context.skip("no Python 3.10 or newer on this host");
    const text = await answerOf(
      `python3.${python.number}`,
      pythonCommand(python),
      { PYTHONOPTIMIZE: "1" },
      { "index.py": "import sys\ndef handler(e, c):\n    return sys.flags.optimize\n" },
    );
    assert.equal(text, "1");
  });
});
