import type { Timer } from "../../kernel/clock.ts";
import { ServiceError } from "../../kernel/errors.ts";
import { LIMITS } from "../../kernel/limits.ts";
import { admits, crowded, expectedBytes } from "./admission.ts";
import type { EnvironmentsDeps } from "./deps.ts";
import type { ExecutionEnvironment } from "./environment.ts";
import type { Fleet, Waiter } from "./fleet.ts";
import type { Invocation } from "./invocation.ts";
import type { RuntimePool } from "./pool.ts";
import { Room, type RoomOnItsWay } from "./room.ts";
import { startFailure, type Starter } from "./starter.ts";

const SATURATED_RETRY_MS = 25;
/** Longer than any interpreter takes to come up on a host that is not overloaded. */
const SLOT_MS_MAX = 1000;
const NOTHING: RoomOnItsWay = { bytes: 0, environments: 0 };

/** What it needs of the one who keeps all fleets. */
export interface ExpansionKeeper {
  readonly fleets: Iterable<Fleet>;
  refuse(invocation: Invocation, error: ServiceError): void;
  isCpuFull(): boolean;
  /** A start is over, however it went. */
  onStarted(fleet: Fleet): void;
}

/**
 * Which fleets get one environment more, and when.
 *
 *   1. `want` puts a fleet in line. Its turn is void where environments that became free have served its
 *      waiters meanwhile; one for which waiting is better (admission.ts) lets the others pass.
 *   2. The first in line gets one where the host carries it; a few are started at one time.
 *   3. Where the host does not, what nobody uses is ended: as much as is missing, less the room that
 *      is on its way (room.ts).
 *   4. While the line stands still it is looked at every 25 ms, and who has waited for memory long
 *      enough is refused.
 */
export class Expansion {
  readonly #deps: EnvironmentsDeps;
  readonly #pool: RuntimePool;
  readonly #starter: Starter;
  readonly #keeper: ExpansionKeeper;
  readonly #room: Room;
  /** Fleets that want one more environment, in the order of their asking. */
  readonly #wanted: Fleet[] = [];
  #starting = 0;
  #startingBytes = 0;
  #retryTimer: Timer | undefined;
  #closed = false;

  constructor(deps: EnvironmentsDeps, pool: RuntimePool, starter: Starter, keeper: ExpansionKeeper) {
    this.#deps = deps;
    this.#pool = pool;
    this.#starter = starter;
    this.#keeper = keeper;
    this.#room = new Room(deps.clock);
  }

  /** The line stands still: the host is full, or somebody in it had better wait. */
  get isHeldUp(): boolean {
    return this.#retryTimer !== undefined;
  }

  /** One more environment for this fleet. */
  want(fleet: Fleet): void {
    this.#wanted.push(fleet);
    this.pump();
  }

  /** One for each of those who wait and for whom none is on its way yet. */
  wantForWaiters(fleet: Fleet): void {
    const asked = this.#wanted.filter((other) => other === fleet).length;
    for (let more = fleet.waiters.length - fleet.starting - asked; more > 0; more -= 1)
      this.#wanted.push(fleet);
    this.pump();
  }

  /** Nobody is in line, and there is room for what nobody has asked for. */
  get hasSpareRoom(): boolean {
    return (
      this.#starting === 0 &&
      this.#wanted.length === 0 &&
      this.#admits(expectedBytes(0, LIMITS.memoryMbMax), NOTHING)
    );
  }

  close(): void {
    this.#closed = true;
    this.#retryTimer?.cancel();
  }

  /** Starts what is wanted, as far as the host carries it. */
  pump(): void {
    const { options } = this.#deps;
    let at = 0;
    while (at < this.#wanted.length && this.#starting < options.startsMax && !this.#closed) {
      const fleet = this.#wanted[at] as Fleet;
      if (fleet.waiters.length <= fleet.starting) {
        this.#wanted.splice(at, 1);
        continue;
      }
      if (this.#crowded(fleet)) {
        at += 1;
        this.#armRetry();
        continue;
      }
      const bytes = expectedBytes(fleet.peakBytes, fleet.version.memoryMb);
      if (!this.#admits(bytes, NOTHING)) {
        this.#makeRoom(fleet, bytes);
        if (!this.#admits(bytes, NOTHING)) return this.#armRetry();
      }
      this.#wanted.splice(at, 1);
      try {
        this.#deps.countStart(fleet.version.functionArn, this.#deps.clock.monotonic());
      } catch (error) {
        const waiter = fleet.waiters.pop() as Waiter;
        this.#deps.metrics.throttles += 1;
        this.#keeper.refuse(waiter.invocation, error as ServiceError);
        continue;
      }
      void this.#startOne(fleet, bytes);
    }
  }

  #crowded(fleet: Fleet): boolean {
    return crowded({
      cpu: this.#deps.hostCpu(),
      environments: fleet.all.size,
      recentlyCompleted: fleet.recentlyCompleted(),
      waiting: fleet.waiters.length,
      isQuick: fleet.isQuick,
      silentMs: fleet.silentMs(),
      // One that has come since then may be what the first in line waits for.
      waitedMs:
        this.#deps.clock.monotonic() - Math.max((fleet.waiters[0] as Waiter).sinceMs, fleet.lastStartMs),
    });
  }

