/** The settings that point AWS's tools at the server, and away from anything real. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import process from "node:process";
import { DATA_FILES } from "../app/config-types.ts";
import { connect, type Connection, credentialsOf } from "./connection.ts";
import { json, note, say } from "./output.ts";
import { typed } from "./self.ts";
import { renderEnvironment, shellOf } from "./shells.ts";

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
