import type { Clock } from "../../kernel/clock.ts";
import type { Logger } from "../../kernel/log.ts";
import type { Random } from "../../kernel/random.ts";
import type { Operations } from "../../aws/service.ts";
import type { Hasher } from "../../ports/hasher.ts";
import type { BucketStore } from "./bucket-store.ts";
import type { Contents } from "./contents.ts";
import type { ObjectStore } from "./object-store.ts";
import type { Sender } from "./sender.ts";
import type { UploadStore } from "./upload-store.ts";

/** What the operations work with. */
export interface Deps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly buckets: BucketStore;
  readonly objects: ObjectStore;
  readonly uploads: UploadStore;
  readonly contents: Contents;
  readonly hasher: Hasher;
  readonly sender: Sender;
}

export type S3Operations = Operations<typeof import("@aws-sdk/client-s3")>;
