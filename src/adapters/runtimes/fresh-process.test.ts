import assert from "node:assert/strict";
import { it } from "node:test";
import { freshLaunch, needsFreshProcess } from "./fresh-process.ts";

const NEEDS: readonly [string, Record<string, string>, readonly string[]][] = [
  ["python3.12", { A: "1", PYTHONPATH: "/opt/x", NODE_OPTIONS: "--x" }, []],
  ["python3.12", { PYTHONHASHSEED: "0", LD_PRELOAD: "x.so" }, ["LD_PRELOAD", "PYTHONHASHSEED"]],
  ["nodejs24.x", { NODE_PATH: "/opt/x", PYTHONHASHSEED: "0" }, []],
  ["nodejs24.x", { NODE_OPTIONS: "--import ./x.mjs" }, ["NODE_OPTIONS"]],
  ["nodejs20.x", { AWS_LAMBDA_EXEC_WRAPPER: "/opt/w" }, ["AWS_LAMBDA_EXEC_WRAPPER"]],
  ["provided.al2023", { LD_PRELOAD: "x.so" }, []],
];

for (const [runtime, env, expected] of NEEDS) {
  it(`${runtime} with ${Object.keys(env).join(", ")}`, () => {
    assert.deepEqual(needsFreshProcess(runtime, env), expected);
  });
}

const launch = {
  runtime: "nodejs22.x",
  actual: "Node.js 22.0.0",
  interface: "framed",
  argv: ["/n", "--max-old-space-size=9", "--no-experimental-require-module", "/b.cjs", "nodejs22.x"],
  env: { A: "launch", B: "launch" },
  mounts: [],
} as const;

it("lets NODE_OPTIONS win over the flags of the launch", () => {
  const env = { A: "function", NODE_OPTIONS: "--experimental-require-module --max_old_space_size=5 /b.cjs" };
  const fresh = freshLaunch(launch, env);
  assert.deepEqual(fresh.argv, ["/n", "/b.cjs", "nodejs22.x"]);
  assert.deepEqual(fresh.env, { ...env, B: "launch", LAMBENT_KEEP_ENV: "1" });
});

it("starts the runtime through the wrapper", () => {
  const { argv } = freshLaunch(launch, { AWS_LAMBDA_EXEC_WRAPPER: "/opt/w" });
  assert.deepEqual(argv, ["/bin/sh", "-c", 'exec "$0" "$@"', "/opt/w", ...launch.argv]);
});
