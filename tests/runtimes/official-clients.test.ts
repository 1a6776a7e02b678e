import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { describe, it } from "node:test";
import { functionEnvironment, REQUEST_ID } from "./harness.ts";
import { prepareAwslambdaric, prepareAwsLambdaRic } from "./official-clients.ts";

interface Posted {
  readonly url: string;
  readonly body: unknown;
  readonly errorType: string | undefined;
}

/** As little of the Runtime API as a client needs: hands out events, collects what is posted. */
async function serveEvents(events: readonly unknown[]): Promise<{
  readonly address: string;
  readonly posted: Promise<readonly Posted[]>;
  close(): void;
}> {
  const waiting = [...events];
  const posts: Posted[] = [];
  let done: (posts: readonly Posted[]) => void = () => undefined;
  const posted = new Promise<readonly Posted[]>((resolve) => (done = resolve));
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    if (request.url === "/2018-06-01/runtime/invocation/next") {
      if (waiting.length === 0) return; // the last poll waits until the end
      response.setHeader("Content-Type", "application/json");
      response.setHeader("Lambda-Runtime-Aws-Request-Id", REQUEST_ID);
      response.setHeader("Lambda-Runtime-Deadline-Ms", String(Date.now() + 3000));
      response.setHeader(
        "Lambda-Runtime-Invoked-Function-Arn",
        "arn:aws:lambda:us-east-1:000000000000:function:hello",
      );
      response.end(JSON.stringify(waiting.shift()));
      return;
    }
    let text = "";
    request.on("data", (chunk: Buffer) => (text += chunk.toString()));
    request.on("end", () => {
      const type = request.headers["lambda-runtime-function-error-type"];
      posts.push({
        url: request.url ?? "",
        body: JSON.parse(text) as unknown,
        errorType: Array.isArray(type) ? type[0] : type,
      });
      response.statusCode = 202;
      response.end('{"status":"OK"}');
      if (posts.length === events.length) done(posts);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    posted,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

const CLIENTS = [
  { name: "awslambdaric", prepare: prepareAwslambdaric, error: "ValueError" },
  { name: "aws-lambda-ric", prepare: prepareAwsLambdaRic, error: "RangeError" },
];

describe("AWS's own runtime clients as custom runtimes", () => {
  for (const client of CLIENTS) {
    it(`${client.name} answers and reports`, async (context) => {
      const prepared = await client.prepare();
      if ("skip" in prepared) return context.skip(`${client.name}: ${prepared.skip}`);
      const api = await serveEvents([{ n: 1 }, { fail: true }, { n: 2 }]);
      const child = spawn(path.join(prepared.folder, "bootstrap"), {
        env: {
          ...functionEnvironment("provided.al2023", prepared.folder),
          AWS_LAMBDA_RUNTIME_API: api.address,
          _HANDLER: prepared.handler,
        },
        stdio: ["ignore", "pipe", "pipe"],
      });
      let output = "";
      child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
      child.stderr.on("data", (chunk: Buffer) => (output += chunk.toString()));
      const ended = once(child, "close").then(() => {
        throw new Error(`${client.name} ended: ${output}`);
      });
      try {
        const posts = await Promise.race([api.posted, ended]);
        const answers = `/2018-06-01/runtime/invocation/${REQUEST_ID}`;
        assert.deepEqual(
          posts.map((post) => post.url),
          [`${answers}/response`, `${answers}/error`, `${answers}/response`],
        );
        assert.deepEqual(posts[0]?.body, { echo: { n: 1 }, id: REQUEST_ID, name: "hello" });
        const failure = posts[1]?.body as { errorType: string } | undefined;
        assert.equal(failure?.errorType, client.error);
        assert.match(output, /says hi/);
      } finally {
        ended.catch(() => undefined);
        child.kill("SIGKILL");
        api.close();
      }
    });
  }
});
