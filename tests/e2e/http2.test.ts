/** HTTP/2 with prior knowledge on the endpoint's port, beside HTTP/1: raw, and through the AWS SDK's own handler. */
import assert from "node:assert/strict";
import {
  connect as connectSession,
  constants,
  type ClientHttp2Session,
  type ClientHttp2Stream,
} from "node:http2";
import { createRequire } from "node:module";
import { connect } from "node:net";
import { after, before, test } from "node:test";
import {
  GetFunctionCommand,
  InvokeCommand,
  LambdaClient,
  type LambdaClientConfig,
  UpdateFunctionCodeCommand,
  waitUntilFunctionUpdatedV2,
} from "@aws-sdk/client-lambda";
import { zip } from "../../src/testing/zip.ts";
import { clients, refusal, type Clients } from "./client.ts";
import { SDK_CONFIG, startServer, until, type RunningServer } from "./server.ts";

/** The request handler that Kinesis's client has by default; it comes with every client of the SDK. */
const fromSdk = createRequire(createRequire(import.meta.url).resolve("@aws-sdk/client-lambda"));
const { NodeHttp2Handler } = fromSdk("@smithy/node-http-handler") as {
  NodeHttp2Handler: new () => NonNullable<LambdaClientConfig["requestHandler"]>;
};

let server: RunningServer;
let aws: Clients;
let lambda: LambdaClient;

before(async () => {
  server = await startServer();
  aws = clients(server);
  await aws.create("echo", { "app.py": "def handler(e, c): return e\n" }, { Timeout: 10 });
  lambda = new LambdaClient({
    ...SDK_CONFIG,
    endpoint: server.endpoint,
    maxAttempts: 1,
    requestHandler: new NodeHttp2Handler(),
  });
});
after(async () => {
  lambda?.destroy();
  aws?.destroy();
  await server?.[Symbol.asyncDispose]();
});

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
}

function answerOf(stream: ClientHttp2Stream): Promise<Answer> {
  return new Promise((resolve, reject) => {
    let text = "";
    let answer: Record<string, unknown> = {};
    stream.setEncoding("utf8");
    stream.on("response", (got) => (answer = got));
    stream.on("data", (chunk: string) => (text += chunk));
    stream.on("end", () =>
      resolve({ status: Number(answer[constants.HTTP2_HEADER_STATUS]), headers: answer, body: text }),
    );
    stream.on("error", reject);
  });
}

function ask(session: ClientHttp2Session, headers: Record<string, string>, body = ""): Promise<Answer> {
  const stream = session.request(headers, { endStream: body === "" });
  if (body !== "") stream.end(body);
  return answerOf(stream);
}

async function inSession<T>(work: (session: ClientHttp2Session) => Promise<T>): Promise<T> {
  const session = connectSession(server.endpoint);
  try {
    return await work(session);
  } finally {
    session.destroy();
  }
}

test("the SDK's HTTP/2 handler invokes, signed, with payloads of megabytes, and is told errors", async () => {
  const event = { text: "x".repeat(3_000_000) };
  const answer = await lambda.send(
    new InvokeCommand({ FunctionName: "echo", Payload: JSON.stringify(event) }),
  );
  assert.equal(answer.StatusCode, 200);
  assert.deepEqual(JSON.parse(Buffer.from(answer.Payload ?? []).toString()), event);
  const missing = await refusal(lambda.send(new GetFunctionCommand({ FunctionName: "none" })));
  assert.equal(missing.name, "ResourceNotFoundException");
  await lambda.send(
    new UpdateFunctionCodeCommand({
      FunctionName: "echo",
      ZipFile: zip({ "app.py": "def handler(e, c): return e\n", "data.bin": Buffer.alloc(2_000_000, 7) }),
    }),
  );
  await waitUntilFunctionUpdatedV2({ client: lambda, maxWaitTime: 20 }, { FunctionName: "echo" });
});

