/**
 * Runs a sample: each step is shown as the command of the AWS CLI that does the same, and done by the
 * built-in client. Whatever was made is taken away again in reverse, also after a failure.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { archiveOf } from "../archive.ts";
import type { Call } from "../client.ts";
import { EXIT, Fault } from "../fault.ts";
import { clockTime, note, paint, say } from "../output.ts";
import { filled, holds, memberOf, type Language, type Operation, type Sample, type Step } from "./sample.ts";
import { shownCommand } from "./shown-command.ts";

export interface RunOptions {
  readonly call: Call;
  readonly endpoint: string;
  readonly region: string;
  readonly language: Language;
  readonly runtime: string;
  /** Part of every name, so that runs do not meet. */
  readonly run: string;
  readonly keep: boolean;
  readonly signal: AbortSignal;
  readonly teller: Teller;
}

/** How a run is told: as text, or line by line as JSON. */
export interface Teller {
  command(text: string): void;
  log(line: { readonly timestamp: number; readonly functionName: string; readonly message: string }): void;
  result(value: unknown): void;
}

export const TEXT: Teller = {
  command: (text) => say(`${paint("green", "$")} ${text}`),
  log: ({ timestamp, functionName, message }) =>
    say(`  ${paint("dim", clockTime(timestamp))} ${paint("cyan", functionName)}  ${message}`),
  result: (value) =>
    say(paint("bold", typeof value === "string" ? value : JSON.stringify(value, undefined, 2))),
};

export const JSON_LINES: Teller = {
  command: (command) => say(JSON.stringify({ command })),
  log: (log) => say(JSON.stringify({ log })),
  result: (result) => say(JSON.stringify({ result })),
};

const WAIT_MS = 90_000;
const LOOK_MS = 250;
const SETTLE_MS = 5_000;
const TRUST = {
  Version: "2012-10-17",
  Statement: [{ Effect: "Allow", Principal: { Service: "lambda.amazonaws.com" }, Action: "sts:AssumeRole" }],
};
const EXTENSIONS: Readonly<Record<Language, string>> = { python: "py", node: "mjs" };

