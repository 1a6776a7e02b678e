import { createHash } from "node:crypto";
import { base32 } from "../../kernel/unique-id.ts";

/** What STS has to know of IAM. */
export interface Directory {
  role(accountId: string, roleName: string): Promise<DirectoryRole | undefined>;
  tagsOf?(accountId: string, kind: "role", name: string): Promise<Readonly<Record<string, string>>>;
  /** The owner of an access key that can sign now (status Active). */
  accessKey(accessKeyId: string): DirectoryKey | undefined | Promise<DirectoryKey | undefined>;
}

export interface DirectoryRole {
  readonly arn: string;
  readonly roleId: string;
  readonly maxSessionSeconds: number;
  /** Who may assume it. */
  readonly trustPolicy?: unknown;
}

export interface DirectoryKey {
  readonly accountId: string;
  readonly secretAccessKey: string;
  readonly userArn: string;
  readonly userId: string;
}

/** The id shown for a role that exists nowhere: always the same for the same ARN. */
export function idOfUnknownRole(roleArn: string): string {
  return `AROA${base32(createHash("sha256").update(roleArn).digest()).slice(0, 17)}`;
}
