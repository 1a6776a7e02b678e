/** One attempt at one event: run it, decide, and make the decision durable. */
import { ServiceError } from "../../kernel/errors.ts";
import { LIMITS } from "../../kernel/limits.ts";
import { Conflict, type Database, type Statement } from "../../ports/database.ts";
import type { EventInvokeSettings, EventInvokeSettingsSource } from "../control/types.ts";
import type { FunctionInvoker } from "../model/invocation.ts";
import { announce, tellEnd, tellRetry, type AnnounceDeps, type Ran } from "./announce.ts";
import { backoffMs, deadlineOf, decide, type Decision } from "./retry.ts";
import { insertEvent, releaseEvent, removeEvent, targetOf, type QueuedEvent } from "./store.ts";

export interface AttemptDeps extends AnnounceDeps {
  /** Once it aborts, storage that fails is no longer waited for: the event is repeated after the next start. */
  readonly stopping: AbortSignal;
  readonly database: Database;
  readonly invoker: Pick<FunctionInvoker, "invoke">;
  readonly settings: EventInvokeSettingsSource;
}

/** What the dispatcher must know of an attempt's end. */
export interface Verdict {
  readonly retryAt: number | undefined;
  /** The platform refused to run it: too much at once. */
  readonly refused: boolean;
  /** Targets that got a new event (destinations). */
  readonly enqueued: readonly string[];
}

/** No event is too old before the shortest age that can be configured. */
const AGE_CHECK_MS = LIMITS.eventAgeSecondsMin * 1_000;
const STORAGE_PAUSE_FIRST_MS = 1_000;
const STORAGE_PAUSE_MAX_MS = 30_000;

/**
 * Never rejects for the function's sake, nor for the storage's before the end: a full disk is waited
 * for. Whoever meets a rejection gives the event back.
 */
export async function runAttempt(deps: AttemptDeps, event: QueuedEvent, owner: string): Promise<Verdict> {
  const startedAt = deps.clock.now();
  if (startedAt - event.acceptedAt >= AGE_CHECK_MS) {
    const settings = await patiently(deps, event, () => settingsOf(deps, event));
    if (settings === undefined) {
      return settle(
        deps,
        event,
        owner,
        notRun(404),
        {
          kind: "dropped",
          reason: "the function was deleted",
        },
        undefined,
      );
    }
    if (startedAt >= deadlineOf(event, settings)) {
      return settle(
        deps,
        event,
        owner,
        notRun(429),
        {
          kind: "failed",
          condition: "EventAgeExceeded",
        },
        settings,
      );
    }
  }
  deps.metrics?.record("AsyncEventAge", event.scope, event.functionName, startedAt - event.acceptedAt);
  const ran = await invoke(deps, event);
  const settings = await patiently(deps, event, () => settingsOf(deps, event));
  const now = deps.clock.now();
  // A server that stops ends environments when its patience does, and that looks like a function's
  // error: the event is repeated after the next start rather than spent.
  const decision: Decision =
    deps.stopping.aborted && ran.result.kind !== "success"
      ? { kind: "retry", dueAt: now, attempts: event.attempts, backoffs: event.backoffs }
      : decide(event, ran.result, settings, now);
  return settle(deps, event, owner, ran, decision, settings);
}

/** After an attempt that was not settled, by a fault of ours: another one may be, later. */
export async function giveBack(deps: AttemptDeps, event: QueuedEvent, owner: string): Promise<Verdict> {
  const retryAt = deps.clock.now() + backoffMs(event);
  return conclude(deps, event, [releaseEvent(event, owner, retryAt, event.attempts, event.backoffs + 1)], {
    retryAt,
    refused: false,
    enqueued: [],
  });
}

function notRun(status: number): Ran {
  return { result: { kind: "refused", status }, outcome: undefined, error: undefined };
}

