/** The AWS CLI in its two generations, each set up the way its users have it, as one function to call. */
import { AWS_V1, AWS_V2, clientEnv, ROOT, run, type Ran, type RunningServer } from "./server.ts";
import { dirname, join } from "node:path";
import process from "node:process";

export interface AwsCli {
  readonly name: string;
  /** A reason, or false. */
  readonly skip: string | false;
  /** Suffix of function names, so that both generations can work on one server. */
  readonly suffix: string;
  readonly program: string | undefined;
  readonly run: (server: RunningServer, cwd: string, args: readonly string[]) => Promise<Ran>;
}

/**
 * Version 1 after `eval "$(lambent env)"`; Debian's version 2, which knows no AWS_ENDPOINT_URL, through
 * `lambent aws`.
 */
export const AWS_CLIS: readonly AwsCli[] = [
  {
    name: "AWS CLI v1",
    skip: AWS_V1 === undefined ? "aws (v1) is not installed" : false,
    suffix: "v1",
    program: AWS_V1,
    run: (server, cwd, args) => run(AWS_V1 ?? "", args, { cwd, env: clientEnv(server) }),
  },
  {
    name: "Debian's AWS CLI v2",
    skip: AWS_V2 === undefined ? "/usr/bin/aws (v2) is not installed" : false,
    suffix: "v2",
    program: AWS_V2,
    run: (server, cwd, args) =>
      run(process.execPath, [join(ROOT, "bin/lambent.js"), "aws", ...args], {
        cwd,
        env: {
          LAMBENT_DATA_DIR: server.dataDir,
          LAMBENT_PORT: String(server.port),
          PATH: `${dirname(AWS_V2 ?? "/usr/bin/aws")}:${process.env["PATH"] ?? ""}`,
        },
      }),
  },
];

/** Words of a command as a shell would split them, but for quotes, which no journey needs. */
export function words(command: string): string[] {
  return command.trim().split(/\s+/);
}
