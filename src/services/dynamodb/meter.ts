/**
 * Provisioned throughput, and the maximum that an on-demand table may be given. Capacity that is not used
 * is kept for five minutes and may be used at once; who has used all of it is throttled until some has
 * come back.
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/burst-adaptive-capacity.html
 *
 * 1. Reads and writes of such a table, and of each of its global indexes, have a bucket each: 300 s of their
 *    units, full at first. Local indexes use their table's.
 * 2. A request is let in while every bucket it takes from holds something.
 * 3. What it took is subtracted afterwards, when it is known. So a bucket may go into debt; that is paid
 *    before the next request is let in.
 *
 * Buckets live in this process: a restart fills them.
 */
import type { Clock } from "../../kernel/clock.ts";
import type { Logger } from "../../kernel/log.ts";
import type { Consumed } from "./capacity.ts";
import { throughputExceeded } from "./errors.ts";
import { indexNamed, tableArn, type Index, type Table } from "./table/model.ts";

export type Side = "Read" | "Write";

/** `warn` lets everything in and logs, once a minute a bucket, that AWS would have throttled. */
export type ThroughputMode = "warn" | "enforce";

export interface Bucket {
  /** Below zero: a debt. */
  readonly units: number;
  /** Epoch ms. */
  readonly atMs: number;
}

const BURST_SECONDS = 300;
const NOTE_MS = 60_000;
const BUCKETS_MAX = 10_000;

/** What a bucket holds now; undefined: it is new, and full. */
export function refilled(bucket: Bucket | undefined, unitsPerSecond: number, nowMs: number): Bucket {
  const most = unitsPerSecond * BURST_SECONDS;
  if (bucket === undefined) return { units: most, atMs: nowMs };
  const more = (Math.max(0, nowMs - bucket.atMs) / 1000) * unitsPerSecond;
  return { units: Math.min(most, bucket.units + more), atMs: nowMs };
}

/** What a request takes from one bucket. */
export interface Draw {
  readonly storeNo: number;
  readonly arn: string;
  readonly of: "Table" | "Index";
  readonly limit: "ProvisionedThroughput" | "MaxOnDemandThroughput";
  readonly unitsPerSecond: number;
  readonly units: number;
}

/** Whether any request to the table could be throttled. */
export function isMetered({ billing, maximum, indexes }: Table): boolean {
  return billing === "PROVISIONED" || maximum !== undefined || indexes.some((index) => index.maximum);
}

/** An on-demand table or index without a maximum has no bucket. */
export function drawsOf({ table, units, indexes }: Consumed, side: Side): Draw[] {
  if (!isMetered(table)) return [];
  const arn = tableArn(table.scope, table.name);
  const draws: Draw[] = [];
  const draw = (of: Draw["of"], from: Table | Index, resource: string, count: number): void => {
    const isProvisioned = table.billing === "PROVISIONED";
    const figures = isProvisioned ? from.throughput : from.maximum;
    const unitsPerSecond = side === "Read" ? figures?.read : figures?.write;
    if (unitsPerSecond === undefined || count === 0) return;
    const limit = isProvisioned ? "ProvisionedThroughput" : "MaxOnDemandThroughput";
    draws.push({ storeNo: from.no, arn: resource, of, limit, unitsPerSecond, units: count });
  };
  const globals = [...indexes].flatMap(([name, count]) => {
    const index = indexNamed(table, name);
    return index?.kind === "global" ? [{ index, count }] : [];
  });
  const total = [...indexes.values()].reduce((sum, count) => sum + count, units);
  draw(
    "Table",
    table,
    arn,
    globals.reduce((own, { count }) => own - count, total),
  );
  for (const { index, count } of globals) draw("Index", index, `${arn}/index/${index.name}`, count);
  return draws;
}

export interface Meter {
  /** Before the request, with units as far as they are known. Errors: ProvisionedThroughputExceededException, ThrottlingException. */
  admit(consumed: Consumed, side: Side): void;
  /** After it. */
  take(consumed: Consumed, side: Side): void;
}

export function createMeter(
  { clock, log }: { readonly clock: Clock; readonly log: Logger },
  mode: ThroughputMode,
): Meter {
  const buckets = new Map<string, Bucket>();
  const notedMs = new Map<string, number>();
  const keyOf = ({ storeNo }: Draw, side: Side): string => `${String(storeNo)}/${side}`;

  function note({ arn, unitsPerSecond }: Draw, side: Side, key: string, nowMs: number): void {
    if (nowMs - (notedMs.get(key) ?? -Infinity) < NOTE_MS) return;
    notedMs.set(key, nowMs);
    const fields = { resource: arn, [`${side.toLowerCase()}UnitsPerSecond`]: unitsPerSecond };
    log.warn(fields, "AWS would throttle this table; --dynamodb-throughput enforce does");
  }

  return {
    admit(consumed, side) {
      const draws = drawsOf(consumed, side);
      if (draws.length === 0) return;
      const nowMs = clock.now();
      for (const draw of draws) {
        const key = keyOf(draw, side);
        if (refilled(buckets.get(key), draw.unitsPerSecond, nowMs).units > 0) continue;
        if (mode === "enforce") throw throughputExceeded(draw, side);
        note(draw, side, key, nowMs);
      }
    },
    take(consumed, side) {
      const draws = drawsOf(consumed, side);
      if (draws.length === 0) return;
      const nowMs = clock.now();
      if (buckets.size >= BUCKETS_MAX) {
        buckets.clear();
        notedMs.clear();
      }
      for (const draw of draws) {
        const key = keyOf(draw, side);
        const { units } = refilled(buckets.get(key), draw.unitsPerSecond, nowMs);
        // Nobody is held back by a warning, so no debt is run up.
        const left = mode === "warn" ? Math.max(0, units - draw.units) : units - draw.units;
        buckets.set(key, { units: left, atMs: nowMs });
      }
    },
  };
}
