/** How the command line speaks: colours on a terminal, plain text elsewhere, JSON where asked for. */
import process from "node:process";
import { styleText } from "node:util";
import { typed } from "./self.ts";

export type Style = "bold" | "dim" | "red" | "green" | "yellow" | "cyan" | "magenta";

/** Colour only on a terminal, and never against NO_COLOR (https://no-color.org). */
export function paint(style: Style, text: string, stream: NodeJS.WriteStream = process.stdout): string {
  const { NO_COLOR, FORCE_COLOR } = process.env;
  const wanted = FORCE_COLOR !== undefined && FORCE_COLOR !== "0" ? true : stream.isTTY === true;
  if (!wanted || (NO_COLOR !== undefined && NO_COLOR !== "")) return text;
  return styleText(style, text, { validateStream: false });
}

export function say(text = ""): void {
  process.stdout.write(`${text}\n`);
}

export function note(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** What to do next, beside what was asked for. */
export function nextStep(text: string): void {
  note(`→ next: ${typed(text)}`);
}

export function json(value: unknown): void {
  say(JSON.stringify(value, undefined, process.stdout.isTTY === true ? 2 : undefined));
}

/** Columns as wide as their widest cell; the last one is not padded. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((cells) => (cells[column] ?? "").length)),
  );
  const line = (cells: readonly string[]): string =>
    head
      .map((_, column) => (cells[column] ?? "").padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd();
  return [paint("dim", line(head)), ...rows.map(line)].join("\n");
}

/** 850 µs, 2.4 ms, 1.30 s, 12 m, 3 h. */
export function duration(ms: number): string {
  if (ms < 1) return `${Math.round(ms * 1_000)} µs`;
  if (ms < 100) return `${ms.toFixed(1)} ms`;
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 100_000) return `${(ms / 1_000).toFixed(2)} s`;
  if (ms < 7_200_000) return `${Math.floor(ms / 60_000)} m`;
  if (ms < 172_800_000) return `${Math.floor(ms / 3_600_000)} h`;
  return `${Math.floor(ms / 86_400_000)} d`;
}

/** Of a clock that was moved: how far, and the only way back. */
export function clockLine(aheadMs: number): string {
  return `${duration(aheadMs)} ahead of the machine; back with all data deleted: ${typed("lambent reset")}`;
}

export function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1024 / 1024)} MB`;
}

/** hh:mm:ss.mmm of local time. */
export function clockTime(epochMs: number): string {
  const date = new Date(epochMs);
  const two = (value: number): string => String(value).padStart(2, "0");
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${String(date.getMilliseconds()).padStart(3, "0")}`;
}

/**
 * Says what is being done when it takes longer than 400 ms: a spinner on a terminal, one line
 * elsewhere. Nothing appears for quick work.
 */
export async function withProgress<T>(
  label: string,
  work: (update: (text: string) => void) => Promise<T>,
): Promise<T> {
  let latest = label;
  let shown: { update(text: string): void; end(ok: boolean): void } | undefined;
  const timer = setTimeout(() => void show(), 400);
  async function show(): Promise<void> {
    if (process.stderr.isTTY !== true) {
      note(`${label} …`);
      shown = { update: (text) => note(`  ${text}`), end: () => undefined };
      return;
    }
    const { spinner } = await import("@clack/prompts");
    const running = spinner({ output: process.stderr });
    running.start(latest);
    if (done) return running.stop(latest);
    shown = {
      update: (text) => running.message(text),
      end: (ok) => (ok ? running.stop(label) : running.error(label)),
    };
  }
  let done = false;
  const finish = (ok: boolean): void => {
    done = true;
    clearTimeout(timer);
    shown?.end(ok);
  };
  try {
    const result = await work((text) => {
      latest = text;
      shown?.update(text);
    });
    finish(true);
    return result;
  } catch (error) {
    finish(false);
    throw error;
  }
}
