/** CreateTable's rules across fields, in AWS's order and words. Pure: input in, definition out. */
import { LIMITS } from "../../../kernel/limits.ts";
import type {
  AttributeDefinition,
  CreateGlobalSecondaryIndexAction,
  CreateTableInput,
  GlobalSecondaryIndex,
  KeySchemaElement,
  LocalSecondaryIndex,
  Projection as ProjectionInput,
  SSESpecification,
  StreamSpecification,
} from "@aws-sdk/client-dynamodb";
import type { Random } from "../../../kernel/random.ts";
import { partitionOf, type Scope } from "../../../kernel/scope.ts";
import { invalidParameters, notServed, validation } from "../errors.ts";
import { storeNumber } from "../numbers.ts";
import {
  keyNames,
  type BillingMode,
  type Encryption,
  type Index,
  type Keys,
  type Projection,
  type Table,
  type ViewType,
} from "./model.ts";
import { billingOf, throughputOf, withMaximum } from "./throughput.ts";

export interface CreateContext {
  readonly scope: Scope;
  readonly name: string;
  readonly nowMs: number;
  readonly random: Random;
}

/** Errors: ValidationException. The stream is not in it: it has rows of its own. */
export function newTable(input: CreateTableInput, context: CreateContext): Table {
  refuseUnserved(input);
  const attributes = attributesOf(input.AttributeDefinitions ?? []);
  const billing = billingOf(input.BillingMode, input.ProvisionedThroughput);
  refuseLongSchema(input.KeySchema ?? [], "keySchema");
  const keys = keysOf(input.KeySchema ?? []);
  refuseEmptyLists(input);
  const locals = (input.LocalSecondaryIndexes ?? []).map((index, at) => {
    refuseLongSchema(index.KeySchema ?? [], `localSecondaryIndexes.${String(at + 1)}.member.keySchema`);
    return localIndex(index, keys, context.random);
  });
  const globals = (input.GlobalSecondaryIndexes ?? []).map((index) =>
    globalIndex(index, billing, context.random),
  );
  const indexes = [...locals, ...globals];
  refuseIndexNumbers(indexes);
  refuseAttributes(attributes, keys, indexes);
  const encryption = encryptionOf(input.SSESpecification, context);
  const throughput = throughputOf(input.ProvisionedThroughput);
  return {
    no: storeNumber(context.random),
    version: 1,
    scope: { accountId: context.scope.accountId, region: context.scope.region },
    name: context.name,
    id: context.random.uuid(),
    status: "CREATING",
    createdAt: context.nowMs,
    attributes,
    keys,
    indexes,
    billing,
    billingSummary: billing === "PAY_PER_REQUEST",
    throughput,
    ...withMaximum(input.OnDemandThroughput, billing),
    ...(input.TableClass === undefined ? {} : { tableClass: input.TableClass }),
    deletionProtection: input.DeletionProtectionEnabled === true,
    ...(encryption === undefined ? {} : { encryption }),
  };
}

function refuseUnserved(input: CreateTableInput): void {
  for (const member of [
    "WarmThroughput",
    "ResourcePolicy",
    "GlobalTableSourceArn",
    "GlobalTableSettingsReplicationMode",
  ] as const) {
    if (input[member] !== undefined) throw notServed(member, "leave it out: nothing here would honour it");
  }
}

function attributesOf(definitions: readonly AttributeDefinition[]): Table["attributes"] {
  const names = definitions.map(({ AttributeName }) => AttributeName);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) {
    throw invalidParameters(`Duplicate AttributeName in AttributeDefinitions. AttributeName: ${twice}`);
  }
  return definitions.map(({ AttributeName, AttributeType }) => ({
    name: AttributeName ?? "",
    type: AttributeType ?? "S",
  }));
}

