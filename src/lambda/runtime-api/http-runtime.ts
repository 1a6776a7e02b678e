/**
 * The HTTP Runtime API of one environment, as custom runtimes and AWS's own clients speak it.
 * https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { LIMITS } from "../../kernel/limits.ts";
import { apiError, type ApiAnswer, type Extensions } from "./extensions.ts";
import type { InvokeMessage } from "./frames.ts";
import { responseTooLarge } from "./framed-runtime.ts";
import { RESPONSE_TOO_LARGE, type RuntimeEvents, type RuntimeLink } from "./link.ts";

const OK: ApiAnswer = { status: 202, body: '{"status":"OK"}\n' };
const RUNTIME = "/2018-06-01/runtime/";
const EXTENSION = "/2020-01-01/extension/";
/** Bodies of the small requests (register, init/error). */
const SMALL_BODY_BYTES_MAX = 256 * 1024;

/** Serves every request that reaches 127.0.0.1:9001 of one sandbox. */
export class HttpRuntime implements RuntimeLink {
  readonly #events: RuntimeEvents;
  readonly #extensions: Extensions;
  /** False under a framed runtime: only the Extensions API answers then. */
  readonly #serveRuntime: boolean;
  #state: "init" | "ready" | "busy" | "answered" | "closed" = "init";
  #requestId: string | undefined;
  #lastRequestId: string | undefined;
  #waiting: ServerResponse | undefined;
  /** An answer is coming in. A second one beside it would hold as much memory again. */
  #receiving: IncomingMessage | undefined;
  #queued: { readonly message: InvokeMessage; readonly payload: Uint8Array } | undefined;

  constructor(events: RuntimeEvents, extensions: Extensions, serveRuntime: boolean) {
    this.#events = events;
    this.#extensions = extensions;
    this.#serveRuntime = serveRuntime;
  }

  /** The process is in `next` and nothing has been given to it. */
  get waiting(): boolean {
    return this.#waiting !== undefined;
  }

  init(): void {
    // The process got everything in its environment when it was started.
  }

