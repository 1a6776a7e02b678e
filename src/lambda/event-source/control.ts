/**
 * Event source mappings as users manage them. A change is a row; the manager is told, and pollers
 * follow. https://docs.aws.amazon.com/lambda/latest/api/API_EventSourceMappingConfiguration.html
 */
import { arnParts } from "../../kernel/arn.ts";
import type { Clock } from "../../kernel/clock.ts";
import { ServiceError } from "../../kernel/errors.ts";
import type { Random } from "../../kernel/random.ts";
import { partitionOf, type Scope } from "../../kernel/scope.ts";
import { Conflict } from "../../ports/database.ts";
import {
  invalidParameter,
  notImplementedYet,
  resourceConflict,
  resourceNotFound,
} from "../control/errors.ts";
import { functionArn, targetOf, type FunctionTarget } from "../control/names.ts";
import { decodeMarker, encodeMarker } from "../control/page.ts";
import { checkNewTags, noTags } from "../control/tags.ts";
import { checkFieldsOfSource, settingsFrom, type MappingFields } from "./fields.ts";
import { isQueue, sourceKind, type EventSourceMapping, type SourceKind, type Transition } from "./model.ts";
import type { MappingStore } from "./store.ts";

export interface MappingRequest extends MappingFields {
  readonly EventSourceArn?: string | undefined;
  readonly FunctionName?: string | undefined;
  readonly Enabled?: boolean | undefined;
  readonly Tags?: Readonly<Record<string, string>> | undefined;
  /** Of sources that do not stand yet. */
  readonly SelfManagedEventSource?: object | undefined;
  readonly SourceAccessConfigurations?: readonly object[] | undefined;
}

/** What control asks of the world around it. */
export interface MappingChecks {
  /** The version's role and time-out. Rejects when there is no such function, version or alias. */
  functionOf(target: FunctionTarget): Promise<{ readonly role: string; readonly timeoutMs: number }>;
  /** Rejects with AWS's InvalidParameterValueException when the source is not there or closed to the role. */
  source(mapping: {
    readonly scope: Scope;
    readonly sourceArn: string;
    readonly kind: SourceKind;
    readonly functionName: string;
    readonly role: string;
    readonly timeoutMs: number;
  }): Promise<void>;
  /** Rejects when the destination of failed batches is none. */
  destination(scope: Scope, arn: string, role: string): Promise<void>;
}

export interface MappingControlDeps {
  readonly store: MappingStore;
  readonly checks: MappingChecks;
  readonly clock: Clock;
  readonly random: Random;
  /** Told after every change. */
  readonly changed: () => void;
  /** How long a change shows as under way. */
  readonly transitionMs: number;
}

export interface MappingPage {
  readonly items: readonly EventSourceMapping[];
  readonly nextMarker: string | undefined;
}

export interface MappingControl {
  create(scope: Scope, request: MappingRequest): Promise<EventSourceMapping>;
  get(scope: Scope, uuid: string): Promise<EventSourceMapping>;
  /** Errors: InvalidParameterValueException for a marker that is none. */
  list(
    scope: Scope,
    only: { readonly sourceArn: string | undefined; readonly functionName: string | undefined },
    marker: string | undefined,
    maxItems: number | undefined,
  ): Promise<MappingPage>;
  update(scope: Scope, uuid: string, request: MappingRequest): Promise<EventSourceMapping>;
  delete(scope: Scope, uuid: string): Promise<EventSourceMapping>;
  tag(scope: Scope, uuid: string, tags: Readonly<Record<string, string>>): Promise<void>;
  untag(scope: Scope, uuid: string, keys: readonly string[]): Promise<void>;
}

const PAGE_MAX = 100;
const TRIES = 5;

export function mappingArn(scope: Scope, uuid: string): string {
  return `arn:${partitionOf(scope.region)}:lambda:${scope.region}:${scope.accountId}:event-source-mapping:${uuid}`;
}

