/** Pages of AWS's fixed size; a token says after which name the next one begins. */
import { LIMITS } from "../../kernel/limits.ts";
import * as errors from "./errors.ts";

/** What has to be read for a page: one more than it holds tells whether another follows. */
export const PAGE_AND_ONE: number = LIMITS.snsPageSize + 1;

/** The name after which the page begins: the empty one, without a token. Errors: InvalidParameter. */
export function startOf(token: string | undefined): string {
  if (token === undefined || token === "") return "";
  const after = Buffer.from(token, "base64").toString("utf8");
  if (!after.startsWith("arn:")) throw errors.invalid("NextToken");
  return after;
}

/** @param items in the order of their names, those after the start alone */
export function pageOf<T>(
  items: readonly T[],
  nameOf: (item: T) => string,
): { readonly page: readonly T[]; readonly next: string | undefined } {
  const page = items.slice(0, LIMITS.snsPageSize);
  const last = page.at(-1);
  const isEnd = last === undefined || items.length <= page.length;
  return { page, next: isEnd ? undefined : Buffer.from(nameOf(last)).toString("base64") };
}
