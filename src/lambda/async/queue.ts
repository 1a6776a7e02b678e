/**
 * Durable asynchronous invocation: accepts events, runs them, retries, tells of their end.
 * At least once; the order is not promised.
 */
import type { Clock, Timer } from "../../kernel/clock.ts";
import { ServiceError } from "../../kernel/errors.ts";
import type { Logger } from "../../kernel/log.ts";
import type { Random } from "../../kernel/random.ts";
import type { Scope } from "../../kernel/scope.ts";
import type { DeliveryTeller } from "../observe/deliveries.ts";
import { StorageUnavailable, type Database } from "../../ports/database.ts";
import type { EventInvokeSettingsSource } from "../control/types.ts";
import type { AsyncInvokeRequest, FunctionInvoker } from "../model/invocation.ts";
import { Ownership, type Held } from "./ownership.ts";
import type { DestinationSender } from "./announce.ts";
import { giveBack, runAttempt, type Verdict } from "./attempt.ts";
import {
  claimEvents,
  deadOwners,
  depthByTarget,
  dueByTarget,
  insertEvent,
  nextDue,
  parseTarget,
  purgeEvents,
  releaseOwner,
  strayOwners,
  targetOf,
  type QueuedEvent,
} from "./store.ts";
import { grow, growsAt, openWindow, shrink, type Window } from "./window.ts";

export interface AsyncQueueLimits {
  /** Events running at once: in all, and of one function. */
  readonly running: number;
  readonly runningPerFunction: number;
  /** Accepted events kept in memory to spare reading them back; the rest waits in the table. */
  readonly memoryEvents: number;
  readonly memoryBytes: number;
  /**
   * Events being made durable at once from which on accepting goes before running, one event of a
   * function at a time: callers wait for the one only.
   */
  readonly acceptingMany: number;
  /** How often a node looks for events that it was not told of, and for dead nodes. */
  readonly pollMs: number;
  readonly leaseMs: number;
}

export const ASYNC_QUEUE_LIMITS: AsyncQueueLimits = {
  running: 512,
  runningPerFunction: 256,
  memoryEvents: 4_096,
  memoryBytes: 64 * 1024 * 1024,
  acceptingMany: 16,
  pollMs: 30_000,
  leaseMs: 60_000,
};

/** Counts under CloudWatch's names: AsyncEventsReceived, AsyncEventAge, AsyncEventsDropped, … */
export interface AsyncMetrics {
  record(name: string, scope: Scope, functionName: string, value: number): void;
}

export interface AsyncQueueDeps {
  readonly database: Database;
  readonly invoker: Pick<FunctionInvoker, "invoke">;
  readonly settings: EventInvokeSettingsSource;
  readonly destinations: DestinationSender;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics?: AsyncMetrics;
  readonly deliveries?: DeliveryTeller;
  readonly limits?: Partial<AsyncQueueLimits>;
  /**
   * Name of this node. What an earlier life of the same node held is free at once, so no two live
   * queues may share a name and a database.
   */
  readonly node: string;
}

export interface QueueGauge {
  readonly scope: Scope;
  readonly functionName: string;
  /** Events accepted and not finished, those running included. */
  readonly depth: number;
  readonly oldestAgeMs: number;
}

export interface AsyncQueue {
  /**
   * Resolves with the request id once the event is durable. The size of the payload is the API's to check.
   * Errors: ServiceException 500 when it could not be stored.
   */
  enqueue(request: AsyncInvokeRequest): Promise<string>;
  /** Runs events until `signal` aborts and those under way have ended. */
  run(signal: AbortSignal): Promise<void>;
  gauges(): Promise<readonly QueueGauge[]>;
  /** Forgets every event that is not running (`lambent reset`). */
  purge(): Promise<void>;
}

/** One function's share of the dispatcher. */
interface Lane {
  readonly target: string;
  readonly ready: Held[];
  running: number;
  window: Window;
  /** When the table next has something to claim; Infinity: nothing that we know of. */
  nextDueAt: number;
  claiming: boolean;
}

const CLAIM_BATCH = 64;
/** Commits end in groups, so a moment without any is not yet the end of a storm. */
const STORM_MS = 50;
const STORAGE_PAUSE_MS = 1_000;

