import type * as sdk from "@aws-sdk/client-lambda";
import type { Operations } from "../../aws/service.ts";
import type { FunctionControl } from "../../lambda/control/control.ts";
import type { MappingControl } from "../../lambda/event-source/control.ts";
import type { EventInvokeSpec } from "../../lambda/control/event-invoke-config.ts";
import { mappingIdOf } from "./event-source-operations.ts";
import { aliasShape, eventInvokeShape, optional } from "./shape.ts";

type Lambda = typeof sdk;

/** What is set beside a function's code and configuration. */
export function settingsOperations(
  control: FunctionControl,
  mappings: MappingControl | undefined,
): Operations<Lambda> {
  return {
    ...aliasOperations(control),
    ...permissionOperations(control),
    ...tagOperations(control, mappings),
    ...concurrencyOperations(control),
    ...recursionOperations(control),
    ...eventInvokeOperations(control),
  };
}

function aliasOperations({ aliases }: FunctionControl): Operations<Lambda> {
  return {
    async CreateAlias(input, context) {
      const answer = await aliases.create(context, {
        functionName: input.FunctionName ?? "",
        name: input.Name ?? "",
        functionVersion: input.FunctionVersion ?? "",
        description: input.Description,
        weights: input.RoutingConfig?.AdditionalVersionWeights,
      });
      return aliasShape(answer);
    },
    async GetAlias(input, context) {
      return aliasShape(await aliases.get(context, input.FunctionName ?? "", input.Name ?? ""));
    },
    async ListAliases(input, context) {
      const { FunctionName = "", FunctionVersion, Marker, MaxItems } = input;
      const page = await aliases.list(context, FunctionName, FunctionVersion, Marker, MaxItems);
      return { ...optional("NextMarker", page.nextMarker), Aliases: page.items.map(aliasShape) };
    },
    async UpdateAlias(input, context) {
      const answer = await aliases.update(context, {
        functionName: input.FunctionName ?? "",
        name: input.Name ?? "",
        functionVersion: input.FunctionVersion,
        description: input.Description,
        weights:
          input.RoutingConfig === undefined
            ? undefined
            : (input.RoutingConfig.AdditionalVersionWeights ?? {}),
        revisionId: input.RevisionId,
      });
      return aliasShape(answer);
    },
    async DeleteAlias(input, context) {
      await aliases.delete(context, input.FunctionName ?? "", input.Name ?? "");
      return {};
    },
  };
}

function permissionOperations({ permissions }: FunctionControl): Operations<Lambda> {
  return {
    async AddPermission(input, context) {
      const statement = await permissions.add(context, {
        functionName: input.FunctionName ?? "",
        qualifier: input.Qualifier,
        statementId: input.StatementId ?? "",
        action: input.Action ?? "",
        principal: input.Principal ?? "",
        sourceArn: input.SourceArn,
        sourceAccount: input.SourceAccount,
        eventSourceToken: input.EventSourceToken,
        principalOrgId: input.PrincipalOrgID,
        functionUrlAuthType: input.FunctionUrlAuthType,
        invokedViaFunctionUrl: input.InvokedViaFunctionUrl,
        revisionId: input.RevisionId,
      });
      return { Statement: JSON.stringify(statement) };
    },
    async RemovePermission(input, context) {
      const { FunctionName = "", Qualifier, StatementId = "", RevisionId } = input;
      await permissions.remove(context, FunctionName, Qualifier, StatementId, RevisionId);
      return {};
    },
    async GetPolicy(input, context) {
      const { policy, revisionId } = await permissions.get(
        context,
        input.FunctionName ?? "",
        input.Qualifier,
      );
      return { Policy: JSON.stringify(policy), RevisionId: revisionId };
    },
  };
}

