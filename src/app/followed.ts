/** What `lambent logs -f` follows: the lines of functions, and between them what events reached or failed to reach. */
import type { Scope } from "../kernel/scope.ts";
import { sameScope } from "../kernel/scope.ts";
import type { DeliveryNote } from "../lambda/observe/deliveries.ts";
import type { TailedLine } from "./admin-routes.ts";
import type { Core } from "./core.ts";

/** Returns the way out. */
export function followed(
  core: Pick<Core, "logs" | "deliveries">,
  { accountId, region }: Scope,
  matches: (group: string) => boolean,
  emit: (lines: readonly TailedLine[]) => void,
): () => void {
  const scope = { accountId, region };
  const stopLines = core.logs.tail(scope, "*", (events) => {
    const lines = events.filter((event) => matches(event.group));
    if (lines.length > 0) emit(lines);
  });
  const stopNotes = core.deliveries.subscribe((note) => {
    const group = sameScope(note.scope, scope) ? groupOf(note, matches) : undefined;
    if (group !== undefined) emit([lineOf(note, group)]);
  });
  return () => {
    stopLines();
    stopNotes();
  };
}

/** The log group under which a note is followed; empty for one of no function, which only `*` takes. */
function groupOf({ functions }: DeliveryNote, matches: (group: string) => boolean): string | undefined {
  const groups = functions.length === 0 ? [""] : functions.map((name) => `/aws/lambda/${name}`);
  return groups.find(matches);
}

function lineOf({ at, text, failed, next }: DeliveryNote, group: string): TailedLine {
  const delivery = next === undefined ? { failed } : { failed, next };
  return { group, stream: "", timestamp: at, message: text, delivery };
}
