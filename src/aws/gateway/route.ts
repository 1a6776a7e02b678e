import { loadModel, loadedModel, SERVICE_ROWS } from "../model/model.ts";
import type { Operation, ServiceModel, ServiceRow } from "../model/model.ts";
import type { ProtocolId } from "../model/table.ts";
import { WIRE_HABITS } from "../protocol/habits.ts";
import { parseForm } from "../protocol/query.ts";
import { createRestRouter, type RestRouter } from "../protocol/router.ts";
import type { Headers, Route } from "../protocol/types.ts";

/**
 * Which service, operation and protocol a request means. Order (research and AWS's own clients
 * agree): target header, CBOR path, credential scope, form action, path. A request that means
 * nothing we have a table for is told so in the protocol it speaks.
 */
export type Routing =
  | { readonly kind: "operation"; readonly route: Route; readonly model: ServiceModel }
  /** The service is known, the operation is not one of its. */
  | {
      readonly kind: "unknown-operation";
      readonly model: ServiceModel;
      readonly protocol: ProtocolId;
      readonly operation: string;
    }
  | {
      readonly kind: "unknown-service";
      readonly protocol: ProtocolId;
      readonly service: string;
      readonly operation: string;
    };

export interface RouteRequest {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly headers: Headers;
  /** Service of the credential scope, when the request is signed. */
  readonly scopeService: string | undefined;
  /** Present when the body is small enough to be a form. */
  readonly body: Uint8Array | undefined;
  /** Bucket named by the Host, for S3's virtual-hosted style. */
  readonly bucket: string | undefined;
}

const byTarget: ReadonlyMap<string, ServiceRow> = new Map(
  SERVICE_ROWS.flatMap((row) => (row.targetPrefix === undefined ? [] : [[row.targetPrefix, row] as const])),
);
const bySigningName: ReadonlyMap<string, ServiceRow> = new Map(
  SERVICE_ROWS.flatMap((row) =>
    [row.signingName, ...(WIRE_HABITS[row.name]?.signedAlsoAs ?? [])].map((name) => [name, row] as const),
  ),
);

/** Where requests belong that are not signed and whose path has no date. */
const undated = SERVICE_ROWS.find((row) => WIRE_HABITS[row.name]?.takesUndated === true);

const FORM = "application/x-www-form-urlencoded";
const CBOR_PATH = /^\/service\/([^/]+)\/operation\/([^/]+)$/u;
/** Every REST API of AWS but S3's starts with a date or a version. */
const DATED_PATH = /^\/(?:\d{4}-\d\d-\d\d|v\d+)\//u;

const routers = new Map<string, RestRouter>();

function routerOf(model: ServiceModel): RestRouter {
  let router = routers.get(model.name);
  if (router === undefined) routers.set(model.name, (router = createRestRouter(model)));
  return router;
}

function found(model: ServiceModel, operation: Operation, protocol: ProtocolId, labels = {}): Routing {
  return { kind: "operation", model, route: { operation, protocol, labels } };
}

async function named(row: ServiceRow, name: string, protocol: ProtocolId): Promise<Routing> {
  const model = loadedModel(row.name) ?? (await loadModel(row.name));
  const operation = model.operations.get(name);
  if (operation === undefined) return { kind: "unknown-operation", model, protocol, operation: name };
  return found(model, operation, protocol);
}

function jsonProtocol(contentType: string): ProtocolId {
  return contentType.includes("1.1") ? "awsJson1_1" : "awsJson1_0";
}

/** Names of the rows that have no table yet: `Kinesis_20131202` is how their targets start. */
function bareService(prefix: string): string {
  return prefix.replace(/_\d{8}$/u, "");
}

/** Whom an `x-amz-target` header means: `AmazonSQS.SendMessage` is of `sqs`. */
export function serviceOfTarget(target: string): string | undefined {
  return byTarget.get(target.slice(0, Math.max(0, target.lastIndexOf("."))))?.name;
}

/** Whether what is signed for this service speaks a REST protocol: its forms are no query protocol's. */
export function speaksRest(scopeService: string | undefined): boolean {
  const row = scopeService === undefined ? undefined : bySigningName.get(scopeService);
  return row?.protocols[0]?.startsWith("rest") === true;
}

