/** Archives as an attacker would send them, and what honest ones must keep. */
import assert from "node:assert/strict";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { linkStaysInside } from "../../src/adapters/embedded/archive.ts";
import { createBlobStore, createCodeCache, inspectZip } from "../../src/adapters/embedded/index.ts";
import { ServiceError } from "../../src/kernel/errors.ts";
import { rawZip, type RawEntry } from "../../src/testing/zip.ts";

const root = mkdtempSync(join(tmpdir(), "lambent-code-"));
after(() => rmSync(root, { recursive: true, force: true }));
const folder = join(root, "code");
const blobs = await createBlobStore({ folder: join(root, "blobs") });
const cache = await createCodeCache({ blobs, folder });

const UNZIP = "Could not unzip uploaded file. Please check your file, then try to upload again.";
const SIZE = "Unzipped size must be smaller than 262144000 bytes";
const LINK = 0o120777;

async function unpack(entries: readonly RawEntry[] | Uint8Array): Promise<string> {
  const bytes = entries instanceof Uint8Array ? entries : rawZip(entries as readonly RawEntry[]);
  return cache.prepare((await blobs.put(bytes)).sha256);
}

function inAwsWords(message: string): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof ServiceError, String(error));
    assert.deepEqual(
      [error.code, error.status, error.message],
      ["InvalidParameterValueException", 400, message],
    );
    return true;
  };
}

const HOSTILE: Readonly<Record<string, readonly RawEntry[]>> = {
  "a name that climbs out": [{ name: "../outside", body: "x" }],
  "a name that climbs out later": [{ name: "a/../../outside", body: "x" }],
  "an absolute name": [{ name: "/tmp/outside", body: "x" }],
  "a name that climbs out by backslashes": [{ name: "..\\outside", body: "x" }],
  "a drive letter": [{ name: "C:\\outside", body: "x" }],
  "a character device": [{ name: "tty", mode: 0o020666 }],
  "a block device": [{ name: "disk", mode: 0o060666 }],
  "a pipe": [{ name: "fifo", mode: 0o010666 }],
  "a socket": [{ name: "sock", mode: 0o140666 }],
  "an absolute link": [{ name: "l", body: "/etc/passwd", mode: LINK }],
  "a link that climbs out": [{ name: "a/l", body: "../../etc", mode: LINK }],
  "a link that climbs out through another": [
    { name: "p/q/file", body: "x" },
    { name: "p/q/up", body: "../..", mode: LINK },
    { name: "evil", body: "p/q/up/../outside", mode: LINK },
  ],
  "a file written through a link": [
    { name: "l", body: "target", mode: LINK },
    { name: "l/file", body: "x" },
  ],
  "a file that is a folder too": [
    { name: "a", body: "x" },
    { name: "a/b", body: "x" },
  ],
  "an encrypted entry": [{ name: "a", body: "x", flags: 1 }],
  "a compression nobody knows": [{ name: "a", body: "x", method: 97 }],
  "a size that lies": [{ name: "a", body: "x".repeat(100_000), claimedBytes: 10 }],
  "a small size that lies": [{ name: "a", body: "xyz", claimedBytes: 4 }],
  "a large entry with a wrong CRC": [{ name: "a", body: "x".repeat(100_000), claimedCrc32: 1 }],
  "a small entry with a wrong CRC": [{ name: "a", body: "xyz", claimedCrc32: 1 }],
};

for (const [name, entries] of Object.entries(HOSTILE)) {
  test(`${name} is refused and leaves nothing`, async () => {
    await assert.rejects(unpack(entries), inAwsWords(UNZIP));
    assert.deepEqual(readdirSync(join(folder, "incoming")), []);
    assert.equal(existsSync(join(folder, "outside")), false);
    assert.equal(existsSync(join(folder, "incoming", "outside")), false);
  });
}

test("what is no zip is refused, by inspection too", async () => {
  for (const bytes of [Buffer.from("hello"), Buffer.from("PK\x03\x04 and then nothing"), Buffer.alloc(100)]) {
    await assert.rejects(unpack(bytes), inAwsWords(UNZIP));
    await assert.rejects(inspectZip(bytes), inAwsWords(UNZIP));
  }
});

test("a bomb is stopped by what it inflates to, over many small entries as well", async () => {
  const tens = Buffer.alloc(27_000_000);
  const entries = Array.from({ length: 10 }, (_, i) => ({ name: `f${String(i)}`, body: tens }));
  const archive = rawZip(entries);
  assert.equal((await inspectZip(archive)).unzippedBytes, 270_000_000);
  await assert.rejects(unpack(archive), inAwsWords(SIZE));
  assert.deepEqual(readdirSync(join(folder, "incoming")), []);
});

