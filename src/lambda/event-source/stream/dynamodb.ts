/** DynamoDB Streams as a source, and its records as functions get them. */
import { LIMITS } from "../../../kernel/limits.ts";
import type { PeerIdentity, Peers } from "../../../ports/peers.ts";
import { scopeOfArn } from "../../../kernel/arn.ts";
import type { EventSourceMapping } from "../model.ts";
import type { Shard, StreamRecord, StreamSource } from "./source.ts";

interface StreamDescription {
  readonly Shards?: readonly { readonly ShardId: string; readonly ParentShardId?: string }[];
  readonly LastEvaluatedShardId?: string;
}

/** As GetRecords answers. */
interface DynamodbRecord {
  readonly eventID?: string;
  readonly eventName?: string;
  readonly eventVersion?: string;
  readonly eventSource?: string;
  readonly awsRegion?: string;
  readonly dynamodb?: Readonly<Record<string, unknown>> & {
    readonly ApproximateCreationDateTime?: Date;
    readonly SequenceNumber?: string;
    readonly Keys?: unknown;
  };
  readonly userIdentity?: { readonly PrincipalId?: string; readonly Type?: string };
}

export function dynamodbSource(
  peers: Peers,
  mapping: EventSourceMapping,
  identity: () => Promise<PeerIdentity>,
): StreamSource {
  const StreamArn = mapping.sourceArn;
  const scope = scopeOfArn(StreamArn, mapping.scope);
  async function call<T>(operation: string, input: object): Promise<T> {
    const as = await identity();
    return (await peers.call({ service: "dynamodbstreams", operation, input: { ...input }, scope, as })) as T;
  }
  return {
    batchInfoName: "DDBStreamBatchInfo",
    retentionMs: LIMITS.dynamodbStreamHours * 3_600_000,
    async shards() {
      const shards: Shard[] = [];
      let after: string | undefined;
      do {
        const page: { StreamDescription?: StreamDescription } = await call("DescribeStream", {
          StreamArn,
          ...(after === undefined ? {} : { ExclusiveStartShardId: after }),
        });
        for (const { ShardId, ParentShardId } of page.StreamDescription?.Shards ?? []) {
          shards.push({ id: ShardId, parentId: ParentShardId });
        }
        after = page.StreamDescription?.LastEvaluatedShardId;
      } while (after !== undefined);
      return shards;
    },
    async iterator(ShardId, position) {
      const where =
        position.kind === "AFTER"
          ? { ShardIteratorType: "AFTER_SEQUENCE_NUMBER", SequenceNumber: position.sequenceNumber }
          : { ShardIteratorType: position.kind };
      const answer: { ShardIterator: string } = await call("GetShardIterator", {
        StreamArn,
        ShardId,
        ...where,
      });
      return answer.ShardIterator;
    },
    async read(ShardIterator, Limit) {
      const answer: { Records?: readonly DynamodbRecord[]; NextShardIterator?: string } = await call(
        "GetRecords",
        { ShardIterator, Limit },
      );
      return {
        records: (answer.Records ?? []).map((record) => recordOf(record, StreamArn)),
        next: answer.NextShardIterator,
      };
    },
  };
}

function recordOf(record: DynamodbRecord, streamArn: string): StreamRecord {
  const { dynamodb = {}, userIdentity } = record;
  const { ApproximateCreationDateTime: created, ...rest } = dynamodb;
  const createdMs = created?.getTime() ?? 0;
  return {
    sequenceNumber: String(dynamodb.SequenceNumber),
    arrivedAtMs: createdMs,
    partitionKey: JSON.stringify(plain(dynamodb.Keys)),
    event: {
      eventID: record.eventID,
      eventName: record.eventName,
      eventVersion: record.eventVersion,
      eventSource: record.eventSource,
      awsRegion: record.awsRegion,
      dynamodb: { ApproximateCreationDateTime: createdMs / 1000, ...(plain(rest) as object) },
      ...(userIdentity === undefined
        ? {}
        : { userIdentity: { principalId: userIdentity.PrincipalId, type: userIdentity.Type } }),
      eventSourceARN: streamArn,
    },
  };
}

/** Bytes as base64, as JSON carries them; absent members left out. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString("base64");
  if (value instanceof Set) return [...value].map(plain);
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, member]) => member !== undefined)
      .map(([key, member]) => [key, plain(member)]),
  );
}
