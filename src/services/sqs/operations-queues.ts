import type { Operations, RequestContext } from "../../aws/service.ts";
import {
  changeAttributes,
  checkAttributeNames,
  firstDifference,
  shownAttributes,
  type Attributes,
} from "./attributes.ts";
import type { Directory, Queue } from "./directory.ts";
import * as errors from "./errors.ts";
import { checkQueueName, parseQueueUrl, queueArn, queueUrl, type QueueName } from "./names.ts";
import { nextToken, openToken } from "./page-token.ts";
import { allowsRedrive, parseRedrivePolicy } from "./redrive.ts";
import type { State } from "./state.ts";
import { countMessages } from "./store.ts";
import { checkTags } from "./tags.ts";

type QueueOperations = Operations<typeof import("@aws-sdk/client-sqs")>;

const PAGE_MAX = 1000;
const PURGE_EVERY_MS = 60_000;

export function queueOperations(open: () => Promise<State>): QueueOperations {
  return {
    async CreateQueue(input, context) {
      const { directory, nextSeq } = await open();
      const name = { ...scopeOf(context), name: input.QueueName ?? "" };
      const asked = definedValues(input.Attributes);
      const fifo = asked["FifoQueue"] === "true";
      checkQueueName(name.name, fifo);
      const attributes = changeAttributes({}, asked, fifo);
      const existing = directory.find(name);
      if (existing === undefined) {
        checkRedrive(directory, attributes, { ...name, fifo });
        if ((await directory.deletedAt(name)) !== undefined) throw errors.queueDeletedRecently();
      }
      const tags = definedValues(input.tags);
      checkTags(name.name, tags);
      const made =
        existing ?? (await directory.create({ ...name, id: nextSeq(), boxId: nextSeq(), attributes, tags }));
      const other = firstDifference(made.attributes, asked, made.fifo);
      if (other !== undefined) throw errors.queueNameExists(other);
      return { QueueUrl: queueUrl(context.endpoint, made, context.region) };
    },

    async GetQueueUrl(input, context) {
      const { directory } = await open();
      const accountId = input.QueueOwnerAWSAccountId ?? context.accountId;
      const queue = directory.get({ accountId, region: context.region, name: input.QueueName ?? "" });
      return { QueueUrl: queueUrl(context.endpoint, queue, context.region) };
    },

    async ListQueues(input, context) {
      const { directory } = await open();
      const prefix = input.QueueNamePrefix ?? "";
      const named = directory.list(context).filter(({ name }) => name.startsWith(prefix));
      const page = pageOf(named, input, { prefix });
      return {
        ...(page.queues.length === 0 ? {} : { QueueUrls: page.queues.map((queue) => urlOf(queue, context)) }),
        ...page.next,
      };
    },

    async DeleteQueue(input, context) {
      const state = await open();
      const name = parseQueueUrl(input.QueueUrl ?? "", context.region);
      const queue = state.directory.get(name);
      await state.directory.remove(name);
      state.waiting.forget(queue.id);
      state.housekeeping.due(context.clock.now());
      return {};
    },

    async PurgeQueue(input, context) {
      const state = await open();
      const queue = state.directory.get(parseQueueUrl(input.QueueUrl ?? "", context.region));
      const sinceMs = context.clock.now() - (queue.purgedAt ?? -Infinity);
      if (sinceMs < PURGE_EVERY_MS) throw errors.purgeInProgress(queue.name);
      await state.directory.purge(queue, state.nextSeq());
      state.housekeeping.due(context.clock.now());
      return {};
    },

    async GetQueueAttributes(input, context) {
      const state = await open();
      const queue = state.directory.get(parseQueueUrl(input.QueueUrl ?? "", context.region));
      const names: string[] = input.AttributeNames ?? [];
      checkAttributeNames(names);
      if (names.length === 0) return {};
      const all = await attributesOf(state, queue, names, context.clock.now());
      const wanted = names.includes("All")
        ? all
        : Object.fromEntries(Object.entries(all).filter(([name]) => names.includes(name)));
      return Object.keys(wanted).length === 0 ? {} : { Attributes: wanted };
    },

    async SetQueueAttributes(input, context) {
      const state = await open();
      const { directory, waiting } = state;
      const name = parseQueueUrl(input.QueueUrl ?? "", context.region);
      const change = definedValues(input.Attributes);
      const before = directory.get(name);
      const after = await directory.update(
        name,
        (queue) => {
          const attributes = changeAttributes(queue.attributes, change, queue.fifo);
          if (change["RedrivePolicy"] !== undefined) checkRedrive(directory, attributes, queue);
          return { attributes };
        },
        (queue) => delayAgain(before, queue),
      );
      // Less delay or retention may be due at once.
      waiting.wake(after.id, Infinity);
      state.housekeeping.due(context.clock.now());
      return {};
    },

    async ListDeadLetterSourceQueues(input, context) {
      const { directory } = await open();
      const queue = directory.get(parseQueueUrl(input.QueueUrl ?? "", context.region));
      const page = pageOf(sourcesOf(directory, queue), input, { of: queue.arn });
      return { queueUrls: page.queues.map((source) => urlOf(source, context)), ...page.next };
    },

    async TagQueue(input, context) {
      const { directory } = await open();
      const added = definedValues(input.Tags);
      await directory.update(parseQueueUrl(input.QueueUrl ?? "", context.region), (queue) => {
        if (Object.keys(added).length === 0) throw errors.missingParameter("Tags");
        const tags = { ...queue.tags, ...added };
        checkTags(queue.name, tags);
        return { tags };
      });
      return {};
    },

    async UntagQueue(input, context) {
      const { directory } = await open();
      const gone = new Set(input.TagKeys ?? []);
      await directory.update(parseQueueUrl(input.QueueUrl ?? "", context.region), (queue) => {
        if (gone.size === 0) throw errors.tagKeyLength();
        return { tags: Object.fromEntries(Object.entries(queue.tags).filter(([key]) => !gone.has(key))) };
      });
      return {};
    },

    async ListQueueTags(input, context) {
      const { directory } = await open();
      const { tags } = directory.get(parseQueueUrl(input.QueueUrl ?? "", context.region));
      return Object.keys(tags).length === 0 ? {} : { Tags: { ...tags } };
    },
  };
}

