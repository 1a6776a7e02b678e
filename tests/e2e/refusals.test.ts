/**
 * What Lambda and CloudWatch Logs refuse, one row a refusal: operation, input, the error's name and a part
 * of its sentence. Through the SDK, so that refusals of the wire, of validation and of the operations all
 * count. What one entity meets in its life is tested elsewhere; this is for the corners.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import * as logsSdk from "@aws-sdk/client-cloudwatch-logs";
import * as lambdaSdk from "@aws-sdk/client-lambda";
import { zip } from "../../src/testing/zip.ts";
import { clients, refusal, ROLE, type Clients } from "./client.ts";
import { startServer, type RunningServer } from "./server.ts";

type Row = readonly [operation: string, input: object, code: string, sentence: RegExp];

let server: RunningServer;
let aws: Clients;

before(async () => {
  server = await startServer();
  aws = clients(server);
  await aws.create("f", { "app.py": "def handler(e, c): return 1\n" });
  await send(lambdaSdk, "PublishVersion", { FunctionName: "f" });
  await send(lambdaSdk, "CreateAlias", { FunctionName: "f", Name: "al", FunctionVersion: "1" });
  await send(lambdaSdk, "AddPermission", { ...PERMISSION, StatementId: "there" });
  await send(logsSdk, "CreateLogGroup", { logGroupName: "/g" });
});
after(async () => {
  aws?.destroy();
  await server?.[Symbol.asyncDispose]();
});

interface Command {
  new (input: never): never;
}

/** Any operation of a client by its name: the table below is data. */
async function send(sdk: object, operation: string, input: object): Promise<unknown> {
  const command = (sdk as Readonly<Record<string, Command>>)[`${operation}Command`];
  assert.ok(command !== undefined, `the SDK has no ${operation}`);
  const client = sdk === logsSdk ? aws.logs : aws.lambda;
  return (client.send as (command: never) => Promise<unknown>)(new command(input as never));
}

const ARN = "arn:aws:lambda:us-east-1:000000000000:function:f";
const PERMISSION = { FunctionName: "f", Action: "lambda:InvokeFunction", Principal: "s3.amazonaws.com" };
const UNQUALIFIED = /permitted on Lambda functions only/;
const ONLY_FUNCTIONS = /Tags on function aliases and versions are not supported/;
const told = (Destination: string): object => ({
  FunctionName: "f",
  DestinationConfig: { OnFailure: { Destination } },
});
const lostTo = (resource: string): object => ({
  FunctionName: "f",
  DeadLetterConfig: { TargetArn: `arn:aws:${resource}` },
});
const NO_DESTINATION = /^The destination ARN \S+:no\S+ is invalid\.$/;
const CREATION = {
  FunctionName: "never",
  Runtime: "python3.12",
  Role: ROLE,
  Handler: "app.handler",
  Code: { ZipFile: zip({ "app.py": "" }) },
};
const MARKER = { FunctionName: "f", Marker: "!!" };
const INVALID = "InvalidParameterValueException";
const MISSING = "ResourceNotFoundException";
const STALE = "PreconditionFailedException";

