/**
 * `lambent aws …`: the user's own AWS CLI, of any version, with the server's settings. Everything
 * after `aws` is handed on as it is, except what the version at hand could not work with.
 */
import { execFile, spawn } from "node:child_process";
import { constants } from "node:os";
import process from "node:process";
import { connect } from "./connection.ts";
import { environment, UNSET, writeAwsFiles } from "./env.ts";
import { EXIT, Fault } from "./fault.ts";
import { noteHints } from "./hints.ts";
import { note, paint } from "./output.ts";
import { which } from "./self.ts";

const AS_TYPED = "raw-in-base64-out";

export interface AwsCliVersion {
  readonly major: number;
  readonly minor: number;
  readonly text: string;
}

/** `aws-cli/2.9.19 Python/3.11.2 …` */
export function parseAwsVersion(output: string): AwsCliVersion | undefined {
  const match = /aws-cli\/(\d+)\.(\d+)\.(\d+)/.exec(output);
  if (match === null) return undefined;
  return { major: Number(match[1]), minor: Number(match[2]), text: match[0].slice("aws-cli/".length) };
}

/** Whether AWS_ENDPOINT_URL is understood: from 1.29 and 2.13 on. */
export function readsEndpointVariable(version: AwsCliVersion): boolean {
  return version.major === 1 ? version.minor >= 29 : version.major > 2 || version.minor >= 13;
}

/**
 * The endpoint goes onto every command line: old versions need it there and new ones do not mind.
 * v1 does not know --cli-binary-format, and always takes payloads as they are typed: what asks for that is
 * left out.
 */
export function rewriteAwsArguments(
  args: readonly string[],
  endpoint: string,
  major: number | undefined,
): string[] {
  const rest = major === 1 ? withoutBinaryFormat(args) : [...args];
  const given = rest.some((arg) => arg === "--endpoint-url" || arg.startsWith("--endpoint-url="));
  return given ? rest : ["--endpoint-url", endpoint, ...rest];
}

export function namesBinaryFormat(args: readonly string[]): boolean {
  return args.some((arg) => arg === "--cli-binary-format" || arg.startsWith("--cli-binary-format="));
}

function withoutBinaryFormat(args: readonly string[]): string[] {
  const kept: string[] = [];
  for (let index = 0; index < args.length; index += 1) {
    const arg = args[index] ?? "";
    if (arg === "--cli-binary-format" && args[index + 1] === AS_TYPED) index += 1;
    else if (arg !== `--cli-binary-format=${AS_TYPED}`) kept.push(arg);
  }
  return kept;
}

export function awsVersion(program: string): Promise<AwsCliVersion | undefined> {
  return new Promise((resolve) => {
    execFile(program, ["--version"], { timeout: 10_000 }, (error, stdout, stderr) => {
      resolve(error === null ? parseAwsVersion(`${stdout}${stderr}`) : undefined);
    });
  });
}

/** @returns the AWS CLI's own exit code */
export async function awsCommand(args: readonly string[]): Promise<number> {
  const verbose = args[0] === "-v";
  const passed = verbose ? args.slice(1) : args;
  const server = connect(undefined);
  const program = which("aws");
  if (program === undefined) {
    throw new Fault(
      EXIT.environment,
      "There is no `aws` on PATH.",
      "pip install awscli    (or your system's package awscli)",
    );
  }
  const major = namesBinaryFormat(passed) ? (await awsVersion(program))?.major : undefined;
  const rewritten = rewriteAwsArguments(passed, server.endpoint, major);
  writeAwsFiles(server);
  if (verbose) note(paint("dim", `${program} ${rewritten.map(quoted).join(" ")}`, process.stderr));

  const caller = String(process.pid);
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    ...environment(server, process.env),
    AWS_PAGER: "",
    AWS_EXECUTION_ENV: `lambent-${caller}`,
  };
  for (const name of UNSET) delete env[name];
  const child = spawn(program, rewritten, { stdio: "inherit", env });
  // A terminal's Ctrl-C goes to the child as well: it decides.
  const forward = (signal: NodeJS.Signals): void => void child.kill(signal);
  const ignore = (): void => undefined;
  process.on("SIGTERM", forward);
  process.on("SIGINT", ignore);
  try {
    const code = await new Promise<number>((resolve, reject) => {
      child.once("error", (error) => {
        reject(new Fault(EXIT.environment, `${program} could not be started: ${error.message}`));
      });
      child.once("exit", (code, signal) =>
        resolve(signal === null ? (code ?? 0) : 128 + (constants.signals[signal] ?? 0)),
      );
    });
    // The answer's own code counts, whether there is more to say or not.
    await noteHints(server, caller).catch(() => undefined);
    return code;
  } finally {
    process.off("SIGTERM", forward);
    process.off("SIGINT", ignore);
  }
}

function quoted(arg: string): string {
  return /^[\w./:@,%+=-]+$/.test(arg) ? arg : `'${arg.replaceAll("'", String.raw`'\''`)}'`;
}
