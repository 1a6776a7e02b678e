/**
 * What users of the AWS CLI do to a function after the first call, once with each generation of it:
 * J3, J4, J6, J7, J24, J25, J27, J28, J31, J33 and J34. Clients that check ranges themselves (v1 knows
 * that memory starts at 128 MB) may refuse before the server does: then their sentence counts.
 *
 * Each start of a CLI costs about a second, so it is started for what users type and read, once each; what
 * only sets the stage goes through the SDK, and the two generations work side by side, each in a region of
 * its own (quotas are counted by region).
 */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";
import { after, before, describe, test } from "node:test";
import {
  CreateFunctionCommand,
  GetFunctionCommand,
  InvokeCommand,
  LambdaClient,
  PublishVersionCommand,
  PutFunctionConcurrencyCommand,
  UpdateAliasCommand,
  UpdateFunctionConfigurationCommand,
  type UpdateFunctionConfigurationCommandInput,
  waitUntilFunctionUpdatedV2,
} from "@aws-sdk/client-lambda";
import { rawZip } from "../../src/testing/zip.ts";
import { AWS_CLIS, words, type AwsCli } from "./aws-cli.ts";
import { refusal } from "./client.ts";
import { ROOT, run, SDK_CONFIG, startServer, type Ran, type RunningServer } from "./server.ts";

const HELLO = `import json, os

def lambda_handler(event, context):
    name = event.get("name", "World")
    return {
        "statusCode": 200,
        "body": json.dumps({"message": f"Hello, {name}!"}),
        "host": os.environ.get("DB_HOST"),
    }
`;
const TEMPLATE = `import json

def lambda_handler(event, context):
    return {
        'statusCode': 200,
        'body': json.dumps('Hello from Lambda!')
    }
`;
const ROLE = "arn:aws:iam::000000000000:role/LambdaBasicRole";

let server: RunningServer;
let folder: string;

before(async () => {
  server = await startServer();
  folder = mkdtempSync(join(tmpdir(), "lambent-journeys-"));
  const file = (name: string, bytes: Uint8Array): void => writeFileSync(join(folder, name), bytes);
  file("function.zip", rawZip([{ name: "lambda_function.py", body: HELLO }]));
  file("template.zip", rawZip([{ name: "lambda_function.py", body: TEMPLATE }]));
  file("second.zip", rawZip([{ name: "lambda_function.py", body: HELLO.replace("Hello", "Servus") }]));
  file("large.zip", rawZip([{ name: "data.bin", body: Buffer.alloc(53_000_000), method: 0 }]));
  file("unzips-large.zip", rawZip([{ name: "data.bin", body: Buffer.alloc(262_144_001) }]));
});
after(async () => {
  await server?.[Symbol.asyncDispose]();
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
});

describe("journeys", { concurrency: true }, () => {
  for (const cli of AWS_CLIS) journeys(cli);
});

