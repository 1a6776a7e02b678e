/** Replication configurations: disabled rules are kept, enabled ones refused by name. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type BucketVersioningStatus,
  CreateBucketCommand,
  DeleteBucketReplicationCommand,
  GetBucketReplicationCommand,
  PutBucketReplicationCommand,
  PutBucketVersioningCommand,
  type ReplicationRule,
} from "@aws-sdk/client-s3";
import { refusal, serveS3 } from "./s3-fixture.ts";

const NO_VERSIONS = "Destination bucket must have versioning enabled.";

test("a configuration is judged, kept, shown and taken away", async (t) => {
  const s3 = (await serveS3(t)).client();
  const Bucket = "source";
  for (const name of [Bucket, "copies"]) await s3.send(new CreateBucketCommand({ Bucket: name }));
  const version = (name: string, Status: BucketVersioningStatus): Promise<unknown> =>
    s3.send(new PutBucketVersioningCommand({ Bucket: name, VersioningConfiguration: { Status } }));
  const rule: ReplicationRule = {
    ID: "rtc",
    Priority: 0,
    Filter: {} as never,
    Status: "Disabled",
    Destination: {
      Bucket: "arn:aws:s3:::copies",
      StorageClass: "STANDARD",
      ReplicationTime: { Status: "Enabled", Time: { Minutes: 15 } },
      Metrics: { Status: "Enabled", EventThreshold: { Minutes: 15 } },
    },
    DeleteMarkerReplication: { Status: "Disabled" },
  };
  const Role = "arn:aws:iam::000000000000:role/copier";
  const put = (...Rules: ReplicationRule[]): Promise<unknown> =>
    s3.send(new PutBucketReplicationCommand({ Bucket, ReplicationConfiguration: { Role, Rules } }));
  const get = async (): Promise<unknown> =>
    (await s3.send(new GetBucketReplicationCommand({ Bucket }))).ReplicationConfiguration;
  const refused = async (...rules: ReplicationRule[]): Promise<readonly [string, string]> => {
    const { code, message } = await refusal(put(...rules));
    return [code, message];
  };

  assert.equal((await refusal(get())).code, "ReplicationConfigurationNotFoundError");
  assert.deepEqual(await refused(rule), [
    "InvalidRequest",
    "Versioning must be 'Enabled' on the bucket to apply a replication configuration",
  ]);
  await version(Bucket, "Enabled");
  const elsewhere = { ...rule, Destination: { Bucket: "arn:aws:s3:::nowhere" } };
  assert.deepEqual(await refused(elsewhere), ["InvalidRequest", NO_VERSIONS]);
  assert.deepEqual(await refused(rule), ["InvalidRequest", NO_VERSIONS]);
  await version("copies", "Enabled");

  const { Priority: _priority, ...noPriority } = rule;
  assert.match((await refused(noPriority))[1], /^Priority must be specified for this version/u);
  const { DeleteMarkerReplication: _markers, ...noMarkers } = rule;
  assert.match((await refused(noMarkers))[1], /^DeleteMarkerReplication must be specified/u);
  assert.equal((await refused(rule, rule))[0], "InvalidArgument");
  assert.equal((await refused())[0], "MalformedXML");
  assert.equal((await refused({ ...rule, Status: "Enabled" }))[0], "NotImplemented");

  await put(rule);
  assert.deepEqual(await get(), { Role, Rules: [rule] });
  assert.equal((await refusal(version(Bucket, "Suspended"))).code, "InvalidBucketState");
  await s3.send(new DeleteBucketReplicationCommand({ Bucket }));
  assert.equal((await refusal(get())).code, "ReplicationConfigurationNotFoundError");
  await version(Bucket, "Suspended");
});
