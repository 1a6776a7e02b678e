/** What EventBridge keeps. */
import type { ArchiveKey, BusKey, ReplayKey, RuleKey } from "./names.ts";

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

/** It takes from the moment it was made, so it has no other states. */
export interface Archive extends ArchiveKey {
  readonly bus: BusKey;
  /** As it was given. */
  readonly pattern: string | undefined;
  readonly description: string | undefined;
  /** 0: for ever. */
  readonly retentionDays: number;
  readonly createdAt: number;
}

export interface ArchivedEvent {
  /** The event's own time. */
  readonly timeMs: number;
  readonly eventId: string;
  /** JSON text of the event. */
  readonly body: string;
}

export type ReplayState = "STARTING" | "RUNNING" | "CANCELLED" | "COMPLETED";

export interface Replay extends ReplayKey {
  readonly archiveArn: string;
  readonly bus: BusKey;
  /** Rules that the events go to; all of the bus when there is none. */
  readonly filterArns: readonly string[];
  readonly description: string | undefined;
  readonly state: ReplayState;
  /** Of the events' own times. */
  readonly fromMs: number;
  readonly untilMs: number;
  /** Of the last event that was replayed. */
  readonly lastMs: number | undefined;
  readonly lastId: string;
  readonly startedMs: number;
  readonly endedMs: number | undefined;
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
  archivesPerScope: 100,
  activeReplays: 10,
  pageDefault: 100,
  retryAttemptsDefault: 185,
  eventAgeSecondsDefault: 86_400,
} as const;
