import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { SandboxDriver } from "../../src/ports/sandbox-driver.ts";
import { firstLine, OPENERS, runProgram, specOf, whyNot } from "../contract/sandbox-fixture.ts";
import type { OpenDriver } from "../contract/sandbox-fixture.ts";

/** Each probe is tried in turn; `got` lists those that worked. */
const TRY_ALL = `
import os, socket, ctypes, errno, sys, time
libc = ctypes.CDLL(None, use_errno=True)
got = []
def attempt(name, work):
    try:
        if work() is not False: got.append(name)
    except (OSError, ValueError): pass
def call(number, *args):
    # Asking is answered with an error whatever the arguments are, where the call is denied.
    ctypes.set_errno(0)
    result = libc.syscall(number, *args)
    return result != -1 or ctypes.get_errno() not in (errno.EPERM, errno.ENOSYS, errno.EACCES)
`;
const REPORT = "\nprint(got)\n";

const FILES = `
for f in ['/etc/shadow','/root','/home','/work','/var/log','/sys','/proc/1/environ','/proc/1/root','/proc/1/cwd','/proc/1/fd','/proc/kcore','/proc/kmsg','/dev/mem','/dev/loop0','/dev/sda','/dev/vda','/proc/sys/kernel/core_pattern.x', HOST]:
    attempt('read '+f, lambda: os.listdir(f) != [] if os.path.isdir(f) else open(f,'rb').read(1) != b'')
for f in ['/usr/x','/x','/etc/x','/var/task/x','/opt/x','/dev/x','/proc/sys/kernel/hostname','/etc/hosts','/proc/sysrq-trigger','/proc/sys/kernel/core_pattern','/proc/self/mem.x']:
    attempt('write '+f, lambda: open(f,'w').write('x'))
attempt('mknod', lambda: os.mknod('/tmp/disk', 0o60600, os.makedev(7, 0)))
attempt('chown', lambda: os.chown('/tmp', 0, 0))
`;

const PROCESSES = `
seen = [p for p in os.listdir('/proc') if p.isdigit()]
if len(seen) > 3: got.append('sees '+str(seen))
attempt('kill 1', lambda: os.kill(1, 9))
attempt('kill the server', lambda: os.kill(SERVER, 0))
attempt('setuid 0', lambda: os.setuid(0))
attempt('setgid 0', lambda: os.setgid(0))
attempt('setgroups', lambda: os.setgroups([0]))
attempt('nice', lambda: os.nice(-5))
`;

/** x86-64 numbers; on other machines the kernel surface is covered by the self-test. */
const KERNEL = `
calls = dict(mount=165, umount2=166, pivot_root=155, chroot=161, unshare=272, setns=308, ptrace=101, process_vm_readv=310,
  bpf=321, perf_event_open=298, userfaultfd=323, keyctl=250, add_key=248, request_key=249, kexec_load=246, init_module=175,
  finit_module=313, delete_module=176, reboot=169, swapon=167, acct=163, quotactl=179, settimeofday=164, syslog=103,
  name_to_handle_at=303, open_by_handle_at=304, fanotify_init=300, io_uring_setup=425, io_uring_enter=426, open_tree=428,
  move_mount=429, fsopen=430, fsmount=432, mount_setattr=442, pidfd_getfd=438, clone3=435, memfd_secret=447, iopl=172,
  ioperm=173, modify_ldt=154, sethostname=170, kcmp=312, migrate_pages=256, move_pages=279)
for name, number in calls.items(): attempt(name, lambda: call(number, 0, 0, 0, 0, 0, 0))
for flag, name in [(0x10000000,'user'),(0x20000,'mnt'),(0x40000000,'net'),(0x20000000,'pid'),(0x02000000,'cgroup')]:
    attempt('clone '+name, lambda: call(56, flag|17, 0, 0, 0, 0))
attempt('x32', lambda: call(0x40000000 | 39))
attempt('personality', lambda: call(135, 0x0008))
attempt('TIOCSTI', lambda: call(16, 0, 0x5412, b'x'))
for family, kind in [(17,3),(40,1),(38,5),(16,3),(2,3),(10,3),(31,3),(44,3),(29,3)]:
    protocol = 12 if family == 16 else 1 if kind == 3 else 0
    attempt('socket %d' % family, lambda: socket.socket(family, kind, protocol))
`;

const NETWORK = `
def connects(address):
    s = socket.socket(socket.AF_INET6 if ':' in address[0] else socket.AF_INET); s.settimeout(1); s.connect(address)
for address in TARGETS: attempt('connect %s:%d' % address, lambda: connects(tuple(address)))
def abstract():
    s = socket.socket(socket.AF_UNIX); s.connect('\\0lambent-escape-probe')
attempt('abstract socket', abstract)
`;

