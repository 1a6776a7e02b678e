import type { Operations, RequestContext } from "../../aws/service.ts";
import type { Deps } from "./deps.ts";
import * as errors from "./errors.ts";
import { groupOf } from "./lookup.ts";

type FilterOperations = Operations<typeof import("@aws-sdk/client-cloudwatch-logs")>;

/**
 * Looking for metric and subscription filters, which tools do before they act. None can be put here
 * yet (that is answered "not implemented"), so a group that is there has none.
 */
export function filterOperations(deps: Deps): FilterOperations {
  const checkGroup = async (context: RequestContext, name: string | undefined): Promise<void> => {
    if (name !== undefined) await groupOf(deps, context, name);
  };

  return {
    async DescribeSubscriptionFilters(input, context) {
      await checkGroup(context, input.logGroupName);
      return { subscriptionFilters: [] };
    },

    async DescribeMetricFilters(input, context) {
      await checkGroup(context, input.logGroupName);
      return { metricFilters: [] };
    },

    async DeleteSubscriptionFilter(input, context) {
      await checkGroup(context, input.logGroupName);
      throw errors.filterNotFound("subscription");
    },

    async DeleteMetricFilter(input, context) {
      await checkGroup(context, input.logGroupName);
      throw errors.filterNotFound("metric");
    },
  };
}
