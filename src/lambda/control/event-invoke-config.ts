import { arnParts } from "../../kernel/arn.ts";
import { LIMITS } from "../../kernel/limits.ts";
import type { Scope } from "../../kernel/scope.ts";
import type { ControlContext } from "./deps.ts";
import { isPlainQueueOrTopic } from "./destination-checks.ts";
import { invalidParameter, resourceNotFound } from "./errors.ts";
import { type FunctionTarget, functionArn, parseFunctionName, targetOf } from "./names.ts";
import { type Page, pageOf } from "./page.ts";
import { type EventInvokeConfig, type FunctionRecord, LATEST, versionAt, withEntry } from "./record.ts";
import type { EventInvokeSettings, EventInvokeSettingsSource } from "./types.ts";

export interface EventInvokeSpec {
  readonly functionName: string;
  readonly qualifier?: string | undefined;
  readonly maximumRetryAttempts?: number | undefined;
  readonly maximumEventAgeSeconds?: number | undefined;
  readonly destinations?: DestinationSpec | undefined;
}

/** As DestinationConfig: a side left out stays undefined, a side without an ARN is `{}`. */
export interface DestinationSpec {
  readonly onSuccess?: { readonly destination?: string | undefined } | undefined;
  readonly onFailure?: { readonly destination?: string | undefined } | undefined;
}

export interface EventInvokeAnswer {
  readonly config: EventInvokeConfig;
  readonly arn: string;
}

export interface EventInvokeConfigs extends EventInvokeSettingsSource {
  /** Replaces what there was. */
  put(scope: Scope, spec: EventInvokeSpec): Promise<EventInvokeAnswer>;
  /** Changes what is given and keeps the rest. */
  update(scope: Scope, spec: EventInvokeSpec): Promise<EventInvokeAnswer>;
  get(scope: Scope, functionName: string, qualifier: string | undefined): Promise<EventInvokeAnswer>;
  list(
    scope: Scope,
    functionName: string,
    marker: string | undefined,
    maxItems: number | undefined,
  ): Promise<Page<EventInvokeAnswer>>;
  delete(scope: Scope, functionName: string, qualifier: string | undefined): Promise<void>;
}

/** Services that can be destinations, beside functions. */
const DESTINATIONS = new Set(["sqs", "sns", "events", "s3"]);

export function eventInvokeConfigsOf(context: ControlContext): EventInvokeConfigs {
  const { store, clock } = context;

  async function write(scope: Scope, spec: EventInvokeSpec, keep: boolean): Promise<EventInvokeAnswer> {
    if (
      spec.maximumRetryAttempts === undefined &&
      spec.maximumEventAgeSeconds === undefined &&
      spec.destinations === undefined
    ) {
      throw invalidParameter("You must specify at least one of error handling or destination setting.");
    }
    const target = targetOf(scope, spec.functionName, spec.qualifier);
    const key = target.qualifier ?? LATEST;
    await requireQualifier(target);
    await checkDestinations(target, spec.destinations);
    let made: EventInvokeConfig | undefined;
    await store.change(target.scope, target.name, (record) => {
      if (!hasQualifier(record, key)) throw gone();
      const before = record.eventInvokeConfigs.get(key);
      if (keep && before === undefined) throw noConfig(target);
      made = configOf(key, spec, keep ? before : undefined, clock.now());
      return { ...record, eventInvokeConfigs: withEntry(record.eventInvokeConfigs, key, made) };
    });
    if (made === undefined) throw gone();
    return { config: made, arn: configArn(target) };
  }

  async function requireQualifier(target: FunctionTarget): Promise<void> {
    const record = await store.load(target.scope, target.name);
    if (record === undefined || !hasQualifier(record, target.qualifier ?? LATEST)) throw gone();
  }

  async function checkDestinations(
    target: FunctionTarget,
    destinations: DestinationSpec | undefined,
  ): Promise<void> {
    for (const side of ["onSuccess", "onFailure"] as const) {
      const arn = destinations?.[side]?.destination;
      if (destinations === undefined || arn === undefined || arn === "") continue;
      const service = arnParts(arn).service;
      // S3 takes failures only.
      const takes =
        service === "lambda" || (DESTINATIONS.has(service) && (service !== "s3" || side === "onFailure"));
      if (!takes) {
        throw invalidParameter(
          `The provided destination config ${destinationText(destinations)} is invalid.`,
        );
      }
      if (service === "lambda") await checkFunctionDestination(target, arn);
      else if (["sqs", "sns"].includes(service) && !isPlainQueueOrTopic(arn)) {
        throw invalidParameter(`The destination ARN ${arn} is invalid.`);
      }
      const record = await store.load(target.scope, target.name);
      const version = record === undefined ? undefined : versionAt(record, target.qualifier);
      if (version === undefined) throw gone();
      await context.destinations.check(target.scope, arn, version.role, "events");
    }
  }

  async function checkFunctionDestination(target: FunctionTarget, arn: string): Promise<void> {
    const parsed = parseFunctionName(arn);
    const invalid = `The destination ARN ${arn} is invalid.`;
    if (parsed === undefined || parsed.accountId === undefined || parsed.region !== target.scope.region) {
      throw invalidParameter(invalid);
    }
    const owner = { accountId: parsed.accountId, region: target.scope.region };
    if (owner.accountId === target.scope.accountId && parsed.name === target.name) {
      throw invalidParameter("You can't specify the function as a destination for itself.");
    }
    const record = await store.load(owner, parsed.name);
    if (record === undefined || versionAt(record, parsed.qualifier) === undefined) {
      throw invalidParameter(invalid);
    }
  }

  async function find(target: FunctionTarget): Promise<EventInvokeConfig> {
    const record = await store.load(target.scope, target.name);
    const config = record?.eventInvokeConfigs.get(target.qualifier ?? LATEST);
    if (config === undefined) throw noConfig(target);
    return config;
  }

  return {
    put: (scope, spec) => write(scope, spec, false),
    update: (scope, spec) => write(scope, spec, true),

    async get(scope, functionName, qualifier) {
      const target = targetOf(scope, functionName, qualifier);
      return { config: await find(target), arn: configArn(target) };
    },

    async list(scope, functionName, marker, maxItems) {
      const target = targetOf(scope, functionName);
      const record = await store.load(target.scope, target.name);
      if (record === undefined) throw gone();
      const all = [...record.eventInvokeConfigs.values()]
        .sort((a, b) => (a.qualifier < b.qualifier ? -1 : 1))
        .map((config) => ({ config, arn: functionArn(target.scope, target.name, config.qualifier) }));
      return pageOf(all, (answer) => answer.config.qualifier, marker, maxItems);
    },

    async delete(scope, functionName, qualifier) {
      const target = targetOf(scope, functionName, qualifier);
      const key = target.qualifier ?? LATEST;
      const record = await store.change(target.scope, target.name, (current) => {
        if (!current.eventInvokeConfigs.has(key)) throw noConfig(target);
        return { ...current, eventInvokeConfigs: withEntry(current.eventInvokeConfigs, key, undefined) };
      });
      if (record === undefined) throw noConfig(target);
    },

    async eventInvokeSettings(scope, functionName, qualifier) {
      const record = await store.load(scope, functionName);
      const version = record === undefined ? undefined : versionAt(record, qualifier);
      if (record === undefined || version === undefined) return undefined;
      const settings = settingsOf(
        record.eventInvokeConfigs.get(qualifier ?? LATEST),
        version.deadLetterTargetArn,
      );
      const { reservedConcurrency } = record;
      return reservedConcurrency === undefined ? settings : { ...settings, reservedConcurrency };
    },
  };
}

