/** Tags of a topic. Pure. */
import type { Tag } from "@aws-sdk/client-sns";
import { LIMITS } from "../../kernel/limits.ts";
import * as errors from "./errors.ts";

type Tags = Readonly<Record<string, string>>;

/** Refuses keys that are there twice, AWS's own, and more than a topic may have. */
export function tagsOf(list: readonly Tag[]): Tags {
  return tagged({}, list);
}

export function tagged(before: Tags, list: readonly Tag[]): Tags {
  const keys = list.map(({ Key }) => Key ?? "");
  if (new Set(keys).size < keys.length) throw errors.invalid("Duplicated keys are not allowed.");
  const own = keys.find((key) => /^aws:/iu.test(key));
  if (own !== undefined)
    throw errors.invalid("Tag key can't start with aws:", "keys that begin with aws: are AWS's");
  const after = { ...before, ...Object.fromEntries(list.map(({ Key, Value }) => [Key ?? "", Value ?? ""])) };
  if (Object.keys(after).length > LIMITS.snsTopicTags) throw errors.tooManyTags();
  return after;
}

export function untagged(before: Tags, keys: readonly string[]): Tags {
  return Object.fromEntries(Object.entries(before).filter(([key]) => !keys.includes(key)));
}