const LAMBDA: readonly Row[] = [
  ["ListAliases", MARKER, INVALID, /^Invalid Marker$/],
  ["ListVersionsByFunction", MARKER, INVALID, /^Invalid Marker$/],
  ["ListFunctionEventInvokeConfigs", MARKER, INVALID, /^Invalid Marker$/],
  ["ListFunctions", { Marker: "!!" }, INVALID, /^Invalid Marker$/],
  ["ListTags", { Resource: `${ARN}:1` }, INVALID, ONLY_FUNCTIONS],
  ["TagResource", { Resource: `${ARN}:1`, Tags: { a: "b" } }, INVALID, ONLY_FUNCTIONS],
  ["UntagResource", { Resource: `${ARN}:1`, TagKeys: ["a"] }, INVALID, ONLY_FUNCTIONS],
  ["PutFunctionConcurrency", { FunctionName: "f:1", ReservedConcurrentExecutions: 1 }, INVALID, UNQUALIFIED],
  ["DeleteFunctionConcurrency", { FunctionName: "f:1" }, INVALID, UNQUALIFIED],
  [
    "RemovePermission",
    { FunctionName: "f:1", Qualifier: "2", StatementId: "x" },
    INVALID,
    /derived qualifier from the function name does not match/,
  ],
  [
    "RemovePermission",
    { FunctionName: "f", StatementId: "there", RevisionId: "stale" },
    STALE,
    /GetPolicy API/,
  ],
  ["AddPermission", { ...PERMISSION, StatementId: "x", RevisionId: "stale" }, STALE, /GetPolicy API/],
  [
    "UpdateAlias",
    { FunctionName: "f", Name: "al", RoutingConfig: { AdditionalVersionWeights: { "1": 0.5 } } },
    INVALID,
    /Function version 1 is already included in routing configuration/,
  ],
  ["UpdateFunctionCode", { FunctionName: "f", ZipFile: Buffer.from("no zip") }, INVALID, /Could not unzip/],
  [
    "UpdateFunctionEventInvokeConfig",
    { FunctionName: "f" },
    INVALID,
    /at least one of error handling or destination setting/,
  ],
  ...[
    "sqs:us-east-1:000000000000:none",
    "sns:us-east-1:000000000000:none",
    "events:us-east-1:000000000000:event-bus/none",
  ].map((resource): Row => [
    "PutFunctionEventInvokeConfig",
    told(`arn:aws:${resource}`),
    INVALID,
    new RegExp(`^The destination ARN arn:aws:${resource} is invalid\\.$`),
  ]),
  [
    "PutFunctionEventInvokeConfig",
    told("arn:aws:sqs:us-east-1:000000000000:ordered.fifo"),
    INVALID,
    /^The destination ARN \S+:ordered\.fifo is invalid\.$/,
  ],
  ["PutFunctionEventInvokeConfig", told("arn:aws:s3:::no-such-bucket"), INVALID, NO_DESTINATION],
  ...["sqs:us-east-1:000000000000:none", "sns:us-east-1:000000000000:none"].map((resource): Row => [
    "UpdateFunctionConfiguration",
    lostTo(resource),
    INVALID,
    NO_DESTINATION,
  ]),
  [
    "UpdateFunctionConfiguration",
    lostTo("sqs:us-east-1:000000000000:o.fifo"),
    INVALID,
    /^Invalid dead letter queue ARN: FIFO SQS queue is not supported for dead letter configuration$/,
  ],
  [
    "UpdateFunctionConfiguration",
    lostTo("events:us-east-1:000000000000:event-bus/default"),
    INVALID,
    /^Invalid dead letter queue ARN: The service specified by the TargetArn is not supported for dead letter configuration\.$/,
  ],
  [
    "UpdateFunctionConfiguration",
    lostTo("sqs:eu-west-1:000000000000:none"),
    INVALID,
    /^Invalid dead letter queue ARN: The resource specified by the TargetArn must be in the same region as the Lambda function it's associated with\.$/,
  ],
  [
    "CreateFunction",
    { ...CREATION, DeadLetterConfig: { TargetArn: "arn:aws:sqs:us-east-1:000000000000:none" } },
    INVALID,
    NO_DESTINATION,
  ],
  [
    "PutFunctionRecursionConfig",
    { FunctionName: "f", RecursiveLoop: "Sometimes" },
    "ValidationException",
    /^1 validation error detected: Value 'Sometimes' at 'recursiveLoop' failed to satisfy constraint: Member must satisfy enum value set: \[Terminate, Allow\]$/,
  ],
  [
    "GetFunctionRecursionConfig",
    { FunctionName: "f:al" },
    "ValidationException",
    /^1 validation error detected: Value 'f:al' at 'functionName' failed to satisfy constraint: /,
  ],
  ["InvokeAsync", { FunctionName: "none", InvokeArgs: "{}" }, MISSING, /:function:none:\$LATEST$/],
  [
    "InvokeAsync",
    { FunctionName: "f", InvokeArgs: "{" },
    "InvalidRequestContentException",
    /Could not parse/,
  ],
  ["Invoke", { FunctionName: "f", Payload: "{" }, "InvalidRequestContentException", /Could not parse/],
];

const NO_GROUP = /^The specified log group does not exist\.$/;
const NO_RESOURCE = /^The specified resource does not exist\.$/;
const PATTERN = /failed to satisfy constraint: Member must satisfy regular expression pattern/;
const TOKEN = /^The specified nextToken is invalid\.$/;
const BAD = "InvalidParameterException";
const none = { logGroupName: "/none" };
const resourceArn = "arn:aws:logs:us-east-1:000000000000:log-group:/none";
const group = "arn:aws:logs:us-east-1:000000000000:log-group:/g";
const ownPrefix = /aws: prefixed tag key names are not allowed/;

