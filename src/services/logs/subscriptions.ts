/**
 * Hands stored events to the functions that subscribe to their group.
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SubscriptionFilters.html
 */
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { scopeOfArn } from "../../kernel/arn.ts";
import type { Random } from "../../kernel/random.ts";
import type { Database } from "../../ports/database.ts";
import type { Delivery, Outbox } from "../../ports/outbox.ts";
import { type Chunk, decode, positionText } from "./chunk.ts";
import type { ChunkOwner } from "./event-store.ts";
import { groupArn, type LogGroup } from "./model.ts";
import { compilePattern } from "./pattern/index.ts";
import type { LogStore } from "./store.ts";
import type { SubscriptionFilter, SubscriptionStore } from "./subscription-store.ts";

export const PRINCIPAL = "logs.amazonaws.com";
/** "CloudWatch Logs retries delivering … for up to 24 hours." */
const RETRY = { maxRetries: 1000, maxAgeMs: 24 * 3600 * 1000 } as const;

const compress = promisify(gzip);

export interface StoredChunk {
  readonly owner: ChunkOwner;
  readonly chunk: Chunk;
  readonly seq: number;
}

export interface Subscriptions {
  /** Resolves when what is to be delivered is recorded. */
  stored(chunks: readonly StoredChunk[]): Promise<void>;
}

export interface SubscriptionsDeps {
  readonly random: Random;
  readonly database: Database;
  readonly store: LogStore;
  readonly filters: SubscriptionStore;
  readonly outbox: () => Outbox;
}

/** Who sends, as a function's policy names it. */
export function sourceArnOf(group: LogGroup): string {
  return `${groupArn(group)}:*`;
}

export function createSubscriptions(deps: SubscriptionsDeps): Subscriptions {
  async function deliveriesOf(
    stored: StoredChunk,
    filters: readonly SubscriptionFilter[],
  ): Promise<Delivery[]> {
    const { groupId, streamId } = stored.owner;
    const group = await deps.store.groupById(groupId);
    const [stream] = await deps.store.streamsById(groupId, [streamId]);
    if (group === undefined || stream === undefined) return []; // deleted since
    const events = decode({ streamId, seq: stored.seq, ingestedAt: 0, body: stored.chunk.body });
    const made: Delivery[] = [];
    for (const filter of filters) {
      const matches = compilePattern(filter.pattern);
      const found = events.filter((event) => matches(event.message));
      if (found.length === 0) continue;
      const text = JSON.stringify({
        messageType: "DATA_MESSAGE",
        owner: group.accountId,
        logGroup: group.name,
        logStream: stream.name,
        subscriptionFilters: [filter.name],
        logEvents: found.map((event) => ({
          id: positionText(event),
          timestamp: event.ts,
          message: event.message,
        })),
      });
      const data = (await compress(text)).toString("base64");
      made.push({
        id: deps.random.uuid(),
        scope: scopeOfArn(filter.destinationArn, group),
        principal: PRINCIPAL,
        sourceArn: sourceArnOf(group),
        sourceAccount: group.accountId,
        targetArn: filter.destinationArn,
        body: JSON.stringify({ awslogs: { data } }),
        retry: RETRY,
      });
    }
    return made;
  }

  return {
    async stored(chunks) {
      for (const stored of chunks) {
        const filters = await deps.filters.of(stored.owner.groupId);
        if (filters.length === 0) continue;
        const deliveries = await deliveriesOf(stored, filters);
        if (deliveries.length === 0) continue;
        const outbox = deps.outbox();
        await deps.database.commit([...outbox.within(deliveries)]);
        outbox.wake(deliveries);
      }
    },
  };
}
