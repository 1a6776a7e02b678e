import { access, chmod, mkdir, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { runCommand } from "../../src/adapters/runtimes/run-command.ts";
import { hostInterpreters } from "./interpreters.ts";

/**
 * Code folders of custom runtimes (provided.al2023) that are AWS's own runtime clients, unmodified,
 * from their registries, each with a `bootstrap`. Zip the folder, or mount it at /var/task.
 * They are kept in the temporary folder, because building one takes a minute.
 */
export type Prepared =
  | { readonly folder: string; readonly handler: string; readonly language: "python" | "node" }
  | { readonly skip: string };

const AWSLAMBDARIC = "4.2.2";
const AWS_LAMBDA_RIC = "4.0.2";
const INSTALL_MS_MAX = 8 * 60_000;

const PYTHON_CODE = `import os
def handler(event, context):
    print("python says hi")
    if event.get("fail"):
        raise ValueError("asked to")
    return {"echo": event, "id": context.aws_request_id, "name": context.function_name}
`;

const NODE_CODE = `exports.handler = async (event, context) => {
  console.log("node says hi");
  if (event.fail) throw new RangeError("asked to");
  return { echo: event, id: context.awsRequestId, name: context.functionName };
};
`;

/** awslambdaric (PyPI) under a Python of this host. */
export async function prepareAwslambdaric(): Promise<Prepared> {
  const { pythons } = await hostInterpreters();
  let reason = "no Python 3.10 or newer";
  for (const python of pythons) {
    const name = `lambent-awslambdaric-${AWSLAMBDARIC}-python${python.version}`;
    const outcome = await once(name, async (folder) => {
      const args = ["-m", "pip", "install", "--target", folder, "--no-input", "--only-binary", ":all:"];
      const result = await runCommand(python.executable, [...args, `awslambdaric==${AWSLAMBDARIC}`], {
        env: environment(),
        timeoutMs: INSTALL_MS_MAX,
      });
      if (result.code !== 0) return `pip: ${result.failure ?? lastLine(result.stderr)}`;
      await writeFile(path.join(folder, "index.py"), PYTHON_CODE);
      await bootstrap(
        folder,
        `export PYTHONPATH="$LAMBDA_TASK_ROOT"\nexec ${python.executable} -m awslambdaric "$_HANDLER"`,
      );
      return undefined;
    });
    if ("folder" in outcome) return { ...outcome, handler: "index.handler", language: "python" };
    reason = outcome.skip;
  }
  return { skip: reason };
}

/** aws-lambda-ric (npm), whose native part is compiled on installation. */
export async function prepareAwsLambdaRic(): Promise<Prepared> {
  const outcome = await once(`lambent-aws-lambda-ric-${AWS_LAMBDA_RIC}`, async (folder) => {
    for (const tool of ["cmake", "make", "c++", "tar", "npm"]) {
      const found = await runCommand(tool, ["--version"], { env: environment(), timeoutMs: 20_000 });
      if (found.code !== 0) return `${tool} is not there`;
    }
    await writeFile(path.join(folder, "package.json"), '{"private":true}\n');
    const result = await runCommand(
      "npm",
      ["install", "--no-audit", "--no-fund", "--foreground-scripts", `aws-lambda-ric@${AWS_LAMBDA_RIC}`],
      { env: environment(), timeoutMs: INSTALL_MS_MAX, cwd: folder },
    );
    if (result.code !== 0) return `npm: ${result.failure ?? lastLine(result.stderr)}`;
    if (!(await exists(path.join(folder, "node_modules/aws-lambda-ric/rapid-client.node")))) {
      return "npm did not run the package's build";
    }
    await writeFile(path.join(folder, "index.js"), NODE_CODE);
    await bootstrap(
      folder, // Inside a sandbox only the system's Node is there.
      `for node in ${process.execPath} /usr/bin/node /usr/local/bin/node; do\n  [ -x "$node" ] && exec "$node" node_modules/aws-lambda-ric/index.mjs\ndone\nexit 127`,
    );
    return undefined;
  });
  return "folder" in outcome ? { ...outcome, handler: "index.handler", language: "node" } : outcome;
}

/** Makes the folder unless an earlier run did; `work` resolves with the reason why it could not. */
async function once(
  name: string,
  work: (folder: string) => Promise<string | undefined>,
): Promise<{ readonly folder: string } | { readonly skip: string }> {
  const folder = path.join(tmpdir(), name);
  if (await exists(folder)) return { folder };
  const fresh = `${folder}.${process.pid}`;
  await mkdir(fresh);
  const failure = await work(fresh);
  if (failure !== undefined) {
    await rm(fresh, { recursive: true, force: true });
    return { skip: failure };
  }
  await rename(fresh, folder);
  return { folder };
}

async function bootstrap(folder: string, command: string): Promise<void> {
  const file = path.join(folder, "bootstrap");
  await writeFile(file, `#!/bin/sh\ncd "$LAMBDA_TASK_ROOT"\n${command}\n`);
  await chmod(file, 0o755);
}

const environment = (): Record<string, string> =>
  Object.fromEntries(
    Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );

const lastLine = (text: string): string => text.trim().split("\n").at(-1) ?? "no reason given";

const exists = (file: string): Promise<boolean> =>
  access(file).then(
    () => true,
    () => false,
  );
