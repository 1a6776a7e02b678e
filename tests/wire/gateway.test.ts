import assert from "node:assert/strict";
import { request as httpRequest } from "node:http";
import { connect } from "node:net";
import { test } from "node:test";

import { ServiceError } from "../../src/kernel/errors.ts";
import { createClient } from "../../src/aws/client.ts";
import type { RequestRecord } from "../../src/aws/gateway/gateway.ts";
import { createHttpServer } from "../../src/aws/gateway/http-server.ts";
import type { ShortPath } from "../../src/aws/service.ts";
import { startStub, type StubServer, stubService } from "./stub.ts";

interface Answer {
  readonly status: number;
  readonly headers: Record<string, string | string[] | undefined>;
  readonly body: string;
}

/** A raw request: `fetch` would not send the Host and Origin that the guard must refuse. */
function ask(
  stub: StubServer,
  path: string,
  options: { method?: string; headers?: Record<string, string>; body?: string | Uint8Array } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = httpRequest(
      {
        host: "127.0.0.1",
        port: stub.port,
        path,
        method: options.method ?? "GET",
        headers: options.headers ?? {},
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("end", () =>
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: Buffer.concat(chunks).toString("utf8"),
          }),
        );
      },
    );
    sent.on("error", reject);
    sent.end(options.body);
  });
}

function scope(service: string, keyId = "test"): Record<string, string> {
  return {
    authorization: `AWS4-HMAC-SHA256 Credential=${keyId}/20260101/eu-west-1/${service}/aws4_request, SignedHeaders=host, Signature=0`,
    "x-amz-date": "20260101T000000Z",
  };
}

const lambda = stubService("lambda", {
  ListFunctions: () => ({ Functions: [] }),
  GetFunction: (input) => {
    throw new ServiceError("ResourceNotFoundException", 404, `Function not found: ${input.FunctionName}`, {
      members: { Type: "User" },
      hint: "create it\r\nfirst: ü",
    });
  },
  GetAccountSettings: () => {
    throw new TypeError("a bug");
  },
  CreateFunction: (input) => ({
    FunctionName: input.FunctionName,
    CodeSize: input.Code.ZipFile?.length ?? 0,
  }),
});
const sts = stubService("sts", {
  GetCallerIdentity: (_, context) => ({
    Account: context.accountId,
    Arn: context.caller.arn,
    UserId: context.region,
  }),
});

test("foreign Hosts and Origins are refused, our own names are not", async () => {
  await using stub = await startStub([lambda, sts], { publicSuffix: "lambent.test" });
  const path = "/2015-03-31/functions";
  const cases: readonly [headers: Record<string, string>, status: number][] = [
    [{}, 200],
    [{ host: "localhost:4566" }, 200],
    [{ host: "LOCALHOST" }, 200],
    [{ host: "[::1]:4566" }, 200],
    [{ host: "lambda.localhost.localstack.cloud:4566" }, 200],
    [{ host: "x.lambent.test" }, 200],
    [{ host: "evil.example" }, 403],
    [{ host: "127.0.0.1.evil.example" }, 403],
    [{ host: "localhost.evil.example" }, 403],
    [{ host: "evillocalhost" }, 403],
    [{ origin: "http://localhost:3000" }, 200],
    [{ origin: "http://evil.example" }, 403],
    [{ origin: "http://localhost.evil.example" }, 403],
    [{ origin: "null" }, 403],
    [{ "sec-fetch-site": "cross-site" }, 403],
  ];
  for (const [headers, status] of cases) {
    const answer = await ask(stub, path, { headers });
    assert.equal(answer.status, status, JSON.stringify(headers));
    assert.match(String(answer.headers["x-amzn-requestid"]), /^[0-9a-f-]{36}$/u);
    const allowed = answer.headers["access-control-allow-origin"];
    assert.equal(allowed, status === 200 ? headers["origin"] : undefined);
  }
  const preflight = await ask(stub, path, {
    method: "OPTIONS",
    headers: { origin: "http://localhost:3000", "access-control-request-headers": "x-amz-date" },
  });
  assert.equal(preflight.status, 204);
  assert.equal(preflight.headers["access-control-allow-headers"], "x-amz-date");
});

