import type { ContextEntry, EvaluationResult } from "@aws-sdk/client-iam";
import type { Operations, RequestContext } from "../../aws/service.ts";
import type { Principal } from "../../authorize/principal.ts";
import { contextKeysOf } from "../../authorize/context-keys.ts";
import { AWS_MANAGED } from "./aws-managed/index.ts";
import { type Deps, entityOf, findPolicy } from "./deps.ts";
import * as errors from "./errors.ts";
import { type Entity, type EntityKind, entityArn, parsePolicyArn } from "./model.ts";
import { parsePolicy } from "./policy-document.ts";
import { type SimulatedPolicy, simulateAction, type Simulation } from "./simulation.ts";

type SimulationOperations = Operations<typeof import("@aws-sdk/client-iam")>;

interface SimulationInput {
  readonly ActionNames?: readonly string[] | undefined;
  readonly ResourceArns?: readonly string[] | undefined;
  readonly ResourcePolicy?: string | undefined;
  readonly ResourceOwner?: string | undefined;
  readonly CallerArn?: string | undefined;
  readonly ContextEntries?: readonly ContextEntry[] | undefined;
  readonly PermissionsBoundaryPolicyInputList?: readonly string[] | undefined;
  readonly MaxItems?: number | undefined;
  readonly Marker?: string | undefined;
}

export function simulationOperations(deps: Deps): SimulationOperations {
  return {
    SimulateCustomPolicy(input, context) {
      const identity = given(input.PolicyInputList ?? [], "PolicyInputList");
      if (input.ResourcePolicy !== undefined && input.CallerArn === undefined) {
        throw errors.invalidInput("CallerArn is required when ResourcePolicy is specified.");
      }
      const principal = principalOf(input.CallerArn ?? `arn:aws:iam::${context.accountId}:user/simulated`);
      return page(
        simulate({ input, identity, boundary: boundaryIn(input), principal, isOfAccount: false }),
        input,
      );
    },

    async SimulatePrincipalPolicy(input, context) {
      const entity = await sourceOf(deps, context, input.PolicySourceArn ?? "");
      const own = await policiesOf(deps, entity);
      const identity = [...own, ...given(input.PolicyInputList ?? [], "PolicyInputList")];
      const sent = boundaryIn(input);
      const boundary = sent.length > 0 ? sent : await boundaryOf(deps, entity);
      const principal = principalOf(input.CallerArn ?? entityArn(entity));
      return page(simulate({ input, identity, boundary, principal, isOfAccount: true }), input);
    },

    GetContextKeysForCustomPolicy(input) {
      return { ContextKeyNames: keysOf(given(input.PolicyInputList ?? [], "PolicyInputList")) };
    },

    async GetContextKeysForPrincipalPolicy(input, context) {
      const own = await policiesOf(deps, await sourceOf(deps, context, input.PolicySourceArn ?? ""));
      return { ContextKeyNames: keysOf([...own, ...given(input.PolicyInputList ?? [], "PolicyInputList")]) };
    },
  };
}

/** Errors: InvalidInput for what is no policy. */
function given(texts: readonly string[], list: string): SimulatedPolicy[] {
  return texts.map((text, index) => {
    checkPolicy(text, `${list}.${index + 1}`);
    return { id: `${list}.${index + 1}`, text };
  });
}

function checkPolicy(text: string, name: string): void {
  try {
    parsePolicy(text, "identity");
  } catch (error) {
    throw errors.invalidInput(`Invalid Input Policy ${name}: ${error instanceof Error ? error.message : ""}`);
  }
}

function boundaryIn(input: SimulationInput): SimulatedPolicy[] {
  return given(input.PermissionsBoundaryPolicyInputList ?? [], "PermissionsBoundaryPolicyInputList");
}

function keysOf(policies: readonly SimulatedPolicy[]): string[] {
  const keys = policies.flatMap(({ text }) => contextKeysOf(JSON.parse(text)));
  return keys.filter(
    (key, index) => keys.findIndex((one) => one.toLowerCase() === key.toLowerCase()) === index,
  );
}

