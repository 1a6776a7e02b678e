/** The next step that an answer carries beside what AWS says, in its `x-lambent-hint`. */

/** Member of an operation's output: the hint of an answer that is no error of the platform's. */
export const HINT: unique symbol = Symbol("hint");

export const HINT_HEADER = "x-lambent-hint";
const CHARACTERS_MAX = 500;

/** A hint as a header may carry it: one line of ASCII, the rest percent-encoded. */
export function headerText(text: string): string {
  return text
    .replaceAll(/\s+/gu, " ")
    .trim()
    .slice(0, CHARACTERS_MAX)
    .replaceAll(/[^\x20-\x7e]+/gu, (foreign) => encodeURIComponent(foreign.toWellFormed()));
}

/** The other way round, as far as it can be read. */
export function hintText(header: string): string {
  try {
    return decodeURIComponent(header);
  } catch {
    return header;
  }
}
