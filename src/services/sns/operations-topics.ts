import type { Tag } from "@aws-sdk/client-sns";
import type { Operations, RequestContext } from "../../aws/service.ts";
import { LIMITS } from "../../kernel/limits.ts";
import type { Scope } from "../../kernel/scope.ts";
import { checkDataProtection } from "./data-protection.ts";
import type { Entry } from "./directory.ts";
import * as errors from "./errors.ts";
import type { Topic } from "./model.ts";
import { checkTopicName, parseTopicArn, topicArn } from "./names.ts";
import { PAGE_AND_ONE, pageOf, startOf } from "./page.ts";
import { addPermission, removePermission } from "./policy.ts";
import type { State } from "./state.ts";
import { tagged, tagsOf, untagged } from "./tags.ts";
import * as attributes from "./topic-attributes.ts";

type Sns = typeof import("@aws-sdk/client-sns");

/** The topic a request names. Errors: InvalidParameter, NotFound. */
export async function topicOf(
  { directory }: State,
  arn: string | undefined,
  scope: Scope,
  parameter = "TopicArn",
): Promise<Entry> {
  parseTopicArn(arn ?? "", scope.region, parameter);
  const entry = await directory.find(arn ?? "");
  if (entry === undefined) throw errors.topicNotFound(arn ?? "");
  return entry;
}

export function topicOperations(state: State): Operations<Sns> {
  async function change(
    arn: string | undefined,
    scope: Scope,
    next: (topic: Topic) => Topic,
    parameter = "TopicArn",
  ): Promise<void> {
    const { directory } = state;
    parseTopicArn(arn ?? "", scope.region, parameter);
    await directory.change(arn ?? "", (entry) => {
      if (entry === undefined) throw errors.topicNotFound(arn ?? "");
      return { answer: undefined, topic: next(entry.topic) };
    });
  }

  async function changeTags(
    arn: string | undefined,
    next: (tags: Topic["tags"]) => Topic["tags"],
  ): Promise<void> {
    const { directory } = state;
    parseTopicArn(arn ?? "", undefined, "ResourceArn");
    await directory.change(arn ?? "", (entry) => {
      if (entry === undefined) throw errors.resourceNotFound();
      return { answer: undefined, topic: { ...entry.topic, tags: next(entry.topic.tags) } };
    });
  }

  return {
    async CreateTopic(input, context) {
      state.signer.prepare();
      return create(state, input, context);
    },
    async DeleteTopic({ TopicArn: arn = "" }, context) {
      const { directory } = state;
      parseTopicArn(arn, context.region);
      await directory.change<void>(arn, (entry) =>
        entry === undefined ? { answer: undefined } : { answer: undefined, topic: "gone" },
      );
      return {};
    },
    async GetTopicAttributes({ TopicArn: arn }, context) {
      const { topic, counts } = await topicOf(state, arn, context);
      return { Attributes: attributes.show(topic, counts()) };
    },
    async SetTopicAttributes(
      { TopicArn: arn, AttributeName: name = "", AttributeValue: value = "" },
      context,
    ) {
      await change(arn, context, (topic) => ({
        ...topic,
        attributes: attributes.afterSet(topic, name, value),
      }));
      return {};
    },
    async ListTopics({ NextToken: token }, context) {
      const start = startOf(token);
      const { directory } = state;
      const { page, next } = pageOf(await directory.topicsOf(context, start, PAGE_AND_ONE), (arn) => arn);
      const Topics = page.map((TopicArn) => ({ TopicArn }));
      return { Topics, ...(next === undefined ? {} : { NextToken: next }) };
    },
    async AddPermission({ TopicArn, Label: label = "", AWSAccountId = [], ActionName = [] }, context) {
      await change(TopicArn, context, (topic) => {
        const permission = { label, accountIds: AWSAccountId, actions: ActionName };
        const Policy = addPermission(topic, attributes.policyOf(topic), permission);
        return { ...topic, attributes: { ...topic.attributes, Policy } };
      });
      return {};
    },
    async RemovePermission({ TopicArn, Label: label = "" }, context) {
      await change(TopicArn, context, (topic) => {
        const Policy = removePermission(attributes.policyOf(topic), label);
        return { ...topic, attributes: { ...topic.attributes, Policy } };
      });
      return {};
    },
    async GetDataProtectionPolicy({ ResourceArn: arn }, context) {
      const { topic } = await topicOf(state, arn, context, "ResourceArn");
      return topic.dataProtection === undefined ? {} : { DataProtectionPolicy: topic.dataProtection };
    },
    async PutDataProtectionPolicy({ ResourceArn: arn, DataProtectionPolicy: text = "" }, context) {
      // The empty text takes the policy away.
      if (text !== "") checkDataProtection(text);
      await change(
        arn,
        context,
        ({ dataProtection: _before, ...topic }) => (text === "" ? topic : { ...topic, dataProtection: text }),
        "ResourceArn",
      );
      return {};
    },
    async ListTagsForResource({ ResourceArn: arn }) {
      parseTopicArn(arn ?? "", undefined, "ResourceArn");
      const entry = await state.directory.find(arn ?? "");
      if (entry === undefined) throw errors.resourceNotFound();
      return { Tags: shownTags(entry.topic) };
    },
    async TagResource({ ResourceArn: arn, Tags = [] }) {
      await changeTags(arn, (tags) => tagged(tags, Tags));
      return {};
    },
    async UntagResource({ ResourceArn: arn, TagKeys = [] }) {
      await changeTags(arn, (tags) => untagged(tags, TagKeys));
      return {};
    },
  };
}

async function create(
  state: State,
  input: {
    readonly Name?: string | undefined;
    readonly Attributes?: Record<string, string> | undefined;
    readonly Tags?: Tag[] | undefined;
    readonly DataProtectionPolicy?: string | undefined;
  },
  { accountId, region }: RequestContext,
): Promise<{ TopicArn: string }> {
  const { Name: name = "", Attributes: given = {}, Tags = [] } = input;
  const arn = topicArn({ accountId, region, name });
  const { fifo, attributes: own } = attributes.forCreate(given, arn);
  checkTopicName(name, fifo);
  const { DataProtectionPolicy: dataProtection } = input;
  if (dataProtection !== undefined) checkDataProtection(dataProtection);
  const tags = tagsOf(Tags);
  return state.directory.change(arn, async (entry) => {
    const answer = { TopicArn: arn };
    if (entry !== undefined) {
      checkSame(entry.topic, given, tags);
      return { answer };
    }
    const most = fifo ? LIMITS.snsFifoTopics : LIMITS.snsTopics;
    if ((await state.directory.countTopics({ accountId, region }, fifo)) >= most)
      throw errors.tooManyTopics();
    const id = state.random.uuid();
    return {
      answer,
      topic: {
        ...{ id, arn, name, accountId, region, fifo, attributes: own, tags, deleted: 0 },
        ...(dataProtection === undefined ? {} : { dataProtection }),
      },
    };
  });
}

/** A second CreateTopic may only say what is so already. */
function checkSame(before: Topic, given: Readonly<Record<string, string>>, tags: Topic["tags"]): void {
  if (!attributes.meansSame(before, given)) {
    throw errors.invalid("Attributes Reason: Topic already exists with different attributes");
  }
  if (Object.entries(tags).some(([key, value]) => before.tags[key] !== value)) {
    throw errors.invalid("Tags Reason: Topic already exists with different tags");
  }
}

function shownTags({ tags }: Topic): Tag[] {
  return Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
}
