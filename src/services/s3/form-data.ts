import * as errors from "./errors.ts";

/** A browser's form (RFC 7578), of which the file is read as it comes. */
export interface Form {
  /** Fields before the file; names in lower case, the last of a name counts. */
  readonly fields: ReadonlyMap<string, string>;
  readonly file: { readonly name: string; readonly body: AsyncIterable<Uint8Array> } | undefined;
}

/** S3 takes so much of a form beside its file. */
const FIELDS_BYTES_MAX = 20_480;

/** Errors: MalformedPOSTRequest, MaxPostPreDataLengthExceeded. */
export async function readForm(contentType: string, source: AsyncIterable<Uint8Array>): Promise<Form> {
  const boundary = /;\s*boundary=(?:"([^"]+)"|([^;\s]+))/iu.exec(contentType);
  const name = boundary?.[1] ?? boundary?.[2];
  if (name === undefined) throw errors.malformedPost();
  const reader = new PartReader(source[Symbol.asyncIterator](), Buffer.from(`\r\n--${name}`));
  const fields = new Map<string, string>();
  let bytes = 0;
  for (;;) {
    const head = await reader.nextPart();
    if (head === undefined) return { fields, file: undefined };
    const field = parameter(head, "name")?.toLowerCase();
    if (field === undefined) throw errors.malformedPost();
    const body = reader.body();
    if (field === "file") return { fields, file: { name: parameter(head, "filename") ?? "", body } };
    const chunks: Uint8Array[] = [];
    for await (const chunk of body) {
      bytes += chunk.length;
      if (bytes > FIELDS_BYTES_MAX) throw errors.postTooLarge(FIELDS_BYTES_MAX);
      chunks.push(chunk);
    }
    fields.set(field, Buffer.concat(chunks).toString("utf8"));
  }
}

function parameter(head: string, name: string): string | undefined {
  const disposition = /^content-disposition:(.*)$/imu.exec(head)?.[1] ?? "";
  const match = new RegExp(`;\\s*${name}=(?:"((?:[^"\\\\]|\\\\.)*)"|([^;\\s]+))`, "iu").exec(disposition);
  return match?.[1]?.replaceAll(/\\(.)/gu, "$1") ?? match?.[2];
}

class PartReader {
  readonly #source: AsyncIterator<Uint8Array>;
  readonly #delimiter: Buffer;
  /** The first delimiter has no line before it. */
  #held: Buffer = Buffer.from("\r\n");

  constructor(source: AsyncIterator<Uint8Array>, delimiter: Buffer) {
    this.#source = source;
    this.#delimiter = delimiter;
  }

  async #more(): Promise<void> {
    const next = await this.#source.next();
    if (next.done === true) throw errors.malformedPost();
    this.#held = Buffer.concat([this.#held, next.value]);
  }

  async #until(mark: Buffer | string): Promise<number> {
    for (;;) {
      const at = this.#held.indexOf(mark);
      if (at >= 0) return at;
      if (this.#held.length > 2 * FIELDS_BYTES_MAX) throw errors.malformedPost();
      await this.#more();
    }
  }

  /** The header lines of the next part; undefined behind the last. Call it when a body was read. */
  async nextPart(): Promise<string | undefined> {
    const at = await this.#until(this.#delimiter);
    this.#held = this.#held.subarray(at + this.#delimiter.length);
    while (this.#held.length < 2) await this.#more();
    if (this.#held.toString("latin1", 0, 2) === "--") return undefined;
    const end = await this.#until("\r\n\r\n");
    const head = this.#held.toString("utf8", 0, end);
    // The line break before a delimiter that follows at once belongs to it.
    this.#held = this.#held.subarray(end + 4);
    return head;
  }

  /** The bytes up to the next delimiter, which stays. */
  async *body(): AsyncGenerator<Uint8Array> {
    const keep = this.#delimiter.length - 1;
    for (;;) {
      const at = this.#held.indexOf(this.#delimiter);
      const ready = at >= 0 ? at : Math.max(0, this.#held.length - keep);
      const piece = this.#held.subarray(0, ready);
      this.#held = this.#held.subarray(ready);
      if (piece.length > 0) yield piece;
      if (at >= 0) return;
      await this.#more();
    }
  }
}
