/**
 * Message data protection: what a topic's data protection policy says of messages with personal data in them,
 * when they come in (Inbound: Publish) and before they go out (Outbound: delivery). The body is looked at, in
 * all its texts. Pure.
 * https://docs.aws.amazon.com/sns/latest/dg/sns-message-data-protection-policies.html
 *
 *   1. Deny: the message is refused, or goes to nobody.
 *   2. Deidentify: each finding is masked, character by character, or taken out.
 *
 * AWS finds some kinds of data by learning and by words near them. Here are those that can be told by their
 * form alone; a policy with any other, or with what is not done, is refused by name.
 */
import * as errors from "./errors.ts";
import type { Message } from "./message.ts";
import type { Topic } from "./model.ts";
import { FINDERS, type Finder } from "./personal-data.ts";

export type Direction = "Inbound" | "Outbound";

interface Rule {
  readonly direction: Direction;
  readonly finders: readonly Finder[];
  /** What stands for a finding; undefined: the message is denied. */
  readonly instead: ((finding: string) => string) | undefined;
}

type Fields = Readonly<Record<string, unknown>>;

const POLICY_BYTES_MAX = 30_720;
const VERSION = "2021-06-01";
const IDENTIFIER = /^arn:aws[a-z-]*:dataprotection:[^:]*:[^:]*:data-identifier\/(.+)$/u;
const MASKS = /^[A-Za-z0-9 !$%&*+,./:;<=>?@^_`|~#-]$/u;

const compiled = new WeakMap<Topic, readonly Rule[]>();

/** Errors: InvalidParameter that says what is wrong, or not done here. */
export function checkDataProtection(text: string): void {
  if (Buffer.byteLength(text) > POLICY_BYTES_MAX) throw fault("the policy is too long");
  rulesOf(text);
}

/** The message as it may go on; undefined when it may not. */
export function protectedMessage(topic: Topic, message: Message, direction: Direction): Message | undefined {
  if (topic.dataProtection === undefined) return message;
  let rules = compiled.get(topic);
  if (rules === undefined) compiled.set(topic, (rules = rulesOf(topic.dataProtection)));
  let texts = new Map([["", message.standard], ...Object.entries(message.texts)]);
  for (const { finders, instead } of rules.filter((rule) => rule.direction === direction)) {
    if (instead === undefined) {
      if ([...texts.values()].some((text) => isFound(text, finders))) return undefined;
    } else {
      texts = new Map([...texts].map(([name, text]) => [name, replaced(text, finders, instead)]));
    }
  }
  const { "": standard = "", ...rest } = Object.fromEntries(texts);
  return { ...message, standard, texts: rest };
}

function isFound(text: string, finders: readonly Finder[]): boolean {
  return finders.some((find) => find(text).length > 0);
}

function replaced(text: string, finders: readonly Finder[], instead: (finding: string) => string): string {
  return finders.reduce((before, find) => {
    let after = "";
    let end = 0;
    for (const [from, to] of find(before)) {
      after += before.slice(end, from) + instead(before.slice(from, to));
      end = to;
    }
    return after + before.slice(end);
  }, text);
}

function rulesOf(text: string): readonly Rule[] {
  const policy = objectOf(parsed(text), "the policy");
  known(policy, ["Name", "Description", "Version", "Statement", "Configuration"], "");
  if (policy["Configuration"] !== undefined) {
    throw errors.unsupported(
      "DataProtectionPolicy: CustomDataIdentifier",
      "expressions of callers are not run over messages",
    );
  }
  if (typeof policy["Name"] !== "string" || policy["Name"] === "") throw fault("Name is missing");
  if (policy["Version"] !== VERSION) throw fault(`Version is ${VERSION}`);
  const statements = policy["Statement"];
  if (!Array.isArray(statements) || statements.length === 0) throw fault("Statement is a list of statements");
  return statements.map((one) => ruleOf(objectOf(one, "a statement")));
}

function ruleOf(statement: Fields): Rule {
  known(statement, ["Sid", "DataDirection", "DataIdentifier", "Principal", "Operation"], "Statement.");
  const direction = statement["DataDirection"];
  if (direction !== "Inbound" && direction !== "Outbound")
    throw fault("DataDirection is Inbound or Outbound");
  const principals = [statement["Principal"]].flat();
  if (principals.length !== 1 || principals[0] !== "*") {
    throw errors.unsupported("DataProtectionPolicy: a Principal other than *", 'write "Principal": ["*"]');
  }
  const identifiers = statement["DataIdentifier"];
  if (!Array.isArray(identifiers) || identifiers.length === 0)
    throw fault("DataIdentifier is a list of ARNs");
  return { direction, finders: identifiers.map(finderOf), instead: insteadOf(statement["Operation"]) };
}

function finderOf(arn: unknown): Finder {
  const name = IDENTIFIER.exec(typeof arn === "string" ? arn : "")?.[1];
  if (name === undefined) throw fault(`${String(arn)} is no data identifier`);
  const finder = Object.hasOwn(FINDERS, name) ? FINDERS[name] : undefined;
  if (finder !== undefined) return finder;
  throw errors.unsupported(
    `DataProtectionPolicy: the data identifier ${name}`,
    `these are found: ${Object.keys(FINDERS).join(", ")}`,
  );
}

function insteadOf(given: unknown): Rule["instead"] {
  const operation = objectOf(given, "Operation");
  const [name, ...more] = Object.keys(operation);
  if (more.length > 0) throw fault("a statement has one Operation");
  if (name === "Deny") return undefined;
  if (name === "Audit") {
    throw errors.unsupported("DataProtectionPolicy: Audit", "Deny and Deidentify are done");
  }
  if (name !== "Deidentify") throw fault("Operation is Audit, Deidentify or Deny");
  const how = objectOf(operation[name], name);
  if (how["RedactConfig"] !== undefined) return () => "";
  const mask = objectOf(how["MaskConfig"], "MaskConfig")["MaskWithCharacter"] ?? "#";
  if (typeof mask !== "string" || !MASKS.test(mask))
    throw fault("MaskWithCharacter is one printable character");
  return (finding) => mask.repeat([...finding].length);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw fault("failed to parse JSON");
  }
}

function objectOf(value: unknown, what: string): Fields {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Fields;
  throw fault(`${what} is an object`);
}

function known(value: Fields, names: readonly string[], path: string): void {
  const unknown = Object.keys(value).find((name) => !names.includes(name));
  if (unknown !== undefined) throw fault(`${path}${unknown} is unknown`);
}

function fault(why: string): Error {
  return errors.invalid(`DataProtectionPolicy Reason: ${why}`);
}
