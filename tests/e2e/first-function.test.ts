/** Journeys J2 and J3: create, invoke and read logs with the real command line clients, as first-time users type it. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import {
  AWS_V1,
  AWS_V2,
  clientEnv,
  lambent,
  PYTHON_BOTO3,
  run,
  startServer,
  until,
  type RunningServer,
} from "./server.ts";
import { zip } from "../../src/testing/zip.ts";

const HELLO = `import json

def lambda_handler(event, context):
    print(f"Received event: {json.dumps(event)}")
    name = event.get('queryStringParameters', {}).get('name', event.get('name', 'World'))
    return {
        'statusCode': 200,
        'body': json.dumps({
            'message': f'Hello, {name}!',
            'functionName': context.function_name,
            'awsRequestId': context.aws_request_id
        })
    }
`;

let server: RunningServer;
let folder: string;

before(async () => {
  server = await startServer();
  folder = mkdtempSync(join(tmpdir(), "lambent-first-"));
  writeFileSync(join(folder, "function.zip"), await zip({ "lambda_function.py": HELLO }));
});
after(async () => {
  await server?.[Symbol.asyncDispose]();
});

function hello(text: string, functionName: string): void {
  const answer = JSON.parse(text) as { statusCode: number; body: string };
  assert.equal(answer.statusCode, 200);
  const body = JSON.parse(answer.body) as Record<string, string>;
  assert.equal(body["message"], "Hello, Alice!");
  assert.equal(body["functionName"], functionName);
  assert.match(body["awsRequestId"] ?? "", /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
}

describe("AWS CLI v1", { skip: AWS_V1 === undefined ? "aws (v1) is not installed" : false }, () => {
  const aws = (...args: string[]): ReturnType<typeof run> =>
    run(AWS_V1 ?? "", args, { cwd: folder, env: clientEnv(server) });

  test("create, invoke at once, logs", async () => {
    const created = await aws(
      ...["lambda", "create-function", "--function-name", "hello-world", "--runtime", "python3.12"],
      ...["--role", "arn:aws:iam::123456789012:role/lambda-execution-role"],
      ...["--handler", "lambda_function.lambda_handler", "--zip-file", "fileb://function.zip"],
    );
    assert.equal(created.code, 0, created.stderr);
    const configuration = JSON.parse(created.stdout) as Record<string, unknown>;
    assert.equal(configuration["Version"], "$LATEST");
    assert.equal(configuration["State"], "Pending");
    assert.equal(configuration["FunctionArn"], "arn:aws:lambda:us-east-1:000000000000:function:hello-world");

    const invoked = await aws(
      ...["lambda", "invoke", "--function-name", "hello-world"],
      ...["--payload", '{"queryStringParameters": {"name": "Alice"}}', "response.json"],
    );
    assert.equal(invoked.code, 0, invoked.stderr);
    assert.deepEqual(JSON.parse(invoked.stdout), { StatusCode: 200, ExecutedVersion: "$LATEST" });
    hello(readFileSync(join(folder, "response.json"), "utf8"), "hello-world");

    const groups = await aws(
      "logs",
      "describe-log-groups",
      "--log-group-name-prefix",
      "/aws/lambda/hello-world",
    );
    assert.match(groups.stdout, /"logGroupName": "\/aws\/lambda\/hello-world"/);

    let text = "";
    await until("START, the printed line, END and REPORT are in the log", async () => {
      text = (await aws("logs", "filter-log-events", "--log-group-name", "/aws/lambda/hello-world")).stdout;
      return /START RequestId/.test(text) && /Received event/.test(text) && /REPORT RequestId/.test(text);
    });
    assert.match(text, /Init Duration/);
  });

  test("an asynchronous call answers 202 and runs", async () => {
    const accepted = await aws(
      ...["lambda", "invoke", "--function-name", "hello-world", "--invocation-type", "Event"],
      ...["--payload", '{"name": "async-caller"}', "out.json"],
    );
    assert.equal(accepted.code, 0, accepted.stderr);
    assert.equal((JSON.parse(accepted.stdout) as { StatusCode: number }).StatusCode, 202);
    await until("the event ran", async () => {
      const events = await aws(
        "logs",
        "filter-log-events",
        "--log-group-name",
        "/aws/lambda/hello-world",
        "--filter-pattern",
        '"async-caller"',
      );
      return /Received event/.test(events.stdout);
    });
  });
});

describe(
  "Debian's AWS CLI v2",
  { skip: AWS_V2 === undefined ? "/usr/bin/aws (v2) is not installed" : false },
  () => {
    test("through `lambent aws`, with the flag only v2 knows", async () => {
      const aws = (...args: string[]): ReturnType<typeof run> => lambent(server, ["aws", ...args], folder);
      const created = await aws(
        ...["lambda", "create-function", "--function-name", "hello-v2", "--runtime", "python3.12"],
        ...["--role", "arn:aws:iam::000000000000:role/LambdaBasicRole"],
        ...["--handler", "lambda_function.lambda_handler", "--zip-file", "fileb://function.zip"],
      );
      assert.equal(created.code, 0, created.stderr + created.stdout);
      const invoked = await aws(
        ...["lambda", "invoke", "--function-name", "hello-v2", "--payload", '{"name": "Alice"}'],
        ...["--cli-binary-format", "raw-in-base64-out", "v2.json"],
      );
      assert.equal(invoked.code, 0, invoked.stderr + invoked.stdout);
      hello(readFileSync(join(folder, "v2.json"), "utf8"), "hello-v2");
    });

    test("a literal YOUR_ACCOUNT_ID gives AWS's validation error, and the ARN to use", async () => {
      const refused = await lambent(
        server,
        [
          ...["aws", "lambda", "create-function", "--function-name", "hello-role", "--runtime", "python3.12"],
          ...["--role", "arn:aws:iam::YOUR_ACCOUNT_ID:role/LambdaBasicRole"],
          ...["--handler", "lambda_function.lambda_handler", "--zip-file", "fileb://function.zip"],
        ],
        folder,
      );
      assert.notEqual(refused.code, 0);
      assert.match(refused.stderr + refused.stdout, /ValidationException/);
      assert.match(refused.stderr + refused.stdout, /failed to satisfy constraint/);
      assert.match(refused.stderr, /→ lambent: .*arn:aws:iam::000000000000:role\/LambdaBasicRole/);
    });
  },
);

test("boto3", { skip: PYTHON_BOTO3 === undefined ? "python3 is not installed" : false }, async (t) => {
  const script = `
import boto3, io, json, zipfile
buffer = io.BytesIO()
with zipfile.ZipFile(buffer, "w") as archive:
    archive.writestr("index.js", "exports.handler = async (event) => ({ greeting: 'Hello, ' + event.name + '!' });")
client = boto3.client("lambda")
client.create_function(FunctionName="boto", Runtime="nodejs22.x", Role="arn:aws:iam::000000000000:role/r", Handler="index.handler", Code={"ZipFile": buffer.getvalue()})
client.get_waiter("function_active_v2").wait(FunctionName="boto")
answer = client.invoke(FunctionName="boto", Payload=json.dumps({"name": "Alice"}), LogType="Tail")
print(json.loads(answer["Payload"].read())["greeting"])
try:
    client.get_function(FunctionName="absent")
except client.exceptions.ResourceNotFoundException as error:
    print(error.response["Error"]["Message"])
`;
  const probe = await run(PYTHON_BOTO3 ?? "", ["-c", "import boto3"]);
  if (probe.code !== 0) return t.skip("boto3 is not installed");
  const ran = await run(PYTHON_BOTO3 ?? "", ["-c", script], { env: clientEnv(server) });
  assert.equal(ran.code, 0, ran.stderr);
  assert.equal(
    ran.stdout,
    "Hello, Alice!\nFunction not found: arn:aws:lambda:us-east-1:000000000000:function:absent\n",
  );
});
