import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm, writeFile, chmod } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { SandboxDriver } from "../../src/ports/sandbox-driver.ts";
import {
  ENDPOINT_PORT,
  firstLine,
  OPENERS,
  PYTHON,
  runProgram,
  specOf,
  textOf,
  whyNot,
} from "./sandbox-fixture.ts";
import type { OpenDriver } from "./sandbox-fixture.ts";

const TEST_MS = 20_000;

for (const [name, openDriver] of Object.entries(OPENERS)) {
  const missing = await whyNot(name);
  describe(`sandbox driver ${name}`, { skip: missing, timeout: 120_000 }, () => {
    let opened: OpenDriver;
    let driver: SandboxDriver;
    before(async () => {
      opened = await openDriver();
      driver = opened.driver;
    });
    after(() => opened.close());
    const enforced = (...properties: ("pids" | "tmpSize" | "rootfs")[]): string | false => {
      // Capabilities are known only once it is open, so this is asked inside of tests.
      const lacking = properties.filter((property) => driver.capabilities[property] !== "enforced");
      return lacking.length === 0 ? false : `the driver does not enforce ${lacking.join(", ")}`;
    };

    test("exit code, standard output and error", { timeout: TEST_MS }, async () => {
      const ran = await runProgram(
        driver,
        "import sys; print('out'); print('err', file=sys.stderr); sys.exit(7)",
      );
      assert.deepEqual(ran, {
        stdout: "out\n",
        stderr: "err\n",
        exit: { code: 7, signal: undefined, oomKilled: false },
      });
    });

    test("standard output and error can be opened by name", { timeout: TEST_MS }, async () => {
      const { stdout, stderr } = await runProgram(driver, "", {
        argv: ["/bin/sh", "-c", "echo one > /dev/stdout; echo two > /dev/stderr"],
      });
      assert.deepEqual([stdout, stderr], ["one\n", "two\n"]);
    });

    test("a signal that ended the program", { timeout: TEST_MS }, async () => {
      const { exit } = await runProgram(driver, "import os; os.kill(os.getpid(), 11)");
      assert.deepEqual(exit, { code: undefined, signal: "SIGSEGV", oomKilled: false });
    });

    test("nothing of the server's environment is inside", { timeout: TEST_MS }, async () => {
      const { stdout } = await runProgram(driver, "import os; print(sorted(os.environ))");
      for (const foreign of ["NODE_CHANNEL_FD", "HOME", "NODE_TEST_CONTEXT"])
        assert.ok(!stdout.includes(foreign), stdout);
    });

    test("a program that is not there is an error naming it", { timeout: TEST_MS }, async () => {
      await assert.rejects(driver.create(specOf("", { argv: ["/opt/no-such-program"] })), /no-such-program/);
    });

    test("allocating over the limit is killed and told", { timeout: TEST_MS }, async () => {
      const { exit } = await runProgram(
        driver,
        "import time\nkept=[]\nfor i in range(30):\n  kept.append(bytearray(b'x'*10_000_000)); time.sleep(0.02)\ntime.sleep(10)",
      );
      assert.deepEqual(exit, { code: undefined, signal: "SIGKILL", oomKilled: true });
    });

    test("the limit on processes", { timeout: TEST_MS }, async (t) => {
      const lacking = enforced("pids");
      if (lacking !== false) return t.skip(lacking);
      const { stdout } = await runProgram(
        driver,
        "import os,time\nn=0\ntry:\n  for i in range(200):\n    if os.fork()==0: time.sleep(30); os._exit(0)\n    n+=1\nexcept OSError as e: print(n, e.errno)",
      );
      assert.equal(stdout, "63 11\n");
    });

    test("limits and folders look as on Lambda", { timeout: TEST_MS }, async (t) => {
      const lacking = enforced("rootfs");
      if (lacking !== false) return t.skip(lacking);
      const program = `import resource, os, stat
for name in ('CORE', 'MEMLOCK', 'NOFILE', 'NPROC', 'STACK', 'AS', 'FSIZE'):
  print(name, *resource.getrlimit(getattr(resource, 'RLIMIT_' + name)))
for path in ('/tmp', '/var/task', '/opt', '/lambda-entrypoint.sh'):
  about = os.stat(path)
  print(path, stat.filemode(about.st_mode), about.st_uid == 0 or os.getuid() == 993)`;
      const limits = { memoryMb: 128, cpus: 1, pids: 742, tmpMb: 512, openFiles: 1024 };
      const { stdout } = await runProgram(driver, program, { limits });
      const handled = (await readFile("/proc/sys/kernel/core_pattern", "utf8")).startsWith("|");
      const core = handled ? "1 1" : "10737418240 10737418240";
      // Without root the two processes around the program count, too.
      const processes = process.getuid?.() === 0 ? "742 742" : "744 744";
      assert.deepEqual(stdout.trim().split("\n"), [
        `CORE ${core}`,
        "MEMLOCK 65536 65536",
        "NOFILE 1024 1024",
        `NPROC ${processes}`,
        "STACK 8388608 -1",
        "AS -1 -1",
        "FSIZE -1 -1",
        "/tmp drwxrwxrwt True",
        "/var/task drwxr-xr-x True",
        "/opt drwxr-xr-x True",
        "/lambda-entrypoint.sh -rwxr-xr-x True",
      ]);
    });

    test("a smaller function lowers the limit of a pooled process", { timeout: TEST_MS }, async (t) => {
      const lacking = enforced("pids", "rootfs");
      if (lacking !== false) return t.skip(lacking);
      const program = `import resource, time
while resource.getrlimit(resource.RLIMIT_NPROC)[1] > 100: time.sleep(0.005)
print(*resource.getrlimit(resource.RLIMIT_NPROC))`;
      const { limits } = specOf("");
      const sandbox = await driver.create(specOf(program, { limits: { ...limits, pids: 500 } }));
      await sandbox.setLimits({ ...limits, pids: 20 });
      const expected = process.getuid?.() === 0 ? "20 20\n" : "22 22\n";
      assert.equal(await textOf(sandbox.stdout), expected);
    });

    test("/tmp holds its size and no more, and does not count as memory", { timeout: TEST_MS }, async (t) => {
      const lacking = enforced("tmpSize");
      if (lacking !== false) return t.skip(lacking);
      const { stdout, exit } = await runProgram(
        driver,
        "n=0\ntry:\n  f=open('/tmp/big','wb',0)\n  for i in range(600): f.write(b'x'*1048576); n+=1\nexcept OSError as e: print(e.errno, 500 < n < 530)",
      );
      assert.equal(stdout, "28 True\n");
      assert.equal(exit.oomKilled, false);
    });

    test("stats tell what is used", { timeout: TEST_MS }, async () => {
      const sandbox = await driver.create(
        specOf(
          "import os,time\nopen(os.environ.get('TMPDIR','/tmp')+'/x','wb').write(b'x'*5_000_000)\nif os.fork()==0: time.sleep(60)\nkept=bytearray(b'x'*30_000_000)\nprint('up', flush=True); time.sleep(60)",
        ),
      );
      await firstLine(sandbox);
      const stats = await sandbox.stats();
      assert.equal(stats.pids, 2);
      assert.ok(stats.memoryBytes > 30_000_000 && stats.memoryBytes < 100_000_000, String(stats.memoryBytes));
      assert.ok(stats.peakMemoryBytes >= stats.memoryBytes);
      assert.ok(stats.cpuNs > 0);
      const seesTmp = driver.capabilities.tmpSize !== "none";
      assert.equal(stats.tmpBytes >= 5_000_000, seesTmp, String(stats.tmpBytes));
      await sandbox.kill();
    });

    test("a frozen program does not advance; a thawed one does", { timeout: TEST_MS }, async () => {
      const sandbox = await driver.create(
        specOf(
          "import time\nprint('up', flush=True)\nn=0\nwhile True:\n  n+=1; print(n, flush=True); time.sleep(0.001)",
        ),
      );
      let received = 0;
      sandbox.stdout.on("data", (part: Buffer) => (received += part.length));
      await once(sandbox.stdout, "data");
      await sandbox.freeze();
      const cpuFrozen = (await sandbox.stats()).cpuNs;
      await new Promise((resolve) => setTimeout(resolve, 100));
      assert.equal((await sandbox.stats()).cpuNs, cpuFrozen, "no processor time while frozen");
      const before = received;
      await sandbox.thaw();
      await once(sandbox.stdout, "data");
      assert.ok(received > before);
      await sandbox.freeze();
      assert.equal((await sandbox.kill()).signal, "SIGKILL", "a frozen one can be killed");
    });

    test("a late mount is visible, and read-only where the root is", { timeout: TEST_MS }, async () => {
      const folder = await mkdtemp(join(tmpdir(), "lambent-attach-"));
      await chmod(folder, 0o755);
      await writeFile(join(folder, "code.txt"), "late");
      const sandbox = await driver.create(
        specOf(
          "import socket\nc=socket.socket(fileno=3)\nc.send(b'ready')\np=c.recv(500).decode()\nprint(open(p+'/code.txt').read())\ntry: open(p+'/new','w'); print('written')\nexcept OSError as e: print('refused')",
          { channel: true },
        ),
      );
      const output = textOf(sandbox.stdout);
      assert.ok(sandbox.channel !== undefined);
      const [hello] = (await once(sandbox.channel, "data")) as [Buffer];
      assert.equal(hello.toString(), "ready");
      await sandbox.attach([{ source: folder, target: "/var/task" }]);
      sandbox.channel.write(sandbox.path("/var/task"));
      // A plain process of the same user as the server has the server's rights.
      const ownRights = driver.name === "process" && process.getuid?.() !== 0;
      assert.equal(await output, `late\n${ownRights ? "written" : "refused"}\n`);
      await sandbox.exited;
      await rm(folder, { recursive: true });
    });

    test("the Runtime API and the endpoint answer from inside", { timeout: TEST_MS }, async () => {
      const sandbox = await driver.create(
        specOf(
          "import os,sys,socket\nfor a in sys.stdin and [os.environ['AWS_LAMBDA_RUNTIME_API']] + os.environ['ALSO'].split():\n  h,p=a.split(':'); s=socket.create_connection((h,int(p))); s.send(b'GET /x HTTP/1.0\\r\\n\\r\\n'); print(s.makefile().read().split('\\n')[-1])",
          {
            env: {
              AWS_LAMBDA_RUNTIME_API: "127.0.0.1:9001",
              ALSO: driver.name === "process" ? "" : `127.0.0.1:${ENDPOINT_PORT}`,
            },
          },
        ),
      );
      const answers = (text: string): ReturnType<typeof createServer> =>
        createServer((_request, response) => void response.end(text));
      const api = answers("the api");
      const endpoint = answers("the endpoint");
      sandbox.runtimeApi.on("connection", (socket) => api.emit("connection", socket));
      sandbox.endpoint?.on("connection", (socket) => endpoint.emit("connection", socket));
      assert.equal(
        await textOf(sandbox.stdout),
        driver.name === "process" ? "the api\n" : "the api\nthe endpoint\n",
      );
      await sandbox.exited;
    });

    test(
      "stop lets the program end by itself, and kills one that does not",
      { timeout: TEST_MS },
      async () => {
        const handler =
          "import signal,sys,time\nsignal.signal(15, lambda *a: sys.exit(3))\nprint('up', flush=True)\ntime.sleep(60)";
        const kind = await driver.create(specOf(handler));
        await firstLine(kind);
        assert.equal((await kind.stop(10_000)).code, 3);
        const stubborn = await driver.create(
          specOf(handler.replace("lambda *a: sys.exit(3)", "signal.SIG_IGN")),
        );
        await firstLine(stubborn);
        assert.equal((await stubborn.stop(50)).signal, "SIGKILL");
      },
    );

    test("kill leaves no process, also of those that ran away", { timeout: TEST_MS }, async () => {
      const marker = `runaway-${process.pid}-${name}`;
      const sandbox = await driver.create(
        specOf(
          `import os,sys,time\nif os.fork()==0:\n  os.setsid()\n  if os.fork()==0: os.execv('${PYTHON}', ['${PYTHON}','-S','-c','import time; print("up", flush=True); time.sleep(60)','${marker}'])\n  os._exit(0)\ntime.sleep(60)`,
        ),
      );
      await firstLine(sandbox);
      assert.equal((await processesWith(marker)).length, 2, "the program and the one that ran away");
      const exit = await sandbox.kill();
      assert.deepEqual(exit, { code: undefined, signal: "SIGKILL", oomKilled: false });
      assert.deepEqual(await processesWith(marker), []);
      assert.deepEqual(await sandbox.kill(), exit, "asked again after the end");
      await sandbox.freeze();
      await sandbox.attach([]);
    });

    test("the size of a running sandbox can be changed", { timeout: TEST_MS }, async (t) => {
      const lacking = enforced("tmpSize");
      if (lacking !== false) return t.skip(lacking);
      const sandbox = await driver.create(
        specOf(
          "import os,socket\nc=socket.socket(fileno=3)\nc.recv(9)\nkept=bytearray(b'x'*200_000_000)\ns=os.statvfs('/tmp')\nprint(s.f_blocks*s.f_frsize > 600e6)",
          { channel: true },
        ),
      );
      const output = textOf(sandbox.stdout);
      await sandbox.setLimits({ memoryMb: 512, cpus: 0.5, pids: 64, tmpMb: 600, openFiles: 1024 });
      sandbox.channel?.write("go");
      assert.equal(await output, "True\n");
      assert.equal((await sandbox.exited).oomKilled, false);
    });
  });
}