export async function routeRequest(request: RouteRequest): Promise<Routing> {
  const { headers } = request;
  const target = headers["x-amz-target"];
  const contentType = headers["content-type"] ?? "";
  if (target !== undefined) {
    const dot = target.lastIndexOf(".");
    const prefix = target.slice(0, Math.max(0, dot));
    const operation = target.slice(dot + 1);
    const row = byTarget.get(prefix);
    const protocol = jsonProtocol(contentType);
    if (row !== undefined) return named(row, operation, protocol);
    return {
      kind: "unknown-service",
      protocol,
      service: request.scopeService ?? bareService(prefix),
      operation,
    };
  }
  if (headers["smithy-protocol"] === "rpc-v2-cbor") {
    const [, service = "", operation = ""] = CBOR_PATH.exec(request.path) ?? [];
    const row = byTarget.get(service);
    if (row !== undefined) return named(row, operation, "rpcv2Cbor");
    return { kind: "unknown-service", protocol: "rpcv2Cbor", service, operation };
  }
  const { scopeService } = request;
  const scoped = scopeService === undefined ? undefined : bySigningName.get(scopeService);
  if (!speaksRest(scopeService)) {
    const action = formAction(request, contentType);
    if (action !== undefined) return queryRoute(scoped, scopeService, action);
  }
  if (scoped !== undefined) return restRoute(scoped, request);
  if (scopeService !== undefined) {
    const operation = `${request.method} ${request.path}`;
    return { kind: "unknown-service", protocol: "restJson1", service: scopeService, operation };
  }
  return unsignedRoute(request);
}

interface FormAction {
  readonly action: string;
  readonly version: string | undefined;
}

function formAction(request: RouteRequest, contentType: string): FormAction | undefined {
  const isForm = contentType.startsWith(FORM);
  const body = isForm && request.body !== undefined ? Buffer.from(request.body).toString("utf8") : "";
  if (!body.includes("Action=") && !request.query.includes("Action=")) return undefined;
  const form = new Map([...parseForm(request.query), ...parseForm(body)]);
  const action = form.get("Action");
  return action === undefined ? undefined : { action, version: form.get("Version") };
}

function queryRoute(
  scoped: ServiceRow | undefined,
  scopeService: string | undefined,
  { action, version }: FormAction,
): Promise<Routing> | Routing {
  const rows = SERVICE_ROWS.filter((row) => row.protocols.includes("awsQuery"));
  const isMeant = (one: ServiceRow): boolean =>
    version === undefined
      ? WIRE_HABITS[one.name]?.linkedActions?.has(action) === true
      : one.apiVersion === version;
  const row = scoped ?? (scopeService === undefined ? rows.find(isMeant) : undefined);
  if (row !== undefined) return named(row, action, "awsQuery");
  const service = scopeService ?? `the API of version ${version ?? "(none)"}`;
  return { kind: "unknown-service", protocol: "awsQuery", service, operation: action };
}

async function restRoute(row: ServiceRow, request: RouteRequest): Promise<Routing> {
  const model = loadedModel(row.name) ?? (await loadModel(row.name));
  const protocol = row.protocols[0] ?? "restJson1";
  const operation = `${request.method} ${request.path}`;
  if (!protocol.startsWith("rest")) return { kind: "unknown-operation", model, protocol, operation };
  const habits = WIRE_HABITS[row.name] ?? {};
  const path = request.path.startsWith("/") ? request.path.slice(1) : request.path;
  let segments = path.split("/");
  if (habits.exactPaths !== true) segments = segments.filter((segment) => segment !== "");
  else if (path === "") segments = [];
  // `/bucket/` names no object.
  else if (segments.length === 2 && segments[1] === "" && segments[0] !== "") segments.pop();
  if (request.bucket !== undefined && habits.bucketHosts === true) {
    segments = [encodeURIComponent(request.bucket), ...(path === "" ? [] : path.split("/"))];
  }
  const query = new Map(request.query === "" ? [] : parseForm(request.query));
  const match = routerOf(model).match(request.method, segments, query, request.headers);
  if (match === undefined) return { kind: "unknown-operation", model, protocol, operation };
  return found(model, match.operation, protocol, match.labels);
}

/** Without a signature only the path speaks. */
async function unsignedRoute(request: RouteRequest): Promise<Routing> {
  if (request.bucket === undefined && DATED_PATH.test(request.path)) {
    let last: Routing | undefined;
    for (const row of SERVICE_ROWS) {
      if (row.protocols[0] !== "restJson1") continue;
      const routing = await restRoute(row, request);
      if (routing.kind === "operation") return routing;
      last ??= routing;
    }
    if (last !== undefined) return last;
  }
  if (undated !== undefined) return restRoute(undated, request);
  const operation = `${request.method} ${request.path}`;
  return { kind: "unknown-service", protocol: "restJson1", service: "unknown", operation };
}
