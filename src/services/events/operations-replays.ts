/** Replays. https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-replay-archived-event.html */
import { Conflict } from "../../ports/database.ts";
import { insertReplay, updateReplay } from "./archive-store.ts";
import type { Deps, EventsOperations } from "./deps.ts";
import * as errors from "./errors.ts";
import { busAt } from "./lookup.ts";
import { type Archive, EVENTS_LIMITS, type Replay } from "./model.ts";
import { archiveArn, busArn, parseArchiveArn, parseBusArn, replayArn, type ReplayKey } from "./names.ts";
import { openToken, pageOf } from "./page-token.ts";
import type { Scope } from "../../kernel/scope.ts";

export function replayOperations(deps: Deps): EventsOperations {
  const { archives, replayer, store, clock } = deps;

  /** Errors: ResourceNotFoundException. */
  async function replayOf({ accountId, region }: Scope, name: string | undefined): Promise<Replay> {
    const found = await archives.replay({ accountId, region, replay: name ?? "" });
    if (found === undefined) throw errors.replayNotFound(name ?? "");
    return found;
  }

  /** Errors: ValidationException. */
  async function archiveAt(arn: string): Promise<Archive> {
    const key = parseArchiveArn(arn);
    const found = key === undefined ? undefined : await archives.archive(key);
    if (found !== undefined) return found;
    throw errors.validation(
      `Parameter EventSourceArn is not valid. Reason: Archive ${key?.archive ?? arn} does not exist.`,
    );
  }

  return {
    async StartReplay(input, context) {
      const bus = parseBusArn(input.Destination?.Arn ?? "");
      if (bus === undefined) throw invalidDestination("Must contain an event bus ARN.");
      await busAt(deps, bus);
      const { accountId, region } = context;
      const key = { accountId, region, replay: input.ReplayName ?? "" };
      if ((await archives.replay(key)) !== undefined) throw errors.replayExists(key.replay);
      const archive = await archiveAt(input.EventSourceArn ?? "");
      if (busArn(archive.bus) !== busArn(bus))
        throw invalidDestination("Cross event bus replay is not permitted.");
      const fromMs = input.EventStartTime?.getTime() ?? 0;
      const untilMs = input.EventEndTime?.getTime() ?? 0;
      if (untilMs <= fromMs) {
        throw errors.validation(
          "Parameter EventEndTime is not valid. Reason: EventStartTime must be before EventEndTime.",
        );
      }
      const replay: Replay = {
        ...key,
        ...{ archiveArn: archiveArn(archive), bus, fromMs, untilMs },
        filterArns: input.Destination?.FilterArns ?? [],
        description: input.Description,
        state: "STARTING",
        ...{ lastMs: undefined, lastId: "", startedMs: clock.now(), endedMs: undefined },
      };
      try {
        await store.commit([insertReplay(replay)]);
      } catch (error) {
        if (!(error instanceof Conflict)) throw error;
        throw (await archives.replay(key)) === undefined
          ? errors.limitExceeded()
          : errors.replayExists(key.replay);
      }
      replayer.run(replay);
      return {
        ReplayArn: replayArn(key),
        State: replay.state,
        ReplayStartTime: new Date(replay.startedMs),
      };
    },

    async DescribeReplay(input, context) {
      const replay = await replayOf(context, input.ReplayName);
      const { filterArns } = replay;
      return {
        ReplayArn: replayArn(replay),
        ...shown(replay),
        ...(replay.description === undefined ? {} : { Description: replay.description }),
        Destination: {
          Arn: busArn(replay.bus),
          ...(filterArns.length === 0 ? {} : { FilterArns: [...filterArns] }),
        },
      };
    },

    async ListReplays(input, context) {
      const { NamePrefix = "", EventSourceArn, State } = input;
      const question = ["replays", NamePrefix, EventSourceArn, State];
      const after = openToken(input.NextToken, question) ?? "";
      const found = (await archives.replays(context)).filter(
        (replay) =>
          replay.replay.startsWith(NamePrefix) &&
          replay.replay > after &&
          (State === undefined || replay.state === State) &&
          (EventSourceArn === undefined || replay.archiveArn === EventSourceArn),
      );
      const page = pageOf(found, input.Limit ?? EVENTS_LIMITS.pageDefault, nameOf, question);
      return { Replays: page.shown.map(shown), ...page.next };
    },

    async CancelReplay(input, context) {
      const replay = await replayOf(context, input.ReplayName);
      try {
        await store.commit([updateReplay(replay, { state: "CANCELLED", endedMs: clock.now() })]);
      } catch (error) {
        throw error instanceof Conflict ? errors.replayOver(replay.replay) : error;
      }
      return { ReplayArn: replayArn(replay), State: "CANCELLING" as const };
    },
  };
}

const nameOf = ({ replay }: ReplayKey): string => replay;

function invalidDestination(reason: string): Error {
  return errors.validation(`Parameter Destination.Arn is not valid. Reason: ${reason}`);
}

function shown(replay: Replay) {
  const { lastMs, endedMs } = replay;
  return {
    ReplayName: replay.replay,
    EventSourceArn: replay.archiveArn,
    State: replay.state,
    EventStartTime: new Date(replay.fromMs),
    EventEndTime: new Date(replay.untilMs),
    ...(lastMs === undefined ? {} : { EventLastReplayedTime: new Date(lastMs) }),
    ReplayStartTime: new Date(replay.startedMs),
    ...(endedMs === undefined ? {} : { ReplayEndTime: new Date(endedMs) }),
  };
}
