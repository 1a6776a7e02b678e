/**
 * Rules that move objects to colder storage classes.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-transition-general-considerations.html
 *
 *   1. a rule's transition is due so many days after the version was made, or was replaced, or at a date
 *   2. of those due the coldest counts; nothing is ever moved to a warmer class
 *   3. what is small stays where it is, unless the rule itself speaks of sizes
 */
import type { ServiceError } from "../../kernel/errors.ts";
import * as errors from "./errors.ts";
import { applies, dueAt, type LifecycleRule } from "./lifecycle.ts";
import type { ObjectVersion } from "./model.ts";

export interface Transition {
  readonly storageClass: string;
  readonly days?: number;
  readonly atMs?: number;
  /** Of noncurrent versions: how many of the newest stay. */
  readonly keepNewest?: number;
}

/** From warm to cold: the only way there is. */
const COLDNESS: Readonly<Record<string, number>> = {
  STANDARD: 0,
  REDUCED_REDUNDANCY: 0,
  STANDARD_IA: 1,
  INTELLIGENT_TIERING: 2,
  ONEZONE_IA: 3,
  GLACIER_IR: 4,
  GLACIER: 5,
  DEEP_ARCHIVE: 6,
};
const INFREQUENT = new Set(["STANDARD_IA", "ONEZONE_IA"]);
const ARCHIVES = new Set(["GLACIER", "DEEP_ARCHIVE"]);
const INFREQUENT_DAYS_MIN = 30;
const SMALL_BYTES = 128 * 1024;

export type MinimumSize = "all_storage_classes_128K" | "varies_by_storage_class";

interface TransitionInput {
  readonly StorageClass?: string | undefined;
  readonly Date?: Date | undefined;
  readonly Days?: number | undefined;
  readonly NoncurrentDays?: number | undefined;
  readonly NewerNoncurrentVersions?: number | undefined;
}

export interface TransitionsInput {
  readonly Transitions?: readonly TransitionInput[] | undefined;
  readonly NoncurrentVersionTransitions?: readonly TransitionInput[] | undefined;
}

type Read = Pick<LifecycleRule, "transitions" | "noncurrentTransitions">;

/**
 * What a rule says of them, next to when it expires what.
 * Errors: MalformedXML, InvalidArgument, InvalidRequest.
 */
export function transitionsOf(
  input: TransitionsInput,
  rule: Pick<LifecycleRule, "prefix" | "expireDays" | "expireAtMs" | "noncurrentDays">,
): Read {
  const { Transitions = [], NoncurrentVersionTransitions = [] } = input;
  const transitions = Transitions.map((one) => current(one));
  const noncurrentTransitions = NoncurrentVersionTransitions.map((one) => noncurrent(one));
  const filter = `'(prefix=${rule.prefix})'`;
  for (const [action, list] of [
    ["Transition", transitions],
    ["NoncurrentVersionTransition", noncurrentTransitions],
  ] as const) {
    if (new Set(list.map((one) => one.storageClass)).size === list.length) continue;
    throw errors.invalidRequest(
      `'StorageClass' must be different for '${action}' actions in same 'Rule' with filter ${filter}`,
    );
  }
  checkMixture(transitions, rule, filter);
  checkBefore(transitions, rule.expireDays, ["Days", "Expiration", "Transition"], filter);
  checkBefore(
    noncurrentTransitions,
    rule.noncurrentDays,
    ["NoncurrentDays", "NoncurrentVersionExpiration", "NoncurrentVersionTransition"],
    filter,
  );
  return {
    ...(transitions.length === 0 ? {} : { transitions }),
    ...(noncurrentTransitions.length === 0 ? {} : { noncurrentTransitions }),
  };
}

/** A rule speaks of days or of dates, not of both. */
function checkMixture(
  transitions: readonly Transition[],
  { expireDays, expireAtMs }: Pick<LifecycleRule, "expireDays" | "expireAtMs">,
  filter: string,
): void {
  const byDays = transitions.some(({ days }) => days !== undefined);
  const byDate = transitions.some(({ atMs }) => atMs !== undefined);
  const mixed = (actions: string): ServiceError =>
    errors.invalidRequest(
      `Found mixed 'Date' and 'Days' based ${actions} actions in lifecycle rule for filter ${filter}`,
    );
  if (byDays && byDate) throw mixed("Transition");
  if ((byDays && expireAtMs !== undefined) || (byDate && expireDays !== undefined)) {
    throw mixed("Expiration and Transition");
  }
}