/** What counts for the queue: a field that was left out has AWS's default. */
export function settingsOf(
  config: EventInvokeConfig | undefined,
  deadLetterTargetArn: string | undefined,
): EventInvokeSettings {
  return {
    maximumRetryAttempts: config?.maximumRetryAttempts ?? LIMITS.retryAttemptsDefault,
    maximumEventAgeSeconds: config?.maximumEventAgeSeconds ?? LIMITS.eventAgeSecondsDefault,
    onSuccessArn: config?.onSuccess,
    onFailureArn: config?.onFailure,
    deadLetterTargetArn: deadLetterTargetArn === "" ? undefined : deadLetterTargetArn,
  };
}

function configOf(
  qualifier: string,
  spec: EventInvokeSpec,
  before: EventInvokeConfig | undefined,
  nowMs: number,
): EventInvokeConfig {
  const retries = spec.maximumRetryAttempts ?? before?.maximumRetryAttempts;
  const age = spec.maximumEventAgeSeconds ?? before?.maximumEventAgeSeconds;
  const side = (name: "onSuccess" | "onFailure"): string | undefined => {
    const given = spec.destinations?.[name];
    const arn = given === undefined ? before?.[name] : given.destination;
    return arn === "" ? undefined : arn;
  };
  const onSuccess = side("onSuccess");
  const onFailure = side("onFailure");
  return {
    qualifier,
    lastModifiedMs: nowMs,
    ...(retries === undefined ? {} : { maximumRetryAttempts: retries }),
    ...(age === undefined ? {} : { maximumEventAgeSeconds: age }),
    ...(onSuccess === undefined ? {} : { onSuccess }),
    ...(onFailure === undefined ? {} : { onFailure }),
  };
}

function hasQualifier(record: FunctionRecord, qualifier: string): boolean {
  return record.versions.has(qualifier) || record.aliases.has(qualifier);
}

function configArn(target: FunctionTarget): string {
  return functionArn(target.scope, target.name, target.qualifier ?? LATEST);
}

/** AWS quotes the rejected configuration as its own code would print it. */
function destinationText(destinations: DestinationSpec): string {
  const side = (name: "onSuccess" | "onFailure", label: string): string => {
    const given = destinations[name];
    return `${name}=${given === undefined ? "null" : `${label}(destination=${given.destination ?? "null"})`}`;
  };
  return `DestinationConfig(${side("onSuccess", "OnSuccess")}, ${side("onFailure", "OnFailure")})`;
}

function gone(): Error {
  return resourceNotFound("The function doesn't exist.");
}

function noConfig(target: FunctionTarget): Error {
  return resourceNotFound(`The function ${configArn(target)} doesn't have an EventInvokeConfig`);
}
