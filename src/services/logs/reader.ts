/**
 * Events in order (timestamp, then arrival), however their chunks overlap.
 *
 * 1. Days in order; within a day, chunks in the order of their first (backward: last) timestamp.
 * 2. Loaded events wait until no chunk still to come can hold an earlier (later) one: until the
 *    next chunk begins behind them.
 * 3. Then they are handed out, sorted.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import {
  type Position,
  type StoredEvent,
  comparePositions,
  dayOf,
  decode,
  endOfDay,
  startOfDay,
} from "./chunk.ts";
import type { DayFiles } from "./day-files.ts";
import { type LoadedChunk, loadChunks, type Selection } from "./event-store.ts";

const CHUNKS_FIRST = 2;
const CHUNKS_MAX = 256;
/** What is decoded in one turn: about 2 ms. */
const BYTES_PER_TURN = 262_144;

export interface ScanRange {
  /** Inclusive, epoch milliseconds. */
  readonly from: number;
  /** Exclusive. */
  readonly to: number;
  readonly backward: boolean;
  /** Only events behind (backward: before) this place. */
  readonly beyond?: Position | undefined;
}

export interface ScanBatch {
  readonly events: readonly StoredEvent[];
  /** Stored bytes read for it, to bound the work of one request. */
  readonly bytes: number;
}

/** Batches of events in the order of the scan; empty batches are possible. */
export async function* scan(
  files: DayFiles,
  selection: Selection,
  range: ScanRange,
): AsyncGenerator<ScanBatch, void, undefined> {
  const { from, to } = narrowed(range);
  if (from >= to) return;
  const [firstDay, lastDay] = [dayOf(clampTime(from)), dayOf(clampTime(to - 1))];
  const days = files.days().filter((day) => day >= firstDay && day <= lastDay);
  if (range.backward) days.reverse();
  for (const day of days) {
    const limits = { from: Math.max(from, startOfDay(day)), to: Math.min(to, endOfDay(day)) };
    yield* scanDay(files, day, selection, { ...range, ...limits });
  }
}

/** The place narrows the time: nothing before (after) its timestamp is read at all. */
function narrowed(range: ScanRange): { from: number; to: number } {
  const { from, to, beyond, backward } = range;
  if (beyond === undefined) return { from, to };
  return backward ? { from, to: Math.min(to, beyond.ts + 1) } : { from: Math.max(from, beyond.ts), to };
}

async function* scanDay(
  files: DayFiles,
  day: string,
  selection: Selection,
  range: ScanRange,
): AsyncGenerator<ScanBatch, void, undefined> {
  const { backward } = range;
  let waiting: StoredEvent[] = [];
  let after: { ts: number; seq: number } | undefined;
  let limit = CHUNKS_FIRST;
  for (;;) {
    const { from, to } = range;
    const chunks = await loadChunks(files, day, selection, { after, from, to, limit, backward });
    const bytes = chunks.reduce((sum, chunk) => sum + chunk.body.byteLength, 0);
    waiting.push(...chunks.flatMap((chunk) => wantedEvents(chunk, selection, range)));
    waiting.sort((a, b) => (backward ? comparePositions(b, a) : comparePositions(a, b)));
    const last = chunks.at(-1);
    // Reads are answered within the turn; others get theirs.
    if (bytes > BYTES_PER_TURN / 2) await nextTurn();
    if (last === undefined || chunks.length < limit) {
      yield { events: waiting, bytes };
      return;
    }
    after = { ts: backward ? last.lastTs : last.firstTs, seq: last.seq };
    const border = after.ts;
    const cut = waiting.findIndex((event) => (backward ? event.ts <= border : event.ts >= border));
    const ready = cut === -1 ? waiting : waiting.slice(0, cut);
    waiting = cut === -1 ? [] : waiting.slice(cut);
    if (bytes < BYTES_PER_TURN / 2) limit = Math.min(limit * 2, CHUNKS_MAX);
    else if (bytes > BYTES_PER_TURN && limit > 1) limit = Math.floor(limit / 2);
    yield { events: ready, bytes };
  }
}

function wantedEvents(chunk: LoadedChunk, selection: Selection, range: ScanRange): StoredEvent[] {
  if (selection.streamIds?.has(chunk.streamId) === false) return [];
  const { from, to, beyond, backward } = range;
  return decode(chunk).filter((event) => {
    if (event.ts < from || event.ts >= to) return false;
    if (beyond === undefined) return true;
    return backward ? comparePositions(event, beyond) < 0 : comparePositions(event, beyond) > 0;
  });
}

/** Dates end in the year 275760; days are compared as text, which holds until 9999. */
function clampTime(ms: number): number {
  return Math.min(Math.max(0, ms), 253_402_300_799_999);
}
