import type { Operations, RequestContext } from "../../aws/service.ts";
import { arnParts } from "../../kernel/arn.ts";
import * as errors from "./errors.ts";
import { checkEndpoint, protocolOf, shownEndpoint } from "./endpoint.ts";
import { needsConfirmation } from "./confirmation.ts";
import type { FanOut } from "./fan-out.ts";
import type { Subscription } from "./model.ts";
import { parseSubscriptionArn, parseTopicArn } from "./names.ts";
import { topicOf } from "./operations-topics.ts";
import { pageOf } from "./page.ts";
import type { State } from "./state.ts";
import * as attributes from "./subscription-attributes.ts";

type Sns = typeof import("@aws-sdk/client-sns");

/** Characters of a token. */
const TOKEN_LENGTH = 288;
const NOTHING: FanOut = { deliveries: [], mails: [] };

/** AWS's word for the ARN of a subscription that nobody has confirmed, as Subscribe answers. */
const PENDING = "pending confirmation";

export function subscriptionOperations(open: () => Promise<State>): Operations<Sns> {
  return {
    async Subscribe(input, context) {
      const state = await open();
      state.signer.prepare();
      return state.directory.exclusive(() => subscribe(state, input, context));
    },
    async ConfirmSubscription({ TopicArn: arn = "", Token: token = "", AuthenticateOnUnsubscribe }, context) {
      const state = await open();
      const asked = AuthenticateOnUnsubscribe?.toLowerCase() === "true" && isSigned(context);
      return state.directory.exclusive(() => confirm(state, arn, token, asked, context));
    },
    async Unsubscribe({ SubscriptionArn: arn = "" }, context) {
      const state = await open();
      parseSubscriptionArn(arn);
      await state.directory.exclusive(() => unsubscribe(state, arn, context));
      return {};
    },
    async GetSubscriptionAttributes({ SubscriptionArn: arn = "" }, context) {
      const state = await open();
      const subscription = find(state, arn, context);
      const shown = attributes.show(subscription, state.directory.topic(subscription.topicArn));
      return { Attributes: { ...shown, Endpoint: shownEndpoint(subscription.endpoint) } };
    },
    async SetSubscriptionAttributes(input, context) {
      const { SubscriptionArn: arn = "", AttributeName: name = "", AttributeValue: value = "" } = input;
      const state = await open();
      await state.directory.exclusive(async () => {
        const before = find(state, arn, context);
        const topic = state.directory.topic(before.topicArn);
        if (topic === undefined) throw errors.subscriptionNotFound();
        const about = { topic, protocol: before.protocol, endpoint: before.endpoint };
        const after = { ...before, attributes: attributes.afterSet(before, about, name, value) };
        await state.directory.commit([{ put: "subscription", subscription: after }]);
      });
      return {};
    },
    async ListSubscriptions({ NextToken: token }, context) {
      const { directory } = await open();
      return shownPage(directory.ofOwner(context), token);
    },
    async ListSubscriptionsByTopic({ TopicArn: arn, NextToken: token }, context) {
      const state = await open();
      const topic = topicOf(state, arn, context);
      return shownPage(state.directory.ofTopic(topic.arn), token);
    },
  };
}

interface SubscribeInput {
  readonly TopicArn?: string | undefined;
  readonly Protocol?: string | undefined;
  readonly Endpoint?: string | undefined;
  readonly Attributes?: Record<string, string> | undefined;
  readonly ReturnSubscriptionArn?: boolean | undefined;
}

async function subscribe(
  state: State,
  input: SubscribeInput,
  context: RequestContext,
): Promise<{ SubscriptionArn: string }> {
  const { clock, random, directory } = state;
  const topic = topicOf(state, input.TopicArn, context);
  const protocol = protocolOf(input.Protocol ?? "");
  const endpoint = checkEndpoint(
    topic,
    protocol,
    input.Endpoint,
    (arn) => state.platforms.endpoint(arn) !== undefined,
  );
  const given = input.Attributes ?? {};
  const answer = ({ arn, pending }: Subscription): { SubscriptionArn: string } => ({
    SubscriptionArn: pending && input.ReturnSubscriptionArn !== true ? PENDING : arn,
  });

  const own = attributes.forSubscribe(given, { topic, protocol, endpoint });
  const before = directory
    .ofTopic(topic.arn)
    .find((one) => one.protocol === protocol && one.endpoint === endpoint);
  if (before !== undefined) {
    if (!attributes.meansSame(before, own)) {
      throw errors.invalid(
        "Attributes Reason: Subscription already exists with different attributes",
        "aws sns set-subscription-attributes changes a subscription that exists",
      );
    }
    // Who lost the first message asks for another.
    if (before.pending) await tell(state, before, "SubscriptionConfirmation", context, before);
    return answer(before);
  }
  const subscription: Subscription = {
    arn: `${topic.arn}:${random.uuid()}`,
    topicArn: topic.arn,
    owner: context.accountId,
    principal: context.caller.arn,
    protocol,
    endpoint,
    attributes: own,
    pending: needsConfirmation(protocol, endpoint, context.accountId),
    authenticated: false,
    authenticateOnUnsubscribe: false,
    token: random.hex(TOKEN_LENGTH),
    createdAt: clock.now(),
  };
  if (subscription.pending)
    await tell(state, subscription, "SubscriptionConfirmation", context, subscription);
  else {
    const confirmed = { ...subscription, authenticated: true, authenticateOnUnsubscribe: true };
    await directory.commit([{ put: "subscription", subscription: confirmed }]);
  }
  return answer(subscription);
}

