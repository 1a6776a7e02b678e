/** Time to live, tags, limits, and what is there only to say that it is not. */
import { LIMITS } from "../../kernel/limits.ts";
import type { Operations, RequestContext } from "../../aws/service.ts";
import { ServiceError } from "../../kernel/errors.ts";
import type { Engine, UseEngine } from "./deps.ts";
import { arnNotFound, invalidParameters, notServed, tableInUse, validation } from "./errors.ts";
import { insertTag, readTags, tooManyTags } from "./table/tags.ts";
import { tableArn, tableNameOf, type Table } from "./table/model.ts";

type Client = typeof import("@aws-sdk/client-dynamodb");

/** Of an account and a table: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html */
const ACCOUNT_UNITS = 80_000;
const TABLE_UNITS = 40_000;

/** Errors: AccessDeniedException for ARNs of elsewhere, ResourceNotFoundException, ValidationException. */
async function tableByArn({ store }: Engine, context: RequestContext, arn: string): Promise<Table> {
  if (!/^arn:[^:]+:dynamodb:[^:]+:\d{12}:table\/[^/]+$/u.test(arn)) {
    throw validation(`Invalid TableArn: Invalid ResourceArn provided as input ${arn}`);
  }
  const name = tableNameOf(context, arn);
  const table = name === undefined ? undefined : await store.table(context, name);
  if (table === undefined || table.status === "DELETING") throw arnNotFound(arn);
  return table;
}

function tableNotFound(name: string): ServiceError {
  return new ServiceError("TableNotFoundException", 400, `Table not found: ${name}`);
}

const NO_BACKUPS = {
  ContinuousBackupsDescription: {
    ContinuousBackupsStatus: "DISABLED",
    PointInTimeRecoveryDescription: { PointInTimeRecoveryStatus: "DISABLED" },
  },
} as const;

const KINESIS = "Kinesis is not served yet: use the table's own stream (StreamSpecification)";

