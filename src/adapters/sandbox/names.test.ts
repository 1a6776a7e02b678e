import assert from "node:assert/strict";
import { test } from "node:test";
import { planNames } from "./names.ts";

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
