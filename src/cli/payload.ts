import { readFileSync } from "node:fs";
import { userError } from "./fault.ts";

/**
 * The event of `lambent invoke`: JSON from the command line, from a file, or from standard input (`-`).
 * Text that is not JSON is refused here, with a hint for the usual slip of the shell.
 */
export function readPayload(
  argument: string | undefined,
  file: string | undefined,
  read: (path: string | 0) => string = (path) => readFileSync(path, "utf8"),
): string {
  if (argument !== undefined && file !== undefined) {
    throw userError("Give the payload or --file, not both.");
  }
  let text = argument ?? "{}";
  let origin = "The payload";
  if (argument === "-" || file === "-") {
    origin = "Standard input";
    text = read(0);
  } else if (file !== undefined) {
    origin = file;
    try {
      text = read(file);
    } catch (error) {
      throw userError(`${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  try {
    JSON.parse(text);
    return text;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const slip = argument !== undefined && !argument.includes('"');
    throw userError(
      `${origin} is not JSON: ${reason}`,
      slip ? `quote it for the shell: '{"name": "Alice"}', and a string as '"text"'` : undefined,
    );
  }
}
