import type * as sdk from "@aws-sdk/client-lambda";
import type { AliasAnswer } from "../../lambda/control/aliases.ts";
import type { EventInvokeAnswer } from "../../lambda/control/event-invoke-config.ts";
import type { ConfigurationSpec } from "../../lambda/control/configuration.ts";
import type { FunctionVersion, LoggingConfig } from "../../lambda/model/function.ts";
import { runtimeVersionArn } from "../../lambda/model/runtime-version.ts";

/** Lambda's own time format: `2025-11-25T02:27:35.000+0000`. */
export function lastModified(ms: number): string {
  return new Date(ms).toISOString().replace("Z", "+0000");
}

/** ListFunctions and ListVersionsByFunction: without states and the runtime's version. */
export function listedConfiguration(version: FunctionVersion, arn: string): sdk.FunctionConfiguration {
  return {
    FunctionName: version.name,
    FunctionArn: arn,
    Runtime: version.runtime as sdk.Runtime,
    Role: version.role,
    Handler: version.handler,
    CodeSize: version.code.codeSize,
    Description: version.description,
    Timeout: version.timeoutMs / 1000,
    MemorySize: version.memoryMb,
    LastModified: lastModified(version.lastModifiedMs),
    CodeSha256: version.code.codeSha256,
    Version: version.version,
    ...(version.environment === undefined ? {} : { Environment: { Variables: { ...version.environment } } }),
    ...(version.deadLetterTargetArn === undefined || version.deadLetterTargetArn === ""
      ? {}
      : { DeadLetterConfig: { TargetArn: version.deadLetterTargetArn } }),
    TracingConfig: { Mode: version.tracingMode },
    RevisionId: version.revisionId,
    PackageType: "Zip",
    Architectures: [version.architecture],
    EphemeralStorage: { Size: version.tmpMb },
    SnapStart: { ApplyOn: "None", OptimizationStatus: "Off" },
    LoggingConfig: loggingShape(version.logging),
  };
}

/** Every other answer that shows a function. While it is being created it has no update status. */
export function configuration(version: FunctionVersion, arn: string): sdk.FunctionConfiguration {
  const pending = version.state === "Pending";
  return {
    ...listedConfiguration(version, arn),
    State: version.state,
    ...optional("StateReason", version.stateReason),
    ...optional("StateReasonCode", version.stateReasonCode as sdk.StateReasonCode | undefined),
    ...(pending ? {} : { LastUpdateStatus: version.lastUpdateStatus }),
    ...optional("LastUpdateStatusReason", version.lastUpdateStatusReason),
    ...optional(
      "LastUpdateStatusReasonCode",
      version.lastUpdateStatusReasonCode as sdk.LastUpdateStatusReasonCode | undefined,
    ),
    RuntimeVersionConfig: { RuntimeVersionArn: runtimeVersionArn(version.scope.region, version.runtime) },
  };
}

function loggingShape(logging: LoggingConfig): sdk.LoggingConfig {
  return {
    LogFormat: logging.logFormat,
    ...optional("ApplicationLogLevel", logging.applicationLogLevel),
    ...optional("SystemLogLevel", logging.systemLogLevel),
    LogGroup: logging.logGroup,
  };
}

export function aliasShape({ alias, arn }: AliasAnswer): sdk.AliasConfiguration {
  return {
    AliasArn: arn,
    Name: alias.name,
    FunctionVersion: alias.functionVersion,
    Description: alias.description,
    ...(alias.routing === undefined
      ? {}
      : { RoutingConfig: { AdditionalVersionWeights: { [alias.routing.version]: alias.routing.weight } } }),
    RevisionId: alias.revisionId,
  };
}

export function eventInvokeShape({ config, arn }: EventInvokeAnswer): sdk.FunctionEventInvokeConfig {
  return {
    LastModified: new Date(config.lastModifiedMs),
    FunctionArn: arn,
    ...optional("MaximumRetryAttempts", config.maximumRetryAttempts),
    ...optional("MaximumEventAgeInSeconds", config.maximumEventAgeSeconds),
    DestinationConfig: {
      OnSuccess: optional("Destination", config.onSuccess),
      OnFailure: optional("Destination", config.onFailure),
    },
  };
}

/** What CreateFunction and UpdateFunctionConfiguration have in common. */
export function configurationSpec(
  input: sdk.CreateFunctionRequest | sdk.UpdateFunctionConfigurationRequest,
): ConfigurationSpec {
  const logging = input.LoggingConfig;
  return {
    runtime: input.Runtime,
    handler: input.Handler,
    role: input.Role,
    description: input.Description,
    timeoutSeconds: input.Timeout,
    memoryMb: input.MemorySize,
    tmpMb: input.EphemeralStorage?.Size,
    environment: input.Environment === undefined ? undefined : (input.Environment.Variables ?? {}),
    logging:
      logging === undefined
        ? undefined
        : {
            logFormat: logging.LogFormat,
            applicationLogLevel: logging.ApplicationLogLevel,
            systemLogLevel: logging.SystemLogLevel,
            logGroup: logging.LogGroup,
          },
    tracingMode: input.TracingConfig?.Mode,
    deadLetterTargetArn: input.DeadLetterConfig?.TargetArn,
  };
}

/** `{ [key]: value }`, or nothing when there is no value: AWS leaves such fields out. */
export function optional<K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } {
  return (value === undefined ? {} : { [key]: value }) as { [P in K]?: V };
}
