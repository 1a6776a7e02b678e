import { LIMITS } from "../../kernel/limits.ts";
import type { Architecture, LoggingConfig } from "../model/function.ts";
import { invalidParameter, validation } from "./errors.ts";

/** Names Lambda sets itself. https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html */
const RESERVED_VARIABLES: ReadonlySet<string> = new Set([
  "_HANDLER",
  "_X_AMZN_TRACE_ID",
  "AWS_ACCESS_KEY",
  "AWS_ACCESS_KEY_ID",
  "AWS_DEFAULT_REGION",
  "AWS_EXECUTION_ENV",
  "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
  "AWS_LAMBDA_FUNCTION_NAME",
  "AWS_LAMBDA_FUNCTION_VERSION",
  "AWS_LAMBDA_INITIALIZATION_TYPE",
  "AWS_LAMBDA_LOG_GROUP_NAME",
  "AWS_LAMBDA_LOG_STREAM_NAME",
  "AWS_LAMBDA_MAX_CONCURRENCY",
  "AWS_LAMBDA_METADATA_API",
  "AWS_LAMBDA_METADATA_TOKEN",
  "AWS_LAMBDA_RUNTIME_API",
  "AWS_REGION",
  "AWS_SECRET_ACCESS_KEY",
  "AWS_SESSION_TOKEN",
  "LAMBDA_RUNTIME_DIR",
  "LAMBDA_TASK_ROOT",
]);

/** Errors: InvalidParameterValueException for reserved names and for more than 4 KB in all. */
export function checkEnvironment(variables: Readonly<Record<string, string>>): void {
  const reserved = Object.keys(variables).filter((name) => RESERVED_VARIABLES.has(name));
  if (reserved.length > 0) {
    throw invalidParameter(
      `Lambda was unable to configure your environment variables because the environment variables you have provided contains reserved keys that are currently not supported for modification. Reserved keys used in this request: ${reserved.join(", ")}`,
    );
  }
  const text = JSON.stringify(variables);
  if (Buffer.byteLength(text) > LIMITS.environmentBytes) {
    throw invalidParameter(
      `Lambda was unable to configure your environment variables because the environment variables you have provided exceeded the 4KB limit. String measured: ${text}`,
      "Put large values into a file of the archive, or fetch them at start.",
    );
  }
}

export interface Sizes {
  readonly memoryMb?: number | undefined;
  readonly timeoutSeconds?: number | undefined;
  readonly tmpMb?: number | undefined;
}

/** What the model's own ranges leave open, and the ranges again for callers that skip the wire. */
export function checkSizes(sizes: Sizes): void {
  const { memoryMb, timeoutSeconds, tmpMb } = sizes;
  if (memoryMb !== undefined && memoryMb > LIMITS.memoryMbMax) {
    throw invalidParameter(
      `'MemorySize' value failed to satisfy constraint: Member must have value less than or equal to ${LIMITS.memoryMbMax}`,
    );
  }
  range(memoryMb, "memorySize", LIMITS.memoryMbMin, LIMITS.memoryMbMax);
  range(timeoutSeconds, "timeout", LIMITS.timeoutSecondsMin, LIMITS.timeoutSecondsMax);
  range(tmpMb, "ephemeralStorage.size", LIMITS.tmpMbMin, LIMITS.tmpMbMax);
}

function range(value: number | undefined, member: string, min: number, max: number): void {
  if (value === undefined) return;
  if (value < min) {
    throw validation(String(value), member, `Member must have value greater than or equal to ${min}`);
  }
  if (value > max) {
    throw validation(String(value), member, `Member must have value less than or equal to ${max}`);
  }
}

const ROLE_PATTERN = "arn:(aws[a-zA-Z-]*)?:iam::\\d{12}:role/?[a-zA-Z_0-9+=,.@\\-_/]+";
const ROLE = new RegExp(`^(?:${ROLE_PATTERN})$`);

/** Errors: ValidationException in AWS's words; its hint is a role ARN that can be used as it stands. */
export function checkRole(role: string, accountId: string): void {
  if (ROLE.test(role)) return;
  throw validation(
    role,
    "role",
    `Member must satisfy regular expression pattern: ${ROLE_PATTERN}`,
    roleHint(role, accountId),
  );
}

/** The role the caller meant, with this account's id: what to paste instead. */
export function roleHint(role: string, accountId: string): string {
  const name = /([a-zA-Z0-9+=,.@_-]+)$/.exec(role)?.[1] ?? "lambda-role";
  return `Use --role arn:aws:iam::${accountId}:role/${name} (this account is ${accountId}).`;
}

export interface LoggingInput {
  readonly logFormat?: string | undefined;
  readonly applicationLogLevel?: string | undefined;
  readonly systemLogLevel?: string | undefined;
  readonly logGroup?: string | undefined;
}

/** LoggingConfig after a create or a partial update: what is left out stays, levels exist with JSON only. */
export function mergeLogging(
  functionName: string,
  current: LoggingConfig | undefined,
  input: LoggingInput | undefined,
): LoggingConfig {
  const base = current ?? { logFormat: "Text", logGroup: `/aws/lambda/${functionName}` };
  if (input === undefined) return base;
  const logFormat = (input.logFormat ?? base.logFormat) as LoggingConfig["logFormat"];
  const logGroup = input.logGroup ?? base.logGroup;
  if (logFormat === "Text") {
    if (input.applicationLogLevel !== undefined || input.systemLogLevel !== undefined) {
      throw invalidParameter(
        "ApplicationLogLevel and SystemLogLevel can only be set when LogFormat is JSON.",
        "Add LogFormat=JSON to the logging configuration.",
      );
    }
    return { logFormat, logGroup };
  }
  return {
    logFormat,
    applicationLogLevel: (input.applicationLogLevel ?? base.applicationLogLevel ?? "INFO") as NonNullable<
      LoggingConfig["applicationLogLevel"]
    >,
    systemLogLevel: (input.systemLogLevel ?? base.systemLogLevel ?? "INFO") as NonNullable<
      LoggingConfig["systemLogLevel"]
    >,
    logGroup,
  };
}

/** Interpreted code of the other architecture runs here all the same; machine code does not. */
export function checkArchitecture(
  architecture: Architecture,
  interpreted: boolean,
  host: Architecture,
  strict: boolean,
): "same" | "runs-anyway" {
  if (architecture === host) return "same";
  if (interpreted && !strict) return "runs-anyway";
  throw invalidParameter(
    `Architecture ${architecture} is not implemented by Lambent on this ${host} host${interpreted ? " in strict mode" : " for custom runtimes"}.`,
    `Build for ${host} and pass --architectures ${host}.`,
  );
}
