/** PutEvents and TestEventPattern. */
import type { RequestContext } from "../../aws/service.ts";
import { matches } from "../../events/pattern/pattern.ts";
import type { Statement } from "../../ports/database.ts";
import type { Delivery, Outbox } from "../../ports/outbox.ts";
import type { Deps, EventsOperations } from "./deps.ts";
import * as errors from "./errors.ts";
import { makeEvent } from "./event.ts";
import { EVENTS_LIMITS } from "./model.ts";
import { busKeyOf } from "./names.ts";
import { patternOf } from "./rules.ts";
import { entryBytes, type Entry, readEntry } from "./put-events.ts";

interface EntryResult {
  readonly EventId?: string;
  readonly ErrorCode?: string;
  readonly ErrorMessage?: string;
}

export function eventOperations(deps: Deps, outbox: Outbox): EventsOperations {
  const { router, archiver, random, store, clock } = deps;

  async function take(
    entry: Entry,
    context: RequestContext,
    deliveries: Delivery[],
    archived: Statement[],
  ): Promise<EntryResult> {
    const read = readEntry(entry);
    if ("ErrorCode" in read) return read;
    const now = clock.now();
    const fields = {
      id: random.uuid(),
      source: entry.Source ?? "",
      detailType: entry.DetailType ?? "",
      accountId: context.accountId,
      region: context.region,
      timeMs: entry.Time?.getTime() ?? now,
      resources: entry.Resources ?? [],
      detail: entry.Detail ?? "",
    };
    const made = makeEvent(fields, read.detail, now);
    const event = entry.TraceHeader === undefined ? made : { ...made, traceHeader: entry.TraceHeader };
    const bus = busKeyOf(context, entry.EventBusName);
    deliveries.push(...(await router.deliveries(bus, event)));
    archived.push(...(await archiver.statements(bus, event)));
    return { EventId: fields.id };
  }

  return {
    async PutEvents(input, context) {
      if (input.EndpointId !== undefined) throw errors.notServed("EndpointId of PutEvents");
      const entries = (input.Entries ?? []) as readonly Entry[];
      const bytes = entries.reduce((sum, entry) => sum + entryBytes(entry), 0);
      if (bytes > EVENTS_LIMITS.putEventsBytes) {
        throw errors.validation("Total size of the entries in the request is over the limit.");
      }
      const deliveries: Delivery[] = [];
      const archived: Statement[] = [];
      const results: EntryResult[] = [];
      for (const entry of entries) results.push(await take(entry, context, deliveries, archived));
      if (deliveries.length > 0 || archived.length > 0) {
        await store.commit([...outbox.within(deliveries), ...archived]);
        outbox.wake(deliveries);
      }
      return {
        FailedEntryCount: results.filter(({ ErrorCode }) => ErrorCode !== undefined).length,
        Entries: results,
      };
    },

    TestEventPattern(input) {
      const pattern = patternOf(input.EventPattern ?? "");
      const event = parseTestEvent(input.Event ?? "");
      return { Result: matches(pattern, event) };
    },
  };
}

/** What every event has; TestEventPattern insists on it. */
const MANDATORY = ["id", "account", "source", "time", "region", "resources", "detail-type"] as const;

function parseTestEvent(text: string): unknown {
  let event: unknown;
  try {
    event = JSON.parse(text);
  } catch {
    throw errors.validation("Parameter Event is not valid.");
  }
  if (typeof event !== "object" || event === null || Array.isArray(event)) {
    throw errors.validation("Parameter Event is not valid.");
  }
  const missing = MANDATORY.find((name) => !Object.hasOwn(event as object, name));
  if (missing !== undefined) {
    throw errors.validation(
      "Parameter Event is not valid.",
      `an event has the fields ${MANDATORY.join(", ")}; this one lacks ${missing}`,
    );
  }
  return event;
}
