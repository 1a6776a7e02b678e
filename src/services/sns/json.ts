import { JsonSyntaxError, scanJson } from "../../events/pattern/json-tokens.ts";
import * as errors from "./errors.ts";

/** AWS does not quote the text. */
const SOURCE = "REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled)";
const QUOTED = /\(String\)".*"(?=; line: )/su;

/**
 * The JSON value of an attribute. Errors: InvalidParameter that says where and why it is none, as AWS does.
 * @param name how the refusal begins: `FilterPolicy`, `Attributes Reason: RedrivePolicy`
 */
export function parseJson(text: string, name: string): unknown {
  try {
    scanJson(text);
    return JSON.parse(text);
  } catch (error) {
    const why =
      error instanceof JsonSyntaxError
        ? ` ${error.reason.replace(QUOTED, SOURCE)}\n at [Source: ${SOURCE}; line: ${String(error.line)}, column: ${String(error.column)}]`
        : "";
    throw errors.invalid(`${name}: failed to parse JSON.${why}`);
  }
}
