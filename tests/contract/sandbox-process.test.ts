import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { chmod, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { createProcessDriver } from "../../src/adapters/sandbox/index.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import { silentLogger } from "../../src/kernel/log.ts";
import type { SandboxDriver } from "../../src/ports/sandbox-driver.ts";
import { firstLine, OPENERS, PYTHON, runProgram, specOf } from "./sandbox-fixture.ts";

const skip =
  process.platform !== "linux"
    ? "connections are checked on Linux only"
    : existsSync(PYTHON)
      ? false
      : `${PYTHON} is not here`;

test("a stranger on this machine cannot speak to a Runtime API", { skip, timeout: 20_000 }, async (t) => {
  const opened = await OPENERS["process"]?.();
  assert.ok(opened !== undefined);
  t.after(() => opened.close());
  const connecting =
    "import os,socket,time\nh,p=os.environ['AWS_LAMBDA_RUNTIME_API'].split(':')\ntime.sleep(0.05)\ns=socket.create_connection((h,int(p))); print(s.recv(9).decode(), flush=True); time.sleep(60)";
  const sandbox = await opened.driver.create(specOf(connecting));
  let admitted = 0;
  sandbox.runtimeApi.on("connection", (socket) => {
    admitted++;
    socket.end("welcome");
  });
  assert.equal(await firstLine(sandbox), "welcome");
  assert.equal(admitted, 1);

  const [host = "", port] = sandbox.runtimeApiAddress.split(":");
  const stranger = connect(Number(port), host);
  stranger.on("error", () => undefined);
  let heard = "";
  stranger.on("data", (part: Buffer) => (heard += part.toString()));
  stranger.write("GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\n\r\n");
  // Not `once`, which takes a reset for a failure.
  await new Promise((resolve) => stranger.on("close", resolve));
  assert.equal(heard, "");
  assert.equal(admitted, 1, "the stranger was not let in");

  // A neighbour neither: the address of the first, in the hands of the second.
  const neighbour = await opened.driver.create(
    specOf(
      `import socket\ns=socket.create_connection(('127.0.0.1',${port ?? ""}))\ntry: print(s.recv(9) or 'closed')\nexcept OSError: print('closed')`,
    ),
  );
  assert.equal(await firstLine(neighbour), "closed");
  assert.equal(admitted, 1, "the neighbour was not let in");
  await sandbox.kill();
  await neighbour.exited;
});

test(
  "what a killed server left is swept; what a living one has is not",
  { skip, timeout: 20_000 },
  async (t) => {
    const folder = await mkdtemp(path.join(tmpdir(), "lambent-left-"));
    await chmod(folder, 0o755);
    t.after(() => rm(folder, { recursive: true, force: true }));
    const here = import.meta.dirname;
    const script = `
    import { createProcessDriver } from "${here}/../../src/adapters/sandbox/index.ts";
    import { systemClock } from "${here}/../../src/kernel/clock.ts";
    import { silentLogger } from "${here}/../../src/kernel/log.ts";
    import { specOf, firstLine } from "${here}/sandbox-fixture.ts";
    const driver = await createProcessDriver({ dataDir: ${JSON.stringify(folder)}, log: silentLogger, clock: systemClock() });
    const sandbox = await driver.create(specOf("import os,time\\nchild=os.fork()\\nif child==0: os.setsid()\\nelse: print(os.getpid(), child, flush=True)\\ntime.sleep(60)"));
    console.log(await firstLine(sandbox));
  `;
    const server = spawn(process.execPath, ["--input-type=module-typescript", "-e", script], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const [line] = (await once(server.stdout, "data")) as [Buffer];
    const [pid = 0, child = 0] = line.toString().split(" ").map(Number);
    assert.ok(pid > 1);

    const driver = await createProcessDriver({ dataDir: folder, log: silentLogger, clock: systemClock() });
    assert.deepEqual(await driver.sweep(), [], "its server lives");
    assert.equal(await isAlive(pid), true);
    server.kill("SIGKILL");
    await once(server, "exit");
    // Also what has left its group, and before anybody sweeps.
    while (await isAlive(pid)) await new Promise((resolve) => setTimeout(resolve, 5));
    while (await isAlive(child)) await new Promise((resolve) => setTimeout(resolve, 5));
    assert.equal((await driver.sweep()).length, 1);
    assert.deepEqual(await readdir(path.join(folder, "process-tmp")), []);
    await driver.close();
  },
);

/** A driver that looks often. */
async function watchful(t: { after(fn: () => Promise<void>): void }): Promise<SandboxDriver> {
  const folder = await mkdtemp(path.join(tmpdir(), "lambent-watched-"));
  await chmod(folder, 0o755);
  const driver = await createProcessDriver({
    dataDir: folder,
    log: silentLogger,
    clock: systemClock(),
    watchMs: 20,
    tmpWatchMs: 20,
  });
  t.after(async () => {
    await driver.close();
    await rm(folder, { recursive: true, force: true });
  });
  return driver;
}

test(
  "a function over the size of /tmp is killed; a single file cannot pass it",
  { skip, timeout: 20_000 },
  async (t) => {
    const driver = await watchful(t);
    const limits = { memoryMb: 128, cpus: 1, pids: 64, tmpMb: 4, openFiles: 1024 };
    const hoard =
      "import os,time\nd=os.environ['TMPDIR']\nfor i in range(6): open(d+'/'+str(i),'wb').write(b'x'*1000000)\ntime.sleep(60)";
    const { exit } = await runProgram(driver, hoard, { limits });
    assert.deepEqual([exit.signal, exit.oomKilled], ["SIGKILL", false]);
    const large =
      "import os\ntry: f=open(os.environ['TMPDIR']+'/x','wb',0); [f.write(b'x'*1000000) for i in range(9)]\nexcept OSError as e: print(e.errno)";
    const ran = await runProgram(driver, large, { limits: { ...limits, tmpMb: 2 } });
    assert.ok(ran.stdout === "27\n" || ran.exit.signal === "SIGKILL", JSON.stringify(ran));
  },
);

test(
  "too many processes are refused as root, and end the function otherwise",
  { skip, timeout: 20_000 },
  async (t) => {
    const driver = await watchful(t);
    const limits = { memoryMb: 512, cpus: 1, pids: 8, tmpMb: 512, openFiles: 1024 };
    const program =
      "import os,time\nn=0\ntry:\n  for i in range(40):\n    if os.fork()==0: time.sleep(60); os._exit(0)\n    n+=1\nexcept OSError as e: print(n, e.errno, flush=True); os.killpg(0, 9)\ntime.sleep(60)";
    const ran = await runProgram(driver, program, { limits });
    assert.equal(driver.capabilities.pids, process.getuid?.() === 0 ? "enforced" : "watchdog");
    assert.equal(ran.stdout, driver.capabilities.pids === "enforced" ? "7 11\n" : "");
    assert.equal(ran.exit.signal, "SIGKILL");
  },
);

async function isAlive(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, "latin1").catch(() => "");
  return stat !== "" && !/\) [ZX] /.test(stat);
}
