import { AWS_MANAGED } from "./aws-managed/index.ts";
import { type Deps, findPolicy } from "./deps.ts";
import type { EntityKey } from "./entity-store.ts";
import type { SigningKey } from "./key-store.ts";
import { type Entity, entityArn } from "./model.ts";
import { parsePolicy, type PolicyDocument } from "./policy-document.ts";

export interface ReadUser {
  readonly arn: string;
  readonly userId: string;
}

export interface ReadRole {
  readonly arn: string;
  readonly roleId: string;
  readonly maxSessionSeconds: number;
  readonly trustPolicy: PolicyDocument;
}

/** Everything that grants or bounds what a role or user may do. */
export interface EntityPolicies {
  readonly inline: readonly { readonly name: string; readonly document: PolicyDocument }[];
  readonly attached: readonly { readonly arn: string; readonly document: PolicyDocument }[];
  /** Of a user's groups: they grant as if they were the user's own. */
  readonly groups: readonly { readonly name: string; readonly policies: EntityPolicies }[];
  readonly boundary: { readonly arn: string; readonly document: PolicyDocument } | undefined;
}

/** What others may know of IAM. Documents are parsed; their default versions count. */
export interface IamReader {
  role(accountId: string, roleName: string): Promise<ReadRole | undefined>;
  user(accountId: string, userName: string): Promise<ReadUser | undefined>;
  policiesOf(accountId: string, kind: "role" | "user", name: string): Promise<EntityPolicies>;
  /** Of a role or user; what aws:PrincipalTag reads. */
  tagsOf(accountId: string, kind: "role" | "user", name: string): Promise<Readonly<Record<string, string>>>;
  /** The default version of a managed policy, the account's or AWS's own. */
  policyDocument(accountId: string, arn: string): Promise<PolicyDocument | undefined>;
  /** Rises with every change of a role, user, group or policy that this process made. */
  revision(): number;
  /** What an active access key signs as. */
  accessKey(accessKeyId: string): SigningKey | undefined | Promise<SigningKey | undefined>;
}

export function createIamReader(deps: Deps, revision: () => number): IamReader {
  const { entities, policies, keys } = deps;

  async function documentOf(accountId: string, arn: string): Promise<PolicyDocument | undefined> {
    const aws = AWS_MANAGED.get(arn);
    if (aws !== undefined) return parsePolicy(aws.document, "identity");
    const policy = await findPolicy(deps, accountId, arn);
    if (policy === undefined) return undefined;
    const version = await policies.version(policy, policy.defaultVersion);
    return version === undefined ? undefined : parsePolicy(version.document, "identity");
  }

  async function attachedOf(key: EntityKey): Promise<{ arn: string; document: PolicyDocument }[]> {
    const arns = await entities.attachments(key);
    const found = await Promise.all(
      arns.map(async (arn) => ({ arn, document: await documentOf(key.accountId, arn) })),
    );
    return found.flatMap(({ arn, document }) => (document === undefined ? [] : [{ arn, document }]));
  }

  async function boundaryOf(entity: Entity | undefined): Promise<EntityPolicies["boundary"]> {
    if (entity?.boundaryArn === undefined) return undefined;
    const arn = entity.boundaryArn;
    // A boundary that cannot be read allows nothing, rather than everything.
    const document = (await documentOf(entity.accountId, arn)) ?? { Version: "2012-10-17", Statement: [] };
    return { arn, document };
  }

  async function policiesOf(
    accountId: string,
    kind: "role" | "user" | "group",
    name: string,
  ): Promise<EntityPolicies> {
    const key = { accountId, kind, name };
    const inline = (await entities.inlinePolicies(key)).map((policy) => ({
      name: policy.name,
      document: parsePolicy(policy.document, "identity"),
    }));
    const memberOf = kind === "user" ? await entities.groupsOf(accountId, name) : [];
    const groups = await Promise.all(
      memberOf.map(async (group) => ({
        name: group.name,
        policies: await policiesOf(accountId, "group", group.name),
      })),
    );
    return {
      inline,
      attached: await attachedOf(key),
      groups,
      boundary: await boundaryOf(await entities.find(key)),
    };
  }

  return {
    async role(accountId, roleName) {
      const role = await entities.find({ accountId, kind: "role", name: roleName });
      if (role === undefined) return undefined;
      const trustPolicy = parsePolicy(role.trustPolicy, "trust");
      return {
        arn: entityArn(role),
        roleId: role.id,
        maxSessionSeconds: role.maxSessionSeconds,
        trustPolicy,
      };
    },
    async user(accountId, userName) {
      const user = await entities.find({ accountId, kind: "user", name: userName });
      return user === undefined ? undefined : { arn: entityArn(user), userId: user.id };
    },
    policiesOf,
    async tagsOf(accountId, kind, name) {
      const tags = await entities.tags({ accountId, kind, name });
      return Object.fromEntries(tags.map((tag) => [tag.Key ?? "", tag.Value ?? ""]));
    },
    policyDocument: documentOf,
    revision,
    accessKey: (accessKeyId) => keys.signing(accessKeyId),
  };
}
