import { defineService, type Service } from "../../aws/service.ts";
import type { Clock } from "../../kernel/clock.ts";
import type { Database } from "../../ports/database.ts";
import type { Secrets } from "../../ports/secrets.ts";
import { iamAccess } from "./access.ts";
import { createEntityStore } from "./entity-store.ts";
import { createInstanceProfileStore } from "./instance-profile-store.ts";
import { createKeyStore } from "./key-store.ts";
import { createLoginProfileStore } from "./login-profile-store.ts";
import { groupOperations } from "./operations-groups.ts";
import { instanceProfileOperations } from "./operations-instance-profiles.ts";
import { accessKeyOperations, userOperations } from "./operations-users.ts";
import { loginProfileOperations } from "./operations-login-profiles.ts";
import { nothingOperations } from "./operations-nothing.ts";
import { policyOperations, policyVersionOperations } from "./operations-policies.ts";
import { roleOperations } from "./operations-roles.ts";
import { serviceCredentialOperations } from "./operations-service-credentials.ts";
import { serviceRoleOperations } from "./operations-service-roles.ts";
import { simulationOperations } from "./operations-simulation.ts";
import { createPolicyStore } from "./policy-store.ts";
import { createServiceCredentialStore } from "./service-credential-store.ts";
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
  const { database, revision } = counted(deps.database);
  const entities = createEntityStore(database);
  const policies = createPolicyStore(database);
  // Uses of keys are written all the time and change nothing that policies say.
  const keys = createKeyStore(deps.database, deps.secrets, deps.clock);
  const profiles = createInstanceProfileStore(database);
  const credentials = createServiceCredentialStore(database);
  const loginProfiles = createLoginProfileStore(database);
  const parts = { entities, policies, keys, profiles, credentials, loginProfiles };
  const service = defineService<typeof import("@aws-sdk/client-iam")>("iam", {
    ...roleOperations(parts),
    ...serviceRoleOperations(parts),
    ...instanceProfileOperations(parts),
    ...userOperations(parts),
    ...accessKeyOperations(parts),
    ...serviceCredentialOperations(parts),
    ...loginProfileOperations(parts),
    ...groupOperations(parts),
    ...policyOperations(parts),
    ...policyVersionOperations(parts),
    ...simulationOperations(parts),
    ...nothingOperations(parts),
  });
  return {
    service: { ...service, access: iamAccess(parts) },
    reader: createIamReader(parts, revision),
    noteUse: keys.used,
    close: keys.close,
  };
}

/** The database, and how often it was written through this: what was read before may be old. */
function counted(inner: Database): { database: Database; revision: () => number } {
  let revision = 0;
  const database: Database = {
    dialect: inner.dialect,
    read: (sql, params) => inner.read(sql, params),
    async commit(unit) {
      try {
        return await inner.commit(unit);
      } finally {
        revision += 1;
      }
    },
    close: () => inner.close(),
  };
  return { database, revision: () => revision };
}
