/** Each error of IAM, spelled once. https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html */
import { ServiceError } from "../../kernel/errors.ts";

export type EntityKind = "role" | "user" | "group";

const TITLE: Readonly<Record<EntityKind, string>> = {
  role: "Role",
  user: "User",
  group: "Group",
};

function noSuchEntity(message: string, hint?: string): ServiceError {
  return new ServiceError("NoSuchEntity", 404, message, hint === undefined ? {} : { hint });
}

function deleteConflict(message: string, hint: string): ServiceError {
  return new ServiceError("DeleteConflict", 409, message, { hint });
}

export function limitExceeded(message: string): ServiceError {
  return new ServiceError("LimitExceeded", 409, message);
}

export function quotaExceeded(quota: string, limit: number): ServiceError {
  return limitExceeded(`Cannot exceed quota for ${quota}: ${limit}`);
}

export function entityNotFound(kind: EntityKind, name: string): ServiceError {
  return noSuchEntity(
    `The ${kind} with name ${name} cannot be found.`,
    `aws iam list-${kind}s shows what is there`,
  );
}

export function entityExists(kind: EntityKind, name: string): ServiceError {
  return new ServiceError("EntityAlreadyExists", 409, `${TITLE[kind]} with name ${name} already exists.`);
}

export function inlinePolicyNotFound(kind: EntityKind, policyName: string): ServiceError {
  return noSuchEntity(`The ${kind} policy with name ${policyName} cannot be found.`);
}

export function policyExists(name: string): ServiceError {
  const message = `A policy called ${name} already exists. Duplicate names are not allowed.`;
  return new ServiceError("EntityAlreadyExists", 409, message);
}

export function policyNotFound(arn: string): ServiceError {
  const awsManaged = arn.includes(":iam::aws:policy/");
  return noSuchEntity(
    `Policy ${arn} was not found.`,
    awsManaged
      ? "of AWS's managed policies the common ones are here: aws iam list-policies --scope AWS"
      : undefined,
  );
}

export function policyNotAttachable(arn: string): ServiceError {
  const awsManaged = arn.includes(":iam::aws:policy/");
  return noSuchEntity(
    `Policy ${arn} does not exist or is not attachable.`,
    awsManaged
      ? "of AWS's managed policies the common ones are here: aws iam list-policies --scope AWS"
      : undefined,
  );
}

export function policyVersionNotFound(arn: string, version: string): ServiceError {
  return noSuchEntity(`Policy ${arn} version ${version} does not exist or is not attachable.`);
}

export function notInGroup(userName: string, groupName: string): ServiceError {
  return noSuchEntity(`The user with name ${userName} cannot be found in group ${groupName}.`);
}

export function accessKeyNotFound(accessKeyId: string): ServiceError {
  return noSuchEntity(`The Access Key with id ${accessKeyId} cannot be found.`);
}

export function loginProfileNotFound(userName: string): ServiceError {
  return noSuchEntity(`Login Profile for User ${userName} cannot be found.`);
}

export function loginProfileExists(userName: string): ServiceError {
  return new ServiceError("EntityAlreadyExists", 409, `Login Profile for user ${userName} already exists.`);
}

export function passwordPolicyViolation(message: string): ServiceError {
  return new ServiceError("PasswordPolicyViolation", 400, message);
}

export function serviceCredentialNotFound(id: string): ServiceError {
  return noSuchEntity(`No such credential ${id} exists`);
}

export function noServiceCredentials(service: string): ServiceError {
  return noSuchEntity(`No such service ${service} is supported for Service Specific Credentials`);
}

export function apiKeysNotServed(service: string): ServiceError {
  return new ServiceError("NotImplemented", 501, `API keys of ${service} are not implemented by Lambent.`);
}

export function unparsableArn(): ServiceError {
  return validationError("Invalid ARN:  Could not be parsed!");
}

export function validationError(message: string, hint?: string): ServiceError {
  return new ServiceError("ValidationError", 400, message, hint === undefined ? {} : { hint });
}

export function userNameNeeded(): ServiceError {
  return validationError(
    "Must specify userName when calling with non-User credentials",
    "add --user-name, or sign with the access key of an IAM user",
  );
}

export function invalidInput(message: string): ServiceError {
  return new ServiceError("InvalidInput", 400, message);
}

