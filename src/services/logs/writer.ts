/**
 * Takes events in. Lines of functions are buffered for 50 ms or 256 KB and stored a chunk per
 * stream; PutLogEvents is stored at once and waits for it.
 *
 * 1. `append` puts events into the buffer of their stream and returns.
 * 2. A flush takes all buffers, finds or makes their groups and streams, cuts chunks, and commits
 *    them a slice at a time, so that no turn is long.
 * 3. Who subscribes to their groups is handed them.
 * 4. A flush that fails puts the events back; the bounds then drop the oldest.
 */
import type { Clock, Timer } from "../../kernel/clock.ts";
import type { Logger } from "../../kernel/log.ts";
import type { Random } from "../../kernel/random.ts";
import { type Scope, sameScope } from "../../kernel/scope.ts";
import { Conflict, type Statement } from "../../ports/database.ts";
import type { LogEvent, LogSink } from "../../ports/log-sink.ts";
import { type Chunk, eventBytes, toChunks } from "./chunk.ts";
import type { DayFiles } from "./day-files.ts";
import { type ChunkOwner, insertChunk } from "./event-store.ts";
import type { LogStore } from "./store.ts";
import type { StoredChunk, Subscriptions } from "./subscriptions.ts";
import type { Tails } from "./tail.ts";

const FLUSH_AFTER_MS = 50;
const FLUSH_BYTES = 262_144;
const RETRY_AFTER_MS = 1000;
const STREAM_BUFFER_BYTES_MAX = 16_777_216;
const TOTAL_BUFFER_BYTES_MAX = 67_108_864;
/** What is encoded and committed in one turn: about 2 ms. */
const SLICE_BYTES = 262_144;
/** Streams whose ids are remembered between lines. */
const IDLE_STREAMS_MAX = 5000;

interface StreamBuffer {
  readonly scope: Scope;
  readonly group: string;
  readonly stream: string;
  events: LogEvent[];
  bytes: number;
  dropped: number;
  owner: ChunkOwner | undefined;
}

/** The events of one stream that a flush works on; those before `done` are stored. */
interface Taken {
  readonly buffer: StreamBuffer;
  readonly events: readonly LogEvent[];
  done: number;
}

interface Part {
  readonly item: Taken;
  readonly to: number;
}

interface OwnedChunk {
  readonly owner: ChunkOwner;
  readonly chunk: Chunk;
}

export interface WriterDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly store: LogStore;
  readonly files: DayFiles;
  readonly tails: Tails;
  readonly subscriptions: Subscriptions;
  /** Told the bytes of every commit, for the disk budget. */
  readonly onStored: (bytes: number) => void;
}

export interface LogWriter extends LogSink {
  /** Resolves when everything appended so far is stored (or could not be). */
  flush(): Promise<void>;
  /** Resolves when the events are committed. The stream must exist. */
  put(owner: ChunkOwner, events: readonly LogEvent[]): Promise<void>;
  /** Forgets remembered ids: the stream, or all streams of the group, were deleted. */
  forget(deleted: { readonly groupId: string; readonly streamId?: string }): void;
  close(): Promise<void>;
}

