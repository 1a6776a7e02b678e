/**
 * What each operation asks of IAM. Operations that are left out ask for `lambda:<operation>` on `*`.
 * https://docs.aws.amazon.com/service-authorization/latest/reference/list_awslambda.html
 */
import type { AccessNeed, AccessRule, ServiceAccess } from "../../aws/service.ts";
import type { ServiceError } from "../../kernel/errors.ts";
import { partitionOf, type Scope } from "../../kernel/scope.ts";
import { invalidParameter } from "../../lambda/control/errors.ts";
import type { Tags } from "../../lambda/control/tags.ts";
import type { Permissions } from "../../lambda/control/permissions.ts";
import { functionArn, parseFunctionName } from "../../lambda/control/names.ts";

const SERVICE = "lambda.amazonaws.com";

type Input = Readonly<Record<string, unknown>>;

function text(input: Input, name: string): string | undefined {
  const value = input[name];
  return typeof value === "string" && value !== "" ? value : undefined;
}

const has = (input: Input, name: string): boolean => text(input, name) !== undefined;

/** The function as the request qualifies it: its policy and its ARN differ by qualifier. */
function functionOf(input: Input, scope: Scope): readonly string[] {
  const parsed = parseFunctionName(text(input, "FunctionName") ?? "");
  if (parsed === undefined) return [functionArn(scope, "*")];
  const owner = { accountId: parsed.accountId ?? scope.accountId, region: parsed.region ?? scope.region };
  return [functionArn(owner, parsed.name, text(input, "Qualifier") ?? parsed.qualifier)];
}

function layerOf(input: Input, scope: Scope): readonly string[] {
  const name = text(input, "LayerName") ?? "*";
  const arn = name.startsWith("arn:") ? name : lambdaArn(scope, `layer:${name}`);
  const version = input["VersionNumber"];
  return [version === undefined ? arn : `${arn}:${String(version)}`];
}

function lambdaArn(scope: Scope, resource: string): string {
  return `arn:${partitionOf(scope.region)}:lambda:${scope.region}:${scope.accountId}:${resource}`;
}

const FUNCTION: AccessRule = { resources: functionOf };
const INVOKE: AccessRule = { actions: () => ["lambda:InvokeFunction"], resources: functionOf };
const LAYER: AccessRule = { resources: layerOf };
const TAGGED: AccessRule = { resources: (input) => [text(input, "Resource") ?? "*"] };
const MAPPING: AccessRule = {
  resources: (input, scope) => [lambdaArn(scope, `event-source-mapping:${text(input, "UUID") ?? "*"}`)],
  conditions: functionKey,
};
const PERMISSION: AccessRule = {
  resources: functionOf,
  conditions: (input) => ({
    "lambda:Principal": text(input, "Principal"),
    "lambda:FunctionUrlAuthType": text(input, "FunctionUrlAuthType"),
  }),
};
const FUNCTION_URL: AccessRule = {
  resources: functionOf,
  conditions: (input) => ({ "lambda:FunctionUrlAuthType": text(input, "AuthType") }),
};
const CONFIGURED: AccessRule = {
  resources: functionOf,
  conditions: configurationKeys,
  also: handedOver,
  assumes(input) {
    const roleArn = text(input, "Role");
    if (roleArn === undefined) return undefined;
    const refusal = (hint: string): ServiceError =>
      invalidParameter("The role defined for the function cannot be assumed by Lambda.", hint);
    return { roleArn, by: SERVICE, refusal };
  },
};

/** However the function is named, policies compare its ARN. */
function functionKey(input: Input, scope: Scope): Readonly<Record<string, string | undefined>> {
  return { "lambda:FunctionArn": has(input, "FunctionName") ? functionOf(input, scope)[0] : undefined };
}

function configurationKeys(input: Input): Readonly<Record<string, string | readonly string[] | undefined>> {
  const vpc = (input["VpcConfig"] ?? {}) as Input;
  return {
    "lambda:Layer": listOf(input["Layers"]),
    "lambda:SubnetIds": listOf(vpc["SubnetIds"]),
    "lambda:SecurityGroupIds": listOf(vpc["SecurityGroupIds"]),
    "lambda:CodeSigningConfigArn": text(input, "CodeSigningConfigArn"),
  };
}

