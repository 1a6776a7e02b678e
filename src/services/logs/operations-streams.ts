import type { Operations } from "../../aws/service.ts";
import { activityOf } from "./event-store.ts";
import * as errors from "./errors.ts";
import type { Deps } from "./deps.ts";
import { groupOf, streamOf } from "./lookup.ts";
import * as model from "./model.ts";
import { nextToken, openToken } from "./page-token.ts";

type StreamOperations = Operations<typeof import("@aws-sdk/client-cloudwatch-logs")>;

const PAGE_DEFAULT = 50;
const STREAMS_MAX = 1_000_000;
const SEQUENCE_TOKEN = "4".padEnd(56, "9");

export function streamOperations(deps: Deps): StreamOperations {
  const { store } = deps;
  return {
    async CreateLogStream(input, context) {
      const name = input.logStreamName ?? "";
      model.checkStreamName(name);
      const group = await groupOf(deps, context, input.logGroupName ?? "");
      const stream = { streamId: context.random.hex(24), groupId: group.groupId, name };
      const made = await store.createStream({ ...stream, createdAt: context.clock.now() });
      if (!made) throw errors.streamExists();
      return {};
    },

    async DeleteLogStream(input, context) {
      const group = await groupOf(deps, context, input.logGroupName ?? "");
      const stream = await streamOf(deps, group, input.logStreamName ?? "");
      if (!(await store.deleteStream(stream.streamId))) throw errors.streamNotFound();
      deps.writer.forget(stream);
      return {};
    },

    async DescribeLogStreams(input, context) {
      const group = await groupOf(deps, context, model.namedGroup(input));
      const { nextToken: token, limit = PAGE_DEFAULT, ...question } = input;
      const byTime = question.orderBy === "LastEventTime";
      if (byTime && question.logStreamNamePrefix !== undefined) {
        throw errors.invalidParameter("Cannot order by LastEventTime with a logStreamNamePrefix.");
      }
      await deps.writer.flush();
      const after = openToken(token, question);
      const list = byTime ? streamsByTime : streamsByName;
      const found = await list(deps, group, question, after, limit + 1);
      const shown = found.slice(0, limit);
      const last = shown.at(-1)?.stream.name ?? "";
      const next = found.length > limit ? { nextToken: nextToken(last, question) } : {};
      return { logStreams: shown.map((each) => outputStream(group, each)), ...next };
    },
  };
}

interface Listed {
  readonly stream: model.LogStream;
  readonly activity: model.StreamActivity | undefined;
}

interface Listing {
  readonly logStreamNamePrefix?: string | undefined;
  readonly descending?: boolean | undefined;
}

async function streamsByName(
  deps: Deps,
  group: model.LogGroup,
  query: Listing,
  after: string | undefined,
  limit: number,
): Promise<Listed[]> {
  const { logStreamNamePrefix: prefix, descending = false } = query;
  const streams = await deps.store.streams(group.groupId, { prefix, after, limit, descending });
  const ids = streams.map((stream) => stream.streamId);
  const activity = await activityOf(deps.files, group.groupId, ids);
  return streams.map((stream) => ({ stream, activity: activity.get(stream.streamId) }));
}

/** Streams without events sort as if their last event were older than any. */
async function streamsByTime(
  deps: Deps,
  group: model.LogGroup,
  query: Listing,
  after: string | undefined,
  limit: number,
): Promise<Listed[]> {
  const streams = await deps.store.streams(group.groupId, { limit: STREAMS_MAX });
  const activity = await activityOf(deps.files, group.groupId);
  const time = (listed: Listed): number => listed.activity?.lastTs ?? 0;
  const sorted = streams
    .map((stream): Listed => ({ stream, activity: activity.get(stream.streamId) }))
    .toSorted((a, b) => time(a) - time(b) || (a.stream.name < b.stream.name ? -1 : 1));
  if (query.descending === true) sorted.reverse();
  const start = after === undefined ? 0 : sorted.findIndex((listed) => listed.stream.name === after) + 1;
  return sorted.slice(start, start + limit);
}

function outputStream(group: model.LogGroup, { stream, activity }: Listed): object {
  return {
    logStreamName: stream.name,
    creationTime: stream.createdAt,
    ...(activity === undefined
      ? {}
      : {
          firstEventTimestamp: activity.firstTs,
          lastEventTimestamp: activity.lastTs,
          lastIngestionTime: activity.ingestedAt,
          uploadSequenceToken: SEQUENCE_TOKEN,
        }),
    arn: model.streamArn(group, stream.name),
    storedBytes: 0, // AWS reports no sizes of streams since 2019
  };
}
