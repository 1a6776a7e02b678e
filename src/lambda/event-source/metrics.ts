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
}
