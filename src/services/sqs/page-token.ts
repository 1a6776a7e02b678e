/** Tokens of pages: opaque to clients, refused when they belong to another question. */
import { createHash } from "node:crypto";
import * as errors from "./errors.ts";

type Question = Readonly<Record<string, string>>;

function digest(question: Question): string {
  return createHash("sha256").update(JSON.stringify(question)).digest("base64url").slice(0, 12);
}

/** A token to go on after `name`. */
export function nextToken(name: string, question: Question): string {
  return Buffer.from(`${digest(question)}:${name}`).toString("base64");
}

/** The name to go on after. Throws InvalidParameterValue. */
export function openToken(token: string, question: Question): string {
  const text = Buffer.from(token, "base64").toString("utf8");
  const at = text.indexOf(":");
  if (at > 0 && text.slice(0, at) === digest(question)) return text.slice(at + 1);
  throw errors.invalidParameter("Invalid or expired next token.");
}
