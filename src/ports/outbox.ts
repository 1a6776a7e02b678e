import type { Scope } from "../kernel/scope.ts";
import type { Statement } from "./database.ts";

/**
 * What a service hands over to another: an event for a function, a message for a queue. It is
 * written in the unit of the change that caused it (`within`), and a relay delivers it afterwards:
 * at least once, in no particular order between deliveries of different `orderKey`s.
 */
export interface Delivery {
  /** Unique. The relay hands it on (the function's request id), so that a repeat can be told. */
  readonly id: string;
  /** Where the receiver lives and whose policy is asked. */
  readonly scope: Scope;
  /** The service that sends: its principal, e.g. `s3.amazonaws.com`. */
  readonly principal: string;
  /** The resource that sends: bucket, topic, rule. */
  readonly sourceArn: string;
  /** Its account, where the ARN names none (buckets): a receiver's policy may ask for it. */
  readonly sourceAccount?: string;
  /** Receiver: the ARN of a function (with or without qualifier), queue, topic, bus, log group, or a URL. */
  readonly targetArn: string;
  /** The event or message, as text. */
  readonly body: string;
  /** For topics. */
  readonly subject?: string;
  /** For queues and topics. */
  readonly messageGroupId?: string;
  readonly messageDeduplicationId?: string;
  /** Message attributes for a queue or topic, as their API spells them. */
  readonly attributes?: Readonly<Record<string, DeliveryAttribute>>;
  /** For a bus: the entry's source and detail-type; `body` is the detail. */
  readonly source?: string;
  readonly detailType?: string;
  readonly resources?: readonly string[];
  /** Deliveries of one key are made in order (FIFO topics). */
  readonly orderKey?: string;
  /**
   * Their order, below 2^53: where several servers write deliveries of one key, their clocks do not say what
   * came first. Without it, the order in which they are written.
   */
  readonly orderNumber?: number;
  /** Who asks the receiver, instead of the service itself. */
  readonly roleArn?: string;
  /** X-Ray's header, for functions and queues. */
  readonly traceHeader?: string;
  readonly retry: DeliveryRetry;
  /** Where it goes when it cannot be delivered. */
  readonly deadLetterArn?: string;
  /** What goes there, where that is not `body`. */
  readonly deadLetterBody?: string;
  /** For a URL: headers of the request beside the usual ones. */
  readonly headers?: Readonly<Record<string, string>>;
  /** The sender's own: what it wants to know of the delivery when it is told of the end. */
  readonly about?: Readonly<Record<string, string>>;
  /** For a URL: only a public address is connected to. */
  readonly publicOnly?: true;
}

export interface DeliveryAttribute {
  readonly DataType: string;
  readonly StringValue?: string;
  /** Base64. */
  readonly BinaryValue?: string;
}

export interface DeliveryRetry {
  /** Attempts after the first. */
  readonly maxRetries: number;
  readonly maxAgeMs: number;
  /** Pauses before each retry, where the sender decides them; else they grow from half a second to a minute. */
  readonly pausesMs?: readonly number[];
}

/** Rows of `state.db`: a service that keeps its changes elsewhere cannot use it. */
export interface Outbox {
  /** The statements that record the deliveries: put them into the unit of the change. */
  within(deliveries: readonly Delivery[]): readonly Statement[];
  /**
   * Call it when that unit was committed, with the same objects: they are delivered at once. What was
   * never told (the process ended between) is delivered once its hold has run out.
   */
  wake(deliveries: readonly Delivery[]): void;
}
