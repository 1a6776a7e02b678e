/**
 * A lossy hint that something has changed: "look again". Nobody relies on it: who waits also looks
 * by themselves, seldom. Within one process now; across nodes later.
 *
 * Topics are ARNs of what has changed (a stream, a queue).
 */
export interface Wakeup {
  /** Wakes all who wait for the topic now. Cheap when nobody does. */
  notify(topic: string): void;
  /** Resolves at the next notification, after `ms`, or when the signal aborts; never rejects. */
  wait(topic: string, ms: number, signal?: AbortSignal): Promise<void>;
}
