/**
 * The quotas of Lambda and its event sources as AWS documents them today. The code imports the numbers from LIMITS; people see
 * LIMIT_TABLE (`lambent limits`, the reference), which is built from the same constants.
 */
const KB = 1024;
const MB = 1024 * KB;
const GB = 1024 * MB;

export const LIMITS = {
  memoryMbMin: 128,
  memoryMbMax: 10_240,
  memoryMbDefault: 128,
  /** One full vCPU is given per this much memory. */
  memoryMbPerVcpu: 1769,
  timeoutSecondsMin: 1,
  timeoutSecondsMax: 900,
  timeoutSecondsDefault: 3,
  tmpMbMin: 512,
  tmpMbMax: 10_240,
  tmpMbDefault: 512,
  zippedCodeBytes: 52_428_800, // 50 MB
  unzippedCodeBytes: 262_144_000, // 250 MB
  /** Body of CreateFunction, base64 archive included: the figure is AWS's own. */
  createFunctionRequestBytes: 70_167_211,
  totalCodeBytes: 80_530_636_800, // 75 GB
  imageBytes: 10_737_418_240, // 10 GB
  environmentBytes: 4_096, // 4 KB
  layers: 5,
  resourcePolicyBytes: 20_480, // 20 KB
  descriptionLength: 256,
  syncPayloadBytes: 6_291_456, // 6 MB
  /** A response may be 100 bytes longer than a request: the room AWS leaves for its wrapper. */
  syncResponseBytes: 6_291_556, // 6 MB + 100 bytes
  asyncPayloadBytes: 1_048_576, // 1 MB
  /** The deprecated InvokeAsync operation kept the limit of its day. */
  invokeAsyncPayloadBytes: 262_144, // 256 KB
  streamedResponseBytes: 209_715_200, // 200 MB
  clientContextBytes: 3583,
  logTailBytes: 4_096, // 4 KB
  concurrentExecutions: 1000,
  /** What PutFunctionConcurrency must leave for functions without a reservation. */
  unreservedConcurrencyMin: 100,
  scalingEnvironmentsPer10s: 1000,
  initSeconds: 10,
  openFiles: 1024,
  processes: 1024,
  retryAttemptsMax: 2,
  retryAttemptsDefault: 2,
  eventAgeSecondsMin: 60,
  eventAgeSecondsMax: 21_600,
  eventAgeSecondsDefault: 21_600,
  tagsPerFunction: 50,
  sqsMessageBytes: 1_048_576, // 1 MB, attributes included; a batch as a whole too
  sqsBatchEntries: 10,
  sqsMessageAttributes: 10,
  sqsDelaySeconds: 900,
  sqsWaitSeconds: 20,
  sqsVisibilitySeconds: 43_200,
  sqsRetentionSeconds: 1_209_600,
  sqsInFlight: 120_000,
  sqsQueueTags: 50,
  dynamodbItemBytes: 409_600, // 400 KB, names included
  dynamodbPageBytes: 1_048_576, // 1 MB of items looked at
  dynamodbBatchAnswerBytes: 16_777_216, // 16 MB
  dynamodbTransactionBytes: 4_194_304, // 4 MB
  dynamodbBatchReads: 100,
  dynamodbBatchWrites: 25,
  dynamodbTransactionItems: 100,
  dynamodbNestingLevels: 32,
  dynamodbHashKeyBytes: 2048,
  dynamodbRangeKeyBytes: 1024,
  dynamodbExpressionBytes: 4096,
  dynamodbGlobalIndexes: 20,
  dynamodbLocalIndexes: 5,
  dynamodbProjectedAttributes: 100,
  dynamodbTableTags: 50,
  dynamodbStreamHours: 24,
  dynamodbTables: 2500, // of an account in a region
  dynamodbTablesUnderWay: 500,
  dynamodbCollectionBytes: 10_737_418_240, // 10 GB
  snsMessageBytes: 262_144, // 256 KB, attributes included; a batch as a whole too
  snsBatchEntries: 10,
  snsAttributeNameBytes: 256,
  snsPageSize: 100,
  snsTopicTags: 50,
  snsTopics: 100_000, // per account and region, as all of SNS's
  snsFifoTopics: 1_000,
  snsSubscriptions: 12_500_000, // of a topic
  snsFifoSubscriptions: 100,
  snsPendingSubscriptions: 5_000,
  snsTopicFilters: 200,
  snsFilters: 10_000,
} as const;

const QUOTAS = "https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html";
const ASYNC_ERRORS = "https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html";
const RESERVED = "https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html";
const SCALING = "https://docs.aws.amazon.com/lambda/latest/dg/scaling-behavior.html";
const LIFECYCLE = "https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html";
const INVOKE_ASYNC = "https://docs.aws.amazon.com/lambda/latest/api/API_InvokeAsync.html";
const INVOKE = "https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html";
const DYNAMODB = "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html";
const DYNAMODB_QUOTAS = "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html";
const SQS_MESSAGES =
  "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html";
