/**
 * The end of an event told to a queue, a topic, a bus or a bucket, as the function's execution role.
 * https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
 */
import { callFor, send, type Message } from "../../events/outbox/send.ts";
import type { Clock } from "../../kernel/clock.ts";
import type { Random } from "../../kernel/random.ts";
import type { PeerIdentity, Peers } from "../../ports/peers.ts";
import { functionArn } from "../control/names.ts";
import type { FunctionResolver } from "../control/types.ts";
import type { DestinationSender, EventSource } from "./announce.ts";
import type { Delivery } from "./record.ts";

export interface DestinationDeps {
  readonly peers: Peers;
  readonly resolver: FunctionResolver;
  readonly clock: Clock;
  readonly random: Random;
}

export function createDestinations(deps: DestinationDeps): DestinationSender {
  const { peers, resolver, clock, random } = deps;

  async function roleOf({ scope, functionName, qualifier }: EventSource): Promise<PeerIdentity> {
    const { version } = await resolver.resolve(scope, functionName, qualifier, 0);
    return { kind: "role", arn: version.role, sessionName: functionName };
  }

  return {
    async deliver(arn, delivery, source) {
      const message = messageFor(arn, delivery, source, random.uuid(), clock.now());
      await send(peers, callFor(arn, message, await roleOf(source), source.scope));
    },
    async permit(arn, source) {
      const message = { id: "", body: "", timeMs: clock.now() };
      await peers.permit(callFor(arn, message, await roleOf(source), source.scope));
    },
  };
}

/** What the destination gets; the event itself for a dead-letter queue. */
export function messageFor(
  destinationArn: string,
  delivery: Delivery,
  { scope, functionName, qualifier = "$LATEST", traceHeader }: EventSource,
  id: string,
  nowMs: number,
): Message {
  if (delivery.kind === "dead-letter") {
    const { RequestID, ErrorCode, ErrorMessage } = delivery.attributes;
    return {
      id,
      timeMs: nowMs,
      body: Buffer.from(delivery.payload).toString("utf8"),
      ...(traceHeader === undefined ? {} : { traceHeader }),
      attributes: {
        RequestID: { DataType: "String", StringValue: RequestID },
        ErrorCode: { DataType: "Number", StringValue: String(ErrorCode) },
        // An attribute cannot be empty.
        ErrorMessage: { DataType: "String", StringValue: ErrorMessage === "" ? " " : ErrorMessage },
      },
    };
  }
  const result = delivery.condition === "Success" ? "Success" : "Failure";
  return {
    id,
    timeMs: nowMs,
    body: delivery.record,
    ...(traceHeader === undefined ? {} : { traceHeader }),
    source: "lambda",
    detailType: `Lambda Function Invocation Result - ${result}`,
    resources: [destinationArn, functionArn(scope, functionName, qualifier)],
    key: failureKey(`aws/lambda/async/${functionName}`, id, nowMs),
  };
}

/** `<prefix>/YYYY/MM/DD/YYYY-MM-DDTHH.MM.SS-<id>`: the name of a failure's record in a bucket. */
export function failureKey(prefix: string, id: string, nowMs: number): string {
  const time = new Date(nowMs).toISOString().slice(0, 19).replaceAll(":", ".");
  return `${prefix}/${time.slice(0, 10).replaceAll("-", "/")}/${time}-${id}`;
}
