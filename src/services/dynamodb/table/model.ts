/** A table and its indexes as they are kept, and the few questions everybody asks of them. */
import type { Scope } from "../../../kernel/scope.ts";
import { partitionOf } from "../../../kernel/scope.ts";
import { validation } from "../errors.ts";
import type { KeyType } from "../value/key.ts";

export type TableStatus = "CREATING" | "ACTIVE" | "UPDATING" | "DELETING";
export type IndexStatus = "CREATING" | "ACTIVE" | "UPDATING" | "DELETING";
export type ViewType = "KEYS_ONLY" | "NEW_IMAGE" | "OLD_IMAGE" | "NEW_AND_OLD_IMAGES";
export type BillingMode = "PROVISIONED" | "PAY_PER_REQUEST";

export interface Keys {
  readonly hash: string;
  readonly range?: string;
}

export interface Throughput {
  readonly read: number;
  readonly write: number;
  /** Epoch ms. */
  readonly increasedAt?: number;
  readonly decreasedAt?: number;
  /** On the day of `decreasedAt`. */
  readonly decreases?: number;
}

const DAY_MS = 86_400_000;

/** How often throughput was lowered on this day of UTC. */
export function decreasesToday({ decreasedAt, decreases = 0 }: Throughput, nowMs: number): number {
  if (decreasedAt === undefined) return 0;
  return Math.floor(decreasedAt / DAY_MS) === Math.floor(nowMs / DAY_MS) ? decreases : 0;
}

/** What an on-demand table or index may take a second at most; absent: without end. */
export interface Maximum {
  readonly read?: number;
  readonly write?: number;
}

export interface Projection {
  readonly type: "ALL" | "KEYS_ONLY" | "INCLUDE";
  readonly include?: readonly string[];
}

export interface Index {
  /** Number of its entries' rows; never used again. */
  readonly no: number;
  readonly kind: "global" | "local";
  readonly name: string;
  readonly keys: Keys;
  readonly projection: Projection;
  readonly status: IndexStatus;
  /** Its entries are still being made from the items there were. */
  readonly backfilling?: boolean;
  readonly throughput: Throughput;
  readonly maximum?: Maximum;
}

export interface TableStream {
  readonly no: number;
  readonly label: string;
  readonly viewType: ViewType;
  readonly enabled: boolean;
}

export interface TimeToLive {
  readonly attribute: string;
  readonly status: "ENABLING" | "ENABLED" | "DISABLING";
  readonly changedAt: number;
}

export interface Encryption {
  readonly keyArn: string;
  readonly status: "ENABLED" | "UPDATING";
}

export interface Table {
  /** Number of its items' rows; never used again. */
  readonly no: number;
  /** Grows with each change of the definition; writers hold on to the one they read. */
  readonly version: number;
  readonly scope: Scope;
  readonly name: string;
  readonly id: string;
  readonly status: TableStatus;
  readonly createdAt: number;
  /** In the order given. */
  readonly attributes: readonly { readonly name: string; readonly type: KeyType }[];
  readonly keys: Keys;
  readonly indexes: readonly Index[];
  readonly billing: BillingMode;
  /** What was asked for at the creation shows whether the summary names a mode. */
  readonly billingSummary: boolean;
  readonly payPerRequestAt?: number;
  readonly throughput: Throughput;
  readonly maximum?: Maximum;
  readonly tableClass?: "STANDARD" | "STANDARD_INFREQUENT_ACCESS";
  readonly tableClassAt?: number;
  readonly deletionProtection: boolean;
  /** The latest, also when it is switched off by now. */
  readonly stream?: TableStream;
  readonly timeToLive?: TimeToLive;
  readonly encryption?: Encryption;
}

export function tableArn(scope: Scope, name: string): string {
  return `arn:${partitionOf(scope.region)}:dynamodb:${scope.region}:${scope.accountId}:table/${name}`;
}

export function streamArn(scope: Scope, tableName: string, label: string): string {
  return `${tableArn(scope, tableName)}/stream/${label}`;
}

const NAME = /^[a-zA-Z0-9_.-]+$/u;
const NAME_LENGTH_MAX = 255;
/** Of new tables; who asks for a shorter one is told that there is none. */
export const NEW_NAME_LENGTH_MIN = 3;

/** Errors: ValidationException for what neither can be a table's name nor looks like an ARN. */
export function refuseTableName(nameOrArn: string, lengthMin = 1): void {
  if (nameOrArn.startsWith("arn:")) return;
  const { length } = nameOrArn;
  const rule = !NAME.test(nameOrArn)
    ? "satisfy regular expression pattern: [a-zA-Z0-9_.-]+"
    : length > NAME_LENGTH_MAX
      ? `have length less than or equal to ${String(NAME_LENGTH_MAX)}`
      : length < lengthMin
        ? `have length greater than or equal to ${String(lengthMin)}`
        : undefined;
  if (rule === undefined) return;
  throw validation(
    `1 validation error detected: Value '${nameOrArn}' at 'tableName' failed to satisfy constraint: Member must ${rule}`,
  );
}

/** `TableName` may be a name or an ARN; of an ARN the table's name, or undefined when it is somewhere else. */
export function tableNameOf(scope: Scope, nameOrArn: string): string | undefined {
  if (!nameOrArn.startsWith("arn:")) return nameOrArn;
  const prefix = tableArn(scope, "");
  return nameOrArn.startsWith(prefix) ? nameOrArn.slice(prefix.length).split("/")[0] : undefined;
}

export function attributeType(table: Table, name: string): KeyType {
  return table.attributes.find((attribute) => attribute.name === name)?.type ?? "S";
}

export function keyNames({ hash, range }: Keys): string[] {
  return range === undefined ? [hash] : [hash, range];
}

export function indexNamed(table: Table, name: string): Index | undefined {
  return table.indexes.find((index) => index.name === name);
}

/** Attributes that an index shows; undefined: all of them. */
export function projectedNames(table: Table, index: Index): ReadonlySet<string> | undefined {
  if (index.projection.type === "ALL") return undefined;
  return new Set([...keyNames(table.keys), ...keyNames(index.keys), ...(index.projection.include ?? [])]);
}

/** Maintained by writes: also while it is being made, not while it is being deleted. */
export function isMaintained(index: Index): boolean {
  return index.status !== "DELETING";
}