test("modes: run bits kept, setuid dropped, readable to everybody, 0644 without Unix attributes", async () => {
  const path = await unpack([
    { name: "bootstrap", body: "#!/bin/sh\n", mode: 0o100755 },
    { name: "private", body: "x", mode: 0o100600 },
    { name: "suid", body: "x", mode: 0o106777 },
    { name: "dos", body: "x" },
    { name: "deep/er/file", body: "x", mode: 0o100640 },
  ]);
  const mode = (name: string): string => (lstatSync(join(path, name)).mode & 0o7777).toString(8);
  assert.deepEqual(
    ["bootstrap", "private", "suid", "dos", "deep/er/file", "deep", "deep/er", "."].map(mode),
    ["755", "644", "755", "644", "644", "755", "755", "755"],
  );
});

test("a strict umask of the server does not hide the code", async () => {
  const before = process.umask(0o077);
  try {
    const path = await unpack([{ name: "umask/sub/file", body: "masked" }]);
    const mode = (name: string): string => (lstatSync(join(path, name)).mode & 0o777).toString(8);
    assert.deepEqual([".", "umask", "umask/sub", "umask/sub/file"].map(mode), ["755", "755", "755", "644"]);
  } finally {
    process.umask(before);
  }
});

test("links that stay inside are kept; of two entries with one name the last counts", async () => {
  const path = await unpack([
    { name: "lib/real.so.1", body: "library" },
    { name: "lib/real.so", body: "real.so.1", mode: LINK },
    { name: "twice", body: "first", mode: 0o100755 },
    { name: "twice", body: "second", mode: 0o100644 },
    { name: "Ünï/日本.txt", body: "unicode" },
    { name: "Case", body: "upper" },
    { name: "case", body: "lower" },
  ]);
  const read = (name: string): string => readFileSync(join(path, name), "utf8");
  assert.deepEqual(["lib/real.so", "twice", "Ünï/日本.txt", "Case", "case"].map(read), [
    "library",
    "second",
    "unicode",
    "upper",
    "lower",
  ]);
  assert.equal(lstatSync(join(path, "lib/real.so")).isSymbolicLink(), true);
  assert.equal(lstatSync(join(path, "twice")).mode & 0o777, 0o644);
});

test("links are followed as the kernel follows them", () => {
  const cases: readonly [Record<string, string>, string, boolean][] = [
    [{ l: "a" }, "l", true],
    [{ l: "." }, "l", true],
    [{ l: ".." }, "l", false],
    [{ "a/l": ".." }, "a/l", true],
    [{ l: "a/../../x" }, "l", false],
    [{ "p/up": "..", l: "p/up/.." }, "l", false],
    [{ "p/up": "..", l: "p/up/p" }, "l", true],
    [{ a: "b", b: "a" }, "a", true],
    [{ l: "" }, "l", false],
  ];
  for (const [links, path, inside] of cases) {
    assert.equal(linkStaysInside(path, new Map(Object.entries(links))), inside, JSON.stringify(links));
  }
});

test("callers at once share one unpacking; the second time nothing is read", async () => {
  let reads = 0;
  const counted = {
    ...blobs,
    get: (sha256: string) => {
      reads += 1;
      return blobs.get(sha256);
    },
  };
  const own = await createCodeCache({ blobs: counted, folder: join(root, "shared") });
  const { sha256 } = await blobs.put(rawZip([{ name: "f", body: "shared" }]));
  const paths = await Promise.all(Array.from({ length: 20 }, () => own.prepare(sha256)));
  paths.push(await own.prepare(sha256));
  assert.deepEqual([new Set(paths).size, reads], [1, 1]);
  await own.evict(sha256);
  assert.equal(existsSync(paths[0] ?? ""), false);
  await own.prepare(sha256);
  assert.equal(reads, 2);
});

test("a half-made folder of a killed server is swept, a whole one is kept", async () => {
  const place = join(root, "killed");
  const { sha256 } = await blobs.put(rawZip([{ name: "f", body: "kept" }]));
  const whole = await (await createCodeCache({ blobs, folder: place })).prepare(sha256);
  const half = join(place, "incoming", "half");
  mkdirSync(half);
  writeFileSync(join(half, "f"), "ha");
  const again = await createCodeCache({ blobs, folder: place });
  assert.deepEqual([existsSync(half), existsSync(whole)], [false, true]);
  assert.equal(readFileSync(join(await again.prepare(sha256), "f"), "utf8"), "kept");
});
