/**
 * Buckets whose readers pay: nobody is charged here, but whoever does not say that they would pay is
 * refused, as on AWS.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/ObjectsinRequesterPaysBuckets.html
 */
import type { RequestContext } from "../../aws/service.ts";
import type { S3Operations } from "./deps.ts";
import * as errors from "./errors.ts";
import type { Bucket } from "./model.ts";

/** The setting's kind. */
export const REQUEST_PAYMENT = "requestPayment";

/** Requests that were charged: their answers say so. */
const charged = new WeakSet<RequestContext>();

export function requesterPays(bucket: Bucket): boolean {
  return bucket.settings[REQUEST_PAYMENT] === "Requester";
}

/** Errors: AccessDenied for others than the owner's account that do not offer to pay, and for nobody. */
export function checkPays(bucket: Bucket, context: RequestContext): void {
  const { accountId, caller, headers } = context;
  if (!requesterPays(bucket)) return;
  // Services act for the account whose resource they read for.
  const payer = caller.source?.accountId ?? accountId;
  if (caller.kind !== "anonymous" && payer === bucket.accountId) return;
  if (caller.kind === "anonymous" || headers["x-amz-request-payer"] !== "requester") {
    throw errors.requesterMustPay();
  }
  charged.add(context);
}

type Handler = (input: never, context: RequestContext) => Promise<object> | object;

/** The operations, whose answers tell who was charged. */
export function tellingCharges(operations: S3Operations): S3Operations {
  const told = Object.entries(operations as Readonly<Record<string, Handler>>).map(([name, handler]) => [
    name,
    async (input: never, context: RequestContext): Promise<object> => {
      const output = await handler(input, context);
      return charged.has(context) ? { ...output, RequestCharged: "requester" } : output;
    },
  ]);
  return Object.fromEntries(told) as S3Operations;
}
