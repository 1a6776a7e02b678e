import { ServiceError } from "../../kernel/errors.ts";
import { LIMITS } from "../../kernel/limits.ts";
import type { RawRequest, RawResponse, RequestContext, ShortPath } from "../../aws/service.ts";
import { headerText, HINT_HEADER } from "../../aws/hint.ts";
import { validation } from "../../lambda/control/errors.ts";
import { targetOf } from "../../lambda/control/names.ts";
import { refuseNotYet } from "../../lambda/control/not-yet.ts";
import type { FunctionResolver } from "../../lambda/control/types.ts";
import type { FunctionInvoker, InvokeRequest } from "../../lambda/model/invocation.ts";
import { checkJson } from "./json-scan.ts";

export type InvocationType = "RequestResponse" | "Event" | "DryRun";

export interface InvokeInput {
  readonly functionName: string;
  readonly qualifier: string | undefined;
  readonly invocationType: string | undefined;
  readonly logType: string | undefined;
  /** Base64, as in X-Amz-Client-Context. */
  readonly clientContext: string | undefined;
  readonly payload: Uint8Array;
}

export interface InvokeAnswer {
  readonly status: 200 | 202 | 204;
  readonly executedVersion: string | undefined;
  readonly functionError: string | undefined;
  /** Base64 of the last 4 KB of the log. */
  readonly logResult: string | undefined;
  readonly hint: string | undefined;
  readonly payload: Uint8Array;
}

export interface InvokeDeps {
  readonly resolver: FunctionResolver;
  readonly invoker: FunctionInvoker;
}

/** Fields are set one by one: this is the hottest path, and spreading objects shows in its profile. */
type Building<T> = { -readonly [K in keyof T]: T[K] };

const EMPTY = new Uint8Array();
const EMPTY_EVENT: Uint8Array = Buffer.from("{}");

/** Invoke as both its ways in mean it. https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html */
export async function invoke(
  deps: InvokeDeps,
  input: InvokeInput,
  context: RequestContext,
): Promise<InvokeAnswer> {
  const target = targetOf(context, input.functionName, input.qualifier);
  const type = invocationType(input.invocationType);
  const logTail = wantsLogTail(input.logType);
  checkSize(input.payload.byteLength, type);
  const clientContext = decodeClientContext(input.clientContext);
  const payload = input.payload.byteLength === 0 ? EMPTY_EVENT : input.payload;
  const checking = checkJson(payload);
  if (checking !== undefined) await checking;
  const traceHeader = context.headers["x-amzn-trace-id"];
  const request: Building<InvokeRequest> = {
    scope: target.scope,
    functionName: target.name,
    qualifier: target.qualifier,
    payload,
    requestId: context.requestId,
  };
  if (clientContext !== undefined) request.clientContext = clientContext;
  if (traceHeader !== undefined) request.traceHeader = traceHeader;
  if (type !== "RequestResponse") {
    // The caller must learn that there is no such function before anything is queued.
    await deps.resolver.resolve(target.scope, target.name, target.qualifier, 0);
    if (type === "DryRun") return answer(204);
    await deps.invoker.invokeAsync(request);
    return answer(202);
  }
  // No abort signal: a caller that hangs up changes nothing, the function runs on as on AWS, and making
  // a signal for every call would cost more than all the rest of this function.
  if (logTail) request.logTail = true;
  const outcome = await deps.invoker.invoke(request);
  return {
    status: 200,
    executedVersion: outcome.executedVersion,
    functionError: outcome.kind === "function-error" ? outcome.errorType : undefined,
    logResult: logTail ? Buffer.from(outcome.logTail).toString("base64") : undefined,
    hint: outcome.kind === "function-error" ? outcome.hint : undefined,
    payload: outcome.payload,
  };
}

function answer(status: 202 | 204): InvokeAnswer {
  return {
    status,
    executedVersion: undefined,
    functionError: undefined,
    logResult: undefined,
    hint: undefined,
    payload: EMPTY,
  };
}

function invocationType(text: string | undefined): InvocationType {
  if (text === undefined) return "RequestResponse";
  if (text === "RequestResponse" || text === "Event" || text === "DryRun") return text;
  throw validation(
    text,
    "invocationType",
    "Member must satisfy enum value set: [Event, RequestResponse, DryRun]",
  );
}

function wantsLogTail(text: string | undefined): boolean {
  if (text === undefined || text === "None") return false;
  if (text === "Tail") return true;
  throw validation(text, "logType", "Member must satisfy enum value set: [None, Tail]");
}

