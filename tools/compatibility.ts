/**
 * Makes COMPATIBILITY.md from what the tests saw: lines `service operation outcome` that servers under test
 * append to the file named by LAMBENT_RECORD_OPERATIONS (outcome: `success`, an error code, or what a test
 * says of itself: `pagination`, `persistence`).
 *
 *   full     success, every error of the model, pagination and persistence where they apply were all seen
 *   partial  success was seen; the column says what no test has seen
 *   none     answers "not implemented by Lambent"
 */
import { readFileSync, writeFileSync } from "node:fs";
import process from "node:process";
import { loadModel, SERVICE_ROWS, type Operation } from "../src/aws/model/model.ts";

/** Errors of the model that only AWS's own fleet can have. */
const NOT_OURS = new Set([
  "ServiceException",
  "ServiceUnavailableException",
  "ServiceFailure",
  "InternalServerError",
  "TooManyRequestsException",
]);
const READ_ONLY = /^(Get|List|Describe|Filter|Invoke|Assume)/;

export interface Claim {
  readonly operation: string;
  readonly status: "full" | "partial" | "none";
  readonly missing: readonly string[];
}

/** What the tests' evidence lets us say of an operation. */
export function claim(operation: Operation, seen: ReadonlySet<string>): Claim {
  const name = operation.name;
  if (!seen.has("success")) return { operation: name, status: "none", missing: [] };
  const missing = operation.errors.filter((error) => !NOT_OURS.has(error) && !seen.has(error));
  const pages =
    operation.output.byName.has("NextMarker") ||
    operation.output.byName.has("nextToken") ||
    operation.output.byName.has("Marker");
  if (pages && !seen.has("pagination")) missing.push("pagination");
  if (!READ_ONLY.test(name) && !seen.has("persistence")) missing.push("persistence");
  return { operation: name, status: missing.length === 0 ? "full" : "partial", missing };
}

export function parseEvidence(text: string): Map<string, Set<string>> {
  const evidence = new Map<string, Set<string>>();
  for (const line of text.split("\n")) {
    const [service, operation, outcome] = line.split(" ");
    if (service === undefined || operation === undefined || outcome === undefined) continue;
    const key = `${service} ${operation}`;
    evidence.set(key, (evidence.get(key) ?? new Set()).add(outcome));
  }
  return evidence;
}

async function render(evidence: ReadonlyMap<string, ReadonlySet<string>>): Promise<string> {
  const parts = [
    "# Compatibility",
    "",
    'Made by `npm test -- --compatibility` from what the tests saw; do not edit. *full*: success, every error of AWS\'s model, pagination and persistence were tested. *partial*: works; the last column names what no test has seen. Operations that are not listed, and services that are not, answer "not implemented by Lambent".',
    "",
  ];
  for (const row of SERVICE_ROWS) {
    const model = await loadModel(row.name);
    const claims = [...model.operations.values()].map((operation) =>
      claim(operation, evidence.get(`${row.name} ${operation.name}`) ?? new Set()),
    );
    const served = claims.filter(({ status }) => status !== "none");
    parts.push(`## ${model.title} (${String(served.length)} of ${String(claims.length)} operations)`, "");
    if (served.length === 0) continue;
    parts.push("| operation | status | not tested |", "|---|---|---|");
    for (const { operation, status, missing } of served)
      parts.push(`| ${operation} | ${status} | ${missing.join(", ")} |`);
    parts.push("");
  }
  return `${parts.join("\n").trimEnd()}\n`;
}

if (process.argv[1]?.endsWith("compatibility.ts") === true) {
  const text = await render(parseEvidence(readFileSync(process.argv[2] ?? "", "utf8")));
  writeFileSync("COMPATIBILITY.md", text);
  process.stdout.write("wrote COMPATIBILITY.md\n");
}
