/** What PutLogEvents takes: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html */
import type { LogEvent } from "../../ports/log-sink.ts";
import { EVENT_OVERHEAD_BYTES, eventBytes } from "./chunk.ts";
import * as errors from "./errors.ts";

const BATCH_BYTES_MAX = 1_048_576;
const EVENT_BYTES_MAX = 1_048_576;
const SPAN_MS_MAX = 86_400_000;
const AGE_MS_MAX = 14 * 86_400_000;
const FUTURE_MS_MAX = 2 * 3_600_000;

export interface RejectedLogEventsInfo {
  tooNewLogEventStartIndex?: number;
  tooOldLogEventEndIndex?: number;
  expiredLogEventEndIndex?: number;
}

export interface SiftedBatch {
  readonly accepted: readonly LogEvent[];
  readonly rejected: RejectedLogEventsInfo | undefined;
}

/**
 * Errors (InvalidParameterException): out of order, more than 24 hours apart, too large. Events that
 * are too old, too new or past the group's retention are left out, and said so.
 */
export function siftBatch(
  events: readonly LogEvent[],
  now: number,
  retentionDays: number | undefined,
): SiftedBatch {
  checkBatch(events);
  const tooOld = events.filter((event) => event.timestamp < now - AGE_MS_MAX).length;
  const expiry = retentionDays === undefined ? 0 : now - retentionDays * 86_400_000;
  const expired = events.filter((event) => event.timestamp < expiry).length;
  const tooNewFrom = events.findIndex((event) => event.timestamp > now + FUTURE_MS_MAX);
  const rejected: RejectedLogEventsInfo = {};
  if (tooNewFrom !== -1) rejected.tooNewLogEventStartIndex = tooNewFrom;
  if (tooOld > 0) rejected.tooOldLogEventEndIndex = tooOld;
  if (expired > tooOld) rejected.expiredLogEventEndIndex = expired;
  const accepted = events.slice(Math.max(tooOld, expired), tooNewFrom === -1 ? undefined : tooNewFrom);
  return { accepted, rejected: Object.keys(rejected).length > 0 ? rejected : undefined };
}

function checkBatch(events: readonly LogEvent[]): void {
  let bytes = 0;
  events.forEach((event, index) => {
    if (event.timestamp < (events[index - 1]?.timestamp ?? 0)) {
      throw errors.invalidParameter(
        "Log events in a single PutLogEvents request must be in chronological order.",
      );
    }
    const size = eventBytes(event);
    if (size - EVENT_OVERHEAD_BYTES > EVENT_BYTES_MAX) {
      throw errors.invalidParameter(`Log event too large: ${size} bytes exceeds limit of ${EVENT_BYTES_MAX}`);
    }
    bytes += size;
  });
  if (bytes > BATCH_BYTES_MAX) {
    throw errors.invalidParameter(`Upload too large: ${bytes} bytes exceeds limit of ${BATCH_BYTES_MAX}`);
  }
  const span = (events.at(-1)?.timestamp ?? 0) - (events[0]?.timestamp ?? 0);
  if (span > SPAN_MS_MAX) {
    throw errors.invalidParameter(
      "The batch of log events in a single PutLogEvents request cannot span more than 24 hours.",
    );
  }
}
