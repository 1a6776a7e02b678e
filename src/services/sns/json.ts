import { JsonSyntaxError, scanJson } from "../../events/pattern/json-tokens.ts";
import * as errors from "./errors.ts";

/**
 * The JSON value of an attribute. Errors: InvalidParameter that says where and why it is none, as AWS does.
 * @param name how the refusal begins: `FilterPolicy`, `Attributes Reason: RedrivePolicy`
 */
export function parseJson(text: string, name: string): unknown {
  try {
    scanJson(text);
    return JSON.parse(text);
  } catch (error) {
    const source = "REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled)";
    const why =
      error instanceof JsonSyntaxError
        ? ` ${error.reason}\n at [Source: ${source}; line: ${String(error.line)}, column: ${String(error.column)}]`
        : "";
    throw errors.invalid(`${name}: failed to parse JSON.${why}`);
  }
}
