/** Checks of policy documents, in AWS's words. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html */
import { isOperator } from "../../authorize/condition.ts";
import * as errors from "./errors.ts";

export type PolicyUse = "trust" | "identity";

export interface Statement {
  readonly Sid?: string;
  readonly Effect: "Allow" | "Deny";
  readonly Principal?: unknown;
  readonly NotPrincipal?: unknown;
  readonly Action?: string | readonly string[];
  readonly NotAction?: string | readonly string[];
  readonly Resource?: string | readonly string[];
  readonly NotResource?: string | readonly string[];
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

export interface PolicyDocument {
  readonly Version?: string;
  readonly Id?: string;
  readonly Statement: readonly Statement[];
}

type Fields = Readonly<Record<string, unknown>>;

const TOP_KEYS = new Set(["Version", "Id", "Statement"]);
const STATEMENT_KEYS = new Set([
  "Sid",
  "Effect",
  "Principal",
  "NotPrincipal",
  "Action",
  "NotAction",
  "Resource",
  "NotResource",
  "Condition",
]);
const PRINCIPAL_KEYS = new Set(["AWS", "Service", "Federated", "CanonicalUser"]);
const ACTION = /^[A-Za-z0-9-]+:[A-Za-z0-9*?]+$/;
const SID = /^[0-9A-Za-z]*$/;
const SYNTAX = "Syntax errors in policy.";
const NO_VENDOR = "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.";

/**
 * Parses and checks a document. Errors: MalformedPolicyDocument. An identity policy says what may be
 * done to which resources; a trust policy says who may assume its role.
 */
export function parsePolicy(text: string, use: PolicyUse): PolicyDocument {
  const document = parseJson(text);
  for (const key of Object.keys(document)) if (!TOP_KEYS.has(key)) throw errors.malformedPolicy(SYNTAX);
  const { Version: version } = document;
  if (version !== undefined && version !== "2012-10-17" && version !== "2008-10-17") {
    throw errors.malformedPolicy(SYNTAX);
  }
  if (document["Statement"] === undefined) throw errors.malformedPolicy(SYNTAX);
  if (use === "identity" && version !== "2012-10-17") {
    throw errors.malformedPolicy("Policy document must be version 2012-10-17 or greater.");
  }
  const statements = listOf(document["Statement"]).map((statement) => checkStatement(statement, use));
  if (statements.length === 0) throw errors.malformedPolicy(SYNTAX);
  checkSids(statements);
  return { ...(document as object), Statement: statements };
}

function parseJson(text: string): Fields {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw errors.malformedPolicy("This policy contains invalid Json");
  }
  if (!isFields(value)) throw errors.malformedPolicy(SYNTAX);
  return value;
}

function checkStatement(value: unknown, use: PolicyUse): Statement {
  if (!isFields(value)) throw errors.malformedPolicy(SYNTAX);
  for (const key of Object.keys(value)) if (!STATEMENT_KEYS.has(key)) throw errors.malformedPolicy(SYNTAX);
  const { Effect: effect, Sid: sid, Condition: condition } = value;
  if (effect !== "Allow" && effect !== "Deny") throw errors.malformedPolicy(SYNTAX);
  if (sid !== undefined && typeof sid !== "string") throw errors.malformedPolicy(SYNTAX);
  if (condition !== undefined) checkCondition(condition);
  checkActions(value, use);
  if (use === "trust") checkTrust(value);
  else checkIdentity(value);
  return value as unknown as Statement;
}

function checkActions(statement: Fields, use: PolicyUse): void {
  const { Action: action, NotAction: notAction } = statement;
  if (action !== undefined && notAction !== undefined) throw errors.malformedPolicy(SYNTAX);
  const given = action ?? notAction;
  const missing =
    use === "trust" ? "Missing required field Action" : "Policy statement must contain actions.";
  if (given === undefined) throw errors.malformedPolicy(missing);
  const actions = texts(given);
  if (actions.length === 0) throw errors.malformedPolicy(missing);
  for (const name of actions) {
    if (name === "*" || ACTION.test(name)) continue;
    if (!name.includes(":")) {
      throw errors.malformedPolicy(NO_VENDOR);
    }
    throw errors.malformedPolicy(`Action ${name} is not valid.`);
  }
}

