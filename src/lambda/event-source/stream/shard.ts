/**
 * Reads one shard from its checkpoint on and hands the records to lanes by partition key.
 *
 * The checkpoint is the last record before which nothing is open; what lies behind it is delivered
 * again after a crash. A mapping that starts at the end of the stream remembers when it started, so
 * that records which come while the server is down are not skipped.
 */
import { createHash } from "node:crypto";
import type { Clock } from "../../../kernel/clock.ts";
import { ServiceError } from "../../../kernel/errors.ts";
import { LIMITS } from "../../../kernel/limits.ts";
import type { Wakeup } from "../../../ports/wakeup.ts";
import type { EventSourceMapping } from "../model.ts";
import { Lane, type LaneDeps } from "./lane.ts";
import { Progress } from "./progress.ts";
import type { Position, Shard, StreamRecord, StreamSource } from "./source.ts";
import type { OpenWindow } from "./window.ts";

/** What is stored of a shard. */
export interface Checkpoint {
  readonly after?: string;
  /** Nothing was read yet: records that arrived before this are not wanted. */
  readonly sinceMs?: number;
  readonly window?: OpenWindow;
  /** The shard is closed and processed to its end. */
  readonly ended?: true;
}

export interface ShardDeps extends Omit<LaneDeps, "finished" | "look" | "retentionMs"> {
  readonly mapping: EventSourceMapping;
  readonly source: StreamSource;
  readonly wakeup: Wakeup;
  readonly clock: Clock;
  readonly wants: (event: Readonly<Record<string, unknown>>) => boolean;
  save(checkpoint: Checkpoint): Promise<void>;
  /** Counts of records read, and of those no filter wanted. */
  counted(polled: number, unwanted: number): void;
}

const READ_MAX = 1_000;
/** Between looks when nobody says that there is something new. */
const LOOK_MS = 10_000;
/** Waiting in each lane; below it there is room for a whole event and for the next. */
const LANE_BYTES = 2 * LIMITS.syncPayloadBytes;
/** Between looks whether there is room for more records. */
const FULL_MS = 250;

/**
 * Where a shard goes on. One that was never read, of a parent that was, begins at its first record: it
 * came when the mapping was there already, whatever its starting position says.
 */
export function checkpointOf(
  { id, parentId }: Shard,
  stored: ReadonlyMap<string, string>,
): Checkpoint | undefined {
  const own = stored.get(id);
  if (own !== undefined) return JSON.parse(own) as Checkpoint;
  const parent = parentId === undefined ? undefined : stored.get(parentId);
  if (parent === undefined) return undefined;
  return { sinceMs: (JSON.parse(parent) as Checkpoint).sinceMs ?? 0 };
}

/** Resolves when the shard is processed to its end, or the signal aborted. Errors: what the source or the storage throws. */
export async function processShard(outer: ShardDeps, from: Checkpoint | undefined): Promise<void> {
  const settings = outer.mapping.settings.stream;
  if (settings === undefined || from?.ended === true) return;
  // What fails in one part ends the others: the shard begins again as a whole.
  const failing = new AbortController();
  const deps: ShardDeps = { ...outer, signal: AbortSignal.any([outer.signal, failing.signal]) };
  const start = await startOf(deps, from);
  const progress = new Progress(from?.after);
  let window = from?.window;

  async function save(): Promise<void> {
    const { position } = progress;
    await deps.save({
      ...(position === undefined ? { sinceMs: start.sinceMs ?? 0 } : { after: position }),
      ...(window === undefined ? {} : { window }),
    });
  }
  async function finished(
    records: readonly StreamRecord[],
    windowNow: OpenWindow | undefined,
  ): Promise<void> {
    const isOtherWindow = window?.startMs !== windowNow?.startMs;
    window = windowNow;
    const moved = progress.finish(records.map((record) => record.sequenceNumber));
    if (moved || isOtherWindow) await save();
  }
  const reader: Reader = { look: () => undefined };
  const laneDeps = {
    ...deps,
    finished,
    look: () => reader.look(),
    retentionMs: deps.source.retentionMs,
  };
  const lanes = Array.from({ length: settings.parallelizationFactor }, () => new Lane(laneDeps, window));
  const reading = read(deps, reader, lanes, progress, start, save).finally(() =>
    lanes.forEach((lane) => lane.end()),
  );
  const parts = [reading, ...lanes.map((lane) => lane.run())];
  try {
    await Promise.all(parts);
  } catch (error) {
    failing.abort();
    await Promise.allSettled(parts);
    throw error;
  }
  if (!deps.signal.aborted) await deps.save({ ended: true, sinceMs: start.sinceMs ?? 0 });
}

