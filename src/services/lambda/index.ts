import type * as sdk from "@aws-sdk/client-lambda";
import { defineService, type Service } from "../../aws/service.ts";
import type { CodeSource } from "../../lambda/control/code-source.ts";
import type { FunctionControl } from "../../lambda/control/control.ts";
import type { MappingControl } from "../../lambda/event-source/control.ts";
import type { FunctionInvoker } from "../../lambda/model/invocation.ts";
import { lambdaAccess } from "./access.ts";
import { eventSourceOperations } from "./event-source-operations.ts";
import { hintForRefusal } from "./hints.ts";
import { invokeShortPath } from "./invoke.ts";
import { functionOperations } from "./operations.ts";
import { settingsOperations } from "./settings-operations.ts";

/**
 * The AWS API `lambda`: translates requests, decides nothing. Operations that are absent answer "not
 * implemented"; those of event source mappings are absent where there are none.
 */
export function createLambdaService(
  control: FunctionControl,
  invoker: FunctionInvoker,
  mappings?: MappingControl,
  codeSource?: CodeSource,
): Service {
  const service = defineService<typeof sdk>(
    "lambda",
    {
      ...functionOperations(control, invoker, codeSource),
      ...settingsOperations(control, mappings),
      ...(mappings === undefined ? {} : eventSourceOperations(mappings)),
    },
    [invokeShortPath({ resolver: control.resolver, invoker })],
  );
  return { ...service, access: lambdaAccess(control.permissions, control.tags), hintFor: hintForRefusal };
}
