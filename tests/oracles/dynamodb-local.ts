/** Amazon's DynamoDB Local as a process, for tests that compare. */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { freePort, ROOT, until } from "../e2e/server.ts";

const FOLDER: string = process.env["LAMBENT_TEST_DYNAMODB_LOCAL"] ?? join(ROOT, ".ci/tools/dynamodb-local");
const HEAP = "-Xmx256m";

/** Why it cannot run here, or false. */
export function missingDynamodbLocal(): string | false {
  if (!existsSync(join(FOLDER, "DynamoDBLocal-2.6.1.jar"))) {
    return `no DynamoDB Local in ${FOLDER} (LAMBENT_TEST_DYNAMODB_LOCAL)`;
  }
  const java = (process.env["PATH"] ?? "").split(":").some((folder) => existsSync(join(folder, "java")));
  return java ? false : "no java on the PATH";
}

export interface DynamodbLocal extends AsyncDisposable {
  readonly endpoint: string;
}

/** In memory; ended with the test. */
export async function startDynamodbLocal(): Promise<DynamodbLocal> {
  const port = await freePort();
  const endpoint = `http://127.0.0.1:${String(port)}`;
  const main = "com.amazonaws.services.dynamodbv2.local.main.ServerRunner";
  const child = spawn(
    "java",
    [
      HEAP,
      `-Djava.library.path=${FOLDER}`,
      "-cp",
      join(FOLDER, "*"),
      main,
      "-inMemory",
      "-sharedDb",
      "-disableTelemetry",
      "-port",
      String(port),
    ],
    { stdio: "ignore" },
  );
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  await until("DynamoDB Local answers", async () => (await fetch(endpoint)).status > 0, 60);
  return {
    endpoint,
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await ended;
    },
  };
}
