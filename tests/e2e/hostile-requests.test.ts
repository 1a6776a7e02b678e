/** Archives and requests that no honest client sends: each is refused in AWS's words, and the server stays well. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { request as httpRequest } from "node:http";
import { connect } from "node:net";
import { join } from "node:path";
import { after, before, beforeEach, describe, test } from "node:test";
import {
  CreateFunctionCommand,
  GetFunctionCommand,
  LambdaClient,
  ListTagsCommand,
} from "@aws-sdk/client-lambda";
import { rawZip, type RawEntry } from "../../src/testing/zip.ts";
import { clients, refusal, ROLE, type Clients } from "./client.ts";
import { startServer, type RunningServer } from "./server.ts";

let server: RunningServer;
let aws: Clients;

before(async () => {
  server = await startServer();
  aws = clients(server);
  await aws.create("neighbour", { "app.py": "def handler(e, c): return 'well'\n" });
});
after(async () => {
  aws?.destroy();
  await server?.[Symbol.asyncDispose]();
});
beforeEach(async () => {
  assert.equal((await aws.invoke("neighbour")).payload, "well");
  assert.equal((await fetch(`${server.endpoint}/_lambent/health`)).status, 200);
});

describe("archives", () => {
  const LINK = 0o120777;
  const UNZIP = "Could not unzip uploaded file. Please check your file, then try to upload again.";
  const BOMB = "Unzipped size must be smaller than 262144000 bytes";
  const CASES: Readonly<Record<string, readonly [archive: () => Uint8Array, message: string]>> = {
    "a name that climbs out": [() => rawZip([{ name: "../outside", body: "x" }]), UNZIP],
    "an absolute name": [() => rawZip([{ name: "/tmp/outside", body: "x" }]), UNZIP],
    "a link out": [() => rawZip([{ name: "l", body: "/etc/passwd", mode: LINK }]), UNZIP],
    "a link that climbs out": [() => rawZip([{ name: "a/l", body: "../../x", mode: LINK }]), UNZIP],
    "a file through a link": [
      () =>
        rawZip([
          { name: "l", body: "target", mode: LINK },
          { name: "l/file", body: "x" },
        ]),
      UNZIP,
    ],
    "a device": [() => rawZip([{ name: "disk", mode: 0o060666 }]), UNZIP],
    "a pipe": [() => rawZip([{ name: "fifo", mode: 0o010666 }]), UNZIP],
    "an encrypted entry": [() => rawZip([{ name: "a", body: "x", flags: 1 }]), UNZIP],
    "an unknown compression": [() => rawZip([{ name: "a", body: "x", method: 97 }]), UNZIP],
    "a bomb": [() => rawZip([{ name: "a", body: Buffer.alloc(270_000_000) }]), BOMB],
    "a size that lies beyond every limit": [
      () => rawZip([{ name: "a", body: Buffer.alloc(300_000_000), claimedBytes: 10 }]),
      UNZIP,
    ],
    "a large entry that is smaller than it says": [
      () => rawZip([{ name: "a", body: Buffer.alloc(100_000), claimedBytes: 100_001 }]),
      UNZIP,
    ],
    "a small entry that is larger than it says": [
      () => rawZip([{ name: "a", body: "xxxx", claimedBytes: 3 }]),
      UNZIP,
    ],
    "a small entry with a wrong CRC": [() => rawZip([{ name: "a", body: "x", claimedCrc32: 1 }]), UNZIP],
    "a large entry with a wrong CRC": [
      () => rawZip([{ name: "a", body: Buffer.alloc(100_000), claimedCrc32: 1 }]),
      UNZIP,
    ],
    "a stored entry with a wrong CRC": [
      () => rawZip([{ name: "a", body: "x", method: 0, claimedCrc32: 1 }]),
      UNZIP,
    ],
    "no zip": [() => Buffer.from("this is no archive"), UNZIP],
    "half a zip": [() => rawZip([{ name: "app.py", body: "x".repeat(5000) }]).subarray(0, 60), UNZIP],
  };
  for (const [name, [archive, message]] of Object.entries(CASES)) {
    test(`${name} is refused`, async () => {
      const functionName = `refused-${name.replaceAll(" ", "-")}`;
      const error = await refusal(create(functionName, archive()));
      assert.equal(error.name, "InvalidParameterValueException", String(error));
      assert.equal(error.message, message);
      const absent = await refusal(aws.lambda.send(new GetFunctionCommand({ FunctionName: functionName })));
      assert.equal(absent.name, "ResourceNotFoundException", "nothing of it was kept");
    });
  }

  test("of two entries with one name the last counts", async () => {
    const entry = (text: string): RawEntry => ({
      name: "app.py",
      body: `def handler(e, c): return '${text}'\n`,
    });
    await create("doubled", rawZip([entry("first"), entry("last")]));
    assert.equal((await aws.invoke("doubled")).payload, "last");
  });

  function create(name: string, archive: Uint8Array): Promise<unknown> {
    return aws.lambda.send(
      new CreateFunctionCommand({
        FunctionName: name,
        Role: ROLE,
        Runtime: "python3.12",
        Handler: "app.handler",
        Code: { ZipFile: archive },
      }),
    );
  }
});

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

function ask(
  path: string,
  options: { method?: string; headers?: Record<string, string>; body?: string | Buffer } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { method = "GET", headers = {}, body = "" } = options;
    const request = httpRequest(
      { host: "127.0.0.1", port: server.port, path, method, headers },
      (response) => {
        let text = "";
        response.on("data", (chunk: Buffer) => (text += chunk.toString("latin1")));
        response.on("end", () =>
          resolve({
            status: response.statusCode ?? 0,
            type: String(response.headers["x-amzn-errortype"] ?? ""),
            body: text,
          }),
        );
      },
    );
    request.on("error", reject);
    request.end(body);
  });
}

/** Bytes as they are; resolves with what came back until the connection was closed. */
function raw(bytes: string): Promise<string> {
  return new Promise((resolve) => {
    let text = "";
    const socket = connect(server.port, "127.0.0.1", () => socket.end(bytes));
    socket.on("data", (chunk) => (text += chunk.toString("latin1")));
    socket.on("error", () => resolve(text));
    socket.on("close", () => resolve(text));
  });
}