const LOGS: readonly Row[] = [
  ["CreateLogStream", { ...none, logStreamName: "s" }, MISSING, NO_GROUP],
  ["CreateLogStream", { logGroupName: "/g", logStreamName: "a:b" }, BAD, PATTERN],
  ["DeleteLogGroup", { logGroupName: "!" }, BAD, PATTERN],
  ["DeleteResourcePolicy", { policyName: "none" }, MISSING, NO_RESOURCE],
  ["DeleteRetentionPolicy", none, MISSING, NO_GROUP],
  ["DeleteRetentionPolicy", { logGroupName: "!" }, BAD, PATTERN],
  ["DescribeLogStreams", none, MISSING, NO_GROUP],
  ["DescribeMetricFilters", { logGroupName: "!" }, BAD, PATTERN],
  ["DescribeSubscriptionFilters", { logGroupName: "!" }, BAD, PATTERN],
  ["DeleteSubscriptionFilter", { logGroupName: "!", filterName: "f" }, BAD, PATTERN],
  ["DescribeResourcePolicies", { nextToken: "x" }, BAD, TOKEN],
  ["DescribeLogGroups", { nextToken: "x" }, BAD, TOKEN],
  ["FilterLogEvents", none, MISSING, NO_GROUP],
  ["GetLogEvents", { ...none, logStreamName: "s" }, MISSING, NO_GROUP],
  ["ListTagsForResource", { resourceArn }, MISSING, NO_GROUP],
  ["ListTagsForResource", { resourceArn: "!" }, BAD, PATTERN],
  ["ListTagsLogGroup", none, MISSING, NO_GROUP],
  [
    "PutLogGroupDeletionProtection",
    { logGroupIdentifier: "/none", deletionProtectionEnabled: true },
    MISSING,
    NO_GROUP,
  ],
  [
    "PutLogGroupDeletionProtection",
    { logGroupIdentifier: "!", deletionProtectionEnabled: true },
    BAD,
    PATTERN,
  ],
  ["PutRetentionPolicy", { ...none, retentionInDays: 7 }, MISSING, NO_GROUP],
  ["TagLogGroup", { ...none, tags: { a: "b" } }, MISSING, NO_GROUP],
  ["TagLogGroup", { logGroupName: "/g", tags: { "aws:a": "b" } }, BAD, ownPrefix],
  ["TagResource", { resourceArn, tags: { a: "b" } }, MISSING, NO_GROUP],
  ["TagResource", { resourceArn: group, tags: { "aws:a": "b" } }, BAD, ownPrefix],
  ["UntagLogGroup", { ...none, tags: ["a"] }, MISSING, NO_GROUP],
  ["UntagResource", { resourceArn, tagKeys: ["a"] }, MISSING, NO_GROUP],
  ["UntagResource", { resourceArn: "!", tagKeys: ["a"] }, BAD, PATTERN],
];

for (const [service, sdk, rows] of [
  ["Lambda", lambdaSdk, LAMBDA],
  ["CloudWatch Logs", logsSdk, LOGS],
] as const) {
  test(`${service}: each refusal in AWS's words`, async () => {
    const wrong: string[] = [];
    for (const [operation, input, code, sentence] of rows) {
      const label = `${operation} ${JSON.stringify(input)}`;
      const error = await refusal(send(sdk, operation, input)).catch(() => undefined);
      if (error === undefined) wrong.push(`${label}: accepted`);
      else if (error.name !== code || !sentence.test(error.message))
        wrong.push(`${label}: ${error.name}: ${error.message}`);
    }
    assert.deepEqual(wrong, []);
  });
}

test("two changes of one function at once: one is in progress, the other is told so", async () => {
  const conflicts = async (calls: readonly Promise<unknown>[]): Promise<string[]> =>
    (await Promise.allSettled(calls)).flatMap((one) =>
      one.status === "rejected" ? [(one.reason as Error).name] : [],
    );
  const code = (text: string): Promise<unknown> =>
    send(lambdaSdk, "UpdateFunctionCode", { FunctionName: "f", ZipFile: zip({ "app.py": text }) });
  assert.deepEqual(await conflicts([code("a = 1\n"), code("a = 2\n")]), ["ResourceConflictException"]);
  await lambdaSdk.waitUntilFunctionUpdatedV2({ client: aws.lambda, maxWaitTime: 20 }, { FunctionName: "f" });
  const publishing = [code("a = 3\n"), send(lambdaSdk, "PublishVersion", { FunctionName: "f" })];
  const told = await conflicts(publishing);
  assert.ok(told.length <= 1 && told.every((name) => name === "ResourceConflictException"), String(told));
  await lambdaSdk.waitUntilFunctionUpdatedV2({ client: aws.lambda, maxWaitTime: 20 }, { FunctionName: "f" });
  assert.equal(
    (await aws.lambda.send(new lambdaSdk.GetFunctionCommand({ FunctionName: "f" }))).Configuration?.Role,
    ROLE,
  );
});
