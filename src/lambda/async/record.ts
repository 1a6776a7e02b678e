/**
 * The records that tell of an event's end: to a destination, and to a dead-letter queue.
 * https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
 */
import type { FailureCondition } from "./retry.ts";

export interface FinishedEvent {
  readonly requestId: string;
  /** Qualified: `…:function:name:$LATEST` where the caller named no version or alias. */
  readonly functionArn: string;
  /** Attempts that really ran. */
  readonly invokeCount: number;
  readonly payload: Uint8Array;
  /** Absent when the last attempt never reached the function. */
  readonly response?: {
    readonly executedVersion: string;
    readonly functionError?: string;
    readonly payload: Uint8Array;
  };
}

/** What is handed to whoever delivers to SQS, SNS, EventBridge and S3. */
export type Delivery =
  | {
      readonly kind: "destination";
      readonly condition: "Success" | FailureCondition;
      readonly record: string;
    }
  | {
      readonly kind: "dead-letter";
      /** The event as it came. */
      readonly payload: Uint8Array;
      readonly attributes: {
        readonly RequestID: string;
        /** 200 when the function failed, else the status of the refusal. */
        readonly ErrorCode: number;
        readonly ErrorMessage: string;
      };
    };

/** The invocation record as JSON text. */
export function destinationRecord(
  event: FinishedEvent,
  condition: "Success" | FailureCondition,
  nowMs: number,
): string {
  const requestContext = {
    requestId: event.requestId,
    functionArn: event.functionArn,
    condition,
    approximateInvokeCount: event.invokeCount,
  };
  const fields = [
    `"version":"1.0"`,
    `"timestamp":${JSON.stringify(new Date(nowMs).toISOString())}`,
    `"requestContext":${JSON.stringify(requestContext)}`,
    `"requestPayload":${asJson(event.payload)}`,
  ];
  if (event.response !== undefined) {
    const { executedVersion, functionError, payload } = event.response;
    const context = {
      statusCode: 200,
      executedVersion,
      ...(functionError === undefined ? {} : { functionError }),
    };
    fields.push(`"responseContext":${JSON.stringify(context)}`, `"responsePayload":${asJson(payload)}`);
  }
  return `{${fields.join(",")}}`;
}

/** The message of the function's error JSON, as the dead-letter attribute carries it (at most 1 KB). */
export function errorMessageOf(payload: Uint8Array): string {
  const text = Buffer.from(payload).toString("utf8");
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed === "object" && parsed !== null && "errorMessage" in parsed) {
      return String(parsed.errorMessage).slice(0, 1024);
    }
  } catch {
    // Not JSON: the text itself is the best there is.
  }
  return text.slice(0, 1024);
}

/** Payloads are JSON already and are put in as they are; anything else becomes a JSON string. */
function asJson(payload: Uint8Array): string {
  if (payload.length === 0) return "null";
  const text = Buffer.from(payload).toString("utf8");
  try {
    JSON.parse(text);
    return text;
  } catch {
    return JSON.stringify(text);
  }
}
