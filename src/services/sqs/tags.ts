/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-queues.html */
import { LIMITS } from "../../kernel/limits.ts";
import * as errors from "./errors.ts";

const KEY_LENGTH_MAX = 128;
const VALUE_LENGTH_MAX = 256;

/** All tags that a queue is to have. Errors: InvalidParameterValue. */
export function checkTags(queue: string, tags: Readonly<Record<string, string>>): void {
  const pairs = Object.entries(tags);
  if (pairs.length > LIMITS.sqsQueueTags)
    throw errors.invalidParameter(`Too many tags added for queue ${queue}.`);
  for (const [key, value] of pairs) {
    if (key.length === 0 || key.length > KEY_LENGTH_MAX) throw errors.tagKeyLength();
    if (value.length > VALUE_LENGTH_MAX)
      throw errors.invalidParameter("Tag values must be between 0 and 256 characters in length.");
  }
}