function scopeOf({ accountId, region }: RequestContext): { accountId: string; region: string } {
  return { accountId, region };
}

function urlOf(queue: Queue, context: RequestContext): string {
  return queueUrl(context.endpoint, queue, context.region);
}

function definedValues(map: Record<string, string | undefined> | undefined): Record<string, string> {
  const defined = Object.entries(map ?? {}).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  );
  return Object.fromEntries(defined);
}

/** Refuses a redrive policy whose target is not there, of another type, or does not want it. */
function checkRedrive(
  directory: Directory,
  attributes: Attributes,
  source: QueueName & { readonly fifo: boolean },
): void {
  const text = attributes["RedrivePolicy"];
  if (text === undefined) return;
  const refuse = (reason: string): Error => errors.invalidValue(text, "RedrivePolicy", reason);
  const target = directory.byArn(parseRedrivePolicy(text).deadLetterTargetArn);
  if (target === undefined) throw refuse("Dead letter target does not exist.");
  if (target.fifo !== source.fifo)
    throw refuse("Dead-letter queue must be same type of queue as the source.");
  if (target.accountId !== source.accountId || target.region !== source.region) {
    throw refuse("Dead-letter queue must be in the same account and region as the source.");
  }
  if (!allowsRedrive(target.settings.redriveAllow, queueArn(source))) {
    throw refuse("The redrive allow policy of the dead-letter queue does not permit this source queue.");
  }
}

function sourcesOf(directory: Directory, target: Queue): readonly Queue[] {
  return directory.list(target).filter((queue) => queue.settings.redrive?.deadLetterTargetArn === target.arn);
}

/** A FIFO queue's new delay also holds for what already waits in it; a standard queue's does not. */
function delayAgain(before: Queue, after: Queue): { sql: string; params: number[] }[] {
  const changeMs = after.settings.delayMs - before.settings.delayMs;
  if (!after.fifo || changeMs === 0) return [];
  const params = [after.settings.delayMs, after.boxId];
  return [
    {
      sql: "UPDATE sqs_messages SET visible_at = sent_at + ? WHERE box_id = ? AND receive_count = 0",
      params,
    },
    {
      sql: `UPDATE sqs_groups SET ready_at = ready_at + ? WHERE box_id = ? AND NOT EXISTS (
        SELECT 1 FROM sqs_messages m WHERE m.box_id = sqs_groups.box_id AND m.group_id = sqs_groups.group_id
          AND m.receive_count > 0)`,
      params: [changeMs, after.boxId],
    },
  ];
}

function pageOf(
  queues: readonly Queue[],
  input: { readonly MaxResults?: number | undefined; readonly NextToken?: string | undefined },
  question: Readonly<Record<string, string>>,
): { queues: readonly Queue[]; next: { NextToken?: string } } {
  const { MaxResults: max, NextToken: token } = input;
  if (max !== undefined && (max < 1 || max > PAGE_MAX)) {
    throw errors.invalidValue(max, "MaxResults", "MaxResults must be an integer between 1 and 1000");
  }
  const after = token === undefined ? undefined : openToken(token, question);
  const rest = after === undefined ? queues : queues.filter(({ name }) => name > after);
  const shown = rest.slice(0, max ?? PAGE_MAX);
  // Without MaxResults the answer is cut off at a thousand and says nothing of the rest, as on AWS.
  if (max === undefined || rest.length <= max) return { queues: shown, next: {} };
  return { queues: shown, next: { NextToken: nextToken(shown.at(-1)?.name ?? "", question) } };
}

async function attributesOf(
  state: State,
  queue: Queue,
  names: readonly string[],
  now: number,
): Promise<Record<string, string>> {
  const isCounted = names.some((name) => name === "All" || name.startsWith("Approximate"));
  const counts = isCounted ? await countMessages(state.database, queue, now) : undefined;
  return {
    ...shownAttributes(queue.attributes, queue.fifo),
    QueueArn: queue.arn,
    CreatedTimestamp: seconds(queue.createdAt),
    LastModifiedTimestamp: seconds(queue.modifiedAt),
    ...(counts === undefined
      ? {}
      : {
          ApproximateNumberOfMessages: String(counts.visible),
          ApproximateNumberOfMessagesNotVisible: String(counts.inFlight),
          ApproximateNumberOfMessagesDelayed: String(counts.delayed),
        }),
  };
}

function seconds(ms: number): string {
  return String(Math.floor(ms / 1000));
}
