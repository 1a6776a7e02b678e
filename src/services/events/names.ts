/** Names and ARNs of buses and rules. */
import { partitionOf, type Scope } from "../../kernel/scope.ts";

export const DEFAULT_BUS = "default";

/** A bus of one account and region. */
export interface BusKey extends Scope {
  readonly bus: string;
}

export interface RuleKey extends BusKey {
  readonly rule: string;
}

export interface ArchiveKey extends Scope {
  readonly archive: string;
}

export interface ReplayKey extends Scope {
  readonly replay: string;
}

function arn({ accountId, region }: Scope, resource: string): string {
  return `arn:${partitionOf(region)}:events:${region}:${accountId}:${resource}`;
}

export function busArn(key: BusKey): string {
  return arn(key, `event-bus/${key.bus}`);
}

/** Rules of the default bus are named without it. */
export function ruleArn(key: RuleKey): string {
  return arn(key, key.bus === DEFAULT_BUS ? `rule/${key.rule}` : `rule/${key.bus}/${key.rule}`);
}

export function archiveArn(key: ArchiveKey): string {
  return arn(key, `archive/${key.archive}`);
}

export function replayArn(key: ReplayKey): string {
  return arn(key, `replay/${key.replay}`);
}

const ARCHIVE_ARN = /^arn:aws[\w-]*:events:([a-z0-9-]+):(\d{12}):archive\/(.+)$/u;
const BUS_ARN = /^arn:aws[\w-]*:events:([a-z0-9-]+):(\d{12}):event-bus\/(.+)$/u;
const RULE_ARN = /^arn:aws[\w-]*:events:([a-z0-9-]+):(\d{12}):rule\/(?:(.+)\/)?([^/]+)$/u;

/** Undefined when the text is no ARN of a bus. */
export function parseBusArn(text: string): BusKey | undefined {
  const found = BUS_ARN.exec(text);
  if (found === null) return undefined;
  const [, region = "", accountId = "", bus = ""] = found;
  return { accountId, region, bus };
}

/** Undefined when the text is no ARN of an archive. */
export function parseArchiveArn(text: string): ArchiveKey | undefined {
  const found = ARCHIVE_ARN.exec(text);
  if (found === null) return undefined;
  const [, region = "", accountId = "", archive = ""] = found;
  return { accountId, region, archive };
}

/** Undefined when the text is no ARN of a rule. */
export function parseRuleArn(text: string): RuleKey | undefined {
  const found = RULE_ARN.exec(text);
  if (found === null) return undefined;
  const [, region = "", accountId = "", bus = DEFAULT_BUS, rule = ""] = found;
  return { accountId, region, bus, rule };
}

/** The bus that a member `EventBusName` means: a name, an ARN, or nothing for the default one. */
export function busKeyOf(scope: Scope, nameOrArn: string | undefined): BusKey {
  const { accountId, region } = scope;
  return parseBusArn(nameOrArn ?? "") ?? { accountId, region, bus: nameOrArn ?? DEFAULT_BUS };
}

export function busId({ accountId, region, bus }: BusKey): string {
  return `${accountId} ${region} ${bus}`;
}