const SQS_QUEUES =
  "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-queues.html";
const TAGS = "https://docs.aws.amazon.com/lambda/latest/dg/configuration-tags.html";

/**
 * `yes`: refused or cut off with AWS's error. `driver`: holds as far as the sandbox driver says
 * (`lambent doctor`). `not served`: what it limits is not there yet.
 */
export type LimitEnforcement = "yes" | "driver" | "not served";

export interface LimitRow {
  /** Stable key for `--json`. */
  readonly id: string;
  readonly resource: string;
  /** AWS's current default, as people read it. */
  readonly awsDefault: string;
  readonly page: string;
  readonly enforced: LimitEnforcement;
  /** What a user does to get more, or why there is no more. */
  readonly raise: string;
}

const FIXED = "fixed, as on AWS";

/** With commas: 120,000. Node's own way loads 8 MB of the world's languages. */
function grouped(count: number): string {
  return String(count).replace(/\B(?=(?:\d{3})+$)/g, ",");
}

/** Bytes as a whole number of the largest unit that divides them. */
function bytes(count: number): string {
  for (const [unit, size] of [
    ["GB", GB],
    ["MB", MB],
    ["KB", KB],
  ] as const) {
    if (count % size === 0) return `${grouped(count / size)} ${unit}`;
  }
  return `${grouped(count)} bytes`;
}

function range(min: number, max: number, unit: string, standard: number): string {
  return `${grouped(min)} to ${grouped(max)} ${unit} (default ${grouped(standard)})`;
}

function row(
  id: string,
  resource: string,
  awsDefault: string,
  raise: string,
  page: string = QUOTAS,
  enforced: LimitEnforcement = "yes",
): LimitRow {
  return { id, resource, awsDefault, page, enforced, raise };
}

