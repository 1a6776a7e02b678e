/**
 * What a target gets of an event: all of it, a constant, the part at a path, or a template that is
 * filled in.
 *
 * A template is JSON with `<name>` in it, or one or more texts in double quotes. A name stands for the
 * value at its path. Outside of quotes it is put in as JSON; within them as text: in a quoted template
 * objects and lists lose their quotes, in JSON they do not, and what is no JSON then is not sent.
 * A path that finds nothing is an empty text.
 * https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html
 */
import { JsonSyntaxError, scanJson } from "../../events/pattern/json-tokens.ts";
import * as errors from "./errors.ts";
import { type BusEvent, type EventValue, exactValue, secondsText } from "./event.ts";
import { type JsonPath, parseJsonPath, valueAt } from "./json-path.ts";
import type { Target } from "./model.ts";
import { ruleArn, type RuleKey } from "./names.ts";

/** The body for the target; undefined when the template gave no JSON. */
export type Transform = (event: BusEvent, rule: RuleKey) => string | undefined;

type Part = string | { readonly name: string; readonly quoted: boolean };

const PLACEHOLDER = /<([A-Za-z0-9_.-]+)>/gu;

const PREDEFINED: Readonly<Record<string, (event: BusEvent, rule: RuleKey) => unknown>> = {
  "aws.events.rule-arn": (_event, rule) => ruleArn(rule),
  "aws.events.rule-name": (_event, { rule }) => rule,
  "aws.events.event.ingestion-time": ({ ingestedMs }) => secondsText(ingestedMs),
  "aws.events.event": ({ value }) => headOf(value),
  "aws.events.event.json": exactValue,
};

/** The event without its detail; AWS spells one of its fields otherwise there. */
function headOf(event: EventValue): Readonly<Record<string, unknown>> {
  const { detail: _detail, ...head } = event;
  return Object.fromEntries(
    Object.entries(head).map(([name, value]) => [name === "detail-type" ? "detailType" : name, value]),
  );
}

/** Errors: ValidationException, in AWS's words. */
export function compileTransform(target: Target): Transform {
  const { Id: id, Input: input, InputPath: inputPath, InputTransformer: transformer } = target;
  const given = [input, inputPath, transformer].filter((one) => one !== undefined).length;
  if (given > 1) {
    throw errors.validation(
      `Only one of Input, InputPath, or InputTransformer must be provided for target ${id}.`,
    );
  }
  if (input !== undefined) {
    if (!isJson(input)) throw errors.validation(`JSON syntax error in input for target ${id}`);
    return () => input;
  }
  if (inputPath !== undefined && inputPath !== "$") {
    const path = pathOf(inputPath, id);
    return (event) => JSON.stringify(valueAt(path, exactValue(event)) ?? null);
  }
  if (transformer !== undefined) return compileTransformer(transformer, id);
  return ({ text }) => text;
}

function pathOf(text: string, id: string): JsonPath {
  const path = parseJsonPath(text);
  if (path === undefined) throw errors.validation(`Invalid InputPath for target ${id} : ${text}.`);
  return path;
}

function compileTransformer(
  { InputPathsMap: map = {}, InputTemplate: template }: NonNullable<Target["InputTransformer"]>,
  id: string,
): Transform {
  const paths = new Map(Object.entries(map).map(([name, path]) => [name, pathOf(path, id)]));
  const parts = partsOf(template);
  for (const part of parts) {
    if (typeof part === "string" || paths.has(part.name) || Object.hasOwn(PREDEFINED, part.name)) continue;
    throw errors.validation(`InputTemplate for target ${id} contains invalid placeholder ${part.name}.`);
  }
  checkTemplate(template, id);
  const isText = template.trimStart().startsWith('"');
  return (event, rule) => {
    const body = parts
      .map((part) => {
        if (typeof part === "string") return part;
        const path = paths.get(part.name);
        const value =
          path === undefined ? PREDEFINED[part.name]?.(event, rule) : valueAt(path, exactValue(event));
        return part.quoted ? asText(value, isText) : JSON.stringify(value ?? (value === null ? null : ""));
      })
      .join("");
    return isText || isJson(body) ? body : undefined;
  };
}

/** The literal runs and the placeholders, each with whether it stands within quotes. */
function partsOf(template: string): readonly Part[] {
  const parts: Part[] = [];
  let at = 0;
  let quoted = false;
  for (const found of template.matchAll(PLACEHOLDER)) {
    const literal = template.slice(at, found.index);
    quoted = quotesAfter(literal, quoted);
    parts.push(literal, { name: found[1] ?? "", quoted });
    at = found.index + found[0].length;
  }
  parts.push(template.slice(at));
  return parts;
}

function quotesAfter(literal: string, quoted: boolean): boolean {
  const quotes = literal.replaceAll(/\\./gsu, "").split('"').length - 1;
  return quotes % 2 === 0 ? quoted : !quoted;
}

function asText(value: unknown, isTextTemplate: boolean): string {
  if (value === undefined) return "";
  if (typeof value === "string") return JSON.stringify(value).slice(1, -1);
  const json = JSON.stringify(value);
  return isTextTemplate ? json.replaceAll('"', "") : json;
}

/** With null for each placeholder it must be JSON: one value, or texts in quotes. */
function checkTemplate(template: string, id: string): void {
  const sample = template.replaceAll(PLACEHOLDER, "null");
  try {
    scanJson(sample);
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error;
    throw errors.validation(
      `Invalid InputTemplate for target ${id} : [Source: (String)"${sample}"; line: ${String(error.line)}, column: ${String(error.column)}].`,
      "a template is JSON, or text in double quotes, with <name> for what InputPathsMap names",
    );
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
