import { createHash, hash } from "node:crypto";
import { Readable } from "node:stream";
import { trailersOf } from "../../aws/streamed-body.ts";
import type { RunningHash } from "../../ports/hasher.ts";
import { type ChecksumAlgorithm, isAlgorithm, startChecksum } from "./checksums.ts";
import { ciphered, type CustomerKey, sealedEtag } from "./customer-key.ts";
import type { Deps } from "./deps.ts";
import * as errors from "./errors.ts";
import { S3_LIMITS } from "./model.ts";

/** What a request says of its body; all of it is checked. */
export interface Claims {
  /** Base64. */
  readonly md5?: string | undefined;
  readonly algorithm: ChecksumAlgorithm;
  /** Computed beside it: a multipart object's own. */
  readonly also?: ChecksumAlgorithm | undefined;
  /** Base64; undefined when none was sent, or it comes in the trailer. */
  readonly checksum?: string | undefined;
  /** Name of the trailer that brings the checksum. */
  readonly trailer?: string | undefined;
  /** Hex of x-amz-content-sha256, when it is a hash. */
  readonly sha256?: string | undefined;
  /** Of the decoded body, when it is stated. */
  readonly bytes?: number | undefined;
  /** Bodies up to this size stay in memory; below 0 all become blobs. */
  readonly inlineMax: number;
  /** The body is encrypted with it, and always becomes a blob. */
  readonly key?: CustomerKey | undefined;
}

/** A body that has been read, checked, and stored if it was large. */
export interface Received {
  readonly bytes: number;
  /** Hex. */
  readonly md5: string;
  /** The MD5, but for what was encrypted. */
  readonly etag: string;
  readonly algorithm: ChecksumAlgorithm;
  /** Base64. */
  readonly checksum: string;
  /** That of `also`, where it was asked for. */
  readonly other: string | undefined;
  /** The body itself when it was small. */
  readonly body: Uint8Array | undefined;
  /** Its blob otherwise; held until `release`. */
  readonly blob: string | undefined;
}

/** What bodies are stored and hashed with. */
export type Store = Pick<Deps, "contents" | "hasher">;

export type Body = Uint8Array | string | AsyncIterable<Uint8Array>;

/**
 * Reads a body to its end while it is hashed: small ones into memory, others into a blob.
 * Errors: EntityTooLarge, IncompleteBody, InvalidDigest, BadDigest, XAmzContentSHA256Mismatch, and
 * whatever the stream throws (a caller who hung up); nothing is kept then.
 */
export async function receive(body: Body, claims: Claims, deps: Store): Promise<Received> {
  if (claims.bytes !== undefined && claims.bytes > S3_LIMITS.putBytes) {
    throw errors.entityTooLarge(claims.bytes, S3_LIMITS.putBytes);
  }
  const inlineMax = claims.key === undefined ? claims.inlineMax : -1;
  const source = typeof body === "string" ? Buffer.from(body) : body;
  const start: Uint8Array[] = [];
  let startBytes = 0;
  const chunks = chunksOf(source);
  let next = await chunks.next();
  while (next.done !== true && startBytes + next.value.length <= inlineMax) {
    start.push(next.value);
    startBytes += next.value.length;
    next = await chunks.next();
  }
  const [first] = start;
  if (next.done === true && inlineMax >= 0) {
    const whole = start.length === 1 && first !== undefined ? first : Buffer.concat(start);
    return receiveSmall(whole, body, claims);
  }
  if (next.done !== true) start.push(next.value);
  return receiveLarge(start, chunks, body, claims, deps);
}

/** Does not destroy a request it gives up on: the answer still has to get out on its connection. */
function chunksOf(source: Uint8Array | AsyncIterable<Uint8Array>): AsyncIterator<Uint8Array> {
  if (source instanceof Uint8Array) {
    return (async function* () {
      await Promise.resolve();
      if (source.length > 0) yield source;
    })();
  }
  if (source instanceof Readable) return source.iterator({ destroyOnReturn: false });
  return source[Symbol.asyncIterator]();
}

function receiveSmall(whole: Uint8Array, body: Body, claims: Claims): Received {
  const checksum = startChecksum(claims.algorithm);
  checksum.update(whole);
  const other = claims.also === undefined ? undefined : startChecksum(claims.also);
  other?.update(whole);
  const md5 = hash("md5", whole, "hex");
  const received: Received = {
    bytes: whole.length,
    md5,
    etag: md5,
    algorithm: claims.algorithm,
    checksum: checksum.digest().toString("base64"),
    other: other?.digest().toString("base64"),
    body: whole,
    blob: undefined,
  };
  const sha256 = claims.sha256 === undefined ? undefined : hash("sha256", whole, "hex");
  check(received, sha256, body, claims);
  return received;
}

