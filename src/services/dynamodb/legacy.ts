/** Parameters from before expressions: understood, named, refused. */
import { notServed, validation } from "./errors.ts";

const INSTEAD: Readonly<Record<string, string>> = {
  AttributesToGet: "ProjectionExpression",
  AttributeUpdates: "UpdateExpression",
  ConditionalOperator: "AND and OR in a ConditionExpression",
  Expected: "ConditionExpression",
  KeyConditions: "KeyConditionExpression",
  QueryFilter: "FilterExpression",
  ScanFilter: "FilterExpression",
};

const EXPRESSIONS = [
  "UpdateExpression",
  "ProjectionExpression",
  "FilterExpression",
  "ConditionExpression",
  "KeyConditionExpression",
] as const;

/** Errors: ValidationException; AWS's own when a request mixes old and new parameters. */
export function refuseLegacy(input: object): void {
  const given = input as Readonly<Record<string, unknown>>;
  const legacy = Object.keys(INSTEAD).filter((name) => given[name] !== undefined);
  const [first] = legacy;
  if (first === undefined) return;
  const expressions = EXPRESSIONS.filter((name) => given[name] !== undefined);
  if (expressions.length > 0) {
    throw validation(
      `Can not use both expression and non-expression parameters in the same request: Non-expression parameters: {${legacy.join(", ")}} Expression parameters: {${expressions.join(", ")}}`,
    );
  }
  throw notServed(`The legacy parameter ${first}`, `use ${INSTEAD[first] ?? "expressions"}`);
}
