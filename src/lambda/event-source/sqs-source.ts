/** What a poller does with its queue, as the function's role: gets messages, deletes those that are done with. */
import { queueUrl } from "../../events/outbox/send.ts";
import { scopeOfArn } from "../../kernel/arn.ts";
import type { Clock } from "../../kernel/clock.ts";
import type { Logger } from "../../kernel/log.ts";
import type { PeerIdentity, Peers } from "../../ports/peers.ts";
import type { MappingMetrics } from "./metrics.ts";
import type { EventSourceMapping } from "./model.ts";
import type { QueueMessage } from "./sqs-event.ts";
import { refusalOf } from "./told.ts";

export interface QueueSourceDeps {
  readonly peers: Peers;
  /** The role whose permissions the polling has. Rejects when the function is gone. */
  readonly roleOf: (mapping: EventSourceMapping) => Promise<string>;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: MappingMetrics;
}

export interface QueueSource {
  /** For how long a message is this poller's once it was received, as of the last look. */
  readonly visibilityMs: number;
  /** Looks at the queue's visibility timeout, if the last look is a minute old. */
  learnVisibility(): Promise<void>;
  /** Waits up to 20 seconds for the first message. Errors: what the queue answers. */
  receive(count: number, waitMs: number): Promise<readonly QueueMessage[]>;
  /** How many the queue deleted. The others, whose receipts ran out perhaps, appear again in it. */
  remove(messages: readonly QueueMessage[]): Promise<number>;
}

interface DeletedBatch {
  readonly Failed?: readonly { readonly Code: string; readonly Message?: string }[];
}

export const RECEIVE_MAX = 10;
export const WAIT_SECONDS = 20;
const ATTRIBUTES = ["All"] as const;
/** Between looks at the queue's visibility timeout. */
const VISIBILITY_MS = 60_000;

/** `stopping`: ends a receive that waits. */
export function openQueueSource(
  deps: QueueSourceDeps,
  mapping: EventSourceMapping,
  stopping: AbortSignal,
): QueueSource {
  const { peers, clock, log, metrics } = deps;
  const { sourceArn } = mapping;
  const QueueUrl = queueUrl(sourceArn);
  const scope = scopeOfArn(sourceArn, mapping.scope);
  let visibilityMs = 30_000;
  let visibilityReadAt = -Infinity;

  async function call(
    operation: string,
    input: object,
    signal?: AbortSignal,
  ): Promise<Readonly<Record<string, unknown>>> {
    const as: PeerIdentity = {
      kind: "role",
      arn: await deps.roleOf(mapping),
      sessionName: mapping.functionName,
    };
    const request = { service: "sqs", operation, input: { QueueUrl, ...input }, scope, as };
    return peers.call(signal === undefined ? request : { ...request, signal });
  }

  async function receive(count: number, waitMs: number): Promise<readonly QueueMessage[]> {
    const answer = await call(
      "ReceiveMessage",
      {
        MaxNumberOfMessages: count,
        WaitTimeSeconds: Math.min(WAIT_SECONDS, Math.ceil(waitMs / 1000)),
        MessageSystemAttributeNames: ATTRIBUTES,
        MessageAttributeNames: ATTRIBUTES,
      },
      stopping,
    );
    const messages = (answer["Messages"] ?? []) as readonly QueueMessage[];
    metrics.count(mapping, "PolledEventCount", messages.length);
    return messages;
  }

  async function remove(messages: readonly QueueMessage[]): Promise<number> {
    let removed = 0;
    const reasons = new Set<string>();
    for (let at = 0; at < messages.length; at += RECEIVE_MAX) {
      const Entries = messages
        .slice(at, at + RECEIVE_MAX)
        .map(({ ReceiptHandle }, index) => ({ Id: String(index), ReceiptHandle }));
      try {
        const { Failed = [] } = (await call("DeleteMessageBatch", { Entries })) as DeletedBatch;
        removed += Entries.length - Failed.length;
        for (const { Code, Message } of Failed) reasons.add(`${Code}: ${Message ?? ""}`);
      } catch (error) {
        reasons.add(refusalOf(error).reason);
        break;
      }
    }
    if (removed < messages.length) {
      log.warn(
        {
          mapping: mapping.uuid,
          source: sourceArn,
          messages: messages.length - removed,
          error: [...reasons].join("; "),
        },
        "messages that are done with could not be deleted; they appear again in the queue",
      );
    }
    return removed;
  }

  /** The queue may change it, and be another one of the same name. */
  async function learnVisibility(): Promise<void> {
    const now = clock.now();
    if (now - visibilityReadAt < VISIBILITY_MS) return;
    visibilityReadAt = now;
    const answer = await call("GetQueueAttributes", { AttributeNames: ["VisibilityTimeout"] }).catch(
      (): Readonly<Record<string, unknown>> => ({}),
    );
    const attributes = answer["Attributes"] as Record<string, string> | undefined;
    const seconds = attributes?.["VisibilityTimeout"];
    if (seconds !== undefined) visibilityMs = Number(seconds) * 1000;
  }

  return {
    get visibilityMs() {
      return visibilityMs;
    },
    learnVisibility,
    receive,
    remove,
  };
}