export const LIMIT_TABLE: readonly LimitRow[] = [
  row(
    "memory",
    "Function memory",
    range(LIMITS.memoryMbMin, LIMITS.memoryMbMax, "MB", LIMITS.memoryMbDefault),
    "MemorySize of the function",
    QUOTAS,
    "driver",
  ),
  row(
    "timeout",
    "Function timeout",
    range(LIMITS.timeoutSecondsMin, LIMITS.timeoutSecondsMax, "s", LIMITS.timeoutSecondsDefault),
    "Timeout of the function",
  ),
  row(
    "tmp",
    "Ephemeral storage /tmp",
    range(LIMITS.tmpMbMin, LIMITS.tmpMbMax, "MB", LIMITS.tmpMbDefault),
    "EphemeralStorage of the function",
    QUOTAS,
    "driver",
  ),
  row("init", "Init phase", `${LIMITS.initSeconds} s`, FIXED, LIFECYCLE),
  row("zipped-code", "Deployment package, zipped, direct upload", bytes(LIMITS.zippedCodeBytes), FIXED),
  row("unzipped-code", "Deployment package, unzipped, with layers", bytes(LIMITS.unzippedCodeBytes), FIXED),
  row("total-code", "Storage for all packages", bytes(LIMITS.totalCodeBytes), FIXED),
  row("image", "Container image, uncompressed", bytes(LIMITS.imageBytes), FIXED, QUOTAS, "not served"),
  row(
    "environment",
    "Environment variables, in all",
    bytes(LIMITS.environmentBytes),
    "keep large values in a file of the package",
  ),
  row("layers", "Layers of a function", String(LIMITS.layers), FIXED, QUOTAS, "not served"),
  row("policy", "Resource-based policy", bytes(LIMITS.resourcePolicyBytes), FIXED),
  row(
    "sync-payload",
    "Synchronous payload, each way",
    bytes(LIMITS.syncPayloadBytes),
    "pass a reference to the data instead",
  ),
  row(
    "async-payload",
    "Asynchronous payload",
    bytes(LIMITS.asyncPayloadBytes),
    "pass a reference to the data instead",
  ),
  row(
    "invoke-async-payload",
    "Payload of the deprecated InvokeAsync",
    bytes(LIMITS.invokeAsyncPayloadBytes),
    "use Invoke with InvocationType Event",
    INVOKE_ASYNC,
  ),
  row(
    "streamed-response",
    "Streamed response",
    bytes(LIMITS.streamedResponseBytes),
    FIXED,
    QUOTAS,
    "not served",
  ),
  row("client-context", "Client context, base64", bytes(LIMITS.clientContextBytes), FIXED, INVOKE),
  row(
    "concurrency",
    "Concurrent executions of an account and region",
    grouped(LIMITS.concurrentExecutions),
    "a support request at AWS; what this machine can carry is a limit of its own (lambent doctor)",
    RESERVED,
  ),
  row(
    "unreserved-concurrency",
    "Concurrency that stays unreserved",
    String(LIMITS.unreservedConcurrencyMin),
    FIXED,
    RESERVED,
  ),
  row(
    "scaling-rate",
    "Scaling rate of a function",
    `${grouped(LIMITS.scalingEnvironmentsPer10s)} environments in 10 s`,
    FIXED,
    SCALING,
  ),
  row("open-files", "Open files", String(LIMITS.openFiles), FIXED, QUOTAS, "driver"),
  row(
    "processes",
    "Processes and threads",
    `${String(LIMITS.processes)}; 742 at 128 MB`,
    "MemorySize of the function, up to 200 MB",
    QUOTAS,
    "driver",
  ),
  row(
    "retry-attempts",
    "Retries of an asynchronous event",
    `0 to ${LIMITS.retryAttemptsMax} (default ${LIMITS.retryAttemptsDefault})`,
    "MaximumRetryAttempts of PutFunctionEventInvokeConfig",
    ASYNC_ERRORS,
  ),
  row(
    "event-age",
    "Age of an asynchronous event",
    range(LIMITS.eventAgeSecondsMin, LIMITS.eventAgeSecondsMax, "s", LIMITS.eventAgeSecondsDefault),
    "MaximumEventAgeInSeconds of PutFunctionEventInvokeConfig",
    ASYNC_ERRORS,
  ),
  row("tags", "Tags of a function", String(LIMITS.tagsPerFunction), FIXED, TAGS),
  row(
    "sqs-message",
    "SQS message with its attributes, and a batch as a whole",
    bytes(LIMITS.sqsMessageBytes),
    "keep large payloads in S3 and send a reference",
    SQS_MESSAGES,
  ),
  row("sqs-batch", "Entries of an SQS batch", String(LIMITS.sqsBatchEntries), FIXED, SQS_MESSAGES),
  row("sqs-in-flight", "SQS messages in flight, per queue", grouped(LIMITS.sqsInFlight), FIXED, SQS_QUEUES),
  row(
    "sqs-retention",
    "Retention of an SQS message",
    range(60, LIMITS.sqsRetentionSeconds, "s", 345_600),
    "MessageRetentionPeriod of the queue",
    SQS_MESSAGES,
  ),
  row("sqs-delay", "Delay of an SQS message", range(0, LIMITS.sqsDelaySeconds, "s", 0), FIXED, SQS_MESSAGES),
  row(
    "sqs-visibility",
    "Visibility timeout of an SQS message",
    range(0, LIMITS.sqsVisibilitySeconds, "s", 30),
    "VisibilityTimeout of the queue or the receive",
    SQS_MESSAGES,
  ),
  row("sqs-wait", "Wait of a long poll", range(0, LIMITS.sqsWaitSeconds, "s", 0), FIXED, SQS_QUEUES),
  row(
    "dynamodb-item",
    "DynamoDB item with its attribute names",
    bytes(LIMITS.dynamodbItemBytes),
    "keep large values in S3 and store a reference",
    DYNAMODB,
  ),
  row("dynamodb-page", "Items a Query or Scan looks at", bytes(LIMITS.dynamodbPageBytes), FIXED, DYNAMODB),
  row(
    "dynamodb-batch",
    "Items of a DynamoDB batch",
    `${LIMITS.dynamodbBatchReads} read, ${LIMITS.dynamodbBatchWrites} written`,
    FIXED,
    DYNAMODB,
  ),
  row(
    "dynamodb-transaction",
    "DynamoDB transaction",
    `${LIMITS.dynamodbTransactionItems} items, ${bytes(LIMITS.dynamodbTransactionBytes)}`,
    FIXED,
    DYNAMODB,
  ),
  row(
    "dynamodb-keys",
    "Partition and sort key of an item",
    `${LIMITS.dynamodbHashKeyBytes} and ${LIMITS.dynamodbRangeKeyBytes} bytes`,
    FIXED,
    DYNAMODB,
  ),
  row(
    "dynamodb-nesting",
    "Levels of nested lists and maps",
    String(LIMITS.dynamodbNestingLevels),
    FIXED,
    DYNAMODB,
  ),
  row("dynamodb-expression", "DynamoDB expression", bytes(LIMITS.dynamodbExpressionBytes), FIXED, DYNAMODB),
  row(
    "dynamodb-indexes",
    "Indexes of a DynamoDB table",
    `${LIMITS.dynamodbGlobalIndexes} global, ${LIMITS.dynamodbLocalIndexes} local`,
    FIXED,
    DYNAMODB_QUOTAS,
  ),
  row(
    "dynamodb-tables",
    "DynamoDB tables of an account and region, and changes of them at once",
    `${grouped(LIMITS.dynamodbTables)}, ${LIMITS.dynamodbTablesUnderWay}`,
    FIXED,
    DYNAMODB_QUOTAS,
  ),
  row(
    "dynamodb-collection",
    "Items of one partition key where a table has local indexes",
    bytes(LIMITS.dynamodbCollectionBytes),
    FIXED,
    DYNAMODB,
  ),
  row(
    "dynamodb-stream",
    "Retention of DynamoDB stream records",
    `${LIMITS.dynamodbStreamHours} h`,
    FIXED,
    DYNAMODB_QUOTAS,
  ),
];
