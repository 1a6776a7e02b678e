/** Subscription filters of log groups: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutSubscriptionFilter.html */
import type { PutSubscriptionFilterRequest } from "@aws-sdk/client-cloudwatch-logs";
import type { Operations } from "../../aws/service.ts";
import { functionOfArn } from "../../kernel/arn.ts";
import { ServiceError } from "../../kernel/errors.ts";
import { sameScope } from "../../kernel/scope.ts";
import type { Peers } from "../../ports/peers.ts";
import type { Deps } from "./deps.ts";
import * as errors from "./errors.ts";
import { groupOf } from "./lookup.ts";
import { FUNCTION_GROUP_PREFIX, type LogGroup } from "./model.ts";
import { nextToken, openToken } from "./page-token.ts";
import { compilePattern } from "./pattern/index.ts";
import { PRINCIPAL, sourceArnOf } from "./subscriptions.ts";

type SubscriptionOperations = Operations<typeof import("@aws-sdk/client-cloudwatch-logs")>;

const PAGE_DEFAULT = 50;

export function subscriptionOperations(deps: Deps, peers: () => Peers): SubscriptionOperations {
  const { subscriptionFilters: filters } = deps;
  return {
    async PutSubscriptionFilter(input, context) {
      const group = await groupOf(deps, context, input.logGroupName ?? "");
      refuseUnsupported(input);
      compilePattern(input.filterPattern ?? "");
      await checkDestination(peers(), group, input);
      const put = await filters.put({
        groupId: group.groupId,
        name: input.filterName ?? "",
        pattern: input.filterPattern ?? "",
        destinationArn: input.destinationArn ?? "",
        distribution: input.distribution ?? "ByLogStream",
        createdAt: context.clock.now(),
      });
      if (!put) throw errors.limitExceeded();
      return {};
    },

    async DescribeSubscriptionFilters(input, context) {
      const { nextToken: token, limit = PAGE_DEFAULT, ...question } = input;
      const group = await groupOf(deps, context, input.logGroupName ?? "");
      const after = openToken(token, question) ?? "";
      const all = (await filters.of(group.groupId)).filter(
        ({ name }) => name > after && name.startsWith(input.filterNamePrefix ?? ""),
      );
      const page = all.slice(0, limit);
      const subscriptionFilters = page.map((filter) => ({
        filterName: filter.name,
        logGroupName: group.name,
        filterPattern: filter.pattern,
        destinationArn: filter.destinationArn,
        distribution: filter.distribution,
        applyOnTransformedLogs: false,
        creationTime: filter.createdAt,
      }));
      const last = page.at(-1);
      const more = last !== undefined && page.length < all.length;
      return { subscriptionFilters, ...(more ? { nextToken: nextToken(last.name, question) } : {}) };
    },

    async DeleteSubscriptionFilter(input, context) {
      const group = await groupOf(deps, context, input.logGroupName ?? "");
      if (!(await filters.delete(group.groupId, input.filterName ?? "")))
        throw errors.filterNotFound("subscription");
      return {};
    },
  };
}

/** Errors: InvalidParameterException. */
function refuseUnsupported(input: PutSubscriptionFilterRequest): void {
  if (input.applyOnTransformedLogs === true)
    throw errors.unsupported("applyOnTransformedLogs", "leave it out: there are no transformers");
  if (input.fieldSelectionCriteria !== undefined)
    throw errors.unsupported("fieldSelectionCriteria", "leave it out: events have no system fields here");
  if ((input.emitSystemFields ?? []).length > 0)
    throw errors.unsupported("emitSystemFields", "leave it out: events have no system fields here");
}

/** A function that CloudWatch Logs may invoke. Errors: InvalidParameterException. */
async function checkDestination(
  peers: Peers,
  group: LogGroup,
  { destinationArn = "", roleArn }: PutSubscriptionFilterRequest,
): Promise<void> {
  const target = functionOfArn(destinationArn);
  if (target === undefined)
    throw errors.unsupported("destinationArn", "only functions can subscribe: give the ARN of one");
  if (roleArn !== undefined)
    throw errors.invalidParameter("destinationArn for vendor lambda cannot be used with roleArn");
  if (!sameScope(target.scope, group))
    throw errors.invalidParameter("destinationArn names a function of another account or region");
  if (group.name === FUNCTION_GROUP_PREFIX + target.functionName)
    throw errors.invalidParameter(
      "The log group provided is reserved for the function logs of the destination function.",
    );
  try {
    await peers.call({
      service: "lambda",
      operation: "Invoke",
      input: { FunctionName: destinationArn, InvocationType: "DryRun" },
      scope: target.scope,
      as: {
        kind: "service",
        principal: PRINCIPAL,
        sourceArn: sourceArnOf(group),
        sourceAccount: group.accountId,
      },
    });
  } catch (error) {
    if (error instanceof ServiceError) throw errors.mayNotInvoke(target.functionName);
    throw error;
  }
}
