import type { Operations } from "../../aws/service.ts";
import type { Deps } from "./deps.ts";
import * as errors from "./errors.ts";
import { groupOf } from "./lookup.ts";

type FilterOperations = Operations<typeof import("@aws-sdk/client-cloudwatch-logs")>;

/**
 * Looking for metric filters, which tools do before they act. None can be put here yet (that is
 * answered "not implemented"), so a group that is there has none.
 */
export function filterOperations(deps: Deps): FilterOperations {
  return {
    async DescribeMetricFilters(input, context) {
      if (input.logGroupName !== undefined) await groupOf(deps, context, input.logGroupName);
      return { metricFilters: [] };
    },

    async DeleteMetricFilter(input, context) {
      await groupOf(deps, context, input.logGroupName ?? "");
      throw errors.filterNotFound("metric");
    },
  };
}
