import { defineService, type Service } from "../../aws/service.ts";
import type { Clock } from "../../kernel/clock.ts";
import type { Database } from "../../ports/database.ts";
import type { Secrets } from "../../ports/secrets.ts";
import { createEntityStore } from "./entity-store.ts";
import { createInstanceProfileStore } from "./instance-profile-store.ts";
import { createKeyStore } from "./key-store.ts";
import { groupOperations } from "./operations-groups.ts";
import { instanceProfileOperations } from "./operations-instance-profiles.ts";
import { accessKeyOperations, userOperations } from "./operations-users.ts";
import { policyOperations, policyVersionOperations } from "./operations-policies.ts";
import { roleOperations } from "./operations-roles.ts";
import { serviceRoleOperations } from "./operations-service-roles.ts";
import { createPolicyStore } from "./policy-store.ts";
import { createIamReader, type IamReader } from "./reader.ts";

export { migrations } from "./schema.ts";
export type { EntityPolicies, IamReader, ReadRole, ReadUser } from "./reader.ts";
export type { SigningKey } from "./key-store.ts";

export interface IamDeps {
  readonly clock: Clock;
  readonly database: Database;
  readonly secrets: Secrets;
}

export interface Iam {
  readonly service: Service;
  /** For STS (as its Directory) and for the policy evaluator. */
  readonly reader: IamReader;
  /** Call it for verified requests: GetAccessKeyLastUsed tells it. Cheap; written every 30 s. */
  noteUse(accessKeyId: string, service: string, region: string): void;
  close(): Promise<void>;
}

export function createIam(deps: IamDeps): Iam {
  const entities = createEntityStore(deps.database);
  const policies = createPolicyStore(deps.database);
  const keys = createKeyStore(deps.database, deps.secrets, deps.clock);
  const profiles = createInstanceProfileStore(deps.database);
  const parts = { entities, policies, keys, profiles };
  return {
    service: defineService<typeof import("@aws-sdk/client-iam")>("iam", {
      ...roleOperations(parts),
      ...serviceRoleOperations(parts),
      ...instanceProfileOperations(parts),
      ...userOperations(parts),
      ...accessKeyOperations(parts),
      ...groupOperations(parts),
      ...policyOperations(parts),
      ...policyVersionOperations(parts),
    }),
    reader: createIamReader(parts),
    noteUse: keys.used,
    close: keys.close,
  };
}
