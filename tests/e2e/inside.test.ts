/** What a function reaches from inside its sandbox and what it does not, and how it fares when the server's clock is moved. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { FilterLogEventsCommand } from "@aws-sdk/client-cloudwatch-logs";
import { GetFunctionCommand, LambdaClient } from "@aws-sdk/client-lambda";
import { clients, ROLE, type Clients } from "./client.ts";
import { advanceClock, startServer, until, type RunningServer } from "./server.ts";

/** Signature version 4 with the standard library alone, as any client in a function might do it. */
const CODE = `import datetime, hashlib, hmac, json, os, socket, urllib.error, urllib.request
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit
ENDPOINT = os.environ['AWS_ENDPOINT_URL']
COUNT = [0]
def sign(key, text): return hmac.new(key, text.encode(), hashlib.sha256).digest()
def call(service, path, body, headers={}, secret=None):
    now = datetime.datetime.now(datetime.timezone.utc).strftime('%Y%m%dT%H%M%SZ')
    region = os.environ['AWS_REGION']
    digest = hashlib.sha256(body.encode()).hexdigest()
    all_headers = {'host': urlsplit(ENDPOINT).netloc, 'x-amz-date': now, 'x-amz-content-sha256': digest,
        'x-amz-security-token': os.environ['AWS_SESSION_TOKEN'], **headers}
    names = ';'.join(sorted(all_headers))
    canonical = '\\n'.join(['POST', path, ''] + [n + ':' + all_headers[n] for n in sorted(all_headers)] + ['', names, digest])
    scope = '/'.join([now[:8], region, service, 'aws4_request'])
    key = ('AWS4' + (secret or os.environ['AWS_SECRET_ACCESS_KEY'])).encode()
    for part in scope.split('/'): key = sign(key, part)
    text = '\\n'.join(['AWS4-HMAC-SHA256', now, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    all_headers['authorization'] = 'AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=%s, Signature=%s' % (
        os.environ['AWS_ACCESS_KEY_ID'], scope, names, sign(key, text).hex())
    return ask(path, 'POST', body, all_headers)
def ask(path, method='GET', body=None, headers={}, base=ENDPOINT):
    request = urllib.request.Request(base + path, method=method, data=None if body is None else body.encode(), headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer: return [answer.status, answer.read().decode()]
    except urllib.error.HTTPError as error: return [error.code, error.read().decode()]
def identity(secret=None):
    return call('sts', '/', 'Action=GetCallerIdentity&Version=2011-06-15', {'content-type': 'application/x-www-form-urlencoded'}, secret)
def invoke(name): return call('lambda', '/2015-03-31/functions/' + name + '/invocations', '{}')
def gateway():
    for line in open('/proc/net/route').read().splitlines()[1:]:
        fields = line.split()
        if fields[1] == '00000000': return socket.inet_ntoa(bytes.fromhex(fields[2])[::-1])
def reached(target):
    host, port = target
    host = gateway() if host == 'gateway' else host
    try:
        socket.create_connection((host, port), timeout=2).close()
        return '%s:%d' % (host, port)
    except (OSError, TypeError): return None
def reach(targets):
    with ThreadPoolExecutor(32) as threads: return [one for one in threads.map(reached, targets) if one]
def handler(event, context):
    COUNT[0] += 1
    deed = event['do']
    print('doing ' + deed)
    if deed == 'identity': return identity()
    if deed == 'forged': return identity('another secret')
    if deed == 'invoke': return invoke(event['name'])
    if deed == 'ask': return ask(event['path'], event.get('method', 'GET'), event.get('body'), event.get('headers', {}))
    if deed == 'runtime-api': return ask(event['path'], event.get('method', 'GET'), base='http://127.0.0.1:9001')
    if deed == 'reach': return reach(event['targets'])
    if deed == 'count': return [COUNT[0], os.environ['AWS_ACCESS_KEY_ID'], context.get_remaining_time_in_millis()]
`;
const ARN = (name: string): string => `arn:aws:sts::000000000000:assumed-role/test/${name}`;

