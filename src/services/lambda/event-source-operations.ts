import type * as sdk from "@aws-sdk/client-lambda";
import type { Operations, RequestContext } from "../../aws/service.ts";
import { mappingArn, type MappingControl, type MappingRequest } from "../../lambda/event-source/control.ts";
import { isQueue, stateOf, type EventSourceMapping } from "../../lambda/event-source/model.ts";
import { optional } from "./shape.ts";

type Lambda = typeof sdk;

export function eventSourceOperations(mappings: MappingControl): Operations<Lambda> {
  // Who changes a mapping is told of the change, however long it took to store it.
  const changed = (mapping: EventSourceMapping): sdk.EventSourceMappingConfiguration =>
    shape(mapping, mapping.transition);
  const now = (mapping: EventSourceMapping, context: RequestContext): sdk.EventSourceMappingConfiguration =>
    shape(mapping, stateOf(mapping, context.clock.now()));
  return {
    async CreateEventSourceMapping(input, context) {
      return changed(await mappings.create(context, requestOf(input)));
    },
    async GetEventSourceMapping(input, context) {
      return now(await mappings.get(context, input.UUID ?? ""), context);
    },
    async ListEventSourceMappings(input, context) {
      const only = { sourceArn: input.EventSourceArn, functionName: input.FunctionName };
      const page = await mappings.list(context, only, input.Marker, input.MaxItems);
      return {
        EventSourceMappings: page.items.map((mapping) => now(mapping, context)),
        ...optional("NextMarker", page.nextMarker),
      };
    },
    async UpdateEventSourceMapping(input, context) {
      return changed(await mappings.update(context, input.UUID ?? "", requestOf(input)));
    },
    async DeleteEventSourceMapping(input, context) {
      return changed(await mappings.delete(context, input.UUID ?? ""));
    },
  };
}

/** `…:event-source-mapping:UUID` → its id; undefined for every other resource. */
export function mappingIdOf(resource: string): string | undefined {
  return /^arn:[^:]+:lambda:[^:]+:\d{12}:event-source-mapping:(.+)$/u.exec(resource)?.[1];
}

/** The SDK's optional members may be undefined or null; here they are absent. */
function requestOf(input: object): MappingRequest {
  return Object.fromEntries(
    Object.entries(input).filter(([, value]) => value !== null && value !== undefined),
  ) as MappingRequest;
}

function shape(mapping: EventSourceMapping, state: string): sdk.EventSourceMappingConfiguration {
  const { settings, scope, uuid } = mapping;
  const { stream, maximumConcurrency } = settings;
  return {
    UUID: uuid,
    BatchSize: settings.batchSize,
    MaximumBatchingWindowInSeconds: settings.batchingWindowSeconds,
    EventSourceArn: mapping.sourceArn,
    EventSourceMappingArn: mappingArn(scope, uuid),
    FunctionArn: mapping.functionArn,
    FunctionResponseTypes: settings.reportBatchItemFailures ? ["ReportBatchItemFailures"] : [],
    LastModified: new Date(mapping.lastModifiedMs),
    ...optional("LastProcessingResult", mapping.lastProcessingResult),
    State: state,
    StateTransitionReason: isQueue(mapping.kind) ? "USER_INITIATED" : "User action",
    ...(settings.filters.length === 0
      ? {}
      : { FilterCriteria: { Filters: settings.filters.map((Pattern) => ({ Pattern })) } }),
    ...(maximumConcurrency === undefined
      ? {}
      : { ScalingConfig: { MaximumConcurrency: maximumConcurrency } }),
    ...(settings.countEvents ? { MetricsConfig: { Metrics: ["EventCount" as const] } } : {}),
    ...(stream === undefined
      ? {}
      : {
          StartingPosition: stream.startingPosition,
          ParallelizationFactor: stream.parallelizationFactor,
          BisectBatchOnFunctionError: stream.bisectBatchOnFunctionError,
          MaximumRetryAttempts: stream.maximumRetryAttempts,
          MaximumRecordAgeInSeconds: stream.maximumRecordAgeSeconds,
          TumblingWindowInSeconds: stream.tumblingWindowSeconds,
          DestinationConfig: {
            OnFailure: stream.onFailureArn === undefined ? {} : { Destination: stream.onFailureArn },
          },
        }),
  };
}