const FUNCTIONS = "/2015-03-31/functions";

describe("bodies", () => {
  const post = (body: string | Buffer): Promise<Answer> => ask(FUNCTIONS, { method: "POST", body });

  for (const body of [
    "{",
    "[]",
    '"text"',
    "nul",
    '{"FunctionName":5}',
    '{"FunctionName":"f","Code":[]}',
    '{"FunctionName":"f","Timeout":"three"}',
    `{"FunctionName":${"[".repeat(200_000)}`,
    "\0\u0001",
  ]) {
    test(`what is not the JSON that was asked for: ${body.slice(0, 40)}`, async () => {
      const answer = await post(body);
      assert.equal(answer.status, 400, answer.body);
      assert.match(
        answer.type,
        /^(SerializationException|InvalidRequestContentException|ValidationException)/,
        answer.body,
      );
    });
  }

  test("deeply nested events pass through or are refused, nothing falls over", async () => {
    const depth = 100_000;
    const body = "[".repeat(depth) + "]".repeat(depth);
    const answer = await ask(`${FUNCTIONS}/neighbour/invocations`, { method: "POST", body });
    assert.equal(answer.status, 200);
  });

  test("an event that is no JSON", async () => {
    const answer = await ask(`${FUNCTIONS}/neighbour/invocations`, { method: "POST", body: "{oops" });
    assert.equal(answer.status, 400);
    assert.equal(answer.type, "InvalidRequestContentException");
  });

  test("a body over the operation's limit", async () => {
    const answer = await ask(`${FUNCTIONS}/neighbour/invocations`, {
      method: "POST",
      body: Buffer.alloc(6_291_457, 0x20),
    });
    assert.equal(answer.status, 413);
    assert.equal(answer.type, "RequestEntityTooLargeException");
  });

  test("names of JavaScript's own are names like others", async () => {
    const tags = JSON.parse('{"__proto__":"mine","constructor":"also mine"}') as Record<string, string>;
    const arn = "arn:aws:lambda:us-east-1:000000000000:function:neighbour";
    const tagged = await ask(`/2017-03-31/tags/${encodeURIComponent(arn)}`, {
      method: "POST",
      body: `{"Tags":${JSON.stringify(tags)}}`,
    });
    assert.equal(tagged.status, 204, tagged.body);
    const listed = await aws.lambda.send(new ListTagsCommand({ Resource: arn }));
    assert.deepEqual(Object.entries(listed.Tags ?? {}).toSorted(), Object.entries(tags).toSorted());
  });
});