/** Functions and event source mappings have tags. */
function tagOperations({ tags }: FunctionControl, mappings: MappingControl | undefined): Operations<Lambda> {
  return {
    async TagResource({ Resource = "", Tags = {} }, context) {
      const mapping = mappingIdOf(Resource);
      if (mapping === undefined || mappings === undefined) await tags.tag(context, Resource, Tags);
      else await mappings.tag(context, mapping, Tags);
      return {};
    },
    async UntagResource({ Resource = "", TagKeys = [] }, context) {
      const mapping = mappingIdOf(Resource);
      if (mapping === undefined || mappings === undefined) await tags.untag(context, Resource, TagKeys);
      else await mappings.untag(context, mapping, TagKeys);
      return {};
    },
    async ListTags({ Resource = "" }, context) {
      const mapping = mappingIdOf(Resource);
      if (mapping !== undefined && mappings !== undefined)
        return { Tags: (await mappings.get(context, mapping)).tags };
      return { Tags: Object.fromEntries(await tags.list(context, Resource)) };
    },
  };
}

function concurrencyOperations({ concurrency }: FunctionControl): Operations<Lambda> {
  return {
    async PutFunctionConcurrency(input, context) {
      const { FunctionName = "", ReservedConcurrentExecutions = 0 } = input;
      return {
        ReservedConcurrentExecutions: await concurrency.put(
          context,
          FunctionName,
          ReservedConcurrentExecutions,
        ),
      };
    },
    async GetFunctionConcurrency(input, context) {
      return optional(
        "ReservedConcurrentExecutions",
        await concurrency.get(context, input.FunctionName ?? ""),
      );
    },
    async DeleteFunctionConcurrency(input, context) {
      await concurrency.delete(context, input.FunctionName ?? "");
      return {};
    },
  };
}

function recursionOperations({ recursion }: FunctionControl): Operations<Lambda> {
  return {
    async PutFunctionRecursionConfig({ FunctionName = "", RecursiveLoop = "Terminate" }, context) {
      return { RecursiveLoop: await recursion.put(context, FunctionName, RecursiveLoop) };
    },
    async GetFunctionRecursionConfig({ FunctionName = "" }, context) {
      return { RecursiveLoop: await recursion.get(context, FunctionName) };
    },
  };
}

function eventInvokeOperations({ eventInvokeConfigs }: FunctionControl): Operations<Lambda> {
  return {
    async PutFunctionEventInvokeConfig(input, context) {
      return eventInvokeShape(await eventInvokeConfigs.put(context, eventInvokeSpec(input)));
    },
    async UpdateFunctionEventInvokeConfig(input, context) {
      return eventInvokeShape(await eventInvokeConfigs.update(context, eventInvokeSpec(input)));
    },
    async GetFunctionEventInvokeConfig(input, context) {
      return eventInvokeShape(
        await eventInvokeConfigs.get(context, input.FunctionName ?? "", input.Qualifier),
      );
    },
    async ListFunctionEventInvokeConfigs(input, context) {
      const { FunctionName = "", Marker, MaxItems } = input;
      const page = await eventInvokeConfigs.list(context, FunctionName, Marker, MaxItems);
      return {
        ...optional("NextMarker", page.nextMarker),
        FunctionEventInvokeConfigs: page.items.map(eventInvokeShape),
      };
    },
    async DeleteFunctionEventInvokeConfig(input, context) {
      await eventInvokeConfigs.delete(context, input.FunctionName ?? "", input.Qualifier);
      return {};
    },
  };
}

function eventInvokeSpec(
  input: sdk.PutFunctionEventInvokeConfigRequest | sdk.UpdateFunctionEventInvokeConfigRequest,
): EventInvokeSpec {
  const { OnSuccess, OnFailure } = input.DestinationConfig ?? {};
  return {
    functionName: input.FunctionName ?? "",
    qualifier: input.Qualifier,
    maximumRetryAttempts: input.MaximumRetryAttempts,
    maximumEventAgeSeconds: input.MaximumEventAgeInSeconds,
    destinations:
      input.DestinationConfig === undefined
        ? undefined
        : {
            onSuccess: OnSuccess === undefined ? undefined : { destination: OnSuccess.Destination },
            onFailure: OnFailure === undefined ? undefined : { destination: OnFailure.Destination },
          },
  };
}
