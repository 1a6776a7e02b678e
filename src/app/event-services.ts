/** The services whose changes become events: each with what it shares with the others, and no more. */
import { createHasher } from "../adapters/embedded/index.ts";
import type { Service } from "../aws/service.ts";
import type { Clock } from "../kernel/clock.ts";
import type { Logger } from "../kernel/log.ts";
import type { Random } from "../kernel/random.ts";
import type { Relay } from "../events/outbox/relay.ts";
import type { Peers } from "../ports/peers.ts";
import type { Wakeup } from "../ports/wakeup.ts";
import {
  createDynamodb,
  createDynamodbStreams,
  createEvents,
  createS3,
  createSns,
  createSqs,
  dynamodbMigrations,
  sqsMigrations,
} from "../services/index.ts";
import type { ServerConfig } from "./config-types.ts";
import type { Storage } from "./storage.ts";

export interface EventServicesDeps {
  readonly storage: Storage;
  readonly relay: Relay;
  readonly wakeup: Wakeup;
  /** The services, as they ask one another; there once all of them are made. */
  readonly peers: () => Peers;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly dynamodbThroughput: ServerConfig["dynamodbThroughput"];
}

export interface EventServices {
  readonly s3: Awaited<ReturnType<typeof createS3>>;
  readonly sqs: ReturnType<typeof createSqs>;
  readonly sns: ReturnType<typeof createSns>;
  readonly dynamodb: ReturnType<typeof createDynamodb>;
  readonly dynamodbStreams: Service;
  readonly events: ReturnType<typeof createEvents>;
}

export async function createEventServices(deps: EventServicesDeps): Promise<EventServices> {
  const { storage, relay, wakeup, peers, clock, random, log } = deps;
  const { database, secrets } = storage;
  const common = { clock, random, log };
  const dynamodb = createDynamodb({
    ...common,
    ...storage.own("dynamodb.db", dynamodbMigrations),
    wakeup,
    throughput: deps.dynamodbThroughput,
  });
  const sns = createSns({ ...common, database, secrets, outbox: relay, peers });
  relay.use("http", (delivery) => sns.post(delivery));
  return {
    s3: await createS3({
      ...common,
      database,
      blobs: storage.objects,
      hasher: createHasher(clock),
      outbox: relay,
      peers,
    }),
    sqs: createSqs({ ...common, ...storage.own("sqs.db", sqsMigrations), wakeup }),
    sns,
    dynamodb,
    dynamodbStreams: createDynamodbStreams({ source: dynamodb.streams, clock }),
    events: createEvents({ ...common, database, relay, peers }),
  };
}
