/**
 * What a KMS key means where there is no KMS, for services that take its id and encrypt what they keep:
 *
 *   - The key that AWS manages for the service (`alias/aws/sqs`) asks for nothing that a caller could see or
 *     use: it is taken, and what is kept lies on this disk as everything does.
 *   - A key of the account is a promise about who can read. No such key can be found here, so the operations
 *     that would use it are refused as AWS refuses them for a key that is not there; naming it is not.
 */
import { arnParts } from "./arn.ts";
import { partitionOf, type Scope } from "./scope.ts";

/** `service`: as in the alias of its key, e.g. `sns`. */
export function isAwsManagedKey(key: string, service: string): boolean {
  const alias = `alias/aws/${service}`;
  const arn = arnParts(key);
  return key === alias || (arn.service === "kms" && arn.resource === alias);
}

/** KMS's sentence for a key, as id, alias or ARN, that it does not find. */
export function keyNotFound(key: string, { accountId, region }: Scope): string {
  const arn = key.startsWith("arn:") ? key : `arn:${partitionOf(region)}:kms:${region}:${accountId}:${key}`;
  if (/:alias\//u.test(arn)) return `Alias ${arn} is not found.`;
  const isId = /^(?:mrk-)?[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$|^mrk-[0-9a-f]{32}$/u.test(key);
  if (isId) return `Key 'arn:${partitionOf(region)}:kms:${region}:${accountId}:key/${key}' does not exist`;
  return key.startsWith("arn:") ? `Key '${key}' does not exist` : `Invalid keyId ${key}`;
}
