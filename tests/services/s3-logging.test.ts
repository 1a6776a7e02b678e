/** Server access logs: their configuration, and what is delivered. */
import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import {
  type BucketLoggingStatus,
  CreateBucketCommand,
  GetBucketLoggingCommand,
  GetObjectAclCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutBucketLoggingCommand,
  PutBucketOwnershipControlsCommand,
  PutBucketPolicyCommand,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { advanceClock, startServer, until } from "../e2e/server.ts";
import { refusal, serveS3 } from "./s3-fixture.ts";

const AUDITOR = "a".repeat(64);
const CREDENTIALS = { accessKeyId: "test", secretAccessKey: "test" } as const;

function clientOf(endpoint: string, credentials: typeof CREDENTIALS | Keys = CREDENTIALS): S3Client {
  return new S3Client({ endpoint, region: "us-east-1", credentials, forcePathStyle: true, maxAttempts: 1 });
}

interface Keys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

test("a configuration is kept and shown, and cannot point anywhere", async (t) => {
  const { client } = await serveS3(t);
  const s3 = client();
  for (const Bucket of ["logged", "logs"]) await s3.send(new CreateBucketCommand({ Bucket }));
  await client({ region: "eu-west-1" }).send(
    new CreateBucketCommand({
      Bucket: "far",
      CreateBucketConfiguration: { LocationConstraint: "eu-west-1" },
    }),
  );
  const foreign = client({ credentials: { accessKeyId: "222222222222", secretAccessKey: "x" } });
  await foreign.send(new CreateBucketCommand({ Bucket: "foreign" }));
  const put = (BucketLoggingStatus: BucketLoggingStatus): Promise<unknown> =>
    s3.send(new PutBucketLoggingCommand({ Bucket: "logged", BucketLoggingStatus }));
  const get = async (): Promise<BucketLoggingStatus["LoggingEnabled"]> =>
    (await s3.send(new GetBucketLoggingCommand({ Bucket: "logged" }))).LoggingEnabled;
  assert.equal(await get(), undefined);

  const to = (TargetBucket: string): Promise<unknown> =>
    put({ LoggingEnabled: { TargetBucket, TargetPrefix: "log" } });
  const missing = await refusal(to("nowhere"));
  assert.deepEqual(
    [missing.status, missing.code, missing.message, missing.fields["TargetBucket"]],
    [400, "InvalidTargetBucketForLogging", "The target bucket for logging does not exist", "nowhere"],
  );
  const far = await refusal(to("far"));
  assert.deepEqual(
    [far.status, far.code, far.message, far.fields["TargetBucketLocation"]],
    [403, "CrossLocationLoggingProhibitted", "Cross S3 location logging not allowed. ", "eu-west-1"],
  );
  assert.equal((await refusal(to("foreign"))).code, "InvalidTargetBucketForLogging");
  const both = {
    TargetBucket: "logs",
    TargetPrefix: "",
    TargetObjectKeyFormat: { SimplePrefix: {}, PartitionedPrefix: {} },
  };
  assert.equal((await refusal(put({ LoggingEnabled: both }))).code, "MalformedXML");

  const stranger = {
    TargetBucket: "logs",
    TargetPrefix: "",
    TargetGrants: [{ Grantee: { Type: "CanonicalUser" as const, ID: "x" }, Permission: "READ" as const }],
  };
  assert.equal((await refusal(put({ LoggingEnabled: stranger }))).message, "Invalid id");

  const URI = "http://acs.amazonaws.com/groups/s3/LogDelivery";
  const LoggingEnabled = {
    TargetBucket: "logs",
    TargetPrefix: "log",
    TargetGrants: [
      { Grantee: { Type: "Group" as const, URI }, Permission: "WRITE" as const },
      { Grantee: { Type: "Group" as const, URI }, Permission: "READ_ACP" as never },
    ],
  };
  await put({ LoggingEnabled });
  assert.deepEqual(await get(), LoggingEnabled);
  await put({});
  assert.equal(await get(), undefined);
});

test("requests become lines of log objects, in time and when the server stops", async () => {
  const dataDir = await mkdtemp(join(tmpdir(), "lambent-logs-"));
  const flags = ["--pool", "0"];
  const listed = async (s3: S3Client): Promise<string[]> => {
    const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket: "logs" }));
    return Contents.map(({ Key = "" }) => Key);
  };
  const readAll = async (s3: S3Client): Promise<string> => {
    const texts = (await listed(s3)).map(async (Key) => {
      const { Body } = await s3.send(new GetObjectCommand({ Bucket: "logs", Key }));
      return (await Body?.transformToString()) ?? "";
    });
    return (await Promise.all(texts)).join("");
  };
  try {
    {
      const server = await startServer({ dataDir, flags });
      const s3 = clientOf(server.endpoint);
      try {
        for (const Bucket of ["logged", "logs", "quiet"]) await s3.send(new CreateBucketCommand({ Bucket }));
        const OwnershipControls = { Rules: [{ ObjectOwnership: "ObjectWriter" as const }] };
        await s3.send(new PutBucketOwnershipControlsCommand({ Bucket: "logs", OwnershipControls }));
        const LoggingEnabled = {
          TargetBucket: "logs",
          TargetPrefix: "log-",
          TargetGrants: [
            { Grantee: { Type: "CanonicalUser" as const, ID: AUDITOR }, Permission: "READ" as const },
          ],
        };
        await s3.send(
          new PutBucketLoggingCommand({ Bucket: "logged", BucketLoggingStatus: { LoggingEnabled } }),
        );
        await s3.send(new PutObjectCommand({ Bucket: "quiet", Key: "q", Body: "1" }));
        await s3.send(new PutObjectCommand({ Bucket: "logged", Key: "a b", Body: "12345" }));
        await refusal(s3.send(new GetObjectCommand({ Bucket: "logged", Key: "missing" })));
        await advanceClock(server, 120_000);
        await until("a log object", async () => (await listed(s3)).length > 0);
        assert.match((await listed(s3))[0] ?? "", /^log-\d{4}(?:-\d\d){5}-[0-9A-F]{16}$/u);
        const [Key = ""] = await listed(s3);
        const { Grants } = await s3.send(new GetObjectAclCommand({ Bucket: "logs", Key }));
        assert.deepEqual(Grants?.map(({ Permission }) => Permission).toSorted(), ["FULL_CONTROL", "READ"]);
        assert.equal(Grants?.find(({ Permission }) => Permission === "READ")?.Grantee?.ID, AUDITOR);
        const first = await readAll(s3);
        assert.match(
          first,
          / logged \[.*REST\.PUT\.OBJECT a%20b "PUT \/logged\/a%20b\?x-id=PutObject HTTP\/1\.1" 200 - - 5 /u,
        );
        assert.match(first, / REST\.GET\.OBJECT missing "GET [^"]+" 404 NoSuchKey \d+ - /u);
        assert.equal(first.includes("quiet"), false);
        await s3.send(new GetObjectCommand({ Bucket: "logged", Key: "a b" }));
      } finally {
        s3.destroy();
        await server.stop();
      }
    }
    await using again = await startServer({ dataDir, flags });
    const s3 = clientOf(again.endpoint);
    try {
      assert.match(await readAll(s3), / REST\.GET\.OBJECT a%20b "GET [^"]+" 200 - 5 5 /u);
    } finally {
      s3.destroy();
    }
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
});

