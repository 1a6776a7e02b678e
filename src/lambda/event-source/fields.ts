/**
 * Which field of CreateEventSourceMapping and UpdateEventSourceMapping is good for which source, and
 * within which bounds. Reads a request into settings; what is given for the wrong source is refused
 * as AWS does, and what Lambent does not do yet is refused by name.
 * https://docs.aws.amazon.com/lambda/latest/api/API_CreateEventSourceMapping.html
 */
import type { ServiceError } from "../../kernel/errors.ts";
import { invalidParameter, notImplementedYet, validation } from "../control/errors.ts";
import { checkFilters } from "./filter.ts";
import type { MappingSettings, SourceKind, StreamSettings } from "./model.ts";

/** The fields of both requests that say how a mapping works, as the SDK spells them. */
export interface MappingFields {
  readonly BatchSize?: number | undefined;
  readonly MaximumBatchingWindowInSeconds?: number | undefined;
  readonly FilterCriteria?: { readonly Filters?: readonly { readonly Pattern?: string }[] } | undefined;
  readonly FunctionResponseTypes?: readonly string[] | undefined;
  readonly ScalingConfig?: { readonly MaximumConcurrency?: number | undefined } | undefined;
  readonly MetricsConfig?: { readonly Metrics?: readonly string[] | undefined } | undefined;
  readonly StartingPosition?: string | undefined;
  readonly StartingPositionTimestamp?: Date | undefined;
  readonly ParallelizationFactor?: number | undefined;
  readonly BisectBatchOnFunctionError?: boolean | undefined;
  readonly MaximumRetryAttempts?: number | undefined;
  readonly MaximumRecordAgeInSeconds?: number | undefined;
  readonly TumblingWindowInSeconds?: number | undefined;
  readonly DestinationConfig?:
    | {
        readonly OnSuccess?: { readonly Destination?: string | undefined } | undefined;
        readonly OnFailure?: { readonly Destination?: string | undefined } | undefined;
      }
    | undefined;
}

type Field = keyof MappingFields;

/** Fields of other sources, or of none that stands yet. */
const STREAM_ONLY: readonly Field[] = [
  "ParallelizationFactor",
  "BisectBatchOnFunctionError",
  "MaximumRetryAttempts",
  "MaximumRecordAgeInSeconds",
  "TumblingWindowInSeconds",
  "DestinationConfig",
];
const QUEUE_ONLY: readonly Field[] = ["ScalingConfig"];
const OF_OTHER_SOURCES = [
  "Topics",
  "Queues",
  "SourceAccessConfigurations",
  "SelfManagedEventSource",
  "AmazonManagedKafkaEventSourceConfig",
  "SelfManagedKafkaEventSourceConfig",
  "DocumentDBEventSourceConfig",
] as const;
const NOT_YET = ["KMSKeyArn", "ProvisionedPollerConfig", "LoggingConfig"] as const;

const unsupported = (field: string): ServiceError =>
  invalidParameter(`Unsupported ${field} parameter for given event source mapping type.`);

/** Errors: InvalidParameterValueException in AWS's words; a 501 that names the field for what is not done yet. */
export function checkFieldsOfSource(
  kind: SourceKind,
  request: MappingFields & Readonly<Record<string, unknown>>,
): void {
  const given = (field: string): boolean => {
    const value = request[field];
    if (value === undefined || value === null) return false;
    if (value instanceof Date) return true;
    return typeof value !== "object" || Object.keys(value).length > 0;
  };
  // Only failures have a destination.
  if (request.DestinationConfig?.OnSuccess?.Destination !== undefined) throw unsupported("DestinationConfig");
  if (kind !== "dynamodb") {
    for (const field of ["StartingPosition", "StartingPositionTimestamp"]) {
      if (given(field)) throw invalidParameter(`${field} is not valid for SQS event sources.`);
    }
  }
  const foreign = kind === "dynamodb" ? QUEUE_ONLY : STREAM_ONLY;
  for (const field of [...foreign, ...OF_OTHER_SOURCES]) if (given(field)) throw unsupported(field);
  if (kind === "sqs-fifo" && (request.MaximumBatchingWindowInSeconds ?? 0) > 0) {
    throw invalidParameter("Batching window is not supported for FIFO queues.");
  }
  for (const field of NOT_YET) {
    if (given(field)) {
      throw notImplementedYet(
        `${field} of an event source mapping`,
        "Leave it out: the mapping works without.",
      );
    }
  }
}

