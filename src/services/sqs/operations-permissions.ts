import type { Operations } from "../../aws/service.ts";
import { changeAttributes } from "./attributes.ts";
import { parseQueueUrl } from "./names.ts";
import { addPermission, removePermission } from "./permission-policy.ts";
import type { State } from "./state.ts";

type PermissionOperations = Operations<typeof import("@aws-sdk/client-sqs")>;

export function permissionOperations(open: () => Promise<State>): PermissionOperations {
  return {
    async AddPermission(input, context) {
      const { directory } = await open();
      await directory.update(parseQueueUrl(input.QueueUrl ?? "", context.region), (queue) => {
        const Policy = addPermission(queue, queue.attributes["Policy"], {
          label: input.Label ?? "",
          accountIds: input.AWSAccountIds ?? [],
          actions: input.Actions ?? [],
        });
        return { attributes: changeAttributes(queue.attributes, { Policy }, queue.fifo) };
      });
      return {};
    },

    async RemovePermission(input, context) {
      const { directory } = await open();
      await directory.update(parseQueueUrl(input.QueueUrl ?? "", context.region), (queue) => {
        const Policy = removePermission(queue.attributes["Policy"], input.Label ?? "");
        return { attributes: changeAttributes(queue.attributes, { Policy }, queue.fifo) };
      });
      return {};
    },
  };
}
