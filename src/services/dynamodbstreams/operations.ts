/** ListStreams, DescribeStream, GetShardIterator, GetRecords. */
import { LIMITS } from "../../kernel/limits.ts";
import type { _Record, Shard } from "@aws-sdk/client-dynamodb-streams";
import type { Operations, RequestContext } from "../../aws/service.ts";
import type { Clock } from "../../kernel/clock.ts";
import type { TableStreamInfo, TableStreamRecord, TableStreams } from "../../ports/table-streams.ts";
import { expiredIterator, shardNotFound, streamNotFound, trimmed, validation } from "./errors.ts";
import { ITERATOR_MS, readIterator, writeIterator } from "./iterator.ts";

const RETENTION_MS = LIMITS.dynamodbStreamHours * 3_600_000;
const RECORDS_MAX = 1000;
const PAGE_BYTES = 1_048_576;
const LIST_MAX = 100;

export interface Deps {
  readonly source: TableStreams;
  readonly clock: Clock;
}

/** Errors: ResourceNotFoundException; also for streams that closed more than a day ago. */
async function find({ source, clock }: Deps, context: RequestContext, arn: string): Promise<TableStreamInfo> {
  const stream = await source.stream(context, arn);
  if (
    stream === undefined ||
    (stream.closedAt !== undefined && stream.closedAt < clock.now() - RETENTION_MS)
  ) {
    throw streamNotFound(arn);
  }
  return stream;
}

/** Errors: ValidationException. */
function refuseLimit(limit: number, most: number): void {
  if (limit <= most) return;
  throw validation(
    `One or more parameter values were invalid: Limit should be less than or equal to ${String(most)}`,
  );
}

function shardOf({ source }: Deps, stream: TableStreamInfo): Shard {
  const isClosed = stream.closedAt !== undefined;
  return {
    ShardId: stream.shardId,
    SequenceNumberRange: {
      StartingSequenceNumber: source.sequenceNumber(stream.firstSeq + 1),
      ...(isClosed ? { EndingSequenceNumber: source.sequenceNumber(stream.lastSeq) } : {}),
    },
  };
}

function record({ viewType, scope }: TableStreamInfo, found: TableStreamRecord): _Record {
  const { eventID, eventName, userIdentity, Keys, NewImage, OldImage, SizeBytes } = found;
  return {
    eventID,
    eventName,
    eventVersion: "1.1",
    eventSource: "aws:dynamodb",
    awsRegion: scope.region,
    dynamodb: {
      ApproximateCreationDateTime: new Date(Math.floor(found.createdAt / 1000) * 1000),
      Keys,
      ...(NewImage === undefined ? {} : { NewImage }),
      ...(OldImage === undefined ? {} : { OldImage }),
      SequenceNumber: found.sequenceNumber,
      SizeBytes,
      StreamViewType: viewType,
    },
    ...(userIdentity === undefined ? {} : { userIdentity }),
  };
}

/** After which place the iterator reads. Errors: ValidationException, TrimmedDataAccessException. */
async function startOf(
  { source, clock }: Deps,
  stream: TableStreamInfo,
  type: string | undefined,
  sequence: string | undefined,
): Promise<number> {
  const isBySequence = type === "AT_SEQUENCE_NUMBER" || type === "AFTER_SEQUENCE_NUMBER";
  if (!isBySequence) {
    if (sequence !== undefined) {
      throw validation(
        "One or more parameter values were invalid: SequenceNumber should not be passed for this iterator type",
      );
    }
    return type === "LATEST" ? stream.lastSeq : stream.firstSeq;
  }
  const place = sequence === undefined ? undefined : source.placeOf(sequence);
  if (place === undefined)
    throw validation("One or more parameter values were invalid: Invalid SequenceNumber");
  if (place < stream.firstSeq || place > stream.lastSeq + 1)
    throw validation("Invalid SequenceNumber for the shard");
  const oldest = await source.oldest(stream, clock.now() - RETENTION_MS);
  const after = type === "AT_SEQUENCE_NUMBER" ? place - 1 : place;
  if (after + 1 < oldest && place > stream.firstSeq + 1) throw trimmed();
  return after;
}

