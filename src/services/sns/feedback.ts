/**
 * Delivery status logging: what became of each delivery, as lines of CloudWatch Logs. A topic asks for it with
 * roles for each protocol, which write: successes (a share of them) to `sns/<region>/<account>/<topic>`,
 * failures to the same with `/Failure`. As on AWS it is done as well as can be: a line that cannot be
 * written is told in the server's log, and the delivery is not touched by it.
 * https://docs.aws.amazon.com/sns/latest/dg/sns-topic-attributes.html
 */
import { createHash } from "node:crypto";
import type { DeliveryEnd } from "../../events/outbox/relay.ts";
import { arnParts } from "../../kernel/arn.ts";
import type { Clock } from "../../kernel/clock.ts";
import { ServiceError } from "../../kernel/errors.ts";
import type { Logger } from "../../kernel/log.ts";
import type { Random } from "../../kernel/random.ts";
import type { Delivery } from "../../ports/outbox.ts";
import type { Peers } from "../../ports/peers.ts";
import type { Directory } from "./directory.ts";
import type { Notice } from "./envelope.ts";
import * as errors from "./errors.ts";
import type { Protocol } from "./model.ts";

type Attributes = Readonly<Record<string, string>>;

/** How attributes call the protocols whose deliveries are told of. */
const PREFIXES: Partial<Record<Protocol, string>> = {
  http: "HTTP",
  https: "HTTP",
  lambda: "Lambda",
  sqs: "SQS",
};
const NAME = /^(HTTP|Lambda|SQS)(SuccessFeedbackRoleArn|SuccessFeedbackSampleRate|FailureFeedbackRoleArn)$/u;
const ROLE = /^arn:aws[a-z-]*:iam::\d{12}:role\/.+$/u;
/** Lines that wait to be written; what comes beyond is not told. */
const UNDER_WAY_MAX = 1_000;

export function isFeedback(name: string): boolean {
  return NAME.test(name);
}

/** Errors: InvalidParameter. */
export function checkFeedback(name: string, value: string): void {
  if (value === "") return;
  const good = name.endsWith("SampleRate") ? /^(?:\d|[1-9]\d|100)$/u.test(value) : ROLE.test(value);
  if (!good) {
    throw errors.invalid(name, name.endsWith("SampleRate") ? "a percentage, 0 to 100" : "the ARN of a role");
  }
}

/** What a delivery carries along to be told of; undefined where its topic asks for nothing. */
export function aboutOf(attributes: Attributes, protocol: Protocol, notice: Notice): Delivery["about"] {
  const prefix = PREFIXES[protocol];
  if (
    prefix === undefined ||
    !Object.keys(attributes).some((name) => isFeedback(name) && name.startsWith(prefix))
  ) {
    return undefined;
  }
  return {
    prefix,
    messageMD5Sum: createHash("md5").update(notice.message).digest("hex"),
    messageId: notice.messageId,
    timestamp: notice.timestamp,
  };
}

/** The role that writes of this end, if it is to be written of. `share`: in [0, 1). */
export function writerOf(
  attributes: Attributes,
  prefix: string,
  ok: boolean,
  share: number,
): string | undefined {
  if (!ok) return attributes[`${prefix}FailureFeedbackRoleArn`];
  const rate = Number(attributes[`${prefix}SuccessFeedbackSampleRate`] ?? "100");
  return share * 100 < rate ? attributes[`${prefix}SuccessFeedbackRoleArn`] : undefined;
}

/** The line. `status`: of the web server's answer, if there was one. */
export function lineOf(end: DeliveryEnd, nowMs: number, status: number | undefined): string {
  const { delivery, failure, attempts } = end;
  const { prefix = "", timestamp = "", messageMD5Sum, messageId } = delivery.about ?? {};
  return JSON.stringify({
    notification: {
      messageMD5Sum,
      messageId,
      topicArn: delivery.sourceArn,
      timestamp: timestamp.replace("T", " ").replace("Z", ""),
    },
    delivery: {
      deliveryId: delivery.id,
      destination: delivery.targetArn,
      providerResponse: failure === undefined ? responseOf(end, prefix) : refusalOf(end),
      dwellTimeMs: Math.max(0, Math.round(nowMs - Date.parse(timestamp))),
      ...(prefix === "HTTP" ? { attempts } : {}),
      statusCode: status ?? statusOf(end, prefix),
    },
    status: failure === undefined ? "SUCCESS" : "FAILURE",
  });
}

