/** Starting where something is in the way: each gives a clear error, and loses nothing. */
import assert from "node:assert/strict";
import { request } from "node:http";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { after, before, describe, test } from "node:test";
import { freePort, ROOT, run, startServer, until, type Ran, type RunningServer } from "./server.ts";

const start = (...flags: string[]): Promise<Ran> =>
  run(process.execPath, [join(ROOT, "bin/lambent.js"), "start", ...flags], { timeoutMs: 20_000 });

let server: RunningServer;
before(async () => {
  server = await startServer();
});
after(async () => {
  await server?.[Symbol.asyncDispose]();
});

describe("a start that is refused", () => {
  test("the port is taken", async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
    const address = taken.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const folder = mkdtempSync(join(tmpdir(), "lambent-port-"));
    const ran = await start("--port", String(port), "--data-dir", folder);
    taken.close();
    rmSync(folder, { recursive: true });
    assert.equal(ran.code, 5, ran.stderr);
    assert.match(ran.stderr, new RegExp(`Port ${String(port)} .*is taken`));
    assert.match(ran.stderr, /→ next:/);
  });

  test("two servers on one data folder", async () => {
    const ran = await start("--port", String(await freePort()), "--data-dir", server.dataDir);
    assert.equal(ran.code, 5, ran.stderr);
    assert.match(ran.stderr, new RegExp(String(server.pid)));
    assert.match(ran.stderr, /→ next:/);
    assert.equal(
      (await fetch(`${server.endpoint}/_lambent/health`)).status,
      200,
      "the first one is not harmed",
    );
  });

  test("a data folder of a newer version", async () => {
    const folder = mkdtempSync(join(tmpdir(), "lambent-newer-"));
    writeFileSync(join(folder, "VERSION"), "999\n");
    const ran = await start("--port", String(await freePort()), "--data-dir", folder);
    rmSync(folder, { recursive: true });
    assert.notEqual(ran.code, 0);
    assert.match(ran.stderr, /newer/);
  });

  test("a data folder that is a file", async () => {
    const folder = mkdtempSync(join(tmpdir(), "lambent-file-"));
    writeFileSync(join(folder, "data"), "");
    const ran = await start("--port", String(await freePort()), "--data-dir", join(folder, "data"));
    rmSync(folder, { recursive: true });
    assert.notEqual(ran.code, 0);
    assert.match(ran.stderr, /data folder|data/);
  });

  test("a public address where nothing is enforced is refused by name", async () => {
    for (const mode of ["off", "warn"]) {
      const open = await start("--host", "0.0.0.0", "--iam", mode);
      assert.equal(open.code, 1);
      assert.match(open.stderr, /0\.0\.0\.0.*--iam enforce/s);
    }
  });
});

describe("who may talk to it", () => {
  function ask(
    headers: Record<string, string>,
    method = "GET",
    path = "/2015-03-31/functions",
  ): Promise<number> {
    return new Promise((resolve, reject) => {
      const sent = request({ host: "127.0.0.1", port: server.port, method, path, headers }, (answer) => {
        answer.resume();
        resolve(answer.statusCode ?? 0);
      });
      sent.once("error", reject);
      sent.end();
    });
  }

  test("a foreign Host or Origin is refused, our own is not", async () => {
    assert.equal(await ask({ host: `evil.example:${String(server.port)}` }), 403);
    assert.equal(
      await ask({ host: `127.0.0.1:${String(server.port)}`, origin: "https://evil.example" }),
      403,
    );
    assert.equal(await ask({ host: `127.0.0.1:${String(server.port)}` }), 200);
    assert.equal(await ask({ host: `localhost:${String(server.port)}` }), 200);
  });

  test("administration needs the token", async () => {
    assert.equal(await ask({}, "POST", "/_lambent/reset"), 401);
    assert.equal(await ask({ authorization: "Bearer wrong" }, "POST", "/_lambent/clock"), 401);
  });

  test("it listens on the loopback address only", async () => {
    const sockets = await run("cat", ["/proc/net/tcp", "/proc/net/tcp6"]);
    const hex = server.port.toString(16).toUpperCase().padStart(4, "0");
    const listening = sockets.stdout
      .split("\n")
      .filter((line) => line.includes(`:${hex} `) && / 0A /.test(line));
    if (process.platform === "linux") assert.ok(listening.length > 0);
    for (const line of listening) assert.match(line, /0100007F:/);
  });
});

test("a stop by signal ends with code 0 and lets the folder go", async () => {
  const folder = mkdtempSync(join(tmpdir(), "lambent-stop-"));
  const first = await startServer({ dataDir: folder });
  assert.equal(await first.stop(), 0);
  const second = await startServer({ dataDir: folder, port: first.port });
  await until("ready again", async () => (await fetch(`${second.endpoint}/_lambent/health`)).status === 200);
  await second[Symbol.asyncDispose]();
});

test("LocalStack's health route names every service that answers", async () => {
  const answer = await fetch(`${server.endpoint}/_localstack/health`);
  const { services } = (await answer.json()) as { services: object };
  const folders = readdirSync(join(ROOT, "src/services"), { withFileTypes: true });
  const served = folders.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  assert.deepEqual(services, Object.fromEntries(served.toSorted().map((name) => [name, "running"])));
});

test("two resets at one time are one, and the server serves after it", { timeout: 60_000 }, async () => {
  await using fresh = await startServer();
  const token = readFileSync(join(fresh.dataDir, "token"), "utf8").trim();
  const reset = (): Promise<Response> =>
    fetch(`${fresh.endpoint}/_lambent/reset`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}` },
    });
  const answers = await Promise.all([reset(), reset(), reset()]);
  assert.deepEqual(
    answers.map(({ status }) => status),
    [200, 200, 200],
  );
  const functions = await fetch(`${fresh.endpoint}/2015-03-31/functions`);
  assert.equal(functions.status, 200);
  assert.deepEqual(await functions.json(), { Functions: [] });
  assert.equal(await fresh.stop(), 0);
});