/** Commits a subscription with the message that its endpoint is to be sent about it. */
async function tell(
  state: State,
  subscription: Subscription,
  type: "SubscriptionConfirmation" | "UnsubscribeConfirmation",
  context: RequestContext,
  after: Subscription,
): Promise<void> {
  const topic = state.directory.topic(subscription.topicArn);
  const out =
    topic === undefined
      ? NOTHING
      : await state.confirmation.message(topic, subscription, type, context.endpoint);
  const isEnd = type === "UnsubscribeConfirmation" && topic !== undefined;
  await state.directory.commit(
    [
      { put: "subscription", subscription: after },
      ...(isEnd ? [{ put: "topic" as const, topic: { ...topic, deleted: topic.deleted + 1 } }] : []),
    ],
    state.within(out),
  );
  state.sent(out);
}

/** The token says which subscription; of the topic only the region is looked at, as AWS does. */
async function confirm(
  state: State,
  topicArn: string,
  token: string,
  authenticateOnUnsubscribe: boolean,
  context: RequestContext,
): Promise<{ SubscriptionArn: string }> {
  if (!/^arn:[^:]+:sns:[^:]+:[^:]*:[^:]+$/u.test(topicArn)) throw errors.invalid("Topic");
  const before = state.directory.byToken(token);
  if (before === undefined)
    throw errors.invalid("Token", "a token confirms within two days; subscribe again for another");
  const { region } = parseTopicArn(topicArn, undefined);
  if (region !== parseSubscriptionArn(before.arn).region) throw errors.invalid("Topic");
  if (before.pending || before.removedAt !== undefined) {
    const { removedAt: _removed, ...kept } = before;
    const subscription: Subscription = {
      ...kept,
      pending: false,
      authenticated: isSigned(context),
      authenticateOnUnsubscribe,
    };
    await state.directory.commit([{ put: "subscription", subscription }]);
  }
  return { SubscriptionArn: before.arn };
}

/** What ends over HTTP or by mail can be brought back, by who gets the message about it. */
async function unsubscribe(state: State, arn: string, context: RequestContext): Promise<void> {
  const { directory, clock } = state;
  const subscription = directory.subscription(arn);
  if (subscription === undefined) return;
  if (subscription.authenticateOnUnsubscribe && !isSigned(context)) {
    throw errors.notAuthorized(
      `User: anonymous is not authorized to perform: SNS:Unsubscribe on resource: ${arn}`,
      "this subscription was confirmed with a signed request: sign this one too",
    );
  }
  if (isSigned(context)) checkOwner(subscription, context);
  const { protocol, topicArn } = subscription;
  const topic = directory.topic(topicArn);
  const isTold = !subscription.pending && ["http", "https", "email", "email-json"].includes(protocol);
  if (isTold && topic !== undefined) {
    const removed = { ...subscription, removedAt: clock.now() };
    return tell(state, subscription, "UnsubscribeConfirmation", context, removed);
  }
  await directory.commit([
    { remove: "subscription", subscription },
    ...(topic === undefined
      ? []
      : [{ put: "topic" as const, topic: { ...topic, deleted: topic.deleted + 1 } }]),
  ]);
}

/** A link in a mail or a message is visited without a key. */
function isSigned({ caller }: RequestContext): boolean {
  return caller.kind !== "anonymous" && (caller.kind !== "root" || caller.accessKeyId !== undefined);
}

/** A subscription is its owner's and its topic's owner's, whatever their policies say of others. */
function checkOwner(subscription: Subscription, context: RequestContext): void {
  const { owner, topicArn } = subscription;
  if (context.accountId === owner || context.accountId === arnParts(topicArn).accountId) return;
  const action = `SNS:${context.operation}`;
  throw errors.notAuthorized(
    `User: ${context.caller.arn} is not authorized to perform: ${action} on resource: ${topicArn}`,
    "only who subscribed and who owns the topic may",
  );
}

function find(state: State, arn: string, context: RequestContext): Subscription {
  parseSubscriptionArn(arn);
  const subscription = state.directory.subscription(arn);
  if (subscription === undefined) throw errors.subscriptionNotFound();
  checkOwner(subscription, context);
  return subscription;
}

interface ShownPage {
  readonly Subscriptions: {
    SubscriptionArn: string;
    Owner: string;
    Protocol: string;
    Endpoint: string;
    TopicArn: string;
  }[];
  readonly NextToken?: string;
}

function shownPage(subscriptions: readonly Subscription[], token: string | undefined): ShownPage {
  const sorted = subscriptions.toSorted((a, b) => (a.arn < b.arn ? -1 : 1));
  const { page, next } = pageOf(sorted, token, (one) => one.arn);
  const Subscriptions = page.map((one) => ({
    SubscriptionArn: one.pending ? "PendingConfirmation" : one.arn,
    Owner: one.owner,
    Protocol: one.protocol,
    Endpoint: shownEndpoint(one.endpoint),
    TopicArn: one.topicArn,
  }));
  return { Subscriptions, ...(next === undefined ? {} : { NextToken: next }) };
}
