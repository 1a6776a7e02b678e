/** AWS's own runtime clients, unmodified from their registries, as custom runtimes on provided.al2023. */
import assert from "node:assert/strict";
import { readdir, readFile, stat } from "node:fs/promises";
import { join, relative } from "node:path";
import { after, before, describe, test, type TestContext } from "node:test";
import { rawZip, type RawEntry } from "../../src/testing/zip.ts";
import { prepareAwslambdaric, prepareAwsLambdaRic, type Prepared } from "../runtimes/official-clients.ts";
import { clients, ROLE, type Clients } from "./client.ts";
import { startServer, until, type RunningServer } from "./server.ts";
import { CreateFunctionCommand, waitUntilFunctionActiveV2 } from "@aws-sdk/client-lambda";

let server: RunningServer;
let aws: Clients;

before(async () => {
  server = await startServer();
  aws = clients(server);
});
after(async () => {
  aws?.destroy();
  await server?.[Symbol.asyncDispose]();
});

describe("official runtime clients", () => {
  for (const [name, prepare, fault] of [
    ["awslambdaric", prepareAwslambdaric, "ValueError"],
    ["aws-lambda-ric", prepareAwsLambdaRic, "RangeError"],
  ] as const) {
    test(name, async (t) => runs(t, name, await prepare(), fault));
  }
});

async function runs(t: TestContext, name: string, prepared: Prepared, fault: string): Promise<void> {
  if ("skip" in prepared) return t.skip(`${name} cannot be built here: ${prepared.skip}`);
  await aws.lambda.send(
    new CreateFunctionCommand({
      FunctionName: name,
      Role: ROLE,
      Runtime: "provided.al2023",
      Handler: prepared.handler,
      Code: { ZipFile: await zipFolder(prepared.folder) },
      MemorySize: 512,
      Timeout: 20,
    }),
  );
  await waitUntilFunctionActiveV2(
    { client: aws.lambda, maxWaitTime: 30, minDelay: 1, maxDelay: 1 },
    { FunctionName: name },
  );
  const first = await aws.invoke(name, { n: 1 });
  // Inside a sandbox only the system's interpreters are there.
  if (/exit status 127|No such file/.test(JSON.stringify(first.payload))) {
    return t.skip(`${name}: its interpreter is not to be seen from a sandbox: ${first.log}`);
  }
  assert.equal(first.functionError, undefined, JSON.stringify(first.payload) + first.log);
  const answer = first.payload as { echo: unknown; id: string; name: string };
  assert.deepEqual(answer.echo, { n: 1 });
  assert.equal(answer.name, name);
  assert.match(first.log, new RegExp(`END RequestId: ${answer.id}`));
  const failed = await aws.invoke(name, { fail: true });
  assert.equal(failed.functionError, "Unhandled");
  const error = failed.payload as { errorType: string; errorMessage: string };
  assert.deepEqual([error.errorType, error.errorMessage], [fault, "asked to"]);
  const again = await aws.invoke(name, { n: 2 });
  assert.deepEqual((again.payload as { echo: unknown }).echo, { n: 2 });
  assert.doesNotMatch(again.log, /Init Duration/, "the environment lives on");
  await until("its lines are in the log", async () => (await aws.lines(name, "says hi")).length >= 3);
}

async function zipFolder(folder: string): Promise<Uint8Array> {
  const entries: RawEntry[] = [];
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || entry.parentPath.includes("__pycache__")) continue;
    const path = join(entry.parentPath, entry.name);
    const { mode } = await stat(path);
    entries.push({ name: relative(folder, path), body: await readFile(path), mode });
  }
  return rawZip(entries);
}
