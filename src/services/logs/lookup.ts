import type { Scope } from "../../kernel/scope.ts";
import type { Deps } from "./deps.ts";
import * as errors from "./errors.ts";
import type { LogGroup, LogStream } from "./model.ts";

/** Errors: ResourceNotFoundException. A line just written has made its group: the buffer is stored first. */
export async function groupOf(deps: Deps, scope: Scope, name: string): Promise<LogGroup> {
  const found = await deps.store.group(scope, name);
  if (found !== undefined) return found;
  await deps.writer.flush();
  const made = await deps.store.group(scope, name);
  if (made === undefined) throw errors.groupNotFound(name);
  return made;
}

/** Errors: ResourceNotFoundException. */
export async function streamOf(deps: Deps, group: LogGroup, name: string): Promise<LogStream> {
  const found = await deps.store.stream(group.groupId, name);
  if (found !== undefined) return found;
  await deps.writer.flush();
  const made = await deps.store.stream(group.groupId, name);
  if (made === undefined) throw errors.streamNotFound();
  return made;
}
