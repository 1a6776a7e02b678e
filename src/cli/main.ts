/** The `lambent` command. Each command's code is loaded when it is run, so that `--help` and `status` are quick. */
import { readFileSync } from "node:fs";
import process from "node:process";
import { Command, CommanderError, Option } from "commander";
import type { StartFlags } from "./start.ts";
import { EXIT, Fault, userError } from "./fault.ts";
import { FLAGS } from "./flags.ts";
import { nextStep, note, paint } from "./output.ts";

/** @returns the exit code: 0 ok, 1 user error, 2 not running, 3 function error, 4 unsupported, 5 environment */
export async function main(argv: readonly string[]): Promise<number> {
  // A reader that goes away (`lambent logs | head`) is no failure.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(EXIT.ok);
    throw error;
  });
  try {
    // Everything after `aws` belongs to the AWS CLI, --help included.
    if (argv[0] === "aws") return await (await import("./aws.ts")).awsCommand(argv.slice(1));
    let code: number = EXIT.ok;
    await program((result) => (code = result)).parseAsync(argv as string[], { from: "user" });
    return code;
  } catch (error) {
    return explain(error, argv);
  }
}

function explain(error: unknown, argv: readonly string[]): number {
  const asJson = argv.includes("--json");
  const help = `lambent ${[...argv.slice(0, 1).filter((word) => COMMAND.test(word)), "--help"].join(" ")}`;
  if (error instanceof CommanderError) {
    // Commander has printed its own message.
    if (error.exitCode === 0) return EXIT.ok;
    nextStep(error.code === "commander.unknownCommand" ? "lambent --help" : help);
    return EXIT.userError;
  }
  if (error instanceof Fault) {
    if (asJson) {
      process.stderr.write(`${JSON.stringify({ error: error.message, next: error.next })}\n`);
    } else {
      note(`${paint("red", "error", process.stderr)} ${error.message}`);
      nextStep(error.next ?? help);
    }
    return error.exitCode;
  }
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  note(`${paint("red", "this is a bug in Lambent", process.stderr)}\n${stack}`);
  nextStep("lambent doctor, and report the lines above");
  return EXIT.environment;
}

const COMMAND = /^[a-z]+$/;

function version(): string {
  const manifest = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  return (JSON.parse(manifest) as { version: string }).version;
}

type Done = (code: number) => void;
type Options = Record<string, never>;

function program(done: Done): Command {
  const root = new Command("lambent")
    .description("AWS Lambda you can run yourself")
    .version(version(), "-V, --version")
    .exitOverride()
    .showSuggestionAfterError()
    .helpCommand(false)
    .addHelpText(
      "after",
      [
        "  aws [-v] <args...>                 your AWS CLI, pointed at the server (-v shows the command)",
        "",
        "Exit codes: 0 ok, 1 user error, 2 not running, 3 function error, 4 unsupported, 5 environment problem",
      ].join("\n"),
    );

  const command = (signature: string, description: string): Command => {
    const made = root.command(signature).description(description).exitOverride();
    return made.option("--json", "machine-readable output");
  };
  const client = (signature: string, description: string): Command =>
    command(signature, description).option(
      "--data-dir <folder>",
      "the server's data folder (LAMBENT_DATA_DIR)",
    );

  serverFlags(command("start", "start the server and stay with it"))
    .option("--detach", "start it in the background and return when it is ready")
    .action(async (options: Record<string, unknown>) =>
      done(await (await import("./start.ts")).startCommand(startFlags(options))),
    );
  serverFlags(command("demo", "start a server if none runs, deploy a hello function and call it")).action(
    async (options: Record<string, unknown>) =>
      done(await (await import("./demo.ts")).demoCommand(startFlags(options))),
  );
  client("status", "what runs, and how much").action(async (options: Options) =>
    done(await (await import("./status.ts")).statusCommand(options)),
  );
  client("stop", "stop the server gracefully").action(async (options: Options) =>
    done(await (await import("./status.ts")).stopCommand(options)),
  );
  client("env", 'settings for your shell: eval "$(lambent env)"')
    .option("--shell <name>", "bash, zsh, fish or powershell (that of $SHELL)")
    .option("--unset", "take the settings back")
    .action(async (options: Options) => done((await import("./env.ts")).envCommand(options)));
  client("invoke <name> [payload]", "call a function; the payload is JSON, or - for standard input")
    .option("-f, --file <path>", "payload from a file")
    .option("--async", "queue the event and return")
    .addOption(new Option("--qualifier <version|alias>", "a version or an alias").conflicts("version"))
    .option("--version <number>", "the same as --qualifier")
    .action(
      async (
        name: string,
        payload: string | undefined,
        options: Options & { version?: string; qualifier?: string },
      ) => {
        const qualifier = options.qualifier ?? options.version;
        const { invokeCommand } = await import("./invoke.ts");
        const given = qualifier === undefined ? options : { ...options, qualifier };
        done(await invokeCommand(name, payload, given));
      },
    );
  client("logs [pattern]", "log lines of a function, a pattern such as 'order-*', or all")
    .option("-f, --follow", "and those to come, with the deliveries of events between them")
    .option("--since <duration>", "how far back: 30s, 5m, 2h (1h)")
    .option("--filter <pattern>", "CloudWatch Logs filter pattern")
    .action(async (pattern: string | undefined, options: Options) =>
      done(await (await import("./logs.ts")).logsCommand(pattern, options)),
    );
  client("outbox", "e-mails, text messages and pushes that SNS was asked to send").action(
    async (options: Options) => done(await (await import("./outbox.ts")).outboxCommand(options)),
  );
  client("hints", "what to do about the calls that were refused last, or would be by AWS")
    .option("--of <caller>", "only those of AWS_EXECUTION_ENV=lambent-<caller>, each once")
    .action(async (options: Options) => done(await (await import("./hints.ts")).hintsCommand(options)));
  runtimes(client("runtimes", "which Lambda runtimes this machine can run"), done);
  samples(command("samples", "small things that work, one for each source of events"), done);
  client("doctor", "check this machine, its tools and the server").action(async (options: Options) =>
    done(await (await import("./doctor.ts")).doctorCommand(options)),
  );
  command("limits", "Lambda's quotas, and whether they are enforced").action(async (options: Options) =>
    done((await import("./limits.ts")).limitsCommand(options)),
  );
  client("reset", "delete every function, role, log and event, and set the clock to the machine's")
    .option("-y, --yes", "without asking")
    .action(async (options: Options) => done(await (await import("./status.ts")).resetCommand(options)));
  clock(client("clock", "the server's clock"), done);
  return root;
}