export function settingOperations(use: UseEngine): Operations<Client> {
  return {
    async UpdateTimeToLive(input, context) {
      const engine = await use();
      const { AttributeName: attribute = "", Enabled: isEnabled = false } =
        input.TimeToLiveSpecification ?? {};
      if (attribute === "") throw validation("TimeToLiveSpecification.AttributeName must be non empty");
      await engine.tables.change(context, input.TableName ?? "", (table) => {
        if (table.status === "CREATING") throw tableInUse(table.name, "created");
        if (table.status === "DELETING") throw tableInUse(table.name, "deleted");
        const { timeToLive } = table;
        if (timeToLive !== undefined && timeToLive.attribute !== attribute) {
          throw validation(
            `TimeToLive is active on a different AttributeName: current AttributeName is ${timeToLive.attribute}`,
          );
        }
        if (timeToLive?.status === "ENABLING" || timeToLive?.status === "DISABLING") {
          throw validation("Time to live has been modified multiple times within a fixed interval");
        }
        if (isEnabled === (timeToLive !== undefined)) {
          throw validation(`TimeToLive is already ${isEnabled ? "enabled" : "disabled"}`);
        }
        const status = isEnabled ? ("ENABLING" as const) : ("DISABLING" as const);
        return { changes: { timeToLive: { attribute, status, changedAt: engine.clock.now() } } };
      });
      return { TimeToLiveSpecification: { Enabled: isEnabled, AttributeName: attribute } };
    },

    async DescribeTimeToLive(input, context) {
      const { tables } = await use();
      const { timeToLive } = await tables.named(context, input.TableName ?? "");
      if (timeToLive === undefined) return { TimeToLiveDescription: { TimeToLiveStatus: "DISABLED" } };
      const { attribute, status } = timeToLive;
      return { TimeToLiveDescription: { TimeToLiveStatus: status, AttributeName: attribute } };
    },

    async TagResource(input, context) {
      const engine = await use();
      const table = await tableByArn(engine, context, input.ResourceArn ?? "");
      const tags = readTags(input.Tags ?? []);
      const keys = new Set([...(await engine.store.tags(table)), ...tags].map(({ key }) => key));
      if (keys.size > LIMITS.dynamodbTableTags) throw tooManyTags();
      // Through the definition, so that no tag outlives its table.
      await engine.tables.change(context, table.name, (before) => ({
        changes: {},
        rows: tags.map((tag) => insertTag(before, tag)),
      }));
      return {};
    },

    async UntagResource(input, context) {
      const engine = await use();
      const table = await tableByArn(engine, context, input.ResourceArn ?? "");
      await engine.store.database.commit(
        (input.TagKeys ?? []).map((key) => ({
          sql: "DELETE FROM ddb_tags WHERE table_no = ? AND tag_key = ?",
          params: [table.no, key],
        })),
      );
      return {};
    },

    async ListTagsOfResource(input, context) {
      const engine = await use();
      const table = await tableByArn(engine, context, input.ResourceArn ?? "");
      // All tags of a table come in one page, so no token was ever given out.
      if (input.NextToken !== undefined) throw invalidParameters("Invalid NextToken");
      const tags = await engine.store.tags(table);
      return { Tags: tags.map(({ key, value }) => ({ Key: key, Value: value })) };
    },

    async GetResourcePolicy(input, context) {
      const arn = input.ResourceArn ?? "";
      await tableByArn(await use(), context, arn);
      throw new ServiceError(
        "PolicyNotFoundException",
        400,
        `Resource-based policy not found for the provided ResourceArn: ${arn}`,
      );
    },

    DescribeLimits() {
      return {
        AccountMaxReadCapacityUnits: ACCOUNT_UNITS,
        AccountMaxWriteCapacityUnits: ACCOUNT_UNITS,
        TableMaxReadCapacityUnits: TABLE_UNITS,
        TableMaxWriteCapacityUnits: TABLE_UNITS,
      };
    },

    DescribeEndpoints(_input, context) {
      const address = context.endpoint.replace(/^https?:\/\//u, "");
      return { Endpoints: [{ Address: address, CachePeriodInMinutes: 1440 }] };
    },

    async DescribeContinuousBackups(input, context) {
      const { store } = await use();
      const name = tableNameOf(context, input.TableName ?? "") ?? "";
      if ((await store.table(context, name)) === undefined) throw tableNotFound(name);
      return NO_BACKUPS;
    },

    async UpdateContinuousBackups(input, context) {
      const { store } = await use();
      const name = tableNameOf(context, input.TableName ?? "") ?? "";
      if ((await store.table(context, name)) === undefined) throw tableNotFound(name);
      // Switching off what is off is what it says.
      if (input.PointInTimeRecoverySpecification?.PointInTimeRecoveryEnabled === false) return NO_BACKUPS;
      throw notServed("Point-in-time recovery", "copy the data folder of a stopped server instead");
    },

    async DescribeContributorInsights(input, context) {
      const { tables } = await use();
      const table = await tables.named(context, input.TableName ?? "");
      return { TableName: table.name, ContributorInsightsStatus: "DISABLED" };
    },

    async DescribeKinesisStreamingDestination(input, context) {
      const { tables } = await use();
      const table = await tables.named(context, input.TableName ?? "");
      return { TableName: table.name, KinesisDataStreamDestinations: [] };
    },

    async EnableKinesisStreamingDestination(input, context) {
      await (await use()).tables.named(context, input.TableName ?? "");
      throw notServed("EnableKinesisStreamingDestination", KINESIS);
    },

    async DisableKinesisStreamingDestination(input, context) {
      await (await use()).tables.named(context, input.TableName ?? "");
      throw notServed("DisableKinesisStreamingDestination", KINESIS);
    },

    async UpdateKinesisStreamingDestination(input, context) {
      const table = await (await use()).tables.named(context, input.TableName ?? "");
      if (input.UpdateKinesisStreamingConfiguration?.ApproximateCreationDateTimePrecision === undefined) {
        throw validation(
          "Streaming destination cannot be updated with given parameters: UpdateKinesisStreamingConfiguration cannot be null or contain only null values",
        );
      }
      throw validation(
        `Table is not in a valid state to enable Kinesis Streaming Destination: No streaming destination with streamArn: ${input.StreamArn ?? ""} found for table with tableName: ${table.name}`,
      );
    },

    async DescribeTableReplicaAutoScaling(input, context) {
      const { tables } = await use();
      const table = await tables.named(context, input.TableName ?? "");
      throw notServed(
        `Global tables (${tableArn(table.scope, table.name)})`,
        "a table lives in one region here",
      );
    },
  };
}
