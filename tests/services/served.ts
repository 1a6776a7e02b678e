/** Services behind the gateway, on a port of their own, in this process. */
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import type { OperationRecord } from "../../src/app/operation-record.ts";
import { createGateway } from "../../src/aws/gateway/gateway.ts";
import { createHttpServer } from "../../src/aws/gateway/http-server.ts";
import type { Service } from "../../src/aws/service.ts";
import type { KeyResolver } from "../../src/aws/sigv4/keys.ts";
import type { Clock } from "../../src/kernel/clock.ts";
import { silentLogger } from "../../src/kernel/log.ts";
import { systemRandom } from "../../src/kernel/random.ts";

export interface ServedGateway {
  readonly endpoint: string;
  close(): void;
}

/** `evidence`: what the tests saw, for the compatibility table. */
export async function serveGateway(options: {
  readonly services: readonly Service[];
  readonly keys: KeyResolver;
  readonly clock: Clock;
  readonly accountId: string;
  readonly region: string;
  readonly evidence?: OperationRecord | undefined;
}): Promise<ServedGateway> {
  const { services, keys, clock, accountId, region, evidence } = options;
  let endpoint = "";
  const gateway = createGateway({
    services,
    keys,
    clock,
    random: systemRandom(),
    log: silentLogger,
    defaultAccountId: accountId,
    defaultRegion: region,
    endpoint: () => endpoint,
    ...(evidence === undefined ? {} : { onRequest: (record) => evidence.note(record) }),
  });
  const server = createHttpServer(gateway).listen(0, "127.0.0.1");
  await once(server, "listening");
  endpoint = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
  return {
    endpoint,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}