/** Errors: ValidationException. */
function keysOf(schema: readonly KeySchemaElement[]): Keys {
  const [first, second] = schema;
  if (first?.KeyType !== "HASH") {
    throw validation("Invalid KeySchema: The first KeySchemaElement is not a HASH key type");
  }
  const hash = first.AttributeName ?? "";
  if (second === undefined) return { hash };
  if (second.KeyType !== "RANGE") {
    throw validation("Invalid KeySchema: The second KeySchemaElement is not a RANGE key type");
  }
  const range = second.AttributeName ?? "";
  if (range === hash) {
    throw validation("Invalid KeySchema: Some index key attribute have no definition");
  }
  return { hash, range };
}

/** Global indexes may have more attributes on AWS. Errors: ValidationException. */
function refuseLongSchema(schema: readonly KeySchemaElement[], member: string): void {
  if (schema.length <= 2) return;
  const shown = schema.map(
    ({ AttributeName, KeyType }) =>
      `KeySchemaElement(attributeName=${AttributeName ?? ""}, keyType=${KeyType ?? ""})`,
  );
  throw validation(
    `1 validation error detected: Value '[${shown.join(", ")}]' at '${member}' failed to satisfy constraint: Member must have length less than or equal to 2`,
  );
}

function refuseEmptyLists(input: CreateTableInput): void {
  for (const member of ["LocalSecondaryIndexes", "GlobalSecondaryIndexes"] as const) {
    if (input[member]?.length === 0) throw invalidParameters(`List of ${member} is empty`);
  }
}

function localIndex(input: LocalSecondaryIndex, table: Keys, random: Random): Index {
  const name = input.IndexName ?? "";
  if (table.range === undefined) {
    throw invalidParameters(
      "Table KeySchema does not have a range key, which is required when specifying a LocalSecondaryIndex",
    );
  }
  const keys = keysOf(input.KeySchema ?? []);
  if (keys.range === undefined) {
    throw invalidParameters(`Index KeySchema does not have a range key for index: ${name}`);
  }
  if (keys.hash !== table.hash) {
    throw invalidParameters(
      `Index KeySchema does not have the same leading hash key as table KeySchema for index: ${name}. index hash key: ${keys.hash}, table hash key: ${table.hash}`,
    );
  }
  const projection = projectionOf(input.Projection);
  return {
    no: storeNumber(random),
    kind: "local",
    name,
    keys,
    projection,
    status: "ACTIVE",
    throughput: { read: 0, write: 0 },
  };
}

/** Errors: ValidationException. */
export function globalIndex(
  input: GlobalSecondaryIndex | CreateGlobalSecondaryIndexAction,
  billing: BillingMode,
  random: Random,
): Index {
  if (input.WarmThroughput !== undefined) {
    throw notServed("WarmThroughput of an index", "leave it out: nothing here would honour it");
  }
  if ((input.KeySchema?.length ?? 0) > 2) {
    throw notServed(
      "A KeySchema of more than two attributes",
      "concatenate the attributes into one, as tables did before indexes had several",
    );
  }
  const name = input.IndexName ?? "";
  const given = input.ProvisionedThroughput;
  if (billing === "PAY_PER_REQUEST" && given !== undefined) {
    throw invalidParameters(
      `ProvisionedThroughput should not be specified for index: ${name} when BillingMode is PAY_PER_REQUEST`,
    );
  }
  if (billing === "PROVISIONED" && given === undefined) {
    throw invalidParameters(`ProvisionedThroughput must be specified for index: ${name}`);
  }
  return {
    no: storeNumber(random),
    kind: "global",
    name,
    keys: keysOf(input.KeySchema ?? []),
    projection: projectionOf(input.Projection),
    status: "CREATING",
    throughput: throughputOf(given),
    ...withMaximum(input.OnDemandThroughput, billing),
  };
}

function projectionOf(input: ProjectionInput | undefined): Projection {
  const type = input?.ProjectionType;
  if (type === undefined) throw invalidParameters("Unknown ProjectionType: null");
  const include = input?.NonKeyAttributes;
  if (type === "INCLUDE") {
    if (include === undefined) {
      throw invalidParameters("ProjectionType is INCLUDE, but NonKeyAttributes is not specified");
    }
    return { type, include };
  }
  if (include !== undefined) {
    throw invalidParameters(`ProjectionType is ${type}, but NonKeyAttributes is specified`);
  }
  return { type };
}

