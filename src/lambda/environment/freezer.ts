import type { Logger } from "../../kernel/log.ts";
import type { Sandbox } from "../../ports/sandbox-driver.ts";
import type { Lifecycle } from "./state.ts";

/** Freezes and thaws one environment. A driver that fails at it leaves the environment running: said in the log. */
export class Freezer {
  readonly #environmentId: string;
  readonly #life: Lifecycle;
  readonly #log: Logger;
  #freezing: Promise<void> | undefined;

  constructor(environmentId: string, life: Lifecycle, log: Logger) {
    this.#environmentId = environmentId;
    this.#life = life;
    this.#log = log;
  }

  /** idle -> freezing -> frozen. */
  freeze(sandbox: Sandbox): void {
    this.#life.move("freezing");
    this.#freezing = (async () => {
      try {
        await sandbox.freeze();
      } catch (error) {
        this.#log.warn({ environment: this.#environmentId, error: String(error) }, "freezing failed");
      }
      if (this.#life.is("freezing")) this.#life.move("frozen");
      this.#freezing = undefined;
    })();
  }

  /** Resolves when no freezing is under way. */
  async settled(): Promise<void> {
    if (this.#freezing !== undefined) await this.#freezing;
  }

  /** frozen -> thawing -> idle, after a freezing under way; nothing in any other state. */
  async thaw(sandbox: Sandbox): Promise<void> {
    if (this.#freezing !== undefined) await this.#freezing;
    if (!this.#life.is("frozen")) return;
    this.#life.move("thawing");
    try {
      await sandbox.thaw();
    } catch (error) {
      this.#log.warn({ environment: this.#environmentId, error: String(error) }, "thawing failed");
    }
    if (this.#life.is("thawing")) this.#life.move("idle");
  }
}
