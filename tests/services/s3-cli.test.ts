/** The AWS CLI, both versions: mb, cp of small and large files and of folders, ls, sync, presign, rm, rb. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { AWS_V1, AWS_V2, clientEnv, run } from "../e2e/server.ts";
import { serveS3 } from "./s3-fixture.ts";

async function journey(t: TestContext, cli: string): Promise<void> {
  const served = await serveS3(t);
  const folder = await mkdtemp(join(tmpdir(), "lambent-s3-cli-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const env = clientEnv(served);
  const aws = async (...args: string[]): Promise<string> => {
    const all = ["--endpoint-url", served.endpoint, ...args];
    const { code, stdout, stderr } = await run(cli, all, { cwd: folder, env, timeoutMs: 60_000 });
    assert.equal(code, 0, `${args.join(" ")}: ${stderr}`);
    return stdout;
  };
  assert.match(await aws("s3", "mb", "s3://cli-bucket"), /make_bucket: cli-bucket/u);
  const large = randomBytes(17 * 1024 * 1024);
  await mkdir(join(folder, "tree/sub"), { recursive: true });
  await writeFile(join(folder, "large.bin"), large);
  await writeFile(join(folder, "tree/a b.txt"), "one");
  await writeFile(join(folder, "tree/sub/ü.txt"), "two");
  await aws("s3", "cp", "--quiet", "large.bin", "s3://cli-bucket/large.bin");
  await aws("s3", "cp", "--quiet", "s3://cli-bucket/large.bin", "back.bin");
  assert.ok((await readFile(join(folder, "back.bin"))).equals(large));
  await aws("s3", "cp", "--quiet", "--recursive", "tree", "s3://cli-bucket/tree");
  const listed = await aws("s3", "ls", "--recursive", "s3://cli-bucket/");
  assert.deepEqual(
    listed
      .trim()
      .split("\n")
      .map((line) => line.slice(20).trim()),
    ["17825792 large.bin", "3 tree/a b.txt", "3 tree/sub/ü.txt"],
  );
  assert.match(await aws("s3", "ls", "s3://cli-bucket/"), /PRE tree\//u);
  await aws("s3", "sync", "--quiet", "s3://cli-bucket/tree", "copy");
  assert.equal(await readFile(join(folder, "copy/sub/ü.txt"), "utf8"), "two");
  await aws("s3", "mv", "--quiet", "s3://cli-bucket/tree/a b.txt", "s3://cli-bucket/moved.txt");
  assert.equal(await aws("s3", "cp", "s3://cli-bucket/moved.txt", "-"), "one");
  const link = (await aws("s3", "presign", "s3://cli-bucket/tree/sub/ü.txt")).trim();
  const got = await fetch(link);
  assert.equal(got.status, 200);
  assert.equal(await got.text(), "two");
  const head = JSON.parse(
    await aws("s3api", "head-object", "--bucket", "cli-bucket", "--key", "large.bin", "--output", "json"),
  ) as { ContentLength: number; ETag: string };
  assert.equal(head.ContentLength, large.length);
  assert.match(head.ETag, /-3"$/u);
  await aws("s3", "rm", "--quiet", "--recursive", "s3://cli-bucket");
  await aws("s3", "rb", "s3://cli-bucket");
  assert.equal((await aws("s3", "ls")).trim(), "");
}

const without = "is not installed here";
test("AWS CLI v1", { skip: AWS_V1 === undefined ? `AWS CLI v1 ${without}` : false }, (t) =>
  journey(t, AWS_V1 ?? ""),
);
test("AWS CLI v2", { skip: AWS_V2 === undefined ? `AWS CLI v2 ${without}` : false }, (t) =>
  journey(t, AWS_V2 ?? ""),
);
