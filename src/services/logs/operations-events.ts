import type { Operations, RequestContext } from "../../aws/service.ts";
import type { LogEvent } from "../../ports/log-sink.ts";
import { type Position, parsePosition, positionText, type StoredEvent } from "./chunk.ts";
import * as errors from "./errors.ts";
import type { Deps } from "./deps.ts";
import { groupOf, streamOf } from "./lookup.ts";
import { type LogGroup, type LogStream, namedGroup } from "./model.ts";
import { nextToken, openToken, parseStreamToken, streamToken } from "./page-token.ts";
import { compilePattern } from "./pattern/index.ts";
import { siftBatch } from "./put-events.ts";
import { type ScanRange, scan } from "./reader.ts";
import { visibleFrom } from "./retention.ts";

type EventOperations = Operations<typeof import("@aws-sdk/client-cloudwatch-logs")>;

const PAGE_EVENTS_MAX = 10_000;
const PAGE_BYTES_MAX = 1_048_576;
/** Stored bytes one FilterLogEvents call reads before it answers with what it has and a token. */
const SEARCH_BYTES_MAX = 33_554_432;
/** Behind every event there can be. */
const END_OF_TIME = 9_007_199_254_740_991;
/** Sequence tokens are not needed any more; AWS still answers with one. */
const SEQUENCE_TOKEN = "4".padEnd(56, "9");

export function eventOperations(deps: Deps): EventOperations {
  return {
    async PutLogEvents(input, context) {
      const group = await groupOf(deps, context, input.logGroupName ?? "");
      const stream = await streamOf(deps, group, input.logStreamName ?? "");
      const events = (input.logEvents ?? []).map((event): LogEvent => ({
        timestamp: event.timestamp ?? 0,
        message: event.message ?? "",
      }));
      const { accepted, rejected } = siftBatch(events, context.clock.now(), group.retentionDays);
      await deps.writer.put({ groupId: group.groupId, streamId: stream.streamId }, accepted);
      deps.tails.publish(context, group.name, stream.name, accepted);
      return {
        nextSequenceToken: SEQUENCE_TOKEN,
        ...(rejected === undefined ? {} : { rejectedLogEventsInfo: rejected }),
        // There is no entity model here; AWS has an answer for entities that are not taken.
        ...(input.entity === undefined
          ? {}
          : { rejectedEntityInfo: { errorType: "UnsupportedLogGroupType" } }),
      };
    },

    async GetLogEvents(input, context) {
      const group = await groupOf(deps, context, namedGroup(input));
      const stream = await streamOf(deps, group, input.logStreamName ?? "");
      await deps.writer.flush();
      const token = input.nextToken === undefined ? undefined : parseStreamToken(input.nextToken);
      const backward = token?.backward ?? input.startFromHead !== true;
      const range: ScanRange = {
        from: Math.max(input.startTime ?? 0, visibleFrom(group, context.clock.now())),
        to: input.endTime ?? END_OF_TIME,
        backward,
        beyond: token?.position,
      };
      const events = await page(deps, stream, range, input.limit ?? PAGE_EVENTS_MAX);
      return { events: events.map(outputEvent), ...pageTokens(events, range) };
    },

    async FilterLogEvents(input, context) {
      const group = await groupOf(deps, context, namedGroup(input));
      const { nextToken: token, ...question } = input;
      const matches = compilePattern(input.filterPattern ?? "");
      const streamIds = await selectedStreams(deps, group, input);
      await deps.writer.flush();
      const range: ScanRange = {
        from: Math.max(input.startTime ?? 0, visibleFrom(group, context.clock.now())),
        to: (input.endTime ?? END_OF_TIME - 1) + 1,
        backward: input.startFromHead === false,
        beyond: parsePosition(openToken(token, question) ?? ""),
      };
      const found = await search(
        deps,
        group,
        streamIds,
        range,
        matches,
        input.limit ?? PAGE_EVENTS_MAX,
        context,
      );
      const names = await streamNames(deps, group, found.events);
      const events = found.events.map((event) => ({
        logStreamName: names.get(event.streamId) ?? "",
        ...outputEvent(event),
        eventId: positionText(event),
      }));
      const next =
        found.reached === undefined ? {} : { nextToken: nextToken(positionText(found.reached), question) };
      return { events, searchedLogStreams: [], ...next };
    },
  };
}

function outputEvent(event: StoredEvent): { timestamp: number; message: string; ingestionTime: number } {
  return { timestamp: event.ts, message: event.message, ingestionTime: event.ingestedAt };
}

