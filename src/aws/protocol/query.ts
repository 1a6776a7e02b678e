import type { Member, Shape, Structure } from "../model/model.ts";
import { fromText, serializationError, toText } from "./text.ts";
import type { Value } from "./types.ts";
import { elementName } from "./xml.ts";

/** The keys of a form, split at their dots: `Tags.member.1.Key=a` is a path of four nodes. */
interface Node {
  text: string | undefined;
  readonly children: Map<string, Node>;
}

const DEPTH_MAX = 64;

function node(): Node {
  return { text: undefined, children: new Map() };
}

/** Key-value pairs of a form body or a query string, in order. */
export function parseForm(form: string): [string, string][] {
  const pairs: [string, string][] = [];
  for (const part of form.split("&")) {
    if (part === "") continue;
    const at = part.indexOf("=");
    const key = at < 0 ? part : part.slice(0, at);
    pairs.push([formDecode(key), at < 0 ? "" : formDecode(part.slice(at + 1))]);
  }
  return pairs;
}

function formDecode(text: string): string {
  const spaced = text.includes("+") ? text.replaceAll("+", " ") : text;
  if (!spaced.includes("%")) return spaced;
  try {
    return decodeURIComponent(spaced);
  } catch {
    throw serializationError("The request body is not valid form data");
  }
}

function tree(pairs: readonly [string, string][]): Node {
  const root = node();
  for (const [key, text] of pairs) {
    const parts = key.split(".");
    if (parts.length > DEPTH_MAX) throw serializationError("The request is nested too deeply");
    let at = root;
    for (const part of parts) {
      let next = at.children.get(part);
      if (next === undefined) at.children.set(part, (next = node()));
      at = next;
    }
    at.text = text;
  }
  return root;
}

export function decodeQuery(pairs: readonly [string, string][], shape: Structure): Value {
  return decodeStructure(tree(pairs), shape);
}

function decodeStructure(from: Node, shape: Structure): Value {
  const result: Value = {};
  for (const member of shape.members) {
    const found = from.children.get(elementName(member)) ?? from.children.get(member.wire);
    if (found !== undefined) result[member.name] = decodeNode(found, member.shape, member.flat);
  }
  return result;
}

/** Children numbered from 1, in the order of their numbers. */
function numbered(from: Node): Node[] {
  return [...from.children]
    .filter(([key]) => /^\d+$/u.test(key))
    .sort(([a], [b]) => Number(a) - Number(b))
    .map(([, child]) => child);
}

function decodeNode(from: Node, shape: Shape, flat: boolean): unknown {
  switch (shape.type) {
    case "structure":
      return decodeStructure(from, shape);
    case "list": {
      const wrapped = from.children.get(shape.member.wire) ?? from.children.get("member");
      const items = flat || wrapped === undefined ? from : wrapped;
      // One item may go without its number: `AttributeName=All`. An empty text is an empty list.
      if (flat && items.children.size === 0 && (items.text ?? "") !== "") {
        return [decodeNode(items, shape.member.shape, false)];
      }
      return numbered(items).map((item) => decodeNode(item, shape.member.shape, false));
    }
    case "map": {
      const entries = flat ? from : (from.children.get("entry") ?? from);
      // So may one entry: `Attribute.Name=…&Attribute.Value=…`.
      const isSingle = flat && entries.children.has(elementName(shape.key));
      const pairs = (isSingle ? [entries] : numbered(entries)).map((entry): [string, unknown] => {
        const value = entry.children.get(elementName(shape.value)) ?? node();
        return [
          entry.children.get(elementName(shape.key))?.text ?? "",
          decodeNode(value, shape.value.shape, false),
        ];
      });
      return Object.fromEntries(pairs);
    }
    default:
      return fromText(from.text ?? "", shape);
  }
}

/** The form of a request, for our own client. */
export function encodeQuery(action: string, version: string, value: Value, shape: Structure): string {
  const form = new URLSearchParams({ Action: action, Version: version });
  writeStructure(form, "", value, shape);
  return form.toString();
}

function writeStructure(form: URLSearchParams, prefix: string, value: Value, shape: Structure): void {
  for (const member of shape.members) {
    const item = value[member.name];
    if (item !== undefined && item !== null) writeValue(form, prefix + elementName(member), item, member);
  }
}

function writeValue(form: URLSearchParams, key: string, value: unknown, member: Member): void {
  const { shape } = member;
  switch (shape.type) {
    case "structure":
      writeStructure(form, `${key}.`, value as Value, shape);
      return;
    case "list": {
      const items = value as unknown[];
      if (items.length === 0) form.append(key, "");
      const base = member.flat ? key : `${key}.${shape.member.wire}`;
      for (const [index, item] of items.entries())
        writeValue(form, `${base}.${index + 1}`, item, shape.member);
      return;
    }
    case "map": {
      const base = member.flat ? key : `${key}.entry`;
      for (const [index, [name, item]] of Object.entries(value as Value).entries()) {
        form.append(`${base}.${index + 1}.${elementName(shape.key)}`, name);
        writeValue(form, `${base}.${index + 1}.${elementName(shape.value)}`, item, shape.value);
      }
      return;
    }
    default:
      form.append(key, toText(value, shape, member.time ?? shape.time ?? "iso8601"));
  }
}
