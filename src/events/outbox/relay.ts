/**
 * Delivers what services wrote into the outbox.
 *
 *   1. `within` writes the row with the change, held by this node; `wake` starts its delivery from
 *      memory. Too many under way: rows are written as nobody's, and read back in turn. What waits in
 *      memory until its hold has almost run out is dropped there: the table hands it out again.
 *   2. A function's event becomes an asynchronous invocation, and the row ends, in one unit: handed
 *      over once. For every other target the row ends after the call: at least once.
 *   3. A failure is judged by a pure function: again later, or given up: then the body goes to the
 *      dead-letter queue, if there is one, and the row ends. While that queue fails, the row stays.
 *   4. What goes to a Sender (a web server that answers late) waits apart: it holds up nothing else.
 *   5. Rows with an order key are always read back: the table says which is the oldest of its key.
 */
import { arnParts, functionOfArn } from "../../kernel/arn.ts";
import type { Clock, Timer } from "../../kernel/clock.ts";
import type { Logger } from "../../kernel/log.ts";
import type { Random } from "../../kernel/random.ts";
import type { Scope } from "../../kernel/scope.ts";
import type { FunctionInvoker } from "../../lambda/model/invocation.ts";
import { Conflict, type Database, type Statement } from "../../ports/database.ts";
import type { Delivery, Outbox } from "../../ports/outbox.ts";
import type { PeerIdentity, Peers } from "../../ports/peers.ts";
import { deadLetterAttributes } from "./dead-letter.ts";
import { nextStep } from "./next-step.ts";
import { decideRetry, failureOf, type DeliveryFailure } from "./retry.ts";
import { callFor, noTarget, send, type Message } from "./send.ts";
import { withoutSecrets } from "./shown.ts";
import {
  claimRows,
  insertRow,
  nextDue,
  postponeRow,
  releaseHeld,
  removeRow,
  type OutboxRow,
} from "./store.ts";

export interface RelayDeps {
  readonly database: Database;
  readonly peers: Peers;
  readonly invoker: Pick<FunctionInvoker, "invokeAsync">;
  /** Throws ResourceNotFoundException where there is no such function, version or alias. */
  readonly findFunction: (scope: Scope, functionName: string, qualifier: string | undefined) => unknown;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly node: string;
  /** Told of every end, for the followed log. */
  readonly onEnd?: (end: DeliveryEnd) => void;
  /** Told of every failure after which there is another attempt. */
  readonly onRetry?: (end: DeliveryEnd, atMs: number) => void;
}

export interface DeliveryEnd {
  readonly delivery: Delivery;
  readonly attempts: number;
  /** Absent when it was delivered. */
  readonly failure?: DeliveryFailure;
  /** Where the body went instead. */
  readonly deadLetterArn?: string;
  /** What a queue, topic or bus answered. */
  readonly answer?: Readonly<Record<string, unknown>>;
  /** What to do about the failure. */
  readonly next?: string;
  /** It was delivered, and AWS would have refused it: what its own policies say is missing. */
  readonly hint?: string;
}

/**
 * Hands a delivery to a target that no AWS service of ours is (a URL, a telephone), or that its service
 * takes in a way of its own. It may end the delivery in a unit of its own: `row.end`, then "ended".
 */
export type Sender = (delivery: Delivery, row: SenderRow) => Promise<void | "ended">;

export interface SenderRow {
  /** Epoch milliseconds. */
  readonly createdAt: number;
  readonly end: Statement;
  /** Told what AWS would have had against the delivery. */
  readonly onHint: (hint: string) => void;
}

export interface Relay extends Outbox {
  /**
   * Targets that begin with `prefix` (`http`, `sms:`) go to `sender`. Before `start`. `near`: within
   * this process; what is elsewhere may be late, and holds up nothing else.
   */
  use(prefix: string, sender: Sender, place?: "near" | "far"): void;
  start(): Promise<void>;
  /** Ends what is under way and waits for it. */
  close(): Promise<void>;
}

const HOLD_MS = 60_000;
/** Longer than any one delivery takes: with less of its hold left, none begins. */
const DELIVERY_MS = 20_000;
/** A dead-letter queue that fails, but may not always, is waited for: so long, so often. */
const DEAD_LETTER_MS = 86_400_000;
const DEAD_LETTER_PAUSE_MS = 60_000;
const IN_MEMORY_MAX = 1_000;
const AT_ONCE_MAX = 64;
const CLAIM = 64;
/** Waits between looks when nothing is due: what other nodes left is found by then. */
const LOOK_MS = 15_000;

/** Deliveries that take each other's places, and nobody else's. */
interface Lane {
  readonly rows: OutboxRow[];
  running: number;
}

const inMemory = ({ rows, running }: Lane): number => rows.length + running;

