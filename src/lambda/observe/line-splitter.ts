/** CloudWatch Logs takes events of up to 256 KB (26 bytes of which are its own); longer lines are cut there. */
export const LINE_BYTES_MAX: number = 256 * 1024 - 26;

/**
 * Cuts what a process writes into lines, each given without its newline. A line that grows over the
 * limit is given out in pieces, cut between characters, so memory stays bounded whatever the process does.
 */
export class LineSplitter {
  readonly #onLine: (line: string) => void;
  readonly #bytesMax: number;
  #pieces: Buffer[] = [];
  #held = 0;

  constructor(onLine: (line: string) => void, bytesMax: number = LINE_BYTES_MAX) {
    this.#onLine = onLine;
    this.#bytesMax = bytesMax;
  }

  push(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) {
      const newline = chunk.indexOf(0x0a, at);
      const end = newline === -1 ? chunk.length : newline;
      const room = this.#bytesMax - this.#held;
      if (end - at >= room && this.#held + (end - at) > this.#bytesMax) {
        this.#take(chunk, at, at + room);
        at += room;
        this.#cut(chunk[at] as number);
        continue;
      }
      this.#take(chunk, at, end);
      if (newline === -1) return;
      this.#give();
      at = newline + 1;
    }
  }

  /** The process ended or the invocation did: what is held is a line too. */
  flush(): void {
    if (this.#held > 0) this.#give();
  }

  #take(chunk: Buffer, from: number, to: number): void {
    if (to === from) return;
    // A copy: a view of a few bytes would keep the whole chunk of the pipe alive.
    this.#pieces.push(Buffer.from(chunk.subarray(from, to)));
    this.#held += to - from;
  }

  #give(): void {
    const line = this.#taken();
    this.#pieces = [];
    this.#held = 0;
    this.#onLine(line.toString("utf8"));
  }

  /** Gives what is held, but for the beginning of a character that the `next` byte goes on with. */
  #cut(next: number): void {
    const line = this.#taken();
    const end = isContinuation(next) ? lastCharacterStart(line) : line.length;
    this.#pieces = [];
    this.#held = 0;
    this.#take(line, end, line.length);
    this.#onLine(line.toString("utf8", 0, end));
  }

  #taken(): Buffer {
    return this.#pieces.length === 1 ? (this.#pieces[0] as Buffer) : Buffer.concat(this.#pieces);
  }
}

const isContinuation = (byte: number): boolean => (byte & 0xc0) === 0x80;

/** Where the last character of a UTF-8 text begins; its end where there is no such place, or nothing before it. */
function lastCharacterStart(bytes: Buffer): number {
  for (let at = bytes.length - 1; at > 0 && at >= bytes.length - 3; at -= 1)
    if (!isContinuation(bytes[at] as number)) return at;
  return bytes.length;
}
