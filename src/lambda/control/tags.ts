import type { ServiceError } from "../../kernel/errors.ts";
import { LIMITS } from "../../kernel/limits.ts";
import type { Scope } from "../../kernel/scope.ts";
import type { ControlContext } from "./deps.ts";
import { functionNotFound, invalidParameter, resourceNotFound } from "./errors.ts";
import { functionArn, targetOf } from "./names.ts";
import { type FunctionRecord, LATEST, latestOf, withEntry } from "./record.ts";

export interface Tags {
  tag(scope: Scope, resource: string, tags: Readonly<Record<string, string>>): Promise<void>;
  /** Keys that are not there are no error. */
  untag(scope: Scope, resource: string, keys: readonly string[]): Promise<void>;
  list(scope: Scope, resource: string): Promise<ReadonlyMap<string, string>>;
}

/** Errors: InvalidParameterValueException for too many tags in all and for AWS's own prefix. */
export function checkNewTags(
  current: ReadonlyMap<string, string>,
  added: Readonly<Record<string, string>>,
): void {
  const count = new Set([...current.keys(), ...Object.keys(added)]).size;
  if (count > LIMITS.tagsPerFunction) throw invalidParameter("Number of tags exceeds resource tag limit.");
  if (Object.keys(added).some((key) => key.toLowerCase().startsWith("aws:"))) {
    throw invalidParameter("aws: prefixed tag key names are not allowed for external use.");
  }
}

export function noTags(): ServiceError {
  return invalidParameter("An error occurred and the request cannot be processed.");
}

export function tagsOf(context: ControlContext): Tags {
  const { store } = context;

  async function change(
    scope: Scope,
    resource: string,
    next: (tags: ReadonlyMap<string, string>) => ReadonlyMap<string, string>,
  ): Promise<void> {
    const target = taggedFunction(scope, resource);
    const record = await store.change(target.scope, target.name, (current) =>
      withTags(current, next(current.tags)),
    );
    if (record === undefined) throw functionNotFound(functionArn(target.scope, target.name));
  }

  /** Tags move the function's RevisionId. */
  function withTags(record: FunctionRecord, tags: ReadonlyMap<string, string>): FunctionRecord {
    const latest = { ...latestOf(record), revisionId: context.random.uuid() };
    return { ...record, tags, versions: withEntry(record.versions, LATEST, latest) };
  }

  return {
    async tag(scope, resource, tags) {
      if (Object.keys(tags).length === 0) {
        throw noTags();
      }
      await change(scope, resource, (current) => {
        checkNewTags(current, tags);
        return new Map([...current, ...Object.entries(tags)]);
      });
    },
    async untag(scope, resource, keys) {
      await change(
        scope,
        resource,
        (current) => new Map([...current].filter(([key]) => !keys.includes(key))),
      );
    },
    async list(scope, resource) {
      const target = taggedFunction(scope, resource);
      const record = await store.load(target.scope, target.name);
      if (record === undefined) throw functionNotFound(functionArn(target.scope, target.name));
      return record.tags;
    },
  };
}

/** The function an ARN of TagResource names. Errors: versions and aliases have no tags. */
function taggedFunction(scope: Scope, resource: string): { scope: Scope; name: string } {
  if (!/^arn:[^:]*:lambda:[^:]*:[^:]*:function:/.test(resource)) {
    throw resourceNotFound(
      "The resource you requested does not exist.",
      "Only functions can be tagged so far: pass the ARN that get-function answers.",
    );
  }
  const target = targetOf(scope, resource);
  if (target.qualifier !== undefined) {
    throw invalidParameter(
      "Tags on function aliases and versions are not supported. Please specify a function ARN.",
    );
  }
  return target;
}
