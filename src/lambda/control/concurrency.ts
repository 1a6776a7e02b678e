import type { Scope } from "../../kernel/scope.ts";
import type { ControlContext } from "./deps.ts";
import { functionNotFound, invalidParameter } from "./errors.ts";
import { type FunctionTarget, functionArn, targetOf } from "./names.ts";

export interface Concurrency {
  /** Errors: InvalidParameterValueException when fewer than 100 would stay unreserved. */
  put(scope: Scope, functionName: string, reserved: number): Promise<number>;
  /** Undefined: the function has no reservation. */
  get(scope: Scope, functionName: string): Promise<number | undefined>;
  delete(scope: Scope, functionName: string): Promise<void>;
}

/** https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html */
export function concurrencyOf(context: ControlContext): Concurrency {
  const { store } = context;

  async function set(scope: Scope, functionName: string, reserved: number | undefined): Promise<void> {
    const target = unqualified(scope, functionName);
    // The sum over the account is checked by the store, in the unit that writes it.
    const record = await store.change(target.scope, target.name, (current) =>
      current.reservedConcurrency === reserved ? current : { ...current, reservedConcurrency: reserved },
    );
    if (record === undefined) throw functionNotFound(functionArn(target.scope, target.name));
  }

  return {
    async put(scope, functionName, reserved) {
      await set(scope, functionName, reserved);
      return reserved;
    },
    async get(scope, functionName) {
      const target = targetOf(scope, functionName);
      const record = await store.load(target.scope, target.name);
      if (record === undefined) throw functionNotFound(functionArn(target.scope, target.name));
      return record.reservedConcurrency;
    },
    async delete(scope, functionName) {
      await set(scope, functionName, undefined);
    },
  };
}

/** Errors: InvalidParameterValueException for a version or alias. */
export function unqualified(scope: Scope, functionName: string): FunctionTarget {
  const target = targetOf(scope, functionName);
  if (target.qualifier !== undefined) {
    throw invalidParameter(
      "This operation is permitted on Lambda functions only. Aliases and versions do not support this operation. Please specify either a function name or an unqualified function ARN.",
    );
  }
  return target;
}
