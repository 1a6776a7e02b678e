/**
 * Polls one queue for one function.
 *
 *   1. One loop gathers a batch: long polls of up to 10 messages, until the batch is full, its window
 *      has passed or 6 MB are reached; without a window the first messages that come are the batch.
 *      While batches of a standard queue come back full, a second one is gathered at the same time.
 *   2. Messages that no filter wants are deleted.
 *   3. The batch runs beside others, as many as the window of concurrency allows. What is more than one
 *      event can carry becomes several batches: of an ordered queue one after the other, and only for
 *      as long as they go well, since what follows a failure in its group must wait for it.
 *   4. What went well is deleted. What failed, or could not be deleted, is left alone: it appears again
 *      when its visibility ends, and the queue's redrive policy counts. A throttle is no failure: the same batch is tried
 *      again for as long as its messages stay invisible.
 *
 * An idle queue costs one waiting call, and a look at its visibility timeout each minute.
 */
import { ServiceError } from "../../kernel/errors.ts";
import { LIMITS } from "../../kernel/limits.ts";
import type { FunctionInvoker, InvocationOutcome } from "../model/invocation.ts";
import { leastFar } from "../model/lineage.ts";
import { after, openWindow } from "./concurrency-window.ts";
import { recordFilter } from "./filter.ts";
import type { Poller } from "./manager.ts";
import { batchReport } from "./report.ts";
import { queueRecord, type QueueMessage } from "./sqs-event.ts";
import { openQueueSource, RECEIVE_MAX, WAIT_SECONDS, type QueueSourceDeps } from "./sqs-source.ts";
import type { MappingLease } from "./store.ts";
import { refusalOf, shownOutcome, tellBatch, type ToldDeps } from "./told.ts";

export interface SqsPollerDeps extends QueueSourceDeps, ToldDeps {
  readonly invoker: Pick<FunctionInvoker, "invoke">;
}

interface Item {
  readonly message: QueueMessage;
  readonly json: string;
  /** Of `json`, with the comma behind it. */
  readonly bytes: number;
}

interface Batch {
  readonly items: readonly Item[];
  /** Until then nobody else gets these messages. */
  readonly invisibleUntilMs: number;
}

/** `{"Records":[` and `]}` around the records of an event. */
const EVENT_OVERHEAD = 14;
const PAUSE_FIRST_MS = 100;
const PAUSE_MAX_MS = 30_000;