function current({ StorageClass, Date: date, Days }: TransitionInput): Transition {
  const storageClass = classOf(StorageClass);
  if ((date === undefined) === (Days === undefined)) throw errors.malformedXml();
  if (date !== undefined) {
    if (date.getTime() % 86_400_000 === 0) return { storageClass, atMs: date.getTime() };
    throw errors.invalidArgument("'Date' must be at midnight GMT", "Date", date.toISOString());
  }
  return { storageClass, days: daysOf(Days ?? 0, storageClass, "Days", "Transition") };
}

function noncurrent(input: TransitionInput): Transition {
  const storageClass = classOf(input.StorageClass);
  if (input.NoncurrentDays === undefined) throw errors.malformedXml();
  const days = daysOf(input.NoncurrentDays, storageClass, "NoncurrentDays", "NoncurrentVersionTransition");
  const keepNewest = input.NewerNoncurrentVersions;
  return { storageClass, days, ...(keepNewest === undefined ? {} : { keepNewest }) };
}

function classOf(name: string | undefined): string {
  if (name === undefined || (COLDNESS[name] ?? 0) === 0) throw errors.malformedXml();
  return name;
}

function daysOf(days: number, storageClass: string, member: string, action: string): number {
  if (days < 0) {
    throw errors.invalidArgument(`'${member}' in ${action} action must be nonnegative`, member, days);
  }
  if (INFREQUENT.has(storageClass) && days < INFREQUENT_DAYS_MIN) {
    throw errors.invalidArgument(
      `'${member}' in ${action} action must be greater than or equal to ${String(INFREQUENT_DAYS_MIN)} for storageClass '${storageClass}'`,
      member,
      days,
    );
  }
  return days;
}

/** What expires must have had its time in the class before. */
function checkBefore(
  transitions: readonly Transition[],
  endDays: number | undefined,
  [member, end, action]: readonly [string, string, string],
  filter: string,
): void {
  if (endDays === undefined || transitions.every(({ days = 0 }) => days < endDays)) return;
  throw errors.invalidArgument(
    `'${member}' in the ${end} action for filter ${filter} must be greater than '${member}' in the ${action} action`,
    member,
    endDays,
  );
}

export interface Moved {
  readonly version: ObjectVersion;
  readonly storageClass: string;
}

/** Which of a key's versions move now, and to where. `versions` are all of one key, newest first. */
export function dueTransitions(
  rules: readonly LifecycleRule[],
  versions: readonly ObjectVersion[],
  now: number,
  minimum: MinimumSize,
): readonly Moved[] {
  return versions.flatMap((version, index) => {
    if (version.isMarker) return [];
    const newer = versions[index - 1];
    const due = rules
      .filter((rule) => applies(rule, version))
      .flatMap((rule) =>
        dueOf(rule, version, newer, index, now).filter((to) => isLarge(rule, version, to, minimum)),
      );
    const from = version.meta.storageClass ?? "STANDARD";
    const [coldest] = due.toSorted((a, b) => coldness(b) - coldness(a));
    if (coldest === undefined || coldness(coldest) <= coldness(from)) return [];
    return [{ version, storageClass: coldest }];
  });
}

function coldness(storageClass: string): number {
  return COLDNESS[storageClass] ?? 0;
}

function dueOf(
  rule: LifecycleRule,
  version: ObjectVersion,
  newer: ObjectVersion | undefined,
  index: number,
  now: number,
): readonly string[] {
  const list = newer === undefined ? rule.transitions : rule.noncurrentTransitions;
  // A version became noncurrent when the one after it was made.
  const since = newer === undefined ? version.modifiedAt : newer.modifiedAt;
  return (list ?? [])
    .filter(({ days, atMs, keepNewest = 0 }) => {
      const at = atMs ?? dueAt(since, days ?? 0);
      return at <= now && (newer === undefined || index > keepNewest);
    })
    .map(({ storageClass }) => storageClass);
}

/** Moving what is small costs more than it saves; a rule with sizes of its own decides itself. */
function isLarge(
  rule: LifecycleRule,
  { bytes }: ObjectVersion,
  storageClass: string,
  minimum: MinimumSize,
): boolean {
  if (rule.largerThan !== undefined || rule.smallerThan !== undefined) return true;
  return bytes >= SMALL_BYTES || (minimum === "varies_by_storage_class" && ARCHIVES.has(storageClass));
}
