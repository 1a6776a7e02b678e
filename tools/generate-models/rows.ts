import type {
  Constraints,
  MemberRow,
  OperationRow,
  ScalarType,
  ServiceTable,
  ShapeRow,
  TimestampFormat,
} from "../../src/aws/model/table.ts";
import type { SourceModel, SourceOperation, SourceRef, SourceShape } from "./botocore.ts";
import type { SdkNames } from "./sdk-names.ts";

const SCALARS: Readonly<Record<string, ScalarType>> = {
  string: "string",
  character: "string",
  integer: "integer",
  long: "long",
  float: "float",
  double: "double",
  boolean: "boolean",
  blob: "blob",
  timestamp: "timestamp",
};

const TIME_FORMATS: Readonly<Record<string, TimestampFormat>> = {
  unixTimestamp: "unixTimestamp",
  iso8601: "iso8601",
  rfc822: "rfc822",
};

function constraintsOf(shape: SourceShape): Constraints {
  return {
    ...(shape.min === undefined ? {} : { min: shape.min }),
    ...(shape.max === undefined ? {} : { max: shape.max }),
    ...(shape.pattern === undefined ? {} : { pattern: shape.pattern }),
    ...(shape.enum === undefined ? {} : { enum: shape.enum }),
  };
}

/** Shape names that a set of roots reaches. */
function reach(model: SourceModel, roots: Iterable<string>): Set<string> {
  const seen = new Set<string>();
  const queue = [...roots];
  for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
    if (seen.has(name)) continue;
    seen.add(name);
    const shape = model.shapes[name];
    if (shape === undefined) continue;
    for (const ref of [...Object.values(shape.members ?? {}), shape.member, shape.key, shape.value]) {
      if (ref !== undefined) queue.push(ref.shape);
    }
  }
  return seen;
}

/**
 * The table of one service. Constraints are kept for what can be sent to us; of what only we send,
 * the shape is enough. A scalar without constraints is replaced by the name of its type.
 */
