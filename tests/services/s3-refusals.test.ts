/** What S3 says beside its errors, and before it looks at permissions. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { CreateAccessKeyCommand, CreateUserCommand, IAMClient } from "@aws-sdk/client-iam";
import {
  CreateBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutBucketVersioningCommand,
  PutObjectAclCommand,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { startServer } from "../e2e/server.ts";
import { refusal, serveS3 } from "./s3-fixture.ts";

/** Headers of the answer to a command that is refused. */
async function headersOf(s3: S3Client, command: GetObjectCommand): Promise<Record<string, string>> {
  let headers: Record<string, string> = {};
  command.middlewareStack.add(
    (next) => async (args) => {
      try {
        return await next(args);
      } catch (error) {
        const { $response } = error as { $response?: { headers: Record<string, string> } };
        headers = $response?.headers ?? {};
        throw error;
      }
    },
    { step: "initialize", name: "headers" },
  );
  await refusal(s3.send(command));
  return headers;
}

test("an error about a delete marker names the marker", async (t) => {
  const s3 = (await serveS3(t)).client();
  const at = { Bucket: "marked", Key: "k" };
  await s3.send(new CreateBucketCommand({ Bucket: at.Bucket }));
  await s3.send(
    new PutBucketVersioningCommand({ Bucket: at.Bucket, VersioningConfiguration: { Status: "Enabled" } }),
  );
  await s3.send(new PutObjectCommand({ ...at, Body: "x" }));
  const { VersionId = "" } = await s3.send(new DeleteObjectCommand(at));
  for (const command of [new GetObjectCommand(at), new HeadObjectCommand(at) as never]) {
    const headers = await headersOf(s3, command);
    assert.equal(headers["x-amz-delete-marker"], "true");
    assert.equal(headers["x-amz-version-id"], VersionId);
    assert.equal(headers["allow"], undefined);
  }
  for (const command of [
    new GetObjectCommand({ ...at, VersionId }),
    new HeadObjectCommand({ ...at, VersionId }) as never,
    new PutObjectAclCommand({ ...at, VersionId, ACL: "private" }) as never,
  ]) {
    const headers = await headersOf(s3, command);
    assert.equal(headers["x-amz-delete-marker"], "true");
    assert.equal(headers["x-amz-version-id"], VersionId);
    assert.equal(headers["allow"], "DELETE");
    assert.match(headers["last-modified"] ?? "", / GMT$/u);
  }
});

test("a number that is none is named", async (t) => {
  const { endpoint, client } = await serveS3(t);
  await client().send(new CreateBucketCommand({ Bucket: "numbers" }));
  const sentence = (name: string): string => `Provided ${name} not an integer or within integer range`;
  const table = [
    ["?max-keys=abc", "max-keys", "abc", sentence("max-keys")],
    ["?list-type=2&max-keys=2147483648", "max-keys", "2147483648", sentence("max-keys")],
    ["?versions&max-keys=1.5", "max-keys", "1.5", sentence("max-keys")],
    ["?uploads&max-uploads=x", "max-uploads", "x", sentence("max-uploads")],
    ["/k?uploadId=u&max-parts=x", "max-parts", "x", sentence("max-parts")],
    ["/k?partNumber=x", "partNumber", "x", "Part number must be an integer between 1 and 10000, inclusive"],
  ] as const;
  for (const [path, name, value, message] of table) {
    const answer = await fetch(`${endpoint}/numbers${path}`);
    const body = await answer.text();
    assert.equal(answer.status, 400, body);
    assert.match(body, /<Code>InvalidArgument<\/Code>/u);
    assert.ok(body.includes(`<Message>${message}</Message>`), body);
    const argument = `<ArgumentName>${name}</ArgumentName><ArgumentValue>${value}</ArgumentValue>`;
    assert.ok(body.includes(argument), body);
  }
});

test("that a bucket is missing is told to whoever asks, that one may be made is not", async () => {
  await using server = await startServer({ flags: ["--iam", "enforce", "--pool", "0"] });
  const root = JSON.parse(await readFile(join(server.dataDir, "root-key.json"), "utf8")) as {
    accessKeyId: string;
    secretAccessKey: string;
  };
  const config = { endpoint: server.endpoint, region: "us-east-1", maxAttempts: 1 };
  const iam = new IAMClient({ ...config, credentials: root });
  await iam.send(new CreateUserCommand({ UserName: "eve" }));
  const { AccessKey } = await iam.send(new CreateAccessKeyCommand({ UserName: "eve" }));
  const eve = new S3Client({
    ...config,
    forcePathStyle: true,
    credentials: {
      accessKeyId: AccessKey?.AccessKeyId ?? "",
      secretAccessKey: AccessKey?.SecretAccessKey ?? "",
    },
  });
  const owner = new S3Client({ ...config, forcePathStyle: true, credentials: root });
  try {
    const Bucket = "nowhere";
    const codes = async (): Promise<string[]> => [
      (await refusal(eve.send(new ListObjectsV2Command({ Bucket })))).code,
      (await refusal(eve.send(new GetObjectCommand({ Bucket, Key: "k" })))).code,
      (await refusal(eve.send(new PutObjectCommand({ Bucket, Key: "k", Body: "" })))).code,
      (await refusal(eve.send(new CreateBucketCommand({ Bucket })))).code,
    ];
    const none = "NoSuchBucket";
    assert.deepEqual(await codes(), [none, none, none, "AccessDenied"]);
    assert.match(await (await fetch(`${server.endpoint}/${Bucket}`)).text(), /<Code>NoSuchBucket<\/Code>/u);
    await owner.send(new CreateBucketCommand({ Bucket }));
    const denied = "AccessDenied";
    assert.deepEqual((await codes()).slice(0, 3), [denied, denied, denied]);
  } finally {
    iam.destroy();
    eve.destroy();
    owner.destroy();
  }
});
