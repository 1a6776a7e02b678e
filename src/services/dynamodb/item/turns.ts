/**
 * Writes of one item take turns within this process, so that they do not run into each other's
 * versions. Who needs several items joins all their queues at once: no two can wait for each other.
 */
export interface Turns {
  run<T>(keys: readonly string[], work: () => Promise<T>): Promise<T>;
}

export function createTurns(): Turns {
  const last = new Map<string, Promise<void>>();

  return {
    async run(keys, work) {
      const before = keys.flatMap((key) => last.get(key) ?? []);
      const mine = Promise.withResolvers<void>();
      for (const key of keys) last.set(key, mine.promise);
      try {
        if (before.length > 0) await Promise.all(before);
        return await work();
      } finally {
        mine.resolve();
        for (const key of keys) if (last.get(key) === mine.promise) last.delete(key);
      }
    },
  };
}
