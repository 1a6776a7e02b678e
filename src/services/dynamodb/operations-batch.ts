/** BatchGetItem and BatchWriteItem: many single operations in one request, each on its own. */
import { setImmediate as nextTurn } from "node:timers/promises";
import { LIMITS } from "../../kernel/limits.ts";
import type { KeysAndAttributes, WriteRequest as BatchedWrite } from "@aws-sdk/client-dynamodb";
import type { Operations, RequestContext } from "../../aws/service.ts";
import { ServiceError } from "../../kernel/errors.ts";
import { consumedByRead, consumedByWrite, readUnits, showAllConsumed, type Consumed } from "./capacity.ts";
import type { Engine, UseEngine } from "./deps.ts";
import { isThroughputExceeded, validation } from "./errors.ts";
import type { Path } from "./expression/ast.ts";
import { project, readProjection } from "./expression/paths.ts";
import { Placeholders } from "./expression/placeholders.ts";
import { writeUnits } from "./item/change.ts";
import { deleteRequest, putRequest, type WriteRequest } from "./item/requests.ts";
import { refuseLegacy } from "./legacy.ts";
import { collectionMetrics, type CollectionMetrics } from "./operations-items.ts";
import { keyText, type ItemKey } from "./store.ts";
import { keyMismatch, keyOfKey } from "./table/keys.ts";
import type { Table } from "./table/model.ts";
import { checkItem } from "./value/check.ts";
import type { Item } from "./value/item.ts";
import { itemFromText } from "./value/storage.ts";

const KEY_FAULT = /(?:Missing the key|Type mismatch for key) /u;
/** Items of a batch that are read in one turn: each may have 400 KB. */
const READ_STEP = 10;

function refuseNone(operation: string, asked: readonly unknown[]): void {
  if (asked.length === 0) throw validation(`The requestItems parameter is required for ${operation}`);
}

function refuseDuplicates(places: readonly string[]): void {
  if (new Set(places).size < places.length)
    throw validation("Provided list of item keys contains duplicates");
}

interface Wanted {
  readonly name: string;
  readonly input: KeysAndAttributes;
  readonly table: Table;
  readonly keys: readonly { readonly given: Item; readonly key: ItemKey }[];
  readonly paths: readonly Path[] | undefined;
}

async function wanted(
  engine: Engine,
  name: string,
  input: KeysAndAttributes,
  context: RequestContext,
): Promise<Wanted> {
  refuseLegacy(input);
  const expression = input.ProjectionExpression;
  const placeholders = new Placeholders(input, { ProjectionExpression: expression }, []);
  const paths = expression === undefined ? undefined : readProjection(expression, placeholders);
  placeholders.refuseUnused();
  const table = await engine.tables.withItems(context, name);
  const keys = (input.Keys ?? []).map((given) => ({ given, key: keyOfKey(table, checkItem(given)) }));
  return { name, input, table, keys, paths };
}

/** A batch says of a put what it says of a key: that it does not match. */
function batchedKey(request: WriteRequest, table: Table): ItemKey {
  try {
    return request.key(table);
  } catch (error) {
    const isKeyFault = error instanceof ServiceError && KEY_FAULT.test(error.message);
    throw isKeyFault ? keyMismatch() : error;
  }
}

/** One write of a batch, as it was given and as it was read. */
interface Batched {
  readonly given: BatchedWrite;
  readonly request: WriteRequest;
  readonly place: string;
}

/** The request of one table, read into writes that are known to be valid. */
async function batchedWrites(
  engine: Engine,
  TableName: string,
  requests: readonly BatchedWrite[],
  context: RequestContext,
): Promise<Batched[]> {
  const writes: Batched[] = [];
  for (const given of requests) {
    const { PutRequest: put, DeleteRequest: del } = given;
    if ((put === undefined) === (del === undefined)) {
      throw validation(
        "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes",
      );
    }
    const request =
      put === undefined
        ? deleteRequest(engine.tables, { TableName, Key: del?.Key }, context)
        : putRequest(engine.tables, { TableName, Item: put.Item }, context);
    const table = await request.table();
    const place = keyText(table.no, batchedKey(request, table));
    // Nothing is written before everything has been looked at.
    request.decide(undefined, table);
    writes.push({ given, request, place });
  }
  return writes;
}

/** Why a table cannot be read now, or undefined. */
function throttlingOf({ meter }: Engine, { name, table }: Wanted): unknown {
  try {
    meter.admit(consumedByRead(table, name, undefined, 1), "Read");
    return undefined;
  } catch (error) {
    return error;
  }
}

interface BatchRead {
  readonly responses: [string, Item[]][];
  readonly unprocessed: [string, KeysAndAttributes][];
  readonly consumed: Consumed[];
  /** Read so far, of all tables. */
  bytes: number;
}

/** Errors: ProvisionedThroughputExceededException when no table has anything left. */
async function readAll(engine: Engine, tables: readonly Wanted[]): Promise<BatchRead> {
  const read: BatchRead = { responses: [], unprocessed: [], consumed: [], bytes: 0 };
  const throttled = tables.map((one) => throttlingOf(engine, one));
  if (throttled.every((error) => error !== undefined)) throw throttled[0];
  for (const [at, one] of tables.entries()) {
    if (throttled[at] === undefined) await readTable(engine, one, read);
    else read.unprocessed.push([one.name, one.input]);
  }
  return read;
}