  #count(): number {
    let count = this.#pool.count;
    for (const fleet of this.#keeper.fleets) count += fleet.all.size;
    return count;
  }

  #admits(bytes: number, onItsWay: RoomOnItsWay): boolean {
    const { availableBytes, totalBytes } = this.#deps.hostMemory();
    return admits({
      memory: { availableBytes: availableBytes + onItsWay.bytes, totalBytes },
      startingBytes: this.#startingBytes,
      expectedBytes: bytes,
      environments: this.#count() - onItsWay.environments,
      environmentsMax: this.#deps.options.environmentsMax,
    });
  }

  /** Ends what nobody uses until enough room is on its way, or nothing is left. */
  #makeRoom(wanting: Fleet, bytes: number): void {
    while (!this.#admits(bytes, this.#room.onItsWay()) && this.#endOne(wanting));
  }

  /** The environment that has been idle longest, of others than the fleet that wants one; else a pooled runtime. */
  #endOne(wanting: Fleet): boolean {
    let oldest: ExecutionEnvironment | undefined;
    let owner: Fleet | undefined;
    for (const fleet of this.#keeper.fleets) {
      const environment = fleet.idle[0];
      if (fleet === wanting || environment === undefined) continue;
      if (oldest === undefined || environment.idleSinceMs < oldest.idleSinceMs)
        [oldest, owner] = [environment, fleet];
    }
    if (oldest !== undefined && owner !== undefined) {
      owner.idle.shift();
      this.#room.end(oldest, true);
      return true;
    }
    const pooled = this.#pool.shrink();
    if (pooled !== undefined) this.#room.end(pooled, false);
    return pooled !== undefined;
  }

  /** The host is full: try again soon, and refuse those who have waited long enough for memory. */
  #armRetry(): void {
    if (this.#retryTimer !== undefined || this.#closed) return;
    this.#retryTimer = this.#deps.clock.timer(SATURATED_RETRY_MS, () => {
      this.#retryTimer = undefined;
      const now = this.#deps.clock.monotonic();
      for (const fleet of new Set(this.#wanted)) {
        // Where the CPUs are what is full, the function gets on: those who wait are served in turn.
        if (fleet.waiters.length > 0 && this.#crowded(fleet)) continue;
        while (
          fleet.waiters[0] !== undefined &&
          now - fleet.waiters[0].sinceMs >= this.#deps.options.saturatedWaitMs
        ) {
          this.#deps.metrics.saturated += 1;
          const { invocation } = fleet.waiters.shift() as Waiter;
          this.#keeper.refuse(invocation, saturated(this.#keeper.isCpuFull()));
        }
      }
      this.pump();
    });
  }

  async #startOne(fleet: Fleet, bytes: number): Promise<void> {
    fleet.starting += 1;
    fleet.lastStartMs = this.#deps.clock.monotonic();
    this.#starting += 1;
    this.#startingBytes += bytes;
    let held = true;
    // Slots bound the CPU that starting takes. A function that only sits in its init gives its slot up,
    // or a few such functions would keep all others from starting.
    const giveUpSlot = (): void => {
      if (!held) return;
      held = false;
      this.#starting -= 1;
      this.#startingBytes -= bytes;
      this.pump();
    };
    const patience = this.#deps.clock.timer(SLOT_MS_MAX, giveUpSlot);
    try {
      await this.#starter.start(fleet, giveUpSlot);
    } catch (error) {
      const waiter = fleet.waiters.shift();
      if (waiter !== undefined) this.#keeper.refuse(waiter.invocation, startFailure(error));
      if (this.#closed) return;
      this.#deps.log.error(
        { function: fleet.version.functionArn, error: String(error) },
        "an environment did not start",
      );
    } finally {
      patience.cancel();
      fleet.starting -= 1;
      giveUpSlot();
      this.#keeper.onStarted(fleet);
    }
  }
}

/** What an invocation is refused with for which the host has no room. */
export function saturated(isCpuFull: boolean): ServiceError {
  const lacks = isCpuFull ? "CPU time" : "memory";
  return new ServiceError("ServiceException", 500, "Lambda is unable to process your request at this time.", {
    hint: `The host has no ${lacks} left for another execution environment. Stop other programs, lower concurrency, or use a larger host.`,
  });
}
