/** `lambent demo`: from nothing to a function that answered, in one command. */
import process from "node:process";
import { archiveOf } from "./archive.ts";
import type { RunningServer } from "../app/config-types.ts";
import type { RuntimeInfo } from "../ports/runtime-catalog.ts";
import { admin, alive, connect, findServer, type Connection } from "./connection.ts";
import { awsClient, type Call } from "./client.ts";
import { EXIT, Fault } from "./fault.ts";
import { note, paint, say, withProgress } from "./output.ts";
import { typed } from "./self.ts";
import { banner, configure, launch, untilStopped, type StartFlags } from "./start.ts";

const NAME = "hello";

const PYTHON = `import json


def handler(event, context):
    name = event.get("name", "World")
    print(f"greeting {name}")
    return {"statusCode": 200, "body": json.dumps({"message": f"Hello, {name}!"})}
`;

const NODE = `export const handler = async (event) => {
  const name = event.name ?? "World";
  console.log(\`greeting \${name}\`);
  return { statusCode: 200, body: JSON.stringify({ message: \`Hello, \${name}!\` }) };
};
`;

export async function demoCommand(flags: StartFlags): Promise<number> {
  const config = configure(flags);
  let own: RunningServer | undefined;
  if (findServer(config.dataDir) === undefined) {
    own = await launch(config);
    say(banner(own, config));
  }
  // A Ctrl-C is heard from here on, also while the function is being deployed.
  const stopped = own === undefined ? undefined : untilStopped(own);
  try {
    await show(connect(config.dataDir));
  } catch (error) {
    await own?.stop();
    throw error;
  }
  if (own === undefined) return EXIT.ok;
  note(paint("dim", "\nThe server stays up until Ctrl-C.", process.stderr));
  await stopped;
  return EXIT.ok;
}

async function show(server: Connection): Promise<void> {
  const call = await awsClient(server);
  const { runtimes } = await admin<{ runtimes: readonly RuntimeInfo[] }>(server, "GET", "/_lambent/runtimes");
  const runtime = choose(runtimes);
  await withProgress(`deploying ${NAME} (${runtime})`, () => deploy(call, runtime));
  const answer = await withProgress(`calling ${NAME}`, () =>
    call("lambda", "Invoke", {
      FunctionName: NAME,
      LogType: "Tail",
      Payload: Buffer.from(JSON.stringify({ name: "Alice" })),
    }),
  );
  const log = Buffer.from(String(answer["LogResult"] ?? ""), "base64").toString("utf8");
  const payload = Buffer.from((answer["Payload"] as Uint8Array | undefined) ?? []).toString("utf8");
  if (answer["FunctionError"] !== undefined) {
    throw new Fault(EXIT.functionError, `${NAME} failed: ${payload}\n${log}`, "lambent doctor");
  }
  const report = log.split("\n").find((line) => line.startsWith("REPORT "));
  say("");
  say(` ${paint("green", "✓")} ${NAME} (${runtime}) answered: ${paint("bold", payload)}`);
  say(` ${paint("dim", report?.trimEnd().replaceAll("\t", "  ") ?? "")}`);
  say("");
  say(` Endpoint  ${server.endpoint}`);
  say(typed(` Next      lambent invoke ${NAME} '{"name": "Bob"}'`));
  say(typed(`           lambent logs -f ${NAME}`));
  say(typed(`           eval "$(lambent env)" && aws lambda list-functions`));
  if (!alive(server.pid)) throw new Fault(EXIT.environment, "The server went away.", "lambent doctor");
}

/** Python where it runs, exact before near and new before old; else Node, which is always there. */
export function choose(runtimes: readonly RuntimeInfo[]): string {
  const python = runtimes
    .filter(({ runtime, available }) => available && runtime.startsWith("python"))
    .toSorted((a, b) => Number(b.exact) - Number(a.exact) || minor(b.runtime) - minor(a.runtime));
  const best = python[0]?.runtime;
  if (best !== undefined) return best;
  const node = runtimes
    .filter(({ runtime, available }) => available && runtime.startsWith("nodejs"))
    .toSorted((a, b) => Number(b.exact) - Number(a.exact) || major(b.runtime) - major(a.runtime));
  const found = node[0]?.runtime;
  if (found === undefined) {
    throw new Fault(EXIT.environment, "Neither Python nor Node.js can be run here.", "lambent runtimes");
  }
  return found;
}

function minor(runtime: string): number {
  return Number(/\.(\d+)$/.exec(runtime)?.[1] ?? 0);
}

function major(runtime: string): number {
  return Number(/(\d+)/.exec(runtime)?.[1] ?? 0);
}

async function deploy(call: Call, runtime: string): Promise<void> {
  const python = runtime.startsWith("python");
  const zip = await archiveOf(python ? "app.py" : "app.mjs", python ? PYTHON : NODE);
  const existing = await call("lambda", "GetFunction", { FunctionName: NAME }).catch((error: unknown) => {
    if (error instanceof Fault && error.message.startsWith("ResourceNotFoundException")) return undefined;
    throw error;
  });
  // A `hello` of the user's own is called, never overwritten.
  if (existing !== undefined) return;
  await call("lambda", "CreateFunction", {
    FunctionName: NAME,
    Runtime: runtime,
    Handler: "app.handler",
    Role: await role(call),
    Timeout: 10,
    Code: { ZipFile: zip },
  });
}

const ROLE = "lambent-demo";
const TRUST = {
  Version: "2012-10-17",
  Statement: [{ Effect: "Allow", Principal: { Service: "lambda.amazonaws.com" }, Action: "sts:AssumeRole" }],
};

/** The role's ARN; it is made when it is not there. */
async function role(call: Call): Promise<string> {
  const input = { RoleName: ROLE, AssumeRolePolicyDocument: JSON.stringify(TRUST) };
  const made = await call("iam", "CreateRole", input).catch((error: unknown) => {
    if (!(error instanceof Fault) || !error.message.startsWith("EntityAlreadyExists")) throw error;
    return call("iam", "GetRole", { RoleName: ROLE });
  });
  return (made["Role"] as { Arn: string }).Arn;
}