export function malformedPolicy(message: string): ServiceError {
  return new ServiceError("MalformedPolicyDocument", 400, message);
}

export function mustDetachPolicies(kind: EntityKind, name: string): ServiceError {
  return deleteConflict(
    "Cannot delete entity, must detach all policies first.",
    `aws iam list-attached-${kind}-policies --${kind}-name ${name}`,
  );
}

export function mustDeletePolicies(kind: EntityKind, name: string): ServiceError {
  return deleteConflict(
    "Cannot delete entity, must delete policies first.",
    `aws iam list-${kind}-policies --${kind}-name ${name}`,
  );
}

/** Of a group with members, and of a user in groups. */
export function mustRemoveFromGroup(kind: EntityKind, name: string): ServiceError {
  return deleteConflict(
    "Cannot delete entity, must remove users from group first.",
    kind === "user"
      ? `aws iam list-groups-for-user --user-name ${name}`
      : `aws iam get-group --group-name ${name}`,
  );
}

export function mustDeleteAccessKeys(name: string): ServiceError {
  return deleteConflict(
    "Cannot delete entity, must delete access keys first.",
    `aws iam list-access-keys --user-name ${name}`,
  );
}

export function mustDeleteLoginProfile(name: string): ServiceError {
  return deleteConflict(
    "Cannot delete entity, must delete login profile first.",
    `aws iam delete-login-profile --user-name ${name}`,
  );
}

/** Of a user with service-specific credentials. */
export function mustRemoveReferenced(name: string): ServiceError {
  return deleteConflict(
    "Cannot delete entity, must remove referenced objects first.",
    `aws iam list-service-specific-credentials --user-name ${name}`,
  );
}

export function policyAttached(arn: string): ServiceError {
  return deleteConflict(
    "Cannot delete a policy attached to entities.",
    `aws iam list-entities-for-policy --policy-arn ${arn}`,
  );
}

export function policyHasVersions(arn: string): ServiceError {
  return deleteConflict(
    "This policy has more than one version. Before you delete a policy, you must delete the policy's versions. The default version is deleted with the policy.",
    `aws iam list-policy-versions --policy-arn ${arn}`,
  );
}

export function defaultVersionKept(): ServiceError {
  return deleteConflict(
    "Cannot delete the default version of a policy.",
    "aws iam set-default-policy-version chooses another first",
  );
}

/** Somebody changed the same thing at the same moment. */
export function concurrentModification(): ServiceError {
  return new ServiceError(
    "ConcurrentModification",
    409,
    "The request was rejected because multiple requests to change this object were submitted simultaneously. Wait a few minutes and submit your request again.",
  );
}

export function instanceProfileNotFound(name: string): ServiceError {
  return noSuchEntity(
    `Instance Profile ${name} cannot be found.`,
    "aws iam list-instance-profiles shows them",
  );
}

export function instanceProfileExists(name: string): ServiceError {
  return new ServiceError("EntityAlreadyExists", 409, `Instance Profile ${name} already exists.`);
}

/** Of an instance profile with a role, and of a role in one. */
export function mustRemoveRoles(): ServiceError {
  return deleteConflict(
    "Cannot delete entity, must remove roles from instance profile first.",
    "aws iam list-instance-profiles shows which role is in which",
  );
}

export function unknownServiceRole(service: string): ServiceError {
  return invalidInput(`A service-linked role of ${service} is not implemented by Lambent.`);
}

export function suffixNotAllowed(service: string): ServiceError {
  return invalidInput(`Custom suffix is not allowed for ${service}`);
}

export function serviceRoleExists(roleName: string): ServiceError {
  return invalidInput(
    `Service role name ${roleName} has been taken in this account, please try a different suffix.`,
  );
}

export function notServiceLinked(roleName: string): ServiceError {
  return invalidInput(`${roleName} is not a service-linked role: aws iam delete-role deletes it.`);
}

export function deletionTaskNotFound(task: string): ServiceError {
  return noSuchEntity(`The deletion task with id ${task} cannot be found.`);
}

/** Of a service-linked role, which only its service changes. */
export function protectedRole(roleName: string): ServiceError {
  return new ServiceError(
    "UnmodifiableEntity",
    400,
    `Cannot perform the operation on the protected role '${roleName}' - this role is only modifiable by AWS`,
    { hint: `aws iam delete-service-linked-role --role-name ${roleName}` },
  );
}
