/** UpdateTable's rules. Pure: definition and input in, what becomes of the definition out. */
import type { GlobalSecondaryIndexUpdate, UpdateTableInput } from "@aws-sdk/client-dynamodb";
import type { Random } from "../../../kernel/random.ts";
import type { Statement } from "../../../ports/database.ts";
import {
  invalidParameters,
  limitExceeded,
  notServed,
  resourceNotFound,
  tableInUse,
  validation,
} from "../errors.ts";
import { insertCounts } from "../store.ts";
import { closeStream, openStream } from "../stream/streams.ts";
import { encryptionOf, globalIndex, refuseAttributes, refuseIndexNumbers, viewTypeOf } from "./create.ts";
import { decreasesToday, type BillingMode, type Index, type Table, type Throughput } from "./model.ts";
import type { TableChange } from "./tables.ts";
import { billingOf, throughputOf, withMaximum } from "./throughput.ts";

export interface UpdateContext {
  readonly nowMs: number;
  readonly random: Random;
}

type Changes = { -readonly [K in keyof Table]?: Table[K] | undefined };

const HONOURED = [
  "ProvisionedThroughput",
  "OnDemandThroughput",
  "BillingMode",
  "GlobalSecondaryIndexUpdates",
  "StreamSpecification",
  "SSESpecification",
  "TableClass",
  "DeletionProtectionEnabled",
] as const;

/** Errors: ValidationException, ResourceInUseException, LimitExceededException. */
export function updatedTable(table: Table, input: UpdateTableInput, context: UpdateContext): TableChange {
  refuseUnserved(input);
  if (HONOURED.every((member) => isAbsent(input[member]))) {
    throw validation(
      "At least one of ProvisionedThroughput, BillingMode, UpdateStreamEnabled, GlobalSecondaryIndexUpdates or SSESpecification or ReplicaUpdates is required",
    );
  }
  if (table.status === "CREATING") throw tableInUse(table.name, "created");
  if (table.status === "DELETING") throw tableInUse(table.name, "deleted");
  if (table.status === "UPDATING") throw tableInUse(table.name, "updated");
  const changes: Changes = {};
  const rows: Statement[] = [];
  const billing = updateBilling(table, input, context, changes);
  updateMaximum(table, input, billing, changes);
  updateIndexes(table, input, billing, context, { changes, rows });
  updateStream(table, input, context, { changes, rows });
  updateSettings(table, input, context, changes);
  // Protection is switched at once; everything else is seen under way.
  const isQuiet = Object.keys(changes).every((name) => name === "deletionProtection");
  return { changes: { ...(changes as Partial<Table>), ...(isQuiet ? {} : { status: "UPDATING" }) }, rows };
}

/** An empty list asks for nothing. */
function isAbsent(value: unknown): boolean {
  return value === undefined || (Array.isArray(value) && value.length === 0);
}

function refuseUnserved(input: UpdateTableInput): void {
  for (const member of [
    "ReplicaUpdates",
    "MultiRegionConsistency",
    "GlobalTableWitnessUpdates",
    "GlobalTableSettingsReplicationMode",
    "WarmThroughput",
  ] as const) {
    if (input[member] !== undefined)
      throw notServed(member, "there are no global tables here, and nothing to warm");
  }
}

