import type { Operations } from "../../aws/service.ts";
import type { Scope } from "../../kernel/scope.ts";
import type { Deps } from "./deps.ts";
import * as errors from "./errors.ts";
import { groupOf } from "./lookup.ts";
import * as model from "./model.ts";

type TagOperations = Operations<typeof import("@aws-sdk/client-cloudwatch-logs")>;

/** Only groups have tags here; destinations and the like do not exist. */
export function tagOperations(deps: Deps): TagOperations {
  const { store } = deps;

  async function add(group: model.LogGroup, tags: model.Tags): Promise<Record<string, never>> {
    model.checkTags(await store.tags(group.groupId), tags);
    await store.putTags(group.groupId, tags);
    return {};
  }

  async function groupByArn(scope: Scope, arn: string | undefined): Promise<model.LogGroup> {
    const named = model.parseGroupArn(arn ?? "");
    const here = named?.accountId === scope.accountId && named.region === scope.region;
    if (named === undefined || !here) throw errors.resourceNotFound();
    return groupOf(deps, scope, named.name);
  }

  return {
    async TagLogGroup(input, context) {
      return add(await groupOf(deps, context, input.logGroupName ?? ""), input.tags ?? {});
    },
    async UntagLogGroup(input, context) {
      const group = await groupOf(deps, context, input.logGroupName ?? "");
      await store.removeTags(group.groupId, input.tags ?? []);
      return {};
    },
    async ListTagsLogGroup(input, context) {
      const group = await groupOf(deps, context, input.logGroupName ?? "");
      return { tags: { ...(await store.tags(group.groupId)) } };
    },
    async TagResource(input, context) {
      return add(await groupByArn(context, input.resourceArn), input.tags ?? {});
    },
    async UntagResource(input, context) {
      const group = await groupByArn(context, input.resourceArn);
      await store.removeTags(group.groupId, input.tagKeys ?? []);
      return {};
    },
    async ListTagsForResource(input, context) {
      const group = await groupByArn(context, input.resourceArn);
      return { tags: { ...(await store.tags(group.groupId)) } };
    },
  };
}
