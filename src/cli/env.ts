/** The settings that point AWS's tools at the server, and away from anything real. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import process from "node:process";
import { DATA_FILES } from "../app/config-types.ts";
import { connect, type Connection, credentialsOf } from "./connection.ts";
import { userError } from "./fault.ts";
import { json, note, say } from "./output.ts";
import { typed } from "./self.ts";

export type Shell = "bash" | "zsh" | "fish" | "powershell";
const SHELLS: readonly Shell[] = ["bash", "zsh", "fish", "powershell"];

/** What would send a tool elsewhere. */
export const UNSET: readonly string[] = ["AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN"];

export interface EnvTarget {
  readonly endpoint: string;
  readonly region: string;
  readonly dataDir: string;
  /** With `enforce` the variables carry the account's own key. */
  readonly iam?: Connection["iam"];
}

/** @param inherited where a proxy is set, 127.0.0.1 must go past it */
export function environment(
  target: EnvTarget,
  inherited: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  const { accessKeyId, secretAccessKey } = credentialsOf(target);
  const variables: Record<string, string> = {
    AWS_ENDPOINT_URL: target.endpoint,
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    AWS_REGION: target.region,
    AWS_DEFAULT_REGION: target.region,
    AWS_CONFIG_FILE: join(target.dataDir, DATA_FILES.awsConfig),
    AWS_SHARED_CREDENTIALS_FILE: join(target.dataDir, DATA_FILES.awsCredentials),
    LAMBENT_DATA_DIR: target.dataDir,
  };
  const proxied = ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"].some((name) => inherited[name]);
  if (proxied) {
    const known = inherited["NO_PROXY"] ?? inherited["no_proxy"] ?? "";
    const hosts = known.split(",").filter((host) => host !== "");
    const list = [...new Set([...hosts, "127.0.0.1"])].join(",");
    variables["NO_PROXY"] = list;
    variables["no_proxy"] = list;
  }
  return variables;
}

/**
 * The same as commands of a shell, and a function in front of `aws`: versions before 1.29 and 2.13 do not
 * read AWS_ENDPOINT_URL, and version 1 goes past it for SQS in every region it knows. Each would call AWS
 * itself. An endpoint that is typed after it wins.
 *
 * @param self how this command was started: as `lambent` it can then be typed from any folder
 *
 * Every POSIX command ends in a semicolon, so that an eval without quotes works as well.
 */