export function tableOf(model: SourceModel, names: SdkNames): ServiceTable {
  const all = Object.values(model.operations);
  const place = ({ http }: SourceOperation): string => `${http.method} ${http.requestUri}`;
  const isRest = model.metadata.protocol.startsWith("rest-");
  const isXml = model.metadata.protocol === "rest-xml";
  const isQueryCompatible = model.metadata.awsQueryCompatible !== undefined;
  // Where an operation replaced a deprecated one at the same place, requests mean the new one.
  const operations = all.filter(
    (one) =>
      !isRest ||
      one.deprecated !== true ||
      !all.some((other) => other !== one && other.deprecated !== true && place(other) === place(one)),
  );
  const inputs = reach(
    model,
    operations.flatMap((operation) => operation.input?.shape ?? []),
  );
  const served = reach(model, [
    ...operations.flatMap((o) => [o.input?.shape ?? [], o.output?.shape ?? []].flat()),
    ...operations.flatMap((o) => o.errors?.map((error) => error.shape) ?? []),
    ...Object.keys(model.shapes).filter((name) => model.shapes[name]?.exception === true),
  ]);

  function scalarRow(name: string, shape: SourceShape): ShapeRow | undefined {
    const type = SCALARS[shape.type];
    if (type === undefined) return undefined;
    const time = TIME_FORMATS[shape.timestampFormat ?? ""];
    return {
      type,
      ...(inputs.has(name) ? constraintsOf(shape) : {}),
      ...(time === undefined ? {} : { time }),
      ...(shape.streaming === true ? { stream: true } : {}),
    };
  }

  function shapeRef(name: string): string {
    const shape = model.shapes[name];
    if (shape === undefined) throw new Error(`no shape ${name}`);
    if (shape.document === true) return "document";
    const row = scalarRow(name, shape);
    return row !== undefined && Object.keys(row).length === 1 ? row.type : name;
  }

  function memberRow(ref: SourceRef, name: string, xml?: string): MemberRow {
    const time = TIME_FORMATS[ref.timestampFormat ?? ""];
    const as = ref.locationName !== undefined && ref.locationName !== name ? ref.locationName : undefined;
    const row = {
      shape: shapeRef(ref.shape),
      ...(ref.location === undefined ? {} : { at: ref.location as "uri" }),
      ...(as === undefined ? {} : { as }),
      ...(xml === undefined ? {} : { xml }),
      ...(ref.flattened === true ? { flat: true as const } : {}),
      ...(ref.xmlAttribute === true ? { attribute: true as const } : {}),
      ...(time === undefined ? {} : { time }),
      ...(ref.xmlNamespace === undefined ? {} : { namespace: ref.xmlNamespace.uri }),
      ...(ref.streaming === true ? { stream: true as const } : {}),
      ...(ref.idempotencyToken === true ? { token: true as const } : {}),
      ...(ref.eventpayload === true ? { event: "payload" as const } : {}),
      ...(ref.eventheader === true ? { event: "header" as const } : {}),
    };
    return Object.keys(row).length === 1 ? row.shape : row;
  }

  function shapeRow(name: string, shape: SourceShape): ShapeRow {
    const flat = shape.flattened === true ? { flat: true as const } : {};
    const limits = inputs.has(name) ? constraintsOf(shape) : {};
    if (shape.type === "structure") {
      const members = Object.entries(shape.members ?? {});
      const required = inputs.has(name) ? (shape.required ?? []) : [];
      const queryCode = shape.error?.code ?? names.queryCodes.get(name);
      const status = shape.error?.httpStatusCode ?? (shape.fault === true ? 500 : 400);
      return {
        type: "structure",
        members: Object.fromEntries(
          members.map(([member, ref]) => [
            member,
            memberRow(ref, member, isQueryCompatible ? names.members.get(`${name}.${member}`) : undefined),
          ]),
        ),
        ...(required.length === 0 ? {} : { required }),
        ...(shape.payload === undefined ? {} : { payload: shape.payload }),
        ...(shape.union === true ? { union: true } : {}),
        ...(shape.eventstream === true ? { eventStream: true } : {}),
        ...(shape.exception === true ? { status } : {}),
        ...(queryCode === undefined || queryCode === name ? {} : { queryCode }),
        ...(shape.xmlNamespace === undefined ? {} : { namespace: shape.xmlNamespace.uri }),
        ...(shape.xmlNamespace?.prefix === undefined ? {} : { prefix: shape.xmlNamespace.prefix }),
      };
    }
    if (shape.type === "list" && shape.member !== undefined)
      return { type: "list", of: memberRow(shape.member, "member"), ...flat, ...limits };
    const entry = isQueryCompatible ? names.entries.get(name) : undefined;
    if (shape.type === "map" && shape.key !== undefined && shape.value !== undefined) {
      return {
        type: "map",
        key: memberRow(shape.key, "key", entry?.key),
        value: memberRow(shape.value, "value", entry?.value),
        ...flat,
        ...limits,
      };
    }
    const row = scalarRow(name, shape);
    if (row === undefined) throw new Error(`shape ${name} has the unknown type ${shape.type}`);
    return row;
  }

  const operationRows = operations.map((operation): [string, OperationRow] => {
    const { method, requestUri, responseCode } = operation.http;
    const errors = operation.errors?.map((error) => error.shape) ?? [];
    const outRoot = isXml ? names.roots.get(operation.output?.shape ?? "") : undefined;
    const http: OperationRow["http"] =
      responseCode === undefined || responseCode === 200
        ? [method, requestUri]
        : [method, requestUri, responseCode];
    return [
      operation.name,
      {
        ...(isRest ? { http } : {}),
        ...(operation.input === undefined ? {} : { in: operation.input.shape }),
        ...(operation.output === undefined ? {} : { out: operation.output.shape }),
        ...(errors.length === 0 ? {} : { errors }),
        ...(operation.input?.locationName === undefined ? {} : { inRoot: operation.input.locationName }),
        ...(outRoot === undefined ? {} : { outRoot }),
      },
    ];
  });
  const shapeRows = [...served]
    .sort()
    .filter((name) => shapeRef(name) === name)
    .map((name): [string, ShapeRow] => [name, shapeRow(name, model.shapes[name] as SourceShape)]);
  return { operations: Object.fromEntries(operationRows), shapes: Object.fromEntries(shapeRows) };
}