function responseOf({ delivery, answer }: DeliveryEnd, prefix: string): string {
  if (prefix === "HTTP") return "OK";
  if (prefix === "Lambda") return JSON.stringify({ lambdaRequestId: delivery.id });
  return JSON.stringify({ sqsRequestId: delivery.id, sqsMessageId: answer?.["MessageId"] });
}

function refusalOf({ failure }: DeliveryEnd): string {
  return JSON.stringify({ ErrorCode: failure?.code, ErrorMessage: failure?.message });
}

function statusOf({ failure }: DeliveryEnd, prefix: string): number {
  if (failure === undefined) return prefix === "Lambda" ? 202 : 200;
  if (/AccessDenied|Forbidden/u.test(failure.code)) return 403;
  if (/ResourceNotFound/u.test(failure.code)) return 404;
  return failure.retryable ? 500 : 400;
}

export interface Feedback {
  /** Tells of the end of one of SNS's deliveries. `status`: of a web server's answer. */
  ended(end: DeliveryEnd, status?: number): void;
  /** Resolves when everything that is under way is written. */
  close(): Promise<void>;
}

export function createFeedback(deps: {
  readonly directory: Directory;
  readonly peers: () => Peers;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}): Feedback {
  const { directory, peers, clock, random, log } = deps;
  /** Streams that are there, by group. */
  const streams = new Map<string, Promise<string>>();
  const running = new Set<Promise<void>>();

  async function tell(end: DeliveryEnd, nowMs: number, status: number | undefined): Promise<void> {
    const { delivery, failure } = end;
    const entry = await directory.find(delivery.sourceArn);
    const { prefix = "" } = delivery.about ?? {};
    const ok = failure === undefined;
    const role = writerOf(entry?.topic.attributes ?? {}, prefix, ok, random.number());
    if (role === undefined) return;
    const { region, accountId, resource } = arnParts(delivery.sourceArn);
    const group = `sns/${region}/${accountId}/${resource}${ok ? "" : "/Failure"}`;
    const call = async (operation: string, input: object): Promise<void> => {
      const as = { kind: "role", arn: role, sessionName: "sns" } as const;
      const scope = { accountId, region };
      await peers().call({ service: "logs", operation, input: input as Record<string, unknown>, scope, as });
    };
    const key = `${role} ${group}`;
    let stream = streams.get(key);
    if (stream === undefined) streams.set(key, (stream = makeStream(group, call)));
    try {
      const logStreamName = await stream;
      const logEvents = [{ timestamp: nowMs, message: lineOf(end, nowMs, status) }];
      await call("PutLogEvents", { logGroupName: group, logStreamName, logEvents });
    } catch (error) {
      // Whoever deleted the group gets another with the next line.
      streams.delete(key);
      throw error;
    }
  }

  async function makeStream(
    logGroupName: string,
    call: (operation: string, input: object) => Promise<void>,
  ): Promise<string> {
    await call("CreateLogGroup", { logGroupName }).catch((error: unknown) => {
      if (!(error instanceof ServiceError && error.code === "ResourceAlreadyExistsException")) throw error;
    });
    const logStreamName = random.uuid();
    await call("CreateLogStream", { logGroupName, logStreamName });
    return logStreamName;
  }

  return {
    ended(end, status) {
      if (end.delivery.about === undefined || running.size >= UNDER_WAY_MAX) return;
      const work = tell(end, Math.round(clock.now()), status)
        .catch((error: unknown) => {
          const next = error instanceof ServiceError ? error.hint : undefined;
          const topic = end.delivery.sourceArn;
          log.warn({ topic, error: String(error), next }, "the status of a delivery could not be logged");
        })
        .finally(() => running.delete(work));
      running.add(work);
    },
    async close() {
      await Promise.allSettled(running);
    },
  };
}
