/** Who may write what: the users of the language, each with operators of its own. */

export interface Dialect {
  readonly operators: ReadonlySet<string>;
  /** What `anything-but` may hold beside values. */
  readonly insideAnythingBut: ReadonlySet<string>;
  /** `prefix` and `suffix` may hold `equals-ignore-case`. */
  readonly edgesIgnoreCase: boolean;
}

const COMMON = ["prefix", "suffix", "anything-but", "numeric", "exists", "equals-ignore-case", "cidr"];

/** https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html */
export const EVENTS: Dialect = {
  operators: new Set([...COMMON, "wildcard", "exactly"]),
  insideAnythingBut: new Set(["prefix", "suffix", "equals-ignore-case", "wildcard"]),
  edgesIgnoreCase: true,
};

/**
 * Filters of event source mappings: what AWS lists for them and for pipes, which read the same language.
 * https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html#filtering-syntax
 */
export const FILTERS: Dialect = {
  operators: new Set(["prefix", "suffix", "anything-but", "numeric", "exists", "equals-ignore-case"]),
  insideAnythingBut: new Set(),
  edgesIgnoreCase: true,
};

/**
 * Filter policies of subscriptions, on attributes and on bodies.
 * https://docs.aws.amazon.com/sns/latest/dg/string-value-matching.html
 */
export const SNS: Dialect = {
  operators: new Set([...COMMON, "wildcard"]),
  insideAnythingBut: new Set(["prefix", "suffix", "equals-ignore-case", "wildcard"]),
  edgesIgnoreCase: false,
};

/** Fields of these names would be taken for operators beside `$or`. */
export const RESERVED_BESIDE_OR: ReadonlySet<string> = new Set([
  ...EVENTS.operators,
  ...["=", "<", "<=", ">", ">="],
  ...["regex", "not-wildcard", "not-equals-ignore-case"],
  ...["date-after", "date-on-or-after", "date-before", "date-on-or-before", "in-date-range"],
  ...["ip-address-in-range", "ip-address-not-in-range"],
]);