/** Until the answer is full; the keys that are left go unprocessed. */
async function readTable({ store }: Engine, wanted: Wanted, read: BatchRead): Promise<void> {
  const { name, input, table, keys, paths } = wanted;
  const items: Item[] = [];
  const left: Item[] = [];
  for (let from = 0; from < keys.length; from += READ_STEP) {
    if (from > 0) await nextTurn();
    const some = keys.slice(from, from + READ_STEP);
    const rows = await store.items(some.map(({ key }) => ({ table, key })));
    for (const [at, row] of rows.entries()) {
      read.bytes += row?.bytes ?? 0;
      if (read.bytes > LIMITS.dynamodbBatchAnswerBytes) {
        left.push(some[at]?.given ?? {});
        continue;
      }
      const units = readUnits(row?.bytes ?? 0, input.ConsistentRead === true);
      read.consumed.push(consumedByRead(table, name, undefined, units));
      if (row === undefined) continue;
      const item = itemFromText(row.text);
      items.push(paths === undefined ? item : project(item, paths));
    }
  }
  read.responses.push([name, items]);
  if (left.length > 0) read.unprocessed.push([name, { ...input, Keys: left }]);
}

/** Errors: what a write is refused with; ProvisionedThroughputExceededException only when every one is. */
async function writeAll(
  { writer }: Engine,
  writes: readonly Batched[],
): Promise<{ changes: Written; unprocessed: Record<string, BatchedWrite[]> }> {
  const outcomes = await Promise.allSettled(writes.map(({ request }) => writer.one(request)));
  const changes: Written[number][] = [];
  const unprocessed = new Map<string, BatchedWrite[]>();
  for (const [at, { given, request }] of writes.entries()) {
    const outcome = outcomes[at];
    if (outcome?.status === "fulfilled") changes.push({ request, change: outcome.value });
    else if (!isThroughputExceeded(outcome?.reason)) throw outcome?.reason;
    else unprocessed.set(request.tableName, [...(unprocessed.get(request.tableName) ?? []), given]);
  }
  if (changes.length === 0) throw (outcomes[0] as PromiseRejectedResult).reason;
  return { changes, unprocessed: Object.fromEntries(unprocessed) };
}

export function batchOperations(use: UseEngine): Operations<typeof import("@aws-sdk/client-dynamodb")> {
  return {
    async BatchGetItem(input, context) {
      const asked = Object.entries(input.RequestItems ?? {});
      refuseNone("BatchGetItem", asked);
      if (asked.reduce((sum, [, { Keys }]) => sum + (Keys?.length ?? 0), 0) > LIMITS.dynamodbBatchReads) {
        throw validation("Too many items requested for the BatchGetItem call");
      }
      const engine = await use();
      const tables = await Promise.all(asked.map(([name, one]) => wanted(engine, name, one, context)));
      refuseDuplicates(tables.flatMap(({ table, keys }) => keys.map(({ key }) => keyText(table.no, key))));
      const read = await readAll(engine, tables);
      for (const part of read.consumed) engine.meter.take(part, "Read");
      return {
        Responses: Object.fromEntries(read.responses),
        UnprocessedKeys: Object.fromEntries(read.unprocessed),
        ...showAllConsumed(input.ReturnConsumedCapacity, read.consumed),
      };
    },

    async BatchWriteItem(input, context) {
      const asked = Object.entries(input.RequestItems ?? {});
      refuseNone("BatchWriteItem", asked);
      if (asked.reduce((sum, [, requests]) => sum + requests.length, 0) > LIMITS.dynamodbBatchWrites) {
        throw validation("Too many items requested for the BatchWriteItem call");
      }
      const engine = await use();
      const writes = (
        await Promise.all(asked.map(([name, requests]) => batchedWrites(engine, name, requests, context)))
      ).flat();
      refuseDuplicates(writes.map(({ place }) => place));
      const { changes, unprocessed } = await writeAll(engine, writes);
      const consumed = changes.map(({ request, change }) =>
        consumedByWrite(change.table, request.tableName, writeUnits(change)),
      );
      const metrics = input.ReturnItemCollectionMetrics === "SIZE" ? metricsOf(changes) : {};
      return {
        UnprocessedItems: unprocessed,
        ...(Object.keys(metrics).length === 0 ? {} : { ItemCollectionMetrics: metrics }),
        ...showAllConsumed(input.ReturnConsumedCapacity, consumed),
      };
    },
  };
}

type Written = readonly {
  readonly request: WriteRequest;
  readonly change: Parameters<typeof collectionMetrics>[0];
}[];

/** By table, as the request spells it; tables without local indexes have none. */
export function metricsOf(written: Written): Record<string, CollectionMetrics[]> {
  const metrics = new Map<string, CollectionMetrics[]>();
  for (const { request, change } of written) {
    const found = collectionMetrics(change);
    if (found !== undefined)
      metrics.set(request.tableName, [...(metrics.get(request.tableName) ?? []), found]);
  }
  return Object.fromEntries(metrics);
}
