/**
 * Every operation of every table, between the SDK's own client and our codec: random inputs as the
 * client serialises them must be routed and decoded to what was put in; random outputs and errors as
 * we encode them must come out of the client as what was put in. The tables come from botocore's
 * models and the client from the SDK's, so neither side can repeat the other's mistake.
 */
import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { test } from "node:test";

import { ServiceError } from "../../src/kernel/errors.ts";
import { routeRequest } from "../../src/aws/gateway/route.ts";
import { loadModel, type Operation, type ServiceModel } from "../../src/aws/model/model.ts";
import { decodeInput, encodeOutput, prepare } from "../../src/aws/protocol/codec.ts";
import { encodeError } from "../../src/aws/protocol/errors.ts";
import type { Route, Value, WireRequest, WireResponse } from "../../src/aws/protocol/types.ts";
import { readSignature } from "../../src/aws/sigv4/signature.ts";
import { createSampler, seeded } from "./samples.ts";

const SEED = 20_261_121;
const ROUNDS = 3;

interface SdkRequest {
  readonly method: string;
  readonly path: string;
  readonly query: Readonly<Record<string, string | string[] | null>>;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
}

interface SdkClient {
  send(command: object): Promise<Value>;
}
type Ctor<T> = new (input: object) => T;

const PACKAGES: Readonly<Record<string, { load: () => Promise<Record<string, unknown>>; client: string }>> = {
  cloudwatch: { load: () => import("@aws-sdk/client-cloudwatch"), client: "CloudWatchClient" },
  dynamodb: { load: () => import("@aws-sdk/client-dynamodb"), client: "DynamoDBClient" },
  dynamodbstreams: {
    load: () => import("@aws-sdk/client-dynamodb-streams"),
    client: "DynamoDBStreamsClient",
  },
  events: { load: () => import("@aws-sdk/client-eventbridge"), client: "EventBridgeClient" },
  iam: { load: () => import("@aws-sdk/client-iam"), client: "IAMClient" },
  lambda: { load: () => import("@aws-sdk/client-lambda"), client: "LambdaClient" },
  logs: { load: () => import("@aws-sdk/client-cloudwatch-logs"), client: "CloudWatchLogsClient" },
  s3: { load: () => import("@aws-sdk/client-s3"), client: "S3Client" },
  sns: { load: () => import("@aws-sdk/client-sns"), client: "SNSClient" },
  sqs: { load: () => import("@aws-sdk/client-sqs"), client: "SQSClient" },
  sts: { load: () => import("@aws-sdk/client-sts"), client: "STSClient" },
};

/** What the SDK adds to or takes from S3's inputs by itself. */
const CLIENT_FILLED = new Set([
  "ContentLength",
  "ContentMD5",
  "ContentType",
  "ChecksumAlgorithm",
  "SSECustomerKey",
  "SSECustomerKeyMD5",
  "CopySourceSSECustomerKey",
  "CopySourceSSECustomerKeyMD5",
  "RequestRoute",
  "RequestToken",
]);

/** The type of an event stream is the stream's own; the other two the client makes up by itself. */
const NEVER_COMPARED = ["ResponseStreamContentType", "ContentType", "ExpiresString"];

