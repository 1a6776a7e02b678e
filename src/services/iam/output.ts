/** Rows as the API shows them. */
import type {
  AccessKeyMetadata,
  AttachedPermissionsBoundary,
  Group,
  Policy,
  Role,
  Tag,
  User,
} from "@aws-sdk/client-iam";
import {
  type AccessKey,
  type Entity,
  entityArn,
  type ManagedPolicy,
  policyArn,
  versionText,
} from "./model.ts";
import { encodeDocument } from "./policy-document.ts";

function optional<K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { [P in K]: V });
}

export function tagsOutput(tags: readonly Tag[]): { Tags?: Tag[] } {
  return tags.length === 0 ? {} : { Tags: [...tags] };
}

export function boundaryOutput(entity: Entity): { PermissionsBoundary?: AttachedPermissionsBoundary } {
  if (entity.boundaryArn === undefined) return {};
  // AWS answers `Policy`, whatever the enum of its model says.
  const type = "Policy" as NonNullable<AttachedPermissionsBoundary["PermissionsBoundaryType"]>;
  return {
    PermissionsBoundary: { PermissionsBoundaryType: type, PermissionsBoundaryArn: entity.boundaryArn },
  };
}

/** What every answer with a role has; each operation adds what AWS adds there. */
export function roleOutput(role: Entity): Role {
  return {
    Path: role.path,
    RoleName: role.name,
    RoleId: role.id,
    Arn: entityArn(role),
    CreateDate: new Date(role.createdAt),
    AssumeRolePolicyDocument: encodeDocument(role.trustPolicy),
    ...optional("Description", role.description),
  };
}

export function userOutput(user: Entity): User {
  return {
    Path: user.path,
    UserName: user.name,
    UserId: user.id,
    Arn: entityArn(user),
    CreateDate: new Date(user.createdAt),
  };
}

export function groupOutput(group: Entity): Group {
  return {
    Path: group.path,
    GroupName: group.name,
    GroupId: group.id,
    Arn: entityArn(group),
    CreateDate: new Date(group.createdAt),
  };
}

export function policyOutput(
  policy: ManagedPolicy,
  usage: { attached: ReadonlyMap<string, number>; bounding: ReadonlyMap<string, number> },
): Policy {
  const arn = policyArn(policy);
  return {
    PolicyName: policy.name,
    PolicyId: policy.id,
    Arn: arn,
    Path: policy.path,
    DefaultVersionId: versionText(policy.defaultVersion),
    AttachmentCount: usage.attached.get(arn) ?? 0,
    PermissionsBoundaryUsageCount: usage.bounding.get(arn) ?? 0,
    IsAttachable: true,
    CreateDate: new Date(policy.createdAt),
    UpdateDate: new Date(policy.updatedAt),
  };
}

export function accessKeyOutput(key: AccessKey): AccessKeyMetadata {
  return {
    UserName: key.userName,
    AccessKeyId: key.accessKeyId,
    Status: key.status,
    CreateDate: new Date(key.createdAt),
  };
}
