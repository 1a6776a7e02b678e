import type { PolicyVersion } from "@aws-sdk/client-iam";
import type { Operations } from "../../aws/service.ts";
import { uniqueId } from "../../kernel/unique-id.ts";
import { AWS_MANAGED } from "./aws-managed/index.ts";
import { type Deps, findPolicy, ownPolicyOf, policyOf } from "./deps.ts";
import * as errors from "./errors.ts";
import * as model from "./model.ts";
import { policyOutput, tagsOutput } from "./output.ts";
import { encodeDocument, parsePolicy } from "./policy-document.ts";

type PolicyOperations = Operations<typeof import("@aws-sdk/client-iam")>;

export function policyOperations(deps: Deps): PolicyOperations {
  const { policies, entities } = deps;
  const tagOwner = (policy: model.ManagedPolicy) =>
    ({ accountId: policy.accountId, kind: "policy", name: policy.name }) as const;

  return {
    async CreatePolicy(input, context) {
      const document = input.PolicyDocument ?? "";
      checkDocument(document);
      model.checkTags("policy", input.Tags ?? []);
      const now = model.wholeSeconds(context.clock.now());
      const policy: model.ManagedPolicy = {
        accountId: context.accountId,
        name: input.PolicyName ?? "",
        id: uniqueId("ANPA", context.random),
        path: input.Path ?? "/",
        description: input.Description,
        createdAt: now,
        updatedAt: now,
        defaultVersion: 1,
        nextVersion: 2,
      };
      model.checkRoom("policy", await policies.count(context.accountId));
      if (!(await policies.create(policy, document, input.Tags ?? [])))
        throw errors.policyExists(policy.name);
      return { Policy: { ...policyOutput(policy, NO_USE), ...tagsOutput(input.Tags ?? []) } };
    },

    async GetPolicy(input, context) {
      const policy = await policyOf(deps, context, input.PolicyArn);
      const usage = await entities.usage(context.accountId);
      const description = policy.description === undefined ? {} : { Description: policy.description };
      const Tags = await entities.tags(tagOwner(policy));
      return { Policy: { ...policyOutput(policy, usage), ...description, Tags } };
    },

    async ListPolicies(input, context) {
      const usage = await entities.usage(context.accountId);
      const own = input.Scope === "AWS" ? [] : await policies.list(context.accountId);
      const aws = input.Scope === "Local" ? [] : [...AWS_MANAGED.values()];
      const used = input.PolicyUsageFilter === "PermissionsBoundary" ? usage.bounding : usage.attached;
      const onlyUsed = input.OnlyAttached === true || input.PolicyUsageFilter !== undefined;
      const shown = [...own, ...aws]
        .filter((policy) => policy.path.startsWith(input.PathPrefix ?? "/"))
        .filter((policy) => !onlyUsed || used.has(model.policyArn(policy)))
        .toSorted((a, b) => (model.policyArn(a) < model.policyArn(b) ? -1 : 1));
      const { items, paging } = model.paginate(shown, input, model.policyArn);
      return { Policies: items.map((policy) => policyOutput(policy, usage)), ...paging };
    },

    async DeletePolicy(input, context) {
      const policy = await ownPolicyOf(deps, context, input.PolicyArn);
      const arn = model.policyArn(policy);
      const users = await entities.attachedTo(context.accountId, arn);
      if (users.length > 0) throw errors.policyAttached(arn);
      if ((await policies.versions(policy)).length > 1) throw errors.policyHasVersions(arn);
      if (!(await policies.delete(policy))) throw errors.policyAttached(arn);
      return {};
    },

    async TagPolicy(input, context) {
      const policy = await ownPolicyOf(deps, context, input.PolicyArn);
      model.checkTags("policy", input.Tags ?? []);
      model.checkTagCount("policy", await entities.tags(tagOwner(policy)), input.Tags ?? []);
      await entities.putTags(tagOwner(policy), input.Tags ?? []);
      return {};
    },

    async UntagPolicy(input, context) {
      const policy = await ownPolicyOf(deps, context, input.PolicyArn);
      await entities.removeTags(tagOwner(policy), input.TagKeys ?? []);
      return {};
    },

    async ListPolicyTags(input, context) {
      const policy = await policyOf(deps, context, input.PolicyArn);
      const tags = await entities.tags(tagOwner(policy));
      const { items, paging } = model.paginate(tags, input, (tag) => model.tagNorm("policy", tag.Key));
      return { Tags: [...items], ...paging };
    },

    async ListEntitiesForPolicy(input, context) {
      const arn = model.policyArn(await policyOf(deps, context, input.PolicyArn));
      const bounding = input.PolicyUsageFilter === "PermissionsBoundary";
      const found = await (bounding ? entities.boundaryOf : entities.attachedTo)(context.accountId, arn);
      const wanted = ENTITY_FILTER[input.EntityFilter ?? ""] ?? ["role", "user", "group"];
      const matching = found.filter(
        (entity) => wanted.includes(entity.kind) && entity.path.startsWith(input.PathPrefix ?? "/"),
      );
      const { items, paging } = model.paginate(matching, input, (entity) => `${entity.kind}/${entity.name}`);
      const roles = items.filter((entity) => entity.kind === "role");
      const users = items.filter((entity) => entity.kind === "user");
      const groups = items.filter((entity) => entity.kind === "group");
      return {
        PolicyGroups: groups.map(({ name, id }) => ({ GroupName: name, GroupId: id })),
        PolicyRoles: roles.map(({ name, id }) => ({ RoleName: name, RoleId: id })),
        PolicyUsers: users.map(({ name, id }) => ({ UserName: name, UserId: id })),
        ...paging,
      };
    },
  };
}

