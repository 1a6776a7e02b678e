/** AWS operations of the running server, as any client calls them. */
import type { Connection } from "./connection.ts";
import { EXIT, Fault } from "./fault.ts";

export type Call = (
  service: string,
  operation: string,
  input: Readonly<Record<string, unknown>>,
) => Promise<Record<string, unknown>>;

/** The wire is loaded with the first command that needs it. */
export async function awsClient(server: Connection): Promise<Call> {
  const { createClient } = await import("../aws/client.ts");
  const client = createClient({
    endpoint: server.endpoint,
    region: server.region,
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
  });
  return async (service, operation, input) => {
    try {
      return (await client.call(service, operation, input)) as Record<string, unknown>;
    } catch (error) {
      throw told(error);
    }
  };
}

/** An error of AWS's kind as the command line tells it. */
export function told(error: unknown): unknown {
  if (!(error instanceof Error) || !("status" in error)) return error;
  const hint = "hint" in error && typeof error.hint === "string" ? error.hint : undefined;
  const unsupported = error.status === 501 || error.name === "NotImplementedException";
  return new Fault(unsupported ? EXIT.unsupported : EXIT.userError, `${error.name}: ${error.message}`, hint);
}