export function createAsyncQueue(deps: AsyncQueueDeps): AsyncQueue {
  const { database, clock, log } = deps;
  const limits: AsyncQueueLimits = { ...ASYNC_QUEUE_LIMITS, ...deps.limits };
  const lanes = new Map<string, Lane>();
  const attempts = new Set<Promise<void>>();
  /** Events whose commit is under way, and until when their number makes others wait. */
  let accepting = 0;
  let stormUntil = 0;
  /** Aborts when `run` is told to end; events may run until it has ended. */
  let stopping = AbortSignal.abort();
  let active = false;
  let strays = true;
  let wakePoll = (): void => undefined;
  let wake: { at: number; timer: Timer } | undefined;

  function laneOf(target: string): Lane {
    let lane = lanes.get(target);
    if (lane === undefined) {
      lane = {
        target,
        ready: [],
        running: 0,
        window: openWindow(clock.now()),
        nextDueAt: Infinity,
        claiming: false,
      };
      lanes.set(target, lane);
    }
    return lane;
  }

  const ours = new Ownership({
    ...deps,
    leaseMs: limits.leaseMs,
    lost() {
      for (const lane of lanes.values()) {
        for (const { event } of lane.ready.splice(0)) ours.letGo(event);
      }
      strays = true;
      wakePoll();
    },
  });

  async function enqueue(request: AsyncInvokeRequest): Promise<string> {
    const now = clock.now();
    const event: QueuedEvent = {
      requestId: request.requestId ?? deps.random.uuid(),
      scope: request.scope,
      functionName: request.functionName,
      qualifier: request.qualifier,
      acceptedAt: now,
      epoch: 1,
      attempts: 0,
      backoffs: 0,
      clientContext: request.clientContext,
      traceHeader: request.traceHeader,
      payload: request.payload,
    };
    const target = targetOf(event.scope, event.functionName);
    // Where older events wait in the table, a new one queues up behind them.
    const inMemory =
      active &&
      laneOf(target).nextDueAt > now &&
      ours.events < limits.memoryEvents &&
      ours.bytes < limits.memoryBytes;
    const lease = inMemory ? ours.renewedIfNeeded() : [];
    const mine = inMemory ? ours.hold(event) : undefined;
    accepting += 1;
    if (accepting >= limits.acceptingMany) stormUntil = now + STORM_MS;
    try {
      await database.commit([...lease, insertEvent(event, mine?.owner), ...(request.within ?? [])]);
    } catch (error) {
      if (mine !== undefined) ours.letGo(event);
      if (lease.length > 0) ours.doubt();
      throw refusal(error);
    } finally {
      accepting -= 1;
    }
    deps.metrics?.record("AsyncEventsReceived", event.scope, event.functionName, 1);
    // A lane that had nothing left to do during the commit is gone, and nobody would look at its retries.
    const lane = laneOf(target);
    if (mine === undefined) lane.nextDueAt = Math.min(lane.nextDueAt, now);
    else if (mine.owner === ours.owner) lane.ready.push(mine);
    else ours.letGo(event);
    pump(lane);
    return event.requestId;
  }

  /** Starts what may run, and arranges to be called again for what may not yet. */
  function pump(lane: Lane): void {
    if (!active) return;
    const now = clock.now();
    for (;;) {
      const storm = now < stormUntil;
      const size = storm ? 1 : lane.window.size;
      const free = Math.min(size - lane.running, limits.running - attempts.size);
      const waiting = lane.ready.length > 0 || lane.nextDueAt <= now;
      if (free <= 0) {
        if (storm) return wakeAt(stormUntil);
        if (!waiting || attempts.size >= limits.running) return;
        const wider = grow(lane.window, now, limits.runningPerFunction);
        if (wider === lane.window) {
          if (lane.window.size < limits.runningPerFunction) wakeAt(growsAt(lane.window, now));
          return;
        }
        lane.window = wider;
        continue;
      }
      const next = lane.ready.shift();
      if (next !== undefined) {
        start(lane, next);
      } else if (lane.nextDueAt <= now) {
        void claim(lane, storm ? CLAIM_BATCH : Math.min(free, CLAIM_BATCH));
        return;
      } else {
        if (lane.nextDueAt < Infinity) wakeAt(lane.nextDueAt);
        else if (lane.running === 0 && !lane.claiming) lanes.delete(lane.target);
        return;
      }
    }
  }

  function pumpAll(): void {
    for (const lane of lanes.values()) pump(lane);
  }

  function wakeAt(at: number): void {
    if (wake !== undefined && wake.at <= at) return;
    wake?.timer.cancel();
    const timer = clock.timer(Math.max(0, at - clock.now()), () => {
      wake = undefined;
      pumpAll();
    });
    wake = { at, timer };
  }

  async function claim(lane: Lane, count: number): Promise<void> {
    if (lane.claiming) return;
    lane.claiming = true;
    try {
      const lease = ours.renewed();
      const claimed = await claimEvents(database, ours.owner, lane.target, clock.now(), count, lease);
      for (const event of claimed) lane.ready.push(ours.hold(event));
      if (claimed.length < count) {
        // What is enqueued while this read runs lowers nextDueAt by itself.
        lane.nextDueAt = Infinity;
        lane.nextDueAt = Math.min(lane.nextDueAt, (await nextDue(database, lane.target)) ?? Infinity);
      }
    } catch (error) {
      log.warn({ target: lane.target, error: String(error) }, "asynchronous events could not be claimed");
      lane.nextDueAt = clock.now() + STORAGE_PAUSE_MS;
    }
    lane.claiming = false;
    pump(lane);
  }

  function start(lane: Lane, mine: Held): void {
    lane.running += 1;
    const wasFull = attempts.size + 1 >= limits.running;
    const doing = { ...deps, stopping };
    const { event, owner } = mine;
    const attempt = runAttempt(doing, event, owner)
      .catch((error: unknown) => {
        log.error(
          { requestId: event.requestId, error: String(error) },
          "an attempt at an asynchronous event was not settled; the event is given back",
        );
        return giveBack(doing, event, owner);
      })
      .then((verdict) => follow(lane, verdict))
      .catch((error: unknown) => {
        // Only at the end, of which giving back all that is ours is part: here, or at the next start.
        log.error(
          { requestId: event.requestId, error: String(error) },
          "an asynchronous event was not given back",
        );
      })
      .finally(() => {
        attempts.delete(attempt);
        lane.running -= 1;
        ours.letGo(event);
        if (wasFull) pumpAll();
        else pump(lane);
      });
    attempts.add(attempt);
  }

  function follow(lane: Lane, verdict: Verdict): void {
    if (verdict.refused) lane.window = shrink(lane.window, clock.now(), lane.running - 1);
    if (verdict.retryAt !== undefined) lane.nextDueAt = Math.min(lane.nextDueAt, verdict.retryAt);
    for (const target of verdict.enqueued) {
      const other = laneOf(target);
      other.nextDueAt = Math.min(other.nextDueAt, clock.now());
      pump(other);
    }
  }

  /** Finds events of dead owners and those that other nodes accepted. */
  async function look(): Promise<void> {
    const now = clock.now();
    const dead = await deadOwners(database, { owner: ours.owner, node: deps.node }, now);
    if (strays) dead.push(...(await strayOwners(database, ours.owner)));
    for (const other of dead) {
      await database.commit(releaseOwner(other, now));
      log.info({ owner: other }, "took over asynchronous events of an owner that is gone");
    }
    strays = false;
    for (const [target, dueAt] of await dueByTarget(database)) {
      const lane = laneOf(target);
      lane.nextDueAt = Math.min(lane.nextDueAt, dueAt);
    }
    pumpAll();
  }

  async function run(signal: AbortSignal): Promise<void> {
    stopping = signal;
    while (!signal.aborted) {
      let pause = limits.pollMs;
      try {
        await look();
        active = true;
        pumpAll();
      } catch (error) {
        log.warn({ error: String(error) }, "the asynchronous queue could not be read");
        pause = STORAGE_PAUSE_MS;
      }
      const woken = new AbortController();
      wakePoll = () => woken.abort();
      await clock.sleep(pause, AbortSignal.any([signal, woken.signal])).catch(() => undefined);
    }
    active = false;
    wake?.timer.cancel();
    wake = undefined;
    await Promise.allSettled(attempts);
    ours.close();
    await database.commit(releaseOwner(ours.owner, clock.now())).catch((error: unknown) => {
      log.warn({ error: String(error) }, "asynchronous events are given back at the next start instead");
    });
  }

  return {
    enqueue,
    run,
    async gauges() {
      const now = clock.now();
      return (await depthByTarget(database)).map(({ target, depth, oldest }) => ({
        ...parseTarget(target),
        depth,
        oldestAgeMs: Math.max(0, now - oldest),
      }));
    },
    async purge() {
      for (const lane of lanes.values()) {
        for (const { event } of lane.ready.splice(0)) ours.letGo(event);
        lane.nextDueAt = Infinity;
      }
      await database.commit([purgeEvents]);
    },
  };
}

function refusal(error: unknown): unknown {
  if (!(error instanceof StorageUnavailable)) return error;
  return new ServiceError("ServiceException", 500, "The event could not be stored.", {
    members: { Type: "Service" },
    hint: "The disk of the data folder is full or read-only: free some space, then send the event again.",
    cause: error,
  });
}