export function operations(deps: Deps): Operations<typeof import("@aws-sdk/client-dynamodb-streams")> {
  const { source, clock } = deps;
  return {
    async ListStreams(input, context) {
      const limit = input.Limit ?? LIST_MAX;
      refuseLimit(limit, LIST_MAX);
      const start = input.ExclusiveStartStreamArn;
      const after = start === undefined ? undefined : await source.stream(context, start);
      if (start !== undefined && after === undefined) return { Streams: [] };
      const found = await source.streams(context, {
        limit: limit + 1,
        ...(input.TableName === undefined
          ? {}
          : { tableName: input.TableName.replace(/^arn:.*:table\//u, "") }),
        ...(after === undefined ? {} : { after }),
      });
      const page = found.slice(0, limit);
      const last = found.length > limit ? page.at(-1) : undefined;
      return {
        Streams: page.map(({ arn, tableName, label }) => ({
          StreamArn: arn,
          TableName: tableName,
          StreamLabel: label,
        })),
        ...(last === undefined ? {} : { LastEvaluatedStreamArn: last.arn }),
      };
    },

    async DescribeStream(input, context) {
      refuseLimit(input.Limit ?? LIST_MAX, LIST_MAX);
      const stream = await find(deps, context, input.StreamArn ?? "");
      const [hash = "", range] = stream.keys;
      return {
        StreamDescription: {
          StreamArn: stream.arn,
          StreamLabel: stream.label,
          StreamStatus: stream.closedAt === undefined ? "ENABLED" : "DISABLED",
          StreamViewType: stream.viewType,
          CreationRequestDateTime: new Date(stream.createdAt),
          TableName: stream.tableName,
          KeySchema: [
            { AttributeName: hash, KeyType: "HASH" },
            ...(range === undefined ? [] : [{ AttributeName: range, KeyType: "RANGE" } as const]),
          ],
          // There is one shard: it comes after ids that sort before its own, and is nobody's child.
          Shards:
            (input.ExclusiveStartShardId ?? "") < stream.shardId && input.ShardFilter === undefined
              ? [shardOf(deps, stream)]
              : [],
        },
      };
    },

    async GetShardIterator(input, context) {
      const stream = await find(deps, context, input.StreamArn ?? "");
      if (input.ShardId !== stream.shardId) throw shardNotFound();
      const { ShardIteratorType: type, SequenceNumber: sequence } = input;
      const after = await startOf(deps, stream, type, sequence);
      const isExact = sequence !== undefined;
      return {
        ShardIterator: writeIterator({
          arn: stream.arn,
          shardId: stream.shardId,
          after,
          madeAt: clock.now(),
          isExact,
        }),
      };
    },

    async GetRecords(input, context) {
      const limit = input.Limit ?? RECORDS_MAX;
      refuseLimit(limit, RECORDS_MAX);
      const iterator = readIterator(input.ShardIterator ?? "");
      if (iterator === undefined) throw validation("Invalid ShardIterator");
      const now = clock.now();
      if (iterator.madeAt < now - ITERATOR_MS) throw expiredIterator();
      const stream = await find(deps, context, iterator.arn);
      const sinceMs = now - RETENTION_MS;
      const found = await source.records(stream, {
        after: iterator.after,
        sinceMs,
        limit,
        bytesMax: PAGE_BYTES,
      });
      const first = found[0]?.seq;
      // Places have no gaps: a first record further on means that those before it were trimmed.
      if (iterator.isExact && first !== undefined && first > iterator.after + 1) throw trimmed();
      const after = found.at(-1)?.seq ?? iterator.after;
      const isOver = stream.closedAt !== undefined && after >= stream.lastSeq;
      return {
        Records: found.map((each) => record(stream, each)),
        ...(isOver
          ? {}
          : {
              NextShardIterator: writeIterator({
                ...iterator,
                after,
                madeAt: now,
                isExact: iterator.isExact || found.length > 0,
              }),
            }),
      };
    },
  };
}
