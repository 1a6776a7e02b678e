import { SERVICE_ROWS } from "./generated/index.ts";
import { constraintsFor } from "./overrides.ts";
import type {
  Constraints,
  Location,
  MemberRow,
  MemberTraits,
  OperationRow,
  ProtocolId,
  ScalarType,
  ServiceRow,
  ServiceTable,
  StructureRow,
  TimestampFormat,
} from "./table.ts";

/**
 * A service's table, linked: rows have become objects that point to each other, so that the codec
 * walks them without a look-up by name. Linked at the service's first request, then kept.
 */
export interface ServiceModel extends Omit<ServiceRow, "load"> {
  readonly operations: ReadonlyMap<string, Operation>;
  /** By name, and by the query protocol's code where that differs. */
  readonly errors: ReadonlyMap<string, Structure>;
}

export interface Operation {
  readonly service: ServiceModel;
  readonly name: string;
  readonly method: string;
  /** Path with labels, then constant query keys. REST protocols only. */
  readonly uri: string;
  readonly status: number;
  readonly input: Structure;
  readonly output: Structure;
  readonly errors: readonly string[];
  readonly inputRoot: string;
  readonly inputNamespace: string | undefined;
  readonly outputRoot: string;
}

export interface Scalar extends Constraints {
  readonly type: ScalarType;
  readonly name: string;
  readonly time: TimestampFormat | undefined;
  readonly stream: boolean;
}

export interface List extends Constraints {
  readonly type: "list";
  readonly name: string;
  readonly member: Member;
  readonly flat: boolean;
}

export interface MapShape extends Constraints {
  readonly type: "map";
  readonly name: string;
  readonly key: Member;
  readonly value: Member;
  readonly flat: boolean;
}

export interface Structure {
  readonly type: "structure";
  readonly name: string;
  readonly members: readonly Member[];
  readonly byName: ReadonlyMap<string, Member>;
  /** Members that travel in the body, by their name there. */
  readonly byWire: ReadonlyMap<string, Member>;
  /** Members bound to label, header, query or status; empty for most structures. */
  readonly bound: readonly Member[];
  readonly payload: Member | undefined;
  readonly union: boolean;
  /** The members are events of a stream. */
  readonly eventStream: boolean;
  readonly status: number;
  readonly queryCode: string | undefined;
  readonly namespace: string | undefined;
  readonly prefix: string | undefined;
}

export type Shape = Scalar | List | MapShape | Structure;

export interface Member {
  readonly name: string;
  readonly shape: Shape;
  readonly wire: string;
  /** What XML and query call it where that is not what JSON calls it. */
  readonly xml: string | undefined;
  readonly at: Location | undefined;
  readonly required: boolean;
  /** XML and query: the items are not wrapped in an element of their own. */
  readonly flat: boolean;
  readonly attribute: boolean;
  readonly time: TimestampFormat | undefined;
  readonly namespace: string | undefined;
  readonly stream: boolean;
  readonly token: boolean;
  readonly event: "payload" | "header" | undefined;
}

const EMPTY: StructureRow = { type: "structure", members: {} };

type Draft<T> = { -readonly [K in keyof T]: T[K] };

