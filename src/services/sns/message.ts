/** What may be published: sizes, subjects, attributes, one text for each protocol. Pure. */
import { LIMITS } from "../../kernel/limits.ts";
import * as errors from "./errors.ts";
import { hasContentBasedDeduplication } from "./topic-attributes.ts";
import type { Topic } from "./model.ts";

export interface AttributeValue {
  readonly DataType?: string | undefined;
  readonly StringValue?: string | undefined;
  readonly BinaryValue?: Uint8Array | undefined;
}
export type AttributeMap = Readonly<Record<string, AttributeValue>>;

/** The members that Publish and an entry of PublishBatch have in common. */
export interface MessageInput {
  readonly Message?: string | undefined;
  readonly Subject?: string | undefined;
  readonly MessageStructure?: string | undefined;
  readonly MessageAttributes?: AttributeMap | undefined;
  readonly MessageGroupId?: string | undefined;
  readonly MessageDeduplicationId?: string | undefined;
}

/** A message that may be published. */
export interface Message {
  readonly subject: string | undefined;
  /** What each protocol gets, where it is not `standard`. */
  readonly texts: Readonly<Record<string, string>>;
  readonly standard: string;
  readonly attributes: AttributeMap;
  readonly groupId: string | undefined;
  readonly deduplicationId: string | undefined;
}

/** `receiver`: a protocol, or the platform of an endpoint. */
export function textFor(message: Message, receiver: string): string {
  return message.texts[receiver] ?? message.standard;
}

/**
 * Errors: InvalidParameter, ParameterValueInvalid, as AWS words them.
 * @param receiver the platform, where one endpoint alone is meant: its text is enough then
 */
export function messageOf(input: MessageInput, receiver = "default"): Message {
  const { Message: text = "", Subject: subject, MessageAttributes: attributes = {} } = input;
  if (subject !== undefined) checkSubject(subject);
  if (text === "") throw errors.invalid("Empty message");
  if (byteLength(text, attributes) > LIMITS.snsMessageBytes) {
    throw errors.invalid("Message too long", "put large data into S3 and send its key");
  }
  checkAttributes(attributes);
  const texts =
    input.MessageStructure === undefined ? {} : structured(input.MessageStructure, text, receiver);
  return {
    subject,
    texts,
    standard: texts["default"] ?? text,
    attributes,
    groupId: input.MessageGroupId,
    deduplicationId: input.MessageDeduplicationId,
  };
}

/** Up to 100 characters, none of which controls anything or ends a line. */
function checkSubject(subject: string): void {
  if (/^[^\p{Cc}\p{Zl}\p{Zp}\p{Cs}]{1,100}$/u.test(subject)) return;
  throw errors.invalid("Subject", "a subject has 1 to 100 characters on one line");
}

/** Bytes that count against the limit. */
export function byteLength(text: string, attributes: AttributeMap): number {
  let bytes = Buffer.byteLength(text);
  for (const [name, { DataType = "", StringValue = "", BinaryValue }] of Object.entries(attributes)) {
    bytes += Buffer.byteLength(name) + Buffer.byteLength(DataType);
    bytes += Buffer.byteLength(StringValue) + (BinaryValue?.length ?? 0);
  }
  return bytes;
}

/** Texts by protocol. What is no text is passed over, as on AWS. */
function structured(structure: string, text: string, receiver: string): Readonly<Record<string, string>> {
  if (structure !== "json") throw errors.invalid("MessageStructure", "MessageStructure is json or left out");
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw errors.invalid("Message Structure - JSON message body failed to parse");
  }
  const entries = Object.entries(typeof parsed === "object" && parsed !== null ? parsed : {});
  const texts = Object.fromEntries(
    entries.filter((entry): entry is [string, string] => typeof entry[1] === "string"),
  );
  if (texts["default"] === undefined && texts[receiver] === undefined) {
    throw errors.invalid("Message Structure - No default entry in JSON message body");
  }
  return texts;
}

export function checkAttributes(attributes: AttributeMap): void {
  for (const [name, value] of Object.entries(attributes)) {
    checkAttributeName(name);
    checkAttributeValue(name, value);
  }
}

function checkAttributeName(name: string): void {
  if (Buffer.byteLength(name) > LIMITS.snsAttributeNameBytes) {
    throw errors.invalidValue("Length of message attribute name must be less than 256 bytes.");
  }
  const odd = /[^A-Za-z0-9_.-]/u.exec(name)?.[0];
  if (odd !== undefined) {
    const code = (odd.codePointAt(0) ?? 0).toString(16).toUpperCase();
    throw errors.invalidValue(
      `Invalid non-alphanumeric character '#x${code}' was found in the message attribute name. Can only include alphanumeric characters, hyphens, underscores, or dots.`,
    );
  }
  if (name.startsWith(".")) {
    throw errors.invalidValue("Invalid message attribute name starting with character '.' was found.");
  }
  if (name.endsWith(".")) {
    throw errors.invalidValue("Invalid message attribute name ending with character '.' was found.");
  }
  if (name.includes("..")) {
    throw errors.invalidValue("Message attribute name can not have successive '.' character.");
  }
}

function checkAttributeValue(name: string, value: AttributeValue): void {
  const { DataType: type = "", StringValue: text, BinaryValue: bytes } = value;
  const what = `The message attribute '${name}'`;
  const base = /^(String|Number|Binary)(?:\..+)?$/u.exec(type)?.[1];
  if (base === undefined) {
    throw errors.invalidValue(
      `${what} has an invalid message attribute type, the set of supported type prefixes is Binary, Number, and String.`,
    );
  }
  const field = base === "Binary" ? "Binary" : "String";
  const isThere = field === "Binary" ? bytes !== undefined : text !== undefined;
  const isOther = field === "Binary" ? text !== undefined : bytes !== undefined;
  if (!isThere && isOther)
    throw errors.invalidValue(`${what} with type '${type}' must use field '${field}'.`);
  const isEmpty = field === "Binary" ? (bytes?.length ?? 0) === 0 : (text ?? "") === "";
  if (isEmpty) {
    throw errors.invalidValue(
      `${what} must contain non-empty message attribute value for message attribute type '${type}'.`,
    );
  }
  if (base === "Number" && !NUMBER.test(text ?? "")) {
    throw errors.invalidValue(`Could not cast message attribute '${name}' value to number.`);
  }
}

const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?$/u;
const FIFO_ID = /^[\x21-\x7e]{1,128}$/u;

/** Refuses group and deduplication ids that this topic does not take. */
export function checkGroups(topic: Topic, message: Pick<Message, "groupId" | "deduplicationId">): void {
  const { groupId, deduplicationId } = message;
  if (groupId !== undefined && !FIFO_ID.test(groupId)) throw invalidId("MessageGroupId");
  if (!topic.fifo) {
    if (deduplicationId === undefined) return;
    throw errors.invalid(
      "MessageDeduplicationId Reason: The request includes MessageDeduplicationId parameter that is not valid for this topic type",
    );
  }
  if (groupId === undefined) throw errors.invalid("The MessageGroupId parameter is required for FIFO topics");
  if (deduplicationId === undefined && !hasContentBasedDeduplication(topic)) {
    throw errors.invalid(
      "The topic should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly",
    );
  }
  if (deduplicationId !== undefined && !FIFO_ID.test(deduplicationId)) {
    throw invalidId("MessageDeduplicationId");
  }
}

function invalidId(parameter: string): Error {
  return errors.invalid(
    `${parameter} Reason: ${parameter} can only include alphanumeric and punctuation characters. 1 to 128 in length`,
  );
}
