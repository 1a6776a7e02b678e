/**
 * From events to deliveries.
 *
 *   1. The rules of a bus are read once, compiled and kept until one of them changes here.
 *   2. An event is flattened once for all patterns of its bus; each rule that matches gives one
 *      delivery a target.
 *   3. All deliveries of a request are one unit: what was answered is delivered.
 *
 * An event that came from another bus goes to no third one: so loops end. That, and a template that
 * makes no JSON, is told in the target's dead-letter queue.
 */
import type { Logger } from "../../kernel/log.ts";
import type { Random } from "../../kernel/random.ts";
import { deadLetterAttributes } from "../../events/outbox/dead-letter.ts";
import { compilePattern } from "../../events/pattern/compile.ts";
import { flatten, matchesFlat, type Pattern } from "../../events/pattern/pattern.ts";
import type { Delivery } from "../../ports/outbox.ts";
import type { BusEvent } from "./event.ts";
import { EVENTS_LIMITS, type Rule, type Target } from "./model.ts";
import { busId, type BusKey, parseBusArn, ruleArn } from "./names.ts";
import type { EventsStore } from "./store.ts";
import { compileTransform, type Transform } from "./transform.ts";

export interface Router {
  /**
   * Of one event on one bus; none where there is no such bus.
   * @param only ARNs of the rules that may be asked; all when there is none
   */
  deliveries(bus: BusKey, event: BusEvent, only?: readonly string[]): Promise<readonly Delivery[]>;
  /** Of one rule, whether its pattern matches or not: for schedules. */
  deliveriesOf(rule: Rule, event: BusEvent): Promise<readonly Delivery[]>;
  /** Something of the bus has changed. */
  forget(bus: BusKey): void;
}

interface Route {
  readonly rule: Rule;
  readonly pattern: Pattern | undefined;
  readonly targets: readonly RoutedTarget[];
}

interface RoutedTarget {
  readonly target: Target;
  readonly transform: Transform;
  /** Where the target is a bus. */
  readonly bus: BusKey | undefined;
}

interface Failure {
  readonly code: string;
  readonly message: string;
}

const INVALID_JSON: Failure = {
  code: "INVALID_JSON",
  message: "the input template makes no valid JSON of this event",
};

function hopFailure(bus: BusKey, rule: Rule): Failure {
  return {
    code: bus.region === rule.region ? "THIRD_ACCOUNT_HOP_DETECTED" : "THIRD_REGION_HOP_DETECTED",
    message: "Events received from another event bus cannot be forwarded to this event bus.",
  };
}

interface Routes {
  readonly routes: readonly Route[];
  readonly paths: ReadonlySet<string>;
}

export interface RouterDeps {
  readonly store: EventsStore;
  readonly random: Random;
  readonly log: Logger;
}

const BUSES_MAX = 200;
const RULES_READ = 10_000;
const PATTERNS_MAX = 5_000;