for (const [name, openDriver] of Object.entries(OPENERS)) {
  const missing = name === "process" ? "this driver claims no isolation" : await whyNot(name);
  describe(`escaping from the ${name} driver`, { skip: missing, timeout: 120_000 }, () => {
    let opened: OpenDriver;
    let driver: SandboxDriver;
    let folder: string;
    before(async () => {
      opened = await openDriver();
      driver = opened.driver;
      folder = await mkdtemp(join(tmpdir(), "lambent-escape-"));
      await writeFile(join(folder, "secret"), "a file of the host", { mode: 0o644 });
    });
    after(async () => {
      await opened.close();
      await rm(folder, { recursive: true });
    });

    async function attempts(program: string): Promise<string> {
      const { stdout, stderr } = await runProgram(driver, TRY_ALL + program + REPORT);
      assert.equal(stderr, "");
      return stdout.trim();
    }

    test("the probes can succeed: what a function may do is seen as done", async () => {
      const found = await attempts(
        "attempt('tmp', lambda: open('/tmp/x','w').write('x'))\nattempt('getpid', lambda: call(39))",
      );
      assert.equal(found, "['tmp', 'getpid']");
    });

    test("files of the host and read-only places", async () => {
      assert.equal(await attempts(`HOST=${JSON.stringify(join(folder, "secret"))}${FILES}`), "[]");
    });

    test("processes and privileges", async () => {
      assert.equal(await attempts(`SERVER=${process.pid}${PROCESSES}`), "[]");
    });

    test(
      "kernel calls and socket families",
      { skip: process.arch !== "x64" ? "numbers are of x64" : false },
      async () => {
        assert.equal(await attempts(KERNEL), "[]");
      },
    );

    test("the host's network, a neighbour's Runtime API, metadata", async () => {
      const host = createServer(() => undefined);
      await new Promise<void>((resolve) => host.listen(0, "127.0.0.1", resolve));
      const port = (host.address() as AddressInfo).port;
      const targets = [
        ["127.0.0.1", port],
        ["169.254.169.254", 80],
        ["169.254.170.2", 80],
        ["::1", port],
      ];
      const neighbour = await driver.create(specOf("import time; print('up', flush=True); time.sleep(30)"));
      await firstLine(neighbour);
      let strangers = 0;
      neighbour.runtimeApi.on("connection", () => strangers++);
      const found = await attempts(
        `import json\nTARGETS=[tuple(x) for x in json.loads('${JSON.stringify(targets)}')]${NETWORK}`,
      );
      assert.equal(found, "[]");
      const own = await runProgram(
        driver,
        "import socket\ns=socket.create_connection(('127.0.0.1',9001)); print('own')",
      );
      assert.equal(own.stdout, "own\n");
      assert.equal(strangers, 0, "9001 inside is one's own");
      await neighbour.kill();
      host.close();
    });

    test("a neighbour's /tmp", async () => {
      const one = await driver.create(
        specOf("import time; open('/tmp/mine','w').write('secret'); print('up', flush=True); time.sleep(30)"),
      );
      await firstLine(one);
      const { stdout } = await runProgram(driver, "import os; print(os.listdir('/tmp'))");
      assert.equal(stdout, "[]\n");
      await one.kill();
    });

    const HOGS: Readonly<Record<string, string>> = {
      "anonymous memory": "x=[]\nfor i in range(40): x.append(bytearray(b'x'*10_000_000))",
      memfd: "import os\nf=os.memfd_create('x')\nfor i in range(40): os.write(f, b'x'*10_000_000)",
      "/dev/shm":
        "try:\n  f=open('/dev/shm/x','wb',0)\n  for i in range(40): f.write(b'x'*10_000_000)\nexcept OSError: pass",
      forks:
        "import os,time\nfor i in range(1500):\n  try:\n    if os.fork()==0: time.sleep(20); os._exit(0)\n  except OSError: break",
      "inodes of /tmp": "try:\n  for i in range(60000): open('/tmp/%d'%i,'w').close()\nexcept OSError: pass",
      "open files":
        "import os\nk=[]\ntry:\n  for i in range(5000): k.append(os.open('/dev/null',0))\nexcept OSError: pass\nassert len(k)<1024",
      pipes:
        "import os,fcntl\nk=[]\ntry:\n  for i in range(500):\n    r,w=os.pipe(); k.append((r,w)); fcntl.fcntl(w,1031,1048576); os.set_blocking(w,False); os.write(w,b'x'*1048576)\nexcept OSError: pass",
    };
    for (const [hog, program] of Object.entries(HOGS)) {
      test(`hoarding ${hog} harms no neighbour`, { timeout: 30_000 }, async () => {
        const neighbour = await driver.create(
          specOf(
            "import socket\nc=socket.socket(fileno=3)\nwhile True:\n  m=c.recv(9)\n  if not m: break\n  c.send(m)",
            { channel: true },
          ),
        );
        await runProgram(driver, `import signal\nsignal.alarm(20)\n${program}`);
        const answer = new Promise((resolve) =>
          neighbour.channel?.once("data", (part) => resolve(String(part))),
        );
        neighbour.channel?.write("alive?");
        assert.equal(await answer, "alive?");
        assert.equal((await neighbour.kill()).oomKilled, false);
      });
    }
  });
}
