/** What those who read the streams of tables ask of the service that writes them. */
import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import type { Scope } from "../kernel/scope.ts";

export interface TableStreamInfo {
  /** By which its writer knows it. */
  readonly no: number;
  readonly scope: Scope;
  readonly arn: string;
  readonly tableName: string;
  readonly label: string;
  readonly viewType: "KEYS_ONLY" | "NEW_IMAGE" | "OLD_IMAGE" | "NEW_AND_OLD_IMAGES";
  /** Hash key, then range key. */
  readonly keys: readonly string[];
  /** Epoch ms. */
  readonly createdAt: number;
  readonly closedAt: number | undefined;
  readonly shardId: string;
  /** Places of records run from here, excluded, to `lastSeq`, included, without gaps. */
  readonly firstSeq: number;
  readonly lastSeq: number;
}

export type Image = Readonly<Record<string, AttributeValue>>;

export interface TableStreamRecord {
  readonly seq: number;
  readonly sequenceNumber: string;
  /** Epoch ms. */
  readonly createdAt: number;
  readonly eventID: string;
  readonly eventName: "INSERT" | "MODIFY" | "REMOVE";
  readonly userIdentity?: { readonly PrincipalId: string; readonly Type: string };
  readonly Keys: Image;
  readonly NewImage?: Image;
  readonly OldImage?: Image;
  readonly SizeBytes: number;
}

export interface TableStreams {
  stream(scope: Scope, arn: string): Promise<TableStreamInfo | undefined>;
  /** By table name and label, after `after`. */
  streams(
    scope: Scope,
    query: { readonly tableName?: string; readonly after?: TableStreamInfo; readonly limit: number },
  ): Promise<TableStreamInfo[]>;
  /** Up to `limit` records and `bytesMax` bytes after the place `after`, none from before `sinceMs`. */
  records(
    stream: TableStreamInfo,
    query: {
      readonly after: number;
      readonly sinceMs: number;
      readonly limit: number;
      readonly bytesMax: number;
    },
  ): Promise<TableStreamRecord[]>;
  /** Place of the oldest record that is left, or of the next one to come. */
  oldest(stream: TableStreamInfo, sinceMs: number): Promise<number>;
  sequenceNumber(seq: number): string;
  /** undefined for what is no sequence number. */
  placeOf(sequence: string): number | undefined;
}