function simulate(
  parts: Pick<Simulation, "identity" | "boundary" | "principal" | "isOfAccount"> & { input: SimulationInput },
): EvaluationResult[] {
  const { input, ...rest } = parts;
  const resource =
    input.ResourcePolicy === undefined ? undefined : { id: "ResourcePolicy", text: input.ResourcePolicy };
  const entries = input.ContextEntries ?? [];
  const context = new Map(
    entries.map(
      (entry) => [(entry.ContextKeyName ?? "").toLowerCase(), entry.ContextKeyValues ?? []] as const,
    ),
  );
  const resourceAccount = input.ResourceOwner?.split(":")[4];
  const simulation: Simulation = { ...rest, resource, context, resourceAccount };
  const resources = input.ResourceArns ?? ["*"];
  return (input.ActionNames ?? []).map((action) => simulateAction(simulation, action, resources));
}

const PAGE_DEFAULT = 100;

/** Errors: ValidationError for a marker that is not ours. */
function page(
  results: EvaluationResult[],
  { Marker: marker, MaxItems: max = PAGE_DEFAULT }: SimulationInput,
): { EvaluationResults: EvaluationResult[]; IsTruncated: boolean; Marker?: string } {
  const from = marker === undefined ? 0 : Number(Buffer.from(marker, "base64url").toString("utf8"));
  if (!Number.isInteger(from)) throw errors.validationError("Invalid Marker.");
  const isTruncated = from + max < results.length;
  return {
    EvaluationResults: results.slice(from, from + max),
    IsTruncated: isTruncated,
    ...(isTruncated ? { Marker: Buffer.from(String(from + max)).toString("base64url") } : {}),
  };
}

function principalOf(arn: string): Principal {
  const accountId = arn.split(":")[4] ?? "";
  const isRole = arn.includes(":role/") || arn.includes(":assumed-role/");
  const kind = arn.endsWith(":root") ? "root" : isRole ? "role" : "user";
  return { kind, arn, accountId, userId: "", ...(isRole ? { roleArn: arn } : {}) };
}

const SOURCE = /^arn:aws:iam::(\d{12}):(user|group|role)\/(?:.*\/)?([\w+=,.@-]+)$/;

/** Errors: InvalidInput, NoSuchEntity. */
async function sourceOf(deps: Deps, context: RequestContext, arn: string): Promise<Entity> {
  const [, accountId = "", kind = "", name = ""] = SOURCE.exec(arn) ?? [];
  if (kind === "") throw errors.invalidInput("Invalid Entity Arn: " + arn);
  const entity = await entityOf(deps, { accountId: context.accountId, kind: kind as EntityKind, name });
  if (accountId !== context.accountId) throw errors.entityNotFound(entity.kind, name);
  return entity;
}

/** Inline policies, attached ones, and for a user those of its groups. */
async function policiesOf(deps: Deps, entity: Entity): Promise<SimulatedPolicy[]> {
  const inline = (await deps.entities.inlinePolicies(entity)).map(({ name, document }) => ({
    id: `${entity.kind}_${entity.name}_${name}`,
    text: document,
  }));
  const attached = await Promise.all(
    (await deps.entities.attachments(entity)).map((arn) => managed(deps, entity.accountId, arn)),
  );
  const groups = entity.kind === "user" ? await deps.entities.groupsOf(entity.accountId, entity.name) : [];
  const ofGroups = await Promise.all(groups.map((group) => policiesOf(deps, group)));
  return [...inline, ...attached.flat(), ...ofGroups.flat()];
}

async function boundaryOf(deps: Deps, entity: Entity): Promise<SimulatedPolicy[]> {
  return entity.boundaryArn === undefined ? [] : managed(deps, entity.accountId, entity.boundaryArn);
}

async function managed(deps: Deps, accountId: string, arn: string): Promise<SimulatedPolicy[]> {
  const { name: id } = parsePolicyArn(arn);
  const aws = AWS_MANAGED.get(arn);
  if (aws !== undefined) return [{ id, text: aws.document }];
  const policy = await findPolicy(deps, accountId, arn);
  const version = policy && (await deps.policies.version(policy, policy.defaultVersion));
  return version === undefined ? [] : [{ id, text: version.document }];
}
