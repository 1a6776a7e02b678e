/** What is said of a value that is none. */
import type { ServiceError } from "../../../kernel/errors.ts";
import { invalidParameters, validation } from "../errors.ts";

export function invalidNumber(text: string): ServiceError {
  const shown = text === "" ? "" : `: ${text}`;
  return validation(`The parameter cannot be converted to a numeric value${shown}`);
}

export function tooManyDigits(): ServiceError {
  return validation("Attempting to store more than 38 significant digits in a Number");
}

export function numberOverflow(): ServiceError {
  return validation(
    "Number overflow. Attempting to store a number with magnitude larger than supported range",
  );
}

export function numberUnderflow(): ServiceError {
  return validation(
    "Number underflow. Attempting to store a number with magnitude smaller than supported range",
  );
}

export function emptyValue(): ServiceError {
  return validation("Supplied AttributeValue is empty, must contain exactly one of the supported datatypes");
}

export function severalTypes(): ServiceError {
  return validation(
    "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes",
  );
}

export function falseNull(): ServiceError {
  return invalidParameters("Null attribute value types must have the value of true");
}

export function emptySet(type: "SS" | "NS" | "BS"): ServiceError {
  if (type === "BS") return invalidParameters("Binary sets should not be empty");
  // The two blanks are AWS's.
  return invalidParameters(`An ${type === "SS" ? "string" : "number"} set  may not be empty`);
}

export function duplicates(type: "SS" | "NS" | "BS", members: readonly string[]): ServiceError {
  if (type === "NS") return validation("Input collection contains duplicates");
  const shown = `Input collection [${members.join(", ")}]`;
  return invalidParameters(
    type === "SS" ? `${shown} contains duplicates.` : `${shown}of type BS contains duplicates.`,
  );
}

export function nestedTooDeeply(): ServiceError {
  return validation(
    "Nesting Levels have exceeded supported limits: Attributes in the item have nested levels beyond supported limit",
  );
}