/** Errors: Fault when a step is refused or what is waited for does not happen. */
export async function runSample(sample: Sample, options: RunOptions): Promise<void> {
  const { call, region, signal, teller } = options;
  const { Account } = await call("sts", "GetCallerIdentity", {});
  const account = String(Account);
  const names: Record<string, string> = {
    run: options.run,
    region,
    account,
    role: `sample-${options.run}`,
    queues: `${options.endpoint}/${account}`,
    lambda: `arn:aws:lambda:${region}:${account}:function`,
    sqs: `arn:aws:sqs:${region}:${account}`,
    sns: `arn:aws:sns:${region}:${account}`,
    events: `arn:aws:events:${region}:${account}`,
  };
  const undo: Operation[] = [];
  const functions: string[] = [];
  const told = new Set<string>();

  async function perform(operation: Operation, quiet = false): Promise<Record<string, unknown>> {
    signal.throwIfAborted();
    const [service, name, input = {}] = filled(operation, names);
    if (!quiet) teller.command(shownCommand([service, name, input]));
    return call(service, name, sendable(input, sample.folder));
  }

  async function makeRole(): Promise<void> {
    const RoleName = "${role}";
    await perform(["iam", "CreateRole", { RoleName, AssumeRolePolicyDocument: JSON.stringify(TRUST) }]);
    undo.push(["iam", "DeleteRole", { RoleName }]);
    const PolicyName = "sample";
    const Action = ["logs:*", ...sample.permissions];
    const PolicyDocument = JSON.stringify({
      Version: "2012-10-17",
      Statement: [{ Effect: "Allow", Action, Resource: "*" }],
    });
    await perform(["iam", "PutRolePolicy", { RoleName, PolicyName, PolicyDocument }]);
    undo.push(["iam", "DeleteRolePolicy", { RoleName, PolicyName }]);
  }

  async function makeFunction(step: Extract<Step, { function: string }>): Promise<void> {
    const FunctionName = filled(step.function, names);
    const source = `${step.file}.${EXTENSIONS[options.language]}`;
    const text = readFileSync(join(sample.folder, options.language, source), "utf8");
    teller.command(`zip function.zip ${source}`);
    const ZipFile = await archiveOf(source, text);
    await perform([
      "lambda",
      "CreateFunction",
      {
        FunctionName,
        Runtime: options.runtime,
        Handler: `${step.file}.handler`,
        Role: "arn:aws:iam::${account}:role/${role}",
        Timeout: step.timeout ?? 30,
        ...(step.environment === undefined ? {} : { Environment: { Variables: step.environment } }),
        Code: { ZipFile },
      },
    ]);
    functions.push(FunctionName);
    undo.push(["logs", "DeleteLogGroup", { logGroupName: `/aws/lambda/${FunctionName}` }]);
    undo.push(["lambda", "DeleteFunction", { FunctionName }]);
    await eventually(`${FunctionName} is Active`, async () => {
      const { State } = await call("lambda", "GetFunctionConfiguration", { FunctionName });
      return State === "Active";
    });
  }

  /** Shows what functions have written since the last look. Resolves with every line there is. */
  async function lines(): Promise<{ readonly name: string; readonly message: string }[]> {
    const all: { name: string; message: string }[] = [];
    for (const name of functions) {
      const logGroupName = `/aws/lambda/${name}`;
      // The group comes with the first line.
      const answer = await call("logs", "FilterLogEvents", { logGroupName }).catch(() => ({ events: [] }));
      for (const event of (answer as { events?: LogEvent[] }).events ?? []) {
        const message = event.message.trimEnd();
        all.push({ name, message });
        if (told.has(event.eventId) || /^(INIT_START|START|END|REPORT) /.test(message)) continue;
        told.add(event.eventId);
        teller.log({ timestamp: event.timestamp, functionName: name, message });
      }
    }
    return all;
  }

  async function eventually(what: string, probe: () => Promise<boolean>): Promise<void> {
    const deadline = performance.now() + WAIT_MS;
    while (!(await probe())) {
      await lines();
      if (performance.now() > deadline) {
        throw new Fault(EXIT.environment, `Waited ${String(WAIT_MS / 1000)} s: ${what}.`, "lambent logs");
      }
      await pause(LOOK_MS, undefined, { signal });
    }
    await lines();
  }

  async function take(step: Step): Promise<void> {
    if ("function" in step) return makeFunction(step);
    if ("log" in step) {
      const name = filled(step.log, names);
      const says = filled(step.says, names);
      return eventually(`${name} says ${says.join(", ")}`, async () => {
        const found = await lines();
        return says.every((text) => found.some((line) => line.name === name && line.message.includes(text)));
      });
    }
    if ("await" in step) {
      const expected = filled(step.until, names);
      let answer: Record<string, unknown> = {};
      teller.command(shownCommand(filled(step.await, names)));
      await eventually(`${step.await[1]} answers ${JSON.stringify(expected)}`, async () => {
        answer = await perform(step.await, true);
        return holds(answer, expected);
      });
      return teller.result(shown(step.show, answer));
    }
    const answer = await perform(step.call);
    for (const [name, path] of Object.entries(step.save ?? {})) names[name] = String(memberOf(answer, path));
    undo.push(...(step.undo ?? []));
    if (step.show !== undefined) teller.result(shown(step.show, answer));
  }

  /**
   * A line that comes late would bring a deleted log group back. So first every function has its lines,
   * each START its REPORT, and nothing new comes from one look to the next.
   */
  async function settle(): Promise<void> {
    const deadline = performance.now() + SETTLE_MS;
    let before = -1;
    for (;;) {
      const all = await lines();
      const isWhole = functions.every((name) => {
        const own = all.filter((line) => line.name === name);
        const count = (word: string): number => own.filter((line) => line.message.startsWith(word)).length;
        return count("START ") > 0 && count("START ") === count("REPORT ");
      });
      if ((isWhole && all.length === before) || performance.now() > deadline) return;
      before = all.length;
      await pause(LOOK_MS);
    }
  }

  async function cleanUp(): Promise<void> {
    await settle().catch(() => undefined);
    for (const operation of undo.toReversed()) {
      const [service, name, input = {}] = filled(operation, names);
      await call(service, name, input).catch((error: unknown) => {
        // A log group that never came is not missed.
        const text = String(error instanceof Error ? error.message : error);
        if (!/NotFound|NoSuch|NonExistent/.test(text)) note(`not cleaned up: ${name}: ${text}`);
      });
    }
  }

  try {
    await makeRole();
    for (const step of sample.steps) await take(step);
  } finally {
    if (!options.keep) await cleanUp();
  }
}

interface LogEvent {
  readonly eventId: string;
  readonly timestamp: number;
  readonly message: string;
}

/** The member of an answer that is worth a look; bytes as the text they are. */
function shown(path: string | undefined, answer: unknown): unknown {
  const found = path === undefined ? answer : memberOf(answer, path);
  return found instanceof Uint8Array ? Buffer.from(found).toString("utf8") : found;
}

/** Blobs as bytes: payloads are written as text, contents as `file:<name in the sample's folder>`. */
function sendable(input: Readonly<Record<string, unknown>>, folder: string): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(input).map(([member, value]) => {
      if (typeof value !== "string") return [member, value];
      if (value.startsWith("file:")) return [member, readFileSync(join(folder, value.slice("file:".length)))];
      return [member, member === "Payload" ? Buffer.from(value) : value];
    }),
  );
}
