import type { Scope } from "../../kernel/scope.ts";

/** One hand-over of events, as `lambent logs -f` tells it between the lines of functions. */
export interface DeliveryNote {
  readonly at: number;
  readonly scope: Scope;
  /** Functions it concerns: who follows one of them sees it. */
  readonly functions: readonly string[];
  /** `s3 photos ObjectCreated:Put a.png → thumbnail`; with the reason where it failed. */
  readonly text: string;
  readonly failed: boolean;
  /** What to do about it. */
  readonly next?: string;
}

const ERROR_CHARACTERS_MAX = 200;

/** `KeyError: 'sku'`, of the error object that a function ended with; `fallback` where it is none. */
export function shownError(payload: Uint8Array, fallback: string): string {
  let error: { errorType?: unknown; errorMessage?: unknown } | null;
  try {
    error = JSON.parse(Buffer.from(payload).toString("utf8")) as typeof error;
  } catch {
    return fallback;
  }
  const parts = [error?.errorType, error?.errorMessage].filter((part) => typeof part === "string");
  const [line = ""] = parts.join(": ").split("\n");
  return line === "" ? fallback : line.slice(0, ERROR_CHARACTERS_MAX);
}

export interface DeliveryTeller {
  /** Costs nothing while nobody follows: the note is made for those who do. */
  tell(make: () => DeliveryNote): void;
}

/** What happens is told to whoever follows at that moment; nothing is kept. */
export class Deliveries implements DeliveryTeller {
  readonly #listeners = new Set<(note: DeliveryNote) => void>();

  tell(make: () => DeliveryNote): void {
    if (this.#listeners.size === 0) return;
    const note = make();
    for (const listener of this.#listeners) listener(note);
  }

  /** Returns the way out. A listener must not throw. */
  subscribe(listener: (note: DeliveryNote) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