/** Errors: ValidationException (LimitExceededException is UpdateTable's). */
export function refuseIndexNumbers(indexes: readonly Index[]): void {
  const names = indexes.map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw invalidParameters(`Duplicate index name: ${twice}`);
  const locals = indexes.filter(({ kind }) => kind === "local").length;
  if (locals > LIMITS.dynamodbLocalIndexes) {
    throw invalidParameters("Number of LocalSecondaryIndexes exceeds per-table limit of 5");
  }
  if (indexes.length - locals > LIMITS.dynamodbGlobalIndexes) {
    throw invalidParameters("GlobalSecondaryIndex count exceeds the per-table limit of 20");
  }
  const included = indexes.reduce((sum, { projection }) => sum + (projection.include?.length ?? 0), 0);
  if (included > LIMITS.dynamodbProjectedAttributes) {
    throw invalidParameters("Number of NonKeyAttributes exceeds per-table limit of 100");
  }
}

/** Every key attribute is defined, and every defined attribute is a key. Errors: ValidationException. */
export function refuseAttributes(
  attributes: Table["attributes"],
  keys: Keys,
  indexes: readonly Index[],
): void {
  const defined = attributes.map(({ name }) => name);
  const show = (names: Iterable<string>): string => `[${[...names].join(", ")}]`;
  const missing = (names: readonly string[]): boolean => names.some((name) => !defined.includes(name));
  if (missing(keyNames(keys))) {
    throw invalidParameters(
      `Some index key attributes are not defined in AttributeDefinitions. Keys: ${show(keyNames(keys))}, AttributeDefinitions: ${show(defined)}`,
    );
  }
  for (const index of indexes) {
    if (missing(keyNames(index.keys))) {
      throw invalidParameters(
        `Some index key attributes are not defined in AttributeDefinitions. Keys: ${show(keyNames(index.keys))}, AttributeDefinitions: ${show(defined)}`,
      );
    }
  }
  const used = new Set([...keyNames(keys), ...indexes.flatMap((index) => keyNames(index.keys))]);
  if (defined.every((name) => used.has(name))) return;
  throw invalidParameters(
    indexes.length === 0
      ? "Number of attributes in KeySchema does not exactly match number of attributes defined in AttributeDefinitions"
      : `Some AttributeDefinitions are not used. AttributeDefinitions: ${show(defined)}, keys used: ${show(used)}`,
  );
}

/** undefined: no stream. Errors: ValidationException. */
export function viewTypeOf(input: StreamSpecification | undefined): ViewType | undefined {
  if (input === undefined) return undefined;
  const view = input.StreamViewType;
  if (input.StreamEnabled !== true) {
    if (view !== undefined) {
      throw invalidParameters(
        "Table is being created with a stream disabled, UpdateViewType should not be specified",
      );
    }
    return undefined;
  }
  if (view === undefined) {
    throw invalidParameters("StreamViewType must be specified when StreamEnabled is true");
  }
  return view;
}

/**
 * The key AWS would make for the account is named; nothing is encrypted with it (see README.md).
 * Errors: ValidationException.
 */
export function encryptionOf(
  input: SSESpecification | undefined,
  { scope, random }: Pick<CreateContext, "scope" | "random">,
): Encryption | undefined {
  if (input?.Enabled !== true) {
    if (input?.SSEType !== undefined || input?.KMSMasterKeyId !== undefined) {
      throw invalidParameters("SSEType and KMSMasterKeyId can be specified only when Enabled is true");
    }
    return undefined;
  }
  if (input.SSEType === "AES256") {
    throw invalidParameters("SSEType AES256 is not supported");
  }
  const asked = input.KMSMasterKeyId;
  if (asked !== undefined) {
    throw notServed(
      "A KMSMasterKeyId of your own",
      "leave it out: SSESpecification Enabled=true alone names the account's key for DynamoDB",
    );
  }
  const prefix = `arn:${partitionOf(scope.region)}:kms:${scope.region}:${scope.accountId}:key/`;
  return { keyArn: prefix + random.uuid(), status: "ENABLED" };
}
