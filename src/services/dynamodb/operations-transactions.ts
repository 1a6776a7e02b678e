/** TransactGetItems and TransactWriteItems. */
import { createHash } from "node:crypto";
import { LIMITS } from "../../kernel/limits.ts";
import type { TransactWriteItem, TransactWriteItemsInput } from "@aws-sdk/client-dynamodb";
import type { Operations, RequestContext } from "../../aws/service.ts";
import { ServiceError } from "../../kernel/errors.ts";
import type { Statement } from "../../ports/database.ts";
import {
  consumedByRead,
  consumedByWrite,
  readUnits,
  showAllConsumed,
  TRANSACTION_FACTOR,
} from "./capacity.ts";
import type { Engine, UseEngine } from "./deps.ts";
import {
  idempotentParameterMismatch,
  isConditionalCheckFailed,
  transactionCanceled,
  validation,
  type CancellationReason,
} from "./errors.ts";
import { project, readProjection } from "./expression/paths.ts";
import { Placeholders } from "./expression/placeholders.ts";
import { writeUnits, type Change } from "./item/change.ts";
import {
  checkRequest,
  deleteRequest,
  putRequest,
  updateRequest,
  type WriteRequest,
} from "./item/requests.ts";
import { createTurns } from "./item/turns.ts";
import { metricsOf } from "./operations-batch.ts";
import { keyText } from "./store.ts";
import { keyOfKey } from "./table/keys.ts";
import { checkItem } from "./value/check.ts";
import type { Item } from "./value/item.ts";
import { itemFromText } from "./value/storage.ts";

const TOKEN_MS = 600_000;

function refuseDuplicates(places: readonly string[]): void {
  if (new Set(places).size === places.length) return;
  throw validation("Transaction request cannot include multiple operations on one item");
}

/** Errors of single writes that cancel a transaction under a name of their own. */
const REASONS: ReadonlyMap<string, string> = new Map([
  ["ItemCollectionSizeLimitExceededException", "ItemCollectionSizeLimitExceeded"],
  ["ProvisionedThroughputExceededException", "ProvisionedThroughputExceeded"],
  ["ThrottlingException", "ThrottlingError"],
  ["TransactionConflictException", "TransactionConflict"],
]);

/** What kept one action from going through; errors that are not about the item itself end the request. */
function reasonOf(failure: unknown): CancellationReason {
  if (failure === undefined) return { Code: "None" };
  if (!(failure instanceof ServiceError)) throw failure;
  if (isConditionalCheckFailed(failure)) {
    const item = failure.members["Item"] as Item | undefined;
    return {
      Code: "ConditionalCheckFailed",
      Message: failure.message,
      ...(item === undefined ? {} : { Item: item }),
    };
  }
  const code = REASONS.get(failure.code);
  if (code !== undefined) return { Code: code, Message: failure.message };
  // An empty key is a fault of the request, not of the item it meets.
  if (failure.message.startsWith("One or more parameter values are not valid.")) throw failure;
  if (failure.code === "ValidationException") return { Code: "ValidationError", Message: failure.message };
  throw failure;
}

function canceled(failures: readonly unknown[]): Error {
  return transactionCanceled(failures.map(reasonOf));
}

function writeRequest(engine: Engine, item: TransactWriteItem, context: RequestContext): WriteRequest {
  const { ConditionCheck: check, Put: put, Update: update, Delete: del } = item;
  const given = [check, put, update, del].filter((action) => action !== undefined);
  if (given.length > 1)
    throw validation("TransactItems can only contain one of Check, Put, Update or Delete");
  if (check !== undefined) return checkRequest(engine.tables, withKey(check), context);
  if (put !== undefined)
    return putRequest(engine.tables, { ...put, TableName: put.TableName, Item: put.Item }, context);
  if (update !== undefined) return updateRequest(engine.tables, withKey(update), context);
  if (del !== undefined) return deleteRequest(engine.tables, withKey(del), context);
  throw validation("Invalid Request: TransactWriteRequest should contain Delete or Put or Update request");
}

function withKey<T extends { TableName: string | undefined; Key: Item | undefined }>(action: T): T {
  return action;
}

/** Keys are part of what may cancel a transaction, so their faults are reasons too. */
async function places(requests: readonly WriteRequest[]): Promise<string[]> {
  const outcomes = await Promise.allSettled(
    requests.map(async (request) => {
      const table = await request.table();
      return keyText(table.no, request.key(table));
    }),
  );
  if (outcomes.some(({ status }) => status === "rejected")) {
    throw canceled(outcomes.map((outcome) => (outcome.status === "rejected" ? outcome.reason : undefined)));
  }
  return outcomes.flatMap((outcome) => (outcome.status === "fulfilled" ? [outcome.value] : []));
}

interface Token {
  readonly digest: string;
  readonly isRepeat: boolean;
  readonly rows: readonly Statement[];
}

