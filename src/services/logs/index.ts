import { defineService, type Service } from "../../aws/service.ts";
import type { Clock } from "../../kernel/clock.ts";
import type { Logger } from "../../kernel/log.ts";
import type { Random } from "../../kernel/random.ts";
import type { Scope } from "../../kernel/scope.ts";
import type { Database } from "../../ports/database.ts";
import type { LogSink } from "../../ports/log-sink.ts";
import type { Outbox } from "../../ports/outbox.ts";
import type { Peers } from "../../ports/peers.ts";
import type { DayFiles } from "./day-files.ts";
import { logsAccess } from "./access.ts";
import type { Deps } from "./deps.ts";
import { eventOperations } from "./operations-events.ts";
import { filterOperations } from "./operations-filters.ts";
import { groupOperations } from "./operations-groups.ts";
import { streamOperations } from "./operations-streams.ts";
import { subscriptionOperations } from "./operations-subscriptions.ts";
import { tagOperations } from "./operations-tags.ts";
import { resourcePolicyDocuments, resourcePolicyOperations } from "./resource-policies.ts";
import { createRetention, RETENTION_DEFAULTS, type RetentionLimits } from "./retention.ts";
import { createLogStore } from "./store.ts";
import { createSubscriptionStore } from "./subscription-store.ts";
import { createSubscriptions } from "./subscriptions.ts";
import { createTails, type TailListener } from "./tail.ts";
import { createWriter } from "./writer.ts";

export { type DayFiles, type DayFilesDeps, dayMigrations, openDayFiles } from "./day-files.ts";
export { migrations } from "./store.ts";
export type { TailEvent, TailListener } from "./tail.ts";

export interface LogsDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** state.db: groups, streams, tags. */
  readonly database: Database;
  /** The events' own files; see openDayFiles. */
  readonly files: DayFiles;
  /** There once all services are made; so are the peers. */
  readonly outbox: () => Outbox;
  readonly peers: () => Peers;
  readonly limits?: Partial<RetentionLimits>;
}

export interface Logs {
  readonly service: Service;
  /** For the lines of functions. */
  readonly sink: LogSink;
  /** Events of groups matching `groupPattern` (`*` stands for any text) as they come. Returns the end of it. */
  tail(scope: Scope, groupPattern: string, listener: TailListener): () => void;
  /** Deletes what may go now; runs hourly by itself. */
  sweep(): Promise<{ readonly days: number; readonly chunks: number }>;
  /** Stores what is buffered and closes the event files. */
  close(): Promise<void>;
}

export function createLogs(deps: LogsDeps): Logs {
  const { clock, random, log, files } = deps;
  const store = createLogStore(deps.database);
  const tails = createTails();
  const limits = { ...RETENTION_DEFAULTS, ...deps.limits };
  const retention = createRetention({ clock, log, store, files, limits });
  const subscriptionFilters = createSubscriptionStore(deps.database);
  const { database, outbox } = deps;
  const subscriptions = createSubscriptions({
    random,
    database,
    store,
    outbox,
    filters: subscriptionFilters,
  });
  const onStored = retention.stored;
  const writer = createWriter({ clock, random, log, store, files, tails, subscriptions, onStored });
  const parts: Deps = { random, store, files, writer, tails, subscriptionFilters };
  retention.start();
  const service = defineService<typeof import("@aws-sdk/client-cloudwatch-logs")>("logs", {
    ...groupOperations(parts),
    ...streamOperations(parts),
    ...eventOperations(parts),
    ...tagOperations(parts),
    ...filterOperations(parts),
    ...subscriptionOperations(parts, deps.peers),
    ...resourcePolicyOperations(deps.database),
  });
  const access = logsAccess({
    policiesOf: (scope) => resourcePolicyDocuments(deps.database, scope),
    async tagsOf(scope, groupName) {
      const group = await store.group(scope, groupName);
      return group === undefined ? {} : store.tags(group.groupId);
    },
  });
  return {
    service: { ...service, access },
    sink: { append: writer.append },
    tail: tails.subscribe,
    sweep: retention.sweep,
    async close() {
      await retention.stop();
      await writer.close();
      await files.close();
    },
  };
}
