/**
 * Polls one stream for one function: a process for each shard, a child's only after its parent's end.
 * A shard that fails (the source is down, the disk is full) begins again from its checkpoint after a
 * pause; the others are not touched.
 */
import type { Logger } from "../../../kernel/log.ts";
import type { Random } from "../../../kernel/random.ts";
import { Conflict } from "../../../ports/database.ts";
import type { PeerIdentity, Peers } from "../../../ports/peers.ts";
import type { Wakeup } from "../../../ports/wakeup.ts";
import { shownArn } from "../../../events/outbox/shown.ts";
import type { FunctionInvoker, InvocationOutcome } from "../../model/invocation.ts";
import { recordFilter } from "../filter.ts";
import type { Poller } from "../manager.ts";
import type { MappingMetrics } from "../metrics.ts";
import type { EventSourceMapping } from "../model.ts";
import type { MappingLease, MappingStore } from "../store.ts";
import { refusalOf, shownOutcome, tellBatch, type ToldDeps } from "../told.ts";
import { deliverFailure } from "./on-failure.ts";
import { dynamodbSource } from "./dynamodb.ts";
import { checkpointOf, processShard, type ShardDeps } from "./shard.ts";
import type { Shard, StreamSource, StreamRecord } from "./source.ts";
import type { AttemptResult, GiveUpCondition } from "./step.ts";

export interface StreamPollerDeps extends ToldDeps {
  readonly store: MappingStore;
  readonly peers: Peers;
  readonly invoker: Pick<FunctionInvoker, "invoke">;
  readonly roleOf: (mapping: EventSourceMapping) => Promise<string>;
  readonly wakeup: Wakeup;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics: MappingMetrics;
}

/** How often new shards are looked for. */
const SHARDS_MS = 30_000;
const PAUSE_FIRST_MS = 500;
const PAUSE_MAX_MS = 60_000;

