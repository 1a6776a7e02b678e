/**
 * Keeps one poller running for every enabled mapping that this node holds.
 *
 *   look:  take over mappings nobody holds, renew the leases of ours, compare with what runs:
 *          enabled and not running, or running as it was before a change → (stop and) start
 *          disabled, or no longer ours → stop;  deleted → stop, then the row ends
 *
 * A poller that stops may have an invocation of 15 minutes under way: nobody waits for it, the look
 * after its end goes on with its mapping. A look happens after every change and three times within a
 * lease. What a poller writes carries the epoch of its lease, so that one which lost it changes
 * nothing; leases that cannot be renewed until they run out end their pollers.
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
  /** Told of each mapping whose row has ended. */
  readonly removed?: (uuid: string) => void;
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
  /** Takes nothing new, and has not ended yet. */
  isStopping: boolean;
}

const LEASE_MS = 30_000;

export function createManager(deps: ManagerDeps): EventSourceManager {
  const { store, clock, log, node } = deps;
  const running = new Map<string, Running>();
  const life = { open: false, looking: false, again: false };
  let current: Promise<void> = Promise.resolve();
  let heldUntil = 0;
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
        const leases = await store.lease(node, now, now + LEASE_MS);
        heldUntil = now + LEASE_MS;
        await follow(leases);
      }
    } catch (error) {
      if (life.open) log.warn({ error: String(error) }, "event source mappings could not be looked up");
      if (clock.now() >= heldUntil) for (const one of running.values()) stop(one);
    } finally {
      life.looking = false;
    }
    if (!life.open) return;
    const heldMs = heldUntil - clock.now();
    timer = clock.timer(heldMs > 0 ? Math.min(LEASE_MS / 3, heldMs) : LEASE_MS / 3, changed);
  }

  function stop(one: Running): void {
    if (one.isStopping) return;
    one.isStopping = true;
    const ended = (): void => {
      running.delete(one.mapping.uuid);
      changed();
    };
    one.poller.close().then(ended, ended);
  }

  /** One that an earlier version stored and this one cannot run must not keep the others from running. */
  function pollerOf(lease: MappingLease): Poller {
    try {
      return deps.poll(lease);
    } catch (error) {
      const { uuid, functionName } = lease.mapping;
      log.error(
        { uuid, functionName, error: String(error) },
        "an event source mapping cannot be run: update its settings, or delete it",
      );
      return { close: () => Promise.resolve() };
    }
  }

  async function follow(leases: readonly MappingLease[]): Promise<void> {
    const held = new Map(leases.map((lease) => [lease.mapping.uuid, lease]));
    for (const one of running.values()) {
      const lease = held.get(one.mapping.uuid);
      const isCurrent =
        lease?.epoch === one.epoch &&
        lease.mapping.lastModifiedMs === one.mapping.lastModifiedMs &&
        lease.mapping.wanted === "enabled";
      if (!isCurrent) stop(one);
    }
    for (const lease of leases) {
      const { mapping, epoch } = lease;
      if (running.has(mapping.uuid) || !life.open) continue;
      if (mapping.wanted === "deleted") {
        await store.remove(mapping.uuid);
        deps.removed?.(mapping.uuid);
      } else if (mapping.wanted === "enabled") {
        running.set(mapping.uuid, { mapping, epoch, poller: pollerOf(lease), isStopping: false });
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
      await Promise.all([current, ...[...running.values()].map(({ poller }) => poller.close())]);
      running.clear();
      await store.release(node);
    },
  };
}
