import { type Scope, sameScope } from "../../kernel/scope.ts";
import type { LogEvent } from "../../ports/log-sink.ts";

export interface TailEvent extends LogEvent {
  readonly group: string;
  readonly stream: string;
}

export type TailListener = (events: readonly TailEvent[]) => void;

/** Those who want events as they come, before they are stored. */
export interface Tails {
  /** `groupPattern`: a group's name, `*` standing for any text. Returns what ends the subscription. */
  subscribe(scope: Scope, groupPattern: string, listener: TailListener): () => void;
  publish(scope: Scope, group: string, stream: string, events: readonly LogEvent[]): void;
}

export function createTails(): Tails {
  const subscribers = new Set<{ scope: Scope; pattern: RegExp; listener: TailListener }>();
  return {
    subscribe(scope, groupPattern, listener) {
      const subscriber = { scope, pattern: globPattern(groupPattern), listener };
      subscribers.add(subscriber);
      return () => void subscribers.delete(subscriber);
    },
    publish(scope, group, stream, events) {
      for (const subscriber of subscribers) {
        if (!sameScope(subscriber.scope, scope) || !subscriber.pattern.test(group)) continue;
        subscriber.listener(events.map((event) => ({ ...event, group, stream })));
      }
    },
  };
}

function globPattern(glob: string): RegExp {
  const literal = glob.split("*").map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"));
  return new RegExp(`^${literal.join(".*")}$`);
}