function link(row: ServiceRow, table: ServiceTable): ServiceModel {
  const shapes = new Map<string, Shape>();

  function shapeOf(name: string): Shape {
    const known = shapes.get(name);
    if (known !== undefined) return known;
    const source = table.shapes[name];
    if (source === undefined) {
      const scalar: Scalar = { type: name as ScalarType, name, time: undefined, stream: false };
      shapes.set(name, scalar);
      return scalar;
    }
    if (source.type === "structure") return structure(name, source);
    const limits = constraintsFor(row.name, name, source);
    if (source.type === "list") {
      const list = { type: "list", name, flat: source.flat === true, ...limits } as Draft<List>;
      shapes.set(name, list);
      list.member = member("member", source.of, false);
      return list;
    }
    if (source.type === "map") {
      const map = { type: "map", name, flat: source.flat === true, ...limits } as Draft<MapShape>;
      shapes.set(name, map);
      map.key = member("key", source.key, false);
      map.value = member("value", source.value, false);
      return map;
    }
    const { type, time, stream } = source;
    const scalar: Scalar = { type, name, time, stream: stream === true, ...limits };
    shapes.set(name, scalar);
    return scalar;
  }

  function structure(name: string, source: StructureRow): Structure {
    const draft = { type: "structure", name } as Draft<Structure>;
    // Set before its members are linked: shapes refer to themselves.
    shapes.set(name, draft);
    const required = new Set(source.required);
    const members = Object.entries(source.members).map(([key, at]) => member(key, at, required.has(key)));
    draft.members = members;
    draft.byName = new Map(members.map((item) => [item.name, item]));
    draft.bound = members.filter((item) => item.at !== undefined);
    draft.byWire = new Map(members.filter((item) => item.at === undefined).map((item) => [item.wire, item]));
    draft.payload = members.find((item) => item.name === source.payload);
    draft.union = source.union === true;
    draft.eventStream = source.eventStream === true;
    draft.status = source.status ?? 400;
    draft.queryCode = source.queryCode;
    draft.namespace = source.namespace;
    draft.prefix = source.prefix;
    return draft;
  }

  function member(name: string, source: MemberRow, required: boolean): Member {
    const traits: MemberTraits = typeof source === "string" ? { shape: source } : source;
    const shape = shapeOf(traits.shape);
    return {
      name,
      shape,
      wire: traits.as ?? name,
      xml: traits.xml,
      at: traits.at,
      required,
      flat: traits.flat === true || ((shape.type === "list" || shape.type === "map") && shape.flat),
      attribute: traits.attribute === true,
      time: traits.time ?? (shape.type === "timestamp" ? shape.time : undefined),
      namespace: traits.namespace,
      stream: traits.stream === true || ("stream" in shape && shape.stream),
      token: traits.token === true,
      event: traits.event,
    };
  }

  const errors = new Map<string, Structure>();
  for (const [name, source] of Object.entries(table.shapes)) {
    if (source.type !== "structure" || source.status === undefined) continue;
    const shape = shapeOf(name) as Structure;
    errors.set(name, shape);
    if (shape.queryCode !== undefined && !errors.has(shape.queryCode)) errors.set(shape.queryCode, shape);
  }

  const operations = new Map<string, Operation>();
  const { load: _, ...meta } = row;
  const model: ServiceModel = { ...meta, operations, errors };

  function operation(name: string, source: OperationRow): Operation {
    const [method, uri, status] = source.http ?? ["POST", "/", 200];
    const named = (shape: string | undefined): Structure =>
      shape === undefined ? structure(`${name}Unit`, EMPTY) : (shapeOf(shape) as Structure);
    const input = named(source.in);
    const output = named(source.out);
    return {
      service: model,
      name,
      method,
      uri,
      status: status ?? 200,
      input,
      output,
      errors: source.errors ?? [],
      inputRoot: source.inRoot ?? input.name,
      inputNamespace: input.namespace,
      outputRoot: source.outRoot ?? output.name,
    };
  }
  for (const [name, source] of Object.entries(table.operations)) {
    operations.set(name, operation(name, source));
  }
  return model;
}

const rowsByName: ReadonlyMap<string, ServiceRow> = new Map(SERVICE_ROWS.map((row) => [row.name, row]));
const linked = new Map<string, ServiceModel>();
const linking = new Map<string, Promise<ServiceModel>>();

/** The model when it is loaded already: what the hot path asks. */
export function loadedModel(name: string): ServiceModel | undefined {
  return linked.get(name);
}

/** The model of a service key (`lambda`), loading its table at the first call. */
export function loadModel(name: string): Promise<ServiceModel> {
  const started = linking.get(name);
  if (started !== undefined) return started;
  const row = rowsByName.get(name);
  if (row === undefined) return Promise.reject(new Error(`there is no table of a service ${name}`));
  const promise = row.load().then((table) => {
    const model = link(row, table);
    linked.set(name, model);
    return model;
  });
  linking.set(name, promise);
  return promise;
}

export function serviceRow(name: string): ServiceRow | undefined {
  return rowsByName.get(name);
}

export { SERVICE_ROWS };
export type { ProtocolId, ServiceRow };
