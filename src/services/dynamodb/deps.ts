import type { Clock } from "../../kernel/clock.ts";
import type { Logger } from "../../kernel/log.ts";
import type { Random } from "../../kernel/random.ts";
import type { Wakeup } from "../../ports/wakeup.ts";
import type { Background } from "./background.ts";
import type { Store } from "./store.ts";
import type { Tables } from "./table/tables.ts";
import type { Meter } from "./meter.ts";
import type { Writer } from "./item/write.ts";

/** Quotas of an account in a region, and of an item collection; tests lower them. */
export interface Limits {
  readonly tables: number;
  /** CREATING, UPDATING or DELETING at once. */
  readonly tablesUnderWay: number;
  /** Items of one partition key with their local indexes' entries. */
  readonly collectionBytes: number;
}

/** What the service is given. */
export interface World {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly wakeup: Wakeup;
  readonly limits: Limits;
  readonly meter: Meter;
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
