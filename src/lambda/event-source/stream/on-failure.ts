/**
 * The record of a batch that was given up, and its way to the destination.
 * https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html
 */
import { callFor, send } from "../../../events/outbox/send.ts";
import { failureOf } from "../../../events/outbox/retry.ts";
import { arnParts } from "../../../kernel/arn.ts";
import type { Clock } from "../../../kernel/clock.ts";
import type { Random } from "../../../kernel/random.ts";
import type { PeerIdentity, Peers } from "../../../ports/peers.ts";
import { failureKey } from "../../async/destinations.ts";
import type { EventSourceMapping } from "../model.ts";
import type { StreamRecord } from "./source.ts";
import type { GiveUpCondition } from "./step.ts";

export interface GivenUpBatch {
  readonly mapping: EventSourceMapping;
  readonly shardId: string;
  readonly records: readonly StreamRecord[];
  readonly condition: GiveUpCondition;
  readonly invokeCount: number;
  /** Of the last attempt; absent when there was none. */
  readonly requestId: string | undefined;
  readonly executedVersion: string | undefined;
  readonly functionError: string | undefined;
  readonly batchInfoName: string;
}

/** As JSON text. A bucket gets the records too; queues and topics get what is needed to read them again. */
export function failureRecord(batch: GivenUpBatch, nowMs: number, withPayload: boolean): string {
  const { mapping, records } = batch;
  const first = records[0];
  const last = records.at(-1);
  const seconds = (record: StreamRecord | undefined): string =>
    `${new Date(record?.arrivedAtMs ?? 0).toISOString().slice(0, 19)}Z`;
  return JSON.stringify({
    requestContext: {
      requestId: batch.requestId ?? "",
      functionArn: mapping.functionArn,
      condition: batch.condition,
      approximateInvokeCount: batch.invokeCount,
    },
    ...(batch.executedVersion === undefined
      ? {}
      : {
          responseContext: {
            statusCode: 200,
            executedVersion: batch.executedVersion,
            functionError: batch.functionError ?? null,
          },
        }),
    version: "1.0",
    timestamp: new Date(nowMs).toISOString(),
    [batch.batchInfoName]: {
      shardId: batch.shardId,
      startSequenceNumber: first?.sequenceNumber,
      endSequenceNumber: last?.sequenceNumber,
      approximateArrivalOfFirstRecord: seconds(first),
      approximateArrivalOfLastRecord: seconds(last),
      batchSize: records.length,
      streamArn: mapping.sourceArn,
    },
    ...(withPayload ? { payload: JSON.stringify({ Records: records.map((record) => record.event) }) } : {}),
  });
}

const TRIES = 5;

/** Errors: the last one, when the destination took nothing in five attempts or refuses for good. */
export async function deliverFailure(
  deps: { readonly peers: Peers; readonly clock: Clock; readonly random: Random },
  as: PeerIdentity,
  destinationArn: string,
  batch: GivenUpBatch,
  signal: AbortSignal,
): Promise<void> {
  const { uuid, scope } = batch.mapping;
  const id = deps.random.uuid();
  const timeMs = deps.clock.now();
  const isBucket = arnParts(destinationArn).service === "s3";
  const message = {
    id,
    timeMs,
    body: failureRecord(batch, timeMs, isBucket),
    key: failureKey(`aws/lambda/${uuid}/${batch.shardId}`, id, timeMs),
  };
  for (let attempt = 1; ; attempt += 1) {
    try {
      return void (await send(deps.peers, callFor(destinationArn, message, as, scope)));
    } catch (error) {
      if (attempt === TRIES || signal.aborted || !failureOf(error).retryable) throw error;
      await deps.clock.sleep(200 * 2 ** attempt, signal).catch(() => undefined);
    }
  }
}
