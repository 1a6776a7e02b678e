/**
 * Keeps one poller running for every enabled mapping that this node holds.
 *
 *   look:  take over mappings nobody holds, renew the leases of ours, compare with what runs:
 *          enabled and not running, or running an older revision → (stop and) start
 *          disabled, or no longer ours → stop;  deleted → stop, then the row ends
 *
 * A look happens after every change and three times within a lease. What a poller writes carries the
 * epoch of its lease, so that one which lost it changes nothing.
 */
import type { Clock, Timer } from "../../kernel/clock.ts";
import type { Logger } from "../../kernel/log.ts";
import type { EventSourceMapping } from "./model.ts";
import type { MappingLease, MappingStore } from "./store.ts";

export interface Poller {
  /** Takes nothing new; resolves when what is under way has ended. */
  close(): Promise<void>;
}

export interface ManagerDeps {
  readonly store: MappingStore;
  readonly clock: Clock;
  readonly log: Logger;
  readonly node: string;
  readonly poll: (lease: MappingLease) => Poller;
}

export interface EventSourceManager {
  start(): Promise<void>;
  /** Something about mappings changed: look now. */
  changed(): void;
  close(): Promise<void>;
}

interface Running {
  readonly mapping: EventSourceMapping;
  readonly epoch: number;
  readonly poller: Poller;
}

const LEASE_MS = 30_000;

export function createManager(deps: ManagerDeps): EventSourceManager {
  const { store, clock, log, node } = deps;
  const running = new Map<string, Running>();
  const life = { open: false, looking: false, again: false };
  let current: Promise<void> = Promise.resolve();
  let timer: Timer | undefined;

  function changed(): void {
    life.again = true;
    if (!life.open || life.looking) return;
    life.looking = true;
    current = look();
  }

  async function look(): Promise<void> {
    timer?.cancel();
    try {
      while (life.again && life.open) {
        life.again = false;
        const now = clock.now();
        await follow(await store.lease(node, now, now + LEASE_MS));
      }
    } catch (error) {
      if (life.open) log.warn({ error: String(error) }, "event source mappings could not be looked up");
    } finally {
      life.looking = false;
    }
    if (life.open) timer = clock.timer(LEASE_MS / 3, changed);
  }

  async function follow(leases: readonly MappingLease[]): Promise<void> {
    const held = new Map(leases.map((lease) => [lease.mapping.uuid, lease]));
    const stopping: Promise<void>[] = [];
    for (const [uuid, { mapping, epoch, poller }] of running) {
      const lease = held.get(uuid);
      const isCurrent =
        lease?.epoch === epoch &&
        lease.mapping.revision === mapping.revision &&
        lease.mapping.wanted === "enabled";
      if (isCurrent) continue;
      running.delete(uuid);
      stopping.push(poller.close());
    }
    await Promise.all(stopping);
    for (const lease of leases) {
      const { mapping, epoch } = lease;
      if (mapping.wanted === "deleted") await store.remove(mapping.uuid);
      else if (mapping.wanted === "enabled" && !running.has(mapping.uuid) && life.open) {
        running.set(mapping.uuid, { mapping, epoch, poller: deps.poll(lease) });
      }
    }
  }

  return {
    changed,
    async start() {
      await store.release(node);
      life.open = true;
      changed();
    },
    async close() {
      life.open = false;
      timer?.cancel();
      await current;
      await Promise.all([...running.values()].map(({ poller }) => poller.close()));
      running.clear();
      await store.release(node);
    },
  };
}
