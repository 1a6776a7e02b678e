/**
 * What access control lists grant in a server that enforces policies: to everybody, to all who sign, to
 * another account, and whose the objects are that others write.
 */
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
  CreateBucketCommand,
  DeleteObjectCommand,
  DeletePublicAccessBlockCommand,
  GetObjectAclCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutBucketAclCommand,
  PutBucketOwnershipControlsCommand,
  PutBucketPolicyCommand,
  PutObjectAclCommand,
  PutObjectCommand,
  PutPublicAccessBlockCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { type RunningServer, startServer } from "../e2e/server.ts";

interface Keys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

const STRANGERS = "111111111111";
const EVERYTHING = JSON.stringify({
  Version: "2012-10-17",
  Statement: [{ Effect: "Allow", Action: "s3:*", Resource: "*" }],
});

/** `200 body` or `403 AccessDenied`. */
async function unsigned(url: string, init: RequestInit = {}): Promise<string> {
  const answer = await fetch(url, init);
  const text = await answer.text();
  return `${String(answer.status)} ${/<Code>(\w+)<\/Code>/u.exec(text)?.[1] ?? text}`;
}

async function outcome(call: Promise<unknown>): Promise<string> {
  return call.then(
    () => "ok",
    (error: unknown) => (error as Error).name,
  );
}

/** A user of an account, with keys that any mode of the server knows. */
async function userOf(
  server: RunningServer,
  root: Keys,
  name: string,
  policy: string | undefined,
): Promise<Keys> {
  const iam = new IAMClient({ endpoint: server.endpoint, region: "us-east-1", credentials: root });
  try {
    await iam.send(new CreateUserCommand({ UserName: name }));
    if (policy !== undefined) {
      await iam.send(new PutUserPolicyCommand({ UserName: name, PolicyName: "p", PolicyDocument: policy }));
    }
    const { AccessKey } = await iam.send(new CreateAccessKeyCommand({ UserName: name }));
    return {
      accessKeyId: AccessKey?.AccessKeyId ?? "",
      secretAccessKey: AccessKey?.SecretAccessKey ?? "",
    };
  } finally {
    iam.destroy();
  }
}

