/** Where messages may go, by protocol. */
import * as errors from "./errors.ts";
import { PROTOCOLS, type Protocol, type Topic } from "./model.ts";

/** E.164; single dots, dashes and slashes between the digits are passed over, as on AWS. */
export const PHONE: RegExp = /^\+?[1-9](?:[./-]?\d){1,14}$/u;

export function protocolOf(text: string): Protocol {
  const protocol = PROTOCOLS.find((one) => one === text);
  if (protocol === undefined)
    throw errors.invalid(`Amazon SNS does not support this protocol string: ${text}`);
  return protocol;
}

/** The endpoint as it is kept. Errors: InvalidParameter in AWS's words. */
export async function checkEndpoint(
  topic: Topic,
  protocol: Protocol,
  endpoint: string | undefined,
  isPlatformEndpoint: (arn: string) => Promise<boolean>,
): Promise<string> {
  if (topic.fifo && protocol !== "sqs") {
    throw errors.invalid(
      `Invalid protocol type: ${protocol}`,
      "a FIFO topic delivers into queues; a queue can call a function",
    );
  }
  if (endpoint === undefined || endpoint === "") throw errors.invalid("Endpoint");
  switch (protocol) {
    case "http":
    case "https":
      return checkUrl(protocol, endpoint);
    case "email":
    case "email-json":
      if (/^[^\s@]+@[^\s@]+$/u.test(endpoint) && endpoint.length <= 320) return endpoint;
      throw errors.invalid("Email address");
    case "sms":
      if (PHONE.test(endpoint)) return endpoint;
      throw errors.invalidPlain(
        `Invalid SMS endpoint: ${endpoint}`,
        "a number is written +<country><number>",
      );
    case "sqs":
      return checkQueue(topic, endpoint);
    case "lambda":
      if (/^arn:aws[a-z-]*:lambda:[a-z0-9-]+:\d{12}:function:[^:]+(?::[^:]+)?$/u.test(endpoint))
        return endpoint;
      throw errors.invalid("Lambda endpoint ARN");
    case "application":
      if (await isPlatformEndpoint(endpoint)) return endpoint;
      if (!endpoint.startsWith("arn:")) throw errors.invalid("ApplicationEndpoint endpoint ARN");
      throw errors.invalid(`Endpoint Reason: Endpoint does not exist for endpoint ${endpoint}`);
    default:
      throw errors.unsupported("the protocol firehose", "deliver into a queue instead");
  }
}

function checkUrl(protocol: string, endpoint: string): string {
  if (!endpoint.startsWith(`${protocol}://`))
    throw errors.invalid("Endpoint must match the specified protocol");
  if (!URL.canParse(endpoint) || new URL(endpoint).hostname === "") throw errors.invalid("Endpoint");
  return endpoint;
}

function checkQueue(topic: Topic, endpoint: string): string {
  if (!/^arn:aws[a-z-]*:sqs:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]+(?:\.fifo)?$/u.test(endpoint)) {
    throw errors.invalid(
      "SQS endpoint ARN",
      "aws sqs get-queue-attributes --attribute-names QueueArn shows it",
    );
  }
  if (endpoint.endsWith(".fifo") && !topic.fifo) {
    throw errors.invalid(
      "Invalid parameter: Endpoint Reason: FIFO SQS Queues can not be subscribed to standard SNS topics",
    );
  }
  return endpoint;
}

/** Passwords are not shown. */
export function shownEndpoint(endpoint: string): string {
  return endpoint.replace(/^(https?:\/\/[^:@/]*):[^@/]*@/u, "$1:****@");
}