/** Errors: IdempotentParameterMismatchException when the token came with another request before. */
async function tokenOf(
  engine: Engine,
  input: TransactWriteItemsInput,
  context: RequestContext,
): Promise<Token | undefined> {
  const token = input.ClientRequestToken;
  if (token === undefined) return undefined;
  const digest = createHash("sha256").update(JSON.stringify(input.TransactItems)).digest("hex");
  const now = engine.clock.now();
  const who = [context.accountId, context.region, token];
  const [known] = await engine.store.database.read<{ digest: string; expires_at: number }>(
    "SELECT digest, expires_at FROM ddb_requests WHERE account_id = ? AND region = ? AND token = ?",
    who,
  );
  if (known !== undefined && known.expires_at > now) {
    if (known.digest !== digest) throw idempotentParameterMismatch();
    return { digest, isRepeat: true, rows: [] };
  }
  const rows = [
    {
      sql: "DELETE FROM ddb_requests WHERE account_id = ? AND region = ? AND token = ? AND expires_at <= ?",
      params: [...who, now],
    },
    {
      sql: "INSERT INTO ddb_requests (account_id, region, token, digest, expires_at) VALUES (?, ?, ?, ?, ?)",
      params: [...who, digest, now + TOKEN_MS],
      expect: 1,
    },
  ];
  return { digest, isRepeat: false, rows };
}

function writeAnswer(
  input: TransactWriteItemsInput,
  requests: readonly WriteRequest[],
  changes: readonly Change[],
): object {
  const written = changes.map((change, index) => ({ request: requests[index] as WriteRequest, change }));
  const parts = written.map(({ request, change }) =>
    consumedByWrite(change.table, request.tableName, writeUnits(change), TRANSACTION_FACTOR),
  );
  const metrics = input.ReturnItemCollectionMetrics === "SIZE" ? metricsOf(written) : {};
  return {
    ...showAllConsumed(input.ReturnConsumedCapacity, parts, "WriteCapacityUnits"),
    ...(Object.keys(metrics).length === 0 ? {} : { ItemCollectionMetrics: metrics }),
  };
}

/** A repeat within ten minutes changes nothing and costs what reading the items costs. */
async function repeatAnswer(
  engine: Engine,
  input: TransactWriteItemsInput,
  requests: readonly WriteRequest[],
): Promise<object> {
  const parts = await Promise.all(
    requests.map(async (request) => {
      const table = await request.table();
      const stored = await engine.store.item(table, request.key(table));
      return consumedByRead(
        table,
        request.tableName,
        undefined,
        TRANSACTION_FACTOR * readUnits(stored?.bytes ?? 0, true),
      );
    }),
  );
  return showAllConsumed(input.ReturnConsumedCapacity, parts, "ReadCapacityUnits");
}

export function transactionOperations(use: UseEngine): Operations<typeof import("@aws-sdk/client-dynamodb")> {
  // Two requests with one token take turns, so that the second sees what the first has left.
  const tokens = createTurns();
  return {
    async TransactWriteItems(input, context) {
      const engine = await use();
      const requests = (input.TransactItems ?? []).map((item) => writeRequest(engine, item, context));
      refuseDuplicates(await places(requests));
      const turn = [context.accountId, context.region, input.ClientRequestToken ?? context.requestId].join(
        "/",
      );
      return tokens.run([turn], async () => {
        const token = await tokenOf(engine, input, context);
        if (token?.isRepeat === true) return repeatAnswer(engine, input, requests);
        const changes = await engine.writer.all(requests, canceled, {
          ...(token === undefined ? {} : { extra: token.rows }),
          bytesMax: LIMITS.dynamodbTransactionBytes,
        });
        return writeAnswer(input, requests, changes);
      });
    },

    async TransactGetItems(input, context) {
      const gets = (input.TransactItems ?? []).map(({ Get }) => {
        const expression = Get?.ProjectionExpression;
        const placeholders = new Placeholders(Get ?? {}, { ProjectionExpression: expression }, []);
        const paths = expression === undefined ? undefined : readProjection(expression, placeholders);
        placeholders.refuseUnused();
        return { name: Get?.TableName ?? "", key: checkItem(Get?.Key ?? {}), paths };
      });
      const { meter, store, tables } = await use();
      const outcomes = await Promise.allSettled(
        gets.map(async ({ name, key }) => {
          const table = await tables.withItems(context, name);
          const place = { table, key: keyOfKey(table, key) };
          meter.admit(consumedByRead(table, name, undefined, 1), "Read");
          return place;
        }),
      );
      if (outcomes.some(({ status }) => status === "rejected")) {
        throw canceled(
          outcomes.map((outcome) => (outcome.status === "rejected" ? outcome.reason : undefined)),
        );
      }
      const keys = outcomes.flatMap((outcome) => (outcome.status === "fulfilled" ? [outcome.value] : []));
      refuseDuplicates(keys.map(({ table, key }) => keyText(table.no, key)));
      const stored = await store.items(keys);
      const bytes = stored.reduce((sum, row) => sum + (row?.bytes ?? 0), 0);
      if (bytes > LIMITS.dynamodbTransactionBytes) {
        throw validation(`Transaction payload size cannot exceed 4MB. Payload Size: ${String(bytes)}`);
      }
      const parts = keys.map(({ table }, index) =>
        consumedByRead(
          table,
          gets[index]?.name ?? "",
          undefined,
          TRANSACTION_FACTOR * readUnits(stored[index]?.bytes ?? 0, true),
        ),
      );
      for (const part of parts) meter.take(part, "Read");
      return {
        Responses: stored.map((row, index) => {
          if (row === undefined) return {};
          const paths = gets[index]?.paths;
          const item = itemFromText(row.text);
          return { Item: paths === undefined ? item : project(item, paths) };
        }),
        ...showAllConsumed(input.ReturnConsumedCapacity, parts, "ReadCapacityUnits"),
      };
    },
  };
}