test("lists grant what they say, to whom they say", async (t) => {
  const strangers: Keys = { accessKeyId: STRANGERS, secretAccessKey: "any" };
  const first = await startServer({ flags: ["--pool", "0"] });
  const bobKeys = await userOf(first, strangers, "bob", EVERYTHING);
  const eveKeys = await userOf(first, strangers, "eve", undefined);
  await first.stop();
  await using server = await startServer({
    dataDir: first.dataDir,
    flags: ["--iam", "enforce", "--pool", "0"],
  });
  const root = JSON.parse(await readFile(join(server.dataDir, "root-key.json"), "utf8")) as Keys;
  const annKeys = await userOf(server, root, "ann", undefined);
  const client = (credentials: Keys): S3Client => {
    const made = new S3Client({
      endpoint: server.endpoint,
      region: "us-east-1",
      credentials,
      forcePathStyle: true,
      maxAttempts: 1,
    });
    t.after(() => made.destroy());
    return made;
  };
  const [owner, ann, bob, eve] = [client(root), client(annKeys), client(bobKeys), client(eveKeys)];
  const Bucket = "listed";
  const at = (key: string): string => `${server.endpoint}/${Bucket}/${key}`;
  const put = (who: S3Client, Key: string, more: object = {}): Promise<string> =>
    outcome(who.send(new PutObjectCommand({ Bucket, Key, Body: Key, ...more })));
  const get = (who: S3Client, Key: string): Promise<string> =>
    outcome(who.send(new GetObjectCommand({ Bucket, Key })));
  const list = (who: S3Client): Promise<string> => outcome(who.send(new ListObjectsV2Command({ Bucket })));

  await owner.send(new CreateBucketCommand({ Bucket, ObjectOwnership: "ObjectWriter" }));

  await t.test("public lists are refused where they are blocked", async () => {
    assert.equal(await put(owner, "a", { ACL: "public-read" }), "AccessDenied");
    assert.equal(
      await outcome(owner.send(new PutBucketAclCommand({ Bucket, ACL: "public-read-write" }))),
      "AccessDenied",
    );
    assert.equal(await put(owner, "a"), "ok");
    await assert.rejects(
      owner.send(new PutObjectAclCommand({ Bucket, Key: "a", ACL: "authenticated-read" })),
      (error: Error) =>
        error.message ===
        `User: arn:aws:iam::000000000000:root is not authorized to perform: s3:PutObjectAcl on resource: "arn:aws:s3:::${Bucket}/a" because public ACLs are prevented by the BlockPublicAcls setting in S3 Block Public Access.`,
    );
    for (const [ownership, code] of [
      ["ObjectWriter", "InvalidBucketAclWithBlockPublicAccessError"],
      ["BucketOwnerEnforced", "InvalidBucketAclWithObjectOwnership"],
    ] as const) {
      const made = new CreateBucketCommand({
        Bucket: "never",
        ACL: "public-read",
        ObjectOwnership: ownership,
      });
      assert.equal(await outcome(owner.send(made)), code);
    }
  });

  await owner.send(new DeletePublicAccessBlockCommand({ Bucket }));

  await t.test("objects: everybody, all who sign, one account", async () => {
    assert.equal(await put(owner, "private"), "ok");
    assert.equal(await put(owner, "public", { ACL: "public-read" }), "ok");
    assert.equal(await put(owner, "signed", { ACL: "authenticated-read" }), "ok");
    const { Owner } = await bob
      .send(new GetObjectAclCommand({ Bucket, Key: "private" }))
      .catch(() => ({ Owner: undefined }));
    assert.equal(Owner, undefined, "READ_ACP was not granted");
    assert.equal(await unsigned(at("private")), "403 AccessDenied");
    assert.equal(await unsigned(at("public")), "200 public");
    assert.equal(await unsigned(at("signed")), "403 AccessDenied");
    assert.equal(await unsigned(at("public"), { method: "PUT", body: "x" }), "403 AccessDenied");
    assert.equal(await unsigned(at("public"), { method: "DELETE" }), "403 AccessDenied");
    assert.equal(await unsigned(`${at("public")}?acl`), "403 AccessDenied");
    assert.equal(await unsigned(at("missing")), "403 AccessDenied");
    const table: readonly (readonly [string, S3Client, string, string])[] = [
      ["her account's, without a policy", ann, "private", "AccessDenied"],
      ["her account's, public", ann, "public", "ok"],
      ["her account's, for all who sign", ann, "signed", "ok"],
      ["another account's", bob, "private", "AccessDenied"],
      ["another account's, public, and his own allows", bob, "public", "ok"],
      ["another account's, for all who sign", bob, "signed", "ok"],
      ["another account's, public, but her own allows nothing", eve, "public", "AccessDenied"],
    ];
    for (const [what, who, Key, expected] of table) assert.equal(await get(who, Key), expected, what);
  });

  await t.test("a grant to an account lets its users in as far as it allows them", async () => {
    assert.equal(await put(bob, "x"), "AccessDenied");
    const { Owner: bobs } = await strangersId(bob);
    await owner.send(
      new PutObjectAclCommand({
        Bucket,
        Key: "private",
        GrantRead: `id=${bobs}`,
        GrantReadACP: `id=${bobs}`,
      }),
    );
    assert.equal(await get(bob, "private"), "ok");
    assert.equal(await get(eve, "private"), "AccessDenied");
    const acl = await bob.send(new GetObjectAclCommand({ Bucket, Key: "private" }));
    assert.deepEqual(
      acl.Grants?.map((grant) => [grant.Grantee?.ID, grant.Permission]),
      [
        [bobs, "READ"],
        [bobs, "READ_ACP"],
      ],
    );
    assert.equal(
      await outcome(bob.send(new PutObjectAclCommand({ Bucket, Key: "private", ACL: "private" }))),
      "AccessDenied",
    );
  });

  await t.test("buckets: listing, writing, and whose it is then", async () => {
    await owner.send(new PutBucketAclCommand({ Bucket, ACL: "public-read" }));
    assert.match(await unsigned(at("")), /^200 .*<Key>public<\/Key>/su);
    assert.equal(await unsigned(at("missing")), "404 NoSuchKey");
    assert.equal(await list(bob), "ok");
    assert.equal(await unsigned(at("new"), { method: "PUT", body: "x" }), "403 AccessDenied");

    await owner.send(new PutBucketAclCommand({ Bucket, ACL: "public-read-write" }));
    assert.equal(await unsigned(at("anybodys"), { method: "PUT", body: "1" }), "200 ");
    assert.equal(await unsigned(at("anybodys"), { method: "PUT", body: "2" }), "200 ");
    assert.equal(await unsigned(at("private"), { method: "PUT", body: "2" }), "403 AccessDenied");
    assert.equal(await unsigned(at("private"), { method: "DELETE" }), "403 AccessDenied");
    assert.equal(await put(bob, "bobs"), "ok");
    assert.equal(await get(bob, "bobs"), "ok");
    assert.equal(await put(bob, "public"), "AccessDenied", "it is the bucket owner's");
    assert.equal(await get(owner, "bobs"), "AccessDenied", "it is bob's account's, and not shared");
    assert.equal(await put(bob, "shared", { ACL: "bucket-owner-full-control" }), "ok");
    assert.equal(await get(owner, "shared"), "ok");
    assert.equal(await put(owner, "bobs"), "ok", "the bucket's owner may write over everything");
    assert.equal(await get(owner, "bobs"), "ok");
    assert.equal(
      await outcome(owner.send(new DeleteObjectCommand({ Bucket, Key: "anybodys" }))),
      "ok",
      "and delete everything",
    );
  });

  await t.test("a bucket's policy counts for its owner's objects only", async () => {
    const Resource = `arn:aws:s3:::${Bucket}/*`;
    const open = [{ Effect: "Allow", Principal: "*", Action: "s3:GetObject", Resource }];
    const Policy = JSON.stringify({ Version: "2012-10-17", Statement: open });
    await put(bob, "bobs-own");
    await put(owner, "owners-own");
    await owner.send(new PutBucketPolicyCommand({ Bucket, Policy }));
    assert.equal(await unsigned(at("owners-own")), "200 owners-own");
    assert.equal(await unsigned(at("bobs-own")), "403 AccessDenied");
    const deny = [{ Effect: "Deny", Principal: "*", Action: "s3:GetObject", Resource }];
    await owner.send(
      new PutBucketPolicyCommand({
        Bucket,
        Policy: JSON.stringify({ Version: "2012-10-17", Statement: deny }),
      }),
    );
    assert.equal(await get(bob, "bobs-own"), "AccessDenied");
    assert.equal(await unsigned(at("public")), "403 AccessDenied");
    const { Owner: bobs } = await strangersId(bob);
    const named = [{ Effect: "Allow", Principal: { CanonicalUser: bobs }, Action: "s3:GetObject", Resource }];
    await owner.send(
      new PutBucketPolicyCommand({
        Bucket,
        Policy: JSON.stringify({ Version: "2012-10-17", Statement: named }),
      }),
    );
    assert.equal(await get(bob, "owners-own"), "ok");
    assert.equal(await get(eve, "owners-own"), "AccessDenied");
    assert.equal(await unsigned(at("owners-own")), "403 AccessDenied");
  });

  await t.test("public lists are ignored, public policies restricted, lists switched off", async () => {
    assert.equal(await unsigned(at("public")), "200 public");
    const block = (more: object): Promise<unknown> =>
      owner.send(new PutPublicAccessBlockCommand({ Bucket, PublicAccessBlockConfiguration: more }));
    await block({ IgnorePublicAcls: true });
    assert.equal(await unsigned(at("public")), "403 AccessDenied");
    assert.equal(await unsigned(at("")), "403 AccessDenied");
    await block({ BlockPublicAcls: false });
    const Statement = [
      { Effect: "Allow", Principal: "*", Action: "s3:GetObject", Resource: `arn:aws:s3:::${Bucket}/*` },
    ];
    const Policy = JSON.stringify({ Version: "2012-10-17", Statement });
    await owner.send(new PutBucketPolicyCommand({ Bucket, Policy }));
    assert.equal(await unsigned(at("owners-own")), "200 owners-own");
    await block({ RestrictPublicBuckets: true });
    assert.equal(await unsigned(at("owners-own")), "403 AccessDenied");
    assert.equal(await get(ann, "owners-own"), "ok", "her account's own bucket");
    assert.equal(await get(bob, "owners-own"), "AccessDenied");
    await block({ BlockPublicAcls: false });
    assert.equal(await get(owner, "bobs-own"), "AccessDenied");
    await owner.send(new PutBucketAclCommand({ Bucket, ACL: "private" }));
    const enforced = { Rules: [{ ObjectOwnership: "BucketOwnerEnforced" as const }] };
    await owner.send(new PutBucketOwnershipControlsCommand({ Bucket, OwnershipControls: enforced }));
    assert.equal(await get(owner, "bobs-own"), "ok", "everything is the bucket owner's now");
    assert.equal(await unsigned(at("bobs-own")), "200 bobs-own", "so its policy counts");
    assert.equal(await put(owner, "z", { ACL: "public-read" }), "AccessControlListNotSupported");
  });

  /** The canonical id of bob's account, as a bucket of its own shows it. */
  async function strangersId(who: S3Client): Promise<{ readonly Owner: string }> {
    await who.send(new CreateBucketCommand({ Bucket: "bobs-bucket" })).catch(() => undefined);
    await who.send(new PutObjectCommand({ Bucket: "bobs-bucket", Key: "k", Body: "k" }));
    const { Owner } = await who.send(new GetObjectAclCommand({ Bucket: "bobs-bucket", Key: "k" }));
    return { Owner: Owner?.ID ?? "" };
  }
});
