/**
 * Objects that arrive in a bucket, as tutorials tell it, word for word: J9 (CSV, boto3, DynamoDB), J10
 * (pandas in the archive, another bucket), J21 (thumbnails, and deletions), J34 (large code through S3).
 */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { HeadObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { rawZip } from "../../src/testing/zip.ts";
import { AWS_CLIS } from "./aws-cli.ts";
import { arnOf, cliSession, executionRole, type CliSession } from "./cli-session.ts";
import { clients, type Clients } from "./client.ts";
import { archiveWithPackages } from "./python-packages.ts";
import { SDK_CONFIG, startServer, until, type RunningServer } from "./server.ts";

const METADATA = `import json
import os
import boto3

dynamodb = boto3.resource("dynamodb")
table = dynamodb.Table(os.environ["TABLE_NAME"])

def lambda_handler(event, context):
    record = event["Records"][0]
    bucket = record["s3"]["bucket"]["name"]
    key = record["s3"]["object"]["key"]

    if not key.startswith("data/") or not key.endswith(".csv"):
        print(f"Skipping object: {key}")
        return {"statusCode": 200, "body": "Skipped"}

    table.put_item(
        Item={
            "object_key": key,
            "bucket": bucket,
            "event_name": record["eventName"],
        }
    )

    print(f"Wrote metadata for s3://{bucket}/{key}")
    return {"statusCode": 200, "body": json.dumps({"bucket": bucket, "key": key})}
`;
const FIRST_ROWS = `import os
import boto3
import pandas as pd

s3_client = boto3.client("s3")

OUTPUT_BUCKET = os.environ["OUTPUT_BUCKET"]
OUTPUT_KEY = os.environ["OUTPUT_KEY"]

def lambda_handler(event, context):
    record = event["Records"][0]
    source_bucket = record["s3"]["bucket"]["name"]
    source_key = record["s3"]["object"]["key"]

    if not source_key.startswith("data/") or not source_key.endswith(".csv"):
        print(f"Skipping object: {source_key}")
        return

    response = s3_client.get_object(Bucket=source_bucket, Key=source_key)
    df = pd.read_csv(response["Body"])
    first_ten_rows = df.head(10)

    s3_client.put_object(
        Bucket=OUTPUT_BUCKET,
        Key=OUTPUT_KEY,
        Body=first_ten_rows.to_csv(index=False),
    )

    print(f"Wrote transformed output to s3://{OUTPUT_BUCKET}/{OUTPUT_KEY}")
`;
const THUMBNAILS = `import io
import os
import urllib.parse
import boto3
from PIL import Image

s3 = boto3.client("s3")

def handler(event, context):
    for record in event["Records"]:
        bucket = record["s3"]["bucket"]["name"]
        key = urllib.parse.unquote_plus(record["s3"]["object"]["key"])
        if record["eventName"].startswith("ObjectRemoved"):
            s3.delete_object(Bucket=os.environ["THUMBNAILS"], Key=key)
            continue
        image = Image.open(s3.get_object(Bucket=bucket, Key=key)["Body"])
        image.thumbnail((100, 100))
        small = io.BytesIO()
        image.save(small, "PNG")
        s3.put_object(Bucket=os.environ["THUMBNAILS"], Key=key, Body=small.getvalue(), ContentType="image/png")
`;

let server: RunningServer;
let api: Clients;
let s3: S3Client;
let folder: string;
const fileIn = (name: string): string => join(folder, name);

before(async () => {
  server = await startServer({ env: { LAMBENT_SDK: "auto" } });
  api = clients(server);
  s3 = new S3Client({ ...SDK_CONFIG, endpoint: server.endpoint, forcePathStyle: true });
  folder = mkdtempSync(join(tmpdir(), "lambent-journeys-s3-"));
});
after(async () => {
  for (const client of [api, s3]) client?.destroy();
  await server?.[Symbol.asyncDispose]();
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
});

/** The bucket may call the function, and does so. */
async function notify(
  aws: CliSession,
  bucket: string,
  name: string,
  events: readonly string[],
): Promise<void> {
  await aws.ok(
    `lambda add-permission --function-name ${name} --statement-id s3 --action lambda:InvokeFunction
     --principal s3.amazonaws.com --source-arn ${arnOf.bucket(bucket)}`,
  );
  await aws.ok(
    `s3api put-bucket-notification-configuration --bucket ${bucket} --notification-configuration`,
    JSON.stringify({
      LambdaFunctionConfigurations: [{ LambdaFunctionArn: arnOf.function(name), Events: events }],
    }),
  );
}

const said = async (name: string, text: string): Promise<boolean> =>
  (await api.lines(name).catch(() => [])).some((line) => line.includes(text));

async function hasSdk(name: string): Promise<boolean> {
  return !(await said(name, "No module named 'boto3'"));
}

describe("a CSV file becomes a row of a table, through boto3 (J9)", { concurrency: true }, () => {
  for (const cli of AWS_CLIS) {
    test(cli.name, { skip: cli.skip }, async (t) => {
      const aws = cliSession(cli, server, folder);
      const [name, bucket, table] = ["metadata", "csv", "files"].map((what) => `${what}-${cli.suffix}`);
      assert.ok(name !== undefined && bucket !== undefined && table !== undefined);
      writeFileSync(fileIn("function.zip"), rawZip([{ name: "lambda_function.py", body: METADATA }]));
      writeFileSync(fileIn("x.csv"), "name,age\nAlice,30\n");
      await aws.ok(
        `dynamodb create-table --table-name ${table} --billing-mode PAY_PER_REQUEST
         --attribute-definitions AttributeName=object_key,AttributeType=S
         --key-schema AttributeName=object_key,KeyType=HASH`,
      );
      const role = await executionRole(
        server,
        name,
        ["dynamodb:PutItem"],
        `arn:aws:dynamodb:*:*:table/${table}`,
      );
      await aws.ok(
        `lambda create-function --function-name ${name} --runtime python3.12 --role ${role}
         --handler lambda_function.lambda_handler --zip-file fileb://function.zip --timeout 60
         --environment Variables={TABLE_NAME=${table}}`,
      );
      await aws.ok(`s3 mb s3://${bucket}`);
      await notify(aws, bucket, name, ["s3:ObjectCreated:*"]);

      await aws.ok(`s3 cp x.csv s3://${bucket}/data/x.csv`);
      await aws.ok(`s3 cp x.csv s3://${bucket}/other/x.txt`);
      await until("both were looked at", async () => {
        if (!(await hasSdk(name))) return true;
        const wrote = await said(name, `Wrote metadata for s3://${bucket}/data/x.csv`);
        return wrote && (await said(name, "Skipping object: other/x.txt"));
      });
      if (!(await hasSdk(name))) return t.skip("boto3 could not be installed");
      const { Items } = await aws.ok(`dynamodb scan --table-name ${table}`);
      assert.deepEqual(Items, [
        {
          object_key: { S: "data/x.csv" },
          bucket: { S: bucket },
          event_name: { S: "ObjectCreated:Put" },
        },
      ]);
    });
  }
});

const cli = AWS_CLIS.find((one) => one.skip === false);
const none = cli === undefined ? "no AWS CLI is installed" : false;
describe("code that brings its packages", { skip: none, concurrency: true }, () => {
  let aws: CliSession;
  before(async () => {
    assert.ok(cli !== undefined);
    aws = cliSession(cli, server, folder);
    await executionRole(server, "objects", ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"]);
  });

  async function deploy(name: string, code: string, handler: string, environment: string): Promise<void> {
    const size = readFileSync(fileIn(code)).length;
    assert.ok(size < 50 * 1024 * 1024, `${code} has ${String(size)} bytes`);
    await aws.ok(
      `lambda create-function --function-name ${name} --runtime python3.12 --role ${arnOf.role("objects")}
       --handler ${handler} --zip-file fileb://${code} --timeout 60 --memory-size 512
       --environment ${environment}`,
    );
  }

  test("pandas writes the first ten rows into another bucket (J10)", async (t) => {
    const source = fileIn("rows.py");
    writeFileSync(source, FIRST_ROWS);
    const handler = { name: "lambda_function.py", path: source };
    const reason = await archiveWithPackages(server, ["pandas"], handler, fileIn("pandas.zip"));
    if (reason !== undefined) return t.skip(reason);
    await aws.ok("s3 mb s3://rows-in");
    await aws.ok("s3 mb s3://rows-out");
    await deploy(
      "rows",
      "pandas.zip",
      "lambda_function.lambda_handler",
      "Variables={OUTPUT_BUCKET=rows-out,OUTPUT_KEY=first.csv}",
    );
    await notify(aws, "rows-in", "rows", ["s3:ObjectCreated:*"]);
    const rows = Array.from({ length: 25 }, (_, n) => `${String(n)},name ${String(n)}`);
    writeFileSync(fileIn("rows.csv"), ["id,name", ...rows, ""].join("\n"));
    await aws.ok("s3 cp rows.csv s3://rows-in/other/rows.csv");
    await aws.ok("s3 cp rows.csv s3://rows-in/data/rows.csv");
    await until(
      "the output was written",
      async () =>
        (await said("rows", "Wrote transformed output to s3://rows-out/first.csv")) ||
        !(await hasSdk("rows")),
      60,
    );
    if (!(await hasSdk("rows"))) return t.skip("boto3 could not be installed");
    assert.ok(await said("rows", "Skipping object: other/rows.csv"));
    const output = await aws.ok("s3 cp s3://rows-out/first.csv -");
    assert.equal(output, ["id,name", ...rows.slice(0, 10), ""].join("\n"));
  });

  test("a picture gets a thumbnail, and loses it with itself (J21)", async (t) => {
    const source = fileIn("thumbnails.py");
    writeFileSync(source, THUMBNAILS);
    const handler = { name: "lambda_function.py", path: source };
    const reason = await archiveWithPackages(server, ["pillow"], handler, fileIn("pillow.zip"));
    if (reason !== undefined) return t.skip(reason);
    await aws.ok("s3 mb s3://pictures");
    await aws.ok("s3 mb s3://thumbnails");
    await deploy("thumbnail", "pillow.zip", "lambda_function.handler", "Variables={THUMBNAILS=thumbnails}");
    await notify(aws, "pictures", "thumbnail", ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"]);
    writeFileSync(fileIn("wide.ppm"), picture(400, 200));
    await aws.ok("s3 cp wide.ppm", "s3://pictures/my holiday.ppm");
    const thumbnail = (): Promise<boolean> =>
      s3.send(new HeadObjectCommand({ Bucket: "thumbnails", Key: "my holiday.ppm" })).then(
        () => true,
        () => false,
      );
    await until(
      "the thumbnail is there",
      async () => (await thumbnail()) || !(await hasSdk("thumbnail")),
      60,
    );
    if (!(await hasSdk("thumbnail"))) return t.skip("boto3 could not be installed");
    await aws.ok("s3 cp", "s3://thumbnails/my holiday.ppm", "small.png");
    const png = readFileSync(fileIn("small.png"));
    assert.deepEqual([png.readUInt32BE(16), png.readUInt32BE(20)], [100, 50]);
    await aws.ok("s3 rm", "s3://pictures/my holiday.ppm");
    await until("the thumbnail is gone", async () => !(await thumbnail()));
  });

  test("an archive over 50 MB comes through a bucket; one over 250 MB unzipped does not (J34)", async () => {
    const code = { name: "lambda_function.py", body: "def handler(event, context): return 'large'\n" };
    writeFileSync(
      fileIn("large.zip"),
      rawZip([code, { name: "data.bin", body: Buffer.alloc(53_000_000), method: 0 }]),
    );
    writeFileSync(fileIn("too-large.zip"), rawZip([{ name: "data.bin", body: Buffer.alloc(262_144_001) }]));
    await aws.ok("s3 mb s3://archives");
    await aws.ok("s3 cp large.zip s3://archives/large.zip");
    await aws.ok("s3 cp too-large.zip s3://archives/too-large.zip");
    const create = (name: string, key: string): string =>
      `lambda create-function --function-name ${name} --runtime python3.12 --role ${arnOf.role("objects")}
       --handler lambda_function.handler --code S3Bucket=archives,S3Key=${key}`;
    await aws.ok(create("large", "large.zip"));
    await until("it is there", async () => (await api.invoke("large")).payload === "large");
    await aws.refused(
      /InvalidParameterValueException.*Unzipped size must be smaller than 262144000 bytes/s,
      create("larger", "too-large.zip"),
    );
  });
});

/** A grey picture in the simplest format that Pillow reads. */
function picture(width: number, height: number): Buffer {
  const head = Buffer.from(`P6 ${String(width)} ${String(height)} 255\n`);
  return Buffer.concat([head, Buffer.alloc(width * height * 3, 0x80)]);
}