test("where permissions are enforced, the target must let the log service in", async () => {
  const dataDir = await mkdtemp(join(tmpdir(), "lambent-logs-"));
  /** What is in the target at the start of each run; the end of each delivers. */
  const seen: number[] = [];
  async function run(requests: (s3: S3Client) => Promise<void>): Promise<void> {
    const server = await startServer({ dataDir, flags: ["--iam", "enforce", "--pool", "0"] });
    const root = JSON.parse(await readFile(join(dataDir, "root-key.json"), "utf8")) as Keys;
    const s3 = clientOf(server.endpoint, root);
    try {
      await requests(s3);
    } finally {
      s3.destroy();
      await server.stop();
    }
  }
  const look = async (s3: S3Client): Promise<void> => {
    seen.push((await s3.send(new ListObjectsV2Command({ Bucket: "logs" }))).KeyCount ?? 0);
  };
  try {
    await run(async (s3) => {
      for (const Bucket of ["logged", "logs"]) await s3.send(new CreateBucketCommand({ Bucket }));
      const LoggingEnabled = { TargetBucket: "logs", TargetPrefix: "" };
      await s3.send(
        new PutBucketLoggingCommand({ Bucket: "logged", BucketLoggingStatus: { LoggingEnabled } }),
      );
      await s3.send(new PutObjectCommand({ Bucket: "logged", Key: "unseen", Body: "1" }));
    });
    await run(async (s3) => {
      await look(s3);
      const Statement = [
        {
          Effect: "Allow",
          Principal: { Service: "logging.s3.amazonaws.com" },
          Action: "s3:PutObject",
          Resource: "arn:aws:s3:::logs/*",
          Condition: { ArnLike: { "aws:SourceArn": "arn:aws:s3:::logged" } },
        },
      ];
      const Policy = JSON.stringify({ Version: "2012-10-17", Statement });
      await s3.send(new PutBucketPolicyCommand({ Bucket: "logs", Policy }));
      await s3.send(new PutObjectCommand({ Bucket: "logged", Key: "seen", Body: "1" }));
    });
    await run(look);
    assert.deepEqual(seen, [0, 1]);
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
});
