/** Whether an AWS service may act as a role: the role is there, and its trust policy names the service. */
import { evaluate } from "../../authorize/evaluate.ts";
import { compilePolicy } from "../../authorize/policy.ts";
import type { AssumedRole } from "../../aws/service.ts";
import type { IamReader } from "../../services/index.ts";
import { accountOf } from "./needs.ts";

/** A role of another account, as a tutorial prints it, cannot be passed: how to come by one that can. */
export function ownRoleInstead(roleArn: string, accountId: string, by: string): string {
  const name = roleArn.slice(roleArn.lastIndexOf("/") + 1);
  return `AWS passes no role of another account; use arn:aws:iam::${accountId}:role/${name}, once it is there: ${creation(name, by)}`;
}

function creation(name: string, by: string): string {
  const trust = JSON.stringify({
    Version: "2012-10-17",
    Statement: [{ Effect: "Allow", Principal: { Service: by }, Action: "sts:AssumeRole" }],
  });
  return `aws iam create-role --role-name ${name} --assume-role-policy-document '${trust}'`;
}

/**
 * What stands in the way, as the next step for people; undefined when nothing does.
 * @param sourceArn what the service would act for (aws:SourceArn)
 */
export async function obstacleTo(
  { roleArn, by }: AssumedRole,
  reader: IamReader,
  sourceArn: string,
): Promise<string | undefined> {
  const accountId = accountOf(roleArn) ?? "";
  const name = roleArn.slice(roleArn.lastIndexOf("/") + 1);
  const statement = { Effect: "Allow", Principal: { Service: by }, Action: "sts:AssumeRole" };
  const role = await reader.role(accountId, name);
  if (role === undefined || role.arn !== roleArn) return `there is no ${roleArn}: ${creation(name, by)}`;
  const policy = compilePolicy(role.trustPolicy, roleArn);
  const keys = new Map([
    ["aws:sourcearn", [sourceArn]],
    ["aws:sourceaccount", [accountOf(sourceArn) ?? ""]],
  ]);
  const principal = { kind: "service", arn: by, accountId: "", userId: "" } as const;
  const resource = policy === undefined ? [] : [policy];
  const policies = { identity: [], boundary: undefined, session: [], resource, isTrust: true };
  const decision = evaluate(
    { principal, action: "sts:AssumeRole", resource: roleArn, keys },
    policies,
    accountId,
  );
  return decision.allowed ? undefined : `add to the trust policy of ${roleArn}: ${JSON.stringify(statement)}`;
}
