/** What EventBridge keeps. */
import type { BusKey, RuleKey } from "./names.ts";

export interface Bus extends BusKey {
  readonly description: string | undefined;
  /** JSON text of the resource policy. */
  readonly policy: string | undefined;
  readonly createdAt: number;
  readonly modifiedAt: number;
}

export interface Rule extends RuleKey {
  /** As it was given. */
  readonly pattern: string | undefined;
  readonly schedule: string | undefined;
  readonly state: RuleState;
  readonly description: string | undefined;
  readonly roleArn: string | undefined;
  /** When it was made, enabled or given this schedule: rates count from there. Epoch milliseconds. */
  readonly sinceMs: number;
  /** When its schedule is due next; undefined where there is none or it is disabled. */
  readonly nextMs: number | undefined;
}

/** Of management events of CloudTrail there are none here, so the third state is the first. */
export type RuleState = "ENABLED" | "DISABLED" | "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS";

/** A target with the members that are served, as PutTargets takes and ListTargetsByRule shows it. */
export interface Target {
  readonly Id: string;
  readonly Arn: string;
  readonly RoleArn?: string;
  readonly Input?: string;
  readonly InputPath?: string;
  readonly InputTransformer?: {
    readonly InputPathsMap?: Readonly<Record<string, string>>;
    readonly InputTemplate: string;
  };
  readonly SqsParameters?: { readonly MessageGroupId?: string };
  readonly RetryPolicy?: {
    readonly MaximumRetryAttempts?: number;
    readonly MaximumEventAgeInSeconds?: number;
  };
  readonly DeadLetterConfig?: { readonly Arn?: string };
}

/** https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html */
export const EVENTS_LIMITS = {
  busesPerScope: 100,
  rulesPerBus: 300,
  targetsPerRule: 5,
  /** Of all entries of a request together. */
  putEventsBytes: 1_048_576,
  detailDepth: 1_100,
  policyBytes: 10_240,
  tagsPerResource: 50,
  pageDefault: 100,
  retryAttemptsDefault: 185,
  eventAgeSecondsDefault: 86_400,
} as const;
