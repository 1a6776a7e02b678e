/** Event source mappings as one part: what users manage, and the pollers that follow. */
import type { Clock } from "../../kernel/clock.ts";
import type { Logger } from "../../kernel/log.ts";
import type { Random } from "../../kernel/random.ts";
import type { Database } from "../../ports/database.ts";
import type { Peers } from "../../ports/peers.ts";
import type { Wakeup } from "../../ports/wakeup.ts";
import type { FunctionResolver } from "../control/types.ts";
import type { FunctionInvoker } from "../model/invocation.ts";
import type { DeliveryTeller } from "../observe/deliveries.ts";
import { sourceChecks } from "./checks.ts";
import { createMappingControl, type MappingControl } from "./control.ts";
import { createManager, type Poller } from "./manager.ts";
import type { MappingMetrics } from "./metrics.ts";
import { isQueue, type EventSourceMapping } from "./model.ts";
import { startSqsPoller } from "./sqs-poller.ts";
import { startStreamPoller } from "./stream/poller.ts";
import { MappingStore, type MappingLease } from "./store.ts";

export { eventSourceMigrations } from "./store.ts";

export interface EventSourceDeps {
  readonly database: Database;
  readonly resolver: FunctionResolver;
  readonly invoker: Pick<FunctionInvoker, "invoke">;
  readonly peers: Peers;
  readonly wakeup: Wakeup;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics: MappingMetrics;
  readonly deliveries: DeliveryTeller;
  readonly node: string;
}

export interface EventSources {
  readonly control: MappingControl;
  start(): Promise<void>;
  close(): Promise<void>;
}

/** A change shows as under way this long, so that callers can see it. */
const TRANSITION_MS = 150;

export function createEventSources(deps: EventSourceDeps): EventSources {
  const { resolver, clock, random, log } = deps;
  const store = new MappingStore(deps.database);

  async function roleOf({ scope, functionName, qualifier }: EventSourceMapping): Promise<string> {
    return (await resolver.resolve(scope, functionName, qualifier, 0)).version.role;
  }

  function poll(lease: MappingLease): Poller {
    if (isQueue(lease.mapping.kind)) return startSqsPoller({ ...deps, roleOf }, lease);
    return startStreamPoller({ ...deps, store, roleOf }, lease);
  }

  const manager = createManager({
    store,
    clock,
    log,
    node: deps.node,
    poll,
    removed: (uuid) => deps.metrics.forget(uuid),
  });
  const control = createMappingControl({
    store,
    clock,
    random,
    checks: {
      ...sourceChecks(deps.peers),
      async functionOf({ scope, name, qualifier }) {
        const { version } = await resolver.resolve(scope, name, qualifier, 0);
        return { role: version.role, timeoutMs: version.timeoutMs };
      },
    },
    changed: manager.changed,
    transitionMs: TRANSITION_MS,
  });
  return { control, start: manager.start, close: manager.close };
}
