/** Query and Scan. */
import type { QueryInput, ScanInput } from "@aws-sdk/client-dynamodb";
import type { Operations, RequestContext } from "../../aws/service.ts";
import { consumedByRead, readUnits, showConsumed, type Consumed } from "./capacity.ts";
import type { Engine, UseEngine } from "./deps.ts";
import { invalidParameters, validation } from "./errors.ts";
import type { Condition, Operand, Path } from "./expression/ast.ts";
import { meets, readCondition } from "./expression/condition.ts";
import { isWithin, readKeyCondition, type KeyCondition } from "./expression/key-condition.ts";
import { project, readProjection } from "./expression/paths.ts";
import { Placeholders } from "./expression/placeholders.ts";
import { readPage, type Page, type PageRequest, type Position } from "./item/page.ts";
import { refuseLegacy } from "./legacy.ts";
import { entryOf, keyAttributes } from "./table/keys.ts";
import {
  attributeType,
  indexNamed,
  keyNames,
  projectedNames,
  type Index,
  type Table,
} from "./table/model.ts";
import { checkItem } from "./value/check.ts";
import { attributeOf, typeOf, type Item } from "./value/item.ts";
import { partitionBytes, segmentBounds } from "./value/key.ts";

type Client = typeof import("@aws-sdk/client-dynamodb");
type ReadInput = QueryInput & ScanInput;

interface ReadExpressions {
  readonly filter: Condition | undefined;
  readonly paths: readonly Path[] | undefined;
  readonly keyCondition: Condition | undefined;
}

function readExpressions(input: ReadInput, isQuery: boolean): ReadExpressions {
  const { FilterExpression, ProjectionExpression, KeyConditionExpression } = input;
  const placeholders = new Placeholders(
    input,
    { FilterExpression, ProjectionExpression, KeyConditionExpression },
    isQuery ? ["FilterExpression", "KeyConditionExpression"] : ["FilterExpression"],
  );
  const read = (kind: "FilterExpression" | "KeyConditionExpression"): Condition | undefined => {
    const text = input[kind];
    return text === undefined ? undefined : readCondition(kind, text, placeholders);
  };
  const filter = read("FilterExpression");
  const paths =
    ProjectionExpression === undefined ? undefined : readProjection(ProjectionExpression, placeholders);
  const keyCondition = read("KeyConditionExpression");
  placeholders.refuseUnused();
  return { filter, paths, keyCondition };
}

/** Errors: ValidationException where Select, the projection and the index do not go together. */
function refuseSelect(input: ReadInput, verb: "Querying" | "Scanning"): void {
  const { Select: select, ProjectionExpression: projection, IndexName: index } = input;
  if (select === "ALL_PROJECTED_ATTRIBUTES" && index === undefined) {
    throw validation(`ALL_PROJECTED_ATTRIBUTES can be used only when ${verb} using an IndexName`);
  }
  if (select === "SPECIFIC_ATTRIBUTES" && projection === undefined) {
    throw validation(
      "Must specify the AttributesToGet or ProjectionExpression when choosing to get SPECIFIC_ATTRIBUTES",
    );
  }
  if (projection === undefined || select === undefined || select === "SPECIFIC_ATTRIBUTES") return;
  const what = select === "COUNT" ? "only the Count" : select;
  throw validation(`Cannot specify the ProjectionExpression when choosing to get ${what}`);
}

function indexOf(input: ReadInput, table: Table): Index | undefined {
  if (input.IndexName === undefined) return undefined;
  const index = indexNamed(table, input.IndexName);
  if (index === undefined)
    throw validation(`The table does not have the specified index: ${input.IndexName}`);
  if (index.status === "CREATING" && index.backfilling === true) {
    throw validation(`Cannot read from backfilling global secondary index: ${index.name}`);
  }
  if (index.kind === "global" && input.ConsistentRead === true) {
    throw validation("Consistent reads are not supported on global secondary indexes");
  }
  if (index.kind === "global" && input.Select === "ALL_ATTRIBUTES" && index.projection.type !== "ALL") {
    throw invalidParameters(
      `Select type ALL_ATTRIBUTES is not supported for global secondary index ${index.name} because its projection type is not ALL`,
    );
  }
  return index;
}