export function createRouter({ store, random, log }: RouterDeps): Router {
  /** Promises, so that what was forgotten while it was read is read again. */
  const known = new Map<string, Promise<Routes>>();
  /** By text: one rule that changes does not compile the others of its bus again. */
  const patterns = new Map<string, Pattern>();

  function compiled(text: string): Pattern {
    const found = patterns.get(text);
    if (found !== undefined) return found;
    if (patterns.size >= PATTERNS_MAX) patterns.clear();
    const pattern = compilePattern(text);
    patterns.set(text, pattern);
    return pattern;
  }

  function routesOf(key: BusKey): Promise<Routes> {
    const id = busId(key);
    const found = known.get(id);
    if (found !== undefined) return found;
    if (known.size >= BUSES_MAX) known.clear();
    const reading = readRoutes(key);
    known.set(id, reading);
    reading.catch(() => {
      if (known.get(id) === reading) known.delete(id);
    });
    return reading;
  }

  async function readRoutes(key: BusKey): Promise<Routes> {
    const rules = await store.rules(key, { limit: RULES_READ });
    const targets = Map.groupBy(await store.targetsOfBus(key), ({ rule }) => rule);
    const routes = rules
      .filter((rule) => rule.state !== "DISABLED")
      .map((rule) => ({
        rule,
        pattern: rule.pattern === undefined ? undefined : compiled(rule.pattern),
        targets: (targets.get(rule.rule) ?? []).map(({ target }) => routed(target)),
      }))
      .filter(({ targets: routedTargets }) => routedTargets.length > 0);
    return { routes, paths: new Set(routes.flatMap(({ pattern }) => [...(pattern?.paths ?? [])])) };
  }

  /** One delivery a target: to the target, or at once to its dead-letter queue. */
  function toTargets({ rule, targets }: Route, event: BusEvent): Delivery[] {
    return targets.flatMap(({ target, transform, bus }) => {
      if (bus !== undefined && event.forwarded)
        return undeliverable(target, rule, event, hopFailure(bus, rule));
      const body = transform(event, rule);
      if (body === undefined) return undeliverable(target, rule, event, INVALID_JSON);
      return [deliveryTo(target, rule, body, random.uuid(), event.traceHeader)];
    });
  }

  function undeliverable(target: Target, rule: Rule, event: BusEvent, failure: Failure): Delivery[] {
    log.warn(
      { rule: ruleArn(rule), target: target.Id, event: event.value.id, error: failure.code },
      `an event is not delivered: ${failure.message}`,
    );
    const deadLetterArn = target.DeadLetterConfig?.Arn;
    if (deadLetterArn === undefined) return [];
    const { Id, RetryPolicy = {} } = target;
    const letter = deliveryTo(
      { Id, Arn: deadLetterArn, RetryPolicy },
      rule,
      event.text,
      random.uuid(),
      undefined,
    );
    const about = { principal: letter.principal, sourceArn: letter.sourceArn, targetArn: target.Arn };
    const attributes = deadLetterAttributes(about, { ...failure, retryable: false }, "NotRetryable", 0);
    return [{ ...letter, attributes }];
  }

  return {
    async deliveries(bus, event, only = []) {
      const { routes, paths } = await routesOf(bus);
      if (routes.length === 0) return [];
      const flat = flatten(event.value, paths);
      return routes
        .filter(({ pattern }) => pattern !== undefined && matchesFlat(pattern, flat))
        .filter(({ rule }) => only.length === 0 || only.includes(ruleArn(rule)))
        .flatMap((route) => toTargets(route, event));
    },
    async deliveriesOf(rule, event) {
      const { routes } = await routesOf(rule);
      const route = routes.find((one) => one.rule.rule === rule.rule);
      return route === undefined ? [] : toTargets(route, event);
    },
    forget: (bus) => void known.delete(busId(bus)),
  };
}

function routed(target: Target): RoutedTarget {
  return { target, transform: compileTransform(target), bus: parseBusArn(target.Arn) };
}

function deliveryTo(
  target: Target,
  rule: Rule,
  body: string,
  id: string,
  traceHeader: string | undefined,
): Delivery {
  const { RetryPolicy: retry = {}, DeadLetterConfig: deadLetter, SqsParameters: sqs } = target;
  // A rule's own role is for buses alone: the other targets have policies.
  const roleArn = target.RoleArn ?? (parseBusArn(target.Arn) === undefined ? undefined : rule.roleArn);
  return {
    id,
    scope: { accountId: rule.accountId, region: rule.region },
    principal: "events.amazonaws.com",
    sourceArn: ruleArn(rule),
    targetArn: target.Arn,
    body,
    retry: {
      maxRetries: retry.MaximumRetryAttempts ?? EVENTS_LIMITS.retryAttemptsDefault,
      maxAgeMs: (retry.MaximumEventAgeInSeconds ?? EVENTS_LIMITS.eventAgeSecondsDefault) * 1_000,
    },
    ...(sqs?.MessageGroupId === undefined ? {} : { messageGroupId: sqs.MessageGroupId }),
    ...(deadLetter?.Arn === undefined ? {} : { deadLetterArn: deadLetter.Arn }),
    ...(roleArn === undefined ? {} : { roleArn }),
    ...(traceHeader === undefined ? {} : { traceHeader }),
  };
}
