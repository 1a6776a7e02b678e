/**
 * The four writes of one item, read from their inputs into targets for the writer: PutItem, UpdateItem,
 * DeleteItem and the check of a transaction. Everything that can be refused without the item is refused here.
 */
import type { RequestContext } from "../../../aws/service.ts";
import { LIMITS } from "../../../kernel/limits.ts";
import { conditionalCheckFailed, invalidParameters, itemTooLarge } from "../errors.ts";
import type { Condition } from "../expression/ast.ts";
import { meets, readCondition } from "../expression/condition.ts";
import { Placeholders, type PlaceholderInput } from "../expression/placeholders.ts";
import { applyUpdate, readUpdate, updatesAttribute } from "../expression/update.ts";
import type { Action } from "../expression/ast.ts";
import { keyOfItem, keyOfKey, refuseIndexKeys } from "../table/keys.ts";
import { keyNames, type Table } from "../table/model.ts";
import type { Tables } from "../table/tables.ts";
import { checkItem } from "../value/check.ts";
import type { Item } from "../value/item.ts";
import { itemSize } from "../value/size.ts";
import type { Target } from "./write.ts";

export interface WriteInput extends PlaceholderInput {
  readonly TableName: string | undefined;
  readonly ConditionExpression?: string | undefined;
  readonly ReturnValuesOnConditionCheckFailure?: "ALL_OLD" | "NONE" | undefined;
}

export interface PutInput extends WriteInput {
  readonly Item: Item | undefined;
}

export interface KeyInput extends WriteInput {
  readonly Key: Item | undefined;
  readonly UpdateExpression?: string | undefined;
}

/** A target, and what the answer needs of the request's expressions. */
export interface WriteRequest extends Target {
  readonly tableName: string;
  readonly actions: readonly Action[];
}

const CONDITION = "ConditionExpression";

interface Common {
  readonly tableName: string;
  readonly table: () => Promise<Table>;
  /** Errors: ConditionalCheckFailedException. */
  readonly check: (old: Item | undefined) => void;
}

function common(
  tables: Tables,
  input: WriteInput,
  context: Pick<RequestContext, "accountId" | "region">,
  condition: Condition | undefined,
): Common {
  const tableName = input.TableName ?? "";
  const showsItem = input.ReturnValuesOnConditionCheckFailure === "ALL_OLD";
  return {
    tableName,
    table: () => tables.withItems(context, tableName),
    check(old) {
      if (condition === undefined || meets(condition, old ?? {})) return;
      throw conditionalCheckFailed(showsItem ? old : undefined);
    },
  };
}

function onlyCondition(input: WriteInput): Condition | undefined {
  const text = input.ConditionExpression;
  const placeholders = new Placeholders(input, { [CONDITION]: text }, [CONDITION]);
  const condition = text === undefined ? undefined : readCondition(CONDITION, text, placeholders);
  placeholders.refuseUnused();
  return condition;
}

type Where = Pick<RequestContext, "accountId" | "region">;

export function putRequest(tables: Tables, input: PutInput, context: Where): WriteRequest {
  const condition = onlyCondition(input);
  const item = checkItem(input.Item ?? {});
  const bytes = itemSize(item);
  if (bytes > LIMITS.dynamodbItemBytes) throw itemTooLarge("Item size");
  const { tableName, table, check } = common(tables, input, context, condition);
  return {
    tableName,
    table,
    actions: [],
    bytes,
    key: (definition) => keyOfItem(definition, item),
    decide(old, definition) {
      refuseIndexKeys(definition, item, "item");
      check(old);
      return item;
    },
  };
}

export function deleteRequest(tables: Tables, input: KeyInput, context: Where): WriteRequest {
  const condition = onlyCondition(input);
  const key = checkItem(input.Key ?? {});
  const { tableName, table, check } = common(tables, input, context, condition);
  return {
    tableName,
    table,
    actions: [],
    key: (definition) => keyOfKey(definition, key),
    decide(old) {
      check(old);
      return undefined;
    },
  };
}

export function checkRequest(tables: Tables, input: KeyInput, context: Where): WriteRequest {
  const request = deleteRequest(tables, input, context);
  return {
    ...request,
    decide(old, definition) {
      request.decide(old, definition);
      return old;
    },
  };
}

export function updateRequest(tables: Tables, input: KeyInput, context: Where): WriteRequest {
  const expressions = { UpdateExpression: input.UpdateExpression, [CONDITION]: input.ConditionExpression };
  const placeholders = new Placeholders(input, expressions, ["UpdateExpression", CONDITION]);
  const actions =
    input.UpdateExpression === undefined ? [] : readUpdate(input.UpdateExpression, placeholders);
  const condition =
    input.ConditionExpression === undefined
      ? undefined
      : readCondition(CONDITION, input.ConditionExpression, placeholders);
  placeholders.refuseUnused();
  const key = checkItem(input.Key ?? {});
  const { tableName, table, check } = common(tables, input, context, condition);
  return {
    tableName,
    table,
    actions,
    key(definition) {
      refuseKeyUpdates(definition, actions);
      return keyOfKey(definition, key);
    },
    decide(old, definition) {
      check(old);
      const next = applyUpdate(old ?? key, actions);
      if (actions.length > 0) checkItem(next);
      refuseIndexKeys(definition, next, "update");
      return next;
    },
  };
}

function refuseKeyUpdates(table: Table, actions: readonly Action[]): void {
  for (const name of keyNames(table.keys)) {
    if (updatesAttribute(actions, name)) {
      throw invalidParameters(`Cannot update attribute ${name}. This attribute is part of the key`);
    }
  }
}