function journeys(cli: AwsCli): void {
  describe(cli.name, { skip: cli.skip, concurrency: 1 }, () => {
    const region = cli.suffix === "v1" ? "us-east-1" : "eu-west-1";
    let lambda: LambdaClient;
    before(() => {
      lambda = new LambdaClient({ ...SDK_CONFIG, region, endpoint: server.endpoint, maxAttempts: 1 });
    });
    after(() => lambda?.destroy());
    const aws = (command: string, ...more: string[]): Promise<Ran> =>
      cli.run(server, folder, [...words(command), ...more, "--region", region]);
    const settled = async (): Promise<void> => {
      await waitUntilFunctionUpdatedV2(
        { client: lambda, maxWaitTime: 20, minDelay: 1, maxDelay: 1 },
        { FunctionName: hello },
      );
    };
    const set = async (change: Partial<UpdateFunctionConfigurationCommandInput>): Promise<void> => {
      await lambda.send(new UpdateFunctionConfigurationCommand({ FunctionName: hello, ...change }));
      await settled();
    };
    const ok = async (command: string, ...more: string[]): Promise<Record<string, unknown>> => {
      const ran = await aws(command, ...more);
      assert.equal(ran.code, 0, `${command}\n${ran.stderr}${ran.stdout}`);
      return ran.stdout.trim() === "" ? {} : (JSON.parse(ran.stdout) as Record<string, unknown>);
    };
    const refused = async (sentence: RegExp, command: string, ...more: string[]): Promise<void> => {
      const ran = await aws(command, ...more);
      assert.notEqual(ran.code, 0, `${command} was accepted`);
      assert.match(ran.stderr + ran.stdout, sentence);
    };
    const invoked = async (name: string, ...more: string[]): Promise<unknown> => {
      const out = `${name}.json`;
      await ok(`lambda invoke --function-name ${name}`, ...more, out);
      return JSON.parse(readFileSync(join(folder, out), "utf8")) as unknown;
    };
    const hello = `hello-${cli.suffix}`;

    const inShell = (script: string): Promise<Ran> =>
      run(
        "bash",
        ["-c", `eval "$("$0" "$1" env)"; ${script}`, process.execPath, join(ROOT, "bin/lambent.js")],
        {
          cwd: folder,
          env: {
            LAMBENT_DATA_DIR: server.dataDir,
            PATH: `${dirname(cli.program ?? "")}:${process.env["PATH"] ?? ""}`,
          },
        },
      );

    // Version 1 goes past AWS_ENDPOINT_URL for SQS, Debian's version 2 for everything.
    test("after lambent env, a shell's own aws calls the server", async () => {
      const ran = await inShell(`aws sqs create-queue --queue-name of-${cli.suffix} && aws sqs list-queues`);
      assert.equal(ran.code, 0, ran.stderr);
      assert.match(ran.stdout, new RegExp(`"http://[^"]+/000000000000/of-${cli.suffix}"`));
    });

    // Typed as tutorials print them: only version 2 knows --cli-binary-format, and nobody knows the account.
    test("a tutorial's commands run as they are printed, and a mistake is answered with what to type", async () => {
      const name = `typed-${cli.suffix}`;
      const create = `aws lambda create-function --function-name ${name} --runtime python3.12 \\
        --handler lambda_function.lambda_handler --zip-file fileb://function.zip --role`;
      const mistaken = await inShell(`${create} arn:aws:iam::YOUR_ACCOUNT_ID:role/LambdaBasicRole`);
      assert.notEqual(mistaken.code, 0);
      assert.match(
        mistaken.stderr,
        /ValidationException[^]*→ lambent: [^]*arn:aws:iam::000000000000:role\/LambdaBasicRole/,
      );
      const ran = await inShell(`${create} ${ROLE} && aws lambda invoke --function-name ${name} \\
        --payload '{"name": "Alice"}' --cli-binary-format raw-in-base64-out ${name}.json`);
      assert.equal(ran.code, 0, ran.stderr);
      assert.match(readFileSync(join(folder, `${name}.json`), "utf8"), /Hello, Alice!/);
      assert.equal((await inShell(`aws lambda delete-function --function-name ${name}`)).code, 0);
    });

    test("the environment of a function is set and read (J3, J4)", async () => {
      await ok(
        `lambda create-function --function-name ${hello} --runtime python3.12 --role ${ROLE}
         --handler lambda_function.lambda_handler --zip-file fileb://function.zip`,
      );
      assert.deepEqual(await invoked(hello, "--payload", '{"name": "Alice"}'), {
        statusCode: 200,
        body: '{"message": "Hello, Alice!"}',
        host: null,
      });
      const change = await ok(
        `lambda update-function-configuration --function-name ${hello} --environment`,
        "Variables={DB_HOST=mydb.cluster.amazonaws.com,STAGE=prod}",
      );
      assert.equal(change["LastUpdateStatus"], "InProgress");
      assert.deepEqual(change["Environment"], {
        Variables: { DB_HOST: "mydb.cluster.amazonaws.com", STAGE: "prod" },
      });
      await ok(`lambda wait function-updated --function-name ${hello}`);
      const now = await ok(`lambda get-function-configuration --function-name ${hello}`);
      assert.equal(now["LastUpdateStatus"], "Successful");
      assert.equal(
        ((await invoked(hello, "--payload", "{}")) as { host: string }).host,
        "mydb.cluster.amazonaws.com",
      );
      await refused(
        /InvalidParameterValueException.*environment variables you have provided exceeded the 4KB limit/s,
        `lambda update-function-configuration --function-name ${hello} --environment`,
        `Variables={LONG=${"x".repeat(4096)}}`,
      );
      const reserved = await refusal(set({ Environment: { Variables: { AWS_REGION: "x" } } }));
      assert.match(
        reserved.message,
        /Lambda was unable to configure your environment variables because the environment variables you have provided contains reserved keys/,
      );
    });

    test("the console's first Python function (J6)", async () => {
      await lambda.send(
        new CreateFunctionCommand({
          FunctionName: `template-${cli.suffix}`,
          Runtime: "python3.12",
          Role: ROLE,
          Handler: "lambda_function.lambda_handler",
          Code: { ZipFile: readFileSync(join(folder, "template.zip")) },
        }),
      );
      assert.deepEqual(await invoked(`template-${cli.suffix}`), {
        statusCode: 200,
        body: '"Hello from Lambda!"',
      });
    });

    test("a renamed handler, found out and set right (J7)", async () => {
      await ok(
        `lambda update-function-configuration --function-name ${hello} --handler handlers.lambda_handler`,
      );
      await settled();
      const noModule = (await invoked(hello)) as Record<string, unknown>;
      assert.equal(noModule["errorType"], "Runtime.ImportModuleError");
      assert.equal(
        noModule["errorMessage"],
        "Unable to import module 'handlers': No module named 'handlers'",
      );
      const answer = async (): Promise<Record<string, unknown>> => {
        const { Payload } = await lambda.send(new InvokeCommand({ FunctionName: hello }));
        return JSON.parse(Buffer.from(Payload ?? []).toString()) as Record<string, unknown>;
      };
      await set({ Handler: "lambda_function.main" });
      const noHandler = await answer();
      assert.equal(noHandler["errorType"], "Runtime.HandlerNotFound");
      assert.equal(noHandler["errorMessage"], "Handler 'main' missing on module 'lambda_function'");
      await set({ Handler: "lambda_function.lambda_handler" });
      assert.equal((await answer())["statusCode"], 200);
    });

    test("timeout, memory and /tmp within their ranges, in steps of one (J24, J25, J33)", async () => {
      const update = `lambda update-function-configuration --function-name ${hello}`;
      await set({ Timeout: 900, MemorySize: 10_240, EphemeralStorage: { Size: 10_240 } });
      const odd = await ok(`${update} --timeout 1 --memory-size 129 --ephemeral-storage Size=2049`);
      assert.deepEqual(
        [odd["Timeout"], odd["MemorySize"], odd["EphemeralStorage"]],
        [1, 129, { Size: 2049 }],
      );
      // Bounds below are known to the clients, those above to the server.
      const above = `${update} --timeout 901 --memory-size 10241 --ephemeral-storage Size=10241`;
      await refused(/'timeout' failed to satisfy constraint: .* less than or equal to 900/, above);
      await refused(
        /min(imum)? value: 128|greater than or equal to 128/,
        `${update} --memory-size 127 --timeout 0`,
      );
      await settled();
      for (const [change, sentence] of [
        [{ MemorySize: 10_241 }, /less than or equal to 10240/],
        [{ EphemeralStorage: { Size: 10_241 } }, /less than or equal to 10240/],
        [{ EphemeralStorage: { Size: 511 } }, /greater than or equal to 512/],
        [{ Timeout: 0 }, /greater than or equal to 1\b/],
      ] as const) {
        assert.match((await refusal(set(change))).message, sentence);
      }
    });

    test("account quotas and reservations (J27, J28)", async () => {
      const put = `lambda put-function-concurrency --function-name ${hello} --reserved-concurrent-executions`;
      assert.deepEqual(await ok(`${put} 100`), { ReservedConcurrentExecutions: 100 });
      const settings = (await ok("lambda get-account-settings")) as { AccountLimit: Record<string, number> };
      assert.equal(settings.AccountLimit["ConcurrentExecutions"], 1000);
      assert.equal(settings.AccountLimit["UnreservedConcurrentExecutions"], 900);
      await refused(
        /Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of \[100\]\./,
        `${put} 901`,
      );
      await lambda.send(
        new PutFunctionConcurrencyCommand({ FunctionName: hello, ReservedConcurrentExecutions: 0 }),
      );
      await refused(
        /TooManyRequestsException.*Rate Exceeded/s,
        `lambda invoke --function-name ${hello} x.json`,
      );
      await ok(`lambda delete-function-concurrency --function-name ${hello}`);
      assert.equal((await lambda.send(new InvokeCommand({ FunctionName: hello }))).FunctionError, undefined);
    });

    test("versions, an alias that splits, and the way back (J31)", async () => {
      const one = await ok(`lambda publish-version --function-name ${hello}`);
      assert.equal(one["Version"], "1");
      await ok(`lambda wait published-version-active --function-name ${hello} --qualifier 1`);
      await ok(`lambda update-function-code --function-name ${hello} --zip-file fileb://second.zip`);
      await settled();
      const two = await lambda.send(new PublishVersionCommand({ FunctionName: hello }));
      assert.equal(two.Version, "2");
      const alias = await ok(
        `lambda create-alias --function-name ${hello} --name live --function-version 1 --routing-config`,
        "AdditionalVersionWeights={2=0.1}",
      );
      assert.deepEqual(alias["RoutingConfig"], { AdditionalVersionWeights: { "2": 0.1 } });
      const moved = await ok(
        `lambda update-alias --function-name ${hello} --name live --function-version 2 --routing-config {}`,
      );
      assert.equal(moved["RoutingConfig"], undefined);
      const greeting = async (): Promise<string> =>
        ((await invoked(hello, "--qualifier", "live")) as { body: string }).body;
      assert.equal(await greeting(), '{"message": "Servus, World!"}');
      await lambda.send(new UpdateAliasCommand({ FunctionName: hello, Name: "live", FunctionVersion: "1" }));
      assert.equal(await greeting(), '{"message": "Hello, World!"}');
      await refused(
        /Unable to delete version because the following aliases reference it: \[live\]/,
        `lambda delete-function --function-name ${hello} --qualifier 1`,
      );
    });

    test("archives over 50 MB zipped, and over 250 MB unzipped (J34)", async () => {
      const create = `lambda create-function --function-name large-${cli.suffix} --runtime python3.12
        --role ${ROLE} --handler lambda_function.lambda_handler --zip-file`;
      await refused(
        /RequestEntityTooLargeException.*Request must be smaller than 70167211 bytes for the CreateFunction operation/s,
        create,
        "fileb://large.zip",
      );
      await refused(
        /InvalidParameterValueException.*Unzipped size must be smaller than 262144000 bytes/s,
        create,
        "fileb://unzips-large.zip",
      );
      const missing = await refusal(
        lambda.send(new GetFunctionCommand({ FunctionName: `large-${cli.suffix}` })),
      );
      assert.match(missing.message, /Function not found/);
    });
  });
}
