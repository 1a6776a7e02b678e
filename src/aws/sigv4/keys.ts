import type { Caller } from "../service.ts";

/** A key this endpoint issued, and whose requests it can therefore verify. */
export interface KnownKey {
  readonly secretAccessKey: string;
  /** Temporary keys only: what the request's session token must equal. */
  readonly sessionToken?: string;
  readonly caller: Caller;
  readonly accountId: string;
  /** The key was right once; its requests are answered with ExpiredToken. */
  readonly expired?: boolean;
}

/**
 * Where verified requests get their secret from. `undefined` means "never heard of it", which is an
 * error only where known keys are required. May answer synchronously: the hot path then never
 * leaves its turn.
 */
export interface KeyResolver {
  resolve(
    accessKeyId: string,
    sessionToken: string | undefined,
  ): KnownKey | undefined | Promise<KnownKey | undefined>;
}
