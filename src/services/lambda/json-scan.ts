import { isUtf8 } from "node:buffer";
import { ServiceError } from "../../kernel/errors.ts";

/**
 * Whether a payload is JSON, told as Lambda tells it. Small payloads go through the engine's parser;
 * large ones through a scanner that can be paused, so that no turn of the event loop is long.
 */
const PARSE_BYTES_MAX = 64 * 1024;
const SLICE_BYTES = 256 * 1024;
const EXCERPT_BYTES = 500;

const VALUES = "JSON String, Number, Array, Object or token 'null', 'true' or 'false'";

/** Errors: InvalidRequestContentException (400). Synchronous for all but large payloads. */
export function checkJson(payload: Uint8Array): void | Promise<void> {
  if (payload.byteLength > PARSE_BYTES_MAX) return checkLarge(payload);
  if (isUtf8(payload)) {
    try {
      JSON.parse(Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString());
      return undefined;
    } catch {
      // The scanner below knows the words.
    }
  }
  throw refusal(payload, new JsonScanner(payload));
}

async function checkLarge(payload: Uint8Array): Promise<void> {
  if (!isUtf8(payload)) throw refusal(payload, new JsonScanner(payload));
  const scanner = new JsonScanner(payload);
  for (let end = SLICE_BYTES; ; end += SLICE_BYTES) {
    if (!scanner.run(Math.min(end, payload.byteLength))) throw refusal(payload, scanner);
    if (end >= payload.byteLength) break;
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
  if (!scanner.finish()) throw refusal(payload, scanner);
}

function refusal(payload: Uint8Array, scanner: JsonScanner): ServiceError {
  if (scanner.problem === undefined && scanner.run(payload.byteLength)) scanner.finish();
  const problem = firstOf(scanner.problem, utf8Problem(payload));
  const { line, column } = positionOf(payload, problem.at);
  const shown = Buffer.from(payload.subarray(0, EXCERPT_BYTES)).toString();
  const cut = payload.byteLength - EXCERPT_BYTES;
  const source = `(byte[])"${shown}"${cut > 0 ? `[truncated ${cut} bytes]` : ""}`;
  return new ServiceError(
    "InvalidRequestContentException",
    400,
    `Could not parse request body into json: Could not parse payload into json: ${problem.text}\n at [Source: ${source}; line: ${line}, column: ${column}]`,
    {
      members: { Type: "User" },
      hint: "The payload must be JSON. With AWS CLI v2 add --cli-binary-format raw-in-base64-out.",
    },
  );
}

interface Problem {
  readonly text: string;
  readonly at: number;
}

function firstOf(grammar: Problem | undefined, encoding: Problem | undefined): Problem {
  if (grammar === undefined) return encoding ?? { text: "Unexpected end-of-input", at: 0 };
  return encoding !== undefined && encoding.at < grammar.at ? encoding : grammar;
}

/** The first byte that is no UTF-8, in the words of AWS's parser. */
function utf8Problem(payload: Uint8Array): Problem | undefined {
  if (isUtf8(payload)) return undefined;
  let at = 0;
  while (at < payload.byteLength) {
    const first = payload[at] as number;
    const length =
      first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
    if (length === 0) return { text: `Invalid UTF-8 start byte 0x${first.toString(16)}`, at };
    for (let i = 1; i < length; i++) {
      const next = payload[at + i] ?? 0;
      if ((next & 0xc0) !== 0x80)
        return { text: `Invalid UTF-8 middle byte 0x${next.toString(16)}`, at: at + i };
    }
    at += length;
  }
  return undefined;
}

/** Counted as AWS's parser does: the column behind the byte it stumbled over. */
function positionOf(payload: Uint8Array, at: number): { line: number; column: number } {
  let line = 1;
  let start = 0;
  for (let next = payload.indexOf(0x0a); next !== -1 && next < at; next = payload.indexOf(0x0a, start)) {
    line++;
    start = next + 1;
  }
  return { line, column: at - start + 2 };
}

const STATE = {
  value: 0,
  valueOrEnd: 1,
  keyOrEnd: 2,
  key: 3,
  colon: 4,
  after: 5,
  string: 6,
  escape: 7,
  hex: 8,
  literal: 9,
  minus: 10,
  zero: 11,
  integer: 12,
  dot: 13,
  fraction: 14,
  exponent: 15,
  exponentSign: 16,
  exponentDigits: 17,
} as const;

const LITERALS: Readonly<Record<number, string>> = { 0x74: "true", 0x66: "false", 0x6e: "null" };
const isDigit = (byte: number): boolean => byte >= 0x30 && byte <= 0x39;
const isSpace = (byte: number): boolean => byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
const isWord = (byte: number): boolean =>
  isDigit(byte) ||
  (byte >= 0x41 && byte <= 0x5a) ||
  (byte >= 0x61 && byte <= 0x7a) ||
  byte === 0x5f ||
  byte >= 0x80;

/** A JSON grammar over bytes that can stop after any byte and go on later. It builds nothing. */
export class JsonScanner {
  readonly #bytes: Uint8Array;
  #index = 0;
  #state: number = STATE.value;
  /** Open containers: true for an object. */
  readonly #open: { object: boolean; at: number }[] = [];
  #isKey = false;
  #tokenAt = 0;
  #hexLeft = 0;
  problem: Problem | undefined;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Scans up to `end`; false when a problem was found. */
  run(end: number): boolean {
    while (this.#index < end) {
      if (!this.#step(this.#bytes[this.#index] as number)) return false;
    }
    return true;
  }

  /** After the last byte: false when something is missing. */
  finish(): boolean {
    if (this.problem !== undefined) return false;
    const { zero, integer, fraction, exponentDigits, after, literal } = STATE;
    if (this.#state === literal && !this.#endLiteral()) return false;
    const state = this.#state;
    if (state === zero || state === integer || state === fraction || state === exponentDigits)
      this.#state = after;
    if (this.#state === after && this.#open.length === 0) return true;
    const open = this.#open.at(-1);
    const missing =
      open === undefined
        ? "No content to map due to end-of-input"
        : `Unexpected end-of-input: expected close marker for ${open.object ? "Object" : "Array"}`;
    return this.#fail(missing, this.#bytes.byteLength);
  }

  #step(byte: number): boolean {
    const s = STATE;
    switch (this.#state) {
      case s.string:
        if (byte === 0x22) this.#state = this.#isKey ? s.colon : s.after;
        else if (byte === 0x5c) this.#state = s.escape;
        else if (byte < 0x20) {
          return this.#fail(
            `Illegal unquoted character (${spell(byte)}): has to be escaped using backslash to be included in string value`,
          );
        }
        return this.#next();
      case s.escape:
        if (byte === 0x75) {
          this.#hexLeft = 4;
          this.#state = s.hex;
        } else if ('"\\/bfnrt'.includes(String.fromCharCode(byte))) this.#state = s.string;
        else return this.#fail(`Unrecognized character escape ${spell(byte)}`);
        return this.#next();
      case s.hex:
        if (!/[0-9a-fA-F]/.test(String.fromCharCode(byte))) {
          return this.#fail(
            `Unexpected character (${spell(byte)}): expected a hex-digit for character escape sequence`,
          );
        }
        if (--this.#hexLeft === 0) this.#state = s.string;
        return this.#next();
      case s.literal:
        return this.#literal(byte);
      case s.value:
      case s.valueOrEnd:
      case s.keyOrEnd:
      case s.key:
      case s.colon:
      case s.after:
        return isSpace(byte) ? this.#next() : this.#structure(byte);
      default:
        return this.#number(byte);
    }
  }

  #structure(byte: number): boolean {
    const s = STATE;
    const open = this.#open.at(-1);
    switch (this.#state) {
      case s.after:
        if (open === undefined)
          return this.#fail(
            `Unexpected character (${spell(byte)}): Expected space separating root-level values`,
          );
        if (byte === 0x2c) this.#state = open.object ? s.key : s.value;
        else if (byte === (open.object ? 0x7d : 0x5d)) this.#open.pop();
        else {
          const kind = open.object ? "Object" : "Array";
          return this.#fail(
            `Unexpected character (${spell(byte)}): was expecting comma to separate ${kind} entries`,
          );
        }
        return this.#next();
      case s.colon:
        if (byte !== 0x3a)
          return this.#fail(
            `Unexpected character (${spell(byte)}): was expecting a colon to separate field name and value`,
          );
        this.#state = s.value;
        return this.#next();
      case s.key:
      case s.keyOrEnd:
        if (byte === 0x7d && this.#state === s.keyOrEnd) return this.#close();
        if (byte !== 0x22)
          return this.#fail(
            `Unexpected character (${spell(byte)}): was expecting double-quote to start field name`,
          );
        this.#isKey = true;
        this.#state = s.string;
        return this.#next();
      default:
        if (byte === 0x5d && this.#state === s.valueOrEnd) return this.#close();
        return this.#value(byte);
    }
  }

  #value(byte: number): boolean {
    const s = STATE;
    this.#tokenAt = this.#index;
    if (byte === 0x22) {
      this.#isKey = false;
      this.#state = s.string;
    } else if (byte === 0x7b || byte === 0x5b) {
      this.#open.push({ object: byte === 0x7b, at: this.#index });
      this.#state = byte === 0x7b ? s.keyOrEnd : s.valueOrEnd;
    } else if (byte === 0x2d) this.#state = s.minus;
    else if (byte === 0x30) this.#state = s.zero;
    else if (isDigit(byte)) this.#state = s.integer;
    else if (isWord(byte) && !(byte >= 0x80 && byte < 0xc0)) this.#state = s.literal;
    else return this.#fail(`Unexpected character (${spell(byte)}): expected a valid value (${VALUES})`);
    return this.#next();
  }

  /** Within a word; its end decides whether it is one of the three. */
  #literal(byte: number): boolean {
    return isWord(byte) ? this.#next() : this.#endLiteral();
  }

  #endLiteral(): boolean {
    const word = Buffer.from(this.#bytes.subarray(this.#tokenAt, this.#index)).toString();
    if (LITERALS[this.#bytes[this.#tokenAt] as number] !== word) {
      return this.#fail(`Unrecognized token '${word}': was expecting (${VALUES})`);
    }
    this.#state = STATE.after;
    return true;
  }

  #number(byte: number): boolean {
    const s = STATE;
    const digit = isDigit(byte);
    const sign = byte === 0x2b || byte === 0x2d;
    const e = byte === 0x65 || byte === 0x45;
    const state = this.#state;
    if (state === s.minus && digit) this.#state = byte === 0x30 ? s.zero : s.integer;
    else if (state === s.integer && digit) this.#state = s.integer;
    else if ((state === s.zero || state === s.integer) && byte === 0x2e) this.#state = s.dot;
    else if ((state === s.dot || state === s.fraction) && digit) this.#state = s.fraction;
    else if ((state === s.zero || state === s.integer || state === s.fraction) && e) this.#state = s.exponent;
    else if (state === s.exponent && sign) this.#state = s.exponentSign;
    else if ((state === s.exponent || state === s.exponentSign || state === s.exponentDigits) && digit) {
      this.#state = s.exponentDigits;
    } else if (state === s.minus || state === s.dot || state === s.exponent || state === s.exponentSign) {
      return this.#fail(`Unexpected character (${spell(byte)}) in numeric value`);
    } else if (state === s.zero && digit) {
      return this.#fail("Invalid numeric value: Leading zeroes not allowed");
    } else {
      this.#state = s.after;
      return true;
    }
    return this.#next();
  }

  #close(): boolean {
    this.#open.pop();
    this.#state = STATE.after;
    return this.#next();
  }

  #next(): true {
    this.#index++;
    return true;
  }

  #fail(text: string, at: number = this.#index): false {
    this.problem = { text, at };
    return false;
  }
}

function spell(byte: number): string {
  return byte < 0x20 ? `(CTRL-CHAR, code ${byte})` : `'${String.fromCharCode(byte)}' (code ${byte})`;
}
