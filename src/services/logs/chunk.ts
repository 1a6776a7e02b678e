/**
 * Events are stored in chunks: what one stream got in one flush, at most 10 minutes of one day and
 * 256 KB, as one row. A row for every event would cost the writer about 20 times more.
 */
import type { LogEvent } from "../../ports/log-sink.ts";

export const CHUNK_BYTES_MAX = 262_144;
/** No chunk crosses a multiple of this, so a chunk's events are never further apart. */
export const CHUNK_SPAN_MS = 600_000;
/** What an event costs beside its message, as AWS counts. */
export const EVENT_OVERHEAD_BYTES = 26;
const DAY_MS = 86_400_000;

export interface Chunk {
  readonly day: string;
  readonly firstTs: number;
  readonly lastTs: number;
  readonly events: number;
  /** Messages plus 26 bytes each. */
  readonly bytes: number;
  readonly body: Uint8Array;
}

/** An event's place in the order of all events: by timestamp, then by arrival. */
export interface Position {
  readonly ts: number;
  readonly seq: number;
  readonly index: number;
}

export interface StoredEvent extends Position {
  readonly streamId: string;
  readonly ingestedAt: number;
  readonly message: string;
}

/** The UTC day of a timestamp, `YYYY-MM-DD`: the name of the file that holds it. */
export function dayOf(timestampMs: number): string {
  return new Date(timestampMs).toISOString().slice(0, 10);
}

/** First millisecond of a day. */
export function startOfDay(day: string): number {
  return Date.parse(`${day}T00:00:00.000Z`);
}

export function endOfDay(day: string): number {
  return startOfDay(day) + DAY_MS;
}

export function eventBytes(event: LogEvent): number {
  return Buffer.byteLength(event.message) + EVENT_OVERHEAD_BYTES;
}

/** Cuts the events of one stream into chunks, ordered by timestamp, then as they came. */
export function toChunks(events: readonly LogEvent[]): Chunk[] {
  const sorted = events.toSorted((a, b) => a.timestamp - b.timestamp);
  const chunks: Chunk[] = [];
  let start = 0;
  let bytes = 0;
  const bucket = (index: number): number => Math.floor((sorted[index]?.timestamp ?? 0) / CHUNK_SPAN_MS);
  for (let i = 0; i < sorted.length; i++) {
    const size = eventBytes(sorted[i] as LogEvent);
    if (i > start && (bytes + size > CHUNK_BYTES_MAX || bucket(i) !== bucket(start))) {
      chunks.push(encode(sorted.slice(start, i), bytes));
      start = i;
      bytes = 0;
    }
    bytes += size;
  }
  if (start < sorted.length) chunks.push(encode(sorted.slice(start), bytes));
  return chunks;
}

function encode(events: readonly LogEvent[], bytes: number): Chunk {
  const firstTs = events[0]?.timestamp ?? 0;
  const lastTs = events.at(-1)?.timestamp ?? firstTs;
  const body = Buffer.from(JSON.stringify(events.map((event) => [event.timestamp, event.message])));
  return { day: dayOf(firstTs), firstTs, lastTs, events: events.length, bytes, body };
}

export interface ChunkRow {
  readonly streamId: string;
  readonly seq: number;
  readonly ingestedAt: number;
  readonly body: Uint8Array;
}

export function decode(row: ChunkRow): StoredEvent[] {
  const pairs = JSON.parse(Buffer.from(row.body).toString("utf8")) as [number, string][];
  const { streamId, seq, ingestedAt } = row;
  return pairs.map(([ts, message], index) => ({ ts, seq, index, streamId, ingestedAt, message }));
}

export function comparePositions(a: Position, b: Position): number {
  return a.ts - b.ts || a.seq - b.seq || a.index - b.index;
}

/** 16 digits of time, 20 of arrival, 20 of place: 56, as CloudWatch's event ids have. */
export function positionText(position: Position): string {
  const digits = (value: number, width: number): string => String(Math.max(0, value)).padStart(width, "0");
  return digits(position.ts, 16) + digits(position.seq, 20) + digits(position.index, 20);
}

/** Undefined when the text is no position. */
export function parsePosition(text: string): Position | undefined {
  if (!/^\d{56}$/.test(text)) return undefined;
  return {
    ts: Number(text.slice(0, 16)),
    seq: Number(text.slice(16, 36)),
    index: Number(text.slice(36)),
  };
}
