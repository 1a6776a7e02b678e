/** Tags of buses and rules, by ARN. */
import type { Deps, EventsOperations } from "./deps.ts";
import * as errors from "./errors.ts";
import { busAt, ruleAt } from "./lookup.ts";
import { parseBusArn, parseRuleArn } from "./names.ts";
import { putTags, removeTags } from "./store.ts";
import { tagList, tagsFrom } from "./tags.ts";

export function tagOperations(deps: Deps): EventsOperations {
  const { store } = deps;

  /** Errors: ResourceNotFoundException, ValidationException. */
  async function resourceOf(arn: string | undefined): Promise<string> {
    const rule = parseRuleArn(arn ?? "");
    const bus = parseBusArn(arn ?? "") ?? rule;
    if (arn === undefined || bus === undefined) {
      throw errors.validation(
        `Parameter ${String(arn)} is not valid. Reason: Provided Arn is not in correct format.`,
      );
    }
    await busAt(deps, bus);
    if (rule !== undefined) await ruleAt(deps, rule, rule.rule);
    return arn;
  }

  return {
    async TagResource(input) {
      const arn = await resourceOf(input.ResourceARN);
      await store.commit(putTags(arn, tagsFrom(input.Tags, await store.tags(arn))));
      return {};
    },

    async UntagResource(input) {
      const arn = await resourceOf(input.ResourceARN);
      await store.commit(removeTags(arn, input.TagKeys ?? []));
      return {};
    },

    async ListTagsForResource(input) {
      const arn = await resourceOf(input.ResourceARN);
      return { Tags: tagList(await store.tags(arn)) };
    },
  };
}
