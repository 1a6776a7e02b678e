import { access, mkdir, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { runCommand } from "./run-command.ts";

export type SdkKind = "python" | "nodejs";

/** boto3 and what it needs, pinned. */
const PYTHON_PACKAGES: readonly string[] = [
  "boto3==1.44.5",
  "botocore==1.44.5",
  "s3transfer==0.19.3",
  "jmespath==1.1.0",
  "python-dateutil==2.9.0.post0",
  "six==1.17.0",
  "urllib3==2.8.0",
];

/**
 * Clients of the AWS SDK for JavaScript that functions find without packaging them. Lambda has all of
 * them (some hundred megabytes); these are the ones of the services Lambent has or will have.
 */
const NODE_PACKAGES: readonly string[] = [
  "@aws-sdk/client-api-gateway@3.1142.0",
  "@aws-sdk/client-apigatewaymanagementapi@3.1169.0",
  "@aws-sdk/client-cloudformation@3.1169.0",
  "@aws-sdk/client-cloudwatch@3.1162.0",
  "@aws-sdk/client-cloudwatch-logs@3.1169.0",
  "@aws-sdk/client-cognito-identity-provider@3.1169.0",
  "@aws-sdk/client-dynamodb@3.1162.0",
  "@aws-sdk/client-dynamodb-streams@3.1141.0",
  "@aws-sdk/client-eventbridge@3.1169.0",
  "@aws-sdk/client-firehose@3.1169.0",
  "@aws-sdk/client-iam@3.1169.0",
  "@aws-sdk/client-kinesis@3.1143.0",
  "@aws-sdk/client-kms@3.1162.0",
  "@aws-sdk/client-lambda@3.1162.0",
  "@aws-sdk/client-s3@3.1169.0",
  "@aws-sdk/client-scheduler@3.1169.0",
  "@aws-sdk/client-secrets-manager@3.1162.0",
  "@aws-sdk/client-ses@3.1169.0",
  "@aws-sdk/client-sfn@3.1162.0",
  "@aws-sdk/client-sns@3.1169.0",
  "@aws-sdk/client-sqs@3.1169.0",
  "@aws-sdk/client-ssm@3.1169.0",
  "@aws-sdk/client-sts@3.1169.0",
  "@aws-sdk/credential-providers@3.1169.0",
  "@aws-sdk/lib-dynamodb@3.1162.0",
  "@aws-sdk/s3-request-presigner@3.1162.0",
  "@aws-sdk/util-dynamodb@3.996.9",
];

/** Changes with the pins above, so that a new Lambent installs a new folder beside the old one. */
const SDK_EDITION: Readonly<Record<SdkKind, string>> = { python: "1.44.5", nodejs: "3.1169.0" };
const INSTALL_MS_MAX = 10 * 60_000;

export function sdkFolder(dataDir: string, kind: SdkKind): string {
  return path.join(dataDir, "runtimes", "sdk", `${kind}-${SDK_EDITION[kind]}`);
}

/** What the folder must hold to be whole: it is renamed into place only when the install succeeded. */
export async function sdkInstalled(dataDir: string, kind: SdkKind): Promise<boolean> {
  const folder = sdkFolder(dataDir, kind);
  return exists(path.join(folder, kind === "python" ? "boto3" : "node_modules/@aws-sdk"));
}

export interface InstallOptions {
  readonly dataDir: string;
  readonly searchPath: string;
  readonly homeFolder: string;
  /** Settings of the package managers (proxy, registry, certificates) of the user's environment. */
  readonly env: Readonly<Record<string, string>>;
  /** Pythons that may have pip, best first. */
  readonly pythons: readonly string[];
  readonly onProgress: (line: string) => void;
}

/**
 * Installs boto3 or the AWS SDK for JavaScript once, with pip or npm.
 * Errors: Error whose message is one readable sentence and the next step (offline, no pip, no npm).
 */
export async function installSdk(kind: SdkKind, options: InstallOptions): Promise<void> {
  if (await sdkInstalled(options.dataDir, kind)) return;
  await intoPlace(sdkFolder(options.dataDir, kind), (folder) =>
    kind === "python" ? installBoto3(folder, options) : installClients(folder, options),
  );
}

/** Fills a fresh folder with `work` and renames it to `folder`, or leaves nothing behind. */
export async function intoPlace(folder: string, work: (folder: string) => Promise<void>): Promise<void> {
  const fresh = `${folder}.installing-${process.pid}`;
  await rm(fresh, { recursive: true, force: true });
  await mkdir(fresh, { recursive: true });
  try {
    await work(fresh);
    await rm(folder, { recursive: true, force: true });
    await rename(fresh, folder);
  } catch (error) {
    await rm(fresh, { recursive: true, force: true });
    throw error;
  }
}

/**
 * Compiles boto3 for one version of Python, once: without it, importing boto3 from a read-only folder
 * takes about a second longer in every new environment.
 */
export async function compileSdk(dataDir: string, python: string, version: string): Promise<void> {
  const folder = sdkFolder(dataDir, "python");
  const marker = path.join(folder, `.compiled-${version}`);
  if (await exists(marker)) return;
  const args = ["-n", "19", python, "-I", "-S", "-m", "compileall", "-q", folder];
  const result = await runCommand("nice", args, { env: {}, timeoutMs: INSTALL_MS_MAX });
  if (result.code === 0) await writeFile(marker, "");
}

async function installBoto3(folder: string, options: InstallOptions): Promise<void> {
  let reason = "no Python with pip was found";
  for (const python of options.pythons) {
    const env = commandEnvironment(options);
    const pip = await runCommand(python, ["-m", "pip", "--version"], { env, timeoutMs: 20_000 });
    if (pip.code !== 0) continue;
    options.onProgress(`pip install boto3 (with ${python})`);
    const args = ["-m", "pip", "install", "--target", folder, "--no-deps", "--no-input"];
    const result = await runCommand(
      python,
      [...args, "--disable-pip-version-check", "--only-binary", ":all:", ...PYTHON_PACKAGES],
      { env, timeoutMs: INSTALL_MS_MAX, onLine: options.onProgress },
    );
    if (result.code === 0) return;
    reason = lastLine(result.stderr) ?? result.failure ?? `pip ended with ${result.code}`;
    break;
  }
  throw new Error(
    `boto3 could not be installed: ${reason}. Check the network and run \`lambent runtimes add sdk-python\`, or package boto3 with the function.`,
  );
}

async function installClients(folder: string, options: InstallOptions): Promise<void> {
  await npmInstall(folder, NODE_PACKAGES, options).catch((error: unknown) => {
    throw new Error(
      `The AWS SDK for JavaScript could not be installed: ${(error as Error).message}. Check the network and run \`lambent runtimes add sdk-nodejs\`, or package the SDK with the function.`,
    );
  });
}

/** `npm install` of exact versions into a folder, without running any package's scripts. */
export async function npmInstall(
  folder: string,
  packages: readonly string[],
  options: InstallOptions,
): Promise<void> {
  // Without a manifest of its own npm would look for one in the folders above.
  await writeFile(path.join(folder, "package.json"), '{"private":true}\n');
  options.onProgress(`npm install ${packages.length === 1 ? packages[0] : `${packages.length} packages`}`);
  const flags = ["--ignore-scripts", "--no-audit", "--no-fund", "--save-exact", "--no-package-lock"];
  const result = await runCommand("npm", ["install", "--prefix", folder, ...flags, ...packages], {
    env: commandEnvironment(options),
    timeoutMs: INSTALL_MS_MAX,
    cwd: folder,
    onLine: options.onProgress,
  });
  if (result.code === 0) return;
  if (result.failure === "not found") throw new Error("npm is not on the PATH");
  throw new Error(result.failure ?? npmReason(result.stderr) ?? `npm ended with ${result.code}`);
}

const npmReason = (text: string): string | undefined =>
  text
    .split("\n")
    .map((line) => /^npm (?:error|ERR!) (?!A complete log)(.*)$/.exec(line.trim())?.[1])
    .findLast((line) => line !== undefined && line !== "");

const lastLine = (text: string): string | undefined =>
  text
    .split("\n")
    .map((line) => line.trim())
    .findLast((line) => line.startsWith("ERROR"));

const commandEnvironment = (options: InstallOptions): Record<string, string> => ({
  ...options.env,
  PATH: options.searchPath,
  HOME: options.homeFolder,
});

async function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}
