/** https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazondynamodb.html */
import type { AccessNeed, AccessRule, ServiceAccess } from "../../aws/service.ts";
import { arnParts } from "../../kernel/arn.ts";
import type { Scope } from "../../kernel/scope.ts";
import { tokenize } from "./expression/tokens.ts";
import { tableArn, tableNameOf } from "./table/model.ts";

type Input = Readonly<Record<string, unknown>>;

export interface AccessDeps {
  /**
   * Names that the partition keys of tables of this name have, or of an index as `TABLE/index/INDEX`; rules
   * are pure and see no table.
   */
  readonly hashNames: (name: string) => readonly string[];
  /** None where there is no such table. */
  readonly tagsOf: (scope: Scope, table: string) => Promise<Readonly<Record<string, string>>>;
}

const text = (value: unknown): string | undefined =>
  typeof value === "string" && value !== "" ? value : undefined;
const record = (value: unknown): Input =>
  typeof value === "object" && value !== null ? (value as Input) : {};
const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

function arnOf(name: unknown, scope: Scope): string {
  const given = text(name);
  if (given === undefined) return "*";
  // As the operation reads it: what follows the table's name in an ARN is no other resource.
  const table = tableNameOf(scope, given);
  return table === undefined ? given : tableArn(scope, table);
}

