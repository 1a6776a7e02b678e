/** What a streamed body brought behind its last byte. Lower-case names; filled in when it has ended. */
const trailers = new WeakMap<object, Readonly<Record<string, string>>>();

export function setTrailers(body: object, found: Readonly<Record<string, string>>): void {
  trailers.set(body, found);
}

/** The trailers of a body that was read to its end; undefined for one that has none. */
export function trailersOf(body: unknown): Readonly<Record<string, string>> | undefined {
  return typeof body === "object" && body !== null ? trailers.get(body) : undefined;
}

/**
 * Member of an operation's output: the HTTP status, where it is not the one of AWS's model (206 for a
 * range, 204 where the model says 200).
 */
export const HTTP_STATUS: unique symbol = Symbol("HTTP status");

/** Member of an output whose body is the text itself, in a form that the model does not describe. */
export const RAW_XML: unique symbol = Symbol("raw XML");