export function createMappingControl(deps: MappingControlDeps): MappingControl {
  const { store, checks, clock, random } = deps;

  async function find(scope: Scope, uuid: string): Promise<EventSourceMapping> {
    const mapping = await store.find(scope, uuid);
    if (mapping === undefined) throw noMapping();
    return mapping;
  }

  /** Reads, decides, writes; again when somebody else wrote between. */
  async function change(
    scope: Scope,
    uuid: string,
    decide: (before: EventSourceMapping) => Promise<EventSourceMapping> | EventSourceMapping,
  ): Promise<EventSourceMapping> {
    for (let attempt = 1; ; attempt += 1) {
      const before = await find(scope, uuid);
      const after = { ...(await decide(before)), revision: before.revision + 1 };
      try {
        await store.replace(after, before.revision);
        deps.changed();
        return after;
      } catch (error) {
        if (!(error instanceof Conflict)) throw error;
        const { sourceArn, functionArn: name } = after;
        const [there] = await store.list(after.scope, { sourceArn, functionArn: name }, "", 1);
        if (there !== undefined && there.uuid !== uuid) throw alreadyThere(there);
        if (attempt === TRIES) throw changing();
      }
    }
  }

  /** Pollers follow what has another time: no two changes have the same. */
  function stamped(mapping: EventSourceMapping, transition: Transition): EventSourceMapping {
    const now = Math.max(clock.now(), mapping.lastModifiedMs + 1);
    return { ...mapping, transition, transitionUntilMs: now + deps.transitionMs, lastModifiedMs: now };
  }

  async function functionOf(target: FunctionTarget): ReturnType<MappingChecks["functionOf"]> {
    try {
      return await checks.functionOf(target);
    } catch (error) {
      if (!(error instanceof ServiceError) || error.code !== "ResourceNotFoundException") throw error;
      throw invalidParameter("Function does not exist", error.hint);
    }
  }

  return {
    async create(scope, request) {
      const sourceArn = request.EventSourceArn;
      if (sourceArn === undefined) throw noSource(request);
      const kind = kindOf(sourceArn, request);
      checkFieldsOfSource(kind, { ...request });
      checkNewTags(new Map(), request.Tags ?? {});
      const target = targetOf(scope, request.FunctionName ?? "");
      const { role, timeoutMs } = await functionOf(target);
      const settings = settingsFrom(kind, request, undefined);
      const functionName = target.name;
      await checks.source({ scope, sourceArn, kind, functionName, role, timeoutMs });
      const onFailure = settings.stream?.onFailureArn;
      if (onFailure !== undefined) await checks.destination(scope, onFailure, role);
      const mapping = stamped(
        {
          uuid: random.uuid(),
          scope: { accountId: target.scope.accountId, region: target.scope.region },
          sourceArn,
          kind,
          functionName,
          qualifier: target.qualifier,
          functionArn: functionArn(target.scope, target.name, target.qualifier),
          settings,
          wanted: request.Enabled === false ? "disabled" : "enabled",
          transition: "Creating",
          transitionUntilMs: 0,
          lastModifiedMs: 0,
          lastProcessingResult: isQueue(kind) ? undefined : "No records processed",
          tags: request.Tags ?? {},
          revision: 1,
        },
        "Creating",
      );
      const inTheWay = await store.insert(mapping);
      if (inTheWay !== undefined) throw alreadyThere(inTheWay);
      deps.changed();
      return mapping;
    },

    get: find,

    async list(scope, only, marker, maxItems) {
      const limit = Math.min(maxItems ?? PAGE_MAX, PAGE_MAX);
      const target = only.functionName === undefined ? undefined : targetOf(scope, only.functionName);
      const items = await store.list(
        scope,
        {
          ...(only.sourceArn === undefined ? {} : { sourceArn: only.sourceArn }),
          ...(target === undefined
            ? {}
            : { functionArn: functionArn(target.scope, target.name, target.qualifier) }),
        },
        marker === undefined ? "" : decodeMarker(marker),
        limit + 1,
      );
      const page = items.slice(0, limit);
      const last = items.length > limit ? page.at(-1) : undefined;
      return { items: page, nextMarker: last === undefined ? undefined : encodeMarker(last.uuid) };
    },

    update: (scope, uuid, request) =>
      change(scope, uuid, async (before) => {
        if (before.wanted === "deleted") throw inUse("update");
        checkFieldsOfSource(before.kind, { ...request });
        const settings = settingsFrom(before.kind, request, before.settings);
        const target =
          request.FunctionName === undefined
            ? { scope: before.scope, name: before.functionName, qualifier: before.qualifier }
            : targetOf(scope, request.FunctionName);
        const { role } = await functionOf(target);
        const onFailure = settings.stream?.onFailureArn;
        if (onFailure !== undefined && onFailure !== before.settings.stream?.onFailureArn) {
          await checks.destination(scope, onFailure, role);
        }
        const wanted =
          request.Enabled === undefined ? before.wanted : request.Enabled ? "enabled" : "disabled";
        const after: EventSourceMapping = {
          ...before,
          functionName: target.name,
          qualifier: target.qualifier,
          functionArn: functionArn(target.scope, target.name, target.qualifier),
          settings,
          wanted,
        };
        return stamped(after, transitionOf(before, after));
      }),

    delete: (scope, uuid) =>
      change(scope, uuid, (before) => {
        if (before.wanted === "deleted") throw inUse("delete");
        return stamped({ ...before, wanted: "deleted" }, "Deleting");
      }),

    async tag(scope, uuid, tags) {
      if (Object.keys(tags).length === 0) throw noTags();
      await change(scope, uuid, (before) => {
        checkNewTags(new Map(Object.entries(before.tags)), tags);
        return { ...before, tags: { ...before.tags, ...tags } };
      });
    },
    async untag(scope, uuid, keys) {
      await change(scope, uuid, (before) => ({
        ...before,
        tags: Object.fromEntries(Object.entries(before.tags).filter(([key]) => !keys.includes(key))),
      }));
    },
  };
}

