/** The rules of the three batch operations. Entries fail one by one; a malformed batch fails as a whole. */
import { ServiceError } from "../../kernel/errors.ts";
import { LIMITS } from "../../kernel/limits.ts";
import * as errors from "./errors.ts";

export interface Failure {
  readonly Id: string;
  readonly SenderFault: boolean;
  readonly Code: string;
  readonly Message: string;
}

export interface BatchResult<Success> {
  Successful?: Success[];
  Failed?: Failure[];
}

interface Entry {
  readonly Id?: string | undefined;
}

/** `entryName` is what AWS calls the entries of this operation in its sentence. */
export function checkBatch(entries: readonly Entry[], entryName: string): void {
  if (entries.length === 0) throw errors.emptyBatch(entryName);
  if (entries.length > LIMITS.sqsBatchEntries) {
    throw errors.tooManyEntries(entries.length, LIMITS.sqsBatchEntries);
  }
  const seen = new Set<string>();
  for (const { Id: id = "" } of entries) {
    if (!/^[A-Za-z0-9_-]{1,80}$/u.test(id)) throw errors.invalidBatchId();
    if (seen.has(id)) throw errors.idsNotDistinct(id);
    seen.add(id);
  }
}

/** Codes of the JSON protocol that the entries of a batch spell in the older way, in both protocols. */
const ENTRY_CODES: Readonly<Record<string, string>> = {
  InvalidParameterValueException: "InvalidParameterValue",
  MissingRequiredParameterException: "MissingParameter",
  UnsupportedOperation: "AWS.SimpleQueueService.UnsupportedOperation",
};

/** Runs the entries together, in their order; a bug still fails the whole request. */
export async function runBatch<E extends Entry, Success extends object>(
  entries: readonly E[],
  work: (entry: E) => Promise<Success>,
): Promise<BatchResult<Success & { Id: string }>> {
  const outcomes = await Promise.all(
    entries.map(async (entry) => {
      const id = entry.Id ?? "";
      try {
        return { Id: id, ...(await work(entry)) };
      } catch (error) {
        if (!(error instanceof ServiceError)) throw error;
        return { failed: failureOf(id, error) };
      }
    }),
  );
  const successful: (Success & { Id: string })[] = [];
  const failed: Failure[] = [];
  for (const outcome of outcomes) {
    if ("failed" in outcome) failed.push(outcome.failed as Failure);
    else successful.push(outcome);
  }
  return {
    ...(successful.length === 0 ? {} : { Successful: successful }),
    ...(failed.length === 0 ? {} : { Failed: failed }),
  };
}

function failureOf(id: string, error: ServiceError): Failure {
  const { code, message, status } = error;
  return { Id: id, SenderFault: status < 500, Code: ENTRY_CODES[code] ?? code, Message: message };
}