const NO_USE = { attached: new Map<string, number>(), bounding: new Map<string, number>() };

const ENTITY_FILTER: Readonly<Record<string, readonly string[]>> = {
  Role: ["role"],
  User: ["user"],
  Group: ["group"],
  LocalManagedPolicy: [],
  AWSManagedPolicy: [],
};

export function policyVersionOperations(deps: Deps): PolicyOperations {
  const { policies } = deps;
  return {
    async CreatePolicyVersion(input, context) {
      const policy = await ownPolicyOf(deps, context, input.PolicyArn);
      const document = input.PolicyDocument ?? "";
      checkDocument(document);
      if ((await policies.versions(policy)).length >= model.QUOTAS.policyVersions) {
        throw errors.limitExceeded(
          `A managed policy can have up to ${model.QUOTAS.policyVersions} versions. Before you create a new version, you must delete an existing version.`,
        );
      }
      const createdAt = model.wholeSeconds(context.clock.now());
      const added = { version: policy.nextVersion, document, createdAt };
      const asDefault = input.SetAsDefault === true;
      if (!(await policies.addVersion(policy, added, asDefault))) throw errors.concurrentModification();
      return { PolicyVersion: versionOutput(added, asDefault) };
    },

    async GetPolicyVersion(input, context) {
      const arn = input.PolicyArn ?? "";
      const policy = await findPolicy(deps, context.accountId, arn);
      const version = model.parseVersion(input.VersionId ?? "");
      const found =
        policy === undefined || version === undefined ? undefined : await versionOf(deps, policy, version);
      if (policy === undefined || found === undefined)
        throw errors.policyVersionNotFound(arn, input.VersionId ?? "");
      const isDefault = found.version === policy.defaultVersion;
      return {
        PolicyVersion: { Document: encodeDocument(found.document), ...versionOutput(found, isDefault) },
      };
    },

    async ListPolicyVersions(input, context) {
      const policy = await policyOf(deps, context, input.PolicyArn);
      const own = await policies.versions(policy);
      const aws = AWS_MANAGED.get(model.policyArn(policy));
      const all = aws === undefined ? own : [awsVersion(aws)];
      const newestFirst = all.toSorted((a, b) => b.version - a.version);
      const { items, paging } = model.paginate(newestFirst, input, (each) => String(1e9 - each.version));
      return {
        Versions: items.map((each) => versionOutput(each, each.version === policy.defaultVersion)),
        ...paging,
      };
    },

    async SetDefaultPolicyVersion(input, context) {
      if ((await findPolicy(deps, context.accountId, input.PolicyArn ?? "")) === undefined)
        throw errors.policyVersionNotFound(input.PolicyArn ?? "", input.VersionId ?? "");
      const policy = await ownPolicyOf(deps, context, input.PolicyArn);
      const version = model.parseVersion(input.VersionId ?? "") ?? 0;
      if (!(await policies.setDefault(policy, version, model.wholeSeconds(context.clock.now())))) {
        throw errors.policyVersionNotFound(input.PolicyArn ?? "", input.VersionId ?? "");
      }
      return {};
    },

    async DeletePolicyVersion(input, context) {
      const policy = await ownPolicyOf(deps, context, input.PolicyArn);
      const version = model.parseVersion(input.VersionId ?? "") ?? 0;
      if (version === policy.defaultVersion) throw errors.defaultVersionKept();
      if (!(await policies.deleteVersion(policy, version))) {
        throw errors.policyVersionNotFound(input.PolicyArn ?? "", input.VersionId ?? "");
      }
      return {};
    },
  };
}

function awsVersion(policy: {
  defaultVersion: number;
  document: string;
  createdAt: number;
}): model.PolicyVersion {
  return { version: policy.defaultVersion, document: policy.document, createdAt: policy.createdAt };
}

async function versionOf(
  deps: Deps,
  policy: model.ManagedPolicy,
  version: number,
): Promise<model.PolicyVersion | undefined> {
  const aws = AWS_MANAGED.get(model.policyArn(policy));
  if (aws === undefined) return deps.policies.version(policy, version);
  return version === aws.defaultVersion ? awsVersion(aws) : undefined;
}

function versionOutput(version: model.PolicyVersion, isDefault: boolean): PolicyVersion {
  return {
    VersionId: model.versionText(version.version),
    IsDefaultVersion: isDefault,
    CreateDate: new Date(version.createdAt),
  };
}

/** Errors: MalformedPolicyDocument, LimitExceeded. */
function checkDocument(document: string): void {
  parsePolicy(document, "identity");
  const limit = model.QUOTAS.managedPolicyLength;
  if (model.policyLength(document) > limit) throw errors.quotaExceeded("PolicySize", limit);
}
