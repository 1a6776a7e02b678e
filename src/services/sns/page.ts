/** Pages of AWS's fixed size; a token says after which name the next one begins. */
import { LIMITS } from "../../kernel/limits.ts";
import * as errors from "./errors.ts";

export function pageOf<T>(
  items: readonly T[],
  token: string | undefined,
  nameOf: (item: T) => string,
): { readonly page: readonly T[]; readonly next: string | undefined } {
  let start = 0;
  if (token !== undefined && token !== "") {
    const after = Buffer.from(token, "base64").toString("utf8");
    start = items.findIndex((item) => nameOf(item) === after) + 1;
    // What was last on the page before is gone: names tell where to go on.
    if (start === 0) {
      if (!after.startsWith("arn:")) throw errors.invalid("NextToken");
      start = items.findIndex((item) => nameOf(item) > after);
      if (start < 0) start = items.length;
    }
  }
  const page = items.slice(start, start + LIMITS.snsPageSize);
  const last = page.at(-1);
  const isEnd = last === undefined || start + page.length >= items.length;
  return { page, next: isEnd ? undefined : Buffer.from(nameOf(last)).toString("base64") };
}
