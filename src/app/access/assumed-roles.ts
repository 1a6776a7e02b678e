/** Whether an AWS service may act as a role: the role is there, and its trust policy names the service. */
import { evaluate } from "../../authorize/evaluate.ts";
import { compilePolicy } from "../../authorize/policy.ts";
import type { AssumedRole } from "../../aws/service.ts";
import type { IamReader } from "../../services/index.ts";
import { accountOf } from "./needs.ts";

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
  if (role === undefined || role.arn !== roleArn) {
    const trust = JSON.stringify({ Version: "2012-10-17", Statement: [statement] });
    return `there is no ${roleArn}: aws iam create-role --role-name ${name} --assume-role-policy-document '${trust}'`;
  }
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
