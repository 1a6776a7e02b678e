import type { Clock } from "../../kernel/clock.ts";
import type { Logger } from "../../kernel/log.ts";
import type { Random } from "../../kernel/random.ts";
import type { Wakeup } from "../../ports/wakeup.ts";
import type { Background } from "./background.ts";
import type { Store } from "./store.ts";
import type { Tables } from "./table/tables.ts";
import type { Writer } from "./item/write.ts";

/** What the service is given. */
export interface World {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly wakeup: Wakeup;
}

/** What the operations work with once the file is open. */
export interface Engine extends World {
  readonly store: Store;
  readonly tables: Tables;
  readonly writer: Writer;
  readonly background: Background;
}

/** Opens the file at the first use of the service. */
export type UseEngine = () => Promise<Engine>;
