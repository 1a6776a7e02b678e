/** The event that goes to targets. https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-events-structure.html */
import type { Scope } from "../../kernel/scope.ts";
import { parseExact } from "./exact-json.ts";

/** One event, as text for its receivers and as values for patterns. */
export interface BusEvent {
  readonly text: string;
  readonly value: EventValue;
  /** When the bus took it. */
  readonly ingestedMs: number;
  /** It came from another bus: then it goes to no third one. */
  readonly forwarded: boolean;
  /** The detail as it was written; archives count it. */
  readonly givenDetail?: string;
  /** Of X-Ray; it is no part of the event. */
  readonly traceHeader?: string;
}

export interface EventValue extends Readonly<Record<string, unknown>> {
  readonly id: string;
  readonly source: string;
  readonly "detail-type": string;
}

export interface EventFields extends Scope {
  readonly id: string;
  readonly source: string;
  readonly detailType: string;
  readonly resources: readonly string[];
  readonly timeMs: number;
  /** JSON text of an object. */
  readonly detail: string;
}

/** `2026-11-21T15:00:00Z`: whole seconds. */
export function secondsText(timeMs: number): string {
  return `${new Date(timeMs).toISOString().slice(0, 19)}Z`;
}

/** Numbers stay as they were written, which parsing and printing would not keep. */
export function compactJson(text: string): string {
  return text.replaceAll(/("(?:[^"\\]|\\.)*")|\s+/gu, "$1");
}

export function makeEvent(fields: EventFields, detail: unknown, ingestedMs: number): BusEvent {
  const head = {
    version: "0",
    id: fields.id,
    "detail-type": fields.detailType,
    source: fields.source,
    account: fields.accountId,
    time: secondsText(fields.timeMs),
    region: fields.region,
    resources: [...fields.resources],
  };
  const text = `${JSON.stringify(head).slice(0, -1)},"detail":${compactJson(fields.detail)}}`;
  return { text, value: { ...head, detail }, ingestedMs, forwarded: false, givenDetail: fields.detail };
}

/** An event from another bus. One that comes from another region gets a new id. */
export function forwardedEvent(text: string, newId: string | undefined, ingestedMs: number): BusEvent {
  const value = JSON.parse(text) as EventValue;
  if (newId === undefined) return { text, value, ingestedMs, forwarded: true };
  const changed = text.replace(JSON.stringify(value.id), () => JSON.stringify(newId));
  return { text: changed, value: { ...value, id: newId }, ingestedMs, forwarded: true };
}

/** An event out of an archive: it says which replay it belongs to. */
export function replayedEvent(text: string, field: string, replay: string, ingestedMs: number): BusEvent {
  const value = { ...(JSON.parse(text) as EventValue), [field]: replay };
  const marked = `${text.slice(0, text.lastIndexOf("}"))},${JSON.stringify(field)}:${JSON.stringify(replay)}}`;
  return { text: marked, value, ingestedMs, forwarded: false };
}

const exactValues = new WeakMap<BusEvent, unknown>();

/** The event with its numbers as they were written. Only templates and paths ask, and then often. */
export function exactValue(event: BusEvent): unknown {
  const known = exactValues.get(event);
  if (known !== undefined) return known;
  const exact = parseExact(event.text);
  exactValues.set(event, exact);
  return exact;
}
