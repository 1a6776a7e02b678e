import assert from "node:assert/strict";
import { test } from "node:test";

import { ServiceError } from "../../src/kernel/errors.ts";
import { loadModel } from "../../src/aws/model/model.ts";
import { decodeInput } from "../../src/aws/protocol/codec.ts";
import { enumOrder, validateInput } from "../../src/aws/protocol/validate.ts";
import type { Value } from "../../src/aws/protocol/types.ts";

async function fault(service: string, operation: string, input: Value): Promise<string> {
  const model = await loadModel(service);
  const found = model.operations.get(operation);
  assert.ok(found !== undefined, operation);
  try {
    validateInput(found, input);
    return "valid";
  } catch (error) {
    assert.ok(error instanceof ServiceError);
    return `${error.code}: ${error.message}`;
  }
}

const FUNCTION = { FunctionName: "f", Role: "arn:aws:iam::000000000000:role/r", Code: {} };
const one = (rest: string, code = "ValidationException"): string =>
  `${code}: 1 validation error detected: ${rest}`;

/** Sentences as AWS wrote them for such inputs. */
const SENTENCES: readonly [service: string, operation: string, input: Value, sentence: string][] = [
  ["lambda", "CreateFunction", FUNCTION, "valid"],
  ["lambda", "CreateFunction", { ...FUNCTION, Timeout: 900, MemorySize: 10_240, Handler: "a.b" }, "valid"],
  [
    "lambda",
    "CreateFunction",
    { ...FUNCTION, Timeout: 0 },
    one(
      "Value '0' at 'timeout' failed to satisfy constraint: Member must have value greater than or equal to 1",
    ),
  ],
  [
    "lambda",
    "CreateFunction",
    { ...FUNCTION, Timeout: 901 },
    one(
      "Value '901' at 'timeout' failed to satisfy constraint: Member must have value less than or equal to 900",
    ),
  ],
  [
    "lambda",
    "CreateFunction",
    { ...FUNCTION, SnapStart: { ApplyOn: "invalidOption" } },
    one(
      "Value 'invalidOption' at 'snapStart.applyOn' failed to satisfy constraint: Member must satisfy enum value set: [PublishedVersions, None]",
    ),
  ],
  [
    "lambda",
    "CreateFunction",
    { ...FUNCTION, Role: undefined, Timeout: 0 },
    "ValidationException: 2 validation errors detected: Value null at 'role' failed to satisfy constraint: " +
      "Member must not be null; Value '0' at 'timeout' failed to satisfy constraint: Member must have value " +
      "greater than or equal to 1",
  ],
  [
    "lambda",
    "CreateFunction",
    { ...FUNCTION, Architectures: ["z80"] },
    one(
      "Value '[z80]' at 'architectures' failed to satisfy constraint: Member must satisfy constraint: " +
        "[Member must satisfy enum value set: [x86_64, arm64], Member must not be null]",
    ),
  ],
  [
    "lambda",
    "CreateAlias",
    { FunctionName: "f", Name: "2024", FunctionVersion: "1" },
    one(
      "Value '2024' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: (?!^[0-9]+$)([a-zA-Z0-9-_]+)",
    ),
  ],
  [
    "lambda",
    "CreateAlias",
    {
      FunctionName: "f",
      Name: "a",
      FunctionVersion: "1",
      RoutingConfig: { AdditionalVersionWeights: { 2: 2 } },
    },
    one(
      "Value '{2=2.0}' at 'routingConfig.additionalVersionWeights' failed to satisfy constraint: Map value must " +
        "satisfy constraint: [Member must have value less than or equal to 1.0, Member must have value greater " +
        "than or equal to 0.0, Member must not be null]",
    ),
  ],
  [
    "lambda",
    "CreateAlias",
    {
      FunctionName: "f",
      Name: "a",
      FunctionVersion: "1",
      RoutingConfig: { AdditionalVersionWeights: { $LATEST: 0.5 } },
    },
    one(
      "Value '{$LATEST=0.5}' at 'routingConfig.additionalVersionWeights' failed to satisfy constraint: Map keys " +
        "must satisfy constraint: [Member must have length less than or equal to 1024, Member must have length " +
        "greater than or equal to 1, Member must satisfy regular expression pattern: [0-9]+]",
    ),
  ],
  [
    "lambda",
    "GetFunction",
    { FunctionName: "f", Qualifier: "a".repeat(129) },
    one(
      `Value '${"a".repeat(129)}' at 'qualifier' failed to satisfy constraint: Member must have length less than or equal to 128`,
    ),
  ],
  [
    "lambda",
    "CreateFunctionUrlConfig",
    { FunctionName: "f", AuthType: "NONE", InvokeMode: "UNKNOWN" },
    one(
      "Value 'UNKNOWN' at 'invokeMode' failed to satisfy constraint: Member must satisfy enum value set: [RESPONSE_STREAM, BUFFERED]",
    ),
  ],
  [
    "logs",
    "FilterLogEvents",
    { logGroupName: "g", limit: 10_001 },
    one(
      "Value '10001' at 'limit' failed to satisfy constraint: Member must have value less than or equal to 10000",
      "InvalidParameterException",
    ),
  ],
  [
    "iam",
    "UpdateServiceSpecificCredential",
    { ServiceSpecificCredentialId: "not!a!valid!id!at!all", Status: "Active" },
    one(
      "Value at 'serviceSpecificCredentialId' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\w]+",
      "ValidationError",
    ),
  ],
  [
    "sns",
    "PublishBatch",
    {
      TopicArn: "t",
      PublishBatchRequestEntries: [{ Id: "1", Message: "m", MessageAttributes: { attr1: {} } }],
    },
    one(
      "Value null at 'publishBatchRequestEntries.1.member.messageAttributes.attr1.member.dataType' failed to satisfy constraint: Member must not be null",
      "ValidationError",
    ),
  ],
  [
    "dynamodb",
    "UpdateKinesisStreamingDestination",
    {
      TableName: "table",
      StreamArn: `arn:aws:kinesis:us-east-1:000000000000:stream/s`,
      UpdateKinesisStreamingConfiguration: { ApproximateCreationDateTimePrecision: "SECOND" },
    },
    one(
      "Value 'SECOND' at 'updateKinesisStreamingConfiguration.approximateCreationDateTimePrecision' failed to satisfy constraint: Member must satisfy enum value set: [MILLISECOND, MICROSECOND]",
    ),
  ],
];

