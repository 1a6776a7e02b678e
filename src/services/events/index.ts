import { defineService, type Service } from "../../aws/service.ts";
import type { Relay } from "../../events/outbox/relay.ts";
import type { Clock } from "../../kernel/clock.ts";
import type { Logger } from "../../kernel/log.ts";
import type { Random } from "../../kernel/random.ts";
import type { Database } from "../../ports/database.ts";
import type { Peers } from "../../ports/peers.ts";
import { createAccess } from "./access.ts";
import { createArchiveStore } from "./archive-store.ts";
import { createArchiver } from "./archiver.ts";
import type { Deps } from "./deps.ts";
import { archiveOperations } from "./operations-archives.ts";
import { busOperations } from "./operations-buses.ts";
import { eventOperations } from "./operations-events.ts";
import { replayOperations } from "./operations-replays.ts";
import { ruleOperations } from "./operations-rules.ts";
import { tagOperations } from "./operations-tags.ts";
import { targetOperations } from "./operations-targets.ts";
import { useReceivers } from "./receiver.ts";
import { createReplayer } from "./replayer.ts";
import { createRouter } from "./router.ts";
import { createScheduler } from "./scheduler.ts";
import { createStore } from "./store.ts";

export { migrations } from "./schema.ts";

export interface EventsDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** state.db: the outbox must be in the same file. */
  readonly database: Database;
  /** Carries the events to their targets, and brings those of other services. */
  readonly relay: Relay;
  readonly peers: () => Peers;
}

export interface Events {
  readonly service: Service;
  /** Begins to run schedules. */
  start(): void;
  close(): Promise<void>;
}

/** Before the relay starts: events that wait for a bus are for this service. */
export function createEvents({ clock, random, log, database, relay, peers }: EventsDeps): Events {
  const store = createStore(database);
  const router = createRouter({ store, random, log });
  const scheduler = createScheduler({ store, router, outbox: relay, clock, random, log });
  const archives = createArchiveStore(database);
  const archiver = createArchiver(archives);
  const replayer = createReplayer({ archives, store, router, outbox: relay, clock, log });
  const deps: Deps = { clock, random, store, router, scheduler, archives, archiver, replayer };
  useReceivers({ store, router, archiver, relay, peers, clock, random });
  const service = defineService<typeof import("@aws-sdk/client-eventbridge")>("events", {
    ...busOperations(deps),
    ...ruleOperations(deps),
    ...targetOperations(deps),
    ...eventOperations(deps, relay),
    ...tagOperations(deps),
    ...archiveOperations(deps),
    ...replayOperations(deps),
  });
  return {
    service: { ...service, access: createAccess(store) },
    start() {
      scheduler.start();
      replayer.start();
    },
    async close() {
      await scheduler.close();
      await replayer.close();
    },
  };
}
