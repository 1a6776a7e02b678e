/** Which field is good for which source: https://docs.aws.amazon.com/lambda/latest/api/API_CreateEventSourceMapping.html */
import assert from "node:assert/strict";
import { test } from "node:test";
import { checkFieldsOfSource, settingsFrom, type MappingFields } from "./fields.ts";
import type { SourceKind } from "./model.ts";

const REFUSED: readonly (readonly [SourceKind, MappingFields & Record<string, unknown>, RegExp])[] = [
  ["sqs", { StartingPosition: "LATEST" }, /^StartingPosition is not valid for SQS event sources\.$/u],
  ["sqs", { ParallelizationFactor: 2 }, /^Unsupported ParallelizationFactor parameter/u],
  ["sqs", { BisectBatchOnFunctionError: true }, /^Unsupported BisectBatchOnFunctionError parameter/u],
  ["sqs", { MaximumRetryAttempts: 1 }, /^Unsupported MaximumRetryAttempts parameter/u],
  ["sqs", { MaximumRecordAgeInSeconds: 60 }, /^Unsupported MaximumRecordAgeInSeconds parameter/u],
  ["sqs", { TumblingWindowInSeconds: 1 }, /^Unsupported TumblingWindowInSeconds parameter/u],
  [
    "sqs",
    { DestinationConfig: { OnFailure: { Destination: "arn" } } },
    /^Unsupported DestinationConfig parameter for given event source mapping type\.$/u,
  ],
  [
    "dynamodb",
    { DestinationConfig: { OnSuccess: { Destination: "arn" } } },
    /^Unsupported DestinationConfig parameter for given event source mapping type\.$/u,
  ],
  ["sqs", { StartingPositionTimestamp: new Date(1) }, /^StartingPositionTimestamp is not valid for SQS/u],
  ["sqs", { Topics: ["t"] }, /^Unsupported Topics parameter/u],
  ["sqs", { KMSKeyArn: "arn" }, /KMSKeyArn of an event source mapping is not implemented/u],
  ["sqs-fifo", { MaximumBatchingWindowInSeconds: 1 }, /FIFO/u],
  ["dynamodb", { ScalingConfig: { MaximumConcurrency: 2 } }, /^Unsupported ScalingConfig parameter/u],
];

for (const [kind, request, message] of REFUSED) {
  test(`${kind} takes no ${Object.keys(request).join()}`, () => {
    assert.throws(() => checkFieldsOfSource(kind, request), { message });
  });
}

test("empty lists and objects of another source's fields say nothing", () => {
  checkFieldsOfSource("sqs", { Topics: [], DestinationConfig: {}, SourceAccessConfigurations: [] });
});

test("defaults", () => {
  assert.equal(settingsFrom("sqs", {}, undefined).batchSize, 10);
  assert.deepEqual(settingsFrom("dynamodb", { StartingPosition: "LATEST" }, undefined), {
    batchSize: 100,
    batchingWindowSeconds: 0,
    filters: [],
    reportBatchItemFailures: false,
    countEvents: false,
    stream: {
      startingPosition: "LATEST",
      parallelizationFactor: 1,
      bisectBatchOnFunctionError: false,
      maximumRetryAttempts: -1,
      maximumRecordAgeSeconds: -1,
      tumblingWindowSeconds: 0,
    },
  });
});

test("an update keeps what it does not speak of", () => {
  const before = settingsFrom("sqs", { BatchSize: 5, ScalingConfig: { MaximumConcurrency: 3 } }, undefined);
  assert.equal(settingsFrom("sqs", {}, before).batchSize, 5);
  assert.equal(settingsFrom("sqs", {}, before).maximumConcurrency, 3);
  assert.equal(settingsFrom("sqs", { ScalingConfig: {} }, before).maximumConcurrency, undefined);
});

test("bounds that the model does not hold", () => {
  assert.throws(() => settingsFrom("sqs", { BatchSize: 11 }, undefined), /Maximum batch window in seconds/u);
  assert.throws(() => settingsFrom("sqs-fifo", { BatchSize: 11 }, undefined), /less than or equal to 10$/u);
  assert.throws(
    () => settingsFrom("dynamodb", { TumblingWindowInSeconds: 5, ParallelizationFactor: 2 }, undefined),
    /: Parallelization factor must be equal to 1 when tumbling window period is configured$/u,
  );
});
