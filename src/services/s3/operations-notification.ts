import { HINT } from "../../aws/hint.ts";
import type { RequestContext } from "../../aws/service.ts";
import { queueUrl } from "../../events/outbox/send.ts";
import { scopeOfArn } from "../../kernel/arn.ts";
import { ServiceError } from "../../kernel/errors.ts";
import type { PeerCall, Peers } from "../../ports/peers.ts";
import type { Deps, S3Operations } from "./deps.ts";
import { bucketOf } from "./lookup.ts";
import { type Bucket, bucketArn } from "./model.ts";
import { readNotification } from "./notification-config.ts";
import { type Notification, notificationOf, type Target, testMessage } from "./notifications.ts";

export function notificationOperations(deps: Deps, peers: () => Peers): S3Operations {
  return {
    async GetBucketNotificationConfiguration(input, _context) {
      const bucket = await bucketOf(deps, input.Bucket, input.ExpectedBucketOwner);
      const notification = notificationOf(bucket);
      return notification === undefined ? {} : (shown(notification) as never);
    },

    async PutBucketNotificationConfiguration(input, context) {
      const bucket = await bucketOf(deps, input.Bucket, input.ExpectedBucketOwner);
      const notification = readNotification(input.NotificationConfiguration ?? {}, bucket.region, () =>
        Buffer.from(context.random.hex(72), "hex").toString("base64url"),
      );
      const hints =
        input.SkipDestinationValidation === true
          ? []
          : await checkDestinations(peers(), bucket, notification, context);
      const isEmpty =
        !notification.eventBridge &&
        notification.functions.length + notification.queues.length + notification.topics.length === 0;
      await deps.buckets.set(bucket.name, "notification", isEmpty ? undefined : JSON.stringify(notification));
      return hints.length === 0 ? {} : { [HINT]: hints.join("; ") };
    },
  };
}

function shown(notification: Notification): Record<string, unknown> {
  const { functions, queues, topics, eventBridge } = notification;
  const all = (targets: readonly Target[], arnMember: string): Record<string, unknown>[] =>
    targets.map(({ id, arn, events, rules }) => ({
      Id: id,
      [arnMember]: arn,
      Events: events,
      ...(rules.length === 0 ? {} : { Filter: { Key: { FilterRules: rules } } }),
    }));
  return {
    ...(topics.length === 0 ? {} : { TopicConfigurations: all(topics, "TopicArn") }),
    ...(queues.length === 0 ? {} : { QueueConfigurations: all(queues, "QueueArn") }),
    ...(functions.length === 0 ? {} : { LambdaFunctionConfigurations: all(functions, "LambdaFunctionArn") }),
    ...(eventBridge ? { EventBridgeConfiguration: {} } : {}),
  };
}

/**
 * Functions are asked whether S3 may invoke them; queues and topics get the test event. Resolves with what
 * to do about those that AWS would not let S3 use.
 * Errors: InvalidArgument that names each destination which refused.
 */
async function checkDestinations(
  peers: Peers,
  bucket: Bucket,
  { functions, queues, topics }: Notification,
  context: RequestContext,
): Promise<readonly string[]> {
  const hints: string[] = [];
  const message = testMessage(bucket, context.clock.now(), context.requestId);
  const common = (target: Target): Pick<PeerCall, "scope" | "as" | "onHint"> => ({
    onHint: (hint) => void hints.push(hint),
    scope: scopeOfArn(target.arn, bucket),
    as: {
      kind: "service",
      principal: "s3.amazonaws.com",
      sourceArn: bucketArn(bucket.name),
      sourceAccount: bucket.accountId,
    },
  });
  const refused: (readonly [name: string, why: string])[] = [];
  for (const target of functions) {
    const input = { FunctionName: target.arn, InvocationType: "DryRun" };
    const call = { service: "lambda", operation: "Invoke", input };
    if ((await failure(peers.call({ ...call, ...common(target) }))) !== undefined) {
      refused.push([`${target.arn}, null`, `Not authorized to invoke function [${target.arn}]`]);
    }
  }
  for (const target of queues) {
    const input = { QueueUrl: queueUrl(target.arn), MessageBody: message };
    const call = { service: "sqs", operation: "SendMessage", input };
    const why = await failure(peers.call({ ...call, ...common(target) }));
    if (why !== undefined) refused.push([target.arn, destinationRefusal("queue", why)]);
  }
  for (const target of topics) {
    const input = { TopicArn: target.arn, Message: message, Subject: "Amazon S3 Notification" };
    const why = await failure(peers.call({ service: "sns", operation: "Publish", input, ...common(target) }));
    if (why !== undefined) refused.push([target.arn, destinationRefusal("topic", why)]);
  }
  if (refused.length === 0) return hints;
  const members = Object.fromEntries(
    refused.flatMap(([name, why], index) => [
      [`ArgumentName${String(index + 1)}`, name],
      [`ArgumentValue${String(index + 1)}`, why],
    ]),
  );
  throw new ServiceError(
    "InvalidArgument",
    400,
    "Unable to validate the following destination configurations",
    {
      members,
      hint: "allow s3.amazonaws.com to use the destination (lambda add-permission, the queue's or topic's policy), or skip the check with --skip-destination-validation",
    },
  );
}

async function failure(call: Promise<unknown>): Promise<ServiceError | undefined> {
  try {
    await call;
    return undefined;
  } catch (error) {
    if (error instanceof ServiceError) return error;
    throw error;
  }
}

function destinationRefusal(noun: "queue" | "topic", why: ServiceError): string {
  const isDenied = /AccessDenied|AuthorizationError|KMS/u.test(why.code);
  return isDenied
    ? `Permissions on the destination ${noun} do not allow S3 to publish notifications from this bucket`
    : `The destination ${noun} does not exist`;
}