test("constraints are told in AWS's sentences", async () => {
  for (const [service, operation, input, sentence] of SENTENCES) {
    assert.equal(await fault(service, operation, input), sentence);
  }
});

test("enumerations are listed in AWS's order", () => {
  const lists: readonly (readonly string[])[] = [
    ["LATEST", "AT_TIMESTAMP", "TRIM_HORIZON"],
    ["HMAC_SHA_384", "HMAC_SHA_256", "HMAC_SHA_224", "HMAC_SHA_512"],
    ["HEAD", "POST", "PATCH", "DELETE", "PUT", "GET", "OPTIONS"],
    ["BASIC", "OAUTH_CLIENT_CREDENTIALS", "API_KEY"],
  ];
  for (const list of lists) assert.deepEqual(enumOrder([...list].sort()), list);
});

test("values of the wrong type are serialization errors, whatever the body", async () => {
  const model = await loadModel("lambda");
  const operation = model.operations.get("CreateFunction");
  assert.ok(operation !== undefined);
  const bodies: readonly [body: string, message: RegExp][] = [
    ['{"Timeout":"3"}', /STRING_VALUE can not be converted to Integer/u],
    ['{"Timeout":1.5}', /can not be converted to Integer/u],
    ['{"FunctionName":1}', /NUMBER_VALUE can not be converted to String/u],
    ['{"Publish":"true"}', /STRING_VALUE can not be converted to Boolean/u],
    ['{"Layers":{}}', /Start of structure or map found where not expected/u],
    ['{"Code":[]}', /Start of list found where not expected/u],
    ['{"Code":{"ZipFile":"###"}}', /Base64/u],
    ["[1]", /not a JSON object/u],
    ["null", /not a JSON object/u],
    ["{", /Could not parse request body into json/u],
    ["\xff", /Could not parse request body into json/u],
    ['{"Environment":{"Variables":1}}', /NUMBER_VALUE can not be converted to a map/u],
  ];
  for (const [body, message] of bodies) {
    const request = {
      method: "POST",
      path: "/2015-03-31/functions",
      query: "",
      headers: {},
      body: Buffer.from(body, "latin1"),
    };
    assert.throws(
      () => decodeInput({ operation, protocol: "restJson1", labels: {} }, request),
      (error) =>
        error instanceof ServiceError &&
        error.code === "SerializationException" &&
        message.test(error.message),
      body,
    );
  }
});

test("unknown fields and nulls are passed over; __proto__ is a key like any other", async () => {
  const model = await loadModel("lambda");
  const operation = model.operations.get("CreateFunction");
  assert.ok(operation !== undefined);
  const body = Buffer.from(
    '{"FunctionName":"f","Nonsense":1,"Timeout":null,"__proto__":{"x":1},"Environment":{"Variables":{"__proto__":"v"}}}',
  );
  const request = { method: "POST", path: "/", query: "", headers: {}, body };
  const input = decodeInput({ operation, protocol: "restJson1", labels: {} }, request);
  assert.deepEqual(Object.keys(input).sort(), ["Environment", "FunctionName"]);
  const { Variables } = input["Environment"] as { Variables: Record<string, string> };
  assert.deepEqual(Object.entries(Variables), [["__proto__", "v"]]);
  assert.equal(({} as { x?: number }).x, undefined);
});

test("a long value that is refused for its length is not matched against its pattern", async () => {
  const input = (length: number): Value => ({
    TableArn: "arn:aws:dynamodb:us-east-1:000000000000:table/table",
    S3Bucket: `${"a".repeat(length)}!`,
  });
  // Short of the bound both sentences are given; beyond it, where matching would take long, one.
  assert.match(await fault("dynamodb", "ExportTableToPointInTime", input(300)), /2 validation errors/u);
  assert.match(await fault("dynamodb", "ExportTableToPointInTime", input(100_000)), /1 validation error/u);
});
