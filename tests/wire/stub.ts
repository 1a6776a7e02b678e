import type { AddressInfo } from "node:net";
import type { Server } from "node:http";

import { createGateway, type Gateway, type GatewayOptions } from "../../src/aws/gateway/gateway.ts";
import { createHttpServer } from "../../src/aws/gateway/http-server.ts";
import type { Service } from "../../src/aws/service.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import { silentLogger } from "../../src/kernel/log.ts";
import { systemRandom } from "../../src/kernel/random.ts";

/** A service out of plain functions, without the types of an SDK. */
export function stubService(
  name: string,
  operations: Readonly<Record<string, (input: any, context: any) => unknown>>,
  shortPaths: NonNullable<Service["shortPaths"]> = [],
): Service {
  return { name, operations: operations as Service["operations"], shortPaths };
}

export interface StubServer extends AsyncDisposable {
  readonly endpoint: string;
  readonly port: number;
  readonly server: Server;
  readonly gateway: Gateway;
}

/** A gateway over stub services, listening on a free port of the loopback. */
export async function startStub(
  services: readonly Service[],
  options: Partial<GatewayOptions> = {},
): Promise<StubServer> {
  let endpoint = "";
  const gateway = createGateway({
    services,
    keys: { resolve: () => undefined },
    clock: systemClock(),
    random: systemRandom(),
    log: silentLogger,
    defaultAccountId: "000000000000",
    defaultRegion: "us-east-1",
    endpoint: () => endpoint,
    ...options,
  });
  const server = createHttpServer(gateway);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  endpoint = `http://127.0.0.1:${port}`;
  return {
    endpoint,
    port,
    server,
    gateway,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
