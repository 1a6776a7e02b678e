import { partitionOf, type Scope } from "../../kernel/scope.ts";
import * as errors from "./errors.ts";

/** Which queue is meant: names are unique within an account and region. */
export interface QueueName extends Scope {
  readonly name: string;
}

export function queueArn({ accountId, region, name }: QueueName): string {
  return `arn:${partitionOf(region)}:sqs:${region}:${accountId}:${name}`;
}

export function parseQueueArn(arn: string): QueueName | undefined {
  const [, region = "", accountId = "", name = ""] =
    /^arn:aws[a-z-]*:sqs:([a-z0-9-]+):(\d{12}):([A-Za-z0-9_-]{1,80}(?:\.fifo)?)$/u.exec(arn) ?? [];
  return name === "" ? undefined : { accountId, region, name };
}

export function queueUrl(endpoint: string, queue: QueueName, callersRegion: string): string {
  const path = queue.region === callersRegion ? "" : `/queue/${queue.region}`;
  return `${endpoint}${path}/${queue.accountId}/${queue.name}`;
}

const REGION = /^[a-z]{2}(?:-[a-z]+)+-\d$/u;

/**
 * Every form a QueueUrl is met in: `http://127.0.0.1:4566/<account>/<name>`, AWS's own
 * `https://sqs.<region>.amazonaws.com/…`, the older `https://<region>.queue.amazonaws.com/…` and
 * `https://queue.amazonaws.com/…`, and `/queue/<region>/<account>/<name>`. A region that is named wins
 * over the caller's. Throws InvalidAddress for anything else.
 */
export function parseQueueUrl(url: string, callersRegion: string): QueueName {
  const [, host = "", path = ""] = /^https?:\/\/([^/?#]+)(\/[^?#]*)$/u.exec(url) ?? [];
  const segments = path.split("/").filter((segment) => segment !== "");
  const [name = "", accountId = ""] = segments.toReversed();
  const isPathForm = segments.length === 4 && segments[0] === "queue";
  if (!/^\d{12}$/u.test(accountId) || (segments.length !== 2 && !isPathForm))
    throw errors.invalidAddress(url);
  const named = isPathForm ? segments[1] : host.split(".").find((label) => REGION.test(label));
  return { accountId, name, region: named ?? callersRegion };
}

/** Refuses what AWS does not allow as the name of a new queue. */
export function checkQueueName(name: string, fifo: boolean): void {
  if (fifo) {
    if (/^[A-Za-z0-9_-]{1,75}\.fifo$/u.test(name)) return;
    throw errors.invalidParameter(
      "The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, must end with .fifo suffix and be 1 to 80 in length.",
    );
  }
  if (/^[A-Za-z0-9_-]{1,80}$/u.test(name)) return;
  throw errors.invalidParameter(
    "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length",
    name.endsWith(".fifo") ? "a name in .fifo needs the attribute FifoQueue=true" : undefined,
  );
}