let server: RunningServer;
let aws: Clients;
let host: Server;

before(async () => {
  server = await startServer();
  aws = clients(server);
  host = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve) => host.listen(0, "0.0.0.0", resolve));
  await Promise.all([
    aws.create("inside", { "app.py": CODE }, { Timeout: 20, MemorySize: 512 }),
    aws.create("neighbour", { "app.py": "def handler(e, c): return c.function_name\n" }),
  ]);
});
after(async () => {
  aws?.destroy();
  host?.close();
  await server?.[Symbol.asyncDispose]();
});

const inside = async (event: Record<string, unknown>): Promise<unknown> => {
  const answer = await aws.invoke("inside", event);
  assert.equal(answer.functionError, undefined, JSON.stringify(answer.payload));
  return answer.payload;
};

describe("the endpoint at AWS_ENDPOINT_URL", () => {
  test("knows the caller by the role's session", async () => {
    const [status, body] = (await inside({ do: "identity" })) as [number, string];
    assert.equal(status, 200, body);
    assert.match(body, /<Account>000000000000<\/Account>/);
    assert.ok(body.includes(`<Arn>${ARN("inside")}</Arn>`), body);
    assert.equal(ROLE.split("/").at(-1), "test");
  });

  test("refuses what another secret signed", async () => {
    const [status, body] = (await inside({ do: "forged" })) as [number, string];
    assert.equal(status, 403);
    assert.match(body, /<Code>SignatureDoesNotMatch<\/Code>/);
  });

  test("calls a neighbour, and the function itself", async () => {
    assert.deepEqual(await inside({ do: "invoke", name: "neighbour" }), [200, '"neighbour"']);
    await aws.create(
      "again",
      {
        "app.py": CODE.replace("deed = event['do']", "deed = event.get('do', 'count')"),
      },
      { Timeout: 20, MemorySize: 512 },
    );
    const answer = (await aws.invoke("again", { do: "invoke", name: "again" })).payload as [number, string];
    assert.equal(answer[0], 200);
    assert.equal((JSON.parse(answer[1]) as [number])[0], 1, "another environment, on its first call");
  });

  for (const path of [
    "/_lambent/health",
    "/_lambent/status",
    "/_lambent/reset",
    "/_lambent/clock",
    "/_localstack/health",
    "/_lambent/../_lambent/health",
    "/metrics",
  ]) {
    test(`${path} is not for functions`, async () => {
      const token = readFileSync(join(server.dataDir, "token"), "utf8").trim();
      for (const method of ["GET", "POST"]) {
        const [status, body] = (await inside({
          do: "ask",
          path,
          method,
          body: method === "POST" ? '{"advanceMs":1000}' : undefined,
          headers: { authorization: `Bearer ${token}` },
        })) as [number, string];
        assert.ok(status >= 400 && status !== 503, `${method} ${path}: ${String(status)} ${body}`);
        assert.doesNotMatch(body, /lambent_|"status":"ready"/);
      }
    });
  }
});