async function receiveLarge(
  start: readonly Uint8Array[],
  rest: AsyncIterator<Uint8Array>,
  body: Body,
  claims: Claims,
  { contents, hasher }: Store,
): Promise<Received> {
  const md5 = (claims.bytes ?? 0) >= THREAD_BYTES_MIN ? hasher.start() : inlineMd5();
  const sha256 = claims.sha256 === undefined ? undefined : createHash("sha256");
  const checksum = startChecksum(claims.algorithm);
  const other = claims.also === undefined ? undefined : startChecksum(claims.also);
  let bytes = 0;
  let digest: Promise<string> | undefined;
  function take(chunk: Uint8Array): Promise<void> | undefined {
    bytes += chunk.length;
    if (bytes > S3_LIMITS.putBytes) throw errors.entityTooLarge(bytes, S3_LIMITS.putBytes);
    const room = md5.update(chunk);
    sha256?.update(chunk);
    checksum.update(chunk);
    other?.update(chunk);
    return room;
  }
  async function* hashed(): AsyncGenerator<Uint8Array> {
    for (const chunk of start) {
      await take(chunk);
      yield chunk;
    }
    for (let next = await rest.next(); next.done !== true; next = await rest.next()) {
      const room = take(next.value);
      if (room !== undefined) await room;
      yield next.value;
    }
    // A body that broke off must not become a blob.
    if (claims.bytes !== undefined && bytes !== claims.bytes) throw errors.incompleteBody();
    // It ends while the file is being synced.
    digest = md5.digest();
    digest.catch(() => undefined);
  }
  const { key } = claims;
  const stored = (name: string): AsyncIterable<Uint8Array> =>
    key === undefined ? hashed() : ciphered(hashed(), key, name, 0);
  const blob = await contents.put(stored).catch((error: unknown) => {
    md5.abandon();
    throw error;
  });
  try {
    const plainMd5 = (await digest) ?? "";
    const received: Received = {
      bytes,
      md5: plainMd5,
      etag: key === undefined ? plainMd5 : sealedEtag(blob),
      algorithm: claims.algorithm,
      checksum: checksum.digest().toString("base64"),
      other: other?.digest().toString("base64"),
      body: undefined,
      blob,
    };
    check(received, sha256?.digest("hex"), body, claims);
    return received;
  } catch (error) {
    contents.suspect([blob]);
    contents.release([blob]);
    throw error;
  }
}

/** Below, handing the bytes over costs more than it saves. */
const THREAD_BYTES_MIN = 1024 * 1024;

function inlineMd5(): RunningHash {
  const md5 = createHash("md5");
  return {
    update(chunk) {
      md5.update(chunk);
      return undefined;
    },
    digest: () => Promise.resolve(md5.digest("hex")),
    abandon: () => undefined,
  };
}

function check(received: Received, sha256: string | undefined, body: Body, claims: Claims): void {
  if (claims.bytes !== undefined && claims.bytes !== received.bytes) throw errors.incompleteBody();
  if (claims.sha256 !== undefined && sha256 !== undefined && claims.sha256 !== sha256) {
    throw errors.contentHashMismatch(claims.sha256, sha256);
  }
  if (claims.md5 !== undefined && Buffer.from(claims.md5, "base64").toString("hex") !== received.md5) {
    throw errors.badDigest("The Content-MD5 you specified did not match what we received.");
  }
  const stated = claims.checksum ?? trailerChecksum(body, claims.trailer);
  if (stated !== undefined && stated !== received.checksum) {
    throw errors.badDigest(`The ${claims.algorithm} you specified did not match the calculated checksum.`);
  }
}

function trailerChecksum(body: Body, name: string | undefined): string | undefined {
  if (name === undefined) return undefined;
  const value = trailersOf(body)?.[name];
  if (value === undefined) throw errors.malformedTrailer();
  return value;
}

/** The algorithm that a header of the form `x-amz-checksum-crc32` speaks of. */
export function algorithmOfHeader(header: string): ChecksumAlgorithm | undefined {
  const name = header
    .toLowerCase()
    .replace(/^x-amz-checksum-/u, "")
    .toUpperCase();
  return isAlgorithm(name) ? name : undefined;
}
