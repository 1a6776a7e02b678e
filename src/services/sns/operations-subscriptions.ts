import type { Operations, RequestContext } from "../../aws/service.ts";
import { arnParts } from "../../kernel/arn.ts";
import { needsConfirmation } from "./confirmation.ts";
import type { Decision, Entry } from "./directory.ts";
import { checkEndpoint, protocolOf, shownEndpoint } from "./endpoint.ts";
import * as errors from "./errors.ts";
import type { Protocol, Subscription, Topic } from "./model.ts";
import { parseSubscriptionArn, parseTopicArn } from "./names.ts";
import { topicOf } from "./operations-topics.ts";
import { PAGE_AND_ONE, pageOf, startOf } from "./page.ts";
import { checkFilters, checkSubscriptions } from "./quotas.ts";
import type { State } from "./state.ts";
import * as attributes from "./subscription-attributes.ts";

type Sns = typeof import("@aws-sdk/client-sns");

/** Characters of a token. */
const TOKEN_LENGTH = 288;
/** Their endpoints are sent a message when the subscription ends. */
const TOLD_OF_THE_END: readonly Protocol[] = ["http", "https", "email", "email-json"];

/** AWS's word for the ARN of a subscription that nobody has confirmed, as Subscribe answers. */
const PENDING = "pending confirmation";

