/** https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazondynamodb.html */
import type { AccessRule, ServiceAccess } from "../../aws/service.ts";
import type { Scope } from "../../kernel/scope.ts";
import { tableArn } from "./table/model.ts";

type Input = Readonly<Record<string, unknown>>;

const text = (value: unknown): string | undefined =>
  typeof value === "string" && value !== "" ? value : undefined;
const record = (value: unknown): Input =>
  typeof value === "object" && value !== null ? (value as Input) : {};
const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

function arnOf(name: unknown, scope: Scope): string {
  const given = text(name);
  if (given === undefined) return "*";
  return given.startsWith("arn:") ? given : tableArn(scope, given);
}

const TABLE: AccessRule = { resources: (input, scope) => [arnOf(input["TableName"], scope)] };
const BY_ARN: AccessRule = { resources: (input) => [text(input["ResourceArn"]) ?? "*"] };

/** Queries of an index ask for the index. */
function tableOrIndex(input: Input, scope: Scope): string[] {
  const arn = arnOf(input["TableName"], scope);
  const index = text(input["IndexName"]);
  return [index === undefined ? arn : `${arn}/index/${index}`];
}

/** Partition keys, for `dynamodb:LeadingKeys`: scalars as text. */
function scalar(value: unknown): string | undefined {
  const { S: string, N: number, B: bytes } = record(value);
  if (bytes instanceof Uint8Array) return Buffer.from(bytes).toString("base64");
  return text(string) ?? text(number);
}

/**
 * The names of the key attributes are in the table, not in the input; a partition key is the first
 * member of a Key as clients write it, and of a Query the value that its condition sets equal.
 */
function firstOf(key: unknown): string[] {
  const [first] = Object.values(record(key));
  const value = scalar(first);
  return value === undefined ? [] : [value];
}

function leadingOfQuery(input: Input): string[] {
  const match = /=\s*(:[A-Za-z0-9_]+)/u.exec(text(input["KeyConditionExpression"]) ?? "");
  const value =
    match === null ? undefined : scalar(record(input["ExpressionAttributeValues"])[match[1] ?? ""]);
  return value === undefined ? [] : [value];
}

function conditions(leading: (input: Input) => readonly string[]): NonNullable<AccessRule["conditions"]> {
  return (input) => {
    const keys = leading(input);
    return {
      ...(keys.length === 0 ? {} : { "dynamodb:LeadingKeys": keys }),
      "dynamodb:ReturnValues": text(input["ReturnValues"]),
      "dynamodb:Select": text(input["Select"]),
      "dynamodb:ReturnConsumedCapacity": text(input["ReturnConsumedCapacity"]),
    };
  };
}

const KEYED: AccessRule = { ...TABLE, conditions: conditions((input) => firstOf(input["Key"])) };

const BATCH: AccessRule = {
  resources: (input, scope) => Object.keys(record(input["RequestItems"])).map((name) => arnOf(name, scope)),
  conditions: conditions((input) =>
    Object.values(record(input["RequestItems"])).flatMap((request) => [
      ...list(record(request)["Keys"]).flatMap(firstOf),
      ...list(request).flatMap((one) => firstOf(record(record(one)["DeleteRequest"])["Key"])),
    ]),
  ),
};

const ACTION_OF: Readonly<Record<string, string>> = {
  Get: "GetItem",
  Put: "PutItem",
  Update: "UpdateItem",
  Delete: "DeleteItem",
  ConditionCheck: "ConditionCheckItem",
};

/** Transactions ask for the actions of the single operations they are made of. */
const TRANSACTION: AccessRule = {
  actions: (input) => [
    ...new Set(
      list(input["TransactItems"])
        .flatMap((item) => Object.keys(record(item)))
        .flatMap((kind) => ACTION_OF[kind] ?? [])
        .map((action) => `dynamodb:${action}`),
    ),
  ],
  resources: (input, scope) => [
    ...new Set(
      list(input["TransactItems"])
        .flatMap((item) => Object.values(record(item)))
        .map((action) => arnOf(record(action)["TableName"], scope)),
    ),
  ],
  conditions: conditions((input) =>
    list(input["TransactItems"])
      .flatMap((item) => Object.values(record(item)))
      .flatMap((action) => firstOf(record(action)["Key"])),
  ),
};

const rules: Readonly<Record<string, AccessRule>> = {
  BatchGetItem: BATCH,
  BatchWriteItem: BATCH,
  CreateTable: TABLE,
  DeleteItem: KEYED,
  DeleteTable: TABLE,
  DescribeContinuousBackups: TABLE,
  DescribeContributorInsights: { resources: tableOrIndex },
  DescribeKinesisStreamingDestination: TABLE,
  DescribeTable: TABLE,
  DescribeTimeToLive: TABLE,
  DisableKinesisStreamingDestination: TABLE,
  EnableKinesisStreamingDestination: TABLE,
  GetItem: KEYED,
  ListTagsOfResource: BY_ARN,
  PutItem: { ...TABLE, conditions: conditions(() => []) },
  Query: { resources: tableOrIndex, conditions: conditions(leadingOfQuery) },
  Scan: { resources: tableOrIndex, conditions: conditions(() => []) },
  TagResource: BY_ARN,
  TransactGetItems: TRANSACTION,
  TransactWriteItems: TRANSACTION,
  UntagResource: BY_ARN,
  UpdateContinuousBackups: TABLE,
  UpdateItem: KEYED,
  UpdateKinesisStreamingDestination: TABLE,
  UpdateTable: TABLE,
  UpdateTimeToLive: TABLE,
};

export const access: ServiceAccess = { prefix: "dynamodb", rules };
