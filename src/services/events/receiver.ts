/**
 * What the outbox hands to a bus and to a log group.
 *
 * A bus takes an event of an AWS service, of which it makes one of its own (its id is the delivery's, so
 * that a repeat can be told), or an event of another bus, which keeps its account, region and time, and
 * its id within the region. The deliveries that follow and the end of this one are one unit.
 */
import type { Clock } from "../../kernel/clock.ts";
import { ServiceError } from "../../kernel/errors.ts";
import type { Random } from "../../kernel/random.ts";
import { partitionOf } from "../../kernel/scope.ts";
import { identityOf, type Relay, type Sender } from "../../events/outbox/relay.ts";
import type { Delivery } from "../../ports/outbox.ts";
import type { PeerIdentity, Peers } from "../../ports/peers.ts";
import type { Archiver } from "./archiver.ts";
import * as errors from "./errors.ts";
import { type BusEvent, forwardedEvent, makeEvent } from "./event.ts";
import { busAt } from "./lookup.ts";
import { type BusKey, parseBusArn, parseRuleArn } from "./names.ts";
import type { Router } from "./router.ts";
import type { EventsStore } from "./store.ts";

export interface ReceiverDeps {
  readonly store: EventsStore;
  readonly router: Router;
  readonly archiver: Archiver;
  readonly relay: Relay;
  readonly peers: () => Peers;
  readonly clock: Clock;
  readonly random: Random;
}

const PRINCIPAL = "events.amazonaws.com";

export function useReceivers(deps: ReceiverDeps): void {
  for (const partition of ["aws", "aws-cn", "aws-us-gov"]) {
    deps.relay.use(`arn:${partition}:events:`, busReceiver(deps), "near");
    deps.relay.use(`arn:${partition}:logs:`, logReceiver(deps), "near");
  }
}

function busReceiver(deps: ReceiverDeps): Sender {
  const { store, router, archiver, relay, clock } = deps;
  return async (delivery, row) => {
    const bus = parseBusArn(delivery.targetArn);
    if (bus === undefined) throw errors.busNotFound(delivery.targetArn);
    const isForwarded = delivery.principal === PRINCIPAL;
    if (isForwarded) await permit(deps, delivery, bus, row.onHint);
    await busAt(deps, bus);
    const event = isForwarded
      ? forwardedEvent(
          delivery.body,
          bus.region === delivery.scope.region ? undefined : deps.random.uuid(),
          clock.now(),
        )
      : serviceEvent(delivery, row.createdAt, clock.now());
    const deliveries = await router.deliveries(bus, event);
    const archived = await archiver.statements(bus, event);
    await store.commit([row.end, ...relay.within(deliveries), ...archived]);
    relay.wake(deliveries);
    return "ended";
  };
}

function serviceEvent(delivery: Delivery, timeMs: number, now: number): BusEvent {
  return makeEvent(
    {
      id: delivery.id,
      source: delivery.source ?? "",
      detailType: delivery.detailType ?? "",
      accountId: delivery.scope.accountId,
      region: delivery.scope.region,
      timeMs,
      resources: delivery.resources ?? [],
      detail: delivery.body,
    },
    JSON.parse(delivery.body),
    now,
  );
}

/** The role of the target, or else the account of the rule, must be let in. Errors: AccessDenied. */
async function permit(
  { peers }: ReceiverDeps,
  delivery: Delivery,
  bus: BusKey,
  onHint: (hint: string) => void,
): Promise<void> {
  const { accountId, region } = delivery.scope;
  if (delivery.roleArn === undefined && accountId === bus.accountId) return;
  const { source, "detail-type": detailType } = JSON.parse(delivery.body) as BusEvent["value"];
  const account: PeerIdentity = {
    kind: "caller",
    caller: {
      kind: "root",
      accessKeyId: undefined,
      arn: `arn:${partitionOf(region)}:iam::${accountId}:root`,
      userId: accountId,
      verified: true,
    },
  };
  await peers().permit({
    service: "events",
    operation: "PutEvents",
    input: { Entries: [{ EventBusName: delivery.targetArn, Source: source, DetailType: detailType }] },
    scope: bus,
    as: delivery.roleArn === undefined ? account : identityOf(delivery),
    onHint,
  });
}

/** One stream a rule and day. */
function logReceiver({ peers, clock }: ReceiverDeps): Sender {
  return async (delivery, { onHint }) => {
    const [, , , region = "", accountId = "", , logGroupName = ""] = delivery.targetArn.split(":");
    const rule = parseRuleArn(delivery.sourceArn)?.rule ?? "events";
    const now = clock.now();
    const logStreamName = `${rule}/${new Date(now).toISOString().slice(0, 10)}`;
    const call = (operation: string, input: Readonly<Record<string, unknown>>): Promise<unknown> =>
      peers().call({
        service: "logs",
        operation,
        input: { logGroupName, logStreamName, ...input },
        scope: { accountId, region },
        as: identityOf(delivery),
        onHint,
      });
    const put = (): Promise<unknown> => call("PutLogEvents", { logEvents: [logEvent(delivery.body, now)] });
    try {
      await put();
    } catch (error) {
      if (!(error instanceof ServiceError) || error.code !== "ResourceNotFoundException") throw error;
      await call("CreateLogStream", {}).catch((cause: unknown) => {
        const isThere = cause instanceof ServiceError && cause.code === "ResourceAlreadyExistsException";
        if (!isThere) throw cause;
      });
      await put();
    }
  };
}

/** A template for log groups gives a timestamp and a message; anything else is the message itself. */
function logEvent(body: string, now: number): { readonly timestamp: number; readonly message: string } {
  const { timestamp, message, ...rest } = fieldsOf(body);
  if (message === undefined || timestamp === undefined || Object.keys(rest).length > 0) {
    return { timestamp: now, message: body };
  }
  const time = typeof timestamp === "number" ? timestamp : Date.parse(String(timestamp));
  return {
    timestamp: Number.isFinite(time) ? time : now,
    message: typeof message === "string" ? message : JSON.stringify(message),
  };
}

function fieldsOf(body: string): Readonly<Record<string, unknown>> {
  try {
    const parsed: unknown = JSON.parse(body);
    return typeof parsed === "object" && parsed !== null ? (parsed as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
