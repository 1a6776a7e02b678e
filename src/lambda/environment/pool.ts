import type { Clock, Timer } from "../../kernel/clock.ts";
import type { Logger } from "../../kernel/log.ts";
import type { RuntimeLaunch } from "../../ports/runtime-catalog.ts";
import type { ExecutionEnvironment } from "./environment.ts";

export interface PoolOptions {
  /** Environments kept ready per runtime; `max` after a burst has emptied it. */
  readonly size: number;
  readonly max: number;
}

export interface PoolHooks {
  /** Boots one environment without a function; rejects when it does not come up. */
  boot(launch: RuntimeLaunch): Promise<ExecutionEnvironment>;
  /** False while invocations wait for environments or memory is short: refilling comes last. */
  mayRefill(): boolean;
}

/** Refilling waits this long after a take, so that it does not compete with the first invocation itself. */
const REFILL_DELAY_MS = 15;
/** A runtime that did not boot so often in a row is left alone for a while: memory may have been short. */
const BOOT_FAILURES_MAX = 3;
const BOOT_PAUSE_MS = 5 * 60_000;

interface Shelf {
  launch: RuntimeLaunch;
  readonly ready: ExecutionEnvironment[];
  booting: number;
  target: number;
  failures: number;
}

/** Booted interpreters that wait for a function: a new environment then costs milliseconds. */
export class RuntimePool {
  readonly #shelves = new Map<string, Shelf>();
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #options: PoolOptions;
  readonly #hooks: PoolHooks;
  #refill: Timer | undefined;
  #pause: Timer | undefined;
  #closed = false;

  constructor(clock: Clock, log: Logger, options: PoolOptions, hooks: PoolHooks) {
    this.#clock = clock;
    this.#log = log;
    this.#options = options;
    this.#hooks = hooks;
  }

  /** From now on this runtime is kept ready. What was booted another way (before an SDK came) goes. */
  warm(launch: RuntimeLaunch): void {
    if (this.#closed || this.#options.size === 0) return;
    const shelf = this.#shelves.get(launch.runtime);
    if (shelf === undefined) {
      this.#shelves.set(launch.runtime, {
        launch,
        ready: [],
        booting: 0,
        target: this.#options.size,
        failures: 0,
      });
    } else if (shelf.launch !== launch) {
      shelf.launch = launch;
      shelf.failures = 0;
      for (const environment of shelf.ready.splice(0)) void environment.stop();
    } else {
      return;
    }
    this.#arm();
  }

  take(launch: RuntimeLaunch): ExecutionEnvironment | undefined {
    const shelf = this.#shelves.get(launch.runtime);
    if (shelf === undefined) return undefined;
    for (;;) {
      const environment = shelf.ready.shift();
      if (shelf.ready.length === 0) shelf.target = Math.min(this.#options.max, shelf.target + 1);
      this.#arm();
      if (environment === undefined) return undefined;
      if (environment.launch === launch && environment.state === "pooled") return environment;
      void environment.stop();
    }
  }

  get count(): number {
    let count = 0;
    for (const shelf of this.#shelves.values()) count += shelf.ready.length;
    return count;
  }

  /** Environments that wait for a function, by runtime. */
  byRuntime(): ReadonlyMap<string, number> {
    return new Map([...this.#shelves].map(([runtime, shelf]) => [runtime, shelf.ready.length]));
  }

  /** Memory is short: one of those that wait for nobody, to be ended; undefined when there is none. */
  shrink(): ExecutionEnvironment | undefined {
    for (const shelf of this.#shelves.values()) {
      const environment = shelf.ready.pop();
      if (environment === undefined) continue;
      shelf.target = Math.max(1, shelf.ready.length);
      return environment;
    }
    return undefined;
  }

  /** Called now and then: what a burst made larger goes back to its size. */
  relax(): void {
    for (const shelf of this.#shelves.values()) {
      if (shelf.target <= this.#options.size) continue;
      shelf.target -= 1;
      if (shelf.ready.length > shelf.target) void shelf.ready.pop()?.stop();
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#refill?.cancel();
    this.#pause?.cancel();
    await Promise.all(
      [...this.#shelves.values()].flatMap((shelf) => shelf.ready.splice(0).map((one) => one.stop())),
    );
  }

  #arm(): void {
    if (this.#refill !== undefined || this.#closed) return;
    this.#refill = this.#clock.timer(REFILL_DELAY_MS, () => {
      this.#refill = undefined;
      this.#fill();
    });
  }

  /** One at a time over all runtimes: booting is the most CPU the server ever asks for unasked. */
  #fill(): void {
    if (this.#closed) return;
    if (!this.#hooks.mayRefill()) return this.#arm();
    for (const shelf of this.#shelves.values()) {
      if (shelf.booting > 0) return;
      if (shelf.ready.length >= shelf.target || shelf.failures >= BOOT_FAILURES_MAX) continue;
      shelf.booting += 1;
      void this.#bootOne(shelf).then(() => this.#fill());
      return;
    }
  }

  #forgiveLater(): void {
    if (this.#closed) return;
    this.#pause ??= this.#clock.timer(BOOT_PAUSE_MS, () => {
      this.#pause = undefined;
      for (const shelf of this.#shelves.values()) shelf.failures = 0;
      this.#arm();
    });
  }

  async #bootOne(shelf: Shelf): Promise<void> {
    try {
      const environment = await this.#hooks.boot(shelf.launch);
      shelf.failures = 0;
      if (this.#closed || environment.launch !== shelf.launch) await environment.stop();
      else shelf.ready.push(environment);
      void environment.stopped.then(() => {
        const at = shelf.ready.indexOf(environment);
        if (at !== -1) shelf.ready.splice(at, 1);
      });
    } catch (error) {
      shelf.failures += 1;
      this.#log.warn(
        { runtime: shelf.launch.runtime, error: String(error) },
        "a pooled runtime did not boot",
      );
      if (shelf.failures >= BOOT_FAILURES_MAX) this.#forgiveLater();
    } finally {
      shelf.booting -= 1;
    }
  }
}
