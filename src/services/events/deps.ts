import type { Operations } from "../../aws/service.ts";
import type { Clock } from "../../kernel/clock.ts";
import type { Random } from "../../kernel/random.ts";
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
}

export type EventsOperations = Operations<typeof import("@aws-sdk/client-eventbridge")>;
