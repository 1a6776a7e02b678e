import type { Operations, RequestContext } from "../../aws/service.ts";
import { uniqueId } from "../../kernel/unique-id.ts";
import { type Deps, entityOf, keyOf } from "./deps.ts";
import * as errors from "./errors.ts";
import { AWS_OWNED, type Entity, MAX_SESSION_SECONDS_DEFAULT, policyArn, wholeSeconds } from "./model.ts";
import { roleOutput } from "./output.ts";
import { SERVICE_LINKED_ROLES, SERVICE_ROLE_PATH } from "./service-linked-roles.ts";

type RoleOperations = Operations<typeof import("@aws-sdk/client-iam")>;

/** The identifier of a deletion says which role it removed, so nothing has to be kept about it. */
const TASK = /^task\/aws-service-role\/[^/]+\/(?<role>[\w+=,.@-]{1,64})\/[0-9a-f-]{36}$/;

/** Roles of AWS's services. https://docs.aws.amazon.com/IAM/latest/UserGuide/using-service-linked-roles.html */
export function serviceRoleOperations(deps: Deps): RoleOperations {
  const { entities } = deps;
  return {
    async CreateServiceLinkedRole(input, context) {
      const service = input.AWSServiceName ?? "";
      const known = SERVICE_LINKED_ROLES.get(service);
      if (known === undefined) throw errors.unknownServiceRole(service);
      const suffix = input.CustomSuffix;
      if (suffix !== undefined && !known.allowsSuffix) throw errors.suffixNotAllowed(service);
      const role: Entity = {
        ...keyOf(context, "role", suffix === undefined ? known.roleName : `${known.roleName}_${suffix}`),
        id: uniqueId("AROA", context.random),
        path: `${SERVICE_ROLE_PATH}${service}/`,
        createdAt: wholeSeconds(context.clock.now()),
        boundaryArn: undefined,
        description: input.Description,
        maxSessionSeconds: MAX_SESSION_SECONDS_DEFAULT,
        trustPolicy: trustOf(service),
      };
      const policy = policyArn({ accountId: AWS_OWNED, path: SERVICE_ROLE_PATH, name: known.policyName });
      if (!(await entities.create(role, [], policy))) throw errors.serviceRoleExists(role.name);
      return { Role: roleOutput(role) };
    },

    /** Nothing here uses such a role, so it is gone at once. */
    async DeleteServiceLinkedRole(input, context) {
      const key = keyOf(context, "role", input.RoleName);
      const role = await entityOf(deps, key);
      if (!role.path.startsWith(SERVICE_ROLE_PATH)) throw errors.notServiceLinked(role.name);
      if (!(await entities.deleteWhole(key))) throw errors.concurrentModification();
      return { DeletionTaskId: `task${role.path}${role.name}/${context.random.uuid()}` };
    },

    async GetServiceLinkedRoleDeletionStatus(input, context) {
      const task = input.DeletionTaskId ?? "";
      const role = TASK.exec(task)?.groups?.["role"];
      if (role === undefined || (await isThere(context, role))) throw errors.deletionTaskNotFound(task);
      return { Status: "SUCCEEDED" };
    },
  };

  async function isThere(context: RequestContext, role: string): Promise<boolean> {
    return (await entities.find(keyOf(context, "role", role))) !== undefined;
  }
}

function trustOf(service: string): string {
  return JSON.stringify({
    Version: "2012-10-17",
    Statement: [{ Effect: "Allow", Principal: { Service: service }, Action: "sts:AssumeRole" }],
  });
}
