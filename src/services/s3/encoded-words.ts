/**
 * User metadata travels in headers, which hold ISO-8859-1 at best: anything else goes as an encoded word
 * (RFC 2047), and encoded words that come in are read.
 */

const WORD = /^=\?utf-8\?([QB])\?(.*)\?=$/iu;

/** A header's value as text. Node hands over each byte as one character. */
export function readMetadata(header: string): string {
  const bytes = Buffer.from(header, "latin1");
  const text = bytes.toString("utf8");
  const raw = text.includes("\uFFFD") ? header : text;
  const word = WORD.exec(raw);
  if (word === null) return raw;
  const [, kind = "", body = ""] = word;
  return kind.toUpperCase() === "B" ? Buffer.from(body, "base64").toString("utf8") : unquoteWord(body);
}

function unquoteWord(body: string): string {
  const bytes: number[] = [];
  for (let at = 0; at < body.length; at += 1) {
    const character = body.charAt(at);
    if (character === "=" && /^[0-9A-Fa-f]{2}$/u.test(body.slice(at + 1, at + 3))) {
      bytes.push(Number.parseInt(body.slice(at + 1, at + 3), 16));
      at += 2;
    } else if (character === "_") bytes.push(32);
    else bytes.push(...Buffer.from(character));
  }
  return Buffer.from(bytes).toString("utf8");
}

const PRINTABLE = /^[\x20-\x7e]*$/u;

/** Plain where it can be; else quoted when it is mostly ASCII, and base64 when it is not. */
export function writeMetadata(text: string): string {
  if (PRINTABLE.test(text)) return text;
  const characters = [...text];
  const ascii = characters.filter((character) => PRINTABLE.test(character)).length;
  if (ascii <= characters.length - ascii) {
    return `=?UTF-8?B?${Buffer.from(text).toString("base64")}?=`;
  }
  let body = "";
  for (const byte of Buffer.from(text)) {
    const character = String.fromCharCode(byte);
    if (byte === 32) body += "_";
    else if (byte < 33 || byte > 126 || "=_?".includes(character)) {
      body += `=${byte.toString(16).toUpperCase().padStart(2, "0")}`;
    } else body += character;
  }
  return `=?UTF-8?Q?${body}?=`;
}
