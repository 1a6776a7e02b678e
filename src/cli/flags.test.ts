import assert from "node:assert/strict";
import { test } from "node:test";
import type { ServerConfig } from "../app/config-types.ts";
import { Fault } from "./fault.ts";
import { defaultConfig, FLAGS, parseConfigFile, resolveConfig } from "./flags.ts";
import { startFlags } from "./main.ts";

const HOME = "/home/me";

test("every setting of the server has a flag, a variable and a default", () => {
  const keys = Object.keys(defaultConfig(HOME)).toSorted();
  assert.deepEqual(FLAGS.map((flag) => flag.key).toSorted(), keys);
  for (const { flag, env } of FLAGS) {
    assert.match(flag, /^--[a-z-]+$/);
    assert.equal(env, `LAMBENT_${flag.slice(2).toUpperCase().replaceAll("-", "_")}`);
  }
});

test("a flag beats the environment, which beats the file, which beats the default", () => {
  const file = { port: 1, region: "eu-west-1", accountId: "111111111111", strictRuntimes: true };
  const env = { LAMBENT_PORT: "2", LAMBENT_REGION: "us-west-2" };
  const config = resolveConfig({ port: "3" }, env, file, HOME);
  assert.equal(config.port, 3);
  assert.equal(config.region, "us-west-2");
  assert.equal(config.accountId, "111111111111");
  assert.equal(config.strictRuntimes, true);
  assert.equal(config.dataDir, "/home/me/.lambent/default");
});

const REFUSED: readonly (readonly [keyof ServerConfig, string, RegExp])[] = [
  ["port", "65536", /--port: "65536" is not a port/],
  ["port", "http", /not a port/],
  ["host", "0.0.0.0", /needs "--iam enforce"/],
  ["host", "::", /not an IPv4 address/],
  ["iam", "maybe", /not one of off, warn, enforce/],
  ["accountId", "12345", /12 digits/],
  ["region", "europe", /not a region/],
  ["sandbox", "docker", /not one of auto, namespaces, process/],
  ["strictRuntimes", "perhaps", /neither true nor false/],
];

for (const [key, value, message] of REFUSED) {
  test(`${key}=${value} is refused by name`, () => {
    assert.throws(
      () => resolveConfig({ [key]: value }, {}, undefined, HOME),
      (error) => error instanceof Fault && error.exitCode === 1 && message.test(error.message),
    );
  });
}

test("a variable that is wrong is named, and a key of the file that does not exist", () => {
  assert.throws(() => resolveConfig({}, { LAMBENT_PORT: "x" }, undefined, HOME), /^Fault: LAMBENT_PORT/);
  assert.throws(() => resolveConfig({}, {}, { prot: 1 }, HOME), /"prot" is not a setting/);
  assert.throws(() => resolveConfig({}, {}, [], HOME), /one JSON object/);
  assert.throws(() => parseConfigFile("{", "/etc/lambent.json"), /\/etc\/lambent.json is not JSON/);
});

test("beyond loopback only where policies are enforced", () => {
  const given = { host: "0.0.0.0", iam: "enforce" };
  assert.equal(resolveConfig(given, {}, undefined, HOME).host, "0.0.0.0");
  for (const iam of ["off", "warn"]) {
    assert.throws(
      () => resolveConfig({ ...given, iam }, {}, undefined, HOME),
      /anybody who reaches the port/,
    );
  }
});

test("localhost means the address", () => {
  assert.equal(resolveConfig({ host: "localhost" }, {}, undefined, HOME).host, "127.0.0.1");
});

test("commander's options become settings", () => {
  assert.deepEqual(startFlags({ dataDir: "/d", account: "1", strictRuntimes: true, json: true }), {
    dataDir: "/d",
    accountId: "1",
    strictRuntimes: "true",
    json: true,
  });
});
