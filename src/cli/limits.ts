import { LIMIT_TABLE } from "../app/limits/table.ts";
import { json, paint, say, table } from "./output.ts";
import { typed } from "./self.ts";

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
  say(
    paint(
      "dim",
      typed(
        "\ndriver: as far as the sandbox driver can (lambent doctor); AWS's pages: lambent limits --json",
      ),
    ),
  );
  return 0;
}
