/** `lambent logs`: history through CloudWatch Logs' own API, then lines as they are written. */
import process from "node:process";
import { setTimeout as pause } from "node:timers/promises";
import { groupMatcher, type TailedLine } from "../app/admin-routes.ts";
import { admin, connect, type Connection } from "./connection.ts";
import { awsClient, type Call } from "./client.ts";
import { EXIT, Fault } from "./fault.ts";
import { typed } from "./self.ts";
import { clockTime, json, note, paint, say, type Style } from "./output.ts";
import { parseDuration } from "./time.ts";

export interface LogsOptions {
  readonly dataDir?: string;
  readonly follow?: boolean;
  readonly since?: string;
  readonly filter?: string;
  readonly json?: boolean;
}

const DEFAULT_SINCE = "1h";
const PAGES_MAX = 1_000;
const COLOURS: readonly Style[] = ["cyan", "magenta", "green", "yellow"];

export async function logsCommand(pattern: string | undefined, options: LogsOptions): Promise<number> {
  const sinceMs = parseDuration(options.since ?? DEFAULT_SINCE);
  const server = connect(options.dataDir);
  const call = await awsClient(server);
  const matches = groupMatcher(pattern ?? "*");
  const print = printer(options.json === true, pattern === undefined || pattern.includes("*"));
  const { nowMs } = await admin<{ nowMs: number }>(server, "GET", "/_lambent/clock");

  // Following starts before the history is read, so that no line falls between the two.
  const seen = new Set<string>();
  const early: TailedLine[] = [];
  let emit = (line: TailedLine): void => void early.push(line);
  const stop = new AbortController();
  process.once("SIGINT", () => stop.abort());
  process.once("SIGTERM", () => stop.abort());
  // The filter is CloudWatch's language, which only the server speaks: then the history is asked again and again.
  const streamed = options.follow === true && options.filter === undefined;
  const following = streamed
    ? follow(server, pattern ?? "*", stop.signal, (line) => emit(line))
    : Promise.resolve();
  following.catch(() => undefined);

  const groups = (await groupNames(call)).filter(matches);
  if (groups.length === 0 && options.follow !== true) {
    throw new Fault(
      EXIT.userError,
      `No log group matches ${pattern ?? "*"}: a group appears with a function's first invocation.`,
      "lambent aws logs describe-log-groups",
    );
  }
  const fromMs = nowMs - sinceMs;
  for (const line of await history(call, groups, fromMs, options.filter)) {
    seen.add(keyOf(line));
    print(line);
  }
  if (options.follow !== true) return EXIT.ok;
  if (process.stderr.isTTY === true) note(paint("dim", "following; Ctrl-C ends", process.stderr));
  if (streamed) {
    for (const line of early) if (!seen.has(keyOf(line))) print(line);
    emit = print;
    await following;
  } else {
    await poll(call, matches, nowMs, options.filter, seen, print, stop.signal);
  }
  return EXIT.ok;
}

async function follow(
  server: Connection,
  pattern: string,
  signal: AbortSignal,
  emit: (line: TailedLine) => void,
): Promise<void> {
  const path = `/_lambent/logs?follow=1&group=${encodeURIComponent(pattern)}`;
  try {
    await admin(server, "GET", path, {
      signal,
      onLine(line) {
        if (line.startsWith("data: {")) emit(JSON.parse(line.slice("data: ".length)) as TailedLine);
        else if (line.startsWith("data: ")) {
          note(`(${line.slice("data: ".length)} lines left out: the terminal was too slow)`);
        }
      },
    });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
  if (!signal.aborted) throw new Fault(EXIT.notRunning, "The server stopped.", "lambent start");
}

async function poll(
  call: Call,
  matches: (group: string) => boolean,
  startMs: number,
  filter: string | undefined,
  seen: Set<string>,
  print: (line: TailedLine) => void,
  signal: AbortSignal,
): Promise<void> {
  // Lines of one moment may arrive in two answers, so each question reaches back a little.
  const overlapMs = 10_000;
  let newest = startMs;
  while (!signal.aborted) {
    await pause(200, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return;
    const groups = (await groupNames(call)).filter(matches);
    for (const line of await history(call, groups, newest - overlapMs, filter)) {
      if (seen.has(keyOf(line))) continue;
      seen.add(keyOf(line));
      newest = Math.max(newest, line.timestamp);
      print(line);
    }
  }
}

async function groupNames(call: Call): Promise<string[]> {
  const names: string[] = [];
  let nextToken: unknown;
  for (let page = 0; page < PAGES_MAX; page += 1) {
    const answer = await call("logs", "DescribeLogGroups", nextToken === undefined ? {} : { nextToken });
    for (const group of (answer["logGroups"] ?? []) as { logGroupName?: string }[]) {
      if (group.logGroupName !== undefined) names.push(group.logGroupName);
    }
    nextToken = answer["nextToken"];
    if (nextToken === undefined) break;
  }
  return names;
}

async function history(
  call: Call,
  groups: readonly string[],
  fromMs: number,
  filter: string | undefined,
): Promise<TailedLine[]> {
  const lines: TailedLine[] = [];
  for (const group of groups) {
    let nextToken: unknown;
    for (let page = 0; page < PAGES_MAX; page += 1) {
      const answer = await call("logs", "FilterLogEvents", {
        logGroupName: group,
        startTime: Math.max(0, Math.floor(fromMs)),
        ...(filter === undefined ? {} : { filterPattern: filter }),
        ...(nextToken === undefined ? {} : { nextToken }),
      });
      for (const event of (answer["events"] ?? []) as Record<string, unknown>[]) {
        lines.push({
          group,
          stream: String(event["logStreamName"]),
          timestamp: Number(event["timestamp"]),
          message: String(event["message"]),
        });
      }
      nextToken = answer["nextToken"];
      if (nextToken === undefined) break;
    }
  }
  return lines.toSorted((a, b) => a.timestamp - b.timestamp);
}

function keyOf(line: TailedLine): string {
  return `${line.timestamp} ${line.stream} ${line.message}`;
}

/** `⇢ s3 photos ObjectCreated:Put a.png → thumbnail`, with what to do on a line of its own. */
function shownDelivery(text: string, { failed, next }: NonNullable<TailedLine["delivery"]>): string {
  const shown = failed ? paint("red", `⇢ ${text}`) : paint("dim", `⇢ ${text}`);
  return next === undefined ? shown : `${shown}\n             ${paint("yellow", `→ next: ${typed(next)}`)}`;
}

/** `14:05:01.113 order-worker  KeyError: 'sku'`; the name only where several may be meant. */
function printer(asJson: boolean, named: boolean): (line: TailedLine) => void {
  const colours = new Map<string, Style>();
  return (line) => {
    if (asJson) return json(line);
    const name = line.group.replace(/^\/aws\/lambda\//, "");
    let colour = colours.get(name);
    if (colour === undefined) {
      colour = COLOURS[colours.size % COLOURS.length] ?? "cyan";
      colours.set(name, colour);
    }
    const prefix = paint("dim", clockTime(line.timestamp));
    if (line.delivery !== undefined) return say(`${prefix} ${shownDelivery(line.message, line.delivery)}`);
    const text = /\b(ERROR|Task timed out|Status: (error|timeout))/.test(line.message)
      ? paint("red", line.message.trimEnd())
      : /^(START|END|REPORT|INIT_START) /.test(line.message)
        ? paint("dim", line.message.trimEnd())
        : line.message.trimEnd();
    say(named ? `${prefix} ${paint(colour, name)}  ${text}` : `${prefix} ${text}`);
  };
}
