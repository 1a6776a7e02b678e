/** From the fields of a request to a version of a function. */
import { LIMITS } from "../../kernel/limits.ts";
import type { Scope } from "../../kernel/scope.ts";
import type { Architecture, FunctionVersion } from "../model/function.ts";
import { deadLetterFields } from "./dead-letter.ts";
import type { ControlContext } from "./deps.ts";
import { invalidParameter } from "./errors.ts";
import { functionArn } from "./names.ts";
import { LATEST } from "./record.ts";
import { checkRuntime, isInterpreted } from "./runtimes.ts";
import {
  checkArchitecture,
  checkEnvironment,
  checkRole,
  checkSizes,
  type LoggingInput,
  mergeLogging,
} from "./validate.ts";

/** Fields of CreateFunction and UpdateFunctionConfiguration that are honoured. */
export interface ConfigurationSpec {
  readonly runtime?: string | undefined;
  readonly handler?: string | undefined;
  readonly role?: string | undefined;
  readonly description?: string | undefined;
  readonly timeoutSeconds?: number | undefined;
  readonly memoryMb?: number | undefined;
  readonly tmpMb?: number | undefined;
  readonly environment?: Readonly<Record<string, string>> | undefined;
  readonly logging?: LoggingInput | undefined;
  readonly tracingMode?: "Active" | "PassThrough" | undefined;
  /** Of a standard queue or topic; empty takes it away. */
  readonly deadLetterTargetArn?: string | undefined;
}

export const BEING_CREATED = "The function is being created.";

/** Errors: InvalidParameterValueException, ValidationException in AWS's words. */
export function checkConfiguration(spec: ConfigurationSpec, scope: Scope): void {
  if (spec.runtime !== undefined) checkRuntime(spec.runtime);
  if (spec.role !== undefined) checkRole(spec.role, scope.accountId);
  if (spec.environment !== undefined) checkEnvironment(spec.environment);
  checkSizes(spec);
}

/** $LATEST of a new function, its code still missing. */
export function newVersion(
  context: ControlContext,
  scope: Scope,
  name: string,
  spec: ConfigurationSpec & { readonly architecture?: Architecture | undefined },
): Omit<FunctionVersion, "code" | "functionId"> {
  if (spec.runtime === undefined || spec.handler === undefined) {
    throw invalidParameter(
      "Runtime and Handler are mandatory parameters for functions created with deployment packages.",
    );
  }
  checkConfiguration(spec, scope);
  const architecture = spec.architecture ?? "x86_64";
  noteArchitecture(context, name, architecture, spec.runtime);
  return {
    scope,
    name,
    version: LATEST,
    functionArn: functionArn(scope, name),
    description: spec.description ?? "",
    runtime: spec.runtime,
    handler: spec.handler,
    role: spec.role ?? "",
    memoryMb: spec.memoryMb ?? LIMITS.memoryMbDefault,
    timeoutMs: (spec.timeoutSeconds ?? LIMITS.timeoutSecondsDefault) * 1000,
    tmpMb: spec.tmpMb ?? LIMITS.tmpMbDefault,
    architecture,
    ...(spec.environment === undefined ? {} : { environment: spec.environment }),
    logging: mergeLogging(name, undefined, spec.logging),
    tracingMode: spec.tracingMode ?? "PassThrough",
    ...deadLetterFields(spec.deadLetterTargetArn),
    revisionId: context.random.uuid(),
    lastModifiedMs: context.clock.now(),
    state: "Pending",
    stateReason: BEING_CREATED,
    stateReasonCode: "Creating",
    lastUpdateStatus: "Successful",
    environmentId: context.random.uuid(),
  };
}

/** What an update changes of $LATEST. */
export function configurationFields(
  latest: FunctionVersion,
  spec: ConfigurationSpec,
): Partial<FunctionVersion> {
  return {
    ...(spec.runtime === undefined ? {} : { runtime: spec.runtime }),
    ...(spec.handler === undefined ? {} : { handler: spec.handler }),
    ...(spec.role === undefined ? {} : { role: spec.role }),
    ...(spec.description === undefined ? {} : { description: spec.description }),
    ...(spec.timeoutSeconds === undefined ? {} : { timeoutMs: spec.timeoutSeconds * 1000 }),
    ...(spec.memoryMb === undefined ? {} : { memoryMb: spec.memoryMb }),
    ...(spec.tmpMb === undefined ? {} : { tmpMb: spec.tmpMb }),
    ...(spec.environment === undefined ? {} : { environment: spec.environment }),
    ...(spec.logging === undefined
      ? {}
      : { logging: mergeLogging(latest.name, latest.logging, spec.logging) }),
    ...(spec.tracingMode === undefined ? {} : { tracingMode: spec.tracingMode }),
    ...deadLetterFields(spec.deadLetterTargetArn),
  };
}

/** Refuses what cannot run here, or says that it runs on another architecture than it asked for. */
export function noteArchitecture(
  context: ControlContext,
  name: string,
  architecture: Architecture,
  runtime: string,
): void {
  const strict = context.strictArchitectures === true;
  const verdict = checkArchitecture(architecture, isInterpreted(runtime), context.hostArchitecture, strict);
  if (verdict === "runs-anyway") {
    context.log.warn(
      { function: name, architecture, host: context.hostArchitecture },
      "the function's code is interpreted and runs on this host's architecture; native modules in it must fit the host",
    );
  }
}
