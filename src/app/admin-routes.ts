/**
 * `/_lambent/*` and `/_localstack/health`: what the command line and the console ask of the server
 * beside AWS's APIs. Never answered to a sandbox. Everything but the two health routes and the table
 * of limits needs the token of the data folder.
 */
import { timingSafeEqual } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Clock } from "../kernel/clock.ts";
import { ServiceError } from "../kernel/errors.ts";
import type { Logger } from "../kernel/log.ts";
import type { RuntimeInfo } from "../ports/runtime-catalog.ts";
import type { Capabilities } from "../ports/sandbox-driver.ts";
import type { KeptMail } from "../services/index.ts";
import { LIMIT_TABLE } from "./limits/table.ts";
import type { RecentHints } from "./recent-hints.ts";

/** GET /_lambent/status */
export interface StatusReport {
  readonly version: string;
  readonly pid: number;
  /** Epoch ms by the machine's clock. */
  readonly startedAt: number;
  /** What `lambent clock advance` has added to the machine's clock. */
  readonly clockAheadMs: number;
  readonly rssBytes: number;
  /** Names to counts: functions, roles, log groups, … */
  readonly counts: Readonly<Record<string, number>>;
  readonly environments: { readonly busy: number; readonly idle: number; readonly pooled: number };
  readonly queue: readonly {
    readonly functionName: string;
    readonly depth: number;
    readonly oldestAgeMs: number;
  }[];
}

export interface DoctorCheck {
  readonly name: string;
  readonly result: "ok" | "warn" | "fail";
  readonly detail: string;
  readonly next?: string;
}

/** GET /_lambent/outbox */
export interface OutboxReport {
  readonly mails: readonly KeptMail[];
}

/** GET /_lambent/doctor: what only the server knows. */
export interface ServerDoctor {
  readonly capabilities: Capabilities;
  readonly checks: readonly DoctorCheck[];
}

export interface TailedLine {
  readonly group: string;
  readonly stream: string;
  readonly timestamp: number;
  readonly message: string;
  /** The line is none of a function's: events reached it, or failed to. */
  readonly delivery?: { readonly failed: boolean; readonly next?: string };
}

export interface AdminDeps {
  readonly token: string;
  readonly version: string;
  readonly clock: Clock;
  /** Moves the clock forward; resolves once a restart would find it there. */
  advance(ms: number): Promise<void>;
  readonly log: Logger;
  /** Names of the AWS services that are served; none before the server is ready. */
  services(): readonly string[];
  /** `ready` once requests are served; the health route answers 503 before and after. */
  state(): "starting" | "ready" | "stopping";
  status(): Promise<StatusReport>;
  runtimes(): Promise<readonly RuntimeInfo[]>;
  /** E-mails and text messages that were never sent, the newest first. */
  mails(limit: number): Promise<readonly KeptMail[]>;
  readonly hints: Pick<RecentHints, "all" | "take">;
  /** Installs a runtime; `progress` gets lines for people. Errors: ServiceError with a hint. */
  addRuntime(runtime: string, progress: (line: string) => void): Promise<RuntimeInfo>;
  doctor(): Promise<ServerDoctor>;
  /** Empties the state: functions, queue, logs, IAM. */
  reset(): Promise<void>;
  /** Calls `emit` for each line of a matching log group from now on; returns how to stop. */
  tail(matches: (group: string) => boolean, emit: (lines: readonly TailedLine[]) => void): () => void;
  /** Must not wait: the answer is sent first. */
  stop(): void;
}

export type AdminRoutes = (
  request: IncomingMessage,
  response: ServerResponse,
  origin: { readonly fromSandbox: boolean },
) => boolean;

/** The token of the data folder, as `Authorization: Bearer …` or `?t=…`. */
export function hasToken(request: IncomingMessage, query: URLSearchParams, token: string): boolean {
  const header = request.headers.authorization ?? "";
  const given = header.startsWith("Bearer ") ? header.slice(7) : (query.get("t") ?? "");
  const [a, b] = [Buffer.from(given), Buffer.from(token)];
  return a.length === b.length && timingSafeEqual(a, b);
}

