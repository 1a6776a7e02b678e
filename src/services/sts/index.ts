import { defineService, type Service } from "../../aws/service.ts";
import type { KeyResolver } from "../../aws/sigv4/keys.ts";
import type { Clock } from "../../kernel/clock.ts";
import type { Random } from "../../kernel/random.ts";
import type { CredentialIssuer } from "../../ports/credentials.ts";
import type { Migration } from "../../ports/database.ts";
import type { Secrets } from "../../ports/secrets.ts";
import { stsAccess } from "./access.ts";
import type { Directory } from "./directory.ts";
import { createKeyResolver, type RootKey } from "./keys.ts";
import { looseRoleArn } from "./model.ts";
import { operations } from "./operations.ts";
import { createSessionSealer, type Session } from "./session.ts";

export type { Directory, DirectoryKey, DirectoryRole } from "./directory.ts";
export type { RootKey } from "./keys.ts";
export type { Session } from "./session.ts";

export interface StsDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly secrets: Secrets;
  /** IAM's reader: roles by name, users by access key. */
  readonly directory: Directory;
  readonly rootKey?: RootKey;
  /** `enforce` refuses roles that do not exist. Default `warn`. */
  readonly iamMode?: "off" | "warn" | "enforce";
}

export interface Sts {
  readonly service: Service;
  /** Credentials of execution roles, for functions. */
  readonly issuer: CredentialIssuer;
  /** All keys requests can be verified with. */
  readonly keys: KeyResolver;
  /** What a session was given (policies, tags), for the policy evaluator. */
  openSession(accessKeyId: string, sessionToken: string): Session | undefined;
}

/** STS keeps nothing: sessions are sealed into their tokens. */
export const migrations: readonly Migration[] = [];

export function createSts(deps: StsDeps): Sts {
  const sealer = createSessionSealer(deps.secrets, deps.random);
  const { clock, directory, rootKey } = deps;
  const lenient = deps.iamMode !== "enforce";
  const service = defineService<typeof import("@aws-sdk/client-sts")>(
    "sts",
    operations({ sealer, directory, lenient }),
  );
  async function trustPolicyOf(roleArn: string): Promise<string | undefined> {
    const { accountId, roleName } = looseRoleArn(roleArn, "");
    const role = await directory.role(accountId, roleName);
    return role?.arn === roleArn && role.trustPolicy !== undefined
      ? JSON.stringify(role.trustPolicy)
      : undefined;
  }
  async function tagsOf(roleArn: string): Promise<Readonly<Record<string, string>>> {
    const { accountId, roleName } = looseRoleArn(roleArn, "");
    return (await directory.tagsOf?.(accountId, "role", roleName)) ?? {};
  }
  return {
    service: { ...service, access: stsAccess({ trustPolicyOf, tagsOf }) },
    keys: createKeyResolver({ clock, sealer, directory, rootKey }),
    openSession: (accessKeyId, sessionToken) => sealer.open(accessKeyId, sessionToken)?.session,
    issuer: {
      issueForRole(scope, roleArn, sessionName, durationSeconds) {
        const { accountId } = looseRoleArn(roleArn, scope.accountId);
        const expiryMs = clock.now() + durationSeconds * 1000;
        return sealer.seal({ accountId, kind: "role", roleArn, sessionName, expiryMs });
      },
    },
  };
}
