/**
 * Runs the rules with a schedule.
 *
 *   1. One timer waits for the earliest `next_ms` of all rules: a thousand rules cost one wait.
 *   2. Each rule that is due gets its event, and its next time, in one unit: a restart sends neither
 *      twice nor not at all. What was missed while nothing ran is sent once, with the time of the first.
 */
import type { Clock, Timer } from "../../kernel/clock.ts";
import type { Logger } from "../../kernel/log.ts";
import type { Random } from "../../kernel/random.ts";
import { Conflict } from "../../ports/database.ts";
import type { Outbox } from "../../ports/outbox.ts";
import { makeEvent } from "./event.ts";
import type { Rule } from "./model.ts";
import { ruleArn } from "./names.ts";
import type { Router } from "./router.ts";
import { nextOf } from "./rules.ts";
import { advanceRule, type EventsStore } from "./store.ts";

export interface Scheduler {
  start(): void;
  /** A rule was made, changed or removed. */
  changed(): void;
  close(): Promise<void>;
}

export interface SchedulerDeps {
  readonly store: EventsStore;
  readonly router: Router;
  readonly outbox: Outbox;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

const AT_ONCE = 32;
/** After a failure of the store. */
const AGAIN_MS = 1_000;

export function createScheduler({ store, router, outbox, clock, random, log }: SchedulerDeps): Scheduler {
  const life = { open: false, again: false };
  let running: Promise<void> | undefined;
  let timer: Timer | undefined;

  function look(): void {
    life.again = true;
    if (!life.open || running !== undefined) return;
    timer?.cancel();
    running = work().finally(() => {
      running = undefined;
    });
  }

  async function work(): Promise<void> {
    let waitMs: number | undefined;
    try {
      while (life.open && life.again) {
        life.again = false;
        const due = await store.due(clock.now(), AT_ONCE);
        await Promise.all(due.map(run));
        if (due.length > 0) life.again = true;
      }
      const next = await store.nextDue();
      if (next !== undefined) waitMs = Math.max(0, next - clock.now());
    } catch (error) {
      log.warn({ error: String(error) }, "schedules could not be read");
      waitMs = AGAIN_MS;
    }
    if (life.open && (waitMs !== undefined || life.again))
      timer = clock.timer(life.again ? 0 : (waitMs ?? 0), look);
  }

  async function run(rule: Rule): Promise<void> {
    const now = clock.now();
    const event = makeEvent(
      {
        id: random.uuid(),
        source: "aws.events",
        detailType: "Scheduled Event",
        accountId: rule.accountId,
        region: rule.region,
        timeMs: rule.nextMs ?? now,
        resources: [ruleArn(rule)],
        detail: "{}",
      },
      {},
      now,
    );
    const deliveries = await router.deliveriesOf(rule, event);
    try {
      await store.commit([advanceRule(rule, nextOf(rule, now)), ...outbox.within(deliveries)]);
    } catch (error) {
      // The rule was changed meanwhile: it is looked at again as it is now.
      if (error instanceof Conflict) return;
      throw error;
    }
    outbox.wake(deliveries);
  }

  return {
    start() {
      life.open = true;
      look();
    },
    changed: look,
    async close() {
      life.open = false;
      timer?.cancel();
      await running;
    },
  };
}
