import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";
import { LambdaClient } from "@aws-sdk/client-lambda";
import { createGateway } from "../../src/aws/gateway/gateway.ts";
import { type LambdaApi, lambdaApi, saw } from "./lambda-client.ts";
import { SCOPE } from "./lambda-fixture.ts";

/** Lambda behind the real gateway, and a client of the real SDK for it. */
export interface LambdaOverHttp {
  readonly api: LambdaApi;
  readonly client: LambdaClient;
  readonly endpoint: string;
}

export async function lambdaOverHttp(
  t: TestContext,
  over: Parameters<typeof lambdaApi>[0] = {},
): Promise<LambdaOverHttp> {
  const api = lambdaApi(over);
  let endpoint = "";
  const gateway = createGateway({
    services: [api.service],
    keys: { resolve: () => undefined },
    clock: api.deps.clock,
    random: api.deps.random,
    log: api.deps.log,
    defaultAccountId: SCOPE.accountId,
    defaultRegion: SCOPE.region,
    endpoint: () => endpoint,
    onRequest: ({ operation, errorCode }) => saw(operation, errorCode ?? "success"),
  });
  const server = createServer((request, response) =>
    gateway.handle(request, response, { fromSandbox: false }),
  );
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const client = new LambdaClient({
    endpoint,
    region: SCOPE.region,
    credentials: { accessKeyId: SCOPE.accountId, secretAccessKey: "test" },
    maxAttempts: 1,
  });
  t.after(() => {
    client.destroy();
    server.closeAllConnections();
    server.close();
  });
  return { api, client, endpoint };
}
