/** Counters of the data plane and their Prometheus text form. Plain numbers: they sit on the hot path. */

/** Upper bounds in milliseconds. */
const BUCKETS_MS: readonly number[] = [
  1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000, 60_000, 300_000, 900_000,
];

export class Histogram {
  readonly #counts: number[] = Array.from({ length: BUCKETS_MS.length + 1 }, () => 0);
  #sum = 0;
  #count = 0;

  observe(ms: number): void {
    let at = 0;
    while (at < BUCKETS_MS.length && ms > (BUCKETS_MS[at] as number)) at += 1;
    this.#counts[at] = (this.#counts[at] as number) + 1;
    this.#sum += ms;
    this.#count += 1;
  }

  render(name: string, help: string): string {
    const lines = [`# HELP ${name} ${help}`, `# TYPE ${name} histogram`];
    let seen = 0;
    BUCKETS_MS.forEach((bound, at) => {
      seen += this.#counts[at] as number;
      lines.push(`${name}_bucket{le="${String(bound / 1000)}"} ${String(seen)}`);
    });
    lines.push(
      `${name}_bucket{le="+Inf"} ${String(this.#count)}`,
      `${name}_sum ${String(this.#sum / 1000)}`,
      `${name}_count ${String(this.#count)}`,
    );
    return lines.join("\n");
  }
}

/** A value that is read when somebody asks; `labels` is the text between the braces, or empty. */
export interface Gauge {
  readonly name: string;
  readonly help: string;
  read(): readonly { readonly labels: string; readonly value: number }[];
}

export class Metrics {
  invocations = 0;
  /** Invocations that ended in a function error. */
  errors = 0;
  throttles = 0;
  /** AWS's RecursiveInvocationsDropped. */
  recursiveInvocationsDropped = 0;
  /** Refused because the host could not carry another environment. */
  saturated = 0;
  coldStarts = 0;
  poolHits = 0;
  readonly durations: Histogram = new Histogram();
  readonly initDurations: Histogram = new Histogram();
  readonly #gauges: Gauge[] = [];

  /** Queue depth and age of asynchronous events, environments by state, … */
  addGauge(gauge: Gauge): void {
    this.#gauges.push(gauge);
  }

  renderPrometheus(): string {
    const counters: readonly (readonly [string, string, number])[] = [
      ["lambent_invocations_total", "Invocations that reached an execution environment", this.invocations],
      ["lambent_errors_total", "Invocations that ended in a function error", this.errors],
      ["lambent_throttles_total", "Invocations refused by a concurrency quota", this.throttles],
      [
        "lambent_recursive_invocations_dropped_total",
        "Invocations that were not made because the function is called in a loop",
        this.recursiveInvocationsDropped,
      ],
      ["lambent_saturated_total", "Invocations refused because the host was full", this.saturated],
      ["lambent_cold_starts_total", "Invocations that waited for a new environment", this.coldStarts],
      ["lambent_pool_hits_total", "New environments taken from the pool of booted runtimes", this.poolHits],
    ];
    const parts = counters.map(
      ([name, help, value]) => `# HELP ${name} ${help}\n# TYPE ${name} counter\n${name} ${String(value)}`,
    );
    parts.push(
      this.durations.render("lambent_invocation_duration_seconds", "Duration as REPORT tells it"),
      this.initDurations.render("lambent_init_duration_seconds", "Init Duration as REPORT tells it"),
    );
    for (const gauge of this.#gauges) {
      const values = gauge
        .read()
        .map(({ labels, value }) => `${gauge.name}${labels === "" ? "" : `{${labels}}`} ${String(value)}`);
      parts.push([`# HELP ${gauge.name} ${gauge.help}`, `# TYPE ${gauge.name} gauge`, ...values].join("\n"));
    }
    return `${parts.join("\n")}\n`;
  }
}
