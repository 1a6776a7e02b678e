import { createHash, hash } from "node:crypto";

import type { Headers } from "../protocol/types.ts";

/** What a signature covers, https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html */
export interface SignedParts {
  readonly method: string;
  /** As on the request line: percent-encoded. */
  readonly path: string;
  readonly query: string;
  readonly headers: Headers;
  /** `host;x-amz-date`, sorted, as the signature names them. */
  readonly signedHeaders: string;
  readonly payloadHash: string;
  /** S3 signs the path as sent; every other service encodes it once more. */
  readonly isPathAsSent: boolean;
  /** Left out of the canonical query: the signature itself. */
  readonly skipQuery: string | undefined;
}

export const EMPTY_HASH = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

export function sha256Hex(data: Uint8Array | string): string {
  if (data.length === 0) return EMPTY_HASH;
  return hash("sha256", data, "hex");
}

/** RFC 3986: everything but unreserved characters. */
export function encodeStrict(text: string): string {
  return encodeURIComponent(text).replaceAll(
    /[!'()*]/gu,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

const PLAIN_PATH = /^[A-Za-z0-9\-._~/]*$/u;

export function canonicalPath(path: string, isPathAsSent: boolean): string {
  if (isPathAsSent) return path === "" ? "/" : path;
  let normal = path;
  if (path.includes("//") || path.includes("/.")) {
    const kept: string[] = [];
    for (const segment of path.split("/")) {
      if (segment === "" || segment === ".") continue;
      if (segment === "..") kept.pop();
      else kept.push(segment);
    }
    const trailing = path.endsWith("/") && kept.length > 0 ? "/" : "";
    normal = `/${kept.join("/")}${trailing}`;
  }
  if (normal === "") return "/";
  return PLAIN_PATH.test(normal) ? normal : normal.split("/").map(encodeStrict).join("/");
}

function decodeLoose(text: string): string {
  if (!text.includes("%")) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

export function canonicalQuery(query: string, skip: string | undefined): string {
  if (query === "") return "";
  const pairs: [string, string][] = [];
  for (const part of query.split("&")) {
    if (part === "") continue;
    const at = part.indexOf("=");
    const key = decodeLoose(at < 0 ? part : part.slice(0, at));
    if (key === skip) continue;
    pairs.push([encodeStrict(key), at < 0 ? "" : encodeStrict(decodeLoose(part.slice(at + 1)))]);
  }
  pairs.sort(([keyA, valueA], [keyB, valueB]) => {
    if (keyA !== keyB) return keyA < keyB ? -1 : 1;
    if (valueA === valueB) return 0;
    return valueA < valueB ? -1 : 1;
  });
  return pairs.map(([key, value]) => `${key}=${value}`).join("&");
}

function canonicalValue(value: string): string {
  const trimmed = value.trim();
  return trimmed.includes("  ") ? trimmed.replaceAll(/ {2,}/gu, " ") : trimmed;
}

let lastSplit: { readonly text: string; readonly names: readonly string[] } = { text: "", names: [""] };

/** Clients sign the same headers each time, so the last list is remembered. */
function namesOf(signedHeaders: string): readonly string[] {
  if (lastSplit.text !== signedHeaders) lastSplit = { text: signedHeaders, names: signedHeaders.split(";") };
  return lastSplit.names;
}

export function canonicalRequest(parts: SignedParts): string {
  let headers = "";
  for (const name of namesOf(parts.signedHeaders)) {
    headers += `${name}:${canonicalValue(parts.headers[name] ?? "")}\n`;
  }
  return (
    `${parts.method}\n${canonicalPath(parts.path, parts.isPathAsSent)}\n` +
    `${canonicalQuery(parts.query, parts.skipQuery)}\n${headers}\n` +
    `${parts.signedHeaders}\n${parts.payloadHash}`
  );
}

export const ALGORITHM = "AWS4-HMAC-SHA256";

export function stringToSign(amzDate: string, scope: string, canonical: string): string {
  return `${ALGORITHM}\n${amzDate}\n${scope}\n${sha256Hex(canonical)}`;
}

const BLOCK = 64;
const HASH_BYTES = 32;
/** Longer texts than a string to sign are rare, and get room of their own. */
const TEXT_BYTES = 768;
const UTF8_BYTES_MAX = 3;

/**
 * HMAC-SHA256 by one-shot hashes, which cost a third of a Hmac object. Both messages lie ready behind
 * their pads, so that nothing is allocated for them; nothing of a text stays longer than the call.
 */
export interface HmacKey {
  readonly inner: Buffer;
  readonly outer: Buffer;
}

export function hmacKey(secret: Uint8Array): HmacKey {
  const key = secret.length > BLOCK ? createHash("sha256").update(secret).digest() : secret;
  const inner = Buffer.alloc(BLOCK + TEXT_BYTES, 0x36);
  const outer = Buffer.alloc(BLOCK + HASH_BYTES, 0x5c);
  for (const [index, byte] of key.entries()) {
    inner[index] = byte ^ 0x36;
    outer[index] = byte ^ 0x5c;
  }
  return { inner, outer };
}

/** What the outer hash is of. */
function outerMessage({ inner, outer }: HmacKey, text: string): Buffer {
  const bytes =
    text.length * UTF8_BYTES_MAX <= TEXT_BYTES
      ? inner.subarray(0, BLOCK + inner.write(text, BLOCK))
      : Buffer.concat([inner.subarray(0, BLOCK), Buffer.from(text)]);
  outer.set(hash("sha256", bytes, "buffer"), BLOCK);
  return outer;
}

export function hmac(key: HmacKey, text: string): Buffer {
  return hash("sha256", outerMessage(key, text), "buffer");
}

export function hmacHex(key: HmacKey, text: string): string {
  return hash("sha256", outerMessage(key, text), "hex");
}

interface CachedKey {
  readonly secret: string;
  readonly key: HmacKey;
}

const CACHE_MAX = 500;
const cache = new Map<string, CachedKey>();

/** The key that signs a day's requests to a service in a region; derived once, then kept. */
export function signingKey(
  accessKeyId: string,
  secret: string,
  date: string,
  region: string,
  service: string,
): HmacKey {
  const id = `${accessKeyId}/${date}/${region}/${service}`;
  const cached = cache.get(id);
  if (cached !== undefined && cached.secret === secret) return cached.key;
  let material: Uint8Array = Buffer.from(`AWS4${secret}`);
  for (const part of [date, region, service, "aws4_request"]) material = hmac(hmacKey(material), part);
  const key = hmacKey(material);
  if (cache.size >= CACHE_MAX) cache.clear();
  cache.set(id, { secret, key });
  return key;
}

/** Compares in a time that does not depend on where they differ. */
export function equalSecret(a: string, b: string): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let index = 0; index < a.length; index += 1) difference |= a.charCodeAt(index) ^ b.charCodeAt(index);
  return difference === 0;
}

/** `20250131T235959Z` */
export function amzDate(millis: number): string {
  return new Date(millis).toISOString().replaceAll(/[-:]|\.\d{3}/gu, "");
}

let lastParsed: { readonly text: string; readonly millis: number | undefined } | undefined;

/** Requests of the same second state the same text, so the last one is remembered. */
export function parseAmzDate(text: string): number | undefined {
  if (lastParsed?.text !== text) lastParsed = { text, millis: readAmzDate(text) };
  return lastParsed.millis;
}

function readAmzDate(text: string): number | undefined {
  const parts = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/u.exec(text);
  if (parts === null) return undefined;
  const [year, month, day, hour, minute, second] = parts.slice(1).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  return Date.UTC(year, month - 1, day, hour, minute, second);
}
