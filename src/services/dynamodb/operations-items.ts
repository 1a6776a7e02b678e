/** GetItem, PutItem, UpdateItem, DeleteItem. */
import type { Operations } from "../../aws/service.ts";
import { consumedByRead, consumedByWrite, readUnits, showConsumed } from "./capacity.ts";
import type { UseEngine } from "./deps.ts";
import { validation } from "./errors.ts";
import { Placeholders } from "./expression/placeholders.ts";
import { project, readProjection } from "./expression/paths.ts";
import { updatedPaths } from "./expression/update.ts";
import { collectionGrowth, hasCollections, writeUnits, type Change } from "./item/change.ts";
import { deleteRequest, putRequest, updateRequest, type WriteRequest } from "./item/requests.ts";
import { refuseLegacy } from "./legacy.ts";
import { isMetered } from "./meter.ts";
import { keyOfKey } from "./table/keys.ts";
import { checkItem } from "./value/check.ts";
import { attributeOf, type AttributeValue, type Item } from "./value/item.ts";
import { itemFromText } from "./value/storage.ts";

type Client = typeof import("@aws-sdk/client-dynamodb");

interface ReturnOptions {
  readonly ReturnConsumedCapacity?: "INDEXES" | "TOTAL" | "NONE" | undefined;
  readonly ReturnItemCollectionMetrics?: "SIZE" | "NONE" | undefined;
}

/** The members that every answer to a write may have beside Attributes. */
function measures(input: ReturnOptions, request: WriteRequest, change: Change): object {
  const consumed = showConsumed(
    input.ReturnConsumedCapacity,
    consumedByWrite(change.table, request.tableName, writeUnits(change)),
  );
  const metrics = input.ReturnItemCollectionMetrics === "SIZE" ? collectionMetrics(change) : undefined;
  return {
    ...(consumed === undefined ? {} : { ConsumedCapacity: consumed }),
    ...(metrics === undefined ? {} : { ItemCollectionMetrics: metrics }),
  };
}

export interface CollectionMetrics {
  readonly ItemCollectionKey: Record<string, AttributeValue>;
  readonly SizeEstimateRangeGB: [number, number];
}

const GB = 1_073_741_824;

/** The gigabyte begun and the one after it, between which the collection's size lies. */
export function collectionMetrics(change: Change): CollectionMetrics | undefined {
  const { table, old, next } = change;
  if (!hasCollections(table)) return undefined;
  const value = attributeOf((next ?? old ?? {}) as Item, table.keys.hash);
  if (value === undefined) return undefined;
  const from = Math.max(0, Math.floor((change.collectionBytes + collectionGrowth(change)) / GB));
  return { ItemCollectionKey: { [table.keys.hash]: value }, SizeEstimateRangeGB: [from, from + 1] };
}

function attributes(item: Item | undefined): { Attributes?: Record<string, AttributeValue> } {
  return item === undefined ? {} : { Attributes: item };
}

function refuseReturnValues(asked: string | undefined): void {
  if (asked !== undefined && asked !== "NONE" && asked !== "ALL_OLD") {
    throw validation("ReturnValues can only be ALL_OLD or NONE");
  }
}

/** UPDATED_OLD and UPDATED_NEW leave out what is not there; without anything to show, Attributes is absent. */
function returned(
  asked: string | undefined,
  { actions }: WriteRequest,
  { old, next }: Change,
): Item | undefined {
  if (asked === "ALL_OLD") return old;
  if (asked === "ALL_NEW") return next;
  if (asked !== "UPDATED_OLD" && asked !== "UPDATED_NEW") return undefined;
  const shown = project((asked === "UPDATED_OLD" ? old : next) ?? {}, updatedPaths(actions));
  return Object.keys(shown).length === 0 ? undefined : shown;
}

export function itemOperations(use: UseEngine): Operations<Client> {
  return {
    async GetItem(input, context) {
      refuseLegacy(input);
      const expression = input.ProjectionExpression;
      const placeholders = new Placeholders(input, { ProjectionExpression: expression }, []);
      const paths = expression === undefined ? undefined : readProjection(expression, placeholders);
      placeholders.refuseUnused();
      const { meter, store, tables } = await use();
      const key = checkItem(input.Key ?? {});
      const name = input.TableName ?? "";
      const table = await tables.withItems(context, name);
      const place = keyOfKey(table, key);
      if (isMetered(table)) meter.admit(consumedByRead(table, name, undefined, 1), "Read");
      const stored = await store.item(table, place);
      const item = stored === undefined ? undefined : itemFromText(stored.text);
      const units = readUnits(stored?.bytes ?? 0, input.ConsistentRead === true);
      const read = consumedByRead(table, name, undefined, units);
      meter.take(read, "Read");
      const consumed = showConsumed(input.ReturnConsumedCapacity, read);
      return {
        ...(item === undefined ? {} : { Item: paths === undefined ? item : project(item, paths) }),
        ...(consumed === undefined ? {} : { ConsumedCapacity: consumed }),
      };
    },

    async PutItem(input, context) {
      refuseLegacy(input);
      refuseReturnValues(input.ReturnValues);
      const { tables, writer } = await use();
      const request = putRequest(tables, { ...input, TableName: input.TableName, Item: input.Item }, context);
      const change = await writer.one(request);
      return {
        ...attributes(returned(input.ReturnValues, request, change)),
        ...measures(input, request, change),
      };
    },

    async DeleteItem(input, context) {
      refuseLegacy(input);
      refuseReturnValues(input.ReturnValues);
      const { tables, writer } = await use();
      const request = deleteRequest(
        tables,
        { ...input, TableName: input.TableName, Key: input.Key },
        context,
      );
      const change = await writer.one(request);
      return {
        ...attributes(returned(input.ReturnValues, request, change)),
        ...measures(input, request, change),
      };
    },

    async UpdateItem(input, context) {
      refuseLegacy(input);
      const { tables, writer } = await use();
      const request = updateRequest(
        tables,
        { ...input, TableName: input.TableName, Key: input.Key },
        context,
      );
      const change = await writer.one(request);
      return {
        ...attributes(returned(input.ReturnValues, request, change)),
        ...measures(input, request, change),
      };
    },
  };
}
