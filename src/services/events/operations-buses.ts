/** Buses and who may send to them. */
import { Conflict } from "../../ports/database.ts";
import { withoutStatement, withPermission } from "./bus-policy.ts";
import type { Deps, EventsOperations } from "./deps.ts";
import * as errors from "./errors.ts";
import { busAt, busOf, changing } from "./lookup.ts";
import { type Bus, EVENTS_LIMITS } from "./model.ts";
import { busArn, busKeyOf, type BusKey, DEFAULT_BUS } from "./names.ts";
import { openToken, pageOf } from "./page-token.ts";
import { deleteBus, insertBus, putTags, updateBus } from "./store.ts";
import { tagsFrom } from "./tags.ts";

export function busOperations(deps: Deps): EventsOperations {
  const { store, clock, router } = deps;

  /** Errors: ResourceNotFoundException. */
  function changeBus(key: BusKey, change: (bus: Bus) => Partial<Bus>): Promise<Bus> {
    return changing(deps, async () => {
      const bus = await busAt(deps, key);
      const result = { ...bus, ...change(bus), modifiedAt: Math.max(clock.now(), bus.modifiedAt + 1) };
      return { unit: [updateBus(result, bus.modifiedAt)], result };
    });
  }

  return {
    async CreateEventBus(input, context) {
      refuseUnserved(input);
      const { Name: name = "" } = input;
      if (input.EventSourceName !== undefined || name.startsWith("aws.partner/")) {
        throw errors.notServed("a bus of a partner event source");
      }
      if (name.includes("/")) throw errors.validation("Event bus name must not contain '/'.");
      const now = clock.now();
      await store.ensureDefault(context, now);
      const { accountId, region } = context;
      const bus: Bus = {
        ...{ accountId, region, bus: name, description: input.Description, policy: undefined },
        ...{ createdAt: now, modifiedAt: now },
      };
      try {
        await store.commit([insertBus(bus), ...putTags(busArn(bus), tagsFrom(input.Tags))]);
      } catch (error) {
        if (!(error instanceof Conflict)) throw error;
        throw (await store.bus(bus)) === undefined ? errors.limitExceeded() : errors.busExists(name);
      }
      router.forget(bus);
      return { EventBusArn: busArn(bus), Description: bus.description };
    },

    async DescribeEventBus(input, context) {
      return shown(await busOf(deps, context, input.Name));
    },

    async ListEventBuses(input, context) {
      await store.ensureDefault(context, clock.now());
      const question = ["buses", input.NamePrefix];
      const limit = input.Limit ?? EVENTS_LIMITS.pageDefault;
      const after = openToken(input.NextToken, question);
      const found = await store.buses(context, { prefix: input.NamePrefix, after, limit: limit + 1 });
      const page = pageOf(found, limit, ({ bus }) => bus, question);
      return { EventBuses: page.shown.map(shown), ...page.next };
    },

    async UpdateEventBus(input, context) {
      refuseUnserved(input);
      const { Description: description } = input;
      const bus = await changeBus(busKeyOf(context, input.Name), () =>
        description === undefined ? {} : { description },
      );
      return { Arn: busArn(bus), Name: bus.bus, Description: bus.description };
    },

    async DeleteEventBus(input, context) {
      const { accountId, region } = context;
      const key = { accountId, region, bus: input.Name ?? "" };
      if (key.bus === DEFAULT_BUS) throw errors.validation("Cannot delete event bus default.");
      if ((await store.bus(key)) === undefined) return {};
      try {
        await store.commit(deleteBus(key));
      } catch (error) {
        if (!(error instanceof Conflict)) throw error;
        if ((await store.bus(key)) === undefined) return {};
        throw errors.validation(
          "Event bus can't be deleted since it has rules.",
          "aws events list-rules --event-bus-name … and delete-rule each of them first",
        );
      }
      router.forget(key);
      return {};
    },

    async PutPermission(input, context) {
      await changeBus(busKeyOf(context, input.EventBusName), (bus) => ({
        policy: withPermission(bus, bus.policy, input as Parameters<typeof withPermission>[2]),
      }));
      return {};
    },

    async RemovePermission(input, context) {
      await changeBus(busKeyOf(context, input.EventBusName), (bus) => ({
        policy:
          input.RemoveAllPermissions === true ? undefined : withoutStatement(bus.policy, input.StatementId),
      }));
      return {};
    },
  };
}

interface BusSettings {
  readonly KmsKeyIdentifier?: string | undefined;
  readonly DeadLetterConfig?: object | undefined;
  readonly LogConfig?: { readonly Level?: string | undefined } | undefined;
}

function refuseUnserved({ KmsKeyIdentifier, DeadLetterConfig, LogConfig }: BusSettings): void {
  if ((KmsKeyIdentifier ?? "") !== "") throw errors.notServed("KmsKeyIdentifier of an event bus");
  if (DeadLetterConfig !== undefined && Object.keys(DeadLetterConfig).length > 0) {
    throw errors.notServed(
      "DeadLetterConfig of an event bus",
      "give the dead-letter queue to the targets of the rules",
    );
  }
  if ((LogConfig?.Level ?? "OFF") !== "OFF") throw errors.notServed("LogConfig of an event bus");
}

function shown(bus: Bus) {
  return {
    Name: bus.bus,
    Arn: busArn(bus),
    Description: bus.description,
    Policy: bus.policy,
    CreationTime: new Date(bus.createdAt),
    LastModifiedTime: new Date(bus.modifiedAt),
  };
}
