/** The product under test: the packed package, installed into a folder of its own, and its functions. */
import { execFileSync, type ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { zip, type FunctionSource } from "./functions.ts";
import { freePort, start, until } from "./processes.ts";
import { signedRequest, type Credentials } from "./signed-request.ts";

export interface Lambent {
  readonly child: ChildProcess;
  /** Of the server itself: the launcher's child. */
  readonly serverPid: number;
  readonly port: number;
  readonly dataDir: string;
  readonly credentials: Credentials;
  readonly readyMs: number;
  call(
    service: string,
    path: string,
    body: string,
    headers?: Record<string, string>,
    method?: string,
  ): Promise<Response>;
}

/** `npm pack`, then install the tarball as a user would. Returns the launcher's path. */
export function installPacked(root: string): string {
  const folder = mkdtempSync(join(tmpdir(), "lambent-bench-"));
  const npm = (args: string[], cwd: string): string =>
    execFileSync("npm", args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  const tarball =
    npm(["pack", "--pack-destination", folder, "--silent"], root).trim().split("\n").at(-1) ?? "";
  npm(["init", "-y"], folder);
  npm(["install", "--no-audit", "--no-fund", "--prefer-offline", join(folder, tarball)], folder);
  return join(folder, "node_modules/lambent/bin/lambent.js");
}

export async function startLambent(
  launcher: string,
  dataDir?: string,
  flags: readonly string[] = [],
): Promise<Lambent> {
  const port = await freePort();
  const folder = dataDir ?? mkdtempSync(join(tmpdir(), "lambent-data-"));
  const from = performance.now();
  const child = start(process.execPath, [
    launcher,
    "start",
    "--port",
    String(port),
    "--data-dir",
    folder,
    ...flags,
  ]);
  await until(
    "ready",
    async () => (await fetch(`http://127.0.0.1:${String(port)}/_lambent/health`)).status === 200,
  );
  const readyMs = performance.now() - from;
  const root = JSON.parse(readFileSync(join(folder, "root-key.json"), "utf8")) as Credentials;
  const server = existsSync(join(folder, "server.json"))
    ? (JSON.parse(readFileSync(join(folder, "server.json"), "utf8")) as { pid: number }).pid
    : (child.pid ?? 0);
  return {
    child,
    serverPid: server,
    port,
    dataDir: folder,
    credentials: root,
    readyMs,
    call(service, path, body, headers = {}, method = "POST") {
      const request = signedRequest(root, { method, path, port, service }, body, headers).toString("latin1");
      const sent: Record<string, string> = {};
      for (const line of request.slice(0, request.indexOf("\r\n\r\n")).split("\r\n").slice(1)) {
        const colon = line.indexOf(":");
        const name = line.slice(0, colon);
        if (name !== "host" && name !== "content-length") sent[name] = line.slice(colon + 1).trim();
      }
      return fetch(`http://127.0.0.1:${String(port)}${path}`, {
        method,
        headers: sent,
        ...(method === "GET" ? {} : { body }),
      });
    },
  };
}

export async function createFunction(
  lambent: Lambent,
  name: string,
  code: FunctionSource,
  memoryMb = 128,
  timeout = 30,
): Promise<void> {
  const archive = await zip(code.file, code.code);
  const answer = await lambent.call(
    "lambda",
    "/2015-03-31/functions",
    JSON.stringify({
      FunctionName: name,
      Runtime: code.runtime,
      Handler: code.handler,
      Role: "arn:aws:iam::000000000000:role/bench",
      MemorySize: memoryMb,
      Timeout: timeout,
      Code: { ZipFile: archive.toString("base64") },
    }),
    { "content-type": "application/json" },
  );
  if (answer.status !== 201)
    throw new Error(`CreateFunction ${name}: ${String(answer.status)} ${await answer.text()}`);
  await until(`${name} active`, async () => {
    const state = await lambent.call("lambda", `/2015-03-31/functions/${name}/configuration`, "", {}, "GET");
    return ((await state.json()) as { State?: string }).State === "Active";
  });
}

export function invokeRequest(
  lambent: Lambent,
  name: string,
  payload: string,
  headers: Record<string, string> = {},
): Buffer {
  return signedRequest(
    lambent.credentials,
    {
      method: "POST",
      path: `/2015-03-31/functions/${name}/invocations`,
      port: lambent.port,
      service: "lambda",
    },
    payload,
    headers,
  );
}

/** Lines of one kind stored in CloudWatch Logs for a function, counted by paging through all of them. */
export async function countLogLines(lambent: Lambent, name: string, word: string): Promise<number> {
  let count = 0;
  let token: string | undefined;
  do {
    const answer = await lambent.call(
      "logs",
      "/",
      JSON.stringify({
        logGroupName: `/aws/lambda/${name}`,
        filterPattern: word,
        limit: 10_000,
        ...(token === undefined ? {} : { nextToken: token }),
      }),
      { "content-type": "application/x-amz-json-1.1", "x-amz-target": "Logs_20140328.FilterLogEvents" },
    );
    const page = (await answer.json()) as { events?: { message: string }[]; nextToken?: string };
    count += (page.events ?? []).filter((event) => event.message.startsWith(word)).length;
    token = page.nextToken;
  } while (token !== undefined);
  return count;
}
