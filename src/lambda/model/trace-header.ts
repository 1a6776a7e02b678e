/** X-Amzn-Trace-Id: https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader */
import { further, lineageOf, withLineage } from "./lineage.ts";

const UUID_CHARACTERS = 36;

/**
 * The trace every invocation has, sampled or not, and the chain of events that begins with it. Its
 * random parts are those of the request id: making others would cost more than the rest of this line.
 */
export function newTraceHeader(requestId: string, nowMs: number, sampled: boolean, resource: string): string {
  const hex =
    requestId.length === UUID_CHARACTERS
      ? requestId.slice(0, 8) +
        requestId.slice(9, 13) +
        requestId.slice(14, 18) +
        requestId.slice(19, 23) +
        requestId.slice(24)
      : requestId.replaceAll("-", "").padEnd(32, "0");
  const seconds = Math.floor(nowMs / 1000)
    .toString(16)
    .padStart(8, "0");
  return `Root=1-${seconds}-${hex.slice(0, 24)};Parent=${hex.slice(16, 32)};Sampled=${sampled ? "1" : "0"};Lineage=1:${resource}:0`;
}

/** What an event's end hands on: its header, after one more invocation of the function. */
export function headerAfter(
  event: {
    readonly requestId: string;
    readonly acceptedAt: number;
    readonly traceHeader: string | undefined;
  },
  resource: string,
): string {
  const { requestId, acceptedAt, traceHeader: header } = event;
  if (header === undefined) return newTraceHeader(requestId, acceptedAt, false, resource);
  return withLineage(header, further(lineageOf(header), resource));
}