type Route = (context: {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly query: URLSearchParams;
}) => Promise<unknown> | unknown;

/** The route has answered by itself. */
const ANSWERED = Symbol("answered");
const BODY_BYTES_MAX = 65_536;
const MAILS_MAX = 200;
const OPEN: ReadonlySet<string> = new Set([
  "GET /_lambent/health",
  "GET /_localstack/health",
  "GET /_lambent/limits",
]);

/** False when the request is not an administrative one: it is then AWS's. */
export function createAdminRoutes(deps: AdminDeps): AdminRoutes {
  const health: Route = ({ response }) => {
    const status = deps.state();
    if (status !== "ready") response.statusCode = 503;
    return { status, version: deps.version };
  };
  const routes: Readonly<Record<string, Route>> = {
    "GET /_lambent/health": health,
    "GET /_localstack/health": () => ({
      services: Object.fromEntries(deps.services().map((name) => [name, "running"])),
      edition: "lambent",
      version: deps.version,
    }),
    "GET /_lambent/limits": () => ({ limits: LIMIT_TABLE }),
    "GET /_lambent/status": () => deps.status(),
    "GET /_lambent/outbox": async () => ({ mails: await deps.mails(MAILS_MAX) }),
    "GET /_lambent/hints": () => deps.hints.all(),
    "POST /_lambent/hints": async ({ request }) => {
      const { caller } = await jsonBody(request);
      if (typeof caller !== "string") throw badRequest('The body must be {"caller": "<who>"}.');
      return deps.hints.take(caller);
    },
    "GET /_lambent/runtimes": async () => ({ runtimes: await deps.runtimes() }),
    "POST /_lambent/runtimes/add": addRuntime,
    "GET /_lambent/doctor": () => deps.doctor(),
    "POST /_lambent/reset": async () => {
      await deps.reset();
      return { reset: true };
    },
    "GET /_lambent/clock": clockReport,
    "POST /_lambent/clock": async ({ request }) => {
      const { advanceMs } = await jsonBody(request);
      if (typeof advanceMs !== "number" || !Number.isSafeInteger(advanceMs) || advanceMs < 0) {
        throw badRequest('The body must be {"advanceMs": <whole milliseconds, not negative>}.');
      }
      await deps.advance(advanceMs);
      deps.log.info({ advanceMs, ...clockReport() }, "the clock was moved forward");
      return clockReport();
    },
    "GET /_lambent/logs": tail,
    "POST /_lambent/stop": () => {
      // The answer leaves before the listener closes.
      deps.clock.timer(0, () => deps.stop());
      return { stopping: true };
    },
  };

  function clockReport(): { nowMs: number; offsetMs: number } {
    return { nowMs: deps.clock.now(), offsetMs: deps.clock.offsetMs ?? 0 };
  }

  /** Answers with lines as they come: {"progress": "…"} …, then {"runtime": {…}} or {"error": …}. */
  async function addRuntime({ request, response }: Parameters<Route>[0]): Promise<unknown> {
    const { runtime } = await jsonBody(request);
    if (typeof runtime !== "string" || !/^[a-z0-9.]{1,32}$/.test(runtime)) {
      throw badRequest(
        'The body must be {"runtime": "<identifier>"}, for example {"runtime": "nodejs20.x"}.',
      );
    }
    response.writeHead(200, { "content-type": "application/x-ndjson" });
    const line = (value: unknown): void => void response.write(`${JSON.stringify(value)}\n`);
    try {
      line({ runtime: await deps.addRuntime(runtime, (progress) => line({ progress })) });
    } catch (error) {
      line({ error: describe(error), hint: error instanceof ServiceError ? error.hint : undefined });
    }
    response.end();
    return ANSWERED;
  }

  /** Server-sent events, one `data:` line of JSON per log line. A reader that is too slow loses lines. */
  function tail({ request, response, query }: Parameters<Route>[0]): unknown {
    const matches = groupMatcher(query.get("group") ?? "*");
    response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
    response.flushHeaders();
    let lost = 0;
    const stop = deps.tail(matches, (lines) => {
      if (response.writableNeedDrain) {
        lost += lines.length;
        return;
      }
      if (lost > 0) response.write(`event: lost\ndata: ${lost}\n\n`);
      lost = 0;
      response.write(lines.map((entry) => `data: ${JSON.stringify(entry)}\n\n`).join(""));
    });
    request.once("close", stop);
    response.once("close", stop);
    return ANSWERED;
  }

  async function answer(
    request: IncomingMessage,
    response: ServerResponse,
    fromSandbox: boolean,
    path: string,
    query: URLSearchParams,
  ): Promise<void> {
    const name = `${request.method ?? ""} ${path}`;
    try {
      if (fromSandbox) throw refused(403, "Functions cannot reach the administration of the server.");
      const route = Object.hasOwn(routes, name) ? routes[name] : undefined;
      if (!OPEN.has(name) && !hasToken(request, query, deps.token)) {
        throw refused(401, "The token of the data folder is needed.", "lambent sends it by itself");
      }
      if (route === undefined) throw refused(404, `There is no ${name}.`);
      const result = await route({ request, response, query });
      if (result !== ANSWERED) send(response, response.statusCode, result);
    } catch (error) {
      const status = error instanceof ServiceError ? error.status : 500;
      if (status === 500) deps.log.error({ route: name, error: describe(error) }, "an admin request failed");
      const hint = error instanceof ServiceError ? error.hint : undefined;
      send(response, status, { error: describe(error), ...(hint === undefined ? {} : { hint }) });
    }
  }

  return (request, response, { fromSandbox }) => {
    const url = request.url ?? "/";
    if (!url.startsWith("/_lambent/") && !url.startsWith("/_localstack/health")) return false;
    const mark = url.indexOf("?");
    const path = mark < 0 ? url : url.slice(0, mark);
    const query = new URLSearchParams(mark < 0 ? "" : url.slice(mark + 1));
    void answer(request, response, fromSandbox, path, query);
    return true;
  };
}

