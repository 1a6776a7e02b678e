/**
 * One delivery into one target, told apart by its ARN. This is the only place that knows how a queue,
 * a topic, a bus, a log group, a bucket or a function is handed something.
 */
import { arnParts, scopeOfArn } from "../../kernel/arn.ts";
import { ServiceError } from "../../kernel/errors.ts";
import type { Scope } from "../../kernel/scope.ts";
import type { DeliveryAttribute } from "../../ports/outbox.ts";
import type { PeerCall, PeerIdentity, Peers } from "../../ports/peers.ts";

export interface Message {
  /** Tells a repeat where the target can (an object's key, a log stream's name). */
  readonly id: string;
  readonly body: string;
  readonly attributes?: Readonly<Record<string, DeliveryAttribute>>;
  /** For a topic. */
  readonly subject?: string;
  readonly messageGroupId?: string;
  readonly messageDeduplicationId?: string;
  /** For a bus. */
  readonly source?: string;
  readonly detailType?: string;
  readonly resources?: readonly string[];
  readonly timeMs: number;
  /** X-Amzn-Trace-Id of what led to it. */
  readonly traceHeader?: string;
  /** For a bucket. */
  readonly key?: string;
}

/** The call that hands `message` to `targetArn`. Errors: ServiceError for a target of no known kind. */
export function callFor(targetArn: string, message: Message, as: PeerIdentity, sender: Scope): PeerCall {
  const scope = scopeOfArn(targetArn, sender);
  const { service, resource } = arnParts(targetArn);
  const call = (operation: string, input: PeerCall["input"]): PeerCall => ({
    service,
    operation,
    input,
    scope,
    as,
    ...(message.traceHeader === undefined ? {} : { traceHeader: message.traceHeader }),
  });
  const fifo = {
    ...(message.messageGroupId === undefined ? {} : { MessageGroupId: message.messageGroupId }),
    ...(message.messageDeduplicationId === undefined
      ? {}
      : { MessageDeduplicationId: message.messageDeduplicationId }),
  };
  const attributes = attributesOf(message);
  switch (service) {
    case "sqs":
      return call("SendMessage", {
        QueueUrl: queueUrl(targetArn),
        MessageBody: message.body,
        ...attributes,
        ...fifo,
      });
    case "sns":
      return call("Publish", {
        TopicArn: targetArn,
        Message: message.body,
        ...(message.subject === undefined ? {} : { Subject: message.subject }),
        ...attributes,
        ...fifo,
      });
    case "events":
      return call("PutEvents", {
        Entries: [
          {
            EventBusName: targetArn,
            Source: message.source ?? "",
            DetailType: message.detailType ?? "",
            Detail: message.body,
            Time: new Date(message.timeMs),
            ...(message.resources === undefined ? {} : { Resources: [...message.resources] }),
          },
        ],
      });
    case "lambda":
      return call("Invoke", {
        FunctionName: targetArn,
        InvocationType: "Event",
        Payload: Buffer.from(message.body, "utf8"),
      });
    case "s3":
      return call("PutObject", {
        Bucket: resource,
        Key: message.key ?? message.id,
        Body: Buffer.from(message.body, "utf8"),
        ContentType: "application/json",
      });
    default:
      throw noTarget(targetArn);
  }
}

export function noTarget(arn: string): ServiceError {
  return new ServiceError("InvalidTarget", 400, `${arn} is nothing that events can be delivered to`);
}

/** Resolves with the answer. A bus answers 200 and says in the entry that it refused; everything else throws. */
export async function send(peers: Peers, call: PeerCall): Promise<Readonly<Record<string, unknown>>> {
  const answer = await peers.call(call);
  const [entry] = (answer["Entries"] ?? []) as readonly { ErrorCode?: string; ErrorMessage?: string }[];
  if (call.service === "events" && entry?.ErrorCode !== undefined) {
    throw new ServiceError(entry.ErrorCode, 400, entry.ErrorMessage ?? "the event bus refused the entry");
  }
  return answer;
}

function attributesOf(message: Message): Record<string, unknown> {
  if (message.attributes === undefined) return {};
  const entries = Object.entries(message.attributes).map(([name, value]) => [
    name,
    value.BinaryValue === undefined
      ? value
      : { DataType: value.DataType, BinaryValue: Buffer.from(value.BinaryValue, "base64") },
  ]);
  return { MessageAttributes: Object.fromEntries(entries) as Record<string, unknown> };
}

/** The queue's address without an endpoint: SQS looks at the path alone. */
export function queueUrl(arn: string): string {
  const { region, accountId, resource: name } = arnParts(arn);
  return `https://sqs.${region}.amazonaws.com/${accountId}/${name}`;
}