const nameOf = (table: unknown): string => (text(table) ?? "").replace(/^arn:.*:table\//u, "");

/** Queries of an index ask for the index. */
function tableOrIndex(input: Input, scope: Scope): string[] {
  const arn = arnOf(input["TableName"], scope);
  const index = text(input["IndexName"]);
  return [index === undefined ? arn : `${arn}/index/${index}`];
}

/** Strings and numbers as they are, binaries in base64: what policies compare with. */
function scalar(value: unknown): string[] {
  const { S: string, N: number, B: bytes } = record(value);
  if (bytes instanceof Uint8Array) return [Buffer.from(bytes).toString("base64")];
  return typeof string === "string" ? [string] : typeof number === "string" ? [number] : [];
}

/**
 * `dynamodb:LeadingKeys`. Where it is not known which attribute is the partition key, every value counts
 * as one: a policy that lists the allowed ones may then refuse too much, never too little.
 */
function leadingKeys(hashes: readonly string[], key: unknown): string[] {
  const attributes = record(key);
  const [hash] = hashes;
  return hashes.length === 1 && hash !== undefined
    ? scalar(attributes[hash])
    : Object.values(attributes).flatMap(scalar);
}

/**
 * The values that a key condition sets equal to the partition key. Only an equality can find a partition
 * (the operation refuses everything else), with either side first and any parentheses.
 */
function leadingOfQuery(hashes: readonly string[], input: Input): string[] {
  const values = record(input["ExpressionAttributeValues"]);
  const names = record(input["ExpressionAttributeNames"]);
  const tokens = tokenize(text(input["KeyConditionExpression"]) ?? "").filter(
    ({ text: sign }) => sign !== "(" && sign !== ")",
  );
  const isHash = (at: number): boolean => {
    const name = tokens[at]?.text ?? "";
    return hashes.includes(name.startsWith("#") ? (text(names[name]) ?? name) : name);
  };
  const found = tokens.flatMap(({ type, text: name }, at) => {
    if (type !== ":value") return [];
    if (hashes.length === 0) return [name];
    const isLeading =
      (tokens[at - 1]?.text === "=" && isHash(at - 2)) || (tokens[at + 1]?.text === "=" && isHash(at + 2));
    return isLeading ? [name] : [];
  });
  return found.flatMap((name) => scalar(values[name]));
}

const WORDS: ReadonlySet<string> = new Set([
  "AND",
  "OR",
  "NOT",
  "BETWEEN",
  "IN",
  "SET",
  "REMOVE",
  "ADD",
  "DELETE",
]);

/** `dynamodb:Attributes`: top-level names in keys, items and expressions. */
function attributes(input: Input): string[] {
  const names = record(input["ExpressionAttributeNames"]);
  const found = new Set([...Object.keys(record(input["Item"])), ...Object.keys(record(input["Key"]))]);
  for (const member of Object.keys(input).filter((name) => name.endsWith("Expression"))) {
    const tokens = tokenize(text(input[member]) ?? "");
    for (const [index, { type, text: name }] of tokens.entries()) {
      const isTop = tokens[index - 1]?.text !== "." && tokens[index + 1]?.text !== "(";
      if (type === "#name" && isTop) found.add(text(names[name]) ?? name);
      if (type === "name" && isTop && !WORDS.has(name.toUpperCase())) found.add(name);
    }
  }
  return [...found];
}

function conditions(input: Input, leading: readonly string[]): NonNullable<AccessNeed["conditions"]> {
  const named = attributes(input);
  return {
    ...(leading.length === 0 ? {} : { "dynamodb:LeadingKeys": leading }),
    ...(named.length === 0 ? {} : { "dynamodb:Attributes": named }),
    "dynamodb:ReturnValues": text(input["ReturnValues"]),
    "dynamodb:ReturnConsumedCapacity": text(input["ReturnConsumedCapacity"]),
    "dynamodb:Select": text(input["Select"]),
  };
}

const ACTION_OF: Readonly<Record<string, string>> = {
  Get: "dynamodb:GetItem",
  Put: "dynamodb:PutItem",
  Update: "dynamodb:UpdateItem",
  Delete: "dynamodb:DeleteItem",
  ConditionCheck: "dynamodb:ConditionCheckItem",
};

const TABLE: AccessRule = { resources: (input, scope) => [arnOf(input["TableName"], scope)] };
const BY_ARN: AccessRule = { resources: (input) => [text(input["ResourceArn"]) ?? "*"] };
const OF_TABLE = [
  "CreateTable",
  "DeleteTable",
  "DescribeContinuousBackups",
  "DescribeKinesisStreamingDestination",
  "DescribeTable",
  "DescribeTableReplicaAutoScaling",
  "DescribeTimeToLive",
  "DisableKinesisStreamingDestination",
  "EnableKinesisStreamingDestination",
  "UpdateContinuousBackups",
  "UpdateKinesisStreamingDestination",
  "UpdateTable",
  "UpdateTimeToLive",
];

export function createAccess({ hashNames, tagsOf }: AccessDeps): ServiceAccess {
  const hashes = (table: unknown): readonly string[] => hashNames(nameOf(table)) ?? [];
  const keyed: AccessRule = {
    ...TABLE,
    conditions: (input) => {
      const key = input["Key"] ?? input["Item"];
      return conditions(input, leadingKeys(hashes(input["TableName"]), key));
    },
  };
  const batch: AccessRule = {
    resources: (input, scope) => Object.keys(record(input["RequestItems"])).map((name) => arnOf(name, scope)),
    conditions: (input) => {
      const leading = Object.entries(record(input["RequestItems"])).flatMap(([table, request]) => [
        ...list(record(request)["Keys"]).flatMap((key) => leadingKeys(hashes(table), key)),
        ...list(request).flatMap((one) => {
          const { PutRequest: put, DeleteRequest: del } = record(one);
          return leadingKeys(hashes(table), record(put)["Item"] ?? record(del)["Key"]);
        }),
      ]);
      return conditions(input, leading);
    },
  };
  const needOf = (scope: Scope, kind: string, action: Input): AccessNeed => ({
    actions: [ACTION_OF[kind] ?? "dynamodb:TransactWriteItems"],
    resources: [arnOf(action["TableName"], scope)],
    conditions: conditions(action, leadingKeys(hashes(action["TableName"]), action["Key"] ?? action["Item"])),
  });
  const needs = (input: Input, scope: Scope): AccessNeed[] =>
    list(input["TransactItems"])
      .flatMap((item) => Object.entries(record(item)))
      .map(([kind, action]) => needOf(scope, kind, record(action)));
  /** Transactions ask for the actions of the single operations they are made of, each on its table. */
  const transaction: AccessRule = {
    actions: () => [],
    resources: () => [],
    also: needs,
  };
  const rules: Record<string, AccessRule> = {
    BatchGetItem: batch,
    BatchWriteItem: batch,
    DeleteItem: keyed,
    DescribeContributorInsights: { resources: tableOrIndex },
    GetItem: keyed,
    ListTagsOfResource: BY_ARN,
    PutItem: keyed,
    Query: {
      resources: tableOrIndex,
      conditions: (input) => {
        const index = text(input["IndexName"]);
        const of = nameOf(input["TableName"]) + (index === undefined ? "" : `/index/${index}`);
        return conditions(input, leadingOfQuery(hashes(of), input));
      },
    },
    Scan: { resources: tableOrIndex, conditions: (input) => conditions(input, []) },
    TagResource: BY_ARN,
    TransactGetItems: transaction,
    TransactWriteItems: transaction,
    UntagResource: BY_ARN,
    UpdateItem: keyed,
  };
  for (const operation of OF_TABLE) rules[operation] = TABLE;
  return {
    prefix: "dynamodb",
    rules,
    /** An index has its table's. */
    async resourceTags(arn) {
      const { region, accountId } = arnParts(arn);
      const scope = { region, accountId };
      const table = tableNameOf(scope, arn);
      return table === undefined ? {} : tagsOf(scope, table);
    },
  };
}
