/**
 * The Extensions API for internal extensions: code that runs within the runtime's process and wants
 * to be told of each invocation.
 * https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html
 */
import type { Random } from "../../kernel/random.ts";
import type { InvokeMessage } from "./frames.ts";

export type ExtensionEvent = "INVOKE" | "SHUTDOWN";

/** What the routes answer: a status and a body. */
export interface ApiAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string;
}

/** A GET that is answered later. */
export type Waiting = (answer: ApiAnswer) => void;

interface Extension {
  readonly name: string;
  readonly identifier: string;
  readonly events: ReadonlySet<string>;
  waiting: Waiting | undefined;
  /** Told of the invocation under way and not yet back for the next event. */
  busy: boolean;
  /** An event that came before the extension asked. */
  pending: string | undefined;
}

export interface ExtensionFunction {
  readonly functionName: string;
  readonly functionVersion: string;
  readonly handler: string;
  readonly accountId: string;
}

export const EXTENSIONS_MAX = 10;

export function apiError(status: number, errorType: string, errorMessage: string): ApiAnswer {
  return { status, body: JSON.stringify({ errorMessage, errorType }) };
}

export class Extensions {
  readonly #random: Random;
  readonly #describe: () => ExtensionFunction;
  readonly #onIdle: () => void;
  readonly #onFault: (errorType: string, name: string) => void;
  readonly #byId = new Map<string, Extension>();
  #initOver = false;

  /** `onIdle`: every extension has come back for the next event. `onFault`: one gave up. */
  constructor(
    random: Random,
    describe: () => ExtensionFunction,
    onIdle: () => void,
    onFault: (errorType: string, name: string) => void,
  ) {
    this.#random = random;
    this.#describe = describe;
    this.#onIdle = onIdle;
    this.#onFault = onFault;
  }

  get count(): number {
    return this.#byId.size;
  }

  /** Someone has been told of the invocation and is not back yet. */
  get busy(): boolean {
    for (const extension of this.#byId.values()) if (extension.busy) return true;
    return false;
  }

  /** Registration closes with the init phase. */
  endInit(): void {
    this.#initOver = true;
  }

  register(name: string | undefined, body: string): ApiAnswer {
    if (name === undefined || name === "" || name.length > 128) {
      return apiError(400, "Extension.InvalidExtensionName", "Invalid extension name");
    }
    if (this.#initOver)
      return apiError(403, "Extension.RegistrationClosed", "Extension registration closed already");
    for (const known of this.#byId.values()) {
      if (known.name === name)
        return apiError(403, "Extension.AlreadyRegistered", "Extension is already registered");
    }
    if (this.#byId.size >= EXTENSIONS_MAX) {
      return apiError(
        403,
        "Extension.TooManyExtensions",
        `Extension limit (${String(EXTENSIONS_MAX)}) reached`,
      );
    }
    const events = parseEvents(body);
    if (events === undefined) return apiError(400, "InvalidRequestFormat", "Invalid register request");
    for (const event of events) {
      if (event !== "INVOKE" && event !== "SHUTDOWN") {
        return apiError(
          400,
          "Extension.InvalidEventType",
          `ValidationError: ${event}: event type is not supported`,
        );
      }
    }
    const identifier = this.#random.uuid();
    this.#byId.set(identifier, {
      name,
      identifier,
      events: new Set(events),
      waiting: undefined,
      busy: false,
      pending: undefined,
    });
    const fn = this.#describe();
    return { status: 200, headers: { "Lambda-Extension-Identifier": identifier }, body: JSON.stringify(fn) };
  }

  /** Returns an answer at once for a request that is refused; otherwise `waiting` is called later. */
  next(identifier: string | undefined, waiting: Waiting): ApiAnswer | undefined {
    const extension = this.#find(identifier);
    if ("status" in extension) return extension;
    if (extension.pending !== undefined) {
      const body = extension.pending;
      extension.pending = undefined;
      return eventAnswer(extension.identifier, body, this.#random);
    }
    extension.waiting = waiting;
    if (extension.busy) {
      extension.busy = false;
      if (!this.busy) this.#onIdle();
    }
    return undefined;
  }

  fault(identifier: string | undefined, errorType: string | undefined): ApiAnswer {
    const extension = this.#find(identifier);
    if ("status" in extension) return extension;
    if (errorType === undefined)
      return apiError(400, "Extension.MissingHeader", "Lambda-Extension-Function-Error-Type is missing");
    this.#onFault(errorType, extension.name);
    return { status: 202, body: '{"status":"OK"}' };
  }

  invoke(message: InvokeMessage): void {
    if (this.#byId.size === 0) return;
    this.#tell("INVOKE", {
      eventType: "INVOKE",
      deadlineMs: message.deadlineMs,
      requestId: message.requestId,
      invokedFunctionArn: message.invokedFunctionArn,
      tracing: { type: "X-Amzn-Trace-Id", value: message.traceId ?? "" },
    });
  }

  /**
   * True when someone listens for it. Of AWS's reasons only this one reaches an internal extension: after a
   * timeout or a failure its process is killed.
   */
  shutdown(reason: "spindown", deadlineMs: number): boolean {
    return this.#tell("SHUTDOWN", { eventType: "SHUTDOWN", shutdownReason: reason, deadlineMs });
  }

  #tell(type: ExtensionEvent, event: object): boolean {
    const body = JSON.stringify(event);
    let told = false;
    for (const extension of this.#byId.values()) {
      if (!extension.events.has(type)) continue;
      told = true;
      extension.busy = true;
      const { waiting } = extension;
      if (waiting === undefined) {
        extension.pending = body;
      } else {
        extension.waiting = undefined;
        waiting(eventAnswer(extension.identifier, body, this.#random));
      }
    }
    return told;
  }

  #find(identifier: string | undefined): Extension | ApiAnswer {
    if (identifier === undefined) {
      return apiError(
        403,
        "Extension.MissingExtensionIdentifier",
        "Missing Lambda-Extension-Identifier header",
      );
    }
    return (
      this.#byId.get(identifier) ??
      apiError(403, "Extension.UnknownExtensionIdentifier", `Unknown extension ${identifier.slice(0, 64)}`)
    );
  }
}

function eventAnswer(identifier: string, body: string, random: Random): ApiAnswer {
  return {
    status: 200,
    headers: {
      "Lambda-Extension-Identifier": identifier,
      "Lambda-Extension-Event-Identifier": random.uuid(),
    },
    body,
  };
}

function parseEvents(body: string): readonly string[] | undefined {
  try {
    const parsed = JSON.parse(body) as unknown;
    if (typeof parsed !== "object" || parsed === null) return undefined;
    const events = (parsed as { events?: unknown }).events ?? [];
    return Array.isArray(events) && events.every((event) => typeof event === "string") ? events : undefined;
  } catch {
    return undefined;
  }
}
