import type { Scope } from "../../kernel/scope.ts";
import { unqualified } from "./concurrency.ts";
import type { ControlContext } from "./deps.ts";
import { functionNotFound } from "./errors.ts";
import { functionArn } from "./names.ts";
import type { RecursiveLoop } from "./record.ts";

/** What is done with a function that is called in a loop. Errors: ResourceNotFoundException. */
export interface Recursion {
  put(scope: Scope, functionName: string, wanted: RecursiveLoop): Promise<RecursiveLoop>;
  get(scope: Scope, functionName: string): Promise<RecursiveLoop>;
}

/** https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html */
export function recursionOf({ store }: ControlContext): Recursion {
  return {
    async put(scope, functionName, wanted) {
      const target = unqualified(scope, functionName);
      const record = await store.change(target.scope, target.name, (current) =>
        current.recursiveLoop === wanted ? current : { ...current, recursiveLoop: wanted },
      );
      if (record === undefined) throw functionNotFound(functionArn(target.scope, target.name));
      return record.recursiveLoop;
    },
    async get(scope, functionName) {
      const target = unqualified(scope, functionName);
      const record = await store.load(target.scope, target.name);
      if (record === undefined) throw functionNotFound(functionArn(target.scope, target.name));
      return record.recursiveLoop;
    },
  };
}
