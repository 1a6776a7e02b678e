import { invalidParameter, notImplementedYet } from "./errors.ts";

/** What can be created and run: the runtimes adapter launches each of them. */
const RUNNABLE: readonly string[] = [
  "nodejs16.x",
  "nodejs18.x",
  "nodejs20.x",
  "nodejs22.x",
  "nodejs24.x",
  "python3.8",
  "python3.9",
  "python3.10",
  "python3.11",
  "python3.12",
  "python3.13",
  "python3.14",
  "provided.al2",
  "provided.al2023",
];

/**
 * What AWS accepts for new functions. https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html
 */
const VALID: readonly string[] = [
  ...RUNNABLE,
  "java8.al2",
  "java11",
  "java17",
  "java21",
  "java25",
  "dotnet6",
  "dotnet8",
  "dotnet10",
  "ruby3.2",
  "ruby3.3",
  "ruby3.4",
];

/** AWS lists runtimes in the order of a Java hash set; so that texts compare equal, so do we. */
export function hashSetOrder(values: readonly string[]): string[] {
  let buckets = 16;
  while (values.length > buckets * 0.75) buckets *= 2;
  const bucket = (text: string): number => {
    let hash = 0;
    for (let i = 0; i < text.length; i++) hash = (Math.imul(hash, 31) + text.charCodeAt(i)) | 0;
    return (hash ^ (hash >>> 16)) & (buckets - 1);
  };
  return values
    .map((value) => ({ value, at: bucket(value) }))
    .sort((a, b) => a.at - b.at)
    .map(({ value }) => value);
}

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
  if (RUNNABLE.includes(runtime)) return;
  if (DEPRECATED.has(runtime)) {
    throw invalidParameter(
      `The runtime parameter of ${runtime} is no longer supported for creating or updating AWS Lambda functions. We recommend you use a supported runtime while creating or updating functions.`,
      runnableHint(),
    );
  }
  if (VALID.includes(runtime)) {
    throw notImplementedYet(`Runtime ${runtime}`, runnableHint());
  }
  throw invalidParameter(
    `Value ${runtime} at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: [${hashSetOrder(VALID).join(", ")}] or be a valid ARN`,
    `Did you mean ${nearest(runtime)}?`,
  );
}

/** Custom runtimes run machine code, so their architecture must be the host's. */
export function isInterpreted(runtime: string): boolean {
  return !runtime.startsWith("provided");
}

function nearest(runtime: string): string {
  const lower = runtime.toLowerCase();
  if (RUNNABLE.includes(lower)) return lower;
  return lower.startsWith("node") ? "nodejs22.x" : "python3.13";
}

function runnableHint(): string {
  return `Runtimes that run here: ${RUNNABLE.join(", ")}. Anything else runs on provided.al2023 with a bootstrap of your own.`;
}