function updateBilling(
  table: Table,
  input: UpdateTableInput,
  { nowMs }: UpdateContext,
  changes: Changes,
): BillingMode {
  const given = input.ProvisionedThroughput;
  if (input.BillingMode === undefined) {
    if (given === undefined) return table.billing;
    if (table.billing === "PAY_PER_REQUEST") {
      throw invalidParameters(
        "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST",
      );
    }
  }
  const billing = billingOf(input.BillingMode ?? table.billing, given);
  if (given !== undefined) {
    const asked = throughputOf(given);
    const isSame = asked.read === table.throughput.read && asked.write === table.throughput.write;
    if (isSame && billing === table.billing && input.GlobalSecondaryIndexUpdates === undefined) {
      throw validation(
        `The provisioned throughput for the table will not change. The requested value equals the current value. Current ReadCapacityUnits provisioned for the table: ${String(asked.read)}. Requested ReadCapacityUnits: ${String(asked.read)}. Current WriteCapacityUnits provisioned for the table: ${String(asked.write)}. Requested WriteCapacityUnits: ${String(asked.write)}. Refer to the Amazon DynamoDB Developer Guide for current limits and how to request higher limits.`,
      );
    }
    changes.throughput = changedThroughput(table.throughput, asked, nowMs);
  }
  if (billing === table.billing) return billing;
  changes.billing = billing;
  changes.billingSummary = true;
  if (billing === "PAY_PER_REQUEST") {
    changes.throughput = { read: 0, write: 0 };
    changes.payPerRequestAt = nowMs;
    changes.indexes = table.indexes.map((index) => ({ ...index, throughput: { read: 0, write: 0 } }));
  } else {
    const updated = new Set((input.GlobalSecondaryIndexUpdates ?? []).map(({ Update }) => Update?.IndexName));
    const lacking = table.indexes.find(({ kind, name }) => kind === "global" && !updated.has(name));
    if (lacking !== undefined) {
      throw invalidParameters(`ProvisionedThroughput must be specified for index: ${lacking.name}`);
    }
  }
  return billing;
}

/** Provisioned throughput has no maximum beside it. */
function updateMaximum(table: Table, input: UpdateTableInput, billing: BillingMode, changes: Changes): void {
  const { maximum } = withMaximum(input.OnDemandThroughput, billing, table.maximum);
  if (input.OnDemandThroughput !== undefined) changes.maximum = maximum;
  if (billing === table.billing || billing === "PAY_PER_REQUEST") return;
  changes.maximum = undefined;
  changes.indexes = table.indexes.map(({ maximum: _gone, ...index }) => index);
}

function changedThroughput(before: Throughput, asked: Throughput, nowMs: number): Throughput {
  const isMore = asked.read > before.read || asked.write > before.write;
  const isLess = asked.read < before.read || asked.write < before.write;
  return {
    ...before,
    ...asked,
    ...(isMore ? { increasedAt: nowMs } : {}),
    ...(isLess ? { decreasedAt: nowMs, decreases: decreasesToday(before, nowMs) + 1 } : {}),
  };
}

interface Drafts {
  readonly changes: Changes;
  readonly rows: Statement[];
}

function updateIndexes(
  table: Table,
  input: UpdateTableInput,
  billing: BillingMode,
  context: UpdateContext,
  { changes, rows }: Drafts,
): void {
  const updates = input.GlobalSecondaryIndexUpdates;
  if (updates === undefined || updates.length === 0) return;
  refuseRepeated(updates);
  const births = updates.filter(({ Create, Delete }) => Create !== undefined || Delete !== undefined);
  if (births.length > 1) {
    throw limitExceeded("Only 1 online index can be created or deleted simultaneously per table");
  }
  let indexes = [...(changes.indexes ?? table.indexes)];
  for (const update of updates) indexes = oneIndex(table, indexes, update, billing, context);
  refuseIndexNumbers(indexes);
  const definitions = new Map(table.attributes.map((attribute) => [attribute.name, attribute]));
  for (const { AttributeName = "", AttributeType = "S" } of input.AttributeDefinitions ?? []) {
    const known = definitions.get(AttributeName);
    if (known !== undefined && known.type !== AttributeType) {
      throw invalidParameters(
        `Cannot change the type of attribute ${AttributeName} from ${known.type} to ${AttributeType}`,
      );
    }
    definitions.set(AttributeName, { name: AttributeName, type: AttributeType });
  }
  const living = indexes.filter(({ status }) => status !== "DELETING");
  const used = new Set(
    [table.keys, ...living.map(({ keys }) => keys)].flatMap(({ hash, range }) => [hash, range]),
  );
  const isDeletion = updates.some(({ Delete }) => Delete !== undefined);
  const attributes = [...definitions.values()].filter(({ name }) => !isDeletion || used.has(name));
  refuseAttributes(attributes, table.keys, living);
  changes.indexes = indexes;
  changes.attributes = attributes;
  const known = new Set(table.indexes.map(({ no }) => no));
  for (const { no } of indexes) if (!known.has(no)) rows.push(insertCounts(no));
}