function attributesIn(condition: Condition | undefined): string[] {
  if (condition === undefined) return [];
  if (condition.kind === "and" || condition.kind === "or") {
    return [...attributesIn(condition.left), ...attributesIn(condition.right)];
  }
  if (condition.kind === "not") return attributesIn(condition.of);
  const inside = (operand: Operand): string[] => {
    if (operand.kind === "path") return [String(operand.path[0])];
    return operand.kind === "call" ? operand.operands.flatMap(inside) : [];
  };
  return condition.operands.flatMap(inside);
}

/** Errors: ValidationException when a global index is asked for what it does not hold. */
function refuseUnprojected(table: Table, index: Index | undefined, expressions: ReadExpressions): void {
  const names = index === undefined ? undefined : projectedNames(table, index);
  if (index?.kind !== "global" || names === undefined) return;
  const lacking = (asked: readonly string[]): string =>
    [...new Set(asked)].filter((name) => !names.has(name)).join(", ");
  const shown = lacking((expressions.paths ?? []).map((path) => String(path[0])));
  if (shown !== "") {
    throw invalidParameters(`Global secondary index ${index.name} does not project [${shown}]`);
  }
  const filtered = lacking(attributesIn(expressions.filter));
  if (filtered !== "") {
    throw invalidParameters(
      `Secondary index ${index.name} does not project one or more filter attributes: [${filtered}]`,
    );
  }
}

/** A local index fetches from the table what it does not hold, when that is asked for. */
function fetches(
  input: ReadInput,
  table: Table,
  index: Index | undefined,
  { paths, filter }: ReadExpressions,
): PageRequest["fetches"] {
  const names = index?.kind === "local" ? projectedNames(table, index) : undefined;
  if (names === undefined) return undefined;
  const lacks = (asked: readonly string[]): boolean => asked.some((name) => !names.has(name));
  if (input.Select === "ALL_ATTRIBUTES" || lacks((paths ?? []).map((path) => String(path[0]))))
    return "answer";
  return lacks(attributesIn(filter)) ? "filter" : undefined;
}

const invalidStart = (why = ""): Error => validation(`The provided starting key is invalid${why}`);

/** Errors: ValidationException when it is no key of this table or index. */
function startAfter(input: ReadInput, table: Table, index: Index | undefined): Position | undefined {
  if (input.ExclusiveStartKey === undefined) return undefined;
  const key = checkItem(input.ExclusiveStartKey);
  const names = new Set([...keyNames(table.keys), ...(index === undefined ? [] : keyNames(index.keys))]);
  const isKey =
    Object.keys(key).length === names.size &&
    [...names].every((name) => {
      const value = attributeOf(key, name);
      return value !== undefined && typeOf(value) === attributeType(table, name);
    });
  if (!isKey) {
    throw invalidStart(index === undefined ? ": The provided key element does not match the schema" : "");
  }
  const item = entryOf(table.keys, key);
  const entry = entryOf(index?.keys ?? table.keys, key);
  if (item === undefined || entry === undefined) throw invalidStart();
  return { entry, item };
}

function refuseStartOutside(after: Position | undefined, { hash, range }: KeyCondition): void {
  if (after === undefined) return;
  if (Buffer.compare(after.entry.pk, partitionBytes(hash)) !== 0) {
    throw validation("The provided starting key is outside query boundaries based on provided conditions");
  }
  if (!isWithin(range, after.entry.sk)) {
    throw validation("The provided starting key does not match the range key predicate");
  }
}

function segmentOf(input: ScanInput, after: Position | undefined): PageRequest["segment"] {
  const { Segment: segment, TotalSegments: total } = input;
  if (segment === undefined && total === undefined) return undefined;
  if (total === undefined) {
    throw validation(
      "The TotalSegments parameter is required but was not present in the request when Segment parameter is present",
    );
  }
  if (segment === undefined) {
    throw validation(
      "The Segment parameter is required but was not present in the request when parameter TotalSegments is present",
    );
  }
  if (segment >= total) {
    throw validation(
      `The Segment parameter is zero-based and must be less than parameter TotalSegments: Segment: ${String(segment)} is not less than TotalSegments: ${String(total)}`,
    );
  }
  const bounds = segmentBounds(segment, total);
  if (after !== undefined) {
    const { pk } = after.entry;
    const isOutside =
      Buffer.compare(pk, bounds.from) < 0 ||
      (bounds.below !== undefined && Buffer.compare(pk, bounds.below) >= 0);
    if (isOutside) {
      throw invalidStart(
        `: Invalid ExclusiveStartKey. Please use ExclusiveStartKey with correct Segment. TotalSegments: ${String(total)} Segment: ${String(segment)}`,
      );
    }
  }
  return bounds;
}

