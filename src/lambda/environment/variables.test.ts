import assert from "node:assert/strict";
import { test } from "node:test";
import { functionVariables, type VariablesInput } from "./variables.ts";

function variablesOf(runtime: string, environment: Record<string, string> = {}): Record<string, string> {
  const input = {
    version: {
      scope: { accountId: "111111111111", region: "eu-west-1" },
      name: "f",
      version: "$LATEST",
      runtime,
      handler: "index.handler",
      memoryMb: 128,
      environment,
      logging: { logFormat: "Text", logGroup: "/aws/lambda/f" },
    },
    launch: { env: {} },
    credentials: { accessKeyId: "ASIA", secretAccessKey: "secret", sessionToken: "token" },
    logStream: "2026/01/01/[$LATEST]0",
    taskRoot: "/var/task",
    optRoot: "/opt",
    runtimeDir: "/var/runtime",
    runtimeApiAddress: "127.0.0.1:9001",
    endpointUrl: "http://127.0.0.1:4566",
  };
  return functionVariables(input as unknown as VariablesInput);
}

const CASES: readonly [
  runtime: string,
  shell: readonly (string | undefined)[],
  locale: string | undefined,
  path: RegExp,
  execution: string | undefined,
][] = [
  ["nodejs22.x", ["/var/task", "0"], undefined, /^\/var\/lang\/bin:/, "AWS_Lambda_nodejs22.x"],
  ["python3.11", ["/var/task", "0"], undefined, /^\/var\/lang\/bin:/, "AWS_Lambda_python3.11"],
  ["python3.12", ["/var/task", "0"], "C.UTF-8", /^\/var\/lang\/bin:/, "AWS_Lambda_python3.12"],
  ["provided.al2023", [undefined, undefined], undefined, /^\/var\/lang\/bin:/, undefined],
  ["provided.al2", [undefined, undefined], undefined, /^\/usr\/local\/bin:/, undefined],
];

for (const [runtime, shell, locale, path, execution] of CASES) {
  test(`what a function of ${runtime} finds`, () => {
    const found = variablesOf(runtime);
    assert.deepEqual([found["PWD"], found["SHLVL"]], shell);
    assert.equal(found["LC_CTYPE"], locale);
    assert.match(found["PATH"] ?? "", path);
    assert.equal(found["LD_LIBRARY_PATH"]?.startsWith("/var/lang/lib:"), runtime !== "provided.al2");
    assert.equal(found["AWS_EXECUTION_ENV"], execution);
  });
}

test("a function's own variables go before Lambda's defaults and behind its reserved names", () => {
  const found = variablesOf("python3.12", { TZ: "Europe/Berlin", AWS_REGION: "mars-1", MINE: "1" });
  assert.deepEqual([found["TZ"], found["AWS_REGION"], found["MINE"]], ["Europe/Berlin", "eu-west-1", "1"]);
});
