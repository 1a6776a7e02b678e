/** What this service asks of the one that writes the streams. */
import type { AttributeValue } from "@aws-sdk/client-dynamodb-streams";
import type { Scope } from "../../kernel/scope.ts";

export interface StreamInfo {
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
  /** Places of records run from here, excluded, to `lastSeq`, included. */
  readonly firstSeq: number;
  readonly lastSeq: number;
}

/** Images are JSON as stored: binaries in base64. */
export type Image = Readonly<Record<string, unknown>>;

export interface StreamRecord {
  readonly seq: number;
  readonly sequenceNumber: string;
  /** Epoch ms. */
  readonly createdAt: number;
  readonly body: {
    readonly eventID: string;
    readonly eventName: "INSERT" | "MODIFY" | "REMOVE";
    readonly userIdentity?: { readonly PrincipalId: string; readonly Type: string };
    readonly Keys: Image;
    readonly NewImage?: Image;
    readonly OldImage?: Image;
    readonly SizeBytes: number;
  };
}

export interface StreamSource<Info extends StreamInfo = StreamInfo> {
  stream(scope: Scope, arn: string): Promise<Info | undefined>;
  /** By table name and label, after `after`. */
  streams(
    scope: Scope,
    query: { readonly tableName?: string; readonly after?: Info; readonly limit: number },
  ): Promise<Info[]>;
  /** Up to `limit` records and `bytesMax` bytes after the place `after`, none from before `sinceMs`. */
  records(
    stream: Info,
    query: {
      readonly after: number;
      readonly sinceMs: number;
      readonly limit: number;
      readonly bytesMax: number;
    },
  ): Promise<StreamRecord[]>;
  /** Place of the oldest record that is left, or of the next one to come. */
  oldest(stream: Info, sinceMs: number): Promise<number>;
  sequenceNumber(seq: number): string;
  placeOf(sequence: string): number | undefined;
  /** Attribute values of an image, as the API has them. */
  image(json: Image): Record<string, AttributeValue>;
}