describe(
  "a server that is killed",
  { skip: process.getuid?.() === 0 ? false : "needs root", timeout: TEST_MS },
  () => {
    test("takes its sandboxes along, and the next one removes the rest", async () => {
      const marker = `orphan-${process.pid}`;
      const folder = await mkdtemp(join(tmpdir(), "lambent-orphan-"));
      const here = import.meta.dirname;
      const script = `
      import { OPENERS, specOf, firstLine } from "${here}/sandbox-fixture.ts";
      const { driver } = await OPENERS.namespaces();
      const sandbox = await driver.create(specOf("print('up', flush=True); import time; time.sleep(60) # ${marker}"));
      await firstLine(sandbox);
      console.log("up");
    `;
      const server = spawn(process.execPath, ["--input-type=module-typescript", "-e", script], {
        stdio: ["ignore", "pipe", "inherit"],
        cwd: folder,
      });
      await once(server.stdout, "data");
      const inside = (line: string): boolean => !line.includes("input-type");
      assert.equal((await processesWith(marker)).filter(inside).length, 1);
      server.kill("SIGKILL");
      await once(server, "exit");
      while ((await processesWith(marker)).length > 0) await new Promise((resolve) => setTimeout(resolve, 5));
      const opened = await OPENERS["namespaces"]?.();
      assert.ok(opened !== undefined);
      const swept = await opened.driver.sweep();
      assert.ok(swept.length >= 1, "the groups of the dead server were found");
      assert.deepEqual(await opened.driver.sweep(), []);
      await opened.close();
      await rm(folder, { recursive: true });
    });
  },
);

/** Command lines of the processes of this machine that contain `text`. */
async function processesWith(text: string): Promise<string[]> {
  const found: string[] = [];
  for (const pid of await readdir("/proc")) {
    if (!/^\d+$/.test(pid) || pid === String(process.pid)) continue;
    const line = await readFile(`/proc/${pid}/cmdline`, "latin1").catch(() => "");
    if (line.includes(text)) found.push(line);
  }
  return found;
}
