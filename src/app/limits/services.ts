/** What the services that send events allow, as far as it is held here. */
import { LIMITS } from "../../kernel/limits.ts";
import { EVENTS_LIMITS } from "../../services/events/model.ts";
import { S3_LIMITS } from "../../services/s3/model.ts";
import { bytes, FIXED, grouped, type LimitRow, range, row } from "./row.ts";

const DYNAMODB = "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html";
const DYNAMODB_QUOTAS = "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html";
const SQS_MESSAGES =
  "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html";
const SQS_QUEUES =
  "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-queues.html";
const S3_UPLOADS = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html";
const S3_KEYS = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html";
const S3_METADATA = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html";
const S3_TAGS = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-tagging.html";
const S3_POLICY = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-policies.html";
const S3_LIFECYCLE = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lifecycle-mgmt.html";
const SNS = "https://docs.aws.amazon.com/general/latest/gr/sns.html";
const EVENTS = "https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html";

const SQS_ROWS: readonly LimitRow[] = [
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
    "sqs-attributes",
    "Attributes of an SQS message, tags of a queue",
    `${LIMITS.sqsMessageAttributes}, ${LIMITS.sqsQueueTags}`,
    FIXED,
    SQS_MESSAGES,
  ),
];

const S3_ROWS: readonly LimitRow[] = [
  row(
    "s3-upload",
    "S3 object of one upload or copy",
    bytes(S3_LIMITS.putBytes),
    "upload it in parts",
    S3_UPLOADS,
  ),
  row(
    "s3-parts",
    "Parts of an S3 upload",
    `1 to ${grouped(S3_LIMITS.partsMax)} of ${bytes(S3_LIMITS.partBytesMin)} (the last may be smaller) to ${bytes(S3_LIMITS.putBytes)}`,
    FIXED,
    S3_UPLOADS,
  ),
  row("s3-key", "Key of an S3 object", `${grouped(S3_LIMITS.keyBytes)} bytes`, FIXED, S3_KEYS),
  row("s3-metadata", "Metadata of an S3 object", bytes(S3_LIMITS.userMetadataBytes), FIXED, S3_METADATA),
  row(
    "s3-tags",
    "Tags of an S3 object and of a bucket",
    `${S3_LIMITS.objectTags} and ${S3_LIMITS.bucketTags}`,
    FIXED,
    S3_TAGS,
  ),
  row("s3-delete", "Keys of a DeleteObjects request", grouped(S3_LIMITS.deleteKeys), FIXED, S3_UPLOADS),
  row("s3-policy", "Bucket policy", bytes(S3_LIMITS.policyBytes), FIXED, S3_POLICY),
  row("s3-lifecycle", "Lifecycle rules of a bucket", grouped(S3_LIMITS.lifecycleRules), FIXED, S3_LIFECYCLE),
];

const SNS_ROWS: readonly LimitRow[] = [
  row(
    "sns-message",
    "SNS message with its attributes, and a batch as a whole",
    bytes(LIMITS.snsMessageBytes),
    "keep large payloads in S3 and send a reference",
    SNS,
  ),
  row("sns-batch", "Entries of a PublishBatch", String(LIMITS.snsBatchEntries), FIXED, SNS),
  row(
    "sns-topics",
    "SNS topics of an account and region",
    `${grouped(LIMITS.snsTopics)}, and ${grouped(LIMITS.snsFifoTopics)} FIFO`,
    FIXED,
    SNS,
  ),
  row(
    "sns-subscriptions",
    "Subscriptions of a topic",
    `${grouped(LIMITS.snsSubscriptions)}; FIFO ${LIMITS.snsFifoSubscriptions}`,
    FIXED,
    SNS,
  ),
  row(
    "sns-pending",
    "Subscriptions that wait for their confirmation",
    grouped(LIMITS.snsPendingSubscriptions),
    FIXED,
    SNS,
  ),
  row(
    "sns-filters",
    "Subscriptions with a filter policy, of a topic and of an account",
    `${LIMITS.snsTopicFilters}, ${grouped(LIMITS.snsFilters)}`,
    FIXED,
    SNS,
  ),
];

const EVENTS_ROWS: readonly LimitRow[] = [
  row("events-buses", "EventBridge buses", String(EVENTS_LIMITS.busesPerScope), FIXED, EVENTS),
  row("events-rules", "Rules of a bus", String(EVENTS_LIMITS.rulesPerBus), FIXED, EVENTS),
  row("events-targets", "Targets of a rule", String(EVENTS_LIMITS.targetsPerRule), FIXED, EVENTS),
  row(
    "events-put",
    "A PutEvents request",
    `10 entries, ${bytes(EVENTS_LIMITS.putEventsBytes)} in all`,
    "keep large payloads in S3 and send a reference",
    EVENTS,
  ),
  row("events-policy", "Policy of a bus", `${grouped(EVENTS_LIMITS.policyBytes)} characters`, FIXED, EVENTS),
];

const DYNAMODB_ROWS: readonly LimitRow[] = [
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

export const SERVICE_ROWS: readonly LimitRow[] = [
  ...SQS_ROWS,
  ...S3_ROWS,
  ...SNS_ROWS,
  ...EVENTS_ROWS,
  ...DYNAMODB_ROWS,
];