/** Errors: ValidationException for updates that say nothing, or two things of one index. */
function refuseRepeated(updates: readonly GlobalSecondaryIndexUpdate[]): void {
  const names = updates.map(({ Create, Delete, Update }) => {
    const asked = Create ?? Delete ?? Update;
    if (asked === undefined) {
      throw invalidParameters(
        "One of GlobalSecondaryIndexUpdate.Update, GlobalSecondaryIndexUpdate.Create, GlobalSecondaryIndexUpdate.Delete must not be null",
      );
    }
    return asked.IndexName ?? "";
  });
  const twice = names.find((name, at) => names.indexOf(name) !== at);
  if (twice === undefined) return;
  throw invalidParameters(
    `Only one global secondary index update per index is allowed simultaneously. Index: ${twice}`,
  );
}

function oneIndex(
  table: Table,
  indexes: readonly Index[],
  update: GlobalSecondaryIndexUpdate,
  billing: BillingMode,
  { nowMs, random }: UpdateContext,
): Index[] {
  const { Create, Delete, Update } = update;
  if (Create !== undefined) {
    if (indexes.some(({ name }) => name === Create.IndexName)) {
      throw validation(`Attempting to create an index which already exists: ${Create.IndexName ?? ""}`);
    }
    return [...indexes, { ...globalIndex(Create, billing, random), backfilling: true }];
  }
  const asked = Delete?.IndexName ?? Update?.IndexName ?? "";
  const found = indexes.find(({ kind, name }) => kind === "global" && name === asked);
  if (found === undefined) throw missingIndex(asked);
  if (Delete !== undefined) {
    return indexes.map((index) => (index === found ? { ...index, status: "DELETING" } : index));
  }
  if (Update?.WarmThroughput !== undefined) {
    throw notServed("WarmThroughput of an index", "leave it out: nothing here would honour it");
  }
  if (Update?.OnDemandThroughput !== undefined) {
    const { maximum: before, ...rest } = found;
    const maximum = withMaximum(Update.OnDemandThroughput, billing, before);
    return indexes.map((index) => (index === found ? { ...rest, ...maximum, status: "UPDATING" } : index));
  }
  if (billing === "PAY_PER_REQUEST") {
    throw invalidParameters(
      `ProvisionedThroughput should not be specified for index: ${asked} when BillingMode is PAY_PER_REQUEST`,
    );
  }
  const throughput = changedThroughput(found.throughput, throughputOf(Update?.ProvisionedThroughput), nowMs);
  return indexes.map((index) => (index === found ? { ...index, status: "UPDATING", throughput } : index));

  function missingIndex(name: string): Error {
    const error = resourceNotFound(`table ${table.name} has no global index ${name}`);
    error.message = `Requested resource not found: Index: ${name} not found`;
    return error;
  }
}

function updateStream(
  table: Table,
  input: UpdateTableInput,
  { nowMs, random }: UpdateContext,
  { changes, rows }: Drafts,
): void {
  if (input.StreamSpecification === undefined) return;
  const viewType = viewTypeOf(input.StreamSpecification);
  const isOn = table.stream?.enabled === true;
  if (viewType !== undefined) {
    if (isOn) throw validation(`Table already has an enabled stream: TableName: ${table.name}`);
    const opened = openStream(table, viewType, nowMs, random);
    changes.stream = opened.stream;
    rows.push(...opened.rows);
    return;
  }
  if (!isOn || table.stream === undefined) {
    throw validation(`Table does not have an enabled stream: TableName: ${table.name}`);
  }
  changes.stream = { ...table.stream, enabled: false };
  rows.push(closeStream(table.stream, nowMs));
}

function updateSettings(
  table: Table,
  input: UpdateTableInput,
  context: UpdateContext,
  changes: Changes,
): void {
  const {
    SSESpecification: encryption,
    TableClass: tableClass,
    DeletionProtectionEnabled: isProtected,
  } = input;
  if (encryption !== undefined) {
    if (encryption.Enabled === true) {
      changes.encryption =
        table.encryption ?? encryptionOf(encryption, { scope: table.scope, random: context.random });
    } else if (table.encryption !== undefined)
      changes.encryption = { ...table.encryption, status: "UPDATING" };
    else {
      throw invalidParameters("Table is already encrypted by default");
    }
  }
  if (tableClass !== undefined) {
    changes.tableClass = tableClass;
    changes.tableClassAt = context.nowMs;
  }
  if (isProtected !== undefined) changes.deletionProtection = isProtected;
}
