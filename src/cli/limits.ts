import { LIMIT_TABLE } from "../kernel/limits.ts";
import { json, paint, say, table } from "./output.ts";

/** Needs no server: the table is the one the code is built from. */
export function limitsCommand(options: { json?: boolean }): number {
  if (options.json === true) {
    json(LIMIT_TABLE);
    return 0;
  }
  say(
    table(
      ["LIMIT", "AWS TODAY", "ENFORCED", "TO GET MORE"],
      LIMIT_TABLE.map((row) => [row.resource, row.awsDefault, row.enforced, row.raise]),
    ),
  );
  const pages = [...new Set(LIMIT_TABLE.map((row) => row.page))];
  say(paint("dim", `\ndriver: as far as the sandbox driver can (lambent doctor)\nsource: ${pages[0] ?? ""}`));
  return 0;
}
