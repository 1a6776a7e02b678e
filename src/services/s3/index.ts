import { defineService, type Service } from "../../aws/service.ts";
import type { Clock } from "../../kernel/clock.ts";
import type { Logger } from "../../kernel/log.ts";
import type { Random } from "../../kernel/random.ts";
import type { BlobStore } from "../../ports/blob-store.ts";
import type { Database } from "../../ports/database.ts";
import type { Hasher } from "../../ports/hasher.ts";
import type { Outbox } from "../../ports/outbox.ts";
import type { Peers } from "../../ports/peers.ts";
import { tellingCharges } from "./requester-pays.ts";
import { createAccess } from "./access.ts";
import { createBucketStore } from "./bucket-store.ts";
import { createContents } from "./contents.ts";
import { crossOriginOf } from "./cross-origin.ts";
import type { Deps } from "./deps.ts";
import { createLogDelivery } from "./log-delivery.ts";
import { createObjectStore } from "./object-store.ts";
import { bucketOperations } from "./operations-buckets.ts";
import { createLifecycleRunner } from "./lifecycle-runner.ts";
import { aclOperations } from "./operations-acl.ts";
import { attributeOperations } from "./operations-attributes.ts";
import { copyOperations } from "./operations-copy.ts";
import { deleteOperations } from "./operations-delete.ts";
import { listOperations } from "./operations-list.ts";
import { lockOperations } from "./operations-lock.ts";
import { loggingOperations } from "./operations-logging.ts";
import { multipartOperations } from "./operations-multipart.ts";
import { notificationOperations } from "./operations-notification.ts";
import { objectOperations } from "./operations-objects.ts";
import { replicationOperations } from "./operations-replication.ts";
import { restoreOperations } from "./operations-restore.ts";
import { settingsOperations } from "./operations-settings.ts";
import { taggingOperations } from "./operations-tagging.ts";
import { unsetOperations } from "./operations-unset.ts";
import { createPostObject } from "./post-object.ts";
import { createSender } from "./sender.ts";
import { createUploadStore } from "./upload-store.ts";
import { createWebsite } from "./website-endpoint.ts";

export { migrations } from "./schema.ts";

export interface S3Deps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** state.db: the outbox must be in the same file. */
  readonly database: Database;
  /** A store of its own: what no row names is deleted from it. */
  readonly blobs: BlobStore;
  /** For bodies that are large. */
  readonly hasher: Hasher;
  readonly outbox: Outbox;
  /** Where notifications can go is asked of the receivers. */
  readonly peers: () => Peers;
}

export interface S3 {
  readonly service: Service;
  close(): Promise<void>;
}

export async function createS3(options: S3Deps): Promise<S3> {
  const { clock, random, log, database, blobs, hasher, outbox } = options;
  const objects = await createObjectStore(database, clock);
  const contents = createContents({ blobs, log, random, isNamed: objects.isNamed });
  const deps: Deps = {
    clock,
    random,
    log,
    objects,
    contents,
    hasher,
    buckets: createBucketStore(database),
    uploads: createUploadStore(database, clock, objects.nextSeq),
    sender: createSender(outbox, random),
  };
  const runner = createLifecycleRunner(deps);
  runner.start();
  // What a crash left behind is looked for beside the first requests.
  void contents.sweep().catch((error: unknown) => {
    log.warn({ error: String(error) }, "the objects folder could not be looked through");
  });
  const logDelivery = await createLogDelivery({
    clock,
    random,
    log,
    buckets: deps.buckets,
    peers: options.peers,
  });
  const operations = tellingCharges({
    ...bucketOperations(deps),
    ...objectOperations(deps),
    ...deleteOperations(deps),
    ...listOperations(deps),
    ...multipartOperations(deps),
    ...copyOperations(deps),
    ...taggingOperations(deps),
    ...aclOperations(deps),
    ...attributeOperations(deps),
    ...settingsOperations(deps, runner.wake),
    ...notificationOperations(deps, options.peers),
    ...loggingOperations(deps, logDelivery),
    ...lockOperations(deps),
    ...replicationOperations(deps),
    ...restoreOperations(deps),
    ...unsetOperations(deps),
  });
  const service = defineService<typeof import("@aws-sdk/client-s3")>("s3", operations);
  return {
    service: {
      ...service,
      access: createAccess(deps.buckets, objects),
      crossOrigin: crossOriginOf(deps.buckets, objects),
      formUpload: createPostObject(deps),
      answered: logDelivery.noted,
      website: createWebsite(deps, objectOperations(deps)),
    },
    async close() {
      await logDelivery.close();
      await runner.close();
      await contents.close();
      await hasher.close();
    },
  };
}
