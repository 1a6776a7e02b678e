/**
 * The quotas of Lambda and its event sources as AWS documents them today. The code imports the numbers
 * from here; people see the table of `src/app/limits` (`lambent limits`), which is built from them.
 */
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
  /** Invocations of one function by one chain of events: the next one is a loop's. */
  recursiveInvocations: 16,
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