async function bytesOf(body: unknown): Promise<Uint8Array> {
  if (body === undefined || body === null) return new Uint8Array();
  if (typeof body === "string") return Buffer.from(body);
  if (body instanceof Uint8Array) return body;
  const chunks: Uint8Array[] = [];
  for await (const chunk of body as AsyncIterable<Uint8Array | string>) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

async function wireRequest(request: SdkRequest): Promise<WireRequest> {
  const pairs = Object.entries(request.query).flatMap(([key, value]) =>
    (Array.isArray(value) ? value : [value]).map((item) =>
      item === null ? encodeURIComponent(key) : `${encodeURIComponent(key)}=${encodeURIComponent(item)}`,
    ),
  );
  return {
    method: request.method,
    path: request.path,
    query: pairs.join("&"),
    headers: Object.fromEntries(
      Object.entries(request.headers).map(([name, value]) => [name.toLowerCase(), value]),
    ),
    body: await bytesOf(request.body),
  };
}

async function route(request: WireRequest): Promise<Route> {
  const reading = readSignature(request.headers, request.query);
  const routing = await routeRequest({
    ...request,
    body: request.body as Uint8Array,
    scopeService: reading.kind === "signed" ? reading.signature.service : undefined,
    bucket: undefined,
  });
  assert.equal(routing.kind, "operation", `${request.method} ${request.path}?${request.query}`);
  return (routing as Extract<typeof routing, { kind: "operation" }>).route;
}

/** Values as they can be compared: bytes as hex, streams read, what is empty left out. */
async function plain(value: unknown): Promise<unknown> {
  if (value === null || value === undefined) return undefined;
  if (value instanceof Uint8Array && value.length === 0) return undefined;
  if (value instanceof Uint8Array) return `bytes ${Buffer.from(value).toString("hex")}`;
  if (value instanceof Date) return `date ${value.toISOString()}`;
  if (typeof value !== "object") return value;
  if (Symbol.asyncIterator in value) {
    const items: unknown[] = [];
    for await (const item of value as AsyncIterable<unknown>) items.push(item);
    if (items.every((item) => item instanceof Uint8Array)) {
      return plain(Buffer.concat(items));
    }
    return plain(items);
  }
  if (Array.isArray(value)) return Promise.all(value.map(plain));
  const entries: [string, unknown][] = [];
  for (const [key, item] of Object.entries(value)) {
    if (key === "$metadata") continue;
    const read = await plain(item);
    const isEmpty = typeof read === "object" && read !== null && Object.keys(read).length === 0;
    if (read !== undefined && !isEmpty) entries.push([key, read]);
  }
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

function without(value: unknown, names: ReadonlySet<string>): unknown {
  return Object.fromEntries(Object.entries(value as Value).filter(([name]) => !names.has(name)));
}

function sdkResponse(response: WireResponse): { response: object } {
  const { body } = response;
  return {
    response: {
      statusCode: response.status,
      headers: Object.fromEntries(Object.entries(response.headers).map(([n, v]) => [n.toLowerCase(), v])),
      body:
        typeof body === "string" || body instanceof Uint8Array
          ? Readable.from([Buffer.from(body)])
          : Readable.from(body),
    },
  };
}

/** Values by which a client chooses another host: none of this test's business. */
function fitForClient(service: string, input: Value): void {
  if (service === "s3" && "Bucket" in input) input["Bucket"] = "some-bucket";
  if (service === "events") delete input["EndpointId"];
}

/** Runs one command; the handler stands where the network would be. */
async function send(
  sdk: Record<string, unknown>,
  clientName: string,
  operation: Operation,
  input: Value,
  handle: (request: SdkRequest) => Promise<WireResponse>,
  protocol?: unknown,
): Promise<Value> {
  const Client = sdk[clientName] as Ctor<SdkClient>;
  const Command = sdk[`${operation.name}Command`] as Ctor<object>;
  const client = new Client({
    endpoint: "http://127.0.0.1:4566",
    region: "us-east-1",
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
    forcePathStyle: true,
    maxAttempts: 1,
    // SQS's client compares digests of messages, which random outputs cannot have.
    ...(operation.service.name === "sqs" ? { md5: false } : {}),
    disableHostPrefix: true,
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
    ...(protocol === undefined ? {} : { protocol }),
    requestHandler: { handle: async (request: SdkRequest) => sdkResponse(await handle(request)) },
  });
  return client.send(new Command(input));
}

function failure(cause: unknown): ServiceError {
  return cause instanceof ServiceError ? cause : new ServiceError("InternalFailure", 500, String(cause));
}

/** An event stream output is given as the events themselves. */
function streamed(operation: Operation, output: Value): Value {
  const result = { ...output };
  for (const member of operation.output.members) {
    if (member.shape.type !== "structure" || !member.shape.eventStream) continue;
    const event = output[member.name];
    if (event !== undefined) {
      result[member.name] = (async function* () {
        yield event;
      })();
    }
  }
  return result;
}

function expected(operation: Operation, output: Value): Value {
  const result = { ...output };
  for (const member of operation.output.members) {
    if (member.shape.type === "structure" && member.shape.eventStream && output[member.name] !== undefined) {
      result[member.name] = [output[member.name]];
    }
  }
  return result;
}

interface Outcome {
  cases: number;
  readonly faults: string[];
}

async function check(outcome: Outcome, what: string, body: () => Promise<void>): Promise<void> {
  outcome.cases += 1;
  try {
    await body();
  } catch (error) {
    outcome.faults.push(`${what}: ${error instanceof Error ? error.message.slice(0, 1500) : String(error)}`);
  }
}

async function checkOperation(
  outcome: Outcome,
  operation: Operation,
  sdk: Record<string, unknown>,
  clientName: string,
  sample: (shape: Operation["input"]) => Value,
  protocol?: unknown,
): Promise<void> {
  const { service } = operation;
  const input = sample(operation.input);
  fitForClient(service.name, input);
  const output = sample(operation.output);
  // The client checks these against the body.
  for (const key of Object.keys(output)) if (key.startsWith("Checksum")) delete output[key];
  let decoded: Value | undefined;
  let routed: Route | undefined;
  await check(outcome, `${operation.name} output`, async () => {
    const answer = await send(
      sdk,
      clientName,
      operation,
      input,
      async (request) => {
        const wire = await wireRequest(request);
        routed = await route(wire);
        await prepare(routed.protocol);
        decoded = decodeInput(routed, wire);
        return encodeOutput(operation, routed.protocol, streamed(operation, output), "request-id", failure);
      },
      protocol,
    );
    // A status that is bound to a member is the client's to report even when none was given.
    const status = operation.output.bound.filter((member) => member.at === "statusCode").map((m) => m.name);
    const hidden = new Set([...status, ...NEVER_COMPARED]);
    assert.deepEqual(
      without(await plain(answer), hidden),
      without(await plain(expected(operation, output)), hidden),
    );
  });
  await check(outcome, `${operation.name} input`, async () => {
    assert.equal(routed?.operation.name, operation.name, "routed to another operation");
    const ignored = new Set(service.name === "s3" ? CLIENT_FILLED : []);
    if (protocol !== undefined) ignored.add(SHARES_A_KEY);
    for (const member of operation.input.members) if (member.token) ignored.add(member.name);
    assert.deepEqual(without(await plain(decoded), ignored), without(await plain(input), ignored));
  });
}

async function checkError(
  outcome: Outcome,
  operation: Operation,
  sdk: Record<string, unknown>,
  clientName: string,
  random: () => number,
  sample: (shape: Operation["input"]) => Value,
): Promise<void> {
  const { service } = operation;
  const code = operation.errors[Math.floor(random() * operation.errors.length)];
  const shape = code === undefined ? undefined : service.errors.get(code);
  if (code === undefined || shape === undefined) return;
  // An answer to HEAD has no body to tell the error in; a code that two errors share tells neither.
  const isShared = [...service.errors.values()].filter((one) => one.queryCode === shape.queryCode).length > 2;
  if (operation.method === "HEAD" || (shape.queryCode !== undefined && isShared)) return;
  await check(outcome, `${operation.name} error ${code}`, async () => {
    const input = sample(operation.input);
    fitForClient(service.name, input);
    const error = new ServiceError(code, shape.status, `told <&> ${code}`);
    const failing = send(sdk, clientName, operation, input, async (request) => {
      const { protocol } = await route(await wireRequest(request));
      return encodeError(service, protocol, error, "request-id", await prepare(protocol));
    });
    const thrown = (await failing.then(
      () => assert.fail("the client saw no error"),
      (reason: unknown) => reason,
    )) as Error & { $metadata?: { httpStatusCode?: number } };
    const Class = sdk[code] as (new (...args: never[]) => Error) | undefined;
    assert.equal(thrown.name, code);
    if (Class !== undefined) assert.ok(thrown instanceof Class, "not of the modelled class");
    assert.equal(thrown.message, error.message);
    assert.equal(thrown.$metadata?.httpStatusCode, shape.status);
  });
}

/** In SQS's query protocol this member and `AttributeNames` have one key, at AWS too. */
const SHARES_A_KEY = "MessageSystemAttributeNames";

/** Protocols that the SDK's clients do not choose by themselves, but others do. */
const OTHER_PROTOCOLS: readonly {
  readonly service: string;
  readonly protocol: string;
  readonly load: () => Promise<unknown>;
}[] = [
  {
    service: "cloudwatch",
    protocol: "rpcv2Cbor",
    load: async () => (await import("@smithy/core/cbor")).SmithyRpcV2CborProtocol,
  },
  {
    service: "cloudwatch",
    protocol: "awsQuery",
    load: async () => (await import("@aws-sdk/core/protocols")).AwsQueryProtocol,
  },
  {
    service: "sqs",
    protocol: "awsQuery",
    load: async () => (await import("@aws-sdk/core/protocols")).AwsQueryProtocol,
  },
];

for (const { service, protocol, load } of OTHER_PROTOCOLS) {
  test(`${service} over ${protocol}: inputs and outputs survive the way through the SDK`, async () => {
    const known = PACKAGES[service];
    assert.ok(known !== undefined);
    const sdk = await known.load();
    const Protocol = await load();
    const sample = createSampler(
      seeded(SEED),
      (structure, member) =>
        member !== SHARES_A_KEY &&
        (sdk[`${structure}$`] as readonly (readonly string[])[] | undefined)?.[4]?.includes(member) !== false,
    );
    const [, operations] = await operationsOf(service, sdk);
    const outcome: Outcome = { cases: 0, faults: [] };
    for (const operation of operations) {
      await checkOperation(outcome, operation, sdk, known.client, sample, Protocol);
    }
    assert.ok(outcome.cases >= operations.length * 2);
    assert.deepEqual(outcome.faults, []);
  });
}

async function operationsOf(
  name: string,
  sdk: Record<string, unknown>,
): Promise<[ServiceModel, Operation[]]> {
  const model = await loadModel(name);
  const operations = [...model.operations.values()].filter((one) => `${one.name}Command` in sdk);
  return [model, operations];
}

for (const [name, { load, client }] of Object.entries(PACKAGES)) {
  test(`${name}: inputs, outputs and errors of every operation survive the way through the SDK`, async () => {
    const sdk = await load();
    const random = seeded(SEED);
    const sample = createSampler(random, (structure, member) => {
      const schema = sdk[`${structure}$`] as readonly unknown[] | undefined;
      return schema === undefined || (schema[4] as readonly string[]).includes(member);
    });
    const [model, operations] = await operationsOf(name, sdk);
    const outcome: Outcome = { cases: 0, faults: [] };
    for (const operation of operations) {
      for (let round = 0; round < ROUNDS; round += 1) {
        await checkOperation(outcome, operation, sdk, client, sample);
      }
      await checkError(outcome, operation, sdk, client, random, sample);
    }
    // Operations newer than the installed SDK cannot be asked about; they must stay few.
    assert.ok(operations.length >= model.operations.size * 0.9, "the SDK knows too few of the operations");
    assert.ok(outcome.cases >= operations.length * ROUNDS * 2);
    assert.deepEqual(outcome.faults, []);
  });
}
