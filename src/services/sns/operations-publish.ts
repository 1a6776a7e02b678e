import type {
  BatchResultErrorEntry,
  PublishBatchRequestEntry,
  PublishBatchResponse,
  PublishBatchResultEntry,
} from "@aws-sdk/client-sns";
import type { Operations, RequestContext } from "../../aws/service.ts";
import { isAwsManagedKey, keyNotFound } from "../../kernel/kms-key.ts";
import { LIMITS } from "../../kernel/limits.ts";
import { PHONE } from "./endpoint.ts";
import * as errors from "./errors.ts";
import { byteLength, checkGroups, messageOf, textFor, type Message, type MessageInput } from "./message.ts";
import type { Topic } from "./model.ts";
import { topicOf } from "./operations-topics.ts";
import { platformOf } from "./platform-rules.ts";
import { isEnabled } from "./platforms.ts";
import type { Origin, Published } from "./publisher.ts";
import { senderFor } from "./sms.ts";
import type { State } from "./state.ts";

type Sns = typeof import("@aws-sdk/client-sns");

const ENTRY_ID = /^[A-Za-z0-9_-]{1,80}$/u;

export function publishOperations(state: State): Operations<Sns> {
  return {
    async Publish(input, context) {
      const { TopicArn: topicArn, TargetArn: targetArn, PhoneNumber: phone } = input;
      checkOneTarget([topicArn, targetArn, phone]);
      if (targetArn?.includes(":endpoint/") === true) {
        return { MessageId: await push(state, input, targetArn) };
      }
      const message = messageOf(input);
      if (phone !== undefined) return { MessageId: await text(state, phone, message, context) };
      const parameter = topicArn === undefined ? "TargetArn" : "TopicArn";
      const entry = await topicOf(state, topicArn ?? targetArn, context, parameter);
      checkGroups(entry.topic, message);
      checkKey(entry.topic);
      return state.publisher.publish(entry, message, originOf(context));
    },
    async PublishBatch({ TopicArn: arn, PublishBatchRequestEntries: entries = [] }, context) {
      const entry = await topicOf(state, arn, context);
      checkBatch(entries);
      const messages = entries.map((one) => messageOf(one));
      for (const message of messages) checkGroups(entry.topic, message);
      checkKey(entry.topic);
      const origin = originOf(context);
      const published = await Promise.allSettled(
        messages.map((message) => state.publisher.publish(entry, message, origin)),
      );
      return batchAnswer(entries, published);
    },
  };
}

/** What the topic's data protection policy denies fails alone; everything else would fail them all. */
function batchAnswer(
  entries: readonly PublishBatchRequestEntry[],
  published: readonly PromiseSettledResult<Published>[],
): PublishBatchResponse {
  const Successful: PublishBatchResultEntry[] = [];
  const Failed: BatchResultErrorEntry[] = [];
  for (const [index, one] of published.entries()) {
    const Id = entries[index]?.Id;
    if (one.status === "fulfilled") Successful.push({ Id, ...one.value });
    else if (errors.isDataDenied(one.reason)) {
      const { message: Message } = errors.dataDenied();
      Failed.push({ Id, Code: "AuthorizationError", Message, SenderFault: true });
    } else throw one.reason;
  }
  return { Successful, Failed };
}

/** Messages of a topic with a key of the account cannot be encrypted with it. */
function checkKey(topic: Topic): void {
  const key = topic.attributes["KmsMasterKeyId"];
  if (key !== undefined && !isAwsManagedKey(key, "sns")) throw errors.keyMissing(keyNotFound(key, topic));
}

function checkOneTarget(targets: readonly (string | undefined)[]): void {
  const given = targets.filter((one) => one !== undefined).length;
  if (given === 0) throw errors.invalid("TopicArn or TargetArn Reason: no value for required parameter");
  if (given > 1) {
    throw errors.invalid("TopicArn Reason: Only one of TopicArn, TargetArn or PhoneNumber is allowed");
  }
}

/** Everything that AWS refuses a whole batch for, but its messages. */
function checkBatch(entries: readonly PublishBatchRequestEntry[]): void {
  if (entries.length === 0) throw errors.emptyBatch();
  if (entries.length > LIMITS.snsBatchEntries) throw errors.tooManyEntries();
  const ids = entries.map(({ Id }) => Id ?? "");
  if (!ids.every((id) => ENTRY_ID.test(id))) throw errors.invalidBatchId();
  if (new Set(ids).size < ids.length) throw errors.idsNotDistinct();
  const bytes = entries.reduce(
    (sum, entry) => sum + byteLength(entry.Message ?? "", entry.MessageAttributes ?? {}),
    0,
  );
  if (bytes > LIMITS.snsMessageBytes) throw errors.batchTooLong();
}

/** A push to one endpoint. */
async function push(state: State, input: MessageInput, arn: string): Promise<string> {
  const message = messageOf(input, platformOf(arn));
  const { platforms, random, database, mailBox } = state;
  const endpoint = await platforms.endpoint(arn);
  const application = await platforms.application(endpoint?.applicationArn ?? "");
  if (endpoint === undefined || application === undefined) {
    throw errors.invalid("TargetArn Reason: No endpoint found for the target arn specified");
  }
  if (!isEnabled(application)) throw errors.applicationDisabled();
  if (!isEnabled(endpoint)) throw errors.endpointDisabled();
  const { accountId, region } = application;
  const messageId = random.uuid();
  const body = textFor(message, platformOf(arn));
  const mail = { protocol: "application" as const, accountId, region, to: arn, body, messageId };
  await database.commit(mailBox.within([mail]));
  return messageId;
}

/** A text message to one telephone. */
async function text(state: State, phone: string, message: Message, context: RequestContext): Promise<string> {
  if (!PHONE.test(phone)) throw errors.invalid(`PhoneNumber Reason: ${phone} is not valid to publish to`);
  const { accountId, region } = context;
  const messageId = state.random.uuid();
  const sender = await senderFor(state.database, { accountId, region }, message.attributes);
  const mail = {
    protocol: "sms" as const,
    accountId,
    region,
    to: phone,
    body: textFor(message, "sms"),
    messageId,
  };
  await state.database.commit(state.mailBox.within([{ ...mail, ...sender }]));
  return messageId;
}

function originOf({ endpoint, headers }: RequestContext): Origin {
  return { endpoint, traceHeader: headers["x-amzn-trace-id"] };
}
