/** Archives. https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-archive.html */
import { Conflict } from "../../ports/database.ts";
import { deleteArchive, insertArchive, updateArchive } from "./archive-store.ts";
import type { Deps, EventsOperations } from "./deps.ts";
import * as errors from "./errors.ts";
import { busAt } from "./lookup.ts";
import { type Archive, EVENTS_LIMITS } from "./model.ts";
import { archiveArn, type ArchiveKey, busArn, parseBusArn } from "./names.ts";
import { openToken, pageOf } from "./page-token.ts";
import { patternOf } from "./rules.ts";
import type { Scope } from "../../kernel/scope.ts";

export function archiveOperations(deps: Deps): EventsOperations {
  const { archives, archiver, replayer, store, clock } = deps;

  /** Errors: ResourceNotFoundException. */
  async function archiveOf({ accountId, region }: Scope, name: string | undefined): Promise<Archive> {
    const found = await archives.archive({ accountId, region, archive: name ?? "" });
    if (found === undefined) throw errors.archiveNotFound(name ?? "");
    return found;
  }

  async function shown(archive: Archive) {
    const { events, bytes } = await archives.contents(archive);
    return {
      ArchiveName: archive.archive,
      EventSourceArn: busArn(archive.bus),
      State: "ENABLED" as const,
      RetentionDays: archive.retentionDays,
      SizeBytes: bytes,
      EventCount: events,
      CreationTime: new Date(archive.createdAt),
    };
  }

  return {
    async CreateArchive(input, context) {
      refuseKey(input.KmsKeyIdentifier);
      const bus = parseBusArn(input.EventSourceArn ?? "");
      if (bus === undefined) throw errors.busNotFound(input.EventSourceArn ?? "");
      await busAt(deps, bus);
      if (input.EventPattern !== undefined) patternOf(input.EventPattern);
      const { accountId, region } = context;
      const archive: Archive = {
        ...{ accountId, region, archive: input.ArchiveName ?? "" },
        bus,
        pattern: input.EventPattern,
        description: input.Description,
        retentionDays: input.RetentionDays ?? 0,
        createdAt: clock.now(),
      };
      if ((await archives.archive(archive)) !== undefined) throw errors.archiveExists(archive.archive);
      try {
        await store.commit([insertArchive(archive)]);
      } catch (error) {
        if (!(error instanceof Conflict)) throw error;
        throw (await archives.archive(archive)) === undefined
          ? errors.limitExceeded()
          : errors.archiveExists(archive.archive);
      }
      archiver.forget(bus);
      replayer.retain();
      return answer(archive);
    },

    async DescribeArchive(input, context) {
      const archive = await archiveOf(context, input.ArchiveName);
      return {
        ArchiveArn: archiveArn(archive),
        ...(await shown(archive)),
        ...(archive.description === undefined ? {} : { Description: archive.description }),
        ...(archive.pattern === undefined ? {} : { EventPattern: archive.pattern }),
      };
    },

    async ListArchives(input, context) {
      const { NamePrefix = "", EventSourceArn, State } = input;
      const bus = parseBusArn(EventSourceArn ?? "");
      if (EventSourceArn !== undefined && bus === undefined) throw errors.busNotFound(EventSourceArn);
      if (bus !== undefined) await busAt(deps, bus);
      const question = ["archives", NamePrefix, EventSourceArn, State];
      const after = openToken(input.NextToken, question) ?? "";
      const found = (await archives.archives(context)).filter(
        (archive) =>
          archive.archive.startsWith(NamePrefix) &&
          archive.archive > after &&
          (State === undefined || State === "ENABLED") &&
          (EventSourceArn === undefined || busArn(archive.bus) === EventSourceArn),
      );
      const page = pageOf(found, input.Limit ?? EVENTS_LIMITS.pageDefault, nameOf, question);
      return { Archives: await Promise.all(page.shown.map(shown)), ...page.next };
    },

    async UpdateArchive(input, context) {
      refuseKey(input.KmsKeyIdentifier);
      const before = await archiveOf(context, input.ArchiveName);
      if (input.EventPattern !== undefined) patternOf(input.EventPattern);
      const archive: Archive = {
        ...before,
        pattern: input.EventPattern ?? before.pattern,
        description: input.Description ?? before.description,
        retentionDays: input.RetentionDays ?? before.retentionDays,
      };
      try {
        await store.commit([updateArchive(archive)]);
      } catch (error) {
        throw error instanceof Conflict ? errors.archiveNotFound(archive.archive) : error;
      }
      archiver.forget(archive.bus);
      replayer.retain();
      return answer(archive);
    },

    async DeleteArchive(input, context) {
      const archive = await archiveOf(context, input.ArchiveName);
      try {
        await store.commit(deleteArchive(archive));
      } catch (error) {
        throw error instanceof Conflict ? errors.archiveNotFound(archive.archive) : error;
      }
      archiver.forget(archive.bus);
      return {};
    },
  };
}

const nameOf = ({ archive }: ArchiveKey): string => archive;

function refuseKey(key: string | undefined): void {
  if ((key ?? "") !== "") throw errors.notServed("KmsKeyIdentifier of an archive");
}

function answer(archive: Archive) {
  return {
    ArchiveArn: archiveArn(archive),
    State: "ENABLED" as const,
    CreationTime: new Date(archive.createdAt),
  };
}
