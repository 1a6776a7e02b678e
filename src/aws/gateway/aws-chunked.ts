import { createHash, type Hash } from "node:crypto";
import { Readable } from "node:stream";

import { ServiceError } from "../../kernel/errors.ts";
import type { Headers } from "../protocol/types.ts";
import { EMPTY_HASH, equalSecret, type HmacKey, hmacHex, sha256Hex, signingKey } from "../sigv4/canonical.ts";
import type { SignatureReading } from "../sigv4/signature.ts";
import { setTrailers } from "../streamed-body.ts";

const LINE_MAX = 16_384;
const TRAILER_BYTES_MAX = 16_384;

/** What the signatures of chunks are checked with; absent where the key is not known. */
export interface ChunkKey {
  readonly key: HmacKey;
  readonly amzDate: string;
  /** `20250131/eu-west-1/s3/aws4_request` */
  readonly scope: string;
  /** The request's own signature: the first link of the chain. */
  readonly seed: string;
}

export function chunkKeyOf(reading: SignatureReading, secret: string | undefined): ChunkKey | undefined {
  if (reading.kind !== "signed" || secret === undefined) return undefined;
  const { accessKeyId, date, region, service, amzDate, signature } = reading.signature;
  return {
    key: signingKey(accessKeyId, secret, date, region, service),
    amzDate,
    scope: `${date}/${region}/${service}/aws4_request`,
    seed: signature,
  };
}

/**
 * The body of a streamed upload, with AWS's own chunking undone where the client used it. Its trailers
 * are there (`trailersOf`) when it has been read.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html
 */
export function unchunked(
  request: Readable,
  headers: Headers,
  chunkKey?: ChunkKey,
): Readable | AsyncIterable<Uint8Array> {
  const hash = headers["x-amz-content-sha256"] ?? "";
  const isChunked =
    headers["content-encoding"]?.includes("aws-chunked") === true || hash.startsWith("STREAMING-");
  if (!isChunked) return request;
  const isSigned = hash.startsWith("STREAMING-AWS4-HMAC-SHA256-PAYLOAD");
  const decoder = new ChunkDecoder(isSigned ? chunkKey : undefined, isSigned);
  // The request survives an early end: its refusal has yet to be sent on the same connection.
  const source: AsyncIterable<Uint8Array> = {
    [Symbol.asyncIterator]: () => request.iterator({ destroyOnReturn: false }),
  };
  const body: AsyncIterable<Uint8Array> = {
    async *[Symbol.asyncIterator]() {
      for await (const piece of source) yield* decoder.push(piece);
      setTrailers(body, decoder.end());
    },
  };
  return body;
}

function incomplete(): ServiceError {
  return new ServiceError("IncompleteBody", 400, "The request body terminated unexpectedly");
}

function malformedTrailer(): ServiceError {
  return new ServiceError(
    "MalformedTrailerError",
    400,
    "The request contained trailing data that was not well-formed or did not conform to our published schema.",
  );
}

function wrongSignature(): ServiceError {
  return new ServiceError(
    "SignatureDoesNotMatch",
    403,
    "The request signature we calculated does not match the signature you provided. Check your key and signing method.",
    { hint: "a chunk of the body is not the one that was signed" },
  );
}

/** Where the decoder is: before a chunk, in its bytes, behind them, in the trailers. */
type Place = "size" | "bytes" | "bytes-end" | "trailers" | "done";

/**
 * `<hex size>[;chunk-signature=…]CRLF bytes CRLF …`, a chunk of size 0 ends it, trailers of the form
 * `name:value CRLF` follow, and an empty line. Each signature covers its chunk and the signature before.
 */
class ChunkDecoder {
  readonly #chunkKey: ChunkKey | undefined;
  readonly #isSigned: boolean;
  readonly #trailers: [name: string, value: string][] = [];
  #place: Place = "size";
  #left = 0;
  /** The beginning of a line whose end has not come yet. */
  #line = "";
  #previous: string;
  #stated = "";
  #hash: Hash | undefined;
  #trailerBytes = 0;

