/** The AWS CLI in its two generations, each set up the way its users have it, as one function to call. */
import { join } from "node:path";
import process from "node:process";
import { AWS_V1, AWS_V2, ROOT, run, type Ran, type RunningServer } from "./server.ts";

export interface AwsCli {
  readonly name: string;
  /** A reason, or false. */
  readonly skip: string | false;
  /** Suffix of function names, so that both generations can work on one server. */
  readonly suffix: string;
  readonly program: string | undefined;
  readonly run: (server: RunningServer, cwd: string, args: readonly string[]) => Promise<Ran>;
}

/** As in a shell after `eval "$(lambent env)"`; what that defines is tested with shells. */
function generation(name: string, suffix: string, program: string | undefined): AwsCli {
  return {
    name,
    skip: program === undefined ? `aws (${suffix}) is not installed` : false,
    suffix,
    program,
    run: async (server, cwd, args) =>
      run(program ?? "", ["--endpoint-url", server.endpoint, ...args], { cwd, env: await settings(server) }),
  };
}

export const AWS_CLIS: readonly AwsCli[] = [
  generation("AWS CLI v1", "v1", AWS_V1),
  generation("Debian's AWS CLI v2", "v2", AWS_V2),
];

const known = new Map<string, Promise<Record<string, string>>>();

/** The variables that `lambent env` sets, asked once a server. */
export function settings({ dataDir }: Pick<RunningServer, "dataDir">): Promise<Record<string, string>> {
  const found = known.get(dataDir) ?? ask(dataDir);
  known.set(dataDir, found);
  return found;
}

async function ask(dataDir: string): Promise<Record<string, string>> {
  const args = [join(ROOT, "bin/lambent.js"), "env", "--json", "--data-dir", dataDir];
  const { code, stdout, stderr } = await run(process.execPath, args);
  if (code !== 0) throw new Error(stderr);
  return (JSON.parse(stdout) as { set: Record<string, string> }).set;
}

/** Words of a command as a shell would split them, but for quotes, which no journey needs. */
export function words(command: string): string[] {
  return command.trim().split(/\s+/);
}