function checkSize(bytes: number, type: InvocationType): void {
  if (type === "Event") {
    if (bytes > LIMITS.asyncPayloadBytes) {
      throw tooLarge(
        `${bytes} byte payload is too large for the Event invocation type (limit ${LIMITS.asyncPayloadBytes} bytes)`,
      );
    }
  } else if (bytes > LIMITS.syncPayloadBytes) {
    throw tooLarge(
      `Request must be smaller than ${LIMITS.syncPayloadBytes} bytes for the InvokeFunction operation`,
    );
  }
}

function tooLarge(message: string): ServiceError {
  return new ServiceError("RequestEntityTooLargeException", 413, message, {
    hint: "Pass a reference (a file name, a key) instead of the data itself.",
  });
}

/** Errors: InvalidRequestContentException for what is no base64 of a JSON object, or over its limit. */
export function decodeClientContext(base64: string | undefined): string | undefined {
  if (base64 === undefined || base64 === "") return undefined;
  const text = Buffer.from(base64, "base64").toString();
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw contextError("Client context must be a valid Base64-encoded JSON object.");
  }
  if (base64.length > LIMITS.clientContextBytes) {
    throw contextError(
      `Client context must be no more than ${LIMITS.clientContextBytes} bytes when base64-encoded.`,
    );
  }
  return text;
}

function contextError(message: string): ServiceError {
  return new ServiceError("InvalidRequestContentException", 400, message, { members: { Type: "User" } });
}

const INVOKE_PATH = /^\/2015-03-31\/functions\/([a-zA-Z0-9_-]{1,64})\/invocations\/?$/;

/**
 * Invoke of a plain function name, past the codec. ARNs, qualified names and anything that the
 * codec would have to refuse go the ordinary way.
 */
export function invokeShortPath(deps: InvokeDeps): ShortPath {
  const { invoker } = deps;
  return {
    operation: "Invoke",
    match(method, path) {
      if (method !== "POST") return undefined;
      const name = INVOKE_PATH.exec(path)?.[1];
      return name === undefined ? undefined : { FunctionName: name };
    },
    // What is only accepted now is run when there is time for it.
    isFull: (headers) =>
      (headers["x-amz-invocation-type"] ?? "RequestResponse") === "RequestResponse" &&
      invoker.isFull?.() === true,
    ...(invoker.refusal === undefined ? {} : { refusal: () => invoker.refusal?.() as ServiceError }),
    async handle(labels, request, context) {
      const { headers } = request;
      if (headers["x-amz-tenant-id"] !== undefined || headers["x-amz-durable-execution-name"] !== undefined) {
        refuseNotYet("Invoke", {
          TenantId: headers["x-amz-tenant-id"],
          DurableExecutionName: headers["x-amz-durable-execution-name"],
        });
      }
      const result = await invoke(
        deps,
        {
          functionName: labels["FunctionName"] as string,
          qualifier: qualifierOf(request),
          invocationType: headers["x-amz-invocation-type"],
          logType: headers["x-amz-log-type"],
          clientContext: headers["x-amz-client-context"],
          payload: request.body,
        },
        context,
      );
      return rawAnswer(result);
    },
  };
}

const QUALIFIER_PATTERN = "\\$(LATEST(\\.PUBLISHED)?)|[a-zA-Z0-9-_$]+";
const QUALIFIER = new RegExp(`^(?:${QUALIFIER_PATTERN})$`);
const QUALIFIER_MAX = 128;

function qualifierOf(request: RawRequest): string | undefined {
  if (request.query === "") return undefined;
  const qualifier = new URLSearchParams(request.query).get("Qualifier") ?? undefined;
  if (qualifier === undefined) return undefined;
  if (qualifier.length > QUALIFIER_MAX) {
    throw validation(
      qualifier,
      "qualifier",
      `Member must have length less than or equal to ${QUALIFIER_MAX}`,
    );
  }
  if (!QUALIFIER.test(qualifier)) {
    throw validation(
      qualifier,
      "qualifier",
      `Member must satisfy regular expression pattern: ${QUALIFIER_PATTERN}`,
    );
  }
  return qualifier;
}

function rawAnswer(result: InvokeAnswer): RawResponse {
  const headers: Record<string, string> = {};
  if (result.status === 200) {
    headers["Content-Type"] = "application/json";
    headers["X-Amz-Executed-Version"] = result.executedVersion ?? "";
    headers["x-amzn-Remapped-Content-Length"] = "0";
    if (result.functionError !== undefined) headers["X-Amz-Function-Error"] = result.functionError;
    if (result.logResult !== undefined) headers["X-Amz-Log-Result"] = result.logResult;
    if (result.hint !== undefined) headers[HINT_HEADER] = headerText(result.hint);
  }
  return { status: result.status, headers, body: result.payload };
}
