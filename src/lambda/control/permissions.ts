import { LIMITS } from "../../kernel/limits.ts";
import { ServiceError } from "../../kernel/errors.ts";
import { partitionOf, type Scope } from "../../kernel/scope.ts";
import type { ControlContext } from "./deps.ts";
import {
  functionNotFound,
  invalidParameter,
  preconditionFailed,
  resourceConflict,
  resourceNotFound,
} from "./errors.ts";
import {
  type FunctionTarget,
  functionArn,
  parseFunctionName,
  qualifierKind,
  targetArn,
  targetOf,
} from "./names.ts";
import { type FunctionRecord, LATEST, latestOf, type PolicyStatement, withEntry } from "./record.ts";

export interface AddPermissionSpec {
  readonly functionName: string;
  readonly qualifier?: string | undefined;
  readonly statementId: string;
  readonly action: string;
  readonly principal: string;
  readonly sourceArn?: string | undefined;
  readonly sourceAccount?: string | undefined;
  readonly eventSourceToken?: string | undefined;
  readonly principalOrgId?: string | undefined;
  readonly functionUrlAuthType?: string | undefined;
  readonly invokedViaFunctionUrl?: boolean | undefined;
  readonly revisionId?: string | undefined;
}

export interface Policy {
  readonly Version: "2012-10-17";
  readonly Id: "default";
  readonly Statement: readonly PolicyStatement[];
}

export interface Permissions {
  /** The statement that was added. */
  add(scope: Scope, spec: AddPermissionSpec): Promise<PolicyStatement>;
  remove(
    scope: Scope,
    functionName: string,
    qualifier: string | undefined,
    statementId: string,
    revisionId: string | undefined,
  ): Promise<void>;
  get(
    scope: Scope,
    functionName: string,
    qualifier: string | undefined,
  ): Promise<{ policy: Policy; revisionId: string }>;
  /**
   * For the policy evaluator: the policy of a function's, version's or alias's ARN as JSON text. That
   * of `$LATEST` is the function's own. At once when the function is in memory.
   */
  policyAt(arn: string): string | undefined | Promise<string | undefined>;
}

/** The statement AddPermission writes; key order is AWS's, for those who compare text. */
export function statementOf(spec: AddPermissionSpec, resource: string, region: string): PolicyStatement {
  const conditions: Record<string, Record<string, string>> = {};
  const condition = (operator: string, key: string, value: string | undefined): void => {
    if (value === undefined) return;
    (conditions[operator] ??= {})[key] = value;
  };
  condition("StringEquals", "AWS:SourceAccount", spec.sourceAccount);
  condition("StringEquals", "lambda:EventSourceToken", spec.eventSourceToken);
  condition("StringEquals", "aws:PrincipalOrgID", spec.principalOrgId);
  condition("StringEquals", "lambda:FunctionUrlAuthType", spec.functionUrlAuthType);
  condition("Bool", "lambda:InvokedViaFunctionUrl", spec.invokedViaFunctionUrl?.toString());
  condition("ArnLike", "AWS:SourceArn", spec.sourceArn);
  return {
    Sid: spec.statementId,
    Effect: "Allow",
    Principal: principalOf(spec.principal, region),
    Action: spec.action,
    Resource: resource,
    ...(Object.keys(conditions).length === 0 ? {} : { Condition: conditions }),
  };
}

const SERVICE_PRINCIPAL =
  /^[a-zA-Z0-9-]+(\.[a-zA-Z0-9-]+)*\.(amazonaws\.com(\.cn)?|amazon\.com|aws\.internal)$/;

/** Errors: InvalidParameterValueException for what can be no principal. */
export function principalOf(principal: string, region: string): PolicyStatement["Principal"] {
  if (principal === "*") return "*";
  if (/^\d{12}$/.test(principal)) return { AWS: `arn:${partitionOf(region)}:iam::${principal}:root` };
  if (/^arn:aws[a-zA-Z-]*:(iam|sts)::(\d{12}):.+$/.test(principal)) return { AWS: principal };
  if (SERVICE_PRINCIPAL.test(principal)) return { Service: principal };
  throw invalidParameter("The provided principal was invalid. Please check the principal and try again.");
}

