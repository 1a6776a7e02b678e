import { assert } from "../../kernel/assert.ts";

/**
 * The life of one execution environment. The table is the whole truth about which moves are legal;
 * everything else asks it.
 *
 *   creating      the sandbox is being made
 *   booting       its first process runs; a framed runtime has not yet said BOOTED
 *   pooled        a booted framed runtime that belongs to no function yet
 *   initialising  the function's code is being loaded (init phase, or init within an invoke)
 *   idle          waits for an invocation, running
 *   freezing      the driver is stopping its clock; an invocation that arrives now waits for that
 *   frozen        consumes no CPU
 *   thawing       an invocation has been given to it; the driver is waking it
 *   busy          runs one invocation
 *   finishing     the answer is given; the runtime (HTTP) or an extension has not yet asked for the next event
 *   stopping      told to stop or being killed
 *   stopped       nothing of it is left
 */
export type EnvironmentState =
  | "creating"
  | "booting"
  | "pooled"
  | "initialising"
  | "idle"
  | "freezing"
  | "frozen"
  | "thawing"
  | "busy"
  | "finishing"
  | "stopping"
  | "stopped";

export const TRANSITIONS: Readonly<Record<EnvironmentState, readonly EnvironmentState[]>> = {
  creating: ["booting", "stopped"],
  booting: ["pooled", "initialising", "stopping", "stopped"],
  pooled: ["initialising", "stopping", "stopped"],
  initialising: ["idle", "stopping", "stopped"],
  idle: ["busy", "freezing", "stopping", "stopped"],
  freezing: ["frozen", "stopping", "stopped"],
  frozen: ["thawing", "stopping", "stopped"],
  thawing: ["idle", "stopping", "stopped"],
  busy: ["idle", "finishing", "stopping", "stopped"],
  finishing: ["idle", "stopping", "stopped"],
  stopping: ["stopped"],
  stopped: [],
};

export const ENVIRONMENT_STATES: readonly EnvironmentState[] = Object.keys(TRANSITIONS) as EnvironmentState[];

export function canMove(from: EnvironmentState, to: EnvironmentState): boolean {
  return TRANSITIONS[from].includes(to);
}

/** Where one environment is in the table above; an illegal move is a bug. */
export class Lifecycle {
  readonly #id: string;
  #state: EnvironmentState = "creating";

  constructor(id: string) {
    this.#id = id;
  }

  get state(): EnvironmentState {
    return this.#state;
  }

  /** Asked again after something was awaited, when the compiler would still believe the old answer. */
  is(state: EnvironmentState): boolean {
    return this.#state === state;
  }

  /** Neither stopped nor about to be. */
  get isLive(): boolean {
    return this.#state !== "stopping" && this.#state !== "stopped";
  }

  move(to: EnvironmentState): void {
    assert(canMove(this.#state, to), `environment ${this.#id}: ${this.#state} -> ${to}`);
    this.#state = to;
  }
}