function checkTrust(statement: Fields): void {
  for (const field of ["Resource", "NotResource"]) {
    if (statement[field] !== undefined) throw errors.malformedPolicy(`Has prohibited field ${field}`);
  }
  const principal = statement["Principal"] ?? statement["NotPrincipal"];
  if (principal === undefined) throw errors.malformedPolicy("Missing required field Principal");
  if (principal === "*") return;
  if (!isFields(principal)) throw errors.malformedPolicy(SYNTAX);
  const kinds = Object.keys(principal);
  if (kinds.length === 0) throw errors.malformedPolicy("Missing required field Principal cannot be empty!");
  for (const kind of kinds) {
    if (!PRINCIPAL_KEYS.has(kind)) throw errors.malformedPolicy(SYNTAX);
    for (const who of texts(principal[kind])) checkPrincipal(kind, who);
  }
  for (const action of texts(statement["Action"] ?? [])) {
    if (/^(sts:|\*$)/.test(action)) continue;
    throw errors.malformedPolicy("AssumeRole policy may only specify STS AssumeRole actions.");
  }
}

function checkPrincipal(kind: string, who: string): void {
  const valid =
    kind === "AWS"
      ? who === "*" ||
        /^\d{12}$/.test(who) ||
        /^arn:[^:]+:(iam|sts)::\d{12}:.+$/.test(who) ||
        /^A[A-Z]{3}[A-Z0-9]{12,}$/.test(who)
      : who.length > 0;
  if (!valid) throw errors.malformedPolicy(`Invalid principal in policy: "${kind.toUpperCase()}":"${who}"`);
  if (kind === "Service" && !/^[a-z0-9.-]+\.[a-z0-9.-]+$/.test(who)) {
    throw errors.malformedPolicy(`Invalid principal in policy: "SERVICE":"${who}"`);
  }
}

function checkIdentity(statement: Fields): void {
  if (statement["Principal"] !== undefined || statement["NotPrincipal"] !== undefined) {
    throw errors.malformedPolicy("Policy document should not specify a principal.");
  }
  const { Resource: resource, NotResource: notResource } = statement;
  if (resource !== undefined && notResource !== undefined) throw errors.malformedPolicy(SYNTAX);
  const given = resource ?? notResource;
  if (given === undefined) throw errors.malformedPolicy("Policy statement must contain resources.");
  const resources = texts(given);
  if (resources.length === 0) throw errors.malformedPolicy("Policy statement must contain resources.");
  for (const name of resources) checkResource(name);
}

function checkResource(name: string): void {
  if (name === "*") return;
  if (!name.startsWith("arn:") && !/^\*|^a[r*?]/.test(name)) {
    throw errors.malformedPolicy(`Resource ${name} must be in ARN format or "*".`);
  }
  const parts = name.split(":");
  const partition = parts[1] ?? "";
  if (parts.length > 2 && !/^(aws|aws-cn|aws-us-gov|aws-iso|aws-iso-b|.*[*?$].*)$/.test(partition)) {
    throw errors.malformedPolicy(`Partition "${partition}" is not valid for resource "${name}".`);
  }
  if (parts.length < 6 && !name.includes("*")) {
    throw errors.malformedPolicy("The policy failed legacy parsing");
  }
}

function checkCondition(condition: unknown): void {
  if (!isFields(condition)) throw errors.malformedPolicy(SYNTAX);
  for (const [operator, block] of Object.entries(condition)) {
    if (!isFields(block)) throw errors.malformedPolicy(SYNTAX);
    const keys = Object.keys(block);
    if (keys.length > 0 && !isOperator(operator)) throw errors.malformedPolicy(SYNTAX);
    if (keys.some((key) => !key.includes(":"))) throw errors.malformedPolicy(NO_VENDOR);
  }
}

function checkSids(statements: readonly Statement[]): void {
  const sids = statements.flatMap(({ Sid: sid }) => (sid === undefined || sid === "" ? [] : [sid]));
  if (!sids.every((sid) => SID.test(sid))) {
    throw errors.malformedPolicy(
      "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*",
    );
  }
  if (new Set(sids).size < sids.length) {
    throw errors.malformedPolicy("Statement IDs (SID) in a single policy must be unique.");
  }
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [value];
}

function texts(value: unknown): readonly string[] {
  const list = listOf(value);
  if (!list.every((item) => typeof item === "string")) throw errors.malformedPolicy(SYNTAX);
  return list;
}

/** Documents travel percent-encoded (RFC 3986) inside IAM's XML; clients decode them. */
export function encodeDocument(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
