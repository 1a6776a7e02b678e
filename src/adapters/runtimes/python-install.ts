import { runCommand } from "./run-command.ts";
import type { InstallOptions } from "./sdk.ts";

/** pyenv compiles. */
const MS_MAX = 30 * 60_000;

/**
 * Brings Python 3.`minor` to this machine with the version manager that is on it: uv, which downloads
 * a built one, before pyenv, which compiles. Python's makers publish no build that a package manager of
 * ours could install, so without either there is only the advice.
 * Errors: Error whose message is one readable sentence and the next step.
 */
export async function installPython(minor: number, options: InstallOptions): Promise<void> {
  const version = `3.${String(minor)}`;
  const env = { ...options.env, PATH: options.searchPath, HOME: options.homeFolder };
  const managers: readonly (readonly [string, readonly string[]])[] = [
    ["uv", ["python", "install", version]],
    ["pyenv", ["install", "--skip-existing", version]],
  ];
  for (const [program, args] of managers) {
    const asked = await runCommand(program, ["--version"], { env, timeoutMs: 10_000 });
    if (asked.code !== 0) continue;
    const command = [program, ...args].join(" ");
    options.onProgress(command);
    const done = await runCommand(program, args, { env, timeoutMs: MS_MAX, onLine: options.onProgress });
    if (done.code === 0) return;
    const reason = done.failure ?? lastLine(done.stderr) ?? `exit status ${String(done.code)}`;
    throw new Error(
      `\`${command}\` failed: ${reason}. Check the network, or put a python${version} on the PATH.`,
    );
  }
  throw new Error(
    `Neither uv nor pyenv is on the PATH, and one of them is needed to install Python ${version}: \`pip install uv\` brings the first. A python${version} on the PATH does as well.`,
  );
}

function lastLine(text: string): string | undefined {
  return text.trimEnd().split("\n").at(-1) || undefined;
}
