import type { EventSourceMapping } from "../lambda/event-source/model.ts";
import type { MappingMetric, MappingMetrics } from "../lambda/event-source/metrics.ts";
import type { Metrics } from "../lambda/observe/metrics.ts";

/** Counts what became of events, for the mappings whose MetricsConfig asks for it. */
export class MappingCounters implements MappingMetrics {
  readonly #totals = new Map<string, number>();
  readonly #ages = new Map<string, number>();

  count(mapping: EventSourceMapping, metric: MappingMetric, events: number): void {
    if (!mapping.settings.countEvents || events === 0) return;
    const labels = `name="${metric}",mapping="${mapping.uuid}",function="${mapping.functionName}"`;
    this.#totals.set(labels, (this.#totals.get(labels) ?? 0) + events);
  }

  iteratorAge(mapping: EventSourceMapping, ageMs: number): void {
    const { accountId, region } = mapping.scope;
    const labels = `function="${mapping.functionName}",mapping="${mapping.uuid}",region="${region}",account="${accountId}"`;
    this.#ages.set(labels, ageMs / 1000);
  }

  addTo(metrics: Metrics): void {
    metrics.addGauge({
      name: "lambent_iterator_age_seconds",
      help: "Age of the last record of a stream's batch when it reached its function (CloudWatch's IteratorAge)",
      read: () => [...this.#ages].map(([labels, value]) => ({ labels, value })),
    });
    metrics.addGauge({
      name: "lambent_event_source_events_total",
      help: "Events of event source mappings with the metric EventCount, by CloudWatch's metric names",
      read: () => [...this.#totals].map(([labels, value]) => ({ labels, value })),
    });
  }
}
