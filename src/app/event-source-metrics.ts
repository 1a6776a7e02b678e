import type { EventSourceMapping } from "../lambda/event-source/model.ts";
import type { MappingMetric, MappingMetrics } from "../lambda/event-source/metrics.ts";
import type { Metrics } from "../lambda/observe/metrics.ts";

/** Counts what became of events, for the mappings whose MetricsConfig asks for it. */
export class MappingCounters implements MappingMetrics {
  /** By mapping, then by labels. */
  readonly #totals = new Map<string, Map<string, number>>();
  readonly #ages = new Map<string, { readonly labels: string; readonly value: number }>();

  count({ uuid, settings, functionName }: EventSourceMapping, metric: MappingMetric, events: number): void {
    if (!settings.countEvents || events === 0) return;
    const labels = `name="${metric}",mapping="${uuid}",function="${functionName}"`;
    const totals = this.#totals.get(uuid) ?? new Map<string, number>();
    totals.set(labels, (totals.get(labels) ?? 0) + events);
    this.#totals.set(uuid, totals);
  }

  iteratorAge({ uuid, scope, functionName }: EventSourceMapping, ageMs: number): void {
    const { accountId, region } = scope;
    const labels = `function="${functionName}",mapping="${uuid}",region="${region}",account="${accountId}"`;
    this.#ages.set(uuid, { labels, value: ageMs / 1000 });
  }

  forget(uuid: string): void {
    this.#totals.delete(uuid);
    this.#ages.delete(uuid);
  }

  addTo(metrics: Metrics): void {
    metrics.addGauge({
      name: "lambent_iterator_age_seconds",
      help: "Age of the last record of a stream's batch when it reached its function (CloudWatch's IteratorAge)",
      read: () => [...this.#ages.values()],
    });
    metrics.addGauge({
      name: "lambent_event_source_events_total",
      help: "Events of event source mappings with the metric EventCount, by CloudWatch's metric names",
      read: () =>
        [...this.#totals.values()].flatMap((totals) =>
          [...totals].map(([labels, value]) => ({ labels, value })),
        ),
    });
  }
}
