import type { EventSourceMapping } from "./model.ts";

/** https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html (event source mapping metrics) */
export type MappingMetric =
  | "PolledEventCount"
  | "FilteredOutEventCount"
  | "InvokedEventCount"
  | "FailedInvokeEventCount"
  | "DroppedEventCount"
  | "OnFailureDestinationDeliveredEventCount"
  | "DeletedEventCount";

export interface MappingMetrics {
  /** Counted only where MetricsConfig asks for EventCount. */
  count(mapping: EventSourceMapping, metric: MappingMetric, events: number): void;
  /** Of a stream's batch when it reaches the function: the age of its last record. */
  iteratorAge(mapping: EventSourceMapping, ageMs: number): void;
  /** The mapping was deleted. */
  forget(uuid: string): void;
}
