/** https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazondynamodb.html */
import type { AccessRule, ServiceAccess } from "../../aws/service.ts";
import { partitionOf } from "../../kernel/scope.ts";
import { readIterator } from "./iterator.ts";

const text = (value: unknown): string => (typeof value === "string" ? value : "");

const BY_ARN: AccessRule = { resources: (input) => [text(input["StreamArn"]) || "*"] };

const rules: Readonly<Record<string, AccessRule>> = {
  DescribeStream: BY_ARN,
  GetShardIterator: BY_ARN,
  GetRecords: { resources: (input) => [readIterator(text(input["ShardIterator"]))?.arn ?? "*"] },
  ListStreams: {
    resources: (input, { accountId, region }) => {
      const table = text(input["TableName"]).replace(/^arn:.*:table\//u, "") || "*";
      return [`arn:${partitionOf(region)}:dynamodb:${region}:${accountId}:table/${table}/stream/*`];
    },
  },
};

/** Streams share DynamoDB's prefix. */
export const access: ServiceAccess = { prefix: "dynamodb", rules };