export function permissionsOf(context: ControlContext): Permissions {
  const { store, random } = context;

  return {
    async add(scope, spec) {
      const target = targetOf(scope, spec.functionName, spec.qualifier);
      refuseLatest(target);
      if (spec.functionUrlAuthType !== undefined && spec.action !== "lambda:InvokeFunctionUrl") {
        throw invalidParameter("FunctionUrlAuthType is only supported for lambda:InvokeFunctionUrl action");
      }
      const statement = statementOf(spec, targetArn(target), target.scope.region);
      const record = await store.change(target.scope, target.name, (current) => {
        checkQualifier(current, target);
        checkRevision(current, target, spec.revisionId);
        const statements = statementsAt(current, target) ?? [];
        if (statements.some((existing) => existing.Sid === spec.statementId)) {
          throw resourceConflict(
            `The statement id (${spec.statementId}) provided already exists. Please provide a new statement id, or remove the existing statement.`,
          );
        }
        const next = [...statements, statement];
        const size = Buffer.byteLength(JSON.stringify(policyOf(next)));
        if (size > LIMITS.resourcePolicyBytes) throw policyTooLong(size);
        return withPolicy(current, target, next);
      });
      if (record === undefined) throw functionNotFound(targetArn(target));
      return statement;
    },

    async remove(scope, functionName, qualifier, statementId, revisionId) {
      const target = targetOf(scope, functionName, qualifier);
      const record = await store.change(target.scope, target.name, (current) => {
        checkQualifier(current, target);
        const statements = statementsAt(current, target);
        if (statements === undefined) {
          throw resourceNotFound("No policy is associated with the given resource.");
        }
        if (!statements.some((statement) => statement.Sid === statementId)) {
          throw resourceNotFound(`Statement ${statementId} is not found in resource policy.`);
        }
        checkRevision(current, target, revisionId);
        return withPolicy(
          current,
          target,
          statements.filter((statement) => statement.Sid !== statementId),
        );
      });
      if (record === undefined) throw functionNotFound(targetArn(target));
    },

    async get(scope, functionName, qualifier) {
      const target = targetOf(scope, functionName, qualifier);
      const record = await store.load(target.scope, target.name);
      if (record === undefined) throw functionNotFound(targetArn(target));
      checkQualifier(record, target);
      const statements = statementsAt(record, target);
      if (statements === undefined) throw resourceNotFound("The resource you requested does not exist.");
      return { policy: policyOf(statements), revisionId: revisionAt(record, target) };
    },

    policyAt(arn) {
      const parsed = parseFunctionName(arn);
      if (parsed?.accountId === undefined || parsed.region === undefined) return undefined;
      const scope = { accountId: parsed.accountId, region: parsed.region };
      const text = (record: FunctionRecord | undefined): string | undefined =>
        record === undefined ? undefined : policyText(record, parsed.qualifier, arn);
      const record = store.cached(scope, parsed.name);
      return record === undefined ? store.load(scope, parsed.name).then(text) : text(record);
    },
  };

  /** The policy's RevisionId is its function's, version's or alias's, and moves with it. */
  function withPolicy(
    record: FunctionRecord,
    target: FunctionTarget,
    statements: readonly PolicyStatement[],
  ): FunctionRecord {
    const revisionId = random.uuid();
    const policies = withEntry(
      record.policies,
      target.qualifier ?? "",
      statements.length === 0 ? undefined : statements,
    );
    const alias = target.qualifier === undefined ? undefined : record.aliases.get(target.qualifier);
    if (alias !== undefined) {
      return {
        ...record,
        policies,
        aliases: withEntry(record.aliases, alias.name, { ...alias, revisionId }),
      };
    }
    const key = target.qualifier ?? LATEST;
    const version = record.versions.get(key) ?? latestOf(record);
    return { ...record, policies, versions: withEntry(record.versions, key, { ...version, revisionId }) };
  }
}

const texts = new WeakMap<readonly PolicyStatement[], string>();

function policyText(record: FunctionRecord, qualifier: string | undefined, arn: string): string | undefined {
  const statements = record.policies.get(qualifier === undefined || qualifier === LATEST ? "" : qualifier);
  if (statements === undefined) return undefined;
  if (qualifier === LATEST) {
    return JSON.stringify(policyOf(statements.map((statement) => ({ ...statement, Resource: arn }))));
  }
  let text = texts.get(statements);
  if (text === undefined) texts.set(statements, (text = JSON.stringify(policyOf(statements))));
  return text;
}

function policyOf(statements: readonly PolicyStatement[]): Policy {
  return { Version: "2012-10-17", Id: "default", Statement: statements };
}

function statementsAt(
  record: FunctionRecord,
  target: FunctionTarget,
): readonly PolicyStatement[] | undefined {
  return record.policies.get(target.qualifier ?? "");
}

function revisionAt(record: FunctionRecord, target: FunctionTarget): string {
  const alias = target.qualifier === undefined ? undefined : record.aliases.get(target.qualifier);
  if (alias !== undefined) return alias.revisionId;
  return (record.versions.get(target.qualifier ?? LATEST) ?? latestOf(record)).revisionId;
}

function checkRevision(record: FunctionRecord, target: FunctionTarget, revisionId: string | undefined): void {
  if (revisionId !== undefined && revisionId !== revisionAt(record, target)) {
    throw preconditionFailed("GetPolicy");
  }
}

function refuseLatest(target: FunctionTarget): void {
  if (target.qualifier === LATEST) {
    throw invalidParameter(
      "We currently do not support adding policies for $LATEST.",
      "Leave the qualifier out: the policy is then the function's own.",
    );
  }
}

/** Errors: ResourceNotFoundException in the words for a version or for an alias. */
function checkQualifier(record: FunctionRecord, target: FunctionTarget): void {
  const { qualifier } = target;
  if (qualifier === undefined || record.versions.has(qualifier) || record.aliases.has(qualifier)) return;
  const arn = functionArn(record.scope, record.name, qualifier);
  if (qualifierKind(qualifier) === "alias") throw resourceNotFound(`Cannot find alias arn: ${arn}`);
  throw functionNotFound(arn);
}

function policyTooLong(size: number): ServiceError {
  return new ServiceError(
    "PolicyLengthExceededException",
    400,
    `The final policy size (${size}) is bigger than the limit (${LIMITS.resourcePolicyBytes}).`,
    { members: { Type: "User" } },
  );
}
