/** Rules. */
import { Conflict } from "../../ports/database.ts";
import type { Deps, EventsOperations } from "./deps.ts";
import * as errors from "./errors.ts";
import { busOf, ruleOf } from "./lookup.ts";
import { EVENTS_LIMITS, type Rule, type RuleState } from "./model.ts";
import { ruleArn, type RuleKey } from "./names.ts";
import { openToken, pageOf } from "./page-token.ts";
import { ruleFrom, withState } from "./rules.ts";
import { deleteRule, putRule, putTags, updateState } from "./store.ts";
import { tagsFrom } from "./tags.ts";
import type { Scope } from "../../kernel/scope.ts";

export function ruleOperations(deps: Deps): EventsOperations {
  const { store, clock, router, scheduler } = deps;

  function changed(rule: RuleKey): void {
    router.forget(rule);
    scheduler.changed();
  }

  async function setState(
    scope: Scope,
    bus: string | undefined,
    name: string | undefined,
    state: RuleState,
  ): Promise<void> {
    const rule = await ruleOf(deps, scope, bus, name);
    try {
      await store.commit([updateState(withState(rule, state, clock.now()))]);
    } catch (error) {
      if (error instanceof Conflict) throw errors.ruleNotFound(rule.rule, rule.bus);
      throw error;
    }
    changed(rule);
  }

  return {
    async PutRule(input, context) {
      const bus = await busOf(deps, context, input.EventBusName);
      const { accountId, region } = bus;
      const key = { accountId, region, bus: bus.bus, rule: input.Name ?? "" };
      const before = await store.rule(key);
      const rule = ruleFrom(key, input, before, clock.now());
      const arn = ruleArn(key);
      const tags = before === undefined ? putTags(arn, tagsFrom(input.Tags)) : [];
      try {
        await store.commit([putRule(rule), ...tags]);
      } catch (error) {
        if (!(error instanceof Conflict)) throw error;
        throw (await store.bus(bus)) === undefined ? errors.busNotFound(bus.bus) : errors.limitExceeded();
      }
      changed(rule);
      return { RuleArn: arn };
    },

    async DescribeRule(input, context) {
      const rule = await ruleOf(deps, context, input.EventBusName, input.Name);
      return { ...shown(rule), CreatedBy: rule.accountId };
    },

    async ListRules(input, context) {
      const bus = await busOf(deps, context, input.EventBusName);
      const question = ["rules", bus.bus, input.NamePrefix];
      const limit = input.Limit ?? EVENTS_LIMITS.pageDefault;
      const after = openToken(input.NextToken, question);
      const found = await store.rules(bus, { prefix: input.NamePrefix, after, limit: limit + 1 });
      const page = pageOf(found, limit, ({ rule }) => rule, question);
      return { Rules: page.shown.map(shown), ...page.next };
    },

    async EnableRule(input, context) {
      await setState(context, input.EventBusName, input.Name, "ENABLED");
      return {};
    },

    async DisableRule(input, context) {
      await setState(context, input.EventBusName, input.Name, "DISABLED");
      return {};
    },

    async DeleteRule(input, context) {
      const bus = await busOf(deps, context, input.EventBusName);
      const { accountId, region } = bus;
      const key = { accountId, region, bus: bus.bus, rule: input.Name ?? "" };
      if ((await store.rule(key)) === undefined) return {};
      try {
        await store.commit(deleteRule(key));
      } catch (error) {
        if (!(error instanceof Conflict)) throw error;
        if ((await store.rule(key)) === undefined) return {};
        throw errors.validation(
          "Rule can't be deleted since it has targets.",
          "aws events remove-targets --rule … --ids … first",
        );
      }
      changed(key);
      return {};
    },
  };
}

function shown(rule: Rule) {
  return {
    Name: rule.rule,
    Arn: ruleArn(rule),
    EventPattern: rule.pattern,
    ScheduleExpression: rule.schedule,
    State: rule.state,
    Description: rule.description,
    RoleArn: rule.roleArn,
    EventBusName: rule.bus,
  };
}