  constructor(chunkKey: ChunkKey | undefined, isSigned: boolean) {
    this.#chunkKey = chunkKey;
    this.#isSigned = isSigned;
    this.#previous = chunkKey?.seed ?? "";
  }

  *push(piece: Uint8Array): Generator<Uint8Array> {
    const bytes = Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength);
    let at = 0;
    while (at < bytes.length && this.#place !== "done") {
      if (this.#place === "bytes") {
        const part = bytes.subarray(at, at + this.#left);
        at += part.length;
        this.#left -= part.length;
        this.#hash?.update(part);
        if (this.#left === 0) this.#endChunk();
        yield part;
        continue;
      }
      const feed = bytes.indexOf(10, at);
      this.#line += bytes.toString("latin1", at, feed < 0 ? bytes.length : feed + 1);
      if (this.#line.length > LINE_MAX) throw incomplete();
      if (feed < 0) return;
      at = feed + 1;
      const line = this.#line.replace(/\r?\n$/u, "");
      this.#line = "";
      this.#takeLine(line);
    }
  }

  /** The trailers, when the body was complete. */
  end(): Readonly<Record<string, string>> {
    if (this.#place === "trailers" && this.#line !== "") this.#takeTrailer(this.#line);
    if (this.#place !== "trailers" && this.#place !== "done") throw incomplete();
    this.#verifyTrailers();
    return Object.fromEntries(this.#trailers);
  }

  #takeLine(line: string): void {
    if (this.#place === "trailers") {
      if (line === "") this.#place = "done";
      else this.#takeTrailer(line);
      return;
    }
    if (this.#place === "bytes-end") {
      if (line !== "") throw incomplete();
      this.#place = "size";
      return;
    }
    const [size = "", ...extensions] = line.split(";");
    if (!/^[0-9a-fA-F]{1,8}$/u.test(size)) throw incomplete();
    const signature = extensions.find((extension) => extension.startsWith("chunk-signature="));
    if (this.#isSigned && signature === undefined) throw incomplete();
    this.#stated = signature?.slice("chunk-signature=".length) ?? "";
    this.#left = Number.parseInt(size, 16);
    if (this.#chunkKey !== undefined) this.#hash = createHash("sha256");
    if (this.#left > 0) this.#place = "bytes";
    else {
      this.#endChunk();
      this.#place = "trailers";
    }
  }

  #endChunk(): void {
    this.#place = "bytes-end";
    if (this.#chunkKey === undefined) return;
    const { amzDate, scope } = this.#chunkKey;
    const hash = this.#hash?.digest("hex") ?? EMPTY_HASH;
    this.#hash = undefined;
    this.#verify(
      `AWS4-HMAC-SHA256-PAYLOAD\n${amzDate}\n${scope}\n${this.#previous}\n${EMPTY_HASH}\n${hash}`,
      this.#stated,
    );
  }

  #verify(text: string, stated: string): void {
    if (this.#chunkKey === undefined) return;
    if (!equalSecret(hmacHex(this.#chunkKey.key, text), stated)) throw wrongSignature();
    this.#previous = stated;
  }

  #takeTrailer(line: string): void {
    const colon = line.indexOf(":");
    this.#trailerBytes += line.length;
    if (colon < 1 || this.#trailerBytes > TRAILER_BYTES_MAX) throw malformedTrailer();
    this.#trailers.push([line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim()]);
  }

  #verifyTrailers(): void {
    if (this.#chunkKey === undefined || this.#trailers.length === 0) return;
    const stated = this.#trailers.find(([name]) => name === "x-amz-trailer-signature")?.[1];
    if (stated === undefined) throw malformedTrailer();
    const canonical = this.#trailers
      .filter(([name]) => name !== "x-amz-trailer-signature")
      .map(([name, value]) => `${name}:${value}\n`)
      .join("");
    const { amzDate, scope } = this.#chunkKey;
    this.#verify(
      `AWS4-HMAC-SHA256-TRAILER\n${amzDate}\n${scope}\n${this.#previous}\n${sha256Hex(canonical)}`,
      stated,
    );
  }
}