describe("what is out of reach", () => {
  test("the host's loopback and addresses, metadata, other sandboxes' Runtime APIs", async () => {
    const { port } = host.address() as AddressInfo;
    const targets: [string, number][] = [
      ["169.254.169.254", 80],
      ["169.254.170.2", 80],
      ["::1", server.port],
      ["127.0.0.1", port],
      ["127.0.0.2", port],
      ["gateway", port],
      ["gateway", server.port],
      ["gateway", 9001],
      ["gateway", 22],
    ];
    const { networkInterfaces } = await import("node:os");
    for (const one of Object.values(networkInterfaces()).flat()) {
      if (one !== undefined && one.family === "IPv4" && !one.internal)
        targets.push([one.address, port], [one.address, server.port]);
    }
    assert.deepEqual(await inside({ do: "reach", targets }), []);
    assert.deepEqual(
      await inside({
        do: "reach",
        targets: [
          ["127.0.0.1", server.port],
          ["127.0.0.1", 9001],
        ],
      }),
      [`127.0.0.1:${String(server.port)}`, "127.0.0.1:9001"],
      "its own two listeners are there",
    );
  });

  test("the Runtime API of a managed runtime answers nobody else", async () => {
    const ask = async (path: string, method = "GET"): Promise<number> =>
      ((await inside({ do: "runtime-api", path, method })) as [number, string])[0];
    assert.equal(await ask("/2018-06-01/runtime/invocation/next"), 403);
    assert.equal(await ask("/2018-06-01/runtime/invocation/x/response", "POST"), 403);
    assert.equal(await ask("/2018-06-01/runtime/init/error", "POST"), 403);
    assert.equal(await ask("/2020-01-01/extension/event/next"), 403);
  });
});

describe("a clock that is moved", () => {
  const MINUTES = 60_000;
  const advance = (ms: number): Promise<number> => advanceClock(server, ms);
  const asRoot = async (): Promise<number | undefined> => {
    const credentials = JSON.parse(readFileSync(join(server.dataDir, "root-key.json"), "utf8")) as {
      accessKeyId: string;
      secretAccessKey: string;
    };
    const { accessKeyId, secretAccessKey } = credentials;
    const lambda = new LambdaClient({
      region: "us-east-1",
      endpoint: server.endpoint,
      credentials: { accessKeyId, secretAccessKey },
      maxAttempts: 1,
    });
    try {
      return (await lambda.send(new GetFunctionCommand({ FunctionName: "inside" }))).$metadata.httpStatusCode;
    } finally {
      lambda.destroy();
    }
  };

  test("by 20 minutes: signatures of inside and outside are good, deadlines too, log lines stay in order", async () => {
    // In steps, since an environment that is idle for longer is taken away.
    for (let step = 0; step < 3; step += 1) {
      await inside({ do: "count" });
      await advance(5 * MINUTES);
    }
    const [count] = (await inside({ do: "count" })) as [number];
    const movedMs = await advance(5 * MINUTES);
    assert.equal(await asRoot(), 200);
    const [status, body] = (await inside({ do: "identity" })) as [number, string];
    assert.equal(status, 200, body);
    const [later, , leftMs] = (await inside({ do: "count" })) as [number, string, number];
    assert.ok(leftMs > 0 && leftMs <= 20_000, `${String(leftMs)} ms left of 20 s`);
    assert.equal(later, count + 2, "it is the warm environment that the clock was moved under");
    const lines = async (): Promise<string[]> => {
      const { events } = await aws.logs.send(
        new FilterLogEventsCommand({ logGroupName: "/aws/lambda/inside", startTime: movedMs }),
      );
      return (events ?? []).map((event) =>
        (event.message ?? "")
          .split(" ")
          .slice(0, 2)
          .join(" ")
          .trim()
          .replace(/ RequestId:$/, ""),
      );
    };
    const wanted = ["START", "doing identity", "END", "REPORT", "START", "doing count", "END", "REPORT"];
    await until("both invocations are in the log, in order, at the moved time", async () => {
      const found = await lines();
      return found.length === wanted.length && wanted.every((line, at) => found[at] === line);
    }).catch(async (error: unknown) => assert.fail(`${String(error)}\n${(await lines()).join("\n")}`));
  });

  test("by 13 hours: the session is over, and a call meets a fresh one", async () => {
    const [, before] = (await inside({ do: "count" })) as [number, string];
    await advance(13 * 60 * MINUTES);
    assert.equal(await asRoot(), 200);
    const [status, body] = (await inside({ do: "identity" })) as [number, string];
    assert.equal(status, 200, body);
    assert.ok(body.includes(ARN("inside")));
    const [, since] = (await inside({ do: "count" })) as [number, string];
    assert.notEqual(since, before);
  });
});