function runtimes(parent: Command, done: Done): void {
  const list = async (_options: Options, self: Command): Promise<void> =>
    done(await (await import("./runtimes.ts")).runtimesCommand(self.optsWithGlobals()));
  parent.action(list);
  parent.command("list").description("the same").action(list);
  parent
    .command("add <runtime>")
    .description("install a runtime, such as nodejs20.x")
    .action(async (runtime: string, _options: Options, self: Command) =>
      done(await (await import("./runtimes.ts")).runtimesAddCommand(runtime, self.optsWithGlobals())),
    );
}

function samples(parent: Command, done: Done): void {
  const list = async (_options: Options, self: Command): Promise<void> =>
    done((await import("./samples.ts")).samplesCommand(self.optsWithGlobals()));
  parent.action(list);
  parent.command("list").description("the same").action(list);
  parent
    .command("run <name>")
    .description("do it: each step is shown as the AWS CLI command that does the same")
    .option("--keep", "leave what it made")
    .option("--language <name>", "python or node")
    .option("--data-dir <folder>", "the server's data folder (LAMBENT_DATA_DIR)")
    .action(async (name: string, _options: Options, self: Command) =>
      done(await (await import("./samples.ts")).samplesRunCommand(name, self.optsWithGlobals())),
    );
}

function clock(parent: Command, done: Done): void {
  parent.addHelpText(
    "after",
    "\nTime never goes back under what is stored: `lambent reset` deletes everything and sets the clock to the machine's.",
  );
  const show = async (_options: Options, self: Command): Promise<void> =>
    done(await (await import("./status.ts")).clockCommand(undefined, self.optsWithGlobals()));
  parent.action(show);
  parent.command("show").description("the same").action(show);
  parent
    .command("advance <duration>")
    .description("move it forward, for good: waits and retries that come due happen at once")
    .action(async (text: string, _options: Options, self: Command) => {
      const { parseDuration } = await import("./time.ts");
      const { clockCommand } = await import("./status.ts");
      done(await clockCommand(parseDuration(text), self.optsWithGlobals()));
    });
}

/** The table of flags as options of commander. */
function serverFlags(made: Command): Command {
  for (const { flag, value, help, env } of FLAGS) {
    made.option(value === undefined ? flag : `${flag} ${value}`, `${help} [${env}]`);
  }
  return made.option("--config <file>", "settings from a JSON file [LAMBENT_CONFIG]");
}

/** Commander's camel-cased options by the names of ServerConfig, as text. */
export function startFlags(options: Readonly<Record<string, unknown>>): StartFlags {
  const flags: Record<string, unknown> = {
    config: options["config"],
    detach: options["detach"],
    json: options["json"],
  };
  for (const { flag, key } of FLAGS) {
    const camel = flag.slice(2).replaceAll(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
    const value = options[camel];
    if (value === true) flags[key] = "true";
    else if (typeof value === "string") flags[key] = value;
    else if (value !== undefined) throw userError(`${flag} was given in a way that is not understood.`);
  }
  return Object.fromEntries(Object.entries(flags).filter(([, value]) => value !== undefined)) as StartFlags;
}
