import type { Random } from "../../kernel/random.ts";
import type { DayFiles } from "./day-files.ts";
import type { LogStore } from "./store.ts";
import type { SubscriptionStore } from "./subscription-store.ts";
import type { Tails } from "./tail.ts";
import type { LogWriter } from "./writer.ts";

/** What the operations work with. */
export interface Deps {
  readonly random: Random;
  readonly store: LogStore;
  readonly files: DayFiles;
  readonly writer: LogWriter;
  readonly tails: Tails;
  readonly subscriptionFilters: SubscriptionStore;
}
