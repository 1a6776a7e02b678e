import type { Bucket } from "./model.ts";

/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html */
export type Block = "BlockPublicAcls" | "BlockPublicPolicy" | "IgnorePublicAcls" | "RestrictPublicBuckets";

/** Whether a bucket has a setting of its public access block on. */
export function blocks(bucket: Bucket, setting: Block): boolean {
  const text = bucket.settings["publicAccessBlock"];
  return text !== undefined && (JSON.parse(text) as Partial<Record<Block, boolean>>)[setting] === true;
}
