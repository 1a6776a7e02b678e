/**
 * The command line as a process of its own, against the administrative routes over a server that is
 * made up: exit codes, standard output against standard error, JSON, next steps.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { createAdminRoutes, type AdminDeps } from "../../src/app/admin-routes.ts";
import { RecentHints } from "../../src/app/recent-hints.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import { silentLogger } from "../../src/kernel/log.ts";

const LAUNCHER = join(dirname(dirname(dirname(fileURLToPath(import.meta.url)))), "bin/lambent.js");
const ESCAPE = "\u001B";

interface Result {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

interface Site {
  readonly dataDir: string;
  readonly endpoint: string;
  readonly seen: string[];
  lambent(args: readonly string[], env?: Readonly<Record<string, string>>): Promise<Result>;
}

function run(args: readonly string[], env: Readonly<Record<string, string>>): Promise<Result> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [LAUNCHER, ...args], {
      env: { PATH: process.env["PATH"] ?? "", HOME: env["LAMBENT_DATA_DIR"] ?? "/", ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let out = "";
    let err = "";
    child.stdout.on("data", (chunk: Buffer) => (out += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (err += chunk.toString()));
    child.once("close", (code) => resolve({ code, out, err }));
  });
}

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), "lambent-cli-"));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

async function site(t: TestContext, changes: Partial<AdminDeps> = {}): Promise<Site> {
  const dataDir = folder(t);
  const seen: string[] = [];
  const clock = systemClock();
  const routes = createAdminRoutes({
    token: "t0ken",
    version: "0.0.0",
    clock,
    hints: new RecentHints(clock),
    advance: async (ms) => clock.advance(ms),
    log: silentLogger,
    services: () => ["lambda"],
    state: () => "ready",
    status: async () => ({
      version: "0.0.0",
      pid: process.pid,
      startedAt: 0,
      clockAheadMs: 0,
      rssBytes: 96 * 1024 * 1024,
      counts: { functions: 4 },
      environments: { busy: 1, idle: 2, pooled: 3 },
      queue: [{ functionName: "slow", depth: 7, oldestAgeMs: 65_000 }],
    }),
    mails: async () => [],
    runtimes: async () => [
      {
        runtime: "python3.12",
        available: true,
        exact: false,
        actual: "Python 3.11.7",
        path: "/usr/bin/python3",
        sdk: true,
        hint: "lambent runtimes add python3.12",
      },
    ],
    addRuntime: () => Promise.reject(new Error("nothing to install from")),
    doctor: () => Promise.reject(new Error("not in this test")),
    reset: async () => void seen.push("reset"),
    tail: () => () => undefined,
    stop: () => void seen.push("stop"),
    ...changes,
  });
  const server = createServer((request, response) => {
    seen.push(`${request.method ?? ""} ${request.url ?? ""}`);
    if (!routes(request, response, { fromSandbox: false })) response.writeHead(418).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const port = (server.address() as AddressInfo).port;
  const endpoint = `http://127.0.0.1:${String(port)}`;
  writeFileSync(
    join(dataDir, "server.json"),
    JSON.stringify({ pid: process.pid, port, endpoint, startedAt: 0, version: "0.0.0" }),
  );
  writeFileSync(join(dataDir, "token"), "t0ken\n");
  return {
    dataDir,
    endpoint,
    seen,
    lambent: (args, env) => run(args, { LAMBENT_DATA_DIR: dataDir, ...env }),
  };
}

test("status: one readable line, and all of it as JSON", async (t) => {
  const { lambent, endpoint } = await site(t);
  const text = await lambent(["status"]);
  assert.equal(text.code, 0);
  assert.match(text.out, /functions 4 {2}environments 1 busy, 2 idle, 3 pooled {2}queued 7/);
  assert.match(text.out, /slow: 7 queued, oldest 65\.00 s/);
  assert.ok(!text.out.includes(ESCAPE), "no colour into a pipe");
  const parsed = JSON.parse((await lambent(["status", "--json"])).out) as Record<string, unknown>;
  assert.equal(parsed["running"], true);
  assert.equal(parsed["endpoint"], endpoint);
});

test("colour where it is forced, never against NO_COLOR", async (t) => {
  const { lambent } = await site(t);
  assert.ok((await lambent(["status"], { FORCE_COLOR: "1" })).out.startsWith(`${ESCAPE}[32mrunning`));
  assert.ok(!(await lambent(["status"], { FORCE_COLOR: "1", NO_COLOR: "1" })).out.includes(ESCAPE));
});

test("without a server every command says so, with code 2 and the next step", async (t) => {
  const dataDir = folder(t);
  for (const args of [
    ["status"],
    ["stop"],
    ["env"],
    ["invoke", "f"],
    ["logs"],
    ["runtimes"],
    ["clock"],
    ["aws", "s3", "ls"],
  ]) {
    const result = await run(args, { LAMBENT_DATA_DIR: dataDir });
    assert.equal(result.code, 2, args.join(" "));
    assert.match(result.err, /→ next: (npx )?lambent start/, args.join(" "));
  }
});

test("a server.json left behind by a dead process is not a server", async (t) => {
  const dataDir = folder(t);
  const dead = await new Promise<number>((resolve) => {
    const child = spawn(process.execPath, ["-e", ""]);
    child.once("exit", () => resolve(child.pid ?? 0));
  });
  writeFileSync(
    join(dataDir, "server.json"),
    JSON.stringify({ pid: dead, port: 1, endpoint: "http://127.0.0.1:1", startedAt: 0, version: "0" }),
  );
  assert.equal((await run(["status"], { LAMBENT_DATA_DIR: dataDir })).code, 2);
});

test("clock advance moves the server's clock", async (t) => {
  const { lambent } = await site(t);
  const moved = JSON.parse((await lambent(["clock", "advance", "2m", "--json"])).out) as { offsetMs: number };
  assert.equal(moved.offsetMs, 120_000);
  assert.match((await lambent(["clock"])).out, /120\.00 s|2 m ahead/);
  const wrong = await lambent(["clock", "advance", "soon"]);
  assert.equal(wrong.code, 1);
  assert.match(wrong.err, /"soon" is not a duration[^]*→ next: write it like/);
});

test("reset asks before it deletes, and cannot ask without a terminal", async (t) => {
  const { lambent, seen } = await site(t);
  const refused = await lambent(["reset"]);
  assert.equal(refused.code, 1);
  assert.match(refused.err, /→ next: (npx )?lambent reset --yes/);
  assert.equal(seen.includes("reset"), false);
  assert.equal((await lambent(["reset", "--yes"])).code, 0);
  assert.equal(seen.includes("reset"), true);
});

test("runtimes: a table, JSON, and a failure with its code", async (t) => {
  const { lambent } = await site(t);
  assert.match(
    (await lambent(["runtimes"])).out,
    /python3\.12 +≈ +Python 3\.11\.7 +✓ +(npx )?lambent runtimes add/,
  );
  const listed = JSON.parse((await lambent(["runtimes", "list", "--json"])).out) as unknown[];
  assert.equal(listed.length, 1);
  const failed = await lambent(["runtimes", "add", "java21", "--json"]);
  assert.equal(failed.code, 5);
  assert.equal(
    (JSON.parse(failed.err.trim().split("\n").at(-1) ?? "") as { error: string }).error,
    "nothing to install from",
  );
});

test("a wrong token is told, and an unreachable server too", async (t) => {
  const { dataDir, lambent } = await site(t);
  writeFileSync(join(dataDir, "token"), "other");
  const refused = await lambent(["clock"]);
  assert.equal(refused.code, 1);
  assert.match(refused.err, /token/);
  writeFileSync(
    join(dataDir, "server.json"),
    JSON.stringify({ pid: process.pid, port: 1, endpoint: "http://127.0.0.1:1", startedAt: 0, version: "0" }),
  );
  const gone = await lambent(["clock"]);
  assert.equal(gone.code, 2);
  assert.match(gone.err, /→ next: (npx )?lambent doctor/);
});

test("env can be evaluated by a shell", async (t) => {
  const { dataDir, endpoint } = await site(t);
  const script = `eval "$(${process.execPath} ${LAUNCHER} env --data-dir ${dataDir})" && printf '%s %s' "$AWS_ENDPOINT_URL" "\${AWS_PROFILE-unset}" && cat "$AWS_CONFIG_FILE"`;
  const output = await new Promise<string>((resolve) => {
    const child = spawn("/bin/sh", ["-c", script], {
      env: { PATH: process.env["PATH"] ?? "", HOME: dataDir, AWS_PROFILE: "real" },
    });
    let out = "";
    child.stdout.on("data", (chunk: Buffer) => (out += chunk.toString()));
    child.once("close", () => resolve(out));
  });
  assert.match(output, new RegExp(`^${endpoint} unset`));
  assert.match(output, /cli_binary_format = raw-in-base64-out/);
});

test("mistakes have code 1 and a next step", async (t) => {
  const { lambent } = await site(t);
  for (const args of [
    ["nosuch"],
    ["invoke"],
    ["start", "--port", "x"],
    ["start", "--iam", "maybe"],
    ["start", "--host", "0.0.0.0"],
    ["env", "--shell", "csh"],
  ]) {
    const result = await lambent(args);
    assert.equal(result.code, 1, args.join(" "));
    assert.match(result.err, /→ next: /, args.join(" "));
  }
});

test("limits needs no server", async (t) => {
  const result = await run(["limits", "--json"], { LAMBENT_DATA_DIR: folder(t) });
  const rows = JSON.parse(result.out) as { id: string; awsDefault: string }[];
  assert.equal(rows.find((row) => row.id === "async-payload")?.awsDefault, "1 MB");
});

test("a mistake in a command's words points at that command's help", async (t) => {
  const { lambent } = await site(t);
  for (const [args, help] of [
    [["clock", "reset"], "clock --help"],
    [["invoke"], "invoke --help"],
    [["clock", "advance", "-5m"], "clock --help"],
    [["nosuch"], "--help"],
  ] as const) {
    const result = await lambent(args);
    assert.equal(result.code, 1);
    assert.match(result.err, new RegExp(`→ next: (npx )?lambent ${help}`), args.join(" "));
  }
  assert.match((await lambent(["clock", "--help"])).out, /Time never goes back/);
});
