import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createSocket } from "node:dgram";
import { readlink } from "node:fs/promises";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { promisify } from "node:util";
import { firstLine, openNamespaces, runProgram, specOf } from "./sandbox-fixture.ts";

const run = promisify(execFile);
const OUTSIDE = "203.0.113.2";

/** A server that tells who called, and a name server that knows one answer: 192.0.2.77. */
const WORLD = `
  const dns = require('dgram').createSocket('udp4');
  dns.on('message', (question, from) => {
    const end = question.indexOf(0, 12) + 5;
    const isA = question.readUInt16BE(end - 4) === 1;
    const head = Buffer.from(question.subarray(0, 12));
    head.writeUInt16BE(0x8580, 2); head.writeUInt16BE(isA ? 1 : 0, 6); head.fill(0, 8);
    const record = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 77]);
    dns.send(Buffer.concat([head, question.subarray(12, end), ...(isA ? [record] : [])]), from.port, from.address);
  });
  dns.bind(53, '${OUTSIDE}', () =>
    require('net').createServer(s => s.end('seen as ' + s.remoteAddress)).listen(8080, () => console.log('up')));
`;

const canMakeNetworks =
  process.getuid?.() === 0 &&
  (await run("ip", ["netns"]).then(
    () => true,
    () => false,
  ));

/** Where a connection attempt ends, in a word. */
function connects(address: string, port: number): string {
  return `import socket
s=socket.socket(); s.settimeout(1.5)
try: s.connect(('${address}',${String(port)})); print(s.recv(99).decode())
except OSError as e: print('refused')`;
}

test(
  "the way out",
  { skip: canMakeNetworks ? false : "needs root and iproute2", timeout: 40_000 },
  async (t) => {
    const opened = await openNamespaces({ resolvConf: `nameserver ${OUTSIDE}\noptions timeout:1\n` });
    const { driver } = opened;
    const name = `lmt${String(process.pid)}`;
    const ip = (...args: string[]): Promise<unknown> => run("ip", args);
    t.after(async () => {
      await ip("netns", "del", name).catch(() => undefined);
      await opened.close();
    });
    if (driver.capabilities.network !== "isolated+egress")
      return t.skip(driver.capabilities.reasons.join("; "));

    // The world: a network of our own behind a cable, with one server in it that tells who called.
    await ip("netns", "add", name);
    await ip("link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", name);
    await ip("addr", "add", "203.0.113.1/30", "dev", name);
    await ip("link", "set", name, "up");
    await ip("-n", name, "addr", "add", `${OUTSIDE}/30`, "dev", "eth0");
    await ip("-n", name, "link", "set", "eth0", "up");
    const world = execFile("ip", ["netns", "exec", name, process.execPath, "-e", WORLD]);
    t.after(() => void world.kill());
    await new Promise((resolve) => world.stdout?.once("data", resolve));

    await t.test("a function with egress reaches the world, behind the host's address", async () => {
      const { stdout } = await runProgram(driver, connects(OUTSIDE, 8080), { network: "egress" });
      assert.match(stdout, /seen as (::ffff:)?203\.0\.113\.1\n/);
    });

    await t.test("names are resolved by the name server in its resolv.conf", async () => {
      const program = "import socket; print(socket.gethostbyname('some.where.example'))";
      assert.equal((await runProgram(driver, program, { network: "egress" })).stdout, "192.0.2.77\n");
    });

    await t.test("a function without egress does not", async () => {
      const { stdout } = await runProgram(driver, connects(OUTSIDE, 8080));
      assert.equal(stdout, "refused\n");
    });

    await t.test("the host's own addresses are closed", async () => {
      const host = createServer((socket) => socket.end("the host"));
      await new Promise<void>((resolve) => host.listen(0, "0.0.0.0", resolve));
      const { port } = host.address() as AddressInfo;
      const gateway =
        "import re;g=[l.split()[2] for l in open('/proc/net/route') if l.split()[1]=='00000000'][0];a='.'.join(str(int(g[i:i+2],16)) for i in (6,4,2,0))\n";
      for (const program of [
        connects("203.0.113.1", port),
        gateway + connects("X", port).replace("'X'", "a"),
      ]) {
        assert.equal((await runProgram(driver, program, { network: "egress" })).stdout, "refused\n");
      }
      host.close();
    });

    await t.test("another sandbox is closed, and so is the metadata address", async () => {
      const address =
        "import socket\nu=socket.socket(socket.AF_INET,socket.SOCK_DGRAM); u.connect(('203.0.113.2',9)); me=u.getsockname()[0]\n";
      const neighbour = await driver.create(
        specOf(
          `${address}l=socket.socket(); l.bind(('0.0.0.0',7777)); l.listen(); print(me, flush=True)\nwhile True: l.accept()[0].send(b'neighbour')`,
          {
            network: "egress",
          },
        ),
      );
      const target = await firstLine(neighbour);
      assert.match(target, /^198\.1[89]\./);
      for (const one of [target, "169.254.169.254"]) {
        assert.equal(
          (await runProgram(driver, connects(one, 7777), { network: "egress" })).stdout,
          "refused\n",
        );
      }
      await neighbour.kill();
    });
  },
);