/** One page of a stream, always oldest first. */
async function page(deps: Deps, stream: LogStream, range: ScanRange, limit: number): Promise<StoredEvent[]> {
  const selection = { groupId: stream.groupId, streamIds: new Set([stream.streamId]) };
  const events: StoredEvent[] = [];
  let bytes = 0;
  reading: for await (const batch of scan(deps.files, selection, range)) {
    for (const event of batch.events) {
      bytes += Buffer.byteLength(event.message);
      if (events.length >= limit || (bytes > PAGE_BYTES_MAX && events.length > 0)) break reading;
      events.push(event);
    }
  }
  return range.backward ? events.toReversed() : events;
}

/**
 * Both tokens of a page. At either end the token that was sent comes back, which is how clients see
 * that there is no more (for now).
 */
function pageTokens(
  events: readonly StoredEvent[],
  range: ScanRange,
): { nextForwardToken: string; nextBackwardToken: string } {
  const [first, last] = [events[0], events.at(-1)];
  const edge = range.beyond ?? {
    ts: range.backward ? Math.min(range.to, 1e15) : range.from,
    seq: 0,
    index: 0,
  };
  // Tokens exclude the place they name, so turning around at an edge has to step over it.
  const turned: Position = { ...edge, index: range.backward ? Math.max(0, edge.index - 1) : edge.index + 1 };
  const forward = last ?? (range.backward ? stepBack(edge) : edge);
  const backward = first ?? (range.backward ? edge : turned);
  return {
    nextForwardToken: streamToken({ backward: false, position: forward }),
    nextBackwardToken: streamToken({ backward: true, position: backward }),
  };
}

/** The place just before: so that the event at the edge is read again going forward. */
function stepBack(edge: Position): Position {
  if (edge.index > 0) return { ...edge, index: edge.index - 1 };
  return edge.seq > 0
    ? { ...edge, seq: edge.seq - 1, index: 1e9 }
    : { ts: Math.max(0, edge.ts - 1), seq: 1e18, index: 0 };
}

interface Found {
  readonly events: readonly StoredEvent[];
  /** Set when there may be more: how far the search came. */
  readonly reached: Position | undefined;
}

async function search(
  deps: Deps,
  group: LogGroup,
  streamIds: ReadonlySet<string> | undefined,
  range: ScanRange,
  matches: (message: string) => boolean,
  limit: number,
  context: RequestContext,
): Promise<Found> {
  const events: StoredEvent[] = [];
  let [searched, bytes] = [0, 0];
  let reached: Position | undefined;
  for await (const batch of scan(deps.files, { groupId: group.groupId, streamIds }, range)) {
    context.signal.throwIfAborted();
    searched += batch.bytes;
    for (const event of batch.events) {
      if (events.length >= limit || bytes >= PAGE_BYTES_MAX) return { events, reached };
      reached = event;
      if (!matches(event.message)) continue;
      events.push(event);
      bytes += Buffer.byteLength(event.message);
    }
    if (searched >= SEARCH_BYTES_MAX && reached !== undefined) return { events, reached };
  }
  return { events, reached: undefined };
}

async function selectedStreams(
  deps: Deps,
  group: LogGroup,
  input: { logStreamNames?: string[] | undefined; logStreamNamePrefix?: string | undefined },
): Promise<ReadonlySet<string> | undefined> {
  const { logStreamNames, logStreamNamePrefix } = input;
  if (logStreamNames !== undefined && logStreamNamePrefix !== undefined) {
    throw errors.invalidParameter(
      "LogStreamNames and LogStreamNamePrefix are mutually exclusive parameters.",
    );
  }
  if (logStreamNamePrefix !== undefined) await deps.writer.flush();
  if (logStreamNames !== undefined) {
    const streams = await Promise.all(logStreamNames.map((name) => streamOf(deps, group, name)));
    return new Set(streams.map((stream) => stream.streamId));
  }
  if (logStreamNamePrefix === undefined) return undefined;
  const found = await deps.store.streams(group.groupId, { prefix: logStreamNamePrefix, limit: STREAMS_MAX });
  return new Set(found.map((stream) => stream.streamId));
}

/** More streams than any prefix search can mean. */
const STREAMS_MAX = 1_000_000;

async function streamNames(
  deps: Deps,
  group: LogGroup,
  events: readonly StoredEvent[],
): Promise<Map<string, string>> {
  const ids = [...new Set(events.map((event) => event.streamId))];
  const streams = await deps.store.streamsById(group.groupId, ids);
  return new Map(streams.map((stream) => [stream.streamId, stream.name]));
}
