/** What the command line and the server agree on. */

/** Everything `startServer` is told; nothing of it is read from the environment again. */
export interface ServerConfig {
  /** A loopback address, unless policies are enforced. */
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  /** Absolute. Made when it is missing. */
  readonly dataDir: string;
  readonly accountId: string;
  readonly region: string;
  /** What policies do: nothing, a hint where they would refuse, a refusal. */
  readonly iam: "off" | "warn" | "enforce";
  /** What becomes of requests beyond a DynamoDB table's provisioned throughput. */
  readonly dynamodbThroughput: "warn" | "enforce";
  readonly strictRuntimes: boolean;
  /** Refuse a function of another architecture than this machine's, also where its code is interpreted. */
  readonly strictArchitectures: boolean;
  readonly sandbox: "auto" | "namespaces" | "process";
  /** Absolute. Interpreters and SDKs that are installed once for all data folders. */
  readonly cacheDir: string;
  /** Whether boto3 and the AWS SDK for JavaScript are installed when a function could first use them. */
  readonly sdk: "auto" | "off";
  /** Booted runtimes that wait for a function, per runtime; 0 keeps none. */
  readonly pool: number;
  /** Of the server's own log, `server.log` in the data folder. */
  readonly logLevel: "debug" | "info" | "warn" | "error";
}

export interface RunningServer {
  readonly endpoint: string;
  readonly port: number;
  /** From the call of `startServer` to ready. */
  readonly readyMs: number;
  readonly summary: ServerSummary;
  /** Stops taking requests, drains for at most `drainMs`, closes everything. Safe to call twice. */
  stop(drainMs?: number): Promise<void>;
  /** Resolves once the server is closed, by `stop` or by POST /_lambent/stop. */
  readonly closed: Promise<void>;
}

/** The banner's second half. */
export interface ServerSummary {
  readonly version: string;
  /** What `lambent clock advance` has added to the machine's clock, in milliseconds. */
  readonly clockAheadMs: number;
  /** The driver and what it enforces, in a few words: `namespaces, cgroups v2`. */
  readonly sandbox: string;
  /** One line per protection that does not hold on this host. */
  readonly warnings: readonly string[];
}

/** Files of the data folder that both sides know. */
export const DATA_FILES = {
  /** ServerFile as JSON, there while the server runs. */
  server: "server.json",
  /** The admin token as text, mode 0600. */
  token: "token",
  /** Access key of the account itself as JSON, mode 0600. */
  rootKey: "root-key.json",
  awsConfig: "aws/config",
  awsCredentials: "aws/credentials",
} as const;

export interface ServerFile {
  readonly pid: number;
  readonly port: number;
  readonly endpoint: string;
  /** Epoch ms. */
  readonly startedAt: number;
  readonly version: string;
  /** With `enforce` its users sign with the root key. */
  readonly iam: ServerConfig["iam"];
}
