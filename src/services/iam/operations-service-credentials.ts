/**
 * User names and passwords of IAM users for one service (CodeCommit, Keyspaces).
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_service-specific-creds.html
 */
import type { ServiceSpecificCredential, ServiceSpecificCredentialMetadata } from "@aws-sdk/client-iam";
import type { Operations, RequestContext } from "../../aws/service.ts";
import { uniqueId } from "../../kernel/unique-id.ts";
import { type Deps, entityOf, keyOf, userNameOf } from "./deps.ts";
import * as errors from "./errors.ts";
import { type Entity, paginate, QUOTAS, wholeSeconds } from "./model.ts";
import type { ServiceCredential } from "./service-credential-store.ts";

type CredentialOperations = Operations<typeof import("@aws-sdk/client-iam")>;

const SERVICES = new Set(["cassandra.amazonaws.com", "codecommit.amazonaws.com"]);
/** They have keys instead of user names and passwords. */
const WITH_API_KEYS = new Set(["bedrock.amazonaws.com", "logs.amazonaws.com"]);
/** 60 characters, the last of them `=`. */
const PASSWORD_BYTES = 44;

export function serviceCredentialOperations(deps: Deps): CredentialOperations {
  const { credentials } = deps;
  const userOf = (context: RequestContext, name: string | undefined): Promise<Entity> =>
    entityOf(deps, keyOf(context, "user", userNameOf(context, name)));

  /** Errors: NoSuchEntity. */
  async function owned(
    context: RequestContext,
    input: { UserName?: string | undefined; ServiceSpecificCredentialId?: string | undefined },
  ): Promise<{ user: Entity; credential: ServiceCredential }> {
    const user = await userOf(context, input.UserName);
    const id = input.ServiceSpecificCredentialId ?? "";
    const credential = (await credentials.ofUser(user.id)).find((each) => each.id === id);
    if (credential === undefined) throw errors.serviceCredentialNotFound(id);
    return { user, credential };
  }

  return {
    async CreateServiceSpecificCredential(input, context) {
      const user = await userOf(context, input.UserName);
      const service = input.ServiceName ?? "";
      checkService(service);
      const others = (await credentials.ofUser(user.id)).filter((each) => each.service === service);
      const credential: ServiceCredential = {
        id: uniqueId("ACCA", context.random),
        accountId: context.accountId,
        userId: user.id,
        service,
        serviceUserName: serviceUserName(user.name, context.accountId, others),
        status: "Active",
        createdAt: wholeSeconds(context.clock.now()),
      };
      if (!(await credentials.create(credential, QUOTAS.credentialsPerService)))
        throw errors.quotaExceeded("ServiceSpecificCredentialsPerUser", QUOTAS.credentialsPerService);
      return { ServiceSpecificCredential: withPassword(context, user.name, credential) };
    },

    async ListServiceSpecificCredentials(input, context) {
      if (input.ServiceName !== undefined) checkService(input.ServiceName);
      const found = input.AllUsers === true ? await ofAll(context.accountId) : await ofOne();
      const shown = found.filter(([, each]) => [undefined, each.service].includes(input.ServiceName));
      const { items, paging } = paginate(shown, input, ([, each]) => `${String(each.createdAt)}/${each.id}`);
      const ServiceSpecificCredentials = items.map(([name, each]) => metadata(name, each));
      // Who did not ask for pages is told nothing of them.
      const isPaged = paging.IsTruncated || input.MaxItems !== undefined || input.Marker !== undefined;
      return { ServiceSpecificCredentials, ...(isPaged ? paging : {}) };

      async function ofOne(): Promise<(readonly [name: string, credential: ServiceCredential])[]> {
        const user = await userOf(context, input.UserName);
        return (await credentials.ofUser(user.id)).map((each) => [user.name, each]);
      }
    },

    async UpdateServiceSpecificCredential(input, context) {
      const { credential } = await owned(context, input);
      if (input.Status !== "Active" && input.Status !== "Inactive")
        throw errors.invalidInput(`Status ${input.Status ?? ""} cannot be set by a request.`);
      await credentials.setStatus(credential.id, input.Status);
      return {};
    },

    async ResetServiceSpecificCredential(input, context) {
      const { user, credential } = await owned(context, input);
      return { ServiceSpecificCredential: withPassword(context, user.name, credential) };
    },

    async DeleteServiceSpecificCredential(input, context) {
      const { credential } = await owned(context, input);
      await credentials.delete(credential.id);
      return {};
    },
  };

  async function ofAll(accountId: string): Promise<(readonly [name: string, each: ServiceCredential])[]> {
    const users = await deps.entities.list(accountId, "user", "/");
    const names = new Map(users.map((user) => [user.id, user.name]));
    return (await credentials.inAccount(accountId)).map((each) => [names.get(each.userId) ?? "", each]);
  }
}

/** Errors: NoSuchEntity, NotImplemented. */
function checkService(service: string): void {
  if (SERVICES.has(service)) return;
  if (WITH_API_KEYS.has(service)) throw errors.apiKeysNotServed(service);
  throw errors.noServiceCredentials(service);
}

/** The second of a service has a number. */
function serviceUserName(userName: string, accountId: string, others: readonly ServiceCredential[]): string {
  const taken = new Set(others.map((each) => each.serviceUserName));
  const first = `${userName}-at-${accountId}`;
  return taken.has(first) ? `${userName}+1-at-${accountId}` : first;
}

function metadata(userName: string, credential: ServiceCredential): ServiceSpecificCredentialMetadata {
  return {
    UserName: userName,
    Status: credential.status,
    ServiceUserName: credential.serviceUserName,
    CreateDate: new Date(credential.createdAt),
    ServiceSpecificCredentialId: credential.id,
    ServiceName: credential.service,
  };
}

/** A new password, told this once. */
function withPassword(
  { random }: RequestContext,
  userName: string,
  credential: ServiceCredential,
): ServiceSpecificCredential {
  const { Status, ...rest } = metadata(userName, credential);
  const ServicePassword = Buffer.from(random.hex(PASSWORD_BYTES * 2), "hex").toString("base64");
  return { ...rest, ServicePassword, Status };
}
