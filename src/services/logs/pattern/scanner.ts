/** The pattern cannot be read. */
export class PatternError extends Error {
  override name = "PatternError";
}

export interface Scanner {
  readonly rest: string;
  skipSpace(): void;
  /** Takes what the sticky expression matches here, or undefined. */
  take(expression: RegExp): string | undefined;
  /** Takes it or fails. */
  need(expression: RegExp): string;
  atEnd(): boolean;
}

export function createScanner(text: string): Scanner {
  let at = 0;
  function take(expression: RegExp): string | undefined {
    const sticky = new RegExp(expression.source, "iy");
    sticky.lastIndex = at;
    const match = sticky.exec(text)?.[0];
    if (match !== undefined) at += match.length;
    return match;
  }
  const skipSpace = (): void => void take(/\s*/);
  return {
    get rest() {
      return text.slice(at);
    },
    skipSpace,
    take,
    need(expression) {
      const found = take(expression);
      if (found === undefined) throw new PatternError(`unexpected ${text.slice(at, at + 10)}`);
      return found;
    },
    atEnd() {
      skipSpace();
      return at >= text.length;
    },
  };
}

/** A text in double quotes, as it stands in the pattern. */
export const QUOTED: RegExp = /"(?:[^"\\]|\\.)*"/;

export function unquote(quoted: string): string {
  return quoted.slice(1, -1).replace(/\\(["\\])/g, "$1");
}