export function subscriptionOperations(state: State): Operations<Sns> {
  const { directory } = state;
  return {
    async Subscribe(input, context) {
      state.signer.prepare();
      return subscribe(state, input, context);
    },
    async ConfirmSubscription({ TopicArn: arn = "", Token: token = "", AuthenticateOnUnsubscribe }, context) {
      const asked = AuthenticateOnUnsubscribe?.toLowerCase() === "true" && isSigned(context);
      return confirm(state, arn, token, asked, context);
    },
    async Unsubscribe({ SubscriptionArn: arn = "" }, context) {
      const topicArn = topicArnOf(arn);
      await directory.change<void>(topicArn, (entry) => unsubscribe(state, entry, arn, context));
      return {};
    },
    async GetSubscriptionAttributes({ SubscriptionArn: arn = "" }, context) {
      const entry = await directory.find(topicArnOf(arn));
      const subscription = find(entry, arn, context);
      const shown = attributes.show(subscription, entry?.topic);
      return { Attributes: { ...shown, Endpoint: shownEndpoint(subscription.endpoint) } };
    },
    async SetSubscriptionAttributes(input, context) {
      const { SubscriptionArn: arn = "", AttributeName: name = "", AttributeValue: value = "" } = input;
      await directory.change<void>(topicArnOf(arn), async (entry) => {
        const before = find(entry, arn, context);
        if (entry === undefined) throw errors.subscriptionNotFound();
        const about = { topic: entry.topic, protocol: before.protocol, endpoint: before.endpoint };
        const after = { ...before, attributes: attributes.afterSet(before, about, name, value) };
        await checkFilters(directory, entry, before, after);
        return { answer: undefined, put: [after] };
      });
      return {};
    },
    async ListSubscriptions({ NextToken: token }, context) {
      return shownPage(await directory.ofOwner(context, startOf(token), PAGE_AND_ONE));
    },
    async ListSubscriptionsByTopic({ TopicArn: arn, NextToken: token }, context) {
      const entry = await topicOf(state, arn, context);
      const start = startOf(token);
      const sorted = entry.subscriptions().toSorted((a, b) => (a.arn < b.arn ? -1 : 1));
      return shownPage(sorted.filter((one) => one.arn > start));
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
  const { topic } = await topicOf(state, input.TopicArn, context);
  const protocol = protocolOf(input.Protocol ?? "");
  const endpoint = await checkEndpoint(
    topic,
    protocol,
    input.Endpoint,
    async (arn) => (await state.platforms.endpoint(arn)) !== undefined,
  );
  const own = attributes.forSubscribe(input.Attributes ?? {}, { topic, protocol, endpoint });
  const subscription = await state.directory.change(topic.arn, async (entry) => {
    if (entry === undefined) throw errors.topicNotFound(topic.arn);
    const before = entry
      .subscriptions()
      .find((one) => one.protocol === protocol && one.endpoint === endpoint);
    if (before !== undefined) return subscribedAgain(state, entry.topic, before, own, context);
    const made = newSubscription(state, { topic, protocol, endpoint, attributes: own }, context);
    await checkSubscriptions(state.directory, entry, made);
    await checkFilters(state.directory, entry, undefined, made);
    if (!made.pending) return { answer: made, put: [made] };
    return tell(state, entry.topic, made, "SubscriptionConfirmation", context);
  });
  const { arn, pending } = subscription;
  return { SubscriptionArn: pending && input.ReturnSubscriptionArn !== true ? PENDING : arn };
}

function newSubscription(
  { clock, random }: State,
  about: Pick<Subscription, "protocol" | "endpoint" | "attributes"> & { readonly topic: Topic },
  context: RequestContext,
): Subscription {
  const { topic, protocol, endpoint } = about;
  const pending = needsConfirmation(protocol, endpoint, context.accountId);
  return {
    arn: `${topic.arn}:${random.uuid()}`,
    topicArn: topic.arn,
    owner: context.accountId,
    principal: context.caller.arn,
    protocol,
    endpoint,
    attributes: about.attributes,
    pending,
    authenticated: !pending,
    authenticateOnUnsubscribe: !pending,
    token: random.hex(TOKEN_LENGTH),
    createdAt: clock.now(),
    ...(context.fromSandbox ? { fromSandbox: true } : {}),
  };
}

/** Who lost the first message asks for another; who is outside vouches for what a function made. */
function subscribedAgain(
  state: State,
  topic: Topic,
  before: Subscription,
  own: Subscription["attributes"],
  context: RequestContext,
): Decision<Subscription> | Promise<Decision<Subscription>> {
  if (!attributes.meansSame(before, own)) {
    throw errors.invalid(
      "Attributes Reason: Subscription already exists with different attributes",
      "aws sns set-subscription-attributes changes a subscription that exists",
    );
  }
  const { fromSandbox, ...rest } = before;
  const isVouchedFor = fromSandbox === true && !context.fromSandbox;
  const after = isVouchedFor ? rest : before;
  if (before.pending) return tell(state, topic, after, "SubscriptionConfirmation", context);
  return isVouchedFor ? { answer: after, put: [after] } : { answer: before };
}

/** Puts a subscription there with the message that its endpoint is to be sent about it. */
async function tell(
  state: State,
  topic: Topic,
  after: Subscription,
  type: "SubscriptionConfirmation" | "UnsubscribeConfirmation",
  context: RequestContext,
): Promise<Decision<Subscription>> {
  const out = await state.confirmation.message(topic, after, type, context.endpoint);
  const isEnd = type === "UnsubscribeConfirmation";
  return {
    answer: after,
    put: [after],
    ...(isEnd ? { topic: withOneLess(topic) } : {}),
    also: state.within(out),
    done: () => state.sent(out),
  };
}

function withOneLess(topic: Topic): Topic {
  return { ...topic, deleted: topic.deleted + 1 };
}

/** The token says which subscription; of the topic only the region is looked at, as AWS does. */
async function confirm(
  { directory }: State,
  topicArn: string,
  token: string,
  authenticateOnUnsubscribe: boolean,
  context: RequestContext,
): Promise<{ SubscriptionArn: string }> {
  if (!/^arn:[^:]+:sns:[^:]+:[^:]*:[^:]+$/u.test(topicArn)) throw errors.invalid("Topic");
  const named = await directory.byToken(token);
  if (named === undefined) throw noToken();
  const { region } = parseTopicArn(topicArn, undefined);
  if (region !== parseSubscriptionArn(named.arn).region) throw errors.invalid("Topic");
  return directory.change(named.topicArn, async () => {
    const before = await directory.byToken(token);
    if (before === undefined) throw noToken();
    const answer = { SubscriptionArn: before.arn };
    if (!before.pending && before.removedAt === undefined) return { answer };
    const { removedAt: _removed, ...kept } = before;
    const authenticated = isSigned(context);
    return { answer, put: [{ ...kept, pending: false, authenticated, authenticateOnUnsubscribe }] };
  });
}

function noToken(): Error {
  return errors.invalid("Token", "a token confirms within two days; subscribe again for another");
}

/** What ends over HTTP or by mail can be brought back, by who gets the message about it. */
function unsubscribe(
  state: State,
  entry: Entry | undefined,
  arn: string,
  context: RequestContext,
): Decision<void> | Promise<Decision<void>> {
  const subscription = entry?.subscription(arn);
  if (entry === undefined || subscription === undefined) return { answer: undefined };
  if (subscription.authenticateOnUnsubscribe && !isSigned(context)) {
    throw errors.notAuthorized(
      `User: anonymous is not authorized to perform: SNS:Unsubscribe on resource: ${arn}`,
      "this subscription was confirmed with a signed request: sign this one too",
    );
  }
  if (isSigned(context)) checkOwner(subscription, context);
  const { topic } = entry;
  const isTold = !subscription.pending && TOLD_OF_THE_END.includes(subscription.protocol);
  if (!isTold) return { answer: undefined, remove: [subscription], topic: withOneLess(topic) };
  const removed = { ...subscription, removedAt: state.clock.now() };
  return tell(state, topic, removed, "UnsubscribeConfirmation", context).then((decision) => ({
    ...decision,
    answer: undefined,
  }));
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

/** Errors: InvalidParameter. */
function topicArnOf(subscriptionArn: string): string {
  parseSubscriptionArn(subscriptionArn);
  return subscriptionArn.slice(0, subscriptionArn.lastIndexOf(":"));
}

function find(entry: Entry | undefined, arn: string, context: RequestContext): Subscription {
  const subscription = entry?.subscription(arn);
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

function shownPage(subscriptions: readonly Subscription[]): ShownPage {
  const { page, next } = pageOf(subscriptions, (one) => one.arn);
  const Subscriptions = page.map((one) => ({
    SubscriptionArn: one.pending ? "PendingConfirmation" : one.arn,
    Owner: one.owner,
    Protocol: one.protocol,
    Endpoint: shownEndpoint(one.endpoint),
    TopicArn: one.topicArn,
  }));
  return { Subscriptions, ...(next === undefined ? {} : { NextToken: next }) };
}
