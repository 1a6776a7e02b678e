/**
 * Turns what a request brought into what is stored: one type a value, numbers normalised, sets without
 * duplicates and in order, no more than 32 levels.
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
 */
import { LIMITS } from "../../../kernel/limits.ts";
import { validation } from "../errors.ts";
import { type AttributeValue, type Item, type TypeName } from "./item.ts";
import { base64 } from "./compare.ts";
import { normalizeNumber } from "./number.ts";
import { orderedBinaries, orderedNumbers, orderedStrings } from "./sets.ts";
import { duplicates, emptySet, emptyValue, falseNull, nestedTooDeeply, severalTypes } from "./refusals.ts";

const NAME_BYTES_MAX = 65_535;

/** Errors: ValidationException in AWS's words. */
export function checkValue(value: AttributeValue, depth = 1): AttributeValue {
  const type = onlyType(value);
  if (depth > LIMITS.dynamodbNestingLevels) throw nestedTooDeeply();
  switch (type) {
    case "N":
      return { N: normalizeNumber(value.N ?? "") };
    case "NULL":
      if (value.NULL !== true) throw falseNull();
      return { NULL: true };
    case "SS":
      return { SS: orderedStrings(distinct("SS", value.SS ?? [], (text) => text)) };
    case "NS":
      return { NS: orderedNumbers(distinct("NS", (value.NS ?? []).map(normalizeNumber), (text) => text)) };
    case "BS":
      return { BS: orderedBinaries(distinct("BS", value.BS ?? [], base64)) };
    case "L":
      return { L: (value.L ?? []).map((element) => checkValue(element, depth + 1)) };
    case "M":
      return { M: checkAttributes(value.M ?? {}, depth + 1) };
    default:
      return value;
  }
}

export function checkItem(item: Item): Item {
  return checkAttributes(item, 1);
}

function checkAttributes(attributes: Item, depth: number): Item {
  return Object.fromEntries(
    Object.entries(attributes).map(([name, value]): [string, AttributeValue] => {
      if (name === "") throw validation("Empty attribute name");
      if (name.length * 3 > NAME_BYTES_MAX && Buffer.byteLength(name) > NAME_BYTES_MAX) {
        throw validation("Attribute name is too large, must be less than 65536 bytes");
      }
      return [name, checkValue(value, depth)];
    }),
  );
}

function onlyType(value: AttributeValue): TypeName {
  const types = Object.keys(value) as TypeName[];
  const [type] = types;
  if (type === undefined) throw emptyValue();
  if (types.length > 1) throw severalTypes();
  return type;
}

function distinct<T>(
  type: "SS" | "NS" | "BS",
  members: readonly T[],
  show: (member: T) => string,
): readonly T[] {
  if (members.length === 0) throw emptySet(type);
  const shown = members.map(show);
  if (new Set(shown).size < shown.length) throw duplicates(type, shown);
  return members;
}
