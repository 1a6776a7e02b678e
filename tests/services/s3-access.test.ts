/** Who may do what in S3, in a server that enforces it: users' policies, bucket policies, nobody. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import {
  CreateAccessKeyCommand,
  CreateUserCommand,
  IAMClient,
  PutUserPolicyCommand,
} from "@aws-sdk/client-iam";
import {
  CopyObjectCommand,
  CreateBucketCommand,
  DeleteObjectsCommand,
  DeletePublicAccessBlockCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutBucketPolicyCommand,
  PutObjectCommand,
  PutObjectTaggingCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { startServer } from "../e2e/server.ts";

interface Keys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

async function outcome(call: Promise<unknown>): Promise<string> {
  return call.then(
    () => "ok",
    (error: unknown) => (error as Error).name,
  );
}

test("users do what their policies and the bucket's allow, nobody what is public", async () => {
  await using server = await startServer({ flags: ["--iam", "enforce", "--pool", "0"] });
  const root = JSON.parse(await readFile(join(server.dataDir, "root-key.json"), "utf8")) as Keys;
  const config = (credentials: Keys) => ({
    endpoint: server.endpoint,
    region: "us-east-1",
    credentials,
    maxAttempts: 1,
  });
  const iam = new IAMClient(config(root));
  const owner = new S3Client({ ...config(root), forcePathStyle: true });
  await iam.send(new CreateUserCommand({ UserName: "ada" }));
  const { AccessKey } = await iam.send(new CreateAccessKeyCommand({ UserName: "ada" }));
  const ada = new S3Client({
    ...config({
      accessKeyId: AccessKey?.AccessKeyId ?? "",
      secretAccessKey: AccessKey?.SecretAccessKey ?? "",
    }),
    forcePathStyle: true,
  });
  const allow = (Statement: readonly object[]): string =>
    JSON.stringify({
      Version: "2012-10-17",
      Statement: Statement.map((one) => ({ Effect: "Allow", ...one })),
    });
  const Bucket = "guarded";
  try {
    await owner.send(new CreateBucketCommand({ Bucket }));
    for (const Key of ["open/a", "closed/a"]) {
      await owner.send(new PutObjectCommand({ Bucket, Key, Body: Key }));
    }
    const get = (client: S3Client, Key: string): Promise<string> =>
      outcome(client.send(new GetObjectCommand({ Bucket, Key })));
    assert.equal(await get(owner, "open/a"), "ok");
    assert.equal(await get(ada, "open/a"), "AccessDenied");

    await iam.send(
      new PutUserPolicyCommand({
        UserName: "ada",
        PolicyName: "p",
        PolicyDocument: allow([
          { Action: ["s3:GetObject", "s3:PutObject"], Resource: `arn:aws:s3:::${Bucket}/open/*` },
          {
            Action: "s3:ListBucket",
            Resource: `arn:aws:s3:::${Bucket}`,
            Condition: { StringLike: { "s3:prefix": "open/*" } },
          },
        ]),
      }),
    );
    const table: readonly (readonly [string, string, Promise<string>])[] = [
      ["read where allowed", "ok", get(ada, "open/a")],
      ["read elsewhere", "AccessDenied", get(ada, "closed/a")],
      ["list its prefix", "ok", outcome(ada.send(new ListObjectsV2Command({ Bucket, Prefix: "open/" })))],
      ["list all", "AccessDenied", outcome(ada.send(new ListObjectsV2Command({ Bucket })))],
      ["write", "ok", outcome(ada.send(new PutObjectCommand({ Bucket, Key: "open/b", Body: "b" })))],
      [
        "write with tags",
        "AccessDenied",
        outcome(ada.send(new PutObjectCommand({ Bucket, Key: "open/c", Body: "c", Tagging: "a=b" }))),
      ],
      [
        "copy what may not be read",
        "AccessDenied",
        outcome(ada.send(new CopyObjectCommand({ Bucket, Key: "open/d", CopySource: `${Bucket}/closed/a` }))),
      ],
      [
        "delete",
        "AccessDenied",
        outcome(ada.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects: [{ Key: "open/a" }] } }))),
      ],
    ];
    for (const [what, expected, got] of table) assert.equal(await got, expected, what);
    // Who may not list is not told what is missing.
    await assert.rejects(
      ada.send(new GetObjectCommand({ Bucket, Key: "open/missing" })),
      (error: Error) =>
        error.message ===
        `User: arn:aws:iam::000000000000:user/ada is not authorized to perform: s3:ListBucket on resource: "arn:aws:s3:::${Bucket}" because no identity-based policy allows the s3:ListBucket action`,
    );
    assert.equal(await get(owner, "open/missing"), "NoSuchKey");

    await iam.send(
      new PutUserPolicyCommand({
        UserName: "ada",
        PolicyName: "p",
        PolicyDocument: allow([
          {
            Action: "s3:GetObject",
            Resource: `arn:aws:s3:::${Bucket}/*`,
            Condition: { StringEquals: { "s3:ExistingObjectTag/public": "yes" } },
          },
          {
            Action: ["s3:PutObject", "s3:PutObjectTagging"],
            Resource: `arn:aws:s3:::${Bucket}/*`,
            Condition: { StringEquals: { "s3:RequestObjectTag/by": "ada" } },
          },
        ]),
      }),
    );
    const tagged = (Key: string, Tagging: string): Promise<string> =>
      outcome(ada.send(new PutObjectCommand({ Bucket, Key, Body: "x", Tagging })));
    assert.deepEqual(
      [await tagged("t", "by=ada&public=yes"), await tagged("u", "by=ada"), await tagged("v", "by=eve")],
      ["ok", "ok", "AccessDenied"],
    );
    assert.deepEqual([await get(ada, "t"), await get(ada, "u")], ["ok", "AccessDenied"]);
    const copy = (Key: string, more: object = {}): Promise<string> =>
      outcome(ada.send(new CopyObjectCommand({ Bucket, Key, CopySource: `${Bucket}/t`, ...more })));
    const fresh = { TaggingDirective: "REPLACE", Tagging: "by=ada" } as const;
    assert.deepEqual([await copy("w"), await copy("w", fresh)], ["AccessDenied", "ok"], "tags are asked for");
    const retag = { Bucket, Key: "u", Tagging: { TagSet: [{ Key: "by", Value: "ada" }] } };
    assert.equal(await outcome(ada.send(new PutObjectTaggingCommand(retag))), "ok");

    const url = `${server.endpoint}/${Bucket}/closed/a`;
    assert.equal((await fetch(url)).status, 403);
    await owner.send(new DeletePublicAccessBlockCommand({ Bucket }));
    const Policy = JSON.stringify({
      Version: "2012-10-17",
      Statement: [
        { Effect: "Allow", Principal: "*", Action: "s3:GetObject", Resource: `arn:aws:s3:::${Bucket}/*` },
        {
          Effect: "Deny",
          Principal: { AWS: "arn:aws:iam::000000000000:user/ada" },
          Action: "s3:GetObject",
          Resource: `arn:aws:s3:::${Bucket}/open/*`,
        },
      ],
    });
    await owner.send(new PutBucketPolicyCommand({ Bucket, Policy }));
    const anybody = await fetch(url);
    assert.equal(anybody.status, 200);
    assert.equal(await anybody.text(), "closed/a");
    assert.equal((await fetch(url, { method: "PUT", body: "x" })).status, 403);
    const dressed = await fetch(`${url}?response-content-type=text/html`);
    assert.match(await dressed.text(), /response headers cannot be used for anonymous GET requests/u);
    assert.equal(await get(ada, "closed/a"), "ok");
    assert.equal(await get(ada, "open/a"), "AccessDenied");
  } finally {
    iam.destroy();
    owner.destroy();
    ada.destroy();
  }
});
