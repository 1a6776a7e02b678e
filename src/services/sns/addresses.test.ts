import assert from "node:assert/strict";
import { test } from "node:test";
import { isOfTheLink, isPublic } from "./addresses.ts";

const OWN = new Set(["8.8.4.4", "2001:4860:4860::8844"]);

const NOT_PUBLIC = [
  "0.0.0.0",
  "10.1.2.3",
  "100.64.0.1",
  "127.0.0.1",
  "127.255.255.254",
  "169.254.169.254",
  "172.16.0.1",
  "172.31.255.255",
  "192.168.1.1",
  "198.18.0.1",
  "198.19.255.255",
  "224.0.0.1",
  "255.255.255.255",
  "8.8.4.4",
  "::",
  "::1",
  "::ffff:10.0.0.1",
  "::ffff:8.8.8.8",
  "64:ff9b::a00:1",
  "fc00::1",
  "fd12:3456::1",
  "fe80::1",
  "fec0::1",
  "ff02::1",
  "2001:0:a00:1::",
  "2002:a00:1::",
  "2001:4860:4860::8844",
];
for (const address of NOT_PUBLIC) {
  test(`${address} is not public`, () => assert.equal(isPublic(address, OWN), false));
}

for (const address of ["8.8.8.8", "172.15.0.1", "172.32.0.1", "100.128.0.1", "2001:4860:4860::8888"]) {
  test(`${address} is public`, () => assert.equal(isPublic(address, OWN), true));
}

const OF_THE_LINK: Readonly<Record<string, boolean>> = {
  "169.254.169.254": true,
  "::ffff:169.254.169.254": true,
  "fe80::1": true,
  "fd00:ec2::254": true,
  "127.0.0.1": false,
  "10.0.0.1": false,
  "fd00::1": false,
};
for (const [address, expected] of Object.entries(OF_THE_LINK)) {
  test(`${address} is ${expected ? "" : "not "}of the link`, () =>
    assert.equal(isOfTheLink(address), expected));
}
