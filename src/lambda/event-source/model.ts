import { arnParts } from "../../kernel/arn.ts";
import type { Scope } from "../../kernel/scope.ts";

/** What kind of source an ARN names. A FIFO queue differs from a standard one in what it takes. */
export type SourceKind = "sqs" | "sqs-fifo" | "dynamodb";

export const isQueue = (kind: SourceKind): boolean => kind !== "dynamodb";

/** What was asked for, defaults filled in; absent where the kind of source has no such field. */
export interface MappingSettings {
  readonly batchSize: number;
  readonly batchingWindowSeconds: number;
  /** Pattern texts; empty: everything passes. */
  readonly filters: readonly string[];
  readonly reportBatchItemFailures: boolean;
  /** Queues only: 2 to 1,000. */
  readonly maximumConcurrency?: number;
  readonly countEvents: boolean;
  readonly stream?: StreamSettings;
}

export interface StreamSettings {
  readonly startingPosition: "TRIM_HORIZON" | "LATEST";
  readonly parallelizationFactor: number;
  readonly bisectBatchOnFunctionError: boolean;
  /** -1: until the records expire. */
  readonly maximumRetryAttempts: number;
  /** -1: until the records expire. */
  readonly maximumRecordAgeSeconds: number;
  readonly tumblingWindowSeconds: number;
  readonly onFailureArn?: string;
}

/** What the user wants of a mapping: the poller follows it. */
export type Wanted = "enabled" | "disabled" | "deleted";

/** AWS's word for a change under way. */
export type Transition = "Creating" | "Updating" | "Enabling" | "Disabling" | "Deleting";

export interface EventSourceMapping {
  readonly uuid: string;
  readonly scope: Scope;
  readonly sourceArn: string;
  readonly kind: SourceKind;
  readonly functionName: string;
  readonly qualifier: string | undefined;
  /** As the caller qualified it. */
  readonly functionArn: string;
  readonly settings: MappingSettings;
  readonly wanted: Wanted;
  /** The last change, and until when it shows as under way. */
  readonly transition: Transition;
  readonly transitionUntilMs: number;
  /** Another with every change but that of tags: a poller of an older one stops. */
  readonly lastModifiedMs: number;
  /** Streams tell how the last batch went. */
  readonly lastProcessingResult: string | undefined;
  readonly tags: Readonly<Record<string, string>>;
  /** Counts changes. */
  readonly revision: number;
}

/** FunctionState of a mapping as AWS shows it. */
export function stateOf(mapping: EventSourceMapping, nowMs: number): string {
  if (mapping.wanted === "deleted") return "Deleting";
  if (nowMs < mapping.transitionUntilMs) return mapping.transition;
  return mapping.wanted === "enabled" ? "Enabled" : "Disabled";
}

/** `arn:aws:sqs:…`, `arn:aws:dynamodb:…:table/T/stream/L`; undefined for what is no source here. */
export function sourceKind(arn: string): SourceKind | undefined {
  const { service, region, accountId, resource } = arnParts(arn);
  if (!arn.startsWith("arn:aws") || region === "" || accountId === "") return undefined;
  if (service === "sqs" && resource !== "") return resource.endsWith(".fifo") ? "sqs-fifo" : "sqs";
  if (service === "dynamodb" && /^table\/[^/]+\/stream\/.+/u.test(resource)) return "dynamodb";
  return undefined;
}
