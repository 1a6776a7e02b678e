import type { Readable } from "node:stream";
import type { Clock } from "../../kernel/clock.ts";
import type { Sandbox } from "../../ports/sandbox-driver.ts";
import { LineSplitter } from "../observe/line-splitter.ts";

/** More than this within one interval and the pipe rests: the writer then waits, not the server. */
const BYTES_PER_INTERVAL = 1024 * 1024;
const INTERVAL_MS = 50;
/** Turns of the event loop that `drain` gives to output that keeps coming. */
const DRAIN_TURNS_MAX = 8;
/** How long the end of the streams may come after the end of the process. */
const END_GRACE_MS = 100;

/** Reads stdout and stderr of a sandbox as lines, at a bounded rate. */
export class OutputPipes {
  /** Something has come by these pipes since the sandbox was made. */
  seen = false;
  readonly #clock: Clock;
  readonly #streams: readonly Readable[];
  readonly #splitters: readonly LineSplitter[];
  readonly #ended: Promise<unknown>;
  #intervalStartMs = 0;
  #intervalBytes = 0;
  #chunks = 0;
  #resting = false;

  constructor(sandbox: Sandbox, clock: Clock, onLine: (line: string) => void) {
    this.#clock = clock;
    this.#streams = [sandbox.stdout, sandbox.stderr];
    this.#splitters = this.#streams.map(() => new LineSplitter(onLine));
    this.#ended = Promise.all(
      this.#streams.map((stream, at) => {
        const { promise, resolve } = Promise.withResolvers<void>();
        const over = (): void => {
          (this.#splitters[at] as LineSplitter).flush();
          resolve();
        };
        stream.on("data", (chunk: Buffer) => this.#onData(at, chunk));
        stream.on("end", over);
        stream.on("close", over);
        stream.on("error", over);
        return promise;
      }),
    );
  }

  /** Lets what the process has already written arrive; a line without its newline is a line too. */
  async drain(): Promise<void> {
    for (let turn = 0; turn < DRAIN_TURNS_MAX; turn += 1) {
      const before = this.#chunks;
      await new Promise<void>((resolve) => setImmediate(resolve));
      if (this.#chunks === before) break;
    }
    for (const splitter of this.#splitters) splitter.flush();
  }

  /** Resolves when both pipes are at their end, or shortly after the process if they stay open. */
  async ended(): Promise<void> {
    const grace = Promise.withResolvers<void>();
    const timer = this.#clock.timer(END_GRACE_MS, () => grace.resolve());
    await Promise.race([this.#ended, grace.promise]);
    timer.cancel();
    for (const splitter of this.#splitters) splitter.flush();
  }

  #onData(at: number, chunk: Buffer): void {
    this.seen = true;
    this.#chunks += 1;
    (this.#splitters[at] as LineSplitter).push(chunk);
    const nowMs = this.#clock.monotonic();
    if (nowMs - this.#intervalStartMs > INTERVAL_MS) {
      this.#intervalStartMs = nowMs;
      this.#intervalBytes = 0;
    }
    this.#intervalBytes += chunk.length;
    if (this.#intervalBytes > BYTES_PER_INTERVAL && !this.#resting) this.#rest();
  }

  #rest(): void {
    this.#resting = true;
    for (const stream of this.#streams) stream.pause();
    this.#clock.timer(INTERVAL_MS, () => {
      this.#resting = false;
      for (const stream of this.#streams) stream.resume();
    });
  }
}
