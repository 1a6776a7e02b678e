import process from "node:process";
import { connect } from "./connection.ts";
import { awsClient } from "./client.ts";
import { EXIT, Fault } from "./fault.ts";
import { json, nextStep, note, paint, say, withProgress } from "./output.ts";
import { HINT } from "../aws/hint.ts";
import { readPayload } from "./payload.ts";

export interface InvokeOptions {
  readonly dataDir?: string;
  readonly file?: string;
  readonly async?: boolean;
  readonly qualifier?: string;
  readonly json?: boolean;
}

export interface Report {
  readonly requestId?: string;
  readonly durationMs?: number;
  readonly billedMs?: number;
  readonly initMs?: number;
  readonly memoryMb?: number;
  readonly usedMb?: number;
}

/** What the REPORT line of a log says, or the platform.report object of a JSON log. */
export function parseReport(log: string): Report {
  const json = log.split("\n").findLast((line) => line.includes('"platform.report"'));
  if (json !== undefined) return parseJsonReport(json);
  const number = (pattern: RegExp): number | undefined => {
    const match = pattern.exec(log);
    return match === null ? undefined : Number(match[1]);
  };
  const fields = {
    requestId: /REPORT RequestId: ([\w-]+)/.exec(log)?.[1],
    durationMs: number(/\tDuration: ([\d.]+) ms/),
    billedMs: number(/\tBilled Duration: ([\d.]+) ms/),
    initMs: number(/\tInit Duration: ([\d.]+) ms/),
    memoryMb: number(/\tMemory Size: (\d+) MB/),
    usedMb: number(/\tMax Memory Used: (\d+) MB/),
  };
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

function parseJsonReport(line: string): Report {
  try {
    const { record } = JSON.parse(line) as {
      record: { requestId?: string; metrics?: Readonly<Record<string, number>> };
    };
    const fields = {
      requestId: record.requestId,
      durationMs: record.metrics?.["durationMs"],
      billedMs: record.metrics?.["billedDurationMs"],
      initMs: record.metrics?.["initDurationMs"],
      memoryMb: record.metrics?.["memorySizeMB"],
      usedMb: record.metrics?.["maxMemoryUsedMB"],
    };
    return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
  } catch {
    // The tail may start in the middle of the line.
    return {};
  }
}

/** @returns 3 when the function failed */
export async function invokeCommand(
  name: string,
  payload: string | undefined,
  options: InvokeOptions,
): Promise<number> {
  const body = readPayload(payload, options.file);
  const server = connect(options.dataDir);
  const call = await awsClient(server);
  const startedAt = performance.now();
  const answer = await withProgress(`running ${name}`, () =>
    call("lambda", "Invoke", {
      FunctionName: name,
      InvocationType: options.async === true ? "Event" : "RequestResponse",
      ...(options.async === true ? {} : { LogType: "Tail" }),
      ...(options.qualifier === undefined ? {} : { Qualifier: options.qualifier }),
      Payload: Buffer.from(body),
    }),
  ).catch((error: unknown) => {
    throw withListHint(error);
  });
  const tookMs = performance.now() - startedAt;
  const text = payloadText(answer["Payload"]);
  const log = Buffer.from(String(answer["LogResult"] ?? ""), "base64").toString("utf8");
  const functionError = answer["FunctionError"] as string | undefined;
  const report = parseReport(log);
  const hint = (answer as { readonly [HINT]?: string })[HINT];
  if (options.json === true) {
    json({
      statusCode: answer["StatusCode"],
      functionError,
      hint,
      tookMs,
      report,
      payload: parsed(text),
      log,
    });
  } else if (options.async === true) {
    say(`${String(answer["StatusCode"])}  queued`);
    nextStep(`lambent logs -f ${name}`);
  } else {
    note(headline(answer, report, functionError, tookMs));
    say(text);
    if (functionError !== undefined) {
      note(paint("dim", log.trimEnd(), process.stderr));
      nextStep(hint ?? `lambent logs ${name}`);
    }
  }
  return functionError === undefined ? EXIT.ok : EXIT.functionError;
}

function headline(
  answer: Readonly<Record<string, unknown>>,
  report: Report,
  functionError: string | undefined,
  tookMs: number,
): string {
  const parts = [
    functionError === undefined
      ? paint("green", String(answer["StatusCode"]), process.stderr)
      : paint("red", `${functionError} error`, process.stderr),
  ];
  // Without a report nothing is known of the environment.
  if (report.durationMs === undefined) parts.push(`${tookMs.toFixed(1)} ms`);
  else
    parts.push(report.initMs === undefined ? "warm" : `cold ${report.initMs} ms`, `${report.durationMs} ms`);
  if (report.billedMs !== undefined) {
    parts.push(`(billed ${report.billedMs} ms, ${report.usedMb ?? "?"}/${report.memoryMb ?? "?"} MB)`);
  }
  if (report.requestId !== undefined) parts.push(paint("dim", `request ${report.requestId}`, process.stderr));
  return parts.join("  ");
}

function payloadText(value: unknown): string {
  if (value instanceof Uint8Array) return Buffer.from(value).toString("utf8");
  return typeof value === "string" ? value : "";
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

function withListHint(error: unknown): unknown {
  if (!(error instanceof Fault) || error.next !== undefined) return error;
  if (!error.message.startsWith("ResourceNotFoundException")) return error;
  return new Fault(error.exitCode, error.message, "lambent aws lambda list-functions");
}
