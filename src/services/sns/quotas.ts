/** How many subscriptions and filter policies there may be: counted while a change of their topic is decided. */
import { arnParts } from "../../kernel/arn.ts";
import { LIMITS } from "../../kernel/limits.ts";
import type { Scope } from "../../kernel/scope.ts";
import type { Directory, Entry } from "./directory.ts";
import * as errors from "./errors.ts";
import type { Subscription } from "./model.ts";
import { filterOf } from "./subscription-attributes.ts";

/** Refuses one subscription more than a topic, or an account's unconfirmed ones, may have. */
export async function checkSubscriptions(
  directory: Directory,
  entry: Entry,
  made: Subscription,
): Promise<void> {
  const most = entry.topic.fifo ? LIMITS.snsFifoSubscriptions : LIMITS.snsSubscriptions;
  const { confirmed, pending } = entry.counts();
  if (confirmed + pending >= most) {
    throw errors.tooManySubscriptions(`${entry.topic.name} has ${String(most)}, which is all it may have`);
  }
  if (!made.pending) return;
  const ofOwner = await directory.countOfOwner(scopeOf(made));
  if (ofOwner.pending >= LIMITS.snsPendingSubscriptions) {
    throw errors.tooManySubscriptions("too many subscriptions wait to be confirmed; they end after two days");
  }
}

/** Refuses one filter policy more than a topic or an account may have. */
export async function checkFilters(
  directory: Directory,
  entry: Entry,
  before: Subscription | undefined,
  after: Subscription,
): Promise<void> {
  const has = (one: Subscription): boolean => filterOf(one.attributes) !== undefined;
  if (!has(after) || (before !== undefined && has(before))) return;
  if (entry.subscriptions().filter(has).length >= LIMITS.snsTopicFilters) throw errors.tooManyFilters();
  const ofOwner = await directory.countOfOwner(scopeOf(after));
  if (ofOwner.filtered >= LIMITS.snsFilters) throw errors.tooManyFilters();
}

function scopeOf({ owner, topicArn }: Subscription): Scope {
  return { accountId: owner, region: arnParts(topicArn).region };
}
