/**
 * Which events of the table are ours: those of an owner whose lease lasts. While any are held a heartbeat
 * renews it; without one it is renewed by the next unit that needs it. A lease that was lost ends the
 * owner, and a new one begins.
 */
import type { Clock, Timer } from "../../kernel/clock.ts";
import type { Logger } from "../../kernel/log.ts";
import type { Random } from "../../kernel/random.ts";
import { Conflict, type Database, type Statement } from "../../ports/database.ts";
import { renewLease, type QueuedEvent } from "./store.ts";

/** An event that is ours as long as the owner's lease says so. */
export interface Held {
  readonly event: QueuedEvent;
  readonly owner: string;
}

export interface OwnershipDeps {
  readonly database: Database;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly node: string;
  readonly leaseMs: number;
  /** Another node took our events over. Those running finish, and find themselves fenced off. */
  readonly lost: () => void;
}

export class Ownership {
  readonly #deps: OwnershipDeps;
  #owner: string;
  #leaseUntil = 0;
  #inDoubt = false;
  #held = 0;
  #heldBytes = 0;
  #heartbeat: Timer | undefined;
  #closed = false;

  constructor(deps: OwnershipDeps) {
    this.#deps = deps;
    this.#owner = this.#newOwner();
  }

  get owner(): string {
    return this.#owner;
  }

  get events(): number {
    return this.#held;
  }

  get bytes(): number {
    return this.#heldBytes;
  }

  hold(event: QueuedEvent): Held {
    this.#held += 1;
    this.#heldBytes += event.payload.byteLength;
    this.#beatLater();
    return { event, owner: this.#owner };
  }

  letGo(event: QueuedEvent): void {
    this.#held -= 1;
    this.#heldBytes -= event.payload.byteLength;
  }

  /** The statement that renews the lease, for the unit that is about to be committed. */
  renewed(): Statement {
    this.#leaseUntil = this.#deps.clock.now() + this.#deps.leaseMs;
    return renewLease(this.#owner, this.#deps.node, this.#leaseUntil);
  }

  /** The same where the lease may be short; else nothing. While events are held, the heartbeat keeps it. */
  renewedIfNeeded(): readonly Statement[] {
    const fresh = this.#leaseUntil - this.#deps.clock.now() > this.#deps.leaseMs / 2;
    if (!this.#inDoubt && (fresh || (this.#held > 0 && this.#leaseUntil > 0))) return [];
    this.#inDoubt = false;
    return [this.renewed()];
  }

  /** A unit that renewed the lease failed: whether it did is not known. */
  doubt(): void {
    this.#inDoubt = true;
  }

  close(): void {
    this.#closed = true;
    this.#heartbeat?.cancel();
  }

  #newOwner(): string {
    return `${this.#deps.node}/${this.#deps.random.uuid()}`;
  }

  #beatLater(): void {
    this.#heartbeat ??= this.#deps.clock.timer(this.#deps.leaseMs / 3, () => void this.#beat());
  }

  async #beat(): Promise<void> {
    const { database, clock, log, leaseMs } = this.#deps;
    this.#heartbeat = undefined;
    if (this.#held === 0 || this.#closed) return;
    const expiresAt = clock.now() + leaseMs;
    try {
      const sql = "UPDATE async_owner SET expires_at = ? WHERE owner = ?";
      await database.commit([{ sql, params: [expiresAt, this.#owner], expect: 1 }]);
      this.#leaseUntil = expiresAt;
    } catch (error) {
      if (error instanceof Conflict) this.#lose();
      else log.warn({ error: String(error) }, "the lease on asynchronous events could not be renewed");
    }
    if (this.#held > 0 && !this.#closed) this.#beatLater();
  }

  #lose(): void {
    const { log, lost } = this.#deps;
    log.warn(
      { owner: this.#owner, held: this.#held },
      "the lease on asynchronous events was lost; another node has them now",
    );
    this.#owner = this.#newOwner();
    this.#leaseUntil = 0;
    lost();
  }
}
