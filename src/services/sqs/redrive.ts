/**
 * RedrivePolicy (which queue takes the messages nobody could handle) and RedriveAllowPolicy (which queues
 * may use this one for it), as the JSON texts they are set with.
 */
import * as errors from "./errors.ts";
import { parseQueueArn } from "./names.ts";

export interface RedrivePolicy {
  readonly deadLetterTargetArn: string;
  /** Receives before a message is moved: 1 to 1000. */
  readonly maxReceiveCount: number;
}

export interface RedriveAllowPolicy {
  readonly redrivePermission: "allowAll" | "denyAll" | "byQueue";
  readonly sourceQueueArns?: readonly string[];
}

const SOURCES_MAX = 10;

export function parseRedrivePolicy(text: string): RedrivePolicy {
  const refuse = (reason: string): Error => errors.invalidValue(text, "RedrivePolicy", reason);
  const policy = parseMap(text);
  if (policy === undefined) throw refuse("Redrive policy is not a valid JSON map.");
  for (const name of ["deadLetterTargetArn", "maxReceiveCount"]) {
    if (policy[name] === undefined) {
      throw refuse(`Redrive policy does not contain mandatory attribute: ${name}.`);
    }
  }
  const { deadLetterTargetArn: arn, maxReceiveCount: count } = policy;
  const receives = typeof count === "string" && /^\d+$/u.test(count) ? Number(count) : count;
  if (typeof receives !== "number" || !Number.isInteger(receives) || receives < 1 || receives > 1000) {
    throw refuse(
      `Invalid value for maxReceiveCount: ${String(count)}, valid values are from 1 to 1000 both inclusive.`,
    );
  }
  if (typeof arn !== "string" || parseQueueArn(arn) === undefined) {
    throw refuse("Invalid value for deadLetterTargetArn.");
  }
  return { deadLetterTargetArn: arn, maxReceiveCount: receives };
}

export function parseRedriveAllowPolicy(text: string): RedriveAllowPolicy {
  const refuse = (reason: string): Error => errors.invalidValue(text, "RedriveAllowPolicy", reason);
  const policy = parseMap(text);
  if (policy === undefined) throw refuse("Redrive allow policy is not a valid JSON map.");
  const { redrivePermission: permission, sourceQueueArns: sources } = policy;
  if (permission !== "allowAll" && permission !== "denyAll" && permission !== "byQueue") {
    throw refuse("Invalid value for redrivePermission, valid values are allowAll, denyAll and byQueue.");
  }
  if (permission !== "byQueue") {
    if (sources === undefined) return { redrivePermission: permission };
    throw refuse("sourceQueueArns can be specified only when redrivePermission is byQueue.");
  }
  if (!Array.isArray(sources) || sources.length === 0) {
    throw refuse("sourceQueueArns must be specified when redrivePermission is byQueue.");
  }
  if (sources.length > SOURCES_MAX) {
    throw refuse(`sourceQueueArns can have at most ${String(SOURCES_MAX)} entries.`);
  }
  const arns = sources.filter(
    (arn): arn is string => typeof arn === "string" && parseQueueArn(arn) !== undefined,
  );
  if (arns.length !== sources.length) throw refuse("Invalid value for sourceQueueArns.");
  return { redrivePermission: permission, sourceQueueArns: arns };
}

/** Whether `source` may have this queue as its dead-letter queue. Without a policy everybody may. */
export function allowsRedrive(policy: RedriveAllowPolicy | undefined, source: string): boolean {
  if (policy === undefined || policy.redrivePermission === "allowAll") return true;
  return policy.redrivePermission === "byQueue" && policy.sourceQueueArns?.includes(source) === true;
}

function parseMap(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}