interface Shown {
  readonly input: ReadInput;
  readonly table: Table;
  readonly index: Index | undefined;
  readonly paths: readonly Path[] | undefined;
}

function costOf({ input, table, index }: Shown, page: Page): Consumed {
  const isConsistent = input.ConsistentRead === true;
  const units = readUnits(page.bytes, isConsistent);
  const read = consumedByRead(table, input.TableName ?? "", index, units);
  const fetched = page.fetched.reduce((sum, bytes) => sum + readUnits(bytes, isConsistent), 0);
  return fetched === 0 ? read : { ...read, units: read.units + fetched };
}

/** Reads a page within the table's throughput. */
async function readWithin(
  { meter, store }: Engine,
  shown: Shown,
  request: PageRequest,
): Promise<Record<string, unknown>> {
  const { input, table, index } = shown;
  meter.admit(consumedByRead(table, input.TableName ?? "", index, 1), "Read");
  const page = await readPage(store, request);
  const cost = costOf(shown, page);
  meter.take(cost, "Read");
  return answer(shown, page, cost);
}

/** What a page looks like in the answer. */
function answer({ input, table, index, paths }: Shown, page: Page, cost: Consumed): Record<string, unknown> {
  const consumed = showConsumed(input.ReturnConsumedCapacity, cost);
  const items = paths === undefined ? page.items : page.items.map((item) => project(item, paths));
  return {
    Count: page.items.length,
    ScannedCount: page.scanned,
    ...(input.Select === "COUNT" ? {} : { Items: items }),
    ...(page.last === undefined ? {} : { LastEvaluatedKey: keyAttributes(table, index, page.last) }),
    ...(consumed === undefined ? {} : { ConsumedCapacity: consumed }),
  };
}

const acceptAll = (): boolean => true;

function accepts(filter: Condition | undefined): (item: Item) => boolean {
  return filter === undefined ? acceptAll : (item) => meets(filter, item);
}

async function query(engine: Engine, input: ReadInput, context: RequestContext): Promise<object> {
  const expressions = readExpressions(input, true);
  if (expressions.keyCondition === undefined) {
    throw validation(
      "Either the KeyConditions or KeyConditionExpression parameter must be specified in the request.",
    );
  }
  refuseSelect(input, "Querying");
  const table = await engine.tables.withItems(context, input.TableName ?? "");
  const index = indexOf(input, table);
  const keys = index?.keys ?? table.keys;
  const condition = readKeyCondition(expressions.keyCondition, table, keys);
  refuseUnprojected(table, index, expressions);
  const filteredKey = attributesIn(expressions.filter).find((name) => keyNames(keys).includes(name));
  if (filteredKey !== undefined) {
    throw validation(
      `Filter Expression can only contain non-primary key attributes: Primary key attribute: ${filteredKey}`,
    );
  }
  const after = startAfter(input, table, index);
  refuseStartOutside(after, condition);
  const shown = { input, table, index, paths: expressions.paths };
  return readWithin(engine, shown, {
    table,
    index,
    partition: partitionBytes(condition.hash),
    range: condition.range,
    segment: undefined,
    isForward: input.ScanIndexForward !== false,
    after,
    limit: input.Limit,
    fetches: fetches(input, table, index, expressions),
    accept: accepts(expressions.filter),
  });
}

async function scan(engine: Engine, input: ReadInput, context: RequestContext): Promise<object> {
  const expressions = readExpressions(input, false);
  refuseSelect(input, "Scanning");
  segmentOf(input, undefined);
  const table = await engine.tables.withItems(context, input.TableName ?? "");
  const index = indexOf(input, table);
  refuseUnprojected(table, index, expressions);
  const after = startAfter(input, table, index);
  const shown = { input, table, index, paths: expressions.paths };
  return readWithin(engine, shown, {
    table,
    index,
    partition: undefined,
    range: undefined,
    segment: segmentOf(input, after),
    isForward: true,
    after,
    limit: input.Limit,
    fetches: fetches(input, table, index, expressions),
    accept: accepts(expressions.filter),
  });
}

export function readOperations(use: UseEngine): Operations<Client> {
  return {
    async Query(input, context) {
      refuseLegacy(input);
      return query(await use(), input as ReadInput, context);
    },
    async Scan(input, context) {
      refuseLegacy(input);
      return scan(await use(), input as ReadInput, context);
    },
  };
}
