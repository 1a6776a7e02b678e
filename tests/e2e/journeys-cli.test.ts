/**
 * What users of the AWS CLI do to a function after the first call, once with each generation of it:
 * J3, J4, J6, J7, J24, J25, J27, J28, J31, J33 and J34. Clients that check ranges themselves (v1 knows
 * that memory starts at 128 MB) may refuse before the server does: then their sentence counts.
 */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { rawZip } from "../../src/testing/zip.ts";
import { AWS_CLIS, words } from "./aws-cli.ts";
import { startServer, type Ran, type RunningServer } from "./server.ts";

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
    # TODO implement
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

for (const cli of AWS_CLIS) {
  describe(cli.name, { skip: cli.skip }, () => {
    const aws = (command: string, ...more: string[]): Promise<Ran> =>
      cli.run(server, folder, [...words(command), ...more]);
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
    const created = (name: string, archive = "function.zip"): Promise<Record<string, unknown>> =>
      ok(
        `lambda create-function --function-name ${name} --runtime python3.12 --role ${ROLE}
         --handler lambda_function.lambda_handler --zip-file fileb://${archive}`,
      );
    const invoked = async (name: string, ...more: string[]): Promise<unknown> => {
      const out = `${name}.json`;
      await ok(`lambda invoke --function-name ${name}`, ...more, out);
      return JSON.parse(readFileSync(join(folder, out), "utf8")) as unknown;
    };
    const hello = `hello-${cli.suffix}`;

    test("the environment of a function is set and read (J3, J4)", async () => {
      await created(hello);
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
      await refused(
        /Lambda was unable to configure your environment variables because the environment variables you have provided contains reserved keys/,
        `lambda update-function-configuration --function-name ${hello} --environment Variables={AWS_REGION=x}`,
      );
    });

    test("the console's first Python function (J6)", async () => {
      await created(`template-${cli.suffix}`, "template.zip");
      assert.deepEqual(await invoked(`template-${cli.suffix}`), {
        statusCode: 200,
        body: '"Hello from Lambda!"',
      });
    });

    test("a renamed handler, found out and set right (J7)", async () => {
      const set = async (handler: string): Promise<void> => {
        await ok(`lambda update-function-configuration --function-name ${hello} --handler ${handler}`);
        await ok(`lambda wait function-updated --function-name ${hello}`);
      };
      await set("handlers.lambda_handler");
      const noModule = (await invoked(hello)) as Record<string, unknown>;
      assert.equal(noModule["errorType"], "Runtime.ImportModuleError");
      assert.equal(
        noModule["errorMessage"],
        "Unable to import module 'handlers': No module named 'handlers'",
      );
      await set("lambda_function.main");
      const noHandler = (await invoked(hello)) as Record<string, unknown>;
      assert.equal(noHandler["errorType"], "Runtime.HandlerNotFound");
      assert.equal(noHandler["errorMessage"], "Handler 'main' missing on module 'lambda_function'");
      await set("lambda_function.lambda_handler");
      assert.equal(((await invoked(hello)) as { statusCode: number }).statusCode, 200);
    });

    test("timeout, memory and /tmp within their ranges, in steps of one (J24, J25, J33)", async () => {
      const update = `lambda update-function-configuration --function-name ${hello}`;
      const most = await ok(`${update} --timeout 900 --memory-size 10240 --ephemeral-storage Size=10240`);
      assert.deepEqual(
        [most["Timeout"], most["MemorySize"], most["EphemeralStorage"]],
        [900, 10_240, { Size: 10_240 }],
      );
      await ok(`lambda wait function-updated --function-name ${hello}`);
      const odd = await ok(`${update} --timeout 1 --memory-size 129 --ephemeral-storage Size=2049`);
      assert.deepEqual(
        [odd["Timeout"], odd["MemorySize"], odd["EphemeralStorage"]],
        [1, 129, { Size: 2049 }],
      );
      await refused(
        /'timeout' failed to satisfy constraint: .* less than or equal to 900/,
        `${update} --timeout 901`,
      );
      await refused(/min(imum)? value: 1|greater than or equal to 1\b/, `${update} --timeout 0`);
      await refused(/less than or equal to 10240/, `${update} --memory-size 10241`);
      await refused(/min(imum)? value: 128|greater than or equal to 128/, `${update} --memory-size 127`);
      await refused(/less than or equal to 10240/, `${update} --ephemeral-storage Size=10241`);
      await refused(
        /min(imum)? value: 512|greater than or equal to 512/,
        `${update} --ephemeral-storage Size=511`,
      );
    });

    test("account quotas and reservations (J27, J28)", async () => {
      const settings = (await ok("lambda get-account-settings")) as { AccountLimit: Record<string, number> };
      assert.equal(settings.AccountLimit["ConcurrentExecutions"], 1000);
      const put = `lambda put-function-concurrency --function-name ${hello} --reserved-concurrent-executions`;
      assert.deepEqual(await ok(`${put} 100`), { ReservedConcurrentExecutions: 100 });
      const reserved = (await ok("lambda get-account-settings")) as { AccountLimit: Record<string, number> };
      assert.equal(reserved.AccountLimit["UnreservedConcurrentExecutions"], 900);
      await refused(
        /Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of \[100\]\./,
        `${put} 901`,
      );
      assert.deepEqual(await ok(`${put} 0`), { ReservedConcurrentExecutions: 0 });
      await refused(
        /TooManyRequestsException.*Rate Exceeded/s,
        `lambda invoke --function-name ${hello} x.json`,
      );
      await ok(`lambda delete-function-concurrency --function-name ${hello}`);
      assert.equal(((await invoked(hello)) as { statusCode: number }).statusCode, 200);
    });

    test("versions, an alias that splits, and the way back (J31)", async () => {
      const one = await ok(`lambda publish-version --function-name ${hello}`);
      assert.equal(one["Version"], "1");
      await ok(`lambda wait published-version-active --function-name ${hello} --qualifier 1`);
      await ok(`lambda update-function-code --function-name ${hello} --zip-file fileb://second.zip`);
      await ok(`lambda wait function-updated --function-name ${hello}`);
      assert.equal((await ok(`lambda publish-version --function-name ${hello}`))["Version"], "2");
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
      await ok(`lambda update-alias --function-name ${hello} --name live --function-version 1`);
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
      await refused(/Function not found/, `lambda get-function --function-name large-${cli.suffix}`);
    });
  });
}
