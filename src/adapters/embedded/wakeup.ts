import type { Clock, Timer } from "../../kernel/clock.ts";
import type { Wakeup } from "../../ports/wakeup.ts";

/** Hints within one process. A topic nobody waits for costs one look into a map. */
export function createWakeup(clock: Clock): Wakeup {
  const waiting = new Map<string, Set<() => void>>();
  return {
    notify(topic) {
      const wakers = waiting.get(topic);
      if (wakers === undefined) return;
      waiting.delete(topic);
      for (const wake of wakers) wake();
    },
    wait(topic, ms, signal) {
      if (signal?.aborted === true) return Promise.resolve();
      return new Promise((resolve) => {
        let timer: Timer | undefined = undefined;
        const wakers = waiting.get(topic) ?? new Set();
        waiting.set(topic, wakers);
        const wake = (): void => {
          timer?.cancel();
          signal?.removeEventListener("abort", wake);
          wakers.delete(wake);
          if (wakers.size === 0 && waiting.get(topic) === wakers) waiting.delete(topic);
          resolve();
        };
        wakers.add(wake);
        signal?.addEventListener("abort", wake, { once: true });
        timer = clock.timer(ms, wake);
      });
    },
  };
}