export function createWriter(deps: WriterDeps): LogWriter {
  const { clock, store, files, log } = deps;
  /** By the stream's name, of which few groups have the same. */
  const buffers = new Map<string, StreamBuffer[]>();
  const dirty = new Set<StreamBuffer>();
  let totalBytes = 0;
  let timer: Timer | undefined;
  let urgent = false;
  let closed = false;
  let lastSeq = 0;
  let flushed: Promise<void> = Promise.resolve();

  function nextSeq(): number {
    lastSeq = Math.max(lastSeq + 1, clock.now() * 1000);
    return lastSeq;
  }

  function schedule(delayMs: number): void {
    // What could not be stored by the last flush is lost; trying for ever would keep the server from ending.
    if (closed) return;
    timer?.cancel();
    timer = clock.timer(delayMs, () => {
      timer = undefined;
      urgent = false;
      void flush();
    });
  }

  function bufferOf(scope: Scope, group: string, stream: string): StreamBuffer {
    const namesakes = buffers.get(stream);
    const known = namesakes?.find((buffer) => buffer.group === group && sameScope(buffer.scope, scope));
    if (known !== undefined) return known;
    const buffer = { scope, group, stream, events: [], bytes: 0, dropped: 0, owner: undefined };
    if (buffers.size >= IDLE_STREAMS_MAX) forgetIdle();
    buffers.set(stream, [...(buffers.get(stream) ?? []), buffer]);
    return buffer;
  }

  function forgetIdle(): void {
    for (const [stream, namesakes] of buffers) {
      const kept = namesakes.filter((buffer) => dirty.has(buffer) || buffer.events.length > 0);
      if (kept.length === 0) buffers.delete(stream);
      else if (kept.length < namesakes.length) buffers.set(stream, kept);
    }
  }

  /** Keeps the newest; called when a stream, or all together, hold too much. */
  function shrink(buffer: StreamBuffer): void {
    const room = Math.min(STREAM_BUFFER_BYTES_MAX, TOTAL_BUFFER_BYTES_MAX - (totalBytes - buffer.bytes));
    let keepFrom = 0;
    let { bytes } = buffer;
    while (bytes > room / 2 && keepFrom < buffer.events.length) {
      bytes -= eventBytes(buffer.events[keepFrom] as LogEvent);
      keepFrom += 1;
    }
    buffer.dropped += keepFrom;
    buffer.events = buffer.events.slice(keepFrom);
    totalBytes -= buffer.bytes - bytes;
    buffer.bytes = bytes;
  }

  function take(buffer: StreamBuffer): Taken {
    const { events, dropped } = buffer;
    if (dropped > 0) {
      const timestamp = events[0]?.timestamp ?? clock.now();
      events.unshift({ timestamp, message: droppedLine(dropped) });
    }
    totalBytes -= buffer.bytes;
    Object.assign(buffer, { events: [], bytes: 0, dropped: 0 });
    return { buffer, events, done: 0 };
  }

  function putBack(taken: readonly Taken[]): void {
    for (const { buffer, events, done } of taken) {
      const left = events.slice(done);
      if (left.length === 0) continue;
      const bytes = left.reduce((sum, event) => sum + eventBytes(event), 0);
      buffer.events = [...left, ...buffer.events];
      buffer.bytes += bytes;
      totalBytes += bytes;
      dirty.add(buffer);
      if (buffer.bytes > STREAM_BUFFER_BYTES_MAX || totalBytes > TOTAL_BUFFER_BYTES_MAX) shrink(buffer);
    }
  }

  async function nameOwners(taken: readonly Taken[]): Promise<void> {
    const unknown = taken.map(({ buffer }) => buffer).filter((buffer) => buffer.owner === undefined);
    if (unknown.length === 0) return;
    const newId = (): string => deps.random.hex(24);
    const streams = await store.ensureStreams(unknown, clock.now(), newId);
    unknown.forEach((buffer, index) => {
      const found = streams[index];
      if (found !== undefined) buffer.owner = { groupId: found.groupId, streamId: found.streamId };
    });
  }

  async function commitChunks(chunks: readonly OwnedChunk[]): Promise<StoredChunk[]> {
    const byDay = Map.groupBy(chunks, ({ chunk }) => chunk.day);
    const stored: StoredChunk[] = [];
    for (const [day, ofDay] of byDay) stored.push(...(await commitDay(day, ofDay)));
    return stored;
  }

  async function commitDay(day: string, slice: readonly OwnedChunk[]): Promise<StoredChunk[]> {
    let stored: StoredChunk[] = [];
    const unit = (): Statement[] => {
      stored = slice.map((owned) => ({ ...owned, seq: nextSeq() }));
      return stored.flatMap(({ owner, chunk, seq }) => insertChunk(owner, chunk, seq, clock.now()));
    };
    await files.useOrCreate(day, async (database) => {
      try {
        await database.commit(unit());
      } catch (error) {
        // The number was taken: the clock went back over a restart. The next one is free.
        if (!(error instanceof Conflict)) throw error;
        lastSeq += 1_000_000;
        await database.commit(unit());
      }
    });
    deps.onStored(slice.reduce((sum, { chunk }) => sum + chunk.bytes, 0));
    return stored;
  }

  async function flushOnce(): Promise<void> {
    const taken = [...dirty].map(take);
    dirty.clear();
    try {
      await nameOwners(taken);
      for (let slice = nextSlice(taken); slice.length > 0; slice = nextSlice(taken)) {
        const stored = await commitChunks(slice.flatMap(chunksOf));
        for (const { item, to } of slice) item.done = to;
        await deps.subscriptions.stored(stored).catch((error: unknown) => {
          log.warn(
            { error: String(error) },
            "log events are stored, but those who subscribe do not get them",
          );
        });
      }
    } catch (error) {
      log.warn(
        { error: String(error), streams: taken.length },
        "log events could not be stored; trying again",
      );
      putBack(taken);
      schedule(RETRY_AFTER_MS);
    }
  }

  /** One flush at a time; a caller that comes during one waits for it and for one of its own. */
  function flush(): Promise<void> {
    flushed = flushed.then(() => (dirty.size > 0 ? flushOnce() : undefined));
    return flushed;
  }

  return {
    append(scope, group, stream, events) {
      if (events.length === 0) return;
      const buffer = bufferOf(scope, group, stream);
      for (const event of events) {
        const size = eventBytes(event);
        buffer.events.push(event);
        buffer.bytes += size;
        totalBytes += size;
      }
      dirty.add(buffer);
      if (buffer.bytes > STREAM_BUFFER_BYTES_MAX || totalBytes > TOTAL_BUFFER_BYTES_MAX) shrink(buffer);
      deps.tails.publish(scope, group, stream, events);
      if (totalBytes >= FLUSH_BYTES && !urgent) {
        urgent = true;
        schedule(0);
      } else if (timer === undefined) {
        schedule(FLUSH_AFTER_MS);
      }
    },
    flush,
    async put(owner, events) {
      await deps.subscriptions.stored(
        await commitChunks(toChunks(events).map((chunk) => ({ owner, chunk }))),
      );
    },
    forget({ groupId, streamId }) {
      for (const buffer of [...buffers.values()].flat()) {
        if (buffer.owner?.groupId !== groupId) continue;
        if (streamId === undefined || buffer.owner.streamId === streamId) buffer.owner = undefined;
      }
    },
    async close() {
      closed = true;
      timer?.cancel();
      timer = undefined;
      await flush();
    },
  };
}

function droppedLine(count: number): string {
  return `[lambent] ${count} log lines were dropped here: they came faster than they could be stored\n`;
}

/** The next events of all that were taken, as many as one turn can encode. */
function nextSlice(taken: readonly Taken[]): Part[] {
  const slice: Part[] = [];
  let room = SLICE_BYTES;
  for (const item of taken) {
    let to = item.done;
    for (; to < item.events.length && room > 0; to++) room -= eventBytes(item.events[to] as LogEvent);
    if (to > item.done) slice.push({ item, to });
    if (room <= 0) break;
  }
  return slice;
}

function chunksOf({ item, to }: Part): OwnedChunk[] {
  const { owner } = item.buffer;
  if (owner === undefined) return []; // the stream was deleted between its making and now
  return toChunks(item.events.slice(item.done, to)).map((chunk) => ({ owner, chunk }));
}