export function createRelay(deps: RelayDeps): Relay {
  const { database, clock, log, node } = deps;
  const senders: { readonly prefix: string; readonly sender: Sender; readonly place: "near" | "far" }[] = [];
  const staged = new WeakMap<Delivery, { readonly createdAt: number; readonly held: boolean }>();
  const near: Lane = { rows: [], running: 0 };
  const far: Lane = { rows: [], running: 0 };
  const running = new Set<Promise<void>>();
  let seq = 0;
  const life = { open: false };
  let claiming = false;
  let claimAgain = false;
  let timer: Timer | undefined;

  function nextSeq(now: number): number {
    seq = Math.max(seq + 1, now * 1_000);
    return seq;
  }

  const senderOf = ({ targetArn }: Delivery): (typeof senders)[number] | undefined =>
    senders.find(({ prefix }) => targetArn.startsWith(prefix));
  const laneOf = (delivery: Delivery): Lane => (senderOf(delivery)?.place === "far" ? far : near);

  function within(deliveries: readonly Delivery[]): ReturnType<Outbox["within"]> {
    const now = clock.now();
    return deliveries.map((delivery) => {
      const held = life.open && delivery.orderKey === undefined && inMemory(laneOf(delivery)) < IN_MEMORY_MAX;
      staged.set(delivery, { createdAt: now, held });
      return insertRow(
        delivery,
        delivery.orderNumber ?? nextSeq(now),
        now,
        held ? now + HOLD_MS : undefined,
        node,
      );
    });
  }

  function wake(deliveries: readonly Delivery[]): void {
    let isOthers = false;
    for (const delivery of deliveries) {
      const stage = staged.get(delivery);
      if (stage?.held !== true) isOthers = true;
      else {
        staged.delete(delivery);
        const { createdAt } = stage;
        const heldUntil = createdAt + HOLD_MS;
        laneOf(delivery).rows.push({ delivery, createdAt, heldUntil, epoch: 0, attempts: 0 });
      }
    }
    pump();
    if (isOthers) void look();
  }

  function pump(): void {
    for (const lane of [near, far]) {
      while (life.open && lane.running < AT_ONCE_MAX) {
        const row = lane.rows.shift();
        if (row === undefined) break;
        if (row.heldUntil - clock.now() >= DELIVERY_MS) start(lane, row);
      }
    }
  }

  function start(lane: Lane, row: OutboxRow): void {
    lane.running += 1;
    const work = deliver(row).finally(() => {
      lane.running -= 1;
      running.delete(work);
      pump();
      if (claimAgain && inMemory(near) < IN_MEMORY_MAX / 2) void look();
    });
    running.add(work);
  }

  /** Claims what is due and arranges the next look. One at a time. */
  async function look(): Promise<void> {
    claimAgain = true;
    if (claiming || !life.open) return;
    claiming = true;
    timer?.cancel();
    let waitMs = LOOK_MS;
    try {
      while (claimAgain && life.open) {
        // Whoever ends makes room, and looks.
        if (inMemory(near) >= IN_MEMORY_MAX) break;
        claimAgain = false;
        const now = clock.now();
        const rows = await claimRows(database, node, now, now + HOLD_MS, CLAIM);
        for (const row of rows) {
          const lane = laneOf(row.delivery);
          if (lane === near || inMemory(far) < IN_MEMORY_MAX) lane.rows.push(row);
        }
        pump();
        if (rows.length === CLAIM) claimAgain = true;
      }
      const due = claimAgain ? undefined : await nextDue(database);
      if (due !== undefined) waitMs = Math.min(waitMs, Math.max(5, due - clock.now()));
    } catch (error) {
      if (life.open) log.warn({ error: String(error) }, "the outbox could not be read");
    } finally {
      claiming = false;
    }
    if (life.open) timer = clock.timer(waitMs, () => void look());
  }

  async function deliver(row: OutboxRow): Promise<void> {
    try {
      const made = await handOver(row);
      deps.onEnd?.({ delivery: row.delivery, attempts: row.attempts + 1, ...made });
    } catch (error) {
      // Somebody else has the row: theirs is the word.
      if (error instanceof Conflict) return;
      await settleFailure(row, failureOf(error)).catch((cause: unknown) => {
        if (!(cause instanceof Conflict))
          log.warn({ error: String(cause) }, "a delivery could not be settled");
      });
    }
    if (row.delivery.orderKey !== undefined) void look();
  }

  /** Makes the delivery and ends its row. Resolves with the answer, and what AWS would have had against it. */
  async function handOver(row: OutboxRow): Promise<Pick<DeliveryEnd, "hint" | "answer">> {
    const { delivery } = row;
    const made: { hint?: string; answer?: Readonly<Record<string, unknown>> } = {};
    const onHint = (text: string): void => void (made.hint = text);
    const own = senderOf(delivery);
    if (own !== undefined) {
      const outcome = await own.sender(delivery, { createdAt: row.createdAt, end: removeRow(row), onHint });
      if (outcome === "ended") return made;
    } else {
      const call = {
        ...callFor(delivery.targetArn, messageOf(row), identityOf(delivery), delivery.scope),
        onHint,
      };
      if (call.service === "lambda") {
        const target = functionOfArn(delivery.targetArn);
        if (target === undefined) throw noTarget(delivery.targetArn);
        const { functionName, qualifier } = target;
        await deps.findFunction(call.scope, functionName, qualifier);
        await deps.peers.permit(call);
        await deps.invoker.invokeAsync({
          functionName,
          qualifier,
          scope: call.scope,
          payload: Buffer.from(delivery.body, "utf8"),
          requestId: delivery.id,
          ...(delivery.traceHeader === undefined ? {} : { traceHeader: delivery.traceHeader }),
          within: [removeRow(row)],
        });
        return made;
      }
      made.answer = await send(deps.peers, call);
    }
    await database.commit([removeRow(row)]);
    return made;
  }

  async function settleFailure(row: OutboxRow, failure: DeliveryFailure): Promise<void> {
    const { delivery } = row;
    const attempts = row.attempts + 1;
    const decision = decideRetry(delivery, failure, {
      attempts,
      createdAt: row.createdAt,
      now: clock.now(),
      jitter: deps.random.number(),
    });
    const next = nextStep(delivery, failure.code, failure.hint);
    const about = {
      source: delivery.sourceArn,
      target: withoutSecrets(delivery.targetArn),
      error: failure.code,
      attempts,
      ...(next === undefined ? {} : { next }),
    };
    const end = { delivery, attempts, failure, ...(next === undefined ? {} : { next }) };
    if (decision.kind === "retry") {
      log.debug({ ...about, message: failure.message }, "a delivery failed and is repeated");
      await database.commit([postponeRow(row, decision.atMs)]);
      deps.onRetry?.(end, decision.atMs);
      void look();
      return;
    }
    const { deadLetterArn } = delivery;
    if (deadLetterArn === undefined) {
      log.warn({ ...about, message: failure.message }, "an event could not be delivered and is dropped");
    } else {
      const attributes = deadLetterAttributes(delivery, failure, decision.condition, row.attempts);
      const message = {
        ...messageOf(row),
        body: delivery.deadLetterBody ?? delivery.body,
        attributes: { ...delivery.attributes, ...attributes },
      };
      try {
        await send(deps.peers, callFor(deadLetterArn, message, serviceOf(delivery), delivery.scope));
      } catch (error) {
        const now = clock.now();
        if (failureOf(error).retryable && now - row.createdAt < delivery.retry.maxAgeMs + DEAD_LETTER_MS) {
          await database.commit([postponeRow(row, now + DEAD_LETTER_PAUSE_MS)]);
          void look();
          return;
        }
        log.warn(
          { ...about, deadLetterArn, error: String(error) },
          "the dead-letter queue took nothing; the event is dropped",
        );
      }
    }
    await database.commit([removeRow(row)]);
    deps.onEnd?.({ ...end, ...(deadLetterArn === undefined ? {} : { deadLetterArn }) });
  }

  return {
    within,
    wake,
    use: (prefix, sender, place = "far") => void senders.push({ prefix, sender, place }),
    async start() {
      await database.commit([releaseHeld(node, clock.now())]);
      life.open = true;
      void look();
    },
    async close() {
      life.open = false;
      timer?.cancel();
      await Promise.allSettled(running);
    },
  };
}

