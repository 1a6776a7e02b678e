/** Tokens of pages: opaque to clients, refused when they belong to another question. */
import { createHash } from "node:crypto";
import { parsePosition, type Position, positionText } from "./chunk.ts";
import * as errors from "./errors.ts";

function digest(question: unknown): string {
  return createHash("sha256").update(JSON.stringify(question)).digest("base64url").slice(0, 12);
}

/** A token that carries `value` (a name, a position) for one question. */
export function nextToken(value: string, question: unknown): string {
  return Buffer.from(JSON.stringify([digest(question), value])).toString("base64url");
}

/** Errors: InvalidParameterException. */
export function openToken(token: string | undefined, question: unknown): string | undefined {
  if (token === undefined) return undefined;
  try {
    const [key, value] = JSON.parse(Buffer.from(token, "base64url").toString("utf8")) as [string, string];
    if (key === digest(question)) return value;
  } catch {
    // falls through: not one of ours
  }
  throw invalidToken();
}

export interface StreamToken {
  readonly backward: boolean;
  readonly position: Position;
}

/** `f/…/s` reads on after a place, `b/…/s` before it: GetLogEvents' tokens. */
export function streamToken(token: StreamToken): string {
  return `${token.backward ? "b" : "f"}/${positionText(token.position)}/s`;
}

/** Errors: InvalidParameterException. */
export function parseStreamToken(token: string): StreamToken {
  const [direction, text = "", end] = token.split("/");
  const position = parsePosition(text);
  if (position === undefined || end !== "s" || (direction !== "f" && direction !== "b")) throw invalidToken();
  return { backward: direction === "b", position };
}

function invalidToken(): Error {
  return errors.invalidParameter("The specified nextToken is invalid.");
}