test("errors are told in the protocol that was spoken", async () => {
  await using stub = await startStub([lambda, sts]);
  const missing = await ask(stub, "/2015-03-31/functions/f", { headers: scope("lambda") });
  assert.equal(missing.status, 404);
  assert.equal(missing.headers["x-amzn-errortype"], "ResourceNotFoundException");
  assert.equal(missing.headers["x-lambent-hint"], "create it first: %C3%BC");
  assert.deepEqual(JSON.parse(missing.body), { Type: "User", Message: "Function not found: f" });

  const bug = await ask(stub, "/2016-08-19/account-settings", { headers: scope("lambda") });
  assert.equal(bug.status, 500);
  assert.equal(bug.headers["x-amzn-errortype"], "ServiceException");
  assert.ok(!bug.body.includes("a bug"), "what went wrong inside stays inside");

  const unserved = await ask(stub, "/2015-03-31/functions/f/aliases", { headers: scope("lambda") });
  assert.equal(unserved.status, 501);
  assert.match(unserved.body, /The operation ListAliases of AWS Lambda is not implemented by Lambent/u);

  const unknown = await ask(stub, "/2015-03-31/nonsense", { headers: scope("lambda") });
  assert.equal(unknown.status, 404);
  assert.equal(unknown.headers["x-amzn-errortype"], "UnknownOperationException");

  const form = { "content-type": "application/x-www-form-urlencoded" };
  const query = await ask(stub, "/", {
    method: "POST",
    headers: { ...scope("sts"), ...form },
    body: "Action=Nonsense&Version=2011-06-15",
  });
  assert.equal(query.status, 400);
  assert.match(
    query.body,
    /<Code>InvalidAction<\/Code>.*Could not find operation Nonsense for version 2011-06-15/su,
  );

  const target = {
    "x-amz-target": "Kinesis_20131202.PutRecord",
    "content-type": "application/x-amz-json-1.1",
  };
  const json = await ask(stub, "/", { method: "POST", headers: target, body: "{}" });
  assert.equal(json.status, 501);
  assert.match(json.body, /^\{"__type":"NotImplementedException"/u);
  assert.match(json.body, /service Kinesis \(operation PutRecord\) is not implemented by Lambent/u);

  const s3 = await ask(stub, "/bucket/key", { headers: scope("s3") });
  assert.equal(s3.status, 501);
  assert.match(s3.body, /<Error><Code>NotImplemented<\/Code>/u);
});

test("account and region come from the signature, and what happened is accounted for", async () => {
  const records: RequestRecord[] = [];
  await using stub = await startStub([sts], { onRequest: (record) => records.push(record) });
  const client = createClient({
    endpoint: stub.endpoint,
    region: "eu-west-1",
    credentials: { accessKeyId: "123456789012", secretAccessKey: "any" },
  });
  assert.deepEqual(await client.call("sts", "GetCallerIdentity"), {
    Account: "123456789012",
    Arn: "arn:aws:iam::123456789012:root",
    UserId: "eu-west-1",
  });
  const [record] = records;
  assert.equal(record?.service, "sts");
  assert.equal(record?.operation, "GetCallerIdentity");
  assert.equal(record?.status, 200);
  assert.equal(record?.accountId, "123456789012");
});

test("where known keys are required, others are refused; known ones are verified always", async () => {
  const caller = {
    accessKeyId: "AKIAKNOWN",
    kind: "user",
    arn: "arn:u",
    userId: "U",
    verified: true,
  } as const;
  const keys = {
    resolve: (id: string) =>
      id === "AKIAKNOWN"
        ? Promise.resolve({ secretAccessKey: "right", caller, accountId: "111111111111" })
        : undefined,
  };
  await using strict = await startStub([sts], { keys, requireKnownKeys: true });
  await using open = await startStub([sts], { keys });
  const call = async (stub: StubServer, accessKeyId: string, secretAccessKey: string): Promise<string> => {
    const credentials = { accessKeyId, secretAccessKey };
    const client = createClient({ endpoint: stub.endpoint, region: "us-east-1", credentials });
    return client.call("sts", "GetCallerIdentity").then(
      (output) => String(output["Account"]),
      (error: unknown) => (error as ServiceError).code,
    );
  };
  assert.equal(await call(strict, "AKIAKNOWN", "right"), "111111111111");
  assert.equal(await call(strict, "AKIAKNOWN", "wrong"), "SignatureDoesNotMatch");
  assert.equal(await call(strict, "test", "test"), "InvalidClientTokenId");
  assert.equal(await call(open, "AKIAKNOWN", "wrong"), "SignatureDoesNotMatch");
  assert.equal(await call(open, "test", "test"), "000000000000");
  const unsigned = await ask(strict, "/?Action=GetCallerIdentity&Version=2011-06-15");
  assert.equal(unsigned.status, 403);
  assert.match(unsigned.body, /<Code>MissingAuthenticationToken<\/Code>/u);
});

test("the server's own routes answer users and refuse sandboxes", async () => {
  const seen: string[] = [];
  await using stub = await startStub([], {
    internalRoutes: (request, response) => {
      seen.push(request.url ?? "");
      if (request.url !== "/_lambent/health") return false;
      response.end("ready");
      return true;
    },
  });
  assert.equal((await ask(stub, "/_lambent/health")).body, "ready");
  assert.equal((await ask(stub, "/_localstack/nothing")).status, 404);
  assert.equal((await ask(stub, "/_lambent/health", { headers: { host: "evil.example" } })).status, 403);
  assert.deepEqual(seen, ["/_lambent/health", "/_localstack/nothing"]);
  stub.server.removeAllListeners("request");
  const { createGateway } = await import("../../src/aws/gateway/gateway.ts");
  const { systemClock } = await import("../../src/kernel/clock.ts");
  const { systemRandom } = await import("../../src/kernel/random.ts");
  const { silentLogger } = await import("../../src/kernel/log.ts");
  const gateway = createGateway({
    services: [],
    keys: { resolve: () => undefined },
    clock: systemClock(),
    random: systemRandom(),
    log: silentLogger,
    defaultAccountId: "000000000000",
    defaultRegion: "us-east-1",
    endpoint: () => stub.endpoint,
    internalRoutes: () => assert.fail("reached from a sandbox"),
  });
  stub.server.on("request", (request, response) => gateway.handle(request, response, { fromSandbox: true }));
  assert.equal((await ask(stub, "/_lambent/health")).status, 403);
});

test("bodies and headers beyond their bounds are refused, and the connection's memory is given back", async () => {
  await using stub = await startStub([lambda, sts], {
    limits: { requestBytes: 1000, requestBytesOf: { lambda: 2000 }, bufferedBytes: 3000 },
  });
  const path = "/2015-03-31/functions";
  const zip = (bytes: number): string =>
    JSON.stringify({
      FunctionName: "f",
      Role: "arn:aws:iam::000000000000:role/r",
      Code: { ZipFile: "A".repeat(bytes) },
    });
  const post = (body: string, headers: Record<string, string> = {}): Promise<Answer> =>
    ask(stub, path, { method: "POST", headers, body });
  assert.equal((await post(zip(1200))).status, 201);
  const refused = await post(zip(2400));
  assert.equal(refused.status, 413);
  assert.equal(refused.headers["x-amzn-errortype"], "RequestEntityTooLargeException");
  assert.equal(
    JSON.parse(refused.body).message,
    "Request must be smaller than 2000 bytes for the CreateFunction operation",
  );
  assert.equal((await post(zip(2400), { "transfer-encoding": "chunked" })).status, 413);
  // Were the refused bytes still counted, the budget of 3,000 would be spent by now.
  for (let round = 0; round < 5; round += 1) assert.equal((await post(zip(1200))).status, 201);
  const header = await ask(stub, path, { headers: { "x-big": "x".repeat(40_000) } });
  assert.equal(header.status, 431);
});

test("a caller that stalls holds a bounded share, and others are served", async () => {
  await using stub = await startStub([lambda], { limits: { bufferedBytes: 4000 } });
  const path = "/2015-03-31/functions";
  const half = `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3000\r\n\r\n${"{".padEnd(2500, " ")}`;
  const stalled = [0, 1].map(() => connect(stub.port, "127.0.0.1"));
  const answers = stalled.map(
    (socket) =>
      new Promise<string>((resolve) => socket.once("data", (data) => resolve(data.toString("latin1")))),
  );
  for (const socket of stalled) socket.write(half);
  // Two halves do not fit: one of the two is refused while the other still waits.
  assert.match(await Promise.race(answers), /^HTTP\/1.1 503 /u);
  assert.equal((await ask(stub, path)).status, 200);
  for (const socket of stalled) socket.destroy();
  const { headersTimeout, requestTimeout } = stub.server;
  assert.ok(
    headersTimeout > 0 && headersTimeout <= 30_000 && requestTimeout > 0 && requestTimeout <= 300_000,
  );
});

test("the short path answers what the codec answers", async () => {
  const output = (payload: Uint8Array, name: string): Record<string, unknown> => ({
    StatusCode: 200,
    ExecutedVersion: "$LATEST",
    FunctionError: name === "broken" ? "Unhandled" : undefined,
    Payload: payload,
  });
  const plain = stubService("lambda", { Invoke: (input) => output(input.Payload, input.FunctionName) });
  const shortPath: ShortPath = {
    operation: "Invoke",
    match(method, path) {
      const match = /^\/2015-03-31\/functions\/([^/]+)\/invocations$/u.exec(path);
      return method === "POST" && match?.[1] !== undefined ? { FunctionName: match[1] } : undefined;
    },
    async handle(labels, request) {
      const made = output(request.body, labels["FunctionName"] ?? "");
      const headers: Record<string, string> = {
        "X-Amz-Executed-Version": String(made["ExecutedVersion"]),
        "Content-Type": "application/octet-stream",
      };
      if (made["FunctionError"] !== undefined)
        headers["X-Amz-Function-Error"] = String(made["FunctionError"]);
      return { status: 200, headers, body: request.body };
    },
  };
  const records: RequestRecord[] = [];
  const onRequest = (record: RequestRecord): number => records.push(record);
  await using slow = await startStub([plain], { onRequest });
  await using fast = await startStub([stubService("lambda", {}, [shortPath])], { onRequest });
  for (const [name, body] of [
    ["f", '{"a":1}'],
    ["broken", "x"],
    ["empty", " "],
  ] as const) {
    const path = `/2015-03-31/functions/${name}/invocations`;
    const [a, b] = await Promise.all(
      [slow, fast].map((stub) => ask(stub, path, { method: "POST", headers: scope("lambda"), body })),
    );
    for (const answer of [a, b]) {
      delete answer?.headers["x-amzn-requestid"];
      delete answer?.headers["date"];
    }
    assert.deepEqual(a, b);
    assert.equal(a?.status, 200);
  }
  const [first, second] = records;
  assert.equal(first?.operation, second?.operation);
});

test("output events arrive as frames, and a failure midway as an exception", async () => {
  const streaming = stubService("lambda", {
    InvokeWithResponseStream: (input) => ({
      StatusCode: 200,
      EventStream: (async function* () {
        yield { PayloadChunk: { Payload: Buffer.from("one") } };
        if (input.FunctionName === "f") yield { InvokeComplete: { ErrorCode: "E" } };
        else throw new ServiceError("TooManyRequestsException", 429, "slow down");
      })(),
    }),
  });
  await using stub = await startStub([streaming]);
  const { InvokeWithResponseStreamCommand, LambdaClient } = await import("@aws-sdk/client-lambda");
  const client = new LambdaClient({
    endpoint: stub.endpoint,
    region: "us-east-1",
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
  });
  const read = async (FunctionName: string): Promise<unknown[]> => {
    const answer = await client.send(new InvokeWithResponseStreamCommand({ FunctionName }));
    const events: unknown[] = [];
    for await (const event of answer.EventStream ?? []) {
      const { PayloadChunk, InvokeComplete } = event;
      events.push(Buffer.from(PayloadChunk?.Payload ?? []).toString() || InvokeComplete?.ErrorCode);
    }
    return events;
  };
  assert.deepEqual(await read("f"), ["one", "E"]);
  await assert.rejects(read("g"), /slow down/u);
  client.destroy();
});

test("a streamed upload arrives without AWS's chunking, whatever the pieces", async () => {
  const stored: string[] = [];
  const s3 = stubService("s3", {
    PutObject: async (input) => {
      const chunks: Uint8Array[] = [];
      for await (const chunk of input.Body) chunks.push(chunk);
      stored.push(`${input.Bucket}/${input.Key}=${Buffer.concat(chunks).toString("utf8")}`);
      return {};
    },
  });
  await using stub = await startStub([s3]);
  const put = (body: string, headers: Record<string, string> = {}): Promise<Answer> =>
    ask(stub, "/bucket/a/b", { method: "PUT", headers: { ...scope("s3"), ...headers }, body });
  const chunked = {
    "content-encoding": "aws-chunked",
    "x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
  };
  assert.equal((await put("plain")).status, 200);
  assert.equal(
    (
      await put(
        "5\r\nhello\r\n6;chunk-signature=0\r\n world\r\n0\r\nx-amz-checksum-crc32:AA==\r\n\r\n",
        chunked,
      )
    ).status,
    200,
  );
  assert.deepEqual(stored, ["bucket/a/b=plain", "bucket/a/b=hello world"]);
  // Cut short or malformed, it is an error and nothing is stored.
  for (const broken of ["5\r\nhel", "zz\r\nhello\r\n0\r\n\r\n", "5\r\nhelloXX0\r\n\r\n"]) {
    const answer = await put(broken, chunked);
    assert.equal(answer.status, 400, broken);
    assert.match(answer.body, /<Code>IncompleteBody<\/Code>/u);
  }
  assert.equal(stored.length, 2);
});

test("an operation learns that its caller hung up", async () => {
  let aborted: () => void = () => undefined;
  const seen = new Promise<void>((resolve) => (aborted = resolve));
  let started: () => void = () => undefined;
  const running = new Promise<void>((resolve) => (started = resolve));
  const waiting = stubService("lambda", {
    ListFunctions: (_, context) =>
      new Promise((resolve) => {
        context.signal.addEventListener("abort", () => {
          aborted();
          resolve({});
        });
        started();
      }),
  });
  await using stub = await startStub([waiting]);
  const socket = connect(stub.port, "127.0.0.1");
  socket.write("GET /2015-03-31/functions HTTP/1.1\r\nHost: localhost\r\n\r\n");
  await running;
  socket.destroy();
  await seen;
});

test("the listener bounds what a connection may cost", () => {
  const server = createHttpServer({ handle: () => undefined, warm: () => Promise.resolve() });
  assert.ok(server.keepAliveTimeout > 0);
  assert.equal(server.maxHeadersCount, 200);
  server.close();
});
