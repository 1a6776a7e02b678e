import type { IncomingMessage, ServerResponse } from "node:http";

import type { Clock } from "../../kernel/clock.ts";
import type { Logger } from "../../kernel/log.ts";
import type { Random } from "../../kernel/random.ts";
import type { RequestContext, Service } from "../service.ts";
import type { KeyResolver } from "../sigv4/keys.ts";
import type { ShortWay } from "./short-way.ts";

export interface RequestOrigin {
  readonly fromSandbox: boolean;
  /** The function whose sandbox the request came from. */
  readonly functionArn?: string;
}

export interface AuthorizeRequest {
  readonly service: Service;
  readonly operation: string;
  /** Decoded and not validated: like AWS, the gateway refuses a caller before it looks closer. */
  readonly input: Readonly<Record<string, unknown>>;
  readonly context: RequestContext;
  readonly origin: RequestOrigin;
}

/** One answered request, for metrics and the access log. */
export interface RequestRecord {
  readonly service: string;
  readonly operation: string;
  readonly status: number;
  readonly ms: number;
  readonly requestId: string;
  readonly accountId: string;
  readonly region: string;
  readonly fromSandbox: boolean;
  readonly errorCode?: string;
  /** The next step that went out beside the answer, and who was told. */
  readonly hint?: string;
  readonly userAgent?: string;
}

export interface GatewayLimits {
  /** Bodies of every operation without a limit of its own. */
  readonly requestBytes: number;
  /** Bodies of a service's operations, by its table's name. */
  readonly requestBytesOf: Readonly<Record<string, number>>;
  /** Bodies held in memory at once, over all requests. */
  readonly bufferedBytes: number;
}

export const GATEWAY_LIMITS: GatewayLimits = {
  requestBytes: 10_485_760,
  // A batch of DynamoDB may hold 16 MB, binaries in base64 included.
  requestBytesOf: { lambda: 70_167_211, dynamodb: 16_777_216 },
  bufferedBytes: 536_870_912,
};

export interface GatewayOptions {
  readonly services: readonly Service[];
  readonly keys: KeyResolver;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly defaultAccountId: string;
  readonly defaultRegion: string;
  readonly requireKnownKeys?: boolean;
  /** Base URL of the endpoint, e.g. `http://127.0.0.1:4566`, for a request with this Host; known once the port is. */
  readonly endpoint: (host: string | undefined) => string;
  /** Answers `/_lambent/*` and `/_localstack/*`, or returns false. Sandboxes are refused before. */
  readonly internalRoutes?: (
    request: IncomingMessage,
    response: ServerResponse,
    origin: RequestOrigin,
  ) => boolean;
  readonly publicSuffix?: string;
  readonly allowedOrigins?: readonly string[];
  /** See Guard. */
  readonly anyHost?: boolean;
  readonly limits?: Partial<GatewayLimits>;
  /** Throws the refusal, or gives a hint for the answer; by default everybody may do everything. */
  readonly authorize?: (request: AuthorizeRequest) => string | undefined | Promise<string | undefined>;
  readonly onRequest?: (record: RequestRecord) => void;
}

export interface Gateway {
  handle(request: IncomingMessage, response: ServerResponse, origin: RequestOrigin): void;
  readonly shortWay: ShortWay;
  /** Loads the tables of the services given, so that no first request waits for one. */
  warm(...services: readonly string[]): Promise<void>;
}
