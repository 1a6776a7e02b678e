/** What Lambda itself allows a function, its code and its callers. */
import { LIMITS } from "../../kernel/limits.ts";
import { bytes, FIXED, grouped, type LimitEnforcement, type LimitRow, range, row } from "./row.ts";

const QUOTAS = "https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html";
const ASYNC_ERRORS = "https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html";
const RESERVED = "https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html";
const SCALING = "https://docs.aws.amazon.com/lambda/latest/dg/scaling-behavior.html";
const LIFECYCLE = "https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html";
const INVOKE_ASYNC = "https://docs.aws.amazon.com/lambda/latest/api/API_InvokeAsync.html";
const INVOKE = "https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html";
const RECURSION = "https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html";
const TAGS = "https://docs.aws.amazon.com/lambda/latest/dg/configuration-tags.html";
const MAPPING = "https://docs.aws.amazon.com/lambda/latest/api/API_CreateEventSourceMapping.html";
const FILTERING = "https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html";

/** Most of them stand on one page. */
function quota(
  id: string,
  resource: string,
  awsDefault: string,
  raise: string,
  enforced: LimitEnforcement = "yes",
): LimitRow {
  return row(id, resource, awsDefault, raise, QUOTAS, enforced);
}

export const LAMBDA_ROWS: readonly LimitRow[] = [
  quota(
    "memory",
    "Function memory",
    range(LIMITS.memoryMbMin, LIMITS.memoryMbMax, "MB", LIMITS.memoryMbDefault),
    "MemorySize of the function",
    "driver",
  ),
  quota(
    "timeout",
    "Function timeout",
    range(LIMITS.timeoutSecondsMin, LIMITS.timeoutSecondsMax, "s", LIMITS.timeoutSecondsDefault),
    "Timeout of the function",
  ),
  quota(
    "tmp",
    "Ephemeral storage /tmp",
    range(LIMITS.tmpMbMin, LIMITS.tmpMbMax, "MB", LIMITS.tmpMbDefault),
    "EphemeralStorage of the function",
    "driver",
  ),
  row("init", "Init phase", `${LIMITS.initSeconds} s`, FIXED, LIFECYCLE),
  quota("zipped-code", "Deployment package, zipped, direct upload", bytes(LIMITS.zippedCodeBytes), FIXED),
  quota("unzipped-code", "Deployment package, unzipped, with layers", bytes(LIMITS.unzippedCodeBytes), FIXED),
  quota("total-code", "Storage for all packages", bytes(LIMITS.totalCodeBytes), FIXED),
  quota("image", "Container image, uncompressed", bytes(LIMITS.imageBytes), FIXED, "not served"),
  quota(
    "environment",
    "Environment variables, in all",
    bytes(LIMITS.environmentBytes),
    "keep large values in a file of the package",
  ),
  quota("layers", "Layers of a function", String(LIMITS.layers), FIXED, "not served"),
  quota("policy", "Resource-based policy", bytes(LIMITS.resourcePolicyBytes), FIXED),
  quota(
    "sync-payload",
    "Synchronous payload, each way",
    bytes(LIMITS.syncPayloadBytes),
    "pass a reference to the data instead",
  ),
  quota(
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
  quota("streamed-response", "Streamed response", bytes(LIMITS.streamedResponseBytes), FIXED, "not served"),
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
  quota("open-files", "Open files", grouped(LIMITS.openFiles), FIXED, "driver"),
  quota(
    "processes",
    "Processes and threads",
    `${grouped(LIMITS.processes)}; 742 at 128 MB`,
    "MemorySize of the function, up to 200 MB",
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
  row(
    "recursion",
    "Invocations of a function by one chain of events",
    String(LIMITS.recursiveInvocations),
    "aws lambda put-function-recursion-config --recursive-loop Allow",
    RECURSION,
  ),
  row("tags", "Tags of a function", String(LIMITS.tagsPerFunction), FIXED, TAGS),
  row(
    "mapping-batch",
    "Records of a batch of an event source mapping",
    "10,000; FIFO queues 10 (default 10 of a queue, 100 of a stream)",
    "BatchSize of the mapping",
    MAPPING,
  ),
  row(
    "mapping-window",
    "Batching window of a mapping",
    "0 to 300 s",
    "MaximumBatchingWindowInSeconds",
    MAPPING,
  ),
  row("mapping-filters", "Filters of a mapping", "5 of 4,096 characters", FIXED, FILTERING),
];