function listOf(value: unknown): readonly string[] | undefined {
  return Array.isArray(value) ? value.map(String) : undefined;
}

/** The role a function is to run as must be the caller's to give, and its layers the caller's to read. */
function handedOver(input: Input): readonly AccessNeed[] {
  const role = text(input, "Role");
  const layers = listOf(input["Layers"]) ?? [];
  const needs: AccessNeed[] = [];
  if (role !== undefined) {
    const conditions = { "iam:PassedToService": SERVICE };
    needs.push({ actions: ["iam:PassRole"], resources: [role], conditions });
  }
  if (layers.length > 0) needs.push({ actions: ["lambda:GetLayerVersion"], resources: layers });
  return needs;
}

function all(names: string, rule: AccessRule): Record<string, AccessRule> {
  return Object.fromEntries(names.split(/\s+/).map((name) => [name, rule]));
}

const RULES: Readonly<Record<string, AccessRule>> = {
  ...all(
    `CreateAlias DeleteAlias DeleteFunction DeleteFunctionCodeSigningConfig DeleteFunctionConcurrency
    DeleteFunctionEventInvokeConfig DeleteProvisionedConcurrencyConfig GetAlias GetFunction
    GetFunctionCodeSigningConfig GetFunctionConcurrency GetFunctionConfiguration
    GetFunctionEventInvokeConfig GetFunctionRecursionConfig GetFunctionScalingConfig GetPolicy
    GetProvisionedConcurrencyConfig GetRuntimeManagementConfig InvokeAsync ListAliases
    ListFunctionEventInvokeConfigs ListFunctionUrlConfigs ListProvisionedConcurrencyConfigs
    ListVersionsByFunction PublishVersion PutFunctionCodeSigningConfig PutFunctionConcurrency
    PutFunctionEventInvokeConfig PutFunctionRecursionConfig PutFunctionScalingConfig
    PutProvisionedConcurrencyConfig PutRuntimeManagementConfig UpdateAlias UpdateFunctionCode
    UpdateFunctionEventInvokeConfig`,
    FUNCTION,
  ),
  ...all("CreateFunction UpdateFunctionConfiguration", CONFIGURED),
  ...all("Invoke InvokeWithResponseStream", INVOKE),
  ...all("AddPermission RemovePermission", PERMISSION),
  ...all(
    "CreateFunctionUrlConfig DeleteFunctionUrlConfig GetFunctionUrlConfig UpdateFunctionUrlConfig",
    FUNCTION_URL,
  ),
  ...all(
    `AddLayerVersionPermission DeleteLayerVersion GetLayerVersion GetLayerVersionPolicy
    PublishLayerVersion RemoveLayerVersionPermission`,
    LAYER,
  ),
  GetLayerVersionByArn: {
    actions: () => ["lambda:GetLayerVersion"],
    resources: (input) => [text(input, "Arn") ?? "*"],
  },
  ...all("DeleteEventSourceMapping GetEventSourceMapping UpdateEventSourceMapping", MAPPING),
  CreateEventSourceMapping: { resources: () => ["*"], conditions: functionKey },
  ListEventSourceMappings: { resources: () => ["*"], conditions: functionKey },
  ...all("ListTags TagResource UntagResource", TAGGED),
};

export function lambdaAccess(permissions: Permissions, tags: Tags): ServiceAccess {
  return {
    prefix: "lambda",
    rules: RULES,
    resourcePolicy: (arn) => permissions.policyAt(arn),
    async resourceTags(arn) {
      const { accountId, region, name = "" } = parseFunctionName(arn) ?? {};
      if (accountId === undefined || region === undefined) return {};
      const scope = { accountId, region };
      // What does not exist has none.
      return Object.fromEntries(await tags.list(scope, functionArn(scope, name)).catch(() => []));
    },
  };
}
