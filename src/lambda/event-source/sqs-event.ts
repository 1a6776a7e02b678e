/** A queue's messages as the event a function gets. https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html */
import { arnParts } from "../../kernel/arn.ts";

/** As ReceiveMessage answers. */
export interface QueueMessage {
  readonly MessageId: string;
  readonly ReceiptHandle: string;
  readonly Body: string;
  readonly MD5OfBody: string;
  readonly MD5OfMessageAttributes?: string;
  readonly Attributes?: Readonly<Record<string, string>>;
  readonly MessageAttributes?: Readonly<Record<string, QueueMessageAttribute>>;
}

interface QueueMessageAttribute {
  readonly DataType: string;
  readonly StringValue?: string;
  readonly BinaryValue?: Uint8Array;
}

/**
 * @param isWindowed the mapping has a batching window: AWS then gives `md5OfMessageAttributes` as null
 *   where a message has no attributes, and leaves it out otherwise
 */
export function queueRecord(
  message: QueueMessage,
  sourceArn: string,
  isWindowed: boolean,
): Readonly<Record<string, unknown>> {
  const attributes = Object.entries(message.MessageAttributes ?? {}).map(([name, value]) => [
    name,
    {
      ...(value.StringValue === undefined ? {} : { stringValue: value.StringValue }),
      ...(value.BinaryValue === undefined
        ? {}
        : { binaryValue: Buffer.from(value.BinaryValue).toString("base64") }),
      stringListValues: [],
      binaryListValues: [],
      dataType: value.DataType,
    },
  ]);
  return {
    messageId: message.MessageId,
    receiptHandle: message.ReceiptHandle,
    body: message.Body,
    attributes: message.Attributes ?? {},
    messageAttributes: Object.fromEntries(attributes) as Record<string, unknown>,
    ...(message.MD5OfMessageAttributes === undefined && !isWindowed
      ? {}
      : { md5OfMessageAttributes: message.MD5OfMessageAttributes ?? null }),
    md5OfBody: message.MD5OfBody,
    eventSource: "aws:sqs",
    eventSourceARN: sourceArn,
    awsRegion: arnParts(sourceArn).region,
  };
}
