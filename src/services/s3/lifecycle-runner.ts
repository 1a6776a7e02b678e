import { setImmediate as nextTurn } from "node:timers/promises";
import type { Timer } from "../../kernel/clock.ts";
import type { Deps } from "./deps.ts";
import { dueVersions, type LifecycleRule, lifecycleRules, minimumSizeOf, uploadIsDue } from "./lifecycle.ts";
import { type Bucket, type ObjectVersion, writtenVersion } from "./model.ts";
import type { Cause } from "./notifications.ts";
import { deleteOne } from "./operations-delete.ts";
import { RESTORED, restoreDeliveries } from "./operations-restore.ts";
import { serviceCause } from "./sender.ts";
import { dueTransitions, type MinimumSize, type Moved } from "./transitions.ts";

/** Rules count in days and end at midnights, so an hour is soon enough. */
const EVERY_MS = 3_600_000;
/** A new configuration may make things due at once. */
const SOON_MS = 1000;
const BATCH = 200;

export interface LifecycleRunner {
  start(): void;
  /** A configuration has changed. */
  readonly wake: () => void;
  /** Does now what is due. */
  run(): Promise<void>;
  close(): Promise<void>;
}

/** Expires and moves objects and aborts uploads as the buckets' rules say, and ends restored copies, a batch a turn. */
export function createLifecycleRunner(deps: Deps): LifecycleRunner {
  const { clock, log, buckets } = deps;
  let timer: Timer | undefined;
  let running: Promise<void> | undefined;
  let closed = false;

  function arm(ms: number): void {
    if (closed) return;
    timer?.cancel();
    timer = clock.timer(ms, () => void run());
  }

  function run(): Promise<void> {
    running ??= work()
      .catch((error: unknown) => log.warn({ error: String(error) }, "lifecycle rules could not be applied"))
      .finally(() => {
        running = undefined;
        arm(EVERY_MS);
      });
    return running;
  }

  async function work(): Promise<void> {
    for (const bucket of await buckets.withSetting("lifecycle")) {
      const rules = lifecycleRules(bucket);
      if (rules.length === 0) continue;
      await applyToVersions(bucket, rules, minimumSizeOf(bucket));
      await abortUploads(bucket, rules);
    }
    for (const bucket of await buckets.withSetting(RESTORED)) await endRestores(bucket);
  }

  async function applyToVersions(
    bucket: Bucket,
    rules: readonly LifecycleRule[],
    minimum: MinimumSize,
  ): Promise<void> {
    let group: ObjectVersion[] = [];
    for await (const rows of pages(bucket)) {
      for (const row of rows) {
        if (group[0] !== undefined && group[0].key !== row.key) {
          await apply(bucket, rules, minimum, group);
          group = [];
        }
        group.push(row);
      }
    }
    if (!closed) await apply(bucket, rules, minimum, group);
  }

  async function apply(
    bucket: Bucket,
    rules: readonly LifecycleRule[],
    minimum: MinimumSize,
    versions: readonly ObjectVersion[],
  ): Promise<void> {
    const { current, remove } = dueVersions(rules, versions, clock.now());
    const [latest] = versions;
    if (latest === undefined) return;
    for (const { versionId } of remove) {
      await deleteOne(deps, bucket, cause(bucket), { key: latest.key, versionId, byLifecycle: true });
    }
    if (current) {
      // Only if it is still the one that was judged.
      const now = await deps.objects.latest(bucket.name, latest.key);
      if (now?.seq !== latest.seq) return;
      await deleteOne(deps, bucket, cause(bucket), { key: latest.key, byLifecycle: true });
    }
    const gone = new Set([...remove, ...(current ? [latest] : [])]);
    for (const moved of dueTransitions(rules, versions, clock.now(), minimum)) {
      if (!gone.has(moved.version)) await move(bucket, moved);
    }
  }

  async function move(bucket: Bucket, { version, storageClass }: Moved): Promise<void> {
    const { key, bytes, etag, versionId, seq } = version;
    const { restoredUntilMs: _restored, ...meta } = version.meta;
    const sent = deps.sender.deliveries(
      bucket,
      {
        name: "LifecycleTransition",
        key,
        bytes,
        etag,
        versionId: writtenVersion(versionId),
        seq,
        movedTo: storageClass,
      },
      cause(bucket),
    );
    const unit = deps.sender.outbox.within(sent);
    if (await deps.objects.setMeta(version, { ...meta, storageClass }, unit)) deps.sender.outbox.wake(sent);
  }

  async function abortUploads(bucket: Bucket, rules: readonly LifecycleRule[]): Promise<void> {
    if (rules.every((rule) => rule.abortUploadDays === undefined)) return;
    let from: Uint8Array = new Uint8Array();
    let seq: number | undefined;
    for (;;) {
      const uploads = await deps.uploads.page(bucket.name, from, seq, undefined, BATCH);
      for (const upload of uploads) {
        if (!uploadIsDue(rules, upload, clock.now())) continue;
        deps.contents.suspect((await deps.uploads.abort(upload)) ?? []);
      }
      const last = uploads.at(-1);
      if (closed || last === undefined || uploads.length < BATCH) return;
      from = new TextEncoder().encode(last.key);
      seq = last.seq;
      await nextTurn();
    }
  }

  /** Copies whose time is over, told once each; whether they are read the clock alone decides. */
  async function endRestores(bucket: Bucket): Promise<void> {
    for await (const rows of pages(bucket)) {
      for (const version of rows) {
        const { restoredUntilMs, ...meta } = version.meta;
        if (restoredUntilMs === undefined || restoredUntilMs > clock.now()) continue;
        const sent = restoreDeliveries(deps, bucket, version, "ObjectRestore:Delete", cause(bucket));
        if (await deps.objects.setMeta(version, meta, deps.sender.outbox.within(sent))) {
          deps.sender.outbox.wake(sent);
        }
      }
    }
  }

  /** All versions of a bucket, a batch a turn. */
  async function* pages(bucket: Bucket): AsyncGenerator<readonly ObjectVersion[]> {
    let from: Uint8Array = new Uint8Array();
    let seq: number | undefined;
    for (;;) {
      const rows = await deps.objects.versionPage(bucket.name, from, seq, undefined, BATCH);
      yield rows;
      const last = rows.at(-1);
      if (closed || last === undefined || rows.length < BATCH) return;
      from = new TextEncoder().encode(last.key);
      seq = last.seq;
      await nextTurn();
    }
  }

  function cause(bucket: Bucket): Cause {
    return serviceCause(deps, bucket);
  }

  return {
    start: () => arm(SOON_MS),
    wake: () => arm(SOON_MS),
    run,
    async close() {
      closed = true;
      timer?.cancel();
      await running;
    },
  };
}
