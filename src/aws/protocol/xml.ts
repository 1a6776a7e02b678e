import type { Member, Shape, Structure } from "../model/model.ts";
import type { TimestampFormat } from "../model/table.ts";
import { fromText, toText } from "./text.ts";
import type { Value } from "./types.ts";
import { escapeXml, type XmlElement } from "./xml-tree.ts";

const TIME: TimestampFormat = "iso8601";

/** The element (or query key) of a member: of a flat list it is what its items are called. */
export function elementName(member: Member): string {
  const { shape } = member;
  if (member.xml !== undefined) return member.xml;
  if (member.flat && shape.type === "list" && shape.member.wire !== "member") return shape.member.wire;
  return member.wire;
}

function attributeKey(member: Member, source: Readonly<Record<string, string>>): string | undefined {
  return source[member.wire] ?? source[member.wire.slice(member.wire.indexOf(":") + 1)];
}

export function decodeXmlStructure(element: XmlElement, shape: Structure): Value {
  const result: Value = {};
  for (const member of shape.members) {
    if (member.at !== undefined) continue;
    if (member.attribute) {
      const text = attributeKey(member, element.attributes);
      if (text !== undefined) result[member.name] = text;
      continue;
    }
    const name = elementName(member);
    const found = element.children.filter((child) => child.name === name);
    const [first] = found;
    if (first === undefined) continue;
    result[member.name] = decodeXmlMember(member, found, first);
  }
  return result;
}

function decodeXmlMember(member: Member, found: readonly XmlElement[], first: XmlElement): unknown {
  const { shape } = member;
  if (shape.type === "list") {
    const items = member.flat ? found : first.children.filter((child) => child.name === shape.member.wire);
    return items.map((item) => decodeXml(item, shape.member.shape));
  }
  if (shape.type === "map") {
    const entries = member.flat ? found : first.children.filter((child) => child.name === "entry");
    return decodeEntries(entries, elementName(shape.key), shape.value);
  }
  return decodeXml(first, shape);
}

function decodeEntries(entries: readonly XmlElement[], keyName: string, value: Member): Value {
  const pairs = entries.map((entry): [string, unknown] => {
    const key = entry.children.find((child) => child.name === keyName);
    const item = entry.children.find((child) => child.name === elementName(value));
    return [key?.text ?? "", item === undefined ? "" : decodeXml(item, value.shape)];
  });
  return Object.fromEntries(pairs);
}

/** A nested list or map inside a list has no member of its own, so it is never flat. */
export function decodeXml(element: XmlElement, shape: Shape): unknown {
  switch (shape.type) {
    case "structure":
      return decodeXmlStructure(element, shape);
    case "list":
      return element.children
        .filter((child) => child.name === shape.member.wire)
        .map((child) => decodeXml(child, shape.member.shape));
    case "map":
      return decodeEntries(
        element.children.filter((child) => child.name === "entry"),
        elementName(shape.key),
        shape.value,
      );
    default:
      return fromText(element.text, shape);
  }
}

/** The inside of a structure's element. */
export function encodeXmlMembers(value: Value, shape: Structure): string {
  let xml = "";
  for (const member of shape.members) {
    if (member.at !== undefined || member.attribute) continue;
    const item = value[member.name];
    if (item !== undefined && item !== null) xml += encodeXmlMember(item, member);
  }
  return xml;
}

function encodeXmlMember(value: unknown, member: Member): string {
  const { shape } = member;
  if (member.flat && shape.type === "list") {
    const name = elementName(member);
    return (value as unknown[])
      .map((item) => encodeXml(name, item, shape.member.shape, shape.member))
      .join("");
  }
  if (member.flat && shape.type === "map") {
    return Object.entries(value as Value)
      .map(
        ([key, item]) =>
          `<${elementName(member)}>${encodeEntry(key, item, shape.key, shape.value)}</${elementName(member)}>`,
      )
      .join("");
  }
  return encodeXml(elementName(member), value, shape, member);
}

function encodeEntry(key: string, item: unknown, keyMember: Member, valueMember: Member): string {
  const name = `<${elementName(keyMember)}>${escapeXml(key)}</${elementName(keyMember)}>`;
  return item == null
    ? name
    : name + encodeXml(elementName(valueMember), item, valueMember.shape, valueMember);
}

/** One element of the given name. */
export function encodeXml(
  name: string,
  value: unknown,
  shape: Shape,
  member?: Member,
  namespace?: string,
): string {
  const xmlns = namespace ?? member?.namespace;
  const declared = xmlns === undefined ? "" : ` xmlns="${escapeXml(xmlns)}"`;
  switch (shape.type) {
    case "structure": {
      const opening = name + declared + structureAttributes(value as Value, shape);
      return `<${opening}>${encodeXmlMembers(value as Value, shape)}</${name}>`;
    }
    case "list": {
      const of = shape.member;
      const items = (value as unknown[]).map((item) => encodeXml(of.wire, item, of.shape, of));
      return `<${name}${declared}>${items.join("")}</${name}>`;
    }
    case "map": {
      const entries = Object.entries(value as Value).map(
        ([key, item]) => `<entry>${encodeEntry(key, item, shape.key, shape.value)}</entry>`,
      );
      return `<${name}${declared}>${entries.join("")}</${name}>`;
    }
    default: {
      const text = toText(value, shape, member?.time ?? shape.time ?? TIME);
      return `<${name}${declared}>${escapeXml(text)}</${name}>`;
    }
  }
}

function structureAttributes(value: Value, shape: Structure): string {
  let attributes = "";
  if (shape.prefix !== undefined && shape.namespace !== undefined) {
    attributes += ` xmlns:${shape.prefix}="${escapeXml(shape.namespace)}"`;
  }
  for (const member of shape.members) {
    const item = value[member.name];
    if (member.attribute && item != null) attributes += ` ${member.wire}="${escapeXml(String(item))}"`;
  }
  return attributes;
}
