import { LIMITS } from "../../kernel/limits.ts";
import type { Clock } from "../../kernel/clock.ts";
import type { Random } from "../../kernel/random.ts";
import type { LogEvent, LogSink } from "../../ports/log-sink.ts";
import type { FunctionVersion } from "../model/function.ts";
import { LINE_BYTES_MAX } from "./line-splitter.ts";

/** A buffer this full is handed to the sink at once, whatever else is going on. */
const EVENTS_HELD_MAX = 256;
const CHARACTERS_HELD_MAX = 128 * 1024;

/**
 * The log stream of one environment. Events are held until the invocation is over (one call of the
 * sink instead of four) or until `flush`, which the owner calls now and then so that the lines of a
 * long invocation are seen while it runs.
 */
export class FunctionLog {
  readonly group: string;
  readonly stream: string;
  readonly #sink: LogSink;
  readonly #clock: Clock;
  readonly #version: FunctionVersion;
  #events: LogEvent[] = [];
  #characters = 0;
  #tail: string[] | undefined;
  #tailCharacters = 0;
  #lastMs: number;

  constructor(sink: LogSink, clock: Clock, version: FunctionVersion, stream: string) {
    this.#sink = sink;
    this.#clock = clock;
    this.#version = version;
    this.group = version.logging.logGroup;
    this.stream = stream;
    this.#lastMs = clock.now();
  }

  write(message: string, timestamp: number = this.#clock.now()): void {
    this.#events.push({ timestamp, message });
    this.#lastMs = timestamp;
    this.#characters += message.length;
    if (this.#tail !== undefined) this.#keepForTail(message);
    if (this.#events.length >= EVENTS_HELD_MAX || this.#characters >= CHARACTERS_HELD_MAX) this.flush();
  }

  /**
   * A line under the time at which the runtime says it was written, by the machine's clock. What the
   * runtime says is not believed further than from the line before to now: lines stay in order, and a
   * time of no day cannot reach the store. Longer texts than CloudWatch Logs takes become several events.
   */
  writeFromRuntime(text: string, machineMs: number): void {
    const nowMs = this.#clock.now();
    const saidMs = Math.round(machineMs) + (this.#clock.offsetMs ?? 0);
    const timestamp = saidMs >= nowMs || Number.isNaN(saidMs) ? nowMs : Math.max(saidMs, this.#lastMs);
    if (text.length * UTF8_BYTES_MAX <= LINE_BYTES_MAX) return this.write(text, timestamp);
    const bytes = Buffer.from(text);
    for (let from = 0; from < bytes.length;) {
      const to = characterStart(bytes, Math.min(from + LINE_BYTES_MAX, bytes.length), -1);
      this.write(bytes.toString("utf8", from, to), timestamp);
      from = to;
    }
  }

  flush(): void {
    if (this.#events.length === 0) return;
    const events = this.#events;
    this.#events = [];
    this.#characters = 0;
    this.#sink.append(this.#version.scope, this.group, this.stream, events);
  }

  /** From here on what is written is also kept for `takeTail`. */
  startTail(): void {
    this.#tail = [];
    this.#tailCharacters = 0;
  }

  /** The last 4 KB since `startTail`. */
  takeTail(): string {
    const text = (this.#tail ?? [])
      .map((message) => (message.endsWith("\n") ? message : `${message}\n`))
      .join("");
    this.#tail = undefined;
    const bytes = Buffer.from(text);
    if (bytes.length <= LIMITS.logTailBytes) return text;
    return bytes.toString("utf8", characterStart(bytes, bytes.length - LIMITS.logTailBytes, 1));
  }

  #keepForTail(message: string): void {
    const tail = this.#tail as string[];
    tail.push(message);
    this.#tailCharacters += message.length;
    while (tail.length > 1 && this.#tailCharacters - (tail[0] as string).length > LIMITS.logTailBytes) {
      this.#tailCharacters -= (tail.shift() as string).length;
    }
  }
}

/** Bytes of UTF-8 for one unit of a string's length, at most. */
const UTF8_BYTES_MAX = 3;

/** The nearest place in that direction that is not in the middle of a character. */
function characterStart(bytes: Buffer, at: number, step: 1 | -1): number {
  let start = at;
  while (start > 0 && start < bytes.length && ((bytes[start] as number) & 0xc0) === 0x80) start += step;
  return start;
}

/**
 * `2026/11/21/[$LATEST]<32 hex>`; in a group of the user's own choice the function's name stands
 * before the version, because several functions may share the group.
 */
export function logStreamName(version: FunctionVersion, nowMs: number, random: Random): string {
  const day = new Date(nowMs).toISOString().slice(0, 10).replaceAll("-", "/");
  const name = version.logging.logGroup === `/aws/lambda/${version.name}` ? "" : version.name;
  return `${day}/${name}[${version.version}]${random.hex(32)}`;
}
