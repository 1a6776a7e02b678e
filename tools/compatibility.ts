/**
 * Makes COMPATIBILITY.md from what the tests saw: lines `service operation outcome` that servers under test
 * append to the file named by LAMBENT_RECORD_OPERATIONS (outcome: `success`, an error code, or what a test
 * says of itself: `pagination`, `persistence`).
 *
 *   full     success, every error of the model, pagination and persistence where they apply were all seen;
 *            errors that cannot happen here (tools/compatibility-reasons.ts) become footnotes
 *   partial  success was seen; the column says what no test has seen
 *   none     answers "not implemented by Lambent"
 */
import { readFileSync, writeFileSync } from "node:fs";
import process from "node:process";
import { loadModel, SERVICE_ROWS, type Operation } from "../src/aws/model/model.ts";
import { ANSWERED_AS, IMPOSSIBLE, type Impossible } from "./compatibility-reasons.ts";

/** Errors of the model that only AWS's own fleet can have. */
const NOT_OURS = new Set([
  "ServiceException",
  "ServiceUnavailableException",
  "ServiceFailure",
  "InternalServerError",
  "InternalException",
  "InternalError",
  "TooManyRequestsException",
]);
const READ_ONLY = /^(Get|List|Describe|Filter|Invoke|Assume|Simulate|Test|Check)/;

export interface Claim {
  readonly operation: string;
  readonly status: "full" | "partial" | "none";
  readonly missing: readonly string[];
  readonly impossible: readonly Impossible[];
}

/** What the tests' evidence lets us say of an operation. */
export function claim(operation: Operation, seen: ReadonlySet<string>): Claim {
  const { name, service } = operation;
  if (!seen.has("success")) return { operation: name, status: "none", missing: [], impossible: [] };
  const missing: string[] = [];
  const impossible = new Set<Impossible>();
  const lacks = (what: string, code = what): void => {
    const reason = IMPOSSIBLE.find(
      (entry) =>
        entry.service === service.name &&
        entry.errors.includes(what) &&
        (entry.operations === undefined || entry.operations.includes(name)),
    );
    if (reason === undefined) missing.push(code);
    else impossible.add(reason);
  };
  for (const error of operation.errors) {
    const code = ANSWERED_AS[`${service.name} ${error}`] ?? service.errors.get(error)?.queryCode ?? error;
    if (!NOT_OURS.has(code) && !seen.has(code) && !seen.has(error)) lacks(error, code);
  }
  const pages = ["NextMarker", "nextToken", "NextToken", "Marker"].some((member) =>
    operation.output.byName.has(member),
  );
  if (pages && !seen.has("pagination")) lacks("pagination");
  if (!READ_ONLY.test(name) && !seen.has("persistence")) lacks("persistence");
  const status = missing.length === 0 ? "full" : "partial";
  return { operation: name, status, missing, impossible: [...impossible] };
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
    'Made by `npm test -- --compatibility` from what the tests saw; do not edit. *full*: success, every error of AWS\'s model, pagination and persistence were tested; a number points to errors that cannot happen here, and why. *partial*: works; the last column names what no test has seen. Operations that are not listed, and services that are not, answer "not implemented by Lambent".',
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
    const notes: Impossible[] = [];
    parts.push("| operation | status | not tested |", "|---|---|---|");
    for (const { operation, status, missing, impossible } of served) {
      const numbers = impossible.map((note) => {
        if (!notes.includes(note)) notes.push(note);
        return String(notes.indexOf(note) + 1);
      });
      const mark = numbers.length === 0 ? "" : ` [${numbers.join(", ")}]`;
      parts.push(`| ${operation} | ${status}${mark} | ${missing.join(", ")} |`);
    }
    parts.push("");
    notes.forEach((note, at) => parts.push(`${String(at + 1)}. ${note.errors.join(", ")}: ${note.because}`));
    if (notes.length > 0) parts.push("");
  }
  return `${parts.join("\n").trimEnd()}\n`;
}

if (process.argv[1]?.endsWith("compatibility.ts") === true) {
  const text = await render(parseEvidence(readFileSync(process.argv[2] ?? "", "utf8")));
  writeFileSync("COMPATIBILITY.md", text);
  process.stdout.write("wrote COMPATIBILITY.md\n");
}
