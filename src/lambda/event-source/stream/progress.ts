/**
 * How far a shard has been processed when several lanes work on it: a position is safe when every
 * record up to it is finished. Plain data, no I/O.
 */
export class Progress {
  readonly #open: { readonly sequenceNumber: string; finished: boolean }[] = [];
  readonly #bySequence = new Map<string, { readonly sequenceNumber: string; finished: boolean }>();
  #position: string | undefined;

  constructor(position: string | undefined) {
    this.#position = position;
  }

  /** Records read and not yet finished. */
  get open(): number {
    return this.#open.length;
  }

  /** The last record before which nothing is open. */
  get position(): string | undefined {
    return this.#position;
  }

  read(sequenceNumber: string): void {
    const entry = { sequenceNumber, finished: false };
    this.#open.push(entry);
    this.#bySequence.set(sequenceNumber, entry);
  }

  /** Whether the position moved. */
  finish(sequenceNumbers: Iterable<string>): boolean {
    for (const sequenceNumber of sequenceNumbers) {
      const entry = this.#bySequence.get(sequenceNumber);
      if (entry !== undefined) entry.finished = true;
    }
    let count = 0;
    while (this.#open[count]?.finished === true) count += 1;
    if (count === 0) return false;
    for (const entry of this.#open.splice(0, count)) {
      this.#bySequence.delete(entry.sequenceNumber);
      this.#position = entry.sequenceNumber;
    }
    return true;
  }
}
