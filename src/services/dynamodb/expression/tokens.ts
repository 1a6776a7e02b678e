/** Cuts an expression into tokens, and words a syntax error the way DynamoDB does. */
import type { ServiceError } from "../../../kernel/errors.ts";
import { validation } from "../errors.ts";

export type ExpressionKind =
  | "ConditionExpression"
  | "FilterExpression"
  | "KeyConditionExpression"
  | "ProjectionExpression"
  | "UpdateExpression";

export interface Token {
  /** `end` closes every list of tokens. What no rule knows is a `sign` of one character. */
  readonly type: "name" | "#name" | ":value" | "index" | "sign" | "end";
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

const LEXEME =
  /(?<name>[A-Za-z][A-Za-z0-9_]*)|(?<alias>#[A-Za-z0-9_]+)|(?<value>:[A-Za-z0-9_]+)|(?<index>[0-9]+)|<>|<=|>=|\S/gu;

export function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  for (const match of text.matchAll(LEXEME)) {
    const { name, alias, value, index } = match.groups ?? {};
    const type =
      name !== undefined
        ? "name"
        : alias !== undefined
          ? "#name"
          : value !== undefined
            ? ":value"
            : undefined;
    tokens.push({
      type: type ?? (index === undefined ? "sign" : "index"),
      text: match[0],
      start: match.index,
      end: match.index + match[0].length,
    });
  }
  tokens.push({ type: "end", text: "<EOF>", start: text.length, end: text.length });
  return tokens;
}

export function invalidExpression(kind: ExpressionKind, why: string): ServiceError {
  return validation(`Invalid ${kind}: ${why}`);
}

/** `near` reaches from the token before to the token after. */
export function syntaxError(
  kind: ExpressionKind,
  text: string,
  tokens: readonly Token[],
  at: number,
): ServiceError {
  const token = tokens[at] as Token;
  const from = at === 0 ? 0 : (tokens[at - 1] as Token).start;
  const next = tokens[at + 1];
  const to = next === undefined || next.type === "end" ? token.end : next.end;
  const start = at === 0 && token.type !== "end" ? token.start : from;
  return invalidExpression(kind, `Syntax error; token: "${token.text}", near: "${text.slice(start, to)}"`);
}
