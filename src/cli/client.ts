/** AWS operations of the running server, as any client calls them. */
import { ServiceError } from "../kernel/errors.ts";
import { type Connection, credentialsOf } from "./connection.ts";
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
    credentials: credentialsOf(server),
  });
  return async (service, operation, input) => {
    try {
      return (await client.call(service, operation, input)) as Record<string, unknown>;
    } catch (error) {
      throw told(error, server);
    }
  };
}

/** An error of AWS's kind as the command line tells it. */
export function told(error: unknown, server: Pick<Connection, "endpoint">): unknown {
  // fetch hides what happened to the connection in `cause`.
  if (error instanceof TypeError && error.cause instanceof Error) {
    return new Fault(
      EXIT.notRunning,
      `The server does not answer at ${server.endpoint}: ${error.cause.message}`,
      "lambent status",
    );
  }
  if (!(error instanceof ServiceError)) return error;
  const unsupported = error.status === 501 || error.code.startsWith("NotImplemented");
  return new Fault(
    unsupported ? EXIT.unsupported : EXIT.userError,
    `${error.code}: ${error.message}`,
    error.hint,
  );
}
