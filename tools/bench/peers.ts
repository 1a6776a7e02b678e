/** The peers measured beside us, installed from the registries into a temporary folder and bound to loopback. */
import { execFileSync, type ChildProcess } from "node:child_process";
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { NODE_ECHO, zip } from "./functions.ts";
import { freePort, start, until } from "./processes.ts";

export interface Peer {
  readonly name: string;
  readonly child: ChildProcess;
  readonly port: number;
  readonly request: Buffer;
}

const PAYLOAD = '{"hello":"world","n":12345678901234}';

function post(port: number, path: string): Buffer {
  return Buffer.from(
    `POST ${path} HTTP/1.1\r\nhost: 127.0.0.1:${String(port)}\r\ncontent-type: application/json\r\n` +
      `authorization: AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/lambda/aws4_request, SignedHeaders=host, Signature=0\r\n` +
      `content-length: ${String(PAYLOAD.length)}\r\n\r\n${PAYLOAD}`,
  );
}

export async function serverlessOffline(): Promise<Peer> {
  const folder = mkdtempSync(join(tmpdir(), "peer-offline-"));
  writeFileSync(join(folder, "package.json"), '{"private":true}');
  execFileSync(
    "npm",
    [
      "install",
      "--no-audit",
      "--no-fund",
      "--ignore-scripts",
      "serverless@3.40.0",
      "serverless-offline@13.10.1",
    ],
    { cwd: folder, stdio: "ignore" },
  );
  writeFileSync(join(folder, NODE_ECHO.file), NODE_ECHO.code);
  const [httpPort, lambdaPort, socketPort] = [await freePort(), await freePort(), await freePort()];
  writeFileSync(
    join(folder, "serverless.yml"),
    `service: bench\nframeworkVersion: '3'\nprovider: {name: aws, runtime: nodejs20.x, region: us-east-1}\nplugins: [serverless-offline]\n` +
      `custom: {serverless-offline: {httpPort: ${String(httpPort)}, lambdaPort: ${String(lambdaPort)}, websocketPort: ${String(socketPort)}, host: 127.0.0.1, noTimeout: true}}\n` +
      `functions: {echo: {handler: index.handler, memorySize: 1769}}\n`,
  );
  const child = start(
    "node",
    [join(folder, "node_modules/serverless/bin/serverless.js"), "offline", "start"],
    {
      cwd: folder,
      env: { SLS_TELEMETRY_DISABLED: "1", SLS_NOTIFICATIONS_MODE: "off" },
    },
  );
  const path = "/2015-03-31/functions/bench-dev-echo/invocations";
  await until(
    "serverless-offline",
    async () =>
      (await fetch(`http://127.0.0.1:${String(lambdaPort)}${path}`, { method: "POST", body: PAYLOAD }))
        .status === 200,
  );
  return { name: "serverless-offline", child, port: lambdaPort, request: post(lambdaPort, path) };
}

export async function ministack(): Promise<Peer> {
  const folder = mkdtempSync(join(tmpdir(), "peer-ministack-"));
  execFileSync("python3", ["-m", "venv", join(folder, "venv")], { stdio: "ignore" });
  execFileSync(join(folder, "venv/bin/pip"), ["install", "-q", "ministack==1.5.33"], { stdio: "ignore" });
  mkdirSync(join(folder, "work"));
  const port = await freePort();
  const child = start(join(folder, "venv/bin/ministack"), [], {
    cwd: join(folder, "work"),
    env: { BIND_HOST: "127.0.0.1", GATEWAY_PORT: String(port), EDGE_PORT: String(port), PORT: String(port) },
  });
  await until(
    "ministack",
    async () => (await fetch(`http://127.0.0.1:${String(port)}/_ministack/health`)).status < 500,
  );
  const archive = await zip(NODE_ECHO.file, NODE_ECHO.code);
  const headers = {
    authorization:
      "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/lambda/aws4_request, SignedHeaders=host, Signature=0",
  };
  await fetch(`http://127.0.0.1:${String(port)}/2015-03-31/functions`, {
    method: "POST",
    headers,
    body: JSON.stringify({
      FunctionName: "echo",
      Runtime: "nodejs20.x",
      Handler: NODE_ECHO.handler,
      Role: "arn:aws:iam::000000000000:role/r",
      Code: { ZipFile: archive.toString("base64") },
    }),
  });
  const path = "/2015-03-31/functions/echo/invocations";
  await until(
    "ministack's function",
    async () =>
      (await fetch(`http://127.0.0.1:${String(port)}${path}`, { method: "POST", headers, body: PAYLOAD }))
        .status === 200,
  );
  return { name: "ministack", child, port, request: post(port, path) };
}
