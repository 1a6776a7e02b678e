import type { Scope } from "../kernel/scope.ts";
import type { AsyncMetrics, AsyncQueue, QueueGauge } from "../lambda/async/queue.ts";
import type { Metrics } from "../lambda/observe/metrics.ts";

/** Counts what the asynchronous queue reports under CloudWatch's names. */
export class AsyncCounters implements AsyncMetrics {
  readonly #totals = new Map<string, number>();

  record(name: string, _scope: Scope, _functionName: string, value: number): void {
    // An age is not a count: the gauge of the oldest event tells it.
    if (name === "AsyncEventAge") return;
    this.#totals.set(name, (this.#totals.get(name) ?? 0) + value);
  }

  read(): { labels: string; value: number }[] {
    return [...this.#totals].map(([name, value]) => ({ labels: `name="${name}"`, value }));
  }
}

/** Adds the queue's gauges; call what is returned before the metrics are rendered. */
export function addQueueGauges(
  metrics: Metrics,
  queue: AsyncQueue,
  counters: AsyncCounters,
): () => Promise<void> {
  let gauges: readonly QueueGauge[] = [];
  const labels = (gauge: QueueGauge): string =>
    `function="${gauge.functionName}",region="${gauge.scope.region}",account="${gauge.scope.accountId}"`;
  metrics.addGauge({
    name: "lambent_async_queue_depth",
    help: "Asynchronous events accepted and not finished; without labels: of all functions",
    read: () => [
      { labels: "", value: gauges.reduce((sum, gauge) => sum + gauge.depth, 0) },
      ...gauges.map((gauge) => ({ labels: labels(gauge), value: gauge.depth })),
    ],
  });
  metrics.addGauge({
    name: "lambent_async_oldest_age_seconds",
    help: "Age of the oldest asynchronous event by function",
    read: () => gauges.map((gauge) => ({ labels: labels(gauge), value: gauge.oldestAgeMs / 1000 })),
  });
  metrics.addGauge({
    name: "lambent_async_events_total",
    help: "What became of asynchronous events, by CloudWatch's metric names",
    read: () => counters.read(),
  });
  return async () => {
    gauges = await queue.gauges();
  };
}