const BATCH_MAX = { sqs: 10_000, "sqs-fifo": 10, dynamodb: 10_000 } as const;
const BATCH_DEFAULT = { sqs: 10, "sqs-fifo": 10, dynamodb: 100 } as const;
/** From this size on gathering takes time, and AWS wants it said. */
const BATCH_WITHOUT_WINDOW = 10;
const FILTERS_MAX = 5;

/**
 * The settings after a request; `before` those of an update, whose absent fields stay.
 * Errors: see checkFieldsOfSource.
 */
export function settingsFrom(
  kind: SourceKind,
  request: MappingFields,
  before: MappingSettings | undefined,
): MappingSettings {
  const batchSize = request.BatchSize ?? before?.batchSize ?? BATCH_DEFAULT[kind];
  const batchingWindowSeconds = request.MaximumBatchingWindowInSeconds ?? before?.batchingWindowSeconds ?? 0;
  if (batchSize > BATCH_MAX[kind]) {
    throw invalidParameter(
      `1 validation error detected: Value '${String(batchSize)}' at 'batchSize' failed to satisfy constraint: Member must have value less than or equal to ${String(BATCH_MAX[kind])}`,
    );
  }
  if (kind === "sqs" && batchSize > BATCH_WITHOUT_WINDOW && batchingWindowSeconds === 0) {
    throw invalidParameter(
      "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10",
    );
  }
  const filters = filtersFrom(request, before);
  const maximumConcurrency =
    request.ScalingConfig === undefined
      ? before?.maximumConcurrency
      : request.ScalingConfig.MaximumConcurrency;
  return {
    batchSize,
    batchingWindowSeconds,
    filters,
    reportBatchItemFailures:
      request.FunctionResponseTypes?.includes("ReportBatchItemFailures") ??
      before?.reportBatchItemFailures ??
      false,
    countEvents: request.MetricsConfig?.Metrics?.includes("EventCount") ?? before?.countEvents ?? false,
    ...(maximumConcurrency === undefined ? {} : { maximumConcurrency }),
    ...(kind === "dynamodb" ? { stream: streamFrom(request, before?.stream) } : {}),
  };
}

function filtersFrom(request: MappingFields, before: MappingSettings | undefined): readonly string[] {
  if (request.FilterCriteria === undefined) return before?.filters ?? [];
  const filters = (request.FilterCriteria.Filters ?? []).map((filter) => filter.Pattern ?? "");
  if (filters.length > FILTERS_MAX) {
    throw invalidParameter(
      `1 validation error detected: Value at 'filterCriteria.filters' failed to satisfy constraint: Member must have length less than or equal to ${String(FILTERS_MAX)}`,
    );
  }
  checkFilters(filters);
  return filters;
}

function streamFrom(request: MappingFields, before: StreamSettings | undefined): StreamSettings {
  const position = request.StartingPosition ?? before?.startingPosition;
  const tumblingWindowSeconds = request.TumblingWindowInSeconds ?? before?.tumblingWindowSeconds ?? 0;
  const parallelizationFactor = request.ParallelizationFactor ?? before?.parallelizationFactor ?? 1;
  if (tumblingWindowSeconds > 0 && parallelizationFactor > 1) {
    throw invalidParameter(
      "Parallelization factor must be equal to 1 when tumbling window period is configured",
    );
  }
  const age = request.MaximumRecordAgeInSeconds;
  // The model allows -1 and 0 to 604,800; AWS takes no age under a minute.
  if (age !== undefined && age !== -1 && age < 60) {
    throw validation(String(age), "maximumRecordAgeInSeconds", "Member must be -1, or at least 60");
  }
  const destination = request.DestinationConfig?.OnFailure?.Destination;
  const onFailureArn = request.DestinationConfig === undefined ? before?.onFailureArn : destination;
  return {
    startingPosition: position === "LATEST" ? "LATEST" : "TRIM_HORIZON",
    parallelizationFactor,
    bisectBatchOnFunctionError:
      request.BisectBatchOnFunctionError ?? before?.bisectBatchOnFunctionError ?? false,
    maximumRetryAttempts: request.MaximumRetryAttempts ?? before?.maximumRetryAttempts ?? -1,
    maximumRecordAgeSeconds: age ?? before?.maximumRecordAgeSeconds ?? -1,
    tumblingWindowSeconds,
    ...(onFailureArn === undefined || onFailureArn === "" ? {} : { onFailureArn }),
  };
}