export function renderEnvironment(
  variables: Readonly<Record<string, string>>,
  unset: readonly string[],
  shell: Shell,
  self: readonly string[],
): string {
  const set = Object.entries(variables);
  switch (shell) {
    case "fish":
      return [
        ...set.map(([name, value]) => `set -gx ${name} ${singleQuoted(value, String.raw`\'`)}`),
        ...unset.map((name) => `set -e ${name}`),
        set.length === 0
          ? "functions -e aws"
          : "function aws; if set -q AWS_ENDPOINT_URL; command aws --endpoint-url=$AWS_ENDPOINT_URL $argv; else; command aws $argv; end; end",
      ].join("\n");
    case "powershell":
      return [
        ...set.map(([name, value]) => `$Env:${name} = ${singleQuoted(value, "''")}`),
        ...unset.map((name) => `Remove-Item -ErrorAction SilentlyContinue Env:${name}`),
        set.length === 0
          ? "Remove-Item -ErrorAction SilentlyContinue Function:aws"
          : "function aws { & (Get-Command aws -CommandType Application -TotalCount 1).Source --endpoint-url=$Env:AWS_ENDPOINT_URL @args }",
      ].join("\n");
    case "bash":
    case "zsh":
      return [
        ...set.map(([name, value]) => `export ${name}=${posixQuoted(value)};`),
        `unset ${unset.join(" ")};`,
        "unalias aws lambent 2>/dev/null || true;",
        set.length === 0 ? "unset -f aws lambent 2>/dev/null || true;" : posixFunctions(self),
      ].join("\n");
  }
}

/** Version 1 takes payloads as they are typed, and does not know the option with which version 2 is told to. */
function posixFunctions(self: readonly string[]): string {
  return [
    `lambent() { LAMBENT_TYPED=lambent ${self.map(posixQuoted).join(" ")} "$@"; };`,
    "aws() {",
    'if [ -z "${AWS_ENDPOINT_URL:-}" ]; then command aws "$@"; return; fi;',
    'case "$*" in *--cli-binary-format?raw-in-base64-out*) case "$(command aws --version 2>&1)" in aws-cli/1.*)',
    'for lambent_word in "$@"; do shift; case "$lambent_word" in',
    "--cli-binary-format|raw-in-base64-out|--cli-binary-format=raw-in-base64-out) ;;",
    '*) set -- "$@" "$lambent_word" ;; esac; done ;; esac ;; esac;',
    'AWS_EXECUTION_ENV="lambent-$$" command aws "--endpoint-url=$AWS_ENDPOINT_URL" "$@" ||',
    '{ set -- $?; lambent hints --of "$$" >&2 || true; return "$1"; }; };',
  ].join(" ");
}

function posixQuoted(value: string): string {
  return /^[\w./:@,%+=-]+$/.test(value) ? value : singleQuoted(value, String.raw`'\''`);
}

function singleQuoted(value: string, escapedQuote: string): string {
  const backslashes = escapedQuote === String.raw`\'` ? value.replaceAll("\\", "\\\\") : value;
  return `'${backslashes.replaceAll("'", escapedQuote)}'`;
}

export function shellOf(given: string | undefined, loginShell: string | undefined): Shell {
  if (given !== undefined) {
    const known = SHELLS.find((shell) => shell === given);
    if (known === undefined) throw userError(`"${given}" is not one of ${SHELLS.join(", ")}.`);
    return known;
  }
  const name = basename(loginShell ?? "bash");
  return SHELLS.find((shell) => shell === name) ?? "bash";
}

/** The AWS configuration the variables point at: v2 of the AWS CLI then takes payloads as they are typed. */
export function writeAwsFiles(target: EnvTarget): void {
  const config = [
    "[default]",
    `region = ${target.region}`,
    `endpoint_url = ${target.endpoint}`,
    "output = json",
    "cli_binary_format = raw-in-base64-out",
    "cli_pager =",
    "",
  ].join("\n");
  const { accessKeyId, secretAccessKey } = credentialsOf(target);
  const credentials = `[default]\naws_access_key_id = ${accessKeyId}\naws_secret_access_key = ${secretAccessKey}\n`;
  writeIfChanged(join(target.dataDir, DATA_FILES.awsConfig), config);
  writeIfChanged(join(target.dataDir, DATA_FILES.awsCredentials), credentials);
}

function writeIfChanged(path: string, text: string): void {
  try {
    if (readFileSync(path, "utf8") === text) return;
  } catch {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  }
  writeFileSync(path, text, { mode: 0o600 });
}

export function envCommand(options: {
  dataDir?: string;
  shell?: string;
  unset?: boolean;
  json?: boolean;
}): number {
  const shell = shellOf(options.shell, process.env["SHELL"]);
  if (options.unset === true) {
    const names = Object.keys(environment({ endpoint: "", region: "", dataDir: "" }, {}));
    say(renderEnvironment({}, names, shell, []));
    return 0;
  }
  const server: Connection = connect(options.dataDir);
  writeAwsFiles(server);
  const variables = environment(server, process.env);
  if (options.json === true) {
    json({ set: variables, unset: UNSET });
    return 0;
  }
  say(renderEnvironment(variables, UNSET, shell, [process.execPath, process.argv[1] ?? ""]));
  // Seen only when the commands are printed instead of evaluated.
  if (process.stdout.isTTY === true) {
    const how = shell === "powershell" ? "lambent env | Invoke-Expression" : 'eval "$(lambent env)"';
    note(typed(`# to apply it: ${shell === "fish" ? "lambent env | source" : how}`));
  }
  return 0;
}
