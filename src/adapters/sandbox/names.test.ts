import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer } from "node:net";
import { mock, test } from "node:test";
import { fakeClock, settle } from "../../testing/fake-clock.ts";
import { forwardNames, planNames } from "./names.ts";

const OWN = new Set(["192.168.122.1"]);
const FORWARDED = "nameserver 127.0.0.1\n";

for (const [name, texts, resolvConf, forwardTo] of [
  ["a server in the network is used as it is", ["nameserver 192.0.2.1\n"], "nameserver 192.0.2.1\n", []],
  [
    "those that can be reached are kept",
    ["search home\nnameserver 127.0.0.1\nnameserver 192.0.2.1\noptions ndots:2\n"],
    "nameserver 192.0.2.1\nsearch home\noptions ndots:2\n",
    [],
  ],
  [
    "what systemd-resolved's address stands for",
    ["nameserver 127.0.0.53\n", "nameserver 192.0.2.9\n"],
    "nameserver 192.0.2.9\n",
    [],
  ],
  ["Docker's", ["nameserver 127.0.0.11\nsearch local\n", ""], `${FORWARDED}search local\n`, ["127.0.0.11"]],
  ["a cloud's, link-local", ["nameserver 169.254.169.253\n"], FORWARDED, ["169.254.169.253"]],
  ["this machine's own address", ["nameserver 192.168.122.1\n"], FORWARDED, ["192.168.122.1"]],
  ["IPv6", ["nameserver 2001:db8::1\nnameserver ::1\n"], FORWARDED, ["2001:db8::1", "::1"]],
  ["none at all", ["", ""], "", []],
] as const) {
  test(`names: ${name}`, () => {
    assert.deepEqual(planNames(texts, OWN), { resolvConf, forwardTo });
  });
}

test("names: where no socket can be connected to a name server, the next one is asked", async () => {
  const clock = fakeClock();
  const timer = mock.method(clock, "timer");
  const datagrams = createSocket("udp4");
  const asking = createSocket("udp4");
  datagrams.bind(0, "127.0.0.1");
  await once(datagrams, "listening");
  // Link-local addresses of an interface that this machine does not have.
  const servers = ["fe80::1%none", "fe80::2%none"];
  const forwarding = forwardNames({ datagrams, connections: createServer() }, servers, clock);
  asking.send("a question", datagrams.address().port, "127.0.0.1");
  await once(datagrams, "message");
  await settle();
  assert.equal(timer.mock.callCount(), servers.length, "each was asked");
  assert.equal(clock.timers, 0, "nobody waits for an answer any more");
  asking.close();
  forwarding.close();
});
