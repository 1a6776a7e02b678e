/** Listings of odd keys: whatever the pages, it is every key once, in the order of its UTF-8 bytes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  CreateBucketCommand,
  GetObjectCommand,
  ListObjectsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type S3Client,
} from "@aws-sdk/client-s3";
import { refusal, serveS3 } from "./s3-fixture.ts";

const ODD = [
  "a",
  "a/",
  "a//b",
  "a/../b",
  "a/./b",
  "a b",
  "a+b",
  "a%2Fb",
  "a\nb",
  "a&b<c>'\"",
  "trailing/",
  "/leading",
  "//",
  "ü",
  "Ü",
  "\u{1F600}",
  "\uFFFD",
  "日本/語",
  "~!@#$^*()_-={}[]|\\:;,.?",
  "Z",
  "z",
  "0",
];

/** A generator with a seed, so that a failure can be seen again. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return state / 0x7fffffff;
  };
}

function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

async function pages(
  s3: S3Client,
  query: { Prefix?: string; Delimiter?: string; StartAfter?: string },
  MaxKeys: number,
): Promise<{ keys: string[]; prefixes: string[] }> {
  const keys: string[] = [];
  const prefixes: string[] = [];
  let ContinuationToken: string | undefined;
  do {
    const page = await s3.send(
      new ListObjectsV2Command({ Bucket: "odd", MaxKeys, ContinuationToken, ...query }),
    );
    assert.ok((page.KeyCount ?? 0) <= MaxKeys);
    keys.push(...(page.Contents ?? []).map((item) => item.Key ?? ""));
    prefixes.push(...(page.CommonPrefixes ?? []).map((item) => item.Prefix ?? ""));
    ContinuationToken = page.NextContinuationToken;
  } while (ContinuationToken !== undefined);
  return { keys, prefixes };
}

test("odd keys keep their names and their order, on pages of any size", async (t) => {
  const s3 = (await serveS3(t)).client();
  await s3.send(new CreateBucketCommand({ Bucket: "odd" }));
  const random = seeded(7);
  const alphabet = ["a", "b", "/", "-", "ü", " "];
  const keys = new Set(ODD);
  while (keys.size < 90) {
    const length = 1 + Math.floor(random() * 6);
    keys.add(Array.from({ length }, () => alphabet[Math.floor(random() * alphabet.length)]).join(""));
  }
  for (const Key of keys) await s3.send(new PutObjectCommand({ Bucket: "odd", Key, Body: Key }));
  for (const Key of ODD) {
    const { Body } = await s3.send(new GetObjectCommand({ Bucket: "odd", Key }));
    assert.equal(await Body?.transformToString(), Key);
  }
  const ordered = [...keys].toSorted(byBytes);
  for (const size of [1, 2, 7, 1000]) {
    assert.deepEqual((await pages(s3, {}, size)).keys, ordered);
    for (const Prefix of ["", "a", "a/", "ü", "nothing"]) {
      const expected = ordered.filter((key) => key.startsWith(Prefix));
      const rest = expected.filter((key) => !key.slice(Prefix.length).includes("/"));
      const common = expected.flatMap((key) => {
        const at = key.indexOf("/", Prefix.length);
        return at < 0 ? [] : [key.slice(0, at + 1)];
      });
      const got = await pages(s3, { Prefix, Delimiter: "/" }, size);
      assert.deepEqual(got.keys, rest, `${Prefix} by ${String(size)}`);
      assert.deepEqual(got.prefixes, [...new Set(common)], `${Prefix} by ${String(size)}`);
    }
  }
  const StartAfter = ordered[10] ?? "";
  assert.deepEqual((await pages(s3, { StartAfter }, 3)).keys, ordered.slice(11));
});

test("version 1 of listing: markers, and what cannot be", async (t) => {
  const s3 = (await serveS3(t)).client();
  const Bucket = "odd";
  await s3.send(new CreateBucketCommand({ Bucket }));
  for (const Key of ["folder/a/1", "folder/a/2", "folder/f1", "folder/f2"]) {
    await s3.send(new PutObjectCommand({ Bucket, Key, Body: "" }));
  }
  const query = { Bucket, Prefix: "folder/", Delimiter: "/", MaxKeys: 1 };
  const first = await s3.send(new ListObjectsCommand(query));
  assert.deepEqual([first.CommonPrefixes?.[0]?.Prefix, first.NextMarker], ["folder/a/", "folder/a/"]);
  const second = await s3.send(new ListObjectsCommand({ ...query, Marker: "folder/a/" }));
  assert.deepEqual([second.Contents?.[0]?.Key, second.NextMarker], ["folder/f1", "folder/f1"]);
  const inside = await s3.send(new ListObjectsCommand({ ...query, Marker: "folder/a/1" }));
  assert.equal(inside.Contents?.[0]?.Key, "folder/f1");
  const last = await s3.send(new ListObjectsCommand({ ...query, Marker: "folder/f1" }));
  assert.deepEqual([last.IsTruncated, last.NextMarker], [false, undefined]);
  const none = await s3.send(new ListObjectsV2Command({ Bucket, MaxKeys: 0 }));
  assert.deepEqual([none.KeyCount, none.IsTruncated], [0, false]);
  const token = await refusal(s3.send(new ListObjectsV2Command({ Bucket, ContinuationToken: "1x2" })));
  assert.deepEqual(
    [token.code, token.message, token.fields["ArgumentName"]],
    ["InvalidArgument", "The continuation token provided is incorrect", "continuation-token"],
  );
});