const canFilter =
  process.getuid?.() === 0 &&
  (await run("nft", ["list", "tables"]).then(
    () => true,
    () => false,
  ));

async function tables(): Promise<string[]> {
  const { stdout } = await run("nft", ["list", "tables"]);
  return stdout.split("\n").filter((line) => line.startsWith("table inet lambent_"));
}

test(
  "servers that start at once take different numbers, and the tables of dead ones go",
  { skip: canFilter ? false : "needs root and nftables", timeout: 40_000 },
  async (t) => {
    const before = await tables();
    const free = Array.from({ length: 16 }, (_none, n) => `table inet lambent_${String(n)}`).find(
      (table) => !before.includes(table),
    );
    assert.ok(free !== undefined);
    const namespace = (await readlink("/proc/self/ns/pid")).replace(/\D/g, "");
    await run("nft", ["add", free]);
    // No process has this number: it is over the kernel's highest.
    await run("nft", ["add", `${free.replace("table", "chain")} owner-${namespace}-99999999-1`]);
    assert.ok((await tables()).includes(free));
    const opened = await Promise.all([openNamespaces(), openNamespaces({ instanceId: "second" })]);
    t.after(() => Promise.all(opened.map((one) => one.close())));
    for (const { driver } of opened) {
      if (driver.capabilities.network !== "isolated+egress")
        return t.skip(driver.capabilities.reasons.join("; "));
    }
    const now = (await tables()).filter((table) => !before.includes(table));
    assert.equal(now.length, 2, now.join(", "));
    for (const table of now) {
      const { stdout } = await run("nft", ["list", ...table.split(" ")]);
      assert.ok(!stdout.includes("99999999"));
    }
  },
);

test(
  "a name server on the host's loopback is asked for the sandbox",
  { skip: canMakeNetworks ? false : "needs root and iproute2", timeout: 40_000 },
  async (t) => {
    const silent = createSocket("udp4");
    const dns = createSocket("udp4");
    const opened = await openNamespaces({ resolvConf: "nameserver 127.0.77.1\nnameserver 127.0.77.2\n" });
    t.after(async () => {
      silent.close();
      dns.close();
      await opened.close();
    });
    const { driver } = opened;
    if (driver.capabilities.network !== "isolated+egress")
      return t.skip(driver.capabilities.reasons.join("; "));
    const questions: Buffer[] = [];
    dns.on("message", (question, from) => {
      questions.push(question);
      const end = question.indexOf(0, 12) + 5;
      const head = Buffer.from(question.subarray(0, 12));
      head.writeUInt16BE(0x8580, 2);
      head.writeUInt16BE(1, 6);
      head.fill(0, 8);
      const record = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 78]);
      dns.send(Buffer.concat([head, question.subarray(12, end), record]), from.port, from.address);
    });
    const bind = (socket: typeof dns, address: string): Promise<void> =>
      new Promise((resolve) => socket.bind(53, address, resolve));
    await Promise.all([bind(silent, "127.0.77.1"), bind(dns, "127.0.77.2")]);
    const tcp = createServer((socket) => socket.end("a name server"));
    await new Promise<void>((resolve) => tcp.listen(53, "127.0.77.1", resolve));
    t.after(() => void tcp.close());

    const program = "import socket; print(socket.gethostbyname('some.where.example'))";
    assert.equal((await runProgram(driver, program, { network: "egress" })).stdout, "192.0.2.78\n");
    assert.ok(questions.some((question) => question.includes("where")));
    const overTcp = connects("127.0.0.1", 53);
    assert.equal((await runProgram(driver, overTcp, { network: "egress" })).stdout, "a name server\n");
    assert.equal((await runProgram(driver, overTcp)).stdout, "refused\n");
  },
);
