/**
 * What each operation asks of IAM: the entity it is about. Lists ask for everything of their kind.
 * https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html
 */
import type { AccessNeed, AccessRule, ServiceAccess } from "../../aws/service.ts";
import type { Scope } from "../../kernel/scope.ts";
import type { Deps } from "./deps.ts";
import { entityArn, type EntityKind, policyArn } from "./model.ts";

type Input = Readonly<Record<string, unknown>>;
type Kind = EntityKind | "policy" | "instance-profile";

function text(input: Input, name: string): string | undefined {
  const value = input[name];
  return typeof value === "string" && value !== "" ? value : undefined;
}

const NAME_MEMBER: Readonly<Record<Kind, string>> = {
  role: "RoleName",
  user: "UserName",
  group: "GroupName",
  policy: "PolicyName",
  "instance-profile": "InstanceProfileName",
};

/** Without a path in the input it is the root path; `fullArn` finds the real one. */
function named(kind: Kind): AccessRule["resources"] {
  return (input, { accountId }) => {
    const name = text(input, NAME_MEMBER[kind]);
    return [
      `arn:aws:iam::${accountId}:${kind}${name === undefined ? "/*" : (text(input, "Path") ?? "/") + name}`,
    ];
  };
}

function underPath(kind: Kind): AccessRule["resources"] {
  return (input, { accountId }) => [`arn:aws:iam::${accountId}:${kind}${text(input, "PathPrefix") ?? "/"}`];
}

function keys(input: Input): Readonly<Record<string, string | undefined>> {
  return {
    "iam:PolicyARN": text(input, "PolicyArn"),
    "iam:PermissionsBoundary": text(input, "PermissionsBoundary"),
    "iam:AWSServiceName": text(input, "AWSServiceName"),
  };
}

/** A role put into an instance profile is handed to EC2. */
function passesRole(input: Input, { accountId }: Scope): readonly AccessNeed[] {
  const resources = [`arn:aws:iam::${accountId}:role/${text(input, "RoleName") ?? "*"}`];
  return [
    { actions: ["iam:PassRole"], resources, conditions: { "iam:PassedToService": "ec2.amazonaws.com" } },
  ];
}

function rules(names: string, rule: AccessRule): Record<string, AccessRule> {
  return Object.fromEntries(names.split(/\s+/).map((name) => [name, rule]));
}

/** Of the signer when no name is given; an ARN of the caller's own would say more than the input does. */
const USER: AccessRule = { resources: named("user"), conditions: keys };
const POLICY: AccessRule = { resources: (input) => [text(input, "PolicyArn") ?? "*"] };
const PROFILE: AccessRule = { resources: named("instance-profile") };

const RULES: Readonly<Record<string, AccessRule>> = {
  ...rules(
    `AttachRolePolicy CreateRole DeleteRole DeleteRolePermissionsBoundary DeleteRolePolicy
    DeleteServiceLinkedRole DetachRolePolicy GetRole GetRolePolicy ListAttachedRolePolicies
    ListInstanceProfilesForRole ListRolePolicies ListRoleTags PutRolePermissionsBoundary PutRolePolicy
    TagRole UntagRole UpdateAssumeRolePolicy UpdateRole UpdateRoleDescription`,
    { resources: named("role"), conditions: keys },
  ),
  ...rules(
    `AttachUserPolicy CreateAccessKey CreateUser DeleteAccessKey DeleteUser
    DeleteUserPermissionsBoundary DeleteUserPolicy DetachUserPolicy GetAccessKeyLastUsed GetUser
    GetUserPolicy ListAccessKeys ListAttachedUserPolicies ListGroupsForUser ListUserPolicies ListUserTags
    PutUserPermissionsBoundary PutUserPolicy TagUser UntagUser UpdateAccessKey UpdateUser
    CreateServiceSpecificCredential DeleteServiceSpecificCredential ListServiceSpecificCredentials
    ResetServiceSpecificCredential UpdateServiceSpecificCredential CreateLoginProfile
    DeleteLoginProfile GetLoginProfile UpdateLoginProfile
    ListMFADevices ListSSHPublicKeys ListSigningCertificates`,
    USER,
  ),
  ...rules(
    `AddUserToGroup AttachGroupPolicy CreateGroup DeleteGroup DeleteGroupPolicy DetachGroupPolicy GetGroup
    GetGroupPolicy ListAttachedGroupPolicies ListGroupPolicies PutGroupPolicy RemoveUserFromGroup
    UpdateGroup`,
    { resources: named("group"), conditions: keys },
  ),
  ...rules(
    `CreatePolicyVersion DeletePolicy DeletePolicyVersion GetPolicy GetPolicyVersion ListEntitiesForPolicy
    ListPolicyTags ListPolicyVersions SetDefaultPolicyVersion TagPolicy UntagPolicy`,
    POLICY,
  ),
  CreatePolicy: { resources: named("policy") },
  ...rules(
    `CreateInstanceProfile DeleteInstanceProfile GetInstanceProfile ListInstanceProfileTags
    RemoveRoleFromInstanceProfile TagInstanceProfile UntagInstanceProfile`,
    PROFILE,
  ),
  AddRoleToInstanceProfile: { ...PROFILE, also: passesRole },
  CreateServiceLinkedRole: {
    resources: (input, { accountId }) => [
      `arn:aws:iam::${accountId}:role/aws-service-role/${text(input, "AWSServiceName") ?? "*"}/*`,
    ],
    conditions: keys,
  },
  SimulatePrincipalPolicy: { resources: (input) => [text(input, "PolicySourceArn") ?? "*"] },
  GetContextKeysForPrincipalPolicy: { resources: (input) => [text(input, "PolicySourceArn") ?? "*"] },
  ListRoles: { resources: underPath("role") },
  ListUsers: { resources: underPath("user") },
  ListGroups: { resources: underPath("group") },
  ListInstanceProfiles: { resources: underPath("instance-profile") },
  ListPolicies: {
    resources: (input, { accountId }) => [
      `arn:aws:iam::${accountId}:policy${text(input, "PathPrefix") ?? "/"}`,
    ],
  },
};

const TAGGED = /^arn:aws:iam::(\d{12}):(role|user|policy|instance-profile)\/(?:.*\/)?([\w+=,.@-]+)$/;
const ARN = /^arn:aws:iam::(\d{12}):(role|user|group|policy)\/([\w+=,.@-]+)$/;

export function iamAccess(deps: Deps): ServiceAccess {
  return {
    prefix: "iam",
    rules: RULES,
    async resourceTags(arn) {
      const [, accountId = "", kind = "", name = ""] = TAGGED.exec(arn) ?? [];
      if (name === "") return {};
      const tags = await deps.entities.tags({ accountId, kind: kind as Exclude<Kind, "group">, name });
      return Object.fromEntries(tags.map((tag) => [tag.Key ?? "", tag.Value ?? ""]));
    },
    async fullArn(arn) {
      const [, accountId = "", kind = "", name = ""] = ARN.exec(arn) ?? [];
      if (name === "") return arn;
      if (kind === "policy") {
        const policy = await deps.policies.find({ accountId, name });
        return policy === undefined ? arn : policyArn(policy);
      }
      const entity = await deps.entities.find({ accountId, kind: kind as EntityKind, name });
      return entity === undefined ? arn : entityArn(entity);
    },
  };
}