export function startSqsPoller(deps: SqsPollerDeps, lease: MappingLease): Poller {
  const { clock, log, metrics } = deps;
  const { mapping } = lease;
  const { settings, sourceArn } = mapping;
  const wants = recordFilter(settings.filters, "body");
  const stopping = new AbortController();
  const queue = openQueueSource(deps, mapping, stopping.signal);
  const running = new Set<Promise<void>>();
  let window = openWindow(settings.maximumConcurrency);
  let freed = Promise.withResolvers<void>();
  let second: Promise<void> | undefined;

  async function loop(): Promise<void> {
    let pauseMs = PAUSE_FIRST_MS;
    while (!stopping.signal.aborted) {
      try {
        const isFull = await round(WAIT_SECONDS * 1000);
        pauseMs = PAUSE_FIRST_MS;
        if (isFull && mapping.kind === "sqs") second ??= beside().finally(() => (second = undefined));
      } catch (error) {
        if (stopping.signal.aborted) return;
        const { reason, ...more } = refusalOf(error);
        log.warn(
          { mapping: mapping.uuid, source: sourceArn, error: reason, pauseMs, ...more },
          "the queue of an event source mapping cannot be polled; it is tried again",
        );
        tellBatch(deps, mapping, `FAILED ${reason}; polled again in ${shownPause(pauseMs)}`, {
          failed: true,
          ...more,
        });
        await clock.sleep(pauseMs, stopping.signal).catch(() => undefined);
        pauseMs = Math.min(PAUSE_MAX_MS, pauseMs * 2);
      }
    }
  }

  /** Gathers and starts until there is less than a batch. What fails is left to the loop to meet, and to tell. */
  async function beside(): Promise<void> {
    let isFull = true;
    while (isFull && !stopping.signal.aborted) isFull = await round(0).catch(() => false);
  }

  /** One gathering, and the start of what came. Whether it was a whole batch. */
  async function round(waitMs: number): Promise<boolean> {
    while (running.size >= window.size) await freed.promise;
    const batches = await gather(waitMs);
    if (mapping.kind === "sqs-fifo") await startWhenFree(batches);
    else for (const batch of batches) await startWhenFree([batch]);
    return batches.reduce((count, { items }) => count + items.length, 0) >= settings.batchSize;
  }

  /** Looks for a place and takes it in one step: two may be looking. */
  async function startWhenFree(batches: readonly Batch[]): Promise<void> {
    while (running.size >= window.size) await freed.promise;
    start(batches);
  }

  /** The next messages, in their order; the first are waited for. */
  async function gather(firstWaitMs: number): Promise<Batch[]> {
    // By id: a queue whose visibility is shorter than the window hands out the same message again.
    const items = new Map<string, Item>();
    let bytes = EVENT_OVERHEAD;
    let deadline = Infinity;
    let invisibleUntilMs = Infinity;
    while (items.size < settings.batchSize && bytes < LIMITS.syncPayloadBytes && !stopping.signal.aborted) {
      const waitMs = items.size === 0 ? firstWaitMs : deadline - clock.now();
      if (waitMs <= 0 && items.size > 0) break;
      await queue.learnVisibility();
      let wanted: readonly Item[];
      try {
        wanted = await selected(
          await queue.receive(Math.min(RECEIVE_MAX, settings.batchSize - items.size), waitMs),
        );
      } catch (error) {
        if (items.size === 0) throw error;
        break;
      }
      if (wanted.length > 0 && items.size === 0) {
        const now = clock.now();
        deadline = now + settings.batchingWindowSeconds * 1000;
        invisibleUntilMs = now + queue.visibilityMs;
      }
      for (const item of wanted) {
        if (!items.has(item.message.MessageId)) bytes += item.bytes;
        items.set(item.message.MessageId, item);
      }
      if (settings.batchingWindowSeconds === 0 || items.size === 0) break;
    }
    return inEvents([...items.values()]).map((part) => ({ items: part, invisibleUntilMs }));
  }

  /** What the filters want; the rest is deleted, as if it had been processed. */
  async function selected(messages: readonly QueueMessage[]): Promise<Item[]> {
    const items: Item[] = [];
    const unwanted: QueueMessage[] = [];
    for (const message of messages) {
      const record = queueRecord(message, sourceArn, settings.batchingWindowSeconds > 0);
      if (wants(record)) items.push(itemOf(message, JSON.stringify(record)));
      else unwanted.push(message);
    }
    metrics.count(mapping, "FilteredOutEventCount", unwanted.length);
    await queue.remove(unwanted);
    return items;
  }

  /** Runs the batches one after the other, until one does not go well. */
  function start(batches: readonly Batch[]): void {
    if (batches.length === 0) return;
    const wasFull = running.size + 1 >= window.size;
    const work = inTurn(batches, wasFull)
      .catch((error: unknown) => {
        log.warn(
          { mapping: mapping.uuid, error: String(error) },
          "a batch of messages could not be finished",
        );
      })
      .finally(() => {
        running.delete(work);
        freed.resolve();
        freed = Promise.withResolvers<void>();
      });
    running.add(work);
  }

  async function inTurn(batches: readonly Batch[], wasFull: boolean): Promise<void> {
    for (const batch of batches) {
      const result = await run(batch);
      window = after(window, result, wasFull);
      if (result !== "success") return;
    }
  }

  async function run(batch: Batch): Promise<"success" | "failure" | "throttled"> {
    const outcome = await invoke(batch);
    if (outcome === undefined) return "throttled";
    const failed = failedOf(batch, outcome);
    const done = batch.items.filter(({ message }) => !failed.has(message.MessageId));
    const removed = await queue.remove(done.map(({ message }) => message));
    metrics.count(mapping, "DeletedEventCount", removed);
    metrics.count(mapping, "FailedInvokeEventCount", failed.size);
    const shown = shownOutcome(batch.items.length, failed.size, outcome);
    const kept = done.length - removed;
    if (kept > 0) {
      const again = `${shown}; ${String(kept)} were not deleted and appear again in the queue`;
      tellBatch(deps, mapping, again, { failed: true });
      return "failure";
    }
    if (failed.size === 0) tellBatch(deps, mapping, shown);
    else {
      const again = `${shown}; they appear again in the queue within ${shownPause(queue.visibilityMs)}`;
      tellBatch(deps, mapping, again, { failed: true, next: `lambent logs ${mapping.functionName}` });
    }
    return failed.size === 0 ? "success" : "failure";
  }

  /** Undefined when the platform refused it until the messages became visible again. */
  async function invoke(batch: Batch): Promise<InvocationOutcome | undefined> {
    const payload = Buffer.from(`{"Records":[${batch.items.map(({ json }) => json).join(",")}]}`, "utf8");
    const traceHeader = leastFar(batch.items.map(({ message }) => message.Attributes?.["AWSTraceHeader"]));
    const trace = traceHeader === undefined ? {} : { traceHeader };
    let pauseMs = PAUSE_FIRST_MS;
    for (;;) {
      try {
        const { scope: owner, functionName, qualifier } = mapping;
        const outcome = await deps.invoker.invoke({
          scope: owner,
          functionName,
          qualifier,
          payload,
          ...trace,
        });
        metrics.count(mapping, "InvokedEventCount", batch.items.length);
        return outcome;
      } catch (error) {
        if (!(error instanceof ServiceError)) throw error;
        window = after(window, "throttled", false);
        const giveUp = clock.now() + pauseMs >= batch.invisibleUntilMs || stopping.signal.aborted;
        if (giveUp || (error.status < 500 && error.status !== 429)) {
          log.warn(
            {
              mapping: mapping.uuid,
              function: mapping.functionArn,
              error: error.code,
              message: error.message,
            },
            "a batch of messages did not reach its function; they appear again in the queue",
          );
          const { reason, ...more } = refusalOf(error);
          const shown = `batch of ${String(batch.items.length)} FAILED ${reason}; they appear again in the queue`;
          tellBatch(deps, mapping, shown, { failed: true, ...more });
          return undefined;
        }
        await clock.sleep(pauseMs, stopping.signal).catch(() => undefined);
        pauseMs = Math.min(PAUSE_MAX_MS, pauseMs * 2);
      }
    }
  }

  function failedOf({ items }: Batch, outcome: InvocationOutcome): ReadonlySet<string> {
    const all = new Set(items.map(({ message }) => message.MessageId));
    if (outcome.kind === "function-error") return all;
    if (!settings.reportBatchItemFailures) return new Set();
    const report = batchReport(outcome.payload, all);
    return report === "success" ? new Set() : report === "failure" ? all : report;
  }

  const looping = loop();

  return {
    async close() {
      stopping.abort();
      await looping;
      await second;
      await Promise.allSettled(running);
    },
  };
}

const shownPause = (ms: number): string =>
  ms < 1000 ? `${String(ms)} ms` : `${String(Math.round(ms / 1000))} s`;

const itemOf = (message: QueueMessage, json: string): Item => ({
  message,
  json,
  bytes: Buffer.byteLength(json) + 1,
});

/** Cuts at what one event can carry. The order stays. */
function inEvents(items: readonly Item[]): readonly (readonly Item[])[] {
  const events: Item[][] = [];
  let bytes = Infinity;
  for (const item of items) {
    if (bytes + item.bytes > LIMITS.syncPayloadBytes) {
      events.push([]);
      bytes = EVENT_OVERHEAD;
    }
    events.at(-1)?.push(item);
    bytes += item.bytes;
  }
  return events;
}