/** AWS's word for what an update does. */
function transitionOf(before: EventSourceMapping, after: EventSourceMapping): Transition {
  if (before.wanted === after.wanted) return "Updating";
  return after.wanted === "enabled" ? "Enabling" : "Disabling";
}

function kindOf(arn: string, request: MappingRequest): SourceKind {
  const kind = sourceKind(arn);
  const service = arnParts(arn).service;
  if ((kind === "dynamodb" || service === "kinesis") && request.StartingPosition === undefined) {
    throw invalidParameter(
      "1 validation error detected: Value null at 'startingPosition' failed to satisfy constraint: Member must not be null.",
    );
  }
  if (kind === "dynamodb" && request.StartingPosition === "AT_TIMESTAMP") {
    throw invalidParameter(`Unsupported starting position for arn type: ${arn}`);
  }
  if (kind !== undefined) return kind;
  if (["kinesis", "kafka", "mq", "rds", "docdb"].includes(service)) {
    throw notImplementedYet(
      `${service} as an event source`,
      "SQS queues and DynamoDB streams are event sources today.",
    );
  }
  throw invalidParameter("Unrecognized event source.");
}

/** Sources without an ARN are clusters of one's own. */
function noSource(request: MappingRequest): ServiceError {
  if (request.SelfManagedEventSource === undefined) return invalidParameter("Unrecognized event source.");
  if (request.SourceAccessConfigurations === undefined) {
    return invalidParameter("Required 'sourceAccessConfigurations' parameter is missing.");
  }
  return notImplementedYet(
    "SelfManagedEventSource as an event source",
    "SQS queues and DynamoDB streams are event sources today.",
  );
}

function noMapping(): ServiceError {
  return resourceNotFound("The resource you requested does not exist.");
}

function inUse(operation: string): ServiceError {
  return new ServiceError(
    "ResourceInUseException",
    400,
    `Cannot ${operation} the event source mapping because it is in use.`,
    { members: { Type: "User" }, hint: "It is being deleted; read its State." },
  );
}

function changing(): ServiceError {
  return resourceConflict(
    "The event source mapping is being changed by other requests at this time.",
    "Send the request again when they have ended.",
  );
}

function alreadyThere(there: EventSourceMapping): ServiceError {
  const { sourceArn, functionName, uuid } = there;
  const way = `Please update or delete the existing mapping with UUID ${uuid}`;
  return resourceConflict(
    isQueue(there.kind)
      ? `An event source mapping with SQS arn (" ${sourceArn} ") and function (" ${functionName} ") already exists. ${way}`
      : `The event source arn (" ${sourceArn} ") and function (" ${functionName} ") provided mapping already exists. ${way}`,
  );
}
