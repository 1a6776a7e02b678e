/** The AWS SDK for JavaScript pointed at a started server, and the two or three calls nearly every test makes. */
import { CloudWatchLogsClient, FilterLogEventsCommand } from "@aws-sdk/client-cloudwatch-logs";
import {
  CreateFunctionCommand,
  InvokeCommand,
  LambdaClient,
  waitUntilFunctionActiveV2,
  type CreateFunctionCommandInput,
  type InvokeCommandInput,
} from "@aws-sdk/client-lambda";
import { SDK_CONFIG, type RunningServer } from "./server.ts";
import { zip, type ZipEntry } from "../../src/testing/zip.ts";

export interface Invoked {
  readonly status: number | undefined;
  readonly functionError: string | undefined;
  readonly executedVersion: string | undefined;
  readonly payload: unknown;
  readonly log: string;
}

export interface Clients {
  readonly lambda: LambdaClient;
  readonly logs: CloudWatchLogsClient;
  /** Creates a function of these files and waits until it is Active. */
  create(
    name: string,
    files: Readonly<Record<string, string | ZipEntry>>,
    options?: Partial<CreateFunctionCommandInput>,
  ): Promise<void>;
  /** Synchronous, with the log's tail. */
  invoke(name: string, event?: unknown, options?: Partial<InvokeCommandInput>): Promise<Invoked>;
  /** All lines of the function's log group that match a filter pattern. */
  lines(name: string, pattern?: string): Promise<readonly string[]>;
  /** The same of any log group. */
  linesOf(logGroupName: string, pattern?: string): Promise<readonly string[]>;
  destroy(): void;
}

export const ROLE = "arn:aws:iam::000000000000:role/test";

export function clients(server: Pick<RunningServer, "endpoint">): Clients {
  const config = { ...SDK_CONFIG, endpoint: server.endpoint, maxAttempts: 1 };
  const lambda = new LambdaClient(config);
  const logs = new CloudWatchLogsClient(config);
  return {
    lambda,
    logs,
    async create(name, files, options = {}) {
      await lambda.send(
        new CreateFunctionCommand({
          FunctionName: name,
          Role: ROLE,
          Runtime: "python3.12",
          Handler: "app.handler",
          Code: { ZipFile: await zip(files) },
          ...options,
        }),
      );
      await waitUntilFunctionActiveV2(
        { client: lambda, maxWaitTime: 30, minDelay: 1, maxDelay: 1 },
        { FunctionName: name },
      );
    },
    async invoke(name, event = {}, options = {}) {
      const answer = await lambda.send(
        new InvokeCommand({
          FunctionName: name,
          Payload: JSON.stringify(event),
          LogType: "Tail",
          ...options,
        }),
      );
      const text =
        (answer.Payload ?? undefined) === undefined ? "" : Buffer.from(answer.Payload ?? []).toString("utf8");
      return {
        status: answer.StatusCode,
        functionError: answer.FunctionError,
        executedVersion: answer.ExecutedVersion,
        payload: text === "" ? undefined : (JSON.parse(text) as unknown),
        log: Buffer.from(answer.LogResult ?? "", "base64").toString("utf8"),
      };
    },
    lines(name, pattern) {
      return this.linesOf(`/aws/lambda/${name}`, pattern);
    },
    async linesOf(logGroupName, pattern) {
      const found: string[] = [];
      let nextToken: string | undefined;
      do {
        const page = await logs.send(
          new FilterLogEventsCommand({
            logGroupName,
            ...(pattern === undefined ? {} : { filterPattern: pattern }),
            ...(nextToken === undefined ? {} : { nextToken }),
          }),
        );
        found.push(...(page.events ?? []).map((event) => event.message ?? ""));
        nextToken = page.nextToken;
      } while (nextToken !== undefined);
      return found;
    },
    destroy() {
      lambda.destroy();
      logs.destroy();
    },
  };
}

/** The error an awaited call was rejected with. */
export async function refusal(call: Promise<unknown>): Promise<Error & Record<string, unknown>> {
  try {
    await call;
  } catch (error) {
    return error as Error & Record<string, unknown>;
  }
  throw new Error("the call was expected to be refused");
}
