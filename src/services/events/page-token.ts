/** Tokens of pages: the last name of the page before, for one question. */
import { createHash } from "node:crypto";
import * as errors from "./errors.ts";

function digest(question: readonly unknown[]): string {
  return createHash("sha256").update(JSON.stringify(question)).digest("base64url").slice(0, 12);
}

/** Errors: ValidationException for a token of another question. */
export function openToken(token: string | undefined, question: readonly unknown[]): string | undefined {
  if (token === undefined) return undefined;
  const [key, name] = Buffer.from(token, "base64url").toString("utf8").split(" ");
  if (key === digest(question) && name !== undefined) return name;
  throw errors.invalidToken();
}

/** The page of `limit` names, out of one more than that. */
export function pageOf<T>(
  found: readonly T[],
  limit: number,
  nameOf: (one: T) => string,
  question: readonly unknown[],
): { readonly shown: readonly T[]; readonly next: { readonly NextToken?: string } } {
  const shown = found.slice(0, limit);
  const last = shown.at(-1);
  if (found.length <= limit || last === undefined) return { shown, next: {} };
  const token = Buffer.from(`${digest(question)} ${nameOf(last)}`, "utf8").toString("base64url");
  return { shown, next: { NextToken: token } };
}
