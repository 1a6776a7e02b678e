/** Every refusal of DynamoDB that needs more than a constraint of the model, spelled once. */
import { ServiceError } from "../../kernel/errors.ts";
import type { Item } from "./value/item.ts";

const THROUGHPUT_EXCEEDED = "ProvisionedThroughputExceededException";
const ON_DEMAND_EXCEEDED = "ThrottlingException";

export function validation(message: string, hint?: string): ServiceError {
  return new ServiceError("ValidationException", 400, message, hint === undefined ? {} : { hint });
}

/** Most of AWS's sentences about values begin alike. */
export function invalidParameters(rest: string): ServiceError {
  return validation(`One or more parameter values were invalid: ${rest}`);
}

/** Operations on items do not say which table it was. */
export function resourceNotFound(hint?: string): ServiceError {
  return new ServiceError(
    "ResourceNotFoundException",
    400,
    "Requested resource not found",
    hint === undefined ? {} : { hint },
  );
}

export function tableNotFound(name: string): ServiceError {
  return new ServiceError(
    "ResourceNotFoundException",
    400,
    `Requested resource not found: Table: ${name} not found`,
    { hint: "aws dynamodb list-tables lists the tables of this account and region" },
  );
}

export function arnNotFound(arn: string): ServiceError {
  return new ServiceError(
    "ResourceNotFoundException",
    400,
    `Requested resource not found: ResourcArn: ${arn} not found`,
  );
}

export function tableExists(name: string): ServiceError {
  return new ServiceError("ResourceInUseException", 400, `Table already exists: ${name}`);
}

export function tableInUse(name: string, doing: "created" | "updated" | "deleted"): ServiceError {
  return new ServiceError(
    "ResourceInUseException",
    400,
    `Attempt to change a resource which is still in use: Table is being ${doing}: ${name}`,
    { hint: "wait until DescribeTable says ACTIVE" },
  );
}

export function limitExceeded(message: string): ServiceError {
  return new ServiceError("LimitExceededException", 400, `Subscriber limit exceeded: ${message}`);
}

export function tooManyTables(limit: number): ServiceError {
  return limitExceeded(`There is a limit of ${String(limit)} tables per subscriber`);
}

export function tooManyUnderWay(limit: number): ServiceError {
  return limitExceeded(`Only ${String(limit)} tables can be created, updated, or deleted simultaneously`);
}

const CONDITION_FAILED = "ConditionalCheckFailedException";

export function isConditionalCheckFailed(error: unknown): boolean {
  return error instanceof ServiceError && error.code === CONDITION_FAILED;
}

export function conditionalCheckFailed(item: Item | undefined): ServiceError {
  return new ServiceError(
    CONDITION_FAILED,
    400,
    "The conditional request failed",
    item === undefined ? {} : { members: { Item: item } },
  );
}

const EXCEEDED = {
  Table:
    "The level of configured provisioned throughput for the table was exceeded. Consider increasing your provisioning level with the UpdateTable API.",
  Index:
    "The level of configured provisioned throughput for one or more global secondary indexes of the table was exceeded. Consider increasing your provisioning level for the under-provisioned global secondary indexes with the UpdateTable API.",
} as const;

interface Exceeded {
  readonly of: keyof typeof EXCEEDED;
  readonly arn: string;
  readonly limit: "ProvisionedThroughput" | "MaxOnDemandThroughput";
}

/** https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_ThrottlingReason.html */
export function throughputExceeded({ of, arn, limit }: Exceeded, side: "Read" | "Write"): ServiceError {
  const reason = { reason: `${of}${side}${limit}Exceeded`, resource: arn };
  if (limit === "MaxOnDemandThroughput") {
    const sentence = "Throughput exceeds the maximum OnDemandThroughput configured on table or index";
    return new ServiceError(ON_DEMAND_EXCEEDED, 400, sentence, {
      members: { throttlingReasons: [reason] },
      hint: "slow down, or raise the maximum with UpdateTable",
    });
  }
  return new ServiceError(THROUGHPUT_EXCEEDED, 400, EXCEEDED[of], {
    members: { ThrottlingReasons: [reason] },
    hint: "slow down, provision more, or start the server with --dynamodb-throughput warn",
  });
}

export function isThroughputExceeded(error: unknown): boolean {
  return error instanceof ServiceError && [THROUGHPUT_EXCEEDED, ON_DEMAND_EXCEEDED].includes(error.code);
}

export function itemTooLarge(what: "Item size" | "Item size to update"): ServiceError {
  return validation(`${what} has exceeded the maximum allowed size`);
}

export function collectionTooLarge(): ServiceError {
  return new ServiceError("ItemCollectionSizeLimitExceededException", 400, "Collection size exceeded.", {
    hint: "a table with local indexes holds 10 GB a partition key, its indexes' entries included",
  });
}

export function transactionConflict(): ServiceError {
  return new ServiceError("TransactionConflictException", 400, "Transaction is ongoing for the item", {
    hint: "other writes of the same item kept being faster; repeat the request",
  });
}

/** Why one action of a transaction did not go through; `None` for those that would have. */
export interface CancellationReason {
  readonly Code: string;
  readonly Message?: string;
  readonly Item?: Item;
}

export function transactionCanceled(reasons: readonly CancellationReason[]): ServiceError {
  const codes = reasons.map(({ Code }) => Code).join(", ");
  return new ServiceError(
    "TransactionCanceledException",
    400,
    `Transaction cancelled, please refer cancellation reasons for specific reasons [${codes}]`,
    { members: { CancellationReasons: reasons } },
  );
}

export function idempotentParameterMismatch(): ServiceError {
  return new ServiceError(
    "IdempotentParameterMismatchException",
    400,
    "Request Token and Parameters do not match",
  );
}

/** An operation or parameter that is understood and not there: better refused than ignored. */
export function notServed(what: string, hint: string): ServiceError {
  return validation(`${what} is not supported by Lambent`, hint);
}
