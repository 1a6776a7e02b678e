/** Targets of rules. */
import { Conflict } from "../../ports/database.ts";
import type { Deps, EventsOperations } from "./deps.ts";
import * as errors from "./errors.ts";
import { busOf, ruleOf } from "./lookup.ts";
import { EVENTS_LIMITS } from "./model.ts";
import { openToken, pageOf } from "./page-token.ts";
import { putTarget, removeTarget } from "./store.ts";
import { targetFrom } from "./targets.ts";

export function targetOperations(deps: Deps): EventsOperations {
  const { store, router } = deps;

  return {
    async PutTargets(input, context) {
      const rule = await ruleOf(deps, context, input.EventBusName, input.Rule);
      const targets = (input.Targets ?? []).map((target) => targetFrom({ ...target }));
      try {
        await store.commit(targets.map((target) => putTarget(rule, target)));
      } catch (error) {
        if (!(error instanceof Conflict)) throw error;
        const isGone = (await store.rule(rule)) === undefined;
        throw isGone ? errors.ruleNotFound(rule.rule, rule.bus) : errors.limitExceeded();
      }
      router.forget(rule);
      return { FailedEntryCount: 0, FailedEntries: [] };
    },

    async RemoveTargets(input, context) {
      const rule = await ruleOf(deps, context, input.EventBusName, input.Rule);
      await store.commit((input.Ids ?? []).map((id) => removeTarget(rule, id)));
      router.forget(rule);
      return { FailedEntryCount: 0, FailedEntries: [] };
    },

    async ListTargetsByRule(input, context) {
      const rule = await ruleOf(deps, context, input.EventBusName, input.Rule);
      const question = ["targets", rule.bus, rule.rule];
      const limit = input.Limit ?? EVENTS_LIMITS.pageDefault;
      const after = openToken(input.NextToken, question);
      const found = await store.targets(rule, { after, limit: limit + 1 });
      const page = pageOf(found, limit, ({ Id }) => Id, question);
      return { Targets: page.shown.map((target) => ({ ...target })) as never[], ...page.next };
    },

    async ListRuleNamesByTarget(input, context) {
      const bus = await busOf(deps, context, input.EventBusName);
      const question = ["rules-by-target", bus.bus, input.TargetArn];
      const limit = input.Limit ?? EVENTS_LIMITS.pageDefault;
      const after = openToken(input.NextToken, question);
      const found = await store.ruleNamesByTarget(bus, input.TargetArn ?? "", { after, limit: limit + 1 });
      const page = pageOf(found, limit, (name) => name, question);
      return { RuleNames: [...page.shown], ...page.next };
    },
  };
}