function settingsOf(deps: AttemptDeps, event: QueuedEvent): Promise<EventInvokeSettings | undefined> {
  return deps.settings.eventInvokeSettings(event.scope, event.functionName, event.qualifier);
}

async function invoke(deps: AttemptDeps, event: QueuedEvent): Promise<Ran> {
  try {
    const outcome = await deps.invoker.invoke({
      scope: event.scope,
      functionName: event.functionName,
      qualifier: event.qualifier,
      payload: event.payload,
      requestId: event.requestId,
      ...(event.clientContext === undefined ? {} : { clientContext: event.clientContext }),
      ...(event.traceHeader === undefined ? {} : { traceHeader: event.traceHeader }),
    });
    const kind = outcome.kind === "success" ? "success" : "function-error";
    return { result: { kind }, outcome, error: undefined };
  } catch (error) {
    const status = error instanceof ServiceError ? error.status : 500;
    if (!(error instanceof ServiceError)) {
      deps.log.error(
        { requestId: event.requestId, error: String(error) },
        "an invocation failed unexpectedly",
      );
    }
    return { result: { kind: "refused", status }, outcome: undefined, error };
  }
}

async function settle(
  deps: AttemptDeps,
  event: QueuedEvent,
  owner: string,
  ran: Ran,
  decision: Decision,
  settings: EventInvokeSettings | undefined,
): Promise<Verdict> {
  const status = ran.result.kind === "refused" ? ran.result.status : 200;
  const refused = status === 429 || status >= 500;
  const unit: Statement[] = [];
  const enqueued: string[] = [];
  let retryAt: number | undefined;
  if (decision.kind === "retry") {
    retryAt = decision.dueAt;
    if (!deps.stopping.aborted) tellRetry(deps, event, ran, decision.dueAt);
    unit.push(releaseEvent(event, owner, decision.dueAt, decision.attempts, decision.backoffs));
  } else {
    unit.push(removeEvent(event, owner));
    if (decision.kind !== "succeeded")
      deps.metrics?.record("AsyncEventsDropped", event.scope, event.functionName, 1);
    if (decision.kind === "dropped") {
      deps.log.warn(
        { requestId: event.requestId, functionName: event.functionName, reason: decision.reason },
        "an asynchronous event was dropped",
      );
    } else if (settings !== undefined) {
      if (decision.kind === "failed") tellEnd(deps, event, ran);
      for (const follower of await announce(deps, event, ran, decision, settings)) {
        enqueued.push(targetOf(follower.scope, follower.functionName));
        unit.push(insertEvent(follower, undefined));
      }
    }
  }
  return conclude(deps, event, unit, { retryAt, refused, enqueued });
}

/** Makes a verdict durable. */
async function conclude(
  deps: AttemptDeps,
  event: QueuedEvent,
  unit: readonly Statement[],
  verdict: Verdict,
): Promise<Verdict> {
  try {
    await patiently(deps, event, () => deps.database.commit(unit));
    return verdict;
  } catch (error) {
    if (!(error instanceof Conflict)) throw error;
    // Reset, or taken over after our lease ran out: whoever has it now decides.
    deps.log.info({ requestId: event.requestId }, "an asynchronous event was no longer ours when it ended");
    return { ...verdict, retryAt: undefined, enqueued: [] };
  }
}

/** Repeats storage work until it succeeds; a Conflict is an answer, not a failure. */
async function patiently<T>(deps: AttemptDeps, event: QueuedEvent, work: () => Promise<T>): Promise<T> {
  for (let pause = STORAGE_PAUSE_FIRST_MS; ; pause = Math.min(pause * 2, STORAGE_PAUSE_MAX_MS)) {
    try {
      return await work();
    } catch (error) {
      if (error instanceof Conflict || deps.stopping.aborted) throw error;
      deps.log.warn(
        { requestId: event.requestId, error: String(error) },
        "storage failed; the event is kept",
      );
      await deps.clock.sleep(pause, deps.stopping).catch(() => undefined);
    }
  }
}
