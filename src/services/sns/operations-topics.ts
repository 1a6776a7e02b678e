import type { Tag } from "@aws-sdk/client-sns";
import type { Operations, RequestContext } from "../../aws/service.ts";
import type { Scope } from "../../kernel/scope.ts";
import * as errors from "./errors.ts";
import type { Topic } from "./model.ts";
import { checkTopicName, parseTopicArn, topicArn } from "./names.ts";
import { pageOf } from "./page.ts";
import { addPermission, removePermission } from "./policy.ts";
import type { State } from "./state.ts";
import { tagged, tagsOf, untagged } from "./tags.ts";
import * as attributes from "./topic-attributes.ts";

type Sns = typeof import("@aws-sdk/client-sns");

/** The topic a request names. Errors: InvalidParameter, NotFound. */
export function topicOf(state: State, arn: string | undefined, scope: Scope, parameter = "TopicArn"): Topic {
  parseTopicArn(arn ?? "", scope.region, parameter);
  const topic = state.directory.topic(arn ?? "");
  if (topic === undefined) throw errors.topicNotFound(arn ?? "");
  return topic;
}

export function topicOperations(open: () => Promise<State>): Operations<Sns> {
  /** Changes a topic, one change after the other. */
  async function change(arn: string | undefined, scope: Scope, next: (topic: Topic) => Topic): Promise<void> {
    const state = await open();
    await state.directory.exclusive(async () => {
      const topic = next(topicOf(state, arn, scope));
      await state.directory.commit([{ put: "topic", topic }]);
    });
  }

  async function changeTags(
    arn: string | undefined,
    next: (tags: Topic["tags"]) => Topic["tags"],
  ): Promise<void> {
    const state = await open();
    await state.directory.exclusive(async () => {
      const topic = taggedTopic(state, arn);
      await state.directory.commit([{ put: "topic", topic: { ...topic, tags: next(topic.tags) } }]);
    });
  }

  return {
    async CreateTopic(input, context) {
      const state = await open();
      state.signer.prepare();
      return state.directory.exclusive(() => create(state, input, context));
    },
    async DeleteTopic({ TopicArn: arn }, context) {
      const state = await open();
      parseTopicArn(arn ?? "", context.region);
      await state.directory.exclusive(async () => {
        if (state.directory.topic(arn ?? "") === undefined) return;
        await state.directory.commit([{ remove: "topic", arn: arn ?? "" }]);
      });
      return {};
    },
    async GetTopicAttributes({ TopicArn: arn }, context) {
      const state = await open();
      const topic = topicOf(state, arn, context);
      return { Attributes: attributes.show(topic, state.directory.counts(topic.arn)) };
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
      const { directory } = await open();
      const { page, next } = pageOf(directory.topicsOf(context), token, (topic) => topic.arn);
      const Topics = page.map(({ arn }) => ({ TopicArn: arn }));
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
    async ListTagsForResource({ ResourceArn: arn }) {
      return { Tags: shownTags(taggedTopic(await open(), arn)) };
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
  const { fifo, attributes: own } = attributes.forCreate(given);
  checkTopicName(name, fifo);
  if (input.DataProtectionPolicy !== undefined) {
    throw errors.unsupported(
      "DataProtectionPolicy",
      "messages are not looked through for personal data here",
    );
  }
  const tags = tagsOf(Tags);
  const arn = topicArn({ accountId, region, name });
  const before = state.directory.topic(arn);
  if (before === undefined) {
    const topic: Topic = {
      id: state.random.uuid(),
      arn,
      name,
      accountId,
      region,
      fifo,
      attributes: own,
      tags,
      deleted: 0,
    };
    await state.directory.commit([{ put: "topic", topic }]);
    return { TopicArn: arn };
  }
  if (!attributes.meansSame(before, given)) {
    throw errors.invalid("Attributes Reason: Topic already exists with different attributes");
  }
  if (Object.entries(tags).some(([key, value]) => before.tags[key] !== value)) {
    throw errors.invalid("Tags Reason: Topic already exists with different tags");
  }
  return { TopicArn: arn };
}

function taggedTopic(state: State, arn: string | undefined): Topic {
  parseTopicArn(arn ?? "", undefined, "ResourceArn");
  const topic = state.directory.topic(arn ?? "");
  if (topic === undefined) throw errors.resourceNotFound();
  return topic;
}

function shownTags({ tags }: Topic): Tag[] {
  return Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
}
