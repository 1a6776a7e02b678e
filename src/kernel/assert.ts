/** A bug: a state the code holds to be impossible. Never used for input or for a platform failure. */
export class AssertionError extends Error {
  override name = "AssertionError";
}

export function assert(condition: unknown, message: string): asserts condition {
  if (condition === false || condition === undefined || condition === null || condition === 0) {
    throw new AssertionError(message);
  }
}

/** Closes a `switch` over a union: a new member is then a compile error at this call. */
export function unreachable(value: never): never {
  throw new AssertionError(`unreachable: ${JSON.stringify(value)}`);
}
