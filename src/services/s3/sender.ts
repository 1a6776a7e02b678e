import type { RequestContext } from "../../aws/service.ts";
import { scopeOfArn } from "../../kernel/arn.ts";
import type { Random } from "../../kernel/random.ts";
import type { Delivery, Outbox } from "../../ports/outbox.ts";
import { bucketArn, type Bucket } from "./model.ts";
import type { Deps } from "./deps.ts";
import {
  bridgeEvent,
  type Cause,
  type Change,
  eventMessage,
  notificationOf,
  PRINCIPAL,
  wants,
} from "./notifications.ts";

/** S3 tries for a day; what a receiver refuses for good is dropped then, as on AWS. */
const RETRY = { maxRetries: 1000, maxAgeMs: 24 * 3600 * 1000 } as const;

/** Turns changes of objects into deliveries, which go into the unit of the change. */
export interface Sender {
  readonly outbox: Outbox;
  deliveries(bucket: Bucket, change: Change, cause: Cause): readonly Delivery[];
}

export function createSender(outbox: Outbox, random: Random): Sender {
  return {
    outbox,
    deliveries(bucket, change, cause) {
      const notification = notificationOf(bucket);
      if (notification === undefined) return [];
      const common = {
        principal: PRINCIPAL,
        sourceArn: bucketArn(bucket.name),
        sourceAccount: bucket.accountId,
        retry: RETRY,
        ...(cause.traceHeader === undefined ? {} : { traceHeader: cause.traceHeader }),
      } as const;
      const { functions, queues, topics, eventBridge } = notification;
      const sent: Delivery[] = [...functions, ...queues, ...topics]
        .filter((target) => wants(target, change))
        .map((target) => ({
          ...common,
          id: random.uuid(),
          scope: scopeOfArn(target.arn, bucket),
          targetArn: target.arn,
          body: eventMessage(bucket, target, change, cause),
          ...(target.arn.includes(":sns:") ? { subject: "Amazon S3 Notification" } : {}),
        }));
      if (eventBridge) {
        const { detailType, detail } = bridgeEvent(bucket, change, cause);
        const { accountId, region } = bucket;
        sent.push({
          ...common,
          id: random.uuid(),
          scope: { accountId, region },
          targetArn: `arn:aws:events:${region}:${accountId}:event-bus/default`,
          body: detail,
          source: "aws.s3",
          detailType,
          resources: [bucketArn(bucket.name)],
        });
      }
      return sent;
    },
  };
}

/** S3 acting by itself: for a lifecycle rule, or at the end of a restored copy. */
export function serviceCause({ clock, random }: Pick<Deps, "clock" | "random">, bucket: Bucket): Cause {
  return {
    timeMs: clock.now(),
    requestId: random.uuid(),
    userId: PRINCIPAL,
    accountId: bucket.accountId,
    sourceIp: PRINCIPAL,
    traceHeader: undefined,
  };
}

/** The caller of a request, as events name them. */
export function causeOf(context: RequestContext): Cause {
  return {
    timeMs: context.clock.now(),
    requestId: context.requestId,
    userId: context.caller.userId,
    accountId: context.accountId,
    // A service that acts for itself is named instead, as AWS does.
    sourceIp: context.sourceIp ?? context.caller.arn,
    traceHeader: context.headers["x-amzn-trace-id"],
  };
}
