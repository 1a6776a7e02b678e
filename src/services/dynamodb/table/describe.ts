/** TableDescription: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TableDescription.html */
import type {
  GlobalSecondaryIndexDescription,
  KeySchemaElement,
  LocalSecondaryIndexDescription,
  OnDemandThroughput,
  Projection as ProjectionOutput,
  ProvisionedThroughputDescription,
  TableDescription,
} from "@aws-sdk/client-dynamodb";
import type { Counts } from "../store.ts";
import {
  decreasesToday,
  streamArn,
  tableArn,
  type Index,
  type Keys,
  type Maximum,
  type Projection,
  type Table,
  type Throughput,
} from "./model.ts";

/** By number of table and index. */
export type CountsOf = (no: number) => Counts;

/** What a new on-demand table can take at once. */
const ON_DEMAND_WARM = { ReadUnitsPerSecond: 12_000, WriteUnitsPerSecond: 4000 } as const;

export interface Telling {
  readonly counts: CountsOf;
  /** DescribeTable tells of warm throughput, answers to changes do not. */
  readonly isDescribe: boolean;
  readonly nowMs: number;
}

export function describeTable(table: Table, telling: Telling): TableDescription {
  const { counts, isDescribe, nowMs } = telling;
  const { items, bytes } = counts(table.no);
  const locals = table.indexes.filter(({ kind }) => kind === "local");
  const globals = table.indexes.filter(({ kind }) => kind === "global");
  const { stream, encryption } = table;
  return {
    AttributeDefinitions: table.attributes.map(({ name, type }) => ({
      AttributeName: name,
      AttributeType: type,
    })),
    TableName: table.name,
    KeySchema: keySchema(table.keys),
    TableStatus: table.status,
    CreationDateTime: new Date(table.createdAt),
    ProvisionedThroughput: throughput(table.throughput, nowMs),
    ...onDemand(table.maximum),
    TableSizeBytes: bytes,
    ItemCount: items,
    TableArn: tableArn(table.scope, table.name),
    TableId: table.id,
    ...(table.billingSummary ? { BillingModeSummary: billingSummary(table) } : {}),
    ...(locals.length === 0
      ? {}
      : { LocalSecondaryIndexes: locals.map((index) => localDescription(table, index, counts)) }),
    ...(globals.length === 0
      ? {}
      : {
          GlobalSecondaryIndexes: globals.map((index) => globalDescription(table, index, telling)),
        }),
    ...(stream?.enabled === true
      ? { StreamSpecification: { StreamEnabled: true, StreamViewType: stream.viewType } }
      : {}),
    ...(stream === undefined
      ? {}
      : {
          LatestStreamLabel: stream.label,
          LatestStreamArn: streamArn(table.scope, table.name, stream.label),
        }),
    ...(encryption === undefined
      ? {}
      : {
          SSEDescription: { Status: encryption.status, SSEType: "KMS", KMSMasterKeyArn: encryption.keyArn },
        }),
    ...(table.tableClass === undefined
      ? {}
      : {
          TableClassSummary: {
            TableClass: table.tableClass,
            ...(table.tableClassAt === undefined ? {} : { LastUpdateDateTime: new Date(table.tableClassAt) }),
          },
        }),
    DeletionProtectionEnabled: table.deletionProtection,
    ...(isDescribe ? { WarmThroughput: warm(table, table.throughput) } : {}),
  };
}

export function keySchema({ hash, range }: Keys): KeySchemaElement[] {
  return [
    { AttributeName: hash, KeyType: "HASH" },
    ...(range === undefined ? [] : [{ AttributeName: range, KeyType: "RANGE" } as const]),
  ];
}

function throughput(given: Throughput, nowMs: number): ProvisionedThroughputDescription {
  const { read, write, increasedAt, decreasedAt } = given;
  return {
    NumberOfDecreasesToday: decreasesToday(given, nowMs),
    ReadCapacityUnits: read,
    WriteCapacityUnits: write,
    ...(increasedAt === undefined ? {} : { LastIncreaseDateTime: new Date(increasedAt) }),
    ...(decreasedAt === undefined ? {} : { LastDecreaseDateTime: new Date(decreasedAt) }),
  };
}

function onDemand(maximum: Maximum | undefined): { OnDemandThroughput?: OnDemandThroughput } {
  if (maximum === undefined) return {};
  const { read = -1, write = -1 } = maximum;
  return { OnDemandThroughput: { MaxReadRequestUnits: read, MaxWriteRequestUnits: write } };
}

function billingSummary({
  billing,
  payPerRequestAt,
}: Table): NonNullable<TableDescription["BillingModeSummary"]> {
  return {
    BillingMode: billing,
    ...(payPerRequestAt === undefined
      ? {}
      : { LastUpdateToPayPerRequestDateTime: new Date(payPerRequestAt) }),
  };
}

interface Warm {
  readonly ReadUnitsPerSecond: number;
  readonly WriteUnitsPerSecond: number;
  readonly Status: "ACTIVE" | "UPDATING";
}

function warm({ billing, status }: Table, { read, write }: Throughput): Warm {
  const figures =
    billing === "PAY_PER_REQUEST" ? ON_DEMAND_WARM : { ReadUnitsPerSecond: read, WriteUnitsPerSecond: write };
  return { ...figures, Status: status === "ACTIVE" ? "ACTIVE" : "UPDATING" };
}

function projection({ type, include }: Projection): ProjectionOutput {
  return { ProjectionType: type, ...(include === undefined ? {} : { NonKeyAttributes: [...include] }) };
}

function localDescription(table: Table, index: Index, counts: CountsOf): LocalSecondaryIndexDescription {
  const { items, bytes } = counts(index.no);
  return {
    IndexName: index.name,
    KeySchema: keySchema(index.keys),
    Projection: projection(index.projection),
    IndexSizeBytes: bytes,
    ItemCount: items,
    IndexArn: `${tableArn(table.scope, table.name)}/index/${index.name}`,
  };
}

function globalDescription(
  table: Table,
  index: Index,
  { counts, isDescribe, nowMs }: Telling,
): GlobalSecondaryIndexDescription {
  return {
    ...localDescription(table, index, counts),
    IndexStatus: index.status,
    ...(index.backfilling === undefined ? {} : { Backfilling: index.backfilling }),
    ProvisionedThroughput: throughput(index.throughput, nowMs),
    ...onDemand(index.maximum),
    ...(isDescribe ? { WarmThroughput: warm(table, index.throughput) } : {}),
  };
}
