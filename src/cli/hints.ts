/** What to do about calls that were refused, or would be by AWS: answers carry it where AWS's tools do not look. */
import process from "node:process";
import type { HintReport } from "../app/recent-hints.ts";
import { admin, connect, type Connection } from "./connection.ts";
import { EXIT } from "./fault.ts";
import { duration, json, note, paint, say } from "./output.ts";
import type { CommonOptions } from "./status.ts";

export async function hintsCommand(options: CommonOptions & { readonly of?: string }): Promise<number> {
  const server = connect(options.dataDir);
  if (options.of !== undefined) {
    await noteHints(server, options.of, true);
    return EXIT.ok;
  }
  const { hints } = await admin<HintReport>(server, "GET", "/_lambent/hints");
  if (options.json === true) {
    json(hints);
    return EXIT.ok;
  }
  if (hints.length === 0) note("nothing was refused that there is more to say about");
  for (const { ageMs, operation, errorCode, fromSandbox, text } of hints) {
    const where = `${operation}${errorCode === undefined ? "" : ` ${errorCode}`}${fromSandbox ? ", of a function" : ""}`;
    say(`${paint("dim", `${duration(ageMs)} ago`)}  ${where}\n  → ${text}`);
  }
  return EXIT.ok;
}

/** On standard error, beside what the AWS CLI printed. @param caller see RecentHints */
export async function noteHints(server: Connection, caller: string, failuresOnly = false): Promise<void> {
  const { hints } = await admin<HintReport>(server, "POST", "/_lambent/hints", { body: { caller } });
  const told = failuresOnly ? hints.filter((hint) => hint.errorCode !== undefined) : hints;
  for (const text of new Set(told.map((hint) => hint.text))) {
    note(`${paint("cyan", "→ lambent:", process.stderr)} ${text}`);
  }
}