export function startStreamPoller(deps: StreamPollerDeps, lease: MappingLease): Poller {
  const { store, clock, log, metrics, invoker } = deps;
  const { mapping, epoch } = lease;
  const stopping = new AbortController();
  const { signal } = stopping;
  const wants = recordFilter(mapping.settings.filters, undefined);
  const identity = async (): Promise<PeerIdentity> => ({
    kind: "role",
    arn: await deps.roleOf(mapping),
    sessionName: mapping.functionName,
  });
  const source: StreamSource = dynamodbSource(deps.peers, mapping, identity);
  const running = new Map<string, Promise<void>>();
  /** Of the last listing. */
  let listed: ReadonlySet<string> = new Set();
  let lastResult = mapping.lastProcessingResult;

  function attempted(
    result: AttemptResult,
    records: readonly StreamRecord[],
    outcome: InvocationOutcome | undefined,
    refusal: unknown,
  ): void {
    tell(result, records.length, outcome, refusal);
    const last = records.at(-1);
    if (last !== undefined) metrics.iteratorAge(mapping, Math.max(0, clock.now() - last.arrivedAtMs));
    if (result !== "throttled") metrics.count(mapping, "InvokedEventCount", records.length);
    if (result === "failure") metrics.count(mapping, "FailedInvokeEventCount", records.length);
    const text =
      result === "success"
        ? "OK"
        : result === "throttled"
          ? "PROBLEM: Function throttled"
          : "PROBLEM: Function call failed";
    if (text === lastResult) return;
    lastResult = text;
    store.setResult(mapping.uuid, epoch, text).catch((error: unknown) => {
      log.debug({ mapping: mapping.uuid, error: String(error) }, "the last result could not be stored");
    });
  }

  function tell(
    result: AttemptResult,
    records: number,
    outcome: InvocationOutcome | undefined,
    refusal: unknown,
  ): void {
    if (outcome === undefined) {
      const { reason, ...more } = refusalOf(refusal);
      const shown = `batch of ${String(records)} FAILED ${reason}; tried again`;
      return tellBatch(deps, mapping, shown, { failed: true, ...more });
    }
    const failed = result === "success" ? 0 : result instanceof Set ? result.size : records;
    const shown = shownOutcome(records, failed, outcome);
    if (result === "success") return tellBatch(deps, mapping, shown);
    tellBatch(deps, mapping, shown, { failed: true, next: `lambent logs ${mapping.functionName}` });
  }

  function tellGivenUp(count: number, condition: GiveUpCondition, went: string, next?: string): void {
    const shown = `${String(count)} records given up (${condition}), ${went}`;
    tellBatch(deps, mapping, shown, { failed: true, ...(next === undefined ? {} : { next }) });
  }

  function shardDeps(shardId: string): ShardDeps {
    return {
      mapping,
      shardId,
      source,
      wakeup: deps.wakeup,
      clock,
      signal,
      wants,
      attempted,
      counted(polled, unwanted) {
        metrics.count(mapping, "PolledEventCount", polled);
        metrics.count(mapping, "FilteredOutEventCount", unwanted);
      },
      save: (checkpoint) => store.saveCheckpoint(mapping.uuid, shardId, epoch, JSON.stringify(checkpoint)),
      invoke: (payload) =>
        invoker.invoke({
          scope: mapping.scope,
          functionName: mapping.functionName,
          qualifier: mapping.qualifier,
          payload,
        }),
      async givenUp(records, condition, invokeCount, last) {
        metrics.count(mapping, "DroppedEventCount", records.length);
        const about = { mapping: mapping.uuid, shardId, records: records.length, condition };
        const destination = mapping.settings.stream?.onFailureArn;
        if (destination === undefined) {
          const next = `aws lambda update-event-source-mapping --uuid ${mapping.uuid} --destination-config '{"OnFailure":{"Destination":"<arn of a queue>"}}'`;
          tellGivenUp(records.length, condition, "dropped", next);
          return log.warn(
            { ...about, next },
            "records of a stream were given up; an OnFailure destination would keep them",
          );
        }
        const batch = {
          mapping,
          shardId,
          records,
          condition,
          invokeCount,
          requestId: last?.requestId,
          executedVersion: last?.executedVersion,
          functionError: last?.kind === "function-error" ? last.errorType : undefined,
          batchInfoName: source.batchInfoName,
        };
        try {
          await deliverFailure(deps, await identity(), destination, batch, signal);
          metrics.count(mapping, "OnFailureDestinationDeliveredEventCount", records.length);
          tellGivenUp(records.length, condition, `told to ${shownArn(destination)}`);
        } catch (error) {
          const { reason, next } = refusalOf(error);
          tellGivenUp(records.length, condition, `${shownArn(destination)} FAILED ${reason}`, next);
          log.warn(
            { ...about, destination, error: reason, ...(next === undefined ? {} : { next }) },
            "the record of failed stream records could not be delivered",
          );
        }
      },
    };
  }

  async function runShard(shard: Shard): Promise<void> {
    let pauseMs = PAUSE_FIRST_MS;
    for (let startedAt = 0; !signal.aborted;) {
      try {
        startedAt = clock.now();
        const stored = await store.checkpoints(mapping.uuid);
        return await processShard(shardDeps(shard.id), checkpointOf(shard, stored));
      } catch (error) {
        // Another node has the mapping: its manager's next look ends this poller.
        if (signal.aborted || error instanceof Conflict) return;
        // Its stream keeps it no longer: its children need not wait.
        if (!listed.has(shard.id)) return;
        if (clock.now() - startedAt > PAUSE_MAX_MS) pauseMs = PAUSE_FIRST_MS;
        const { reason, ...more } = refusalOf(error);
        log.warn(
          { mapping: mapping.uuid, shardId: shard.id, error: reason, pauseMs, ...more },
          "a shard cannot be processed; it is tried again from its checkpoint",
        );
        tellBatch(deps, mapping, `FAILED ${reason}; tried again`, { failed: true, ...more });
        await clock.sleep(pauseMs, signal).catch(() => undefined);
        pauseMs = Math.min(PAUSE_MAX_MS, pauseMs * 2);
      }
    }
  }

  async function follow(): Promise<void> {
    let pauseMs = PAUSE_FIRST_MS;
    while (!signal.aborted) {
      try {
        const shards = await source.shards(signal);
        startRunnable(shards);
        pauseMs = SHARDS_MS;
      } catch (error) {
        if (signal.aborted) return;
        const { reason, ...more } = refusalOf(error);
        log.warn(
          { mapping: mapping.uuid, source: mapping.sourceArn, error: reason, ...more },
          "the shards of a stream cannot be listed",
        );
        tellBatch(deps, mapping, `FAILED ${reason}; tried again`, { failed: true, ...more });
        pauseMs = Math.min(PAUSE_MAX_MS, pauseMs * 2);
      }
      await clock.sleep(pauseMs, signal).catch(() => undefined);
    }
  }

  /** Starts every shard whose parent is gone or done. */
  function startRunnable(shards: readonly Shard[]): void {
    listed = new Set(shards.map((shard) => shard.id));
    for (const shard of shards) {
      if (running.has(shard.id)) continue;
      const parent =
        shard.parentId !== undefined && listed.has(shard.parentId) ? running.get(shard.parentId) : undefined;
      running.set(
        shard.id,
        (parent ?? Promise.resolve()).then(() => runShard(shard)),
      );
    }
  }

  const following = follow();
  return {
    async close() {
      stopping.abort();
      await following;
      await Promise.allSettled(running.values());
    },
  };
}
