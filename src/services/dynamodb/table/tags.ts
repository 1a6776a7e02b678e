import { LIMITS } from "../../../kernel/limits.ts";
import type { Tag } from "@aws-sdk/client-dynamodb";
import type { Statement } from "../../../ports/database.ts";
import { invalidParameters, validation } from "../errors.ts";
import type { Table } from "./model.ts";

export interface TableTag {
  readonly key: string;
  readonly value: string;
}

/** Errors: ValidationException for doubled or reserved keys, or more than 50. */
export function readTags(tags: readonly Tag[]): TableTag[] {
  const read = tags.map(({ Key, Value }) => ({ key: Key ?? "", value: Value ?? "" }));
  const keys = read.map(({ key }) => key);
  if (new Set(keys).size < keys.length) {
    throw validation("One or more parameter values were invalid: Duplicate tag keys");
  }
  const reserved = keys.find((key) => key.startsWith("aws:"));
  if (reserved !== undefined) throw invalidParameters(`Tag key ${reserved} must not begin with aws:`);
  if (read.length > LIMITS.dynamodbTableTags) throw tooManyTags();
  return read;
}

export function tooManyTags(): Error {
  return validation("One or more parameter values were invalid: The number of tags exceeds the limit of 50");
}

export function insertTag(table: Table, { key, value }: TableTag): Statement {
  return {
    sql: `INSERT INTO ddb_tags (table_no, tag_key, tag_value) VALUES (?, ?, ?)
      ON CONFLICT (table_no, tag_key) DO UPDATE SET tag_value = excluded.tag_value`,
    params: [table.no, key, value],
  };
}
