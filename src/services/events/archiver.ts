/**
 * What the archives of a bus keep of an event: it is written in the unit of the event's deliveries, so
 * that what was answered is in the archive. Replayed events are not archived again.
 */
import { matches, type Pattern } from "../../events/pattern/pattern.ts";
import type { Statement } from "../../ports/database.ts";
import { type ArchiveStore, insertArchived } from "./archive-store.ts";
import type { BusEvent } from "./event.ts";
import type { Archive } from "./model.ts";
import { busArn, type BusKey } from "./names.ts";
import { patternOf } from "./rules.ts";

export interface Archiver {
  statements(bus: BusKey, event: BusEvent): Promise<readonly Statement[]>;
  /** An archive of the bus was made, changed or removed. */
  forget(bus: BusKey): void;
}

/** A field of replayed events. */
export const REPLAY_NAME = "replay-name";

interface Taking {
  readonly archive: Archive;
  readonly pattern: Pattern | undefined;
}

const BUSES_MAX = 1_000;

export function createArchiver(store: ArchiveStore): Archiver {
  /** Promises, so that what was forgotten while it was read is read again. */
  const known = new Map<string, Promise<readonly Taking[]>>();

  function takingOf(arn: string): Promise<readonly Taking[]> {
    const found = known.get(arn);
    if (found !== undefined) return found;
    if (known.size >= BUSES_MAX) known.clear();
    const reading = store.archivesOfBus(arn).then((archives) =>
      archives.map((archive) => ({
        archive,
        pattern: archive.pattern === undefined ? undefined : patternOf(archive.pattern),
      })),
    );
    known.set(arn, reading);
    reading.catch(() => {
      if (known.get(arn) === reading) known.delete(arn);
    });
    return reading;
  }

  return {
    async statements(bus, event) {
      const taking = await takingOf(busArn(bus));
      if (taking.length === 0 || REPLAY_NAME in event.value) return [];
      return taking
        .filter(({ pattern }) => pattern === undefined || matches(pattern, event.value))
        .map(({ archive }) => insertArchived(archive, archivedEvent(event)));
    },
    forget: (bus) => void known.delete(busArn(bus)),
  };
}

function archivedEvent(event: BusEvent): Parameters<typeof insertArchived>[1] {
  const { id, time } = event.value;
  return {
    timeMs: Date.parse(String(time)) || event.ingestedMs,
    eventId: id,
    takenMs: event.ingestedMs,
    bytes: sizeOf(event),
    body: event.text,
  };
}

/** As AWS counts what an archive holds: the texts of the entry, and its time as it is written. */
function sizeOf({ value, givenDetail }: BusEvent): number {
  const { source, "detail-type": detailType, time, resources, detail } = value;
  const texts = [source, detailType, String(time), ...(Array.isArray(resources) ? resources : [])];
  const bytes = texts.reduce((sum, text) => sum + Buffer.byteLength(String(text), "utf8"), 0);
  return bytes + Buffer.byteLength(givenDetail ?? JSON.stringify(detail ?? {}), "utf8");
}
