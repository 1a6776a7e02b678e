/** CreateTable, DescribeTable, UpdateTable, DeleteTable, ListTables. */
import type { CreateTableInput, TableDescription } from "@aws-sdk/client-dynamodb";
import type { Operations, RequestContext } from "../../aws/service.ts";
import type { Engine, UseEngine } from "./deps.ts";
import { tableInUse, validation } from "./errors.ts";
import { closeStream, openStream } from "./stream/streams.ts";
import { newTable, viewTypeOf } from "./table/create.ts";
import { describeTable } from "./table/describe.ts";
import { NEW_NAME_LENGTH_MIN, refuseTableName, tableNameOf, type Table } from "./table/model.ts";
import { updatedTable } from "./table/update.ts";
import { insertTag, readTags } from "./table/tags.ts";
import type { Counts } from "./store.ts";

type Client = typeof import("@aws-sdk/client-dynamodb");

const NONE: Counts = { items: 0, bytes: 0 };

async function describe(engine: Engine, table: Table, isDescribe = false): Promise<TableDescription> {
  const numbers = [table.no, ...table.indexes.map(({ no }) => no)];
  const counts = await Promise.all(numbers.map((no) => engine.store.counts(no)));
  return describeTable(table, {
    counts: (no) => counts[numbers.indexOf(no)] ?? NONE,
    isDescribe,
    nowMs: engine.clock.now(),
  });
}

async function create(engine: Engine, input: CreateTableInput, context: RequestContext): Promise<Table> {
  const nowMs = engine.clock.now();
  refuseTableName(input.TableName ?? "", NEW_NAME_LENGTH_MIN);
  const name = tableNameOf(context, input.TableName ?? "") ?? "";
  const table = newTable(input, { scope: context, name, nowMs, random: engine.random });
  const viewType = viewTypeOf(input.StreamSpecification);
  const tags = readTags(input.Tags ?? []);
  const opened = viewType === undefined ? undefined : openStream(table, viewType, nowMs, engine.random);
  const full = opened === undefined ? table : { ...table, stream: opened.stream };
  await engine.tables.create(full, [...(opened?.rows ?? []), ...tags.map((tag) => insertTag(full, tag))]);
  return full;
}

export function tableOperations(use: UseEngine): Operations<Client> {
  return {
    async CreateTable(input, context) {
      const engine = await use();
      return { TableDescription: await describe(engine, await create(engine, input, context)) };
    },

    async DescribeTable(input, context) {
      const engine = await use();
      return {
        Table: await describe(engine, await engine.tables.settled(context, input.TableName ?? ""), true),
      };
    },

    async UpdateTable(input, context) {
      const engine = await use();
      const nowMs = engine.clock.now();
      const table = await engine.tables.change(context, input.TableName ?? "", (before) =>
        updatedTable(before, input, { nowMs, random: engine.random }),
      );
      return { TableDescription: await describe(engine, table) };
    },

    async DeleteTable(input, context) {
      const engine = await use();
      const table = await engine.tables.change(context, input.TableName ?? "", (before) => {
        if (before.status === "CREATING") throw tableInUse(before.name, "created");
        if (before.status === "UPDATING") throw tableInUse(before.name, "updated");
        if (before.deletionProtection) {
          throw validation(
            `Resource cannot be deleted as it is currently protected against deletion. Disable deletion protection first.`,
          );
        }
        if (before.stream?.enabled !== true) return { changes: { status: "DELETING" } };
        const rows = [closeStream(before.stream, engine.clock.now())];
        return { changes: { status: "DELETING", stream: { ...before.stream, enabled: false } }, rows };
      });
      return { TableDescription: await describe(engine, table) };
    },

    async ListTables(input, context) {
      const { store } = await use();
      const limit = input.Limit ?? 100;
      const names = await store.tableNames(context, input.ExclusiveStartTableName ?? "", limit + 1);
      const page = names.slice(0, limit);
      const last = names.length > limit ? page.at(-1) : undefined;
      return { TableNames: page, ...(last === undefined ? {} : { LastEvaluatedTableName: last }) };
    },
  };
}