test("a hundred requests of one session are answered, each with its own answer", async () => {
  const numbers = Array.from({ length: 100 }, (_, n) => n);
  const answers = await inSession((session) =>
    Promise.all(
      numbers.map((n) =>
        ask(
          session,
          { ":method": "POST", ":path": "/2015-03-31/functions/echo/invocations" },
          JSON.stringify({ n }),
        ),
      ),
    ),
  );
  assert.deepEqual(
    answers.map(({ status, body }) => [status, (JSON.parse(body) as { n: number }).n]),
    numbers.map((n) => [200, n]),
  );
  assert.match(String(answers[0]?.headers["x-amzn-requestid"]), /^[0-9a-f-]{36}$/);
});

test("a megabyte both ways, whether its length is stated or not, in one piece or many", async () => {
  const event = JSON.stringify({ text: "y".repeat(1_000_000) });
  const path = { ":method": "POST", ":path": "/2015-03-31/functions/echo/invocations" };
  const forms: Record<string, string>[] = [path, { ...path, "content-length": String(event.length) }];
  for (const headers of forms) {
    const { status, body } = await inSession((session) => ask(session, headers, event));
    assert.equal(status, 200);
    assert.deepEqual(JSON.parse(body), JSON.parse(event));
    const drip = await inSession(async (session) => {
      const stream = session.request(headers);
      const answer = answerOf(stream);
      for (let at = 0; at < event.length; at += 50_000)
        await new Promise<void>((sent) => stream.write(event.slice(at, at + 50_000), () => sent()));
      stream.end();
      return answer;
    });
    assert.deepEqual(JSON.parse(drip.body), JSON.parse(event));
  }
});

test("what is too large is refused, and the session goes on", async () => {
  const path = { ":method": "POST", ":path": "/2015-03-31/functions/echo/invocations" };
  await inSession(async (session) => {
    const large = await ask(session, path, `"${"z".repeat(7_000_000)}"`);
    assert.equal(large.status, 413);
    assert.match(large.body, /RequestTooLargeException|RequestEntityTooLarge|must be smaller/);
    assert.equal((await ask(session, path, "7")).body, "7");
  });
});

test("streams that are reset in the middle, or whose answer nobody reads, harm nobody", async () => {
  const path = { ":method": "POST", ":path": "/2015-03-31/functions/echo/invocations" };
  const event = JSON.stringify({ text: "y".repeat(1_000_000) });
  await inSession(async (session) => {
    for (let n = 0; n < 20; n += 1) {
      const stream = session.request(path);
      stream.on("error", () => undefined);
      const closed = new Promise<void>((resolve) => stream.once("close", () => resolve()));
      if (n % 2 === 0) stream.write(event.slice(0, 200_000), () => stream.close(constants.NGHTTP2_CANCEL));
      else {
        stream.once("response", () => stream.close(constants.NGHTTP2_CANCEL));
        stream.end(event);
      }
      await closed;
    }
    assert.equal((await ask(session, path, "7")).body, "7");
    const unread = Array.from({ length: 3 }, () => session.request(path).end(event));
    await Promise.all(unread.map((stream) => new Promise((resolve) => stream.once("response", resolve))));
    assert.equal((await inSession((other) => ask(other, path, "8"))).body, "8");
    for (const stream of unread) stream.destroy();
  });
});

test("large answers that wait to be read do not keep others of their session from being answered", async () => {
  const path = { ":method": "POST", ":path": "/2015-03-31/functions/large/invocations" };
  const code = "def handler(e, c): return 'x' * 5_000_000\n";
  await aws.create("large", { "app.py": code }, { Timeout: 20, MemorySize: 512 });
  await inSession(async (session) => {
    for (let n = 0; n < 4; n += 1) {
      const stream = session.request(path).end("{}");
      stream.on("error", () => undefined);
      await new Promise((resolve) => stream.once("response", resolve));
    }
    assert.equal((await ask(session, { ":path": "/_lambent/health" })).status, 200);
  });
});