/** Who asks the receiver: the role of the delivery, or else the service that sends. */
export function identityOf(delivery: Delivery): PeerIdentity {
  const { roleArn, id } = delivery;
  if (roleArn === undefined) return serviceOf(delivery);
  return { kind: "role", arn: roleArn, sessionName: id.replaceAll("-", "") };
}

/** The service itself: it is who asks a dead-letter queue, whatever role is for the receiver. */
function serviceOf({ principal, sourceArn, sourceAccount, scope }: Delivery): PeerIdentity {
  return {
    kind: "service",
    principal,
    sourceArn,
    // The sender's: the receiver's would pass for it wherever the receiver trusts its own account.
    sourceAccount: sourceAccount ?? (arnParts(sourceArn).accountId || scope.accountId),
  };
}

function messageOf(row: OutboxRow): Message {
  const { id, body, subject, attributes, messageGroupId, messageDeduplicationId } = row.delivery;
  const { source, detailType, resources, traceHeader } = row.delivery;
  return {
    id,
    body,
    timeMs: row.createdAt,
    ...(subject === undefined ? {} : { subject }),
    ...(attributes === undefined ? {} : { attributes }),
    ...(messageGroupId === undefined ? {} : { messageGroupId }),
    ...(messageDeduplicationId === undefined ? {} : { messageDeduplicationId }),
    ...(traceHeader === undefined ? {} : { traceHeader }),
    ...(source === undefined ? {} : { source }),
    ...(detailType === undefined ? {} : { detailType }),
    ...(resources === undefined ? {} : { resources }),
  };
}
