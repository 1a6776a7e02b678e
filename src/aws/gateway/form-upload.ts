import { loadModel } from "../model/model.ts";
import { WIRE_HABITS } from "../protocol/habits.ts";
import type { WireResponse } from "../protocol/types.ts";
import type { Service } from "../service.ts";
import type { Admission } from "./admission.ts";
import { authenticateForm, type AuthenticateOptions } from "./authenticate.ts";
import type { Exchange } from "./exchange.ts";
import type { Guard } from "./guard.ts";
import type { Routing } from "./route.ts";

/** The service that takes a form where the model knows no operation. */
export function formService(
  services: ReadonlyMap<string, Service>,
  exchange: Exchange,
  routing: Routing,
): Service | undefined {
  const { method, headers } = exchange;
  if (routing.kind !== "unknown-operation" || method !== "POST") return undefined;
  if (headers["content-type"]?.startsWith("multipart/form-data") !== true) return undefined;
  const service = services.get(routing.model.name);
  return service?.formUpload === undefined ? undefined : service;
}

export interface FormDeps {
  readonly guard: Guard;
  readonly authentication: AuthenticateOptions;
  readonly admission: Admission;
}

/** A browser's form: its own fields say who sends it. */
export async function serveForm(
  exchange: Exchange,
  service: Service,
  { guard, authentication, admission }: FormDeps,
): Promise<WireResponse> {
  const { headers, path, request } = exchange;
  exchange.service = service.name;
  const model = await loadModel(service.name);
  exchange.operation = WIRE_HABITS[service.name]?.formOperation ?? "";
  exchange.protocol = model.protocols[0] ?? exchange.protocol;
  exchange.model = model;
  const [, first = ""] = path.split("/");
  const upload = {
    bucket: guard.bucketOf(headers.host ?? "") ?? first,
    contentType: headers["content-type"] ?? "",
    body: request.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>,
  };
  const raw = await service.formUpload?.(upload, async (fields, input) => {
    const context = admission.contextOf(exchange, await authenticateForm(fields, authentication));
    await admission.authorize(exchange, input, context);
    return context;
  });
  request.resume();
  return { status: raw?.status ?? 500, headers: { ...raw?.headers }, body: raw?.body ?? "" };
}