test("a function calls its endpoint over HTTP/2 from inside its sandbox", async () => {
  const code = `
const { connect } = require("node:http2");
exports.handler = () => new Promise((resolve, reject) => {
  const session = connect(process.env.AWS_ENDPOINT_URL);
  const ask = (path) => new Promise((ok, no) => {
    const stream = session.request({ ":path": path });
    let text = "", status;
    stream.setEncoding("utf8").on("response", (h) => (status = h[":status"])).on("data", (c) => (text += c));
    stream.on("end", () => ok({ status, text })).on("error", no);
  });
  session.on("error", reject);
  Promise.all([ask("/_lambent/health"), ask("/nowhere")]).then((all) => { session.close(); resolve(all); }, reject);
});`;
  await aws.create(
    "inside",
    { "index.js": code },
    { Runtime: "nodejs22.x", Handler: "index.handler", Timeout: 10 },
  );
  const { payload } = await aws.invoke("inside", {});
  const [own, nowhere] = payload as { status: number; text: string }[];
  assert.equal(own?.status, 403, JSON.stringify(payload));
  assert.equal(nowhere?.status, 404, JSON.stringify(payload));
});

test("the server's own pages and its guard are the same", async () => {
  await inSession(async (session) => {
    assert.equal((await ask(session, { ":path": "/_lambent/health" })).status, 200);
    const list = { ":path": "/2015-03-31/functions" };
    assert.equal((await ask(session, list)).status, 200);
    assert.equal((await ask(session, { ...list, ":authority": "evil.example" })).status, 403);
    assert.equal((await ask(session, { ...list, origin: "https://evil.example" })).status, 403);
  });
});

test("a preface in pieces, one that breaks off, and nonsense after it harm nobody", async () => {
  const say = (pieces: readonly string[]): Promise<Buffer> =>
    new Promise((resolve) => {
      const socket = connect(server.port, "127.0.0.1");
      const chunks: Buffer[] = [];
      socket.on("data", (chunk: Buffer) => chunks.push(chunk));
      socket.on("error", () => undefined);
      socket.on("close", () => resolve(Buffer.concat(chunks)));
      socket.setNoDelay(true);
      void (async () => {
        for (const piece of pieces) await new Promise<void>((sent) => socket.write(piece, () => sent()));
        socket.end();
      })();
    });
  const settings = "\0\0\0\x04\0\0\0\0\0";
  const whole = await say(["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + settings]);
  assert.equal(whole[3], 4, "the server's SETTINGS come first");
  await say(["PRI * HT", "TP/2.0\r\n\r\nSM\r\n\r\n", settings]);
  await say(["PRI * HTTP/2.0\r\n"]);
  await say(["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "\xff".repeat(5000)]);
  await say(["PRI /else HTTP/1.1\r\n\r\n"]);
  assert.deepEqual((await aws.invoke("echo", { still: "well" })).payload, { still: "well" });
});

test("a stop lets a request under way end, and closes the session", async () => {
  await using other = await startServer();
  const its = clients(other);
  await its.create(
    "slow",
    { "app.py": "import time\ndef handler(e, c):\n    time.sleep(2)\n    return 'done'\n" },
    { Timeout: 10 },
  );
  const session = connectSession(other.endpoint);
  session.on("error", () => undefined);
  const closed = new Promise<void>((resolve) => session.once("close", () => resolve()));
  const answer = ask(session, { ":method": "POST", ":path": "/2015-03-31/functions/slow/invocations" }, "{}");
  await until("it runs", async () => {
    const metrics = await (await fetch(`${other.endpoint}/metrics`)).text();
    return /lambent_environments\{state="busy"\} 1/.test(metrics);
  });
  const stopped = other.stop();
  assert.equal((await answer).body, '"done"');
  await closed;
  assert.equal(await stopped, 0);
  its.destroy();
});
