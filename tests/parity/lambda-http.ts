import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";
import { LambdaClient } from "@aws-sdk/client-lambda";
import { routeRequest } from "../../src/aws/gateway/route.ts";
import { decodeInput, encodeOutput } from "../../src/aws/protocol/codec.ts";
import { encodeError } from "../../src/aws/protocol/errors.ts";
import type { WireResponse } from "../../src/aws/protocol/types.ts";
import { validateInput } from "../../src/aws/protocol/validate.ts";
import { ServiceError } from "../../src/kernel/errors.ts";
import { type LambdaApi, lambdaApi } from "./lambda-client.ts";
import { requestContext } from "./lambda-fixture.ts";

/** Lambda behind the wire's codec and validator, and a client of the real SDK for it. */
export interface LambdaOverHttp {
  readonly api: LambdaApi;
  readonly client: LambdaClient;
  readonly endpoint: string;
}

export async function lambdaOverHttp(t: TestContext): Promise<LambdaOverHttp> {
  const api = lambdaApi();
  const server = createServer((request, response) => void serve(api, request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const client = new LambdaClient({
    endpoint,
    region: "us-east-1",
    credentials: { accessKeyId: "111111111111", secretAccessKey: "test" },
    maxAttempts: 1,
  });
  t.after(() => {
    client.destroy();
    server.closeAllConnections();
    server.close();
  });
  return { api, client, endpoint };
}

async function serve(api: LambdaApi, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of request) chunks.push(chunk as Uint8Array);
  const answer = await answerTo(api, request, Buffer.concat(chunks));
  response.writeHead(answer.status, { ...answer.headers, "x-amzn-RequestId": requestContext().requestId });
  response.end(answer.body);
}

async function answerTo(api: LambdaApi, request: IncomingMessage, body: Buffer): Promise<WireResponse> {
  const [path = "", query = ""] = (request.url ?? "").split("?");
  const method = request.method ?? "GET";
  const headers = request.headers as Record<string, string>;
  const routing = await routeRequest({
    method,
    path,
    query,
    headers,
    scopeService: "lambda",
    body,
    bucket: undefined,
  });
  if (routing.kind !== "operation") throw new Error(`no operation for ${method} ${path}`);
  const { operation } = routing.route;
  const context = requestContext({ operation: operation.name, headers });
  try {
    for (const way of api.service.shortPaths ?? []) {
      const labels = way.match(method, path);
      if (labels !== undefined) {
        const raw = await way.handle(labels, { method, path, query, headers, body }, context);
        return { status: raw.status, headers: { ...raw.headers }, body: raw.body };
      }
    }
    const input = decodeInput(routing.route, { method, path, query, headers, body });
    validateInput(operation, input);
    const handler = api.service.operations[operation.name];
    if (handler === undefined) throw new ServiceError("NotImplementedException", 501, operation.name);
    const output = (await handler(input as never, context)) as Record<string, unknown>;
    return encodeOutput(operation, "restJson1", output, context.requestId, () => failure("stream"));
  } catch (error) {
    const told = error instanceof ServiceError ? error : failure(String((error as Error).stack));
    return encodeError(routing.model, "restJson1", told, context.requestId);
  }
}

function failure(message: string): ServiceError {
  return new ServiceError("ServiceException", 500, message);
}