interface Reader {
  /** Ends the wait for news. */
  look: () => void;
}

interface Start {
  readonly position: Position;
  readonly sinceMs: number | undefined;
}

async function startOf({ mapping, clock, save }: ShardDeps, from: Checkpoint | undefined): Promise<Start> {
  if (from?.after !== undefined) {
    return { position: { kind: "AFTER", sequenceNumber: from.after }, sinceMs: undefined };
  }
  if (from !== undefined) return { position: { kind: "TRIM_HORIZON" }, sinceMs: from.sinceMs };
  if (mapping.settings.stream?.startingPosition !== "LATEST") {
    return { position: { kind: "TRIM_HORIZON" }, sinceMs: 0 };
  }
  const sinceMs = clock.now();
  await save({ sinceMs });
  return { position: { kind: "LATEST" }, sinceMs };
}

async function read(
  deps: ShardDeps,
  reader: Reader,
  lanes: readonly Lane[],
  progress: Progress,
  start: Start,
  save: () => Promise<void>,
): Promise<void> {
  const { mapping, source, shardId, signal, clock, wakeup } = deps;
  let position = start.position;
  /** What was trimmed before anybody read it is gone: the oldest that is left is next. */
  const open = async (): Promise<string> => {
    try {
      return await source.iterator(shardId, position);
    } catch (error) {
      if (!(error instanceof ServiceError) || error.code !== "TrimmedDataAccessException") throw error;
      position = { kind: "TRIM_HORIZON" };
      return source.iterator(shardId, position);
    }
  };
  let iterator: string | undefined = await open();
  const enough = Math.max(READ_MAX, 2 * mapping.settings.batchSize) * lanes.length;
  const enoughBytes = LANE_BYTES * lanes.length;
  signal.addEventListener("abort", () => reader.look(), { once: true });
  while (iterator !== undefined && !signal.aborted) {
    const waitingBytes = lanes.reduce((sum, lane) => sum + lane.waitingBytes, 0);
    if (progress.open >= enough || waitingBytes >= enoughBytes) {
      await clock.sleep(FULL_MS, signal).catch(() => undefined);
      continue;
    }
    // Before the read: what is written while it runs must not be missed.
    const news = new AbortController();
    reader.look = () => news.abort();
    const told = wakeup.wait(mapping.sourceArn, LOOK_MS, news.signal);
    const readAtMs = clock.now();
    const result: Awaited<ReturnType<StreamSource["read"]>> | undefined = await source
      .read(iterator, READ_MAX)
      .catch((error: unknown) => {
        if (!(error instanceof ServiceError)) throw error;
        if (error.code === "TrimmedDataAccessException") position = { kind: "TRIM_HORIZON" };
        else if (error.code !== "ExpiredIteratorException") throw error;
        return undefined;
      });
    if (result === undefined) {
      news.abort();
      iterator = await open();
      continue;
    }
    await take(deps, lanes, progress, result.records, start.sinceMs ?? 0, save);
    const last = result.records.at(-1);
    if (last !== undefined) position = { kind: "AFTER", sequenceNumber: last.sequenceNumber };
    iterator = result.next;
    if (last === undefined) for (const lane of lanes) lane.caughtUp(readAtMs);
    if (last === undefined && iterator !== undefined) await told;
    news.abort();
  }
}

async function take(
  deps: ShardDeps,
  lanes: readonly Lane[],
  progress: Progress,
  records: readonly StreamRecord[],
  sinceMs: number,
  save: () => Promise<void>,
): Promise<void> {
  const unwanted: string[] = [];
  // Arrival times may be whole seconds.
  const earliest = Math.floor(sinceMs / 1000) * 1000;
  for (const record of records) {
    progress.read(record.sequenceNumber);
    if (record.arrivedAtMs >= earliest && deps.wants(record.event)) laneOf(lanes, record).add(record);
    else unwanted.push(record.sequenceNumber);
  }
  deps.counted(records.length, unwanted.length);
  if (progress.finish(unwanted)) await save();
}

function laneOf(lanes: readonly Lane[], record: StreamRecord): Lane {
  if (lanes.length === 1) return lanes[0] as Lane;
  const hash = createHash("md5").update(record.partitionKey).digest().readUInt32BE(0);
  return lanes[hash % lanes.length] as Lane;
}