  invoke(message: InvokeMessage, payload: Uint8Array): void {
    this.#requestId = message.requestId;
    this.#state = "busy";
    if (this.#waiting === undefined) this.#queued = { message, payload };
    else this.#deliver(this.#waiting, message, payload);
  }

  shutdown(): void {
    // SIGTERM is all a runtime gets; extensions are told by their own event.
  }

  close(): void {
    this.#state = "closed";
    this.#waiting?.destroy();
    this.#waiting = undefined;
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = (request.url ?? "/").split("?", 1)[0] as string;
    try {
      if (path.startsWith(RUNTIME)) await this.#runtime(path.slice(RUNTIME.length), request, response);
      else if (path.startsWith(EXTENSION))
        await this.#extension(path.slice(EXTENSION.length), request, response);
      else if (path.startsWith("/2022-07-01/telemetry") || path.startsWith("/2020-08-15/logs")) {
        const name = path.startsWith("/2022") ? "Telemetry" : "Logs";
        send(
          response,
          apiError(404, `${name}.NotSupported`, `The ${name} API is not implemented by Lambent.`),
        );
      } else send(response, apiError(404, "NotFound", "No such path in the Runtime API."));
    } catch {
      // The process hung up in the middle of its request.
      response.destroy();
    }
  }

  async #runtime(path: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (!this.#serveRuntime) {
      return send(
        response,
        apiError(403, "InvalidStateTransition", "This environment's runtime does not use the Runtime API."),
      );
    }
    if (path === "invocation/next") {
      return request.method === "GET" ? this.#next(response) : send(response, methodNotAllowed());
    }
    if (request.method !== "POST") return send(response, methodNotAllowed());
    if (path === "init/error") return await this.#initError(request, response);
    const match = /^invocation\/([^/]+)\/(response|error)$/.exec(path);
    if (match === null) return send(response, apiError(404, "NotFound", "No such path in the Runtime API."));
    await this.#answer(match[1] as string, match[2] as "response" | "error", request, response);
  }

  #next(response: ServerResponse): void {
    if (this.#state === "busy" && this.#queued === undefined) {
      return send(response, forbidden("Running", "Ready"));
    }
    if (this.#waiting !== undefined && !this.#waiting.destroyed) {
      return send(response, forbidden("Ready", "Ready"));
    }
    this.#waiting = response;
    response.on("close", () => {
      if (this.#waiting === response) this.#waiting = undefined;
    });
    if (this.#queued !== undefined) {
      const { message, payload } = this.#queued;
      this.#queued = undefined;
      return this.#deliver(response, message, payload);
    }
    const before = this.#state;
    this.#state = "ready";
    if (before === "init") this.#events.onReady();
    else if (before === "answered") this.#events.onIdle();
  }

  #deliver(response: ServerResponse, message: InvokeMessage, payload: Uint8Array): void {
    this.#waiting = undefined;
    const headers: Record<string, string> = {
      "Content-Type": "application/json",
      "Content-Length": String(payload.length),
      "Lambda-Runtime-Aws-Request-Id": message.requestId,
      "Lambda-Runtime-Deadline-Ms": String(message.deadlineMs),
      "Lambda-Runtime-Invoked-Function-Arn": message.invokedFunctionArn,
    };
    if (message.traceId !== undefined) headers["Lambda-Runtime-Trace-Id"] = headerText(message.traceId);
    if (message.clientContext !== undefined)
      headers["Lambda-Runtime-Client-Context"] = headerText(message.clientContext);
    if (message.cognitoIdentity !== undefined)
      headers["Lambda-Runtime-Cognito-Identity"] = headerText(message.cognitoIdentity);
    response.writeHead(200, headers);
    response.end(payload);
  }

  async #initError(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await readBody(request, SMALL_BODY_BYTES_MAX);
    if (body === undefined) return send(response, tooLarge());
    if (this.#state !== "init") return send(response, forbidden("Ready", "InitError"));
    this.#state = "answered";
    send(response, OK);
    this.#events.onInitError(body, header(request, "lambda-runtime-function-error-type"));
  }

  async #answer(
    id: string,
    kind: "response" | "error",
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const refusal = this.#refuse(id, kind);
    if (refusal !== undefined) {
      request.resume();
      return send(response, refusal);
    }
    this.#receiving = request;
    let body: Buffer | undefined;
    try {
      body = await readBody(request, LIMITS.syncResponseBytes);
    } finally {
      if (this.#receiving === request) this.#receiving = undefined;
    }
    // The invocation may have ended (timeout) while the body came in.
    const late = this.#refuse(id, kind);
    if (late !== undefined) return send(response, late);
    this.#state = "answered";
    this.#lastRequestId = id;
    this.#requestId = undefined;
    if (body === undefined) {
      send(response, tooLarge());
      return this.#events.onError(responseTooLarge(), RESPONSE_TOO_LARGE);
    }
    send(response, OK);
    if (kind === "error") {
      return this.#events.onError(body, header(request, "lambda-runtime-function-error-type"));
    }
    // A streamed response may fail half-way; its trailers say so.
    const failed = request.trailers["lambda-runtime-function-error-type"];
    if (failed !== undefined) {
      const text = request.trailers["lambda-runtime-function-error-body"] ?? "";
      return this.#events.onError(Buffer.from(text, "base64"), failed);
    }
    this.#events.onResponse(body);
  }

  #refuse(id: string, kind: "response" | "error"): ApiAnswer | undefined {
    if (this.#state === "busy" && this.#queued === undefined) {
      if (id !== this.#requestId) return INVALID_REQUEST_ID;
      return this.#receiving === undefined
        ? undefined
        : forbidden("InvocationResponse", "InvocationResponse");
    }
    // A repeated answer is a matter of state, another id is a matter of the id.
    if (id !== this.#lastRequestId) return INVALID_REQUEST_ID;
    return forbidden(
      this.#state === "answered" ? "InvocationResponse" : "Ready",
      kind === "response" ? "InvocationResponse" : "InvocationErrorResponse",
    );
  }

  async #extension(path: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const identifier = header(request, "lambda-extension-identifier");
    if (path === "event/next" && request.method === "GET") {
      const answer = this.#extensions.next(identifier, (event) => send(response, event));
      if (answer !== undefined) send(response, answer);
      return;
    }
    if (request.method !== "POST") return send(response, methodNotAllowed());
    const body = await readBody(request, SMALL_BODY_BYTES_MAX);
    if (body === undefined) return send(response, tooLarge());
    if (path === "register") {
      return send(
        response,
        this.#extensions.register(header(request, "lambda-extension-name"), body.toString()),
      );
    }
    if (path === "init/error" || path === "exit/error") {
      const type = header(request, "lambda-extension-function-error-type");
      return send(response, this.#extensions.fault(identifier, type));
    }
    send(response, apiError(404, "NotFound", "No such path in the Extensions API."));
  }
}

const INVALID_REQUEST_ID: ApiAnswer = apiError(400, "InvalidRequestID", "Invalid request ID");

function forbidden(from: string, to: string): ApiAnswer {
  return apiError(
    403,
    "InvalidStateTransition",
    `State transition from ${from} to ${to} failed for runtime. Error: State transition is not allowed`,
  );
}

function tooLarge(): ApiAnswer {
  return apiError(
    413,
    "RequestEntityTooLarge",
    `Exceeded maximum allowed payload size (${String(LIMITS.syncResponseBytes)} bytes).`,
  );
}

function methodNotAllowed(): ApiAnswer {
  return apiError(405, "MethodNotAllowed", "Method Not Allowed");
}

function header(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value[0] : value;
}

/** UTF-8 bytes as HTTP carries them; line breaks of pretty-printed JSON become spaces. */
function headerText(text: string): string {
  return Buffer.from(text.replaceAll(/\p{Cc}/gu, " "), "utf8").toString("latin1");
}

function send(response: ServerResponse, answer: ApiAnswer): void {
  if (response.destroyed || response.headersSent) return;
  response.writeHead(answer.status, {
    "Content-Type": "application/json",
    "Content-Length": String(Buffer.byteLength(answer.body)),
    ...answer.headers,
  });
  response.end(answer.body);
}

/** Undefined when it is longer than `bytesMax`; the rest is read and thrown away. */
async function readBody(request: IncomingMessage, bytesMax: number): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes <= bytesMax) chunks.push(chunk);
    else chunks.length = 0;
  }
  return bytes > bytesMax ? undefined : Buffer.concat(chunks);
}