/** Log groups by name or pattern: `hello`, `order-*`, `/aws/lambda/hello`, `*`. */
export function groupMatcher(pattern: string): (group: string) => boolean {
  const full = pattern === "*" || pattern.startsWith("/") ? pattern : `/aws/lambda/${pattern}`;
  const source = full
    .split("*")
    .map((part) => part.replaceAll(/[.+?^${}()|[\]\\]/g, String.raw`\$&`))
    .join(".*");
  const expression = new RegExp(`^${source}$`);
  return (group) => expression.test(group);
}

async function jsonBody(request: IncomingMessage): Promise<Record<string, unknown>> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > BODY_BYTES_MAX) throw refused(413, "The body is too large.");
    chunks.push(chunk);
  }
  try {
    const value: unknown = JSON.parse(Buffer.concat(chunks).toString("utf8") || "{}");
    if (typeof value === "object" && value !== null) return value as Record<string, unknown>;
  } catch {
    // Told below.
  }
  throw badRequest("The body must be a JSON object.");
}

function send(response: ServerResponse, status: number, body: unknown): void {
  if (response.headersSent) return void response.end();
  const text = JSON.stringify(body);
  response.writeHead(status, {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(text),
    "cache-control": "no-store",
  });
  response.end(text);
}

function badRequest(message: string): ServiceError {
  return refused(400, message);
}

function refused(status: number, message: string, hint?: string): ServiceError {
  return new ServiceError("AdminRequestRefused", status, message, hint === undefined ? {} : { hint });
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
