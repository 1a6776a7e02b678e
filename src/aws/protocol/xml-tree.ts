import { serializationError } from "./text.ts";

/** An element as far as AWS's wires use XML: no namespaces beyond the prefix, no mixed content. */
export interface XmlElement {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: XmlElement[];
  text: string;
}

const DEPTH_MAX = 200;
const NAMED: Readonly<Record<string, string>> = { lt: "<", gt: ">", amp: "&", quot: '"', apos: "'" };

function malformed(): Error {
  return serializationError(
    "The XML you provided was not well-formed or did not validate against our published schema",
  );
}

function unescapeXml(text: string): string {
  if (!text.includes("&")) return text;
  return text.replaceAll(/&(?:#x([0-9a-fA-F]{1,6})|#(\d{1,7})|(\w+));/gu, (_, hex, decimal, name) => {
    if (name !== undefined) {
      const character = NAMED[name as string];
      // Entities of a document type are never expanded.
      if (character === undefined) throw malformed();
      return character;
    }
    const code = hex === undefined ? Number(decimal) : Number.parseInt(hex as string, 16);
    if (code > 0x10_ff_ff) throw malformed();
    return String.fromCodePoint(code);
  });
}

const TOKEN =
  /<\?[\s\S]*?\?>|<!--[\s\S]*?-->|<!\[CDATA\[([\s\S]*?)\]\]>|<\/([^\s>]+)\s*>|<([^\s/>!?]+)((?:\s+[^\s=>/]+\s*=\s*(?:"[^"]*"|'[^']*'))*)\s*(\/?)>|([^<]+)/uy;
const ATTRIBUTE = /([^\s=]+)\s*=\s*(?:"([^"]*)"|'([^']*)')/gu;

/** Reads a document. Names lose their namespace prefix; document types are refused. */
export function parseXml(source: string): XmlElement {
  const top: XmlElement = { name: "", attributes: {}, children: [], text: "" };
  const open: XmlElement[] = [top];
  let current = top;
  TOKEN.lastIndex = 0;
  const text = source.startsWith("\uFEFF") ? source.slice(1) : source;
  while (TOKEN.lastIndex < text.length) {
    const token = TOKEN.exec(text);
    if (token === null) throw malformed();
    const [, cdata, closing, opening, attributes, selfClosed, plain] = token;
    if (plain !== undefined) current.text += unescapeXml(plain);
    else if (cdata !== undefined) current.text += cdata;
    else if (opening !== undefined) {
      const element: XmlElement = {
        name: localName(opening),
        attributes: readAttributes(attributes ?? ""),
        children: [],
        text: "",
      };
      current.children.push(element);
      if (selfClosed === "/") continue;
      if (open.length > DEPTH_MAX) throw malformed();
      open.push(element);
      current = element;
    } else if (closing !== undefined) {
      if (open.length === 1 || localName(closing) !== current.name) throw malformed();
      open.pop();
      current = open.at(-1) as XmlElement;
    }
  }
  const [root] = top.children;
  if (open.length !== 1 || root === undefined || top.children.length !== 1 || top.text.trim() !== "") {
    throw malformed();
  }
  return root;
}

function localName(name: string): string {
  return name.slice(name.indexOf(":") + 1);
}

function readAttributes(source: string): Record<string, string> {
  const attributes: Record<string, string> = {};
  for (const [, name = "", double, single] of source.matchAll(ATTRIBUTE)) {
    attributes[name] = unescapeXml(double ?? single ?? "");
  }
  return attributes;
}

/** Escapes for element text; carriage returns would be normalised away by the reader. */
export function escapeXml(text: string): string {
  if (!/[&<>"'\r\u0085\u2028]/u.test(text)) return text;
  return text.replaceAll(/[&<>"'\r\u0085\u2028]/gu, (character) => {
    switch (character) {
      case "&":
        return "&amp;";
      case "<":
        return "&lt;";
      case ">":
        return "&gt;";
      case '"':
        return "&quot;";
      case "'":
        return "&apos;";
      default:
        return `&#x${character.charCodeAt(0).toString(16).toUpperCase()};`;
    }
  });
}