describe("requests", () => {
  test("header blocks beyond bounds", async () => {
    assert.equal((await ask(FUNCTIONS, { headers: { "x-big": "x".repeat(40_000) } })).status, 431);
    const many = Array.from({ length: 3000 }, (_, n) => `X-${String(n)}: y`).join("\r\n");
    assert.match(
      await raw(`GET ${FUNCTIONS} HTTP/1.1\r\nHost: localhost\r\n${many}\r\n\r\n`),
      /^HTTP\/1\.1 431 /,
    );
  });

  test("lines that are not HTTP", async () => {
    for (const bytes of [
      "NONSENSE\r\n\r\n",
      "GET / HTTP/9.9\r\n\r\n",
      `GET ${FUNCTIONS} HTTP/1.1\r\n\r\n`,
      "\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03",
      `POST ${FUNCTIONS} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    ]) {
      assert.match(await raw(bytes), /^(HTTP\/1\.1 400 |$)/, JSON.stringify(bytes));
    }
  });

  test("paths that lead nowhere", async () => {
    for (const path of [
      "/%ZZ",
      "/%00",
      "//",
      "//key",
      "/..%2f..%2fetc%2fpasswd",
      `${FUNCTIONS}/%2e%2e%2f%2e%2e`,
      `${FUNCTIONS}/${"a".repeat(5000)}`,
      `/${"a/".repeat(2000)}`,
    ]) {
      const answer = await ask(path);
      assert.ok(
        (answer.status >= 400 && answer.status < 500) || answer.status === 501,
        `${path.slice(0, 40)}: ${String(answer.status)} ${answer.body.slice(0, 200)}`,
      );
    }
    assert.match(
      await raw("GET http://evil.example/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"),
      /^HTTP\/1\.1 4\d\d /,
    );
  });

  test("foreign Hosts and Origins, for the server's own pages too", async () => {
    for (const path of [FUNCTIONS, "/metrics", "/_lambent/health", "/_localstack/health"]) {
      assert.equal((await ask(path)).status, 200, path);
      assert.equal((await ask(path, { headers: { host: "evil.example" } })).status, 403, path);
      assert.equal((await ask(path, { headers: { origin: "https://evil.example" } })).status, 403, path);
    }
  });

  test("what changes the server needs its token", async () => {
    for (const path of ["/_lambent/reset", "/_lambent/clock"]) {
      for (const headers of [{}, { authorization: "Bearer wrong" }]) {
        const answer = await ask(path, { method: "POST", headers, body: "{}" });
        assert.ok(answer.status === 401 || answer.status === 403, `${path} ${String(answer.status)}`);
      }
    }
  });

  test("signatures: the root key's is verified, a wrong one refused, none taken as the default account", async () => {
    const root = JSON.parse(readFileSync(join(server.dataDir, "root-key.json"), "utf8")) as {
      accessKeyId: string;
      secretAccessKey: string;
    };
    const list = async (credentials: typeof root): Promise<string> => {
      const lambda = new LambdaClient({
        region: "us-east-1",
        endpoint: server.endpoint,
        credentials,
        maxAttempts: 1,
      });
      try {
        await lambda.send(new GetFunctionCommand({ FunctionName: "neighbour" }));
        return "served";
      } catch (error) {
        const { name, $metadata } = error as { name: string; $metadata: { httpStatusCode: number } };
        return `${String($metadata.httpStatusCode)} ${name}`;
      } finally {
        lambda.destroy();
      }
    };
    assert.equal(await list({ ...root }), "served");
    assert.equal(await list({ ...root, secretAccessKey: "wrong" }), "403 InvalidSignatureException");
    assert.equal((await ask(`${FUNCTIONS}/neighbour`)).status, 200);
    const malformed = await ask(`${FUNCTIONS}/neighbour`, {
      headers: { authorization: "AWS4-HMAC-SHA256 nothing" },
    });
    assert.equal(malformed.status, 403);
  });
});
