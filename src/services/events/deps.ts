import type { Operations } from "../../aws/service.ts";
import type { Clock } from "../../kernel/clock.ts";
import type { Random } from "../../kernel/random.ts";
import type { ArchiveStore } from "./archive-store.ts";
import type { Archiver } from "./archiver.ts";
import type { Replayer } from "./replayer.ts";
import type { Router } from "./router.ts";
import type { Scheduler } from "./scheduler.ts";
import type { EventsStore } from "./store.ts";

/** What the operations work with. */
export interface Deps {
  readonly clock: Clock;
  readonly random: Random;
  readonly store: EventsStore;
  readonly router: Router;
  readonly scheduler: Scheduler;
  readonly archives: ArchiveStore;
  readonly archiver: Archiver;
  readonly replayer: Replayer;
}

export type EventsOperations = Operations<typeof import("@aws-sdk/client-eventbridge")>;
