import { notImplementedYet } from "./errors.ts";

/**
 * Request fields that Lambent does not honour yet. A value that means the same as AWS's default
 * passes; any other is refused by name, never stored and ignored. The table shrinks as the product
 * grows: whoever implements a field deletes its row.
 */
interface Row {
  readonly operations: readonly string[];
  /** Dotted path into the request. */
  readonly field: string;
  readonly isDefault: (value: unknown) => boolean;
  /** What the caller can do today. */
  readonly instead: string;
}

const CREATE_AND_CONFIGURE = ["CreateFunction", "UpdateFunctionConfiguration"];

const never = (): boolean => false;
const isEmptyText = (value: unknown): boolean => value === "";
const isEmptyList = (value: unknown): boolean => Array.isArray(value) && value.length === 0;
const fieldsOf = (value: unknown): [string, unknown][] =>
  typeof value === "object" && value !== null
    ? Object.entries(value).filter(([, field]) => field !== undefined && field !== null)
    : [];
/** An object whose every list is empty and every switch is off. */
const isEmptyObject = (value: unknown): boolean =>
  fieldsOf(value).every(([, field]) => field === false || field === "" || isEmptyList(field));

const ROWS: readonly Row[] = [
  {
    operations: CREATE_AND_CONFIGURE,
    field: "VpcConfig",
    isDefault: isEmptyObject,
    instead: "Leave VpcConfig out: functions reach the network through the host.",
  },
  {
    operations: CREATE_AND_CONFIGURE,
    field: "Layers",
    isDefault: isEmptyList,
    instead: "Put the layer's files into the function's archive.",
  },
  {
    operations: CREATE_AND_CONFIGURE,
    field: "FileSystemConfigs",
    isDefault: isEmptyList,
    instead: "Use /tmp (EphemeralStorage up to 10,240 MB).",
  },
  {
    operations: CREATE_AND_CONFIGURE,
    field: "ImageConfig",
    isDefault: isEmptyObject,
    instead: "Deploy the code as a zip archive.",
  },
  {
    operations: CREATE_AND_CONFIGURE,
    field: "SnapStart",
    isDefault: (value) => fieldsOf(value).every(([key, field]) => key === "ApplyOn" && field === "None"),
    instead: "Use ApplyOn None: first calls take milliseconds here anyway.",
  },
  {
    operations: CREATE_AND_CONFIGURE,
    field: "KMSKeyArn",
    isDefault: isEmptyText,
    instead: "Leave it out: environment variables are encrypted at rest with Lambent's own key.",
  },
  {
    operations: CREATE_AND_CONFIGURE,
    field: "DurableConfig",
    isDefault: never,
    instead: "Durable functions do not run here yet.",
  },
  {
    operations: CREATE_AND_CONFIGURE,
    field: "CapacityProviderConfig",
    isDefault: never,
    instead: "Leave it out: functions run on this machine.",
  },
  {
    operations: ["CreateFunction"],
    field: "TenancyConfig",
    isDefault: never,
    instead: "Use one function per tenant.",
  },
  {
    operations: ["CreateFunction"],
    field: "CodeSigningConfigArn",
    isDefault: isEmptyText,
    instead: "Leave it out: code is not checked for signatures.",
  },
  {
    operations: ["CreateFunction"],
    field: "PackageType",
    isDefault: (value) => value === "Zip",
    instead: "Deploy the code as a zip archive.",
  },
  {
    operations: ["CreateFunction", "UpdateFunctionCode", "PublishVersion"],
    field: "PublishTo",
    isDefault: never,
    instead: "Publish a version with Publish or PublishVersion.",
  },
  {
    operations: ["CreateFunction"],
    field: "Code.ImageUri",
    isDefault: never,
    instead: "Deploy the code as a zip archive.",
  },
  {
    operations: ["CreateFunction"],
    field: "Code.SourceKMSKeyArn",
    isDefault: isEmptyText,
    instead: "Send the archive unencrypted: it is kept in the data folder only.",
  },
  {
    operations: ["UpdateFunctionCode"],
    field: "SourceKMSKeyArn",
    isDefault: isEmptyText,
    instead: "Send the archive unencrypted: it is kept in the data folder only.",
  },
  { operations: ["Invoke"], field: "TenantId", isDefault: never, instead: "Use one function per tenant." },
  {
    operations: ["Invoke"],
    field: "DurableExecutionName",
    isDefault: never,
    instead: "Durable functions do not run here yet.",
  },
];

/** Errors: InvalidParameterValueException naming the first field that would be ignored. */
export function refuseNotYet(operation: string, input: object): void {
  for (const row of ROWS) {
    if (!row.operations.includes(operation)) continue;
    const value = valueAt(input, row.field);
    if (value === undefined || value === null || row.isDefault(value)) continue;
    throw notImplementedYet(`${row.field} of ${operation}`, row.instead);
  }
}

/** For the reference: operation, field, and what to do instead. */
export function notYetTable(): readonly { operation: string; field: string; instead: string }[] {
  return ROWS.flatMap((row) =>
    row.operations.map((operation) => ({ operation, field: row.field, instead: row.instead })),
  );
}

function valueAt(input: object, path: string): unknown {
  let value: unknown = input;
  for (const key of path.split(".")) {
    if (typeof value !== "object" || value === null) return undefined;
    value = (value as Record<string, unknown>)[key];
  }
  return value;
}
