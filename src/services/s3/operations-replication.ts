import type { Deps, S3Operations } from "./deps.ts";
import { bucketOf } from "./lookup.ts";
import {
  checkDestination,
  checkEnabled,
  destinationOf,
  readReplication,
  REPLICATION,
  replicationOf,
} from "./replication.ts";

export function replicationOperations(deps: Pick<Deps, "buckets">): S3Operations {
  return {
    async GetBucketReplication(input, _context) {
      const bucket = await bucketOf(deps, input.Bucket, input.ExpectedBucketOwner);
      return { ReplicationConfiguration: replicationOf(bucket) } as never;
    },

    async PutBucketReplication(input, context) {
      const bucket = await bucketOf(deps, input.Bucket, input.ExpectedBucketOwner);
      const replication = readReplication(bucket, input.ReplicationConfiguration, () =>
        Buffer.from(context.random.hex(72), "hex").toString("base64url"),
      );
      const names = new Set((replication.Rules ?? []).map(destinationOf));
      for (const name of names) checkDestination(await deps.buckets.get(name));
      checkEnabled(replication);
      await deps.buckets.set(bucket.name, REPLICATION, JSON.stringify(replication));
      return {};
    },

    async DeleteBucketReplication(input, _context) {
      const bucket = await bucketOf(deps, input.Bucket, input.ExpectedBucketOwner);
      await deps.buckets.set(bucket.name, REPLICATION, undefined);
      return {};
    },
  };
}
