import { invalidParameter, notImplementedYet } from "./errors.ts";

/** Managed runtimes that can be created and run. */
const RUNNABLE: ReadonlySet<string> = new Set([
  "nodejs20.x",
  "nodejs22.x",
  "nodejs24.x",
  "python3.10",
  "python3.11",
  "python3.12",
  "python3.13",
  "python3.14",
  "provided.al2",
  "provided.al2023",
]);

/**
 * What AWS accepts for new functions, in the order its error lists them.
 * https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html
 */
export const VALID_RUNTIMES: readonly string[] = [
  "nodejs20.x",
  "provided.al2023",
  "python3.12",
  "python3.13",
  "nodejs22.x",
  "nodejs24.x",
  "python3.14",
  "java25",
  "dotnet10",
  "java17",
  "nodejs16.x",
  "dotnet8",
  "python3.10",
  "java11",
  "python3.11",
  "dotnet6",
  "java21",
  "nodejs18.x",
  "provided.al2",
  "ruby3.3",
  "ruby3.4",
  "java8.al2",
  "ruby3.2",
  "python3.8",
  "python3.9",
];

/** Runtimes AWS had once and creates no more. */
const DEPRECATED: ReadonlySet<string> = new Set([
  "nodejs",
  "nodejs4.3",
  "nodejs4.3-edge",
  "nodejs6.10",
  "nodejs8.10",
  "nodejs10.x",
  "nodejs12.x",
  "nodejs14.x",
  "python2.7",
  "python3.6",
  "python3.7",
  "ruby2.5",
  "ruby2.7",
  "java8",
  "go1.x",
  "provided",
  "dotnetcore1.0",
  "dotnetcore2.0",
  "dotnetcore2.1",
  "dotnetcore3.1",
  "dotnet5.0",
]);

/**
 * Errors, all InvalidParameterValueException: AWS's sentences for a runtime that never was or is no
 * more, and our own for one that AWS has and Lambent does not run yet.
 */
export function checkRuntime(runtime: string): void {
  if (RUNNABLE.has(runtime)) return;
  if (DEPRECATED.has(runtime)) {
    throw invalidParameter(
      `The runtime parameter of ${runtime} is no longer supported for creating or updating AWS Lambda functions. We recommend you use a supported runtime while creating or updating functions.`,
    );
  }
  if (VALID_RUNTIMES.includes(runtime)) {
    throw notImplementedYet(
      `Runtime ${runtime}`,
      `Runtimes that run here: ${[...RUNNABLE].join(", ")}. Anything else runs on provided.al2023 with a bootstrap of your own.`,
    );
  }
  throw invalidParameter(
    `Value ${runtime} at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: [${VALID_RUNTIMES.join(", ")}] or be a valid ARN`,
    `Did you mean ${nearest(runtime)}?`,
  );
}

/** Custom runtimes run machine code, so their architecture must be the host's. */
export function isInterpreted(runtime: string): boolean {
  return !runtime.startsWith("provided");
}

function nearest(runtime: string): string {
  const lower = runtime.toLowerCase();
  if (RUNNABLE.has(lower)) return lower;
  return lower.startsWith("node") ? "nodejs22.x" : "python3.13";
}
