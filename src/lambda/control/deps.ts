import type { Clock } from "../../kernel/clock.ts";
import type { Logger } from "../../kernel/log.ts";
import type { Random } from "../../kernel/random.ts";
import type { BlobStore } from "../../ports/blob-store.ts";
import type { CodeCache } from "../../ports/code-cache.ts";
import type { Database } from "../../ports/database.ts";
import type { Secrets } from "../../ports/secrets.ts";
import type { Architecture } from "../model/function.ts";
import type { DestinationChecks } from "./destination-checks.ts";
import type { CodeBlobs } from "./code-blobs.ts";
import type { AccountQuotas } from "./rows.ts";
import type { Settler } from "./settle.ts";
import type { FunctionStore } from "./store.ts";

/**
 * Looks into an archive without unpacking it. Errors: ServiceError InvalidParameterValueException in
 * AWS's words when it is no archive, or one that must not be unpacked.
 */
export type ZipInspector = (archive: Uint8Array) => Promise<{ readonly unzippedBytes: number }>;

export interface FunctionControlDeps {
  readonly database: Database;
  /** Of code archives alone: what no function version names is deleted from it. */
  readonly blobs: BlobStore;
  readonly codeCache: CodeCache;
  readonly inspectZip: ZipInspector;
  readonly secrets: Secrets;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly destinations: DestinationChecks;
  /** Machine code of this architecture runs here. */
  readonly hostArchitecture: Architecture;
  /** Refuses archives of the other architecture even for interpreted runtimes. */
  readonly strictArchitectures?: boolean;
  /** Account-wide quotas other than AWS's defaults. */
  readonly quotas?: Partial<AccountQuotas>;
  /** How long an update stays InProgress at least, so that callers can see it. Default 20 ms. */
  readonly inProgressMs?: number;
}

/** What every subject of the control plane works with. */
export interface ControlContext extends FunctionControlDeps {
  readonly store: FunctionStore;
  readonly settler: Settler;
  readonly codeBlobs: CodeBlobs;
  /** Keyed digest of a configuration: tells equal from changed without keeping the values. */
  readonly digest: (text: string) => string;
}
