import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { openSecrets } from "../../src/adapters/embedded/index.ts";

const folder = mkdtempSync(join(tmpdir(), "lambent-secrets-"));
after(() => rmSync(folder, { recursive: true, force: true }));
const keyFile = join(folder, "key");

test("what is sealed opens after a restart, with its context only", async () => {
  const sealed = (await openSecrets({ keyFile })).seal("clé 🔑", "row 1");
  const again = await openSecrets({ keyFile });
  assert.equal(Buffer.from(again.open(sealed, "row 1")).toString(), "clé 🔑");
  assert.throws(() => again.open(sealed, "row 2"));
  assert.equal(Buffer.from(sealed).includes("clé"), false);
  assert.notDeepEqual(again.seal("clé 🔑", "row 1"), sealed);
});

test("no byte can be changed", async () => {
  const secrets = await openSecrets({ keyFile });
  const sealed = secrets.seal("abc", "c");
  for (let at = 0; at < sealed.length; at += 1) {
    const changed = Uint8Array.from(sealed);
    changed[at] = (changed[at] ?? 0) ^ 1;
    assert.throws(() => secrets.open(changed, "c"), `byte ${String(at)}`);
  }
  assert.throws(() => secrets.open(sealed.subarray(0, 20), "c"), /not a sealed text/);
});

test("another key is named as the reason", async () => {
  const other = await openSecrets({ keyFile: join(folder, "other") });
  const secrets = await openSecrets({ keyFile });
  assert.throws(() => secrets.open(other.seal("x", "c"), "c"), /sealed with another key/);
});

test("the key file is for its owner only, and is refused when it is not or is damaged", async () => {
  await openSecrets({ keyFile });
  assert.equal(statSync(keyFile).mode & 0o777, 0o600);
  const open = join(folder, "open");
  await openSecrets({ keyFile: open });
  chmodSync(open, 0o644);
  await assert.rejects(openSecrets({ keyFile: open }), /chmod 600/);
  const damaged = join(folder, "damaged");
  writeFileSync(damaged, "00ff\n", { mode: 0o600 });
  await assert.rejects(openSecrets({ keyFile: damaged }), /restore it from a backup/);
});

test("derived keys: one for each purpose, the same after a restart", async () => {
  const secrets = await openSecrets({ keyFile });
  const one = secrets.derive("sessions");
  assert.equal(one.length, 32);
  assert.deepEqual((await openSecrets({ keyFile })).derive("sessions"), one);
  assert.notDeepEqual(secrets.derive("digests"), one);
});
