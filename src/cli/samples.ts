/** `lambent samples list|run`: small things that work, to look at, run and take apart. */
import { join } from "node:path";
import process from "node:process";
import type { RuntimeInfo } from "../ports/runtime-catalog.ts";
import { awsClient } from "./client.ts";
import { admin, connect } from "./connection.ts";
import { choose } from "./demo.ts";
import { EXIT, userError } from "./fault.ts";
import { json, nextStep, paint, say, table } from "./output.ts";
import { languagesOf, listSamples, loadSample, type Language, type Sample } from "./sample/sample.ts";
import { JSON_LINES, runSample, TEXT } from "./sample/run.ts";

/** Beside src/ in a checkout, beside dist/ in the package: both hold this module two folders deep. */
const SAMPLES = join(import.meta.dirname, "../../samples");

export interface SamplesOptions {
  readonly dataDir?: string;
  readonly json?: boolean;
  readonly keep?: boolean;
  readonly language?: string;
}

export function samplesCommand(options: SamplesOptions): number {
  const samples = listSamples(SAMPLES).map((sample) => ({ ...sample, languages: languagesOf(sample) }));
  if (options.json === true) {
    json(samples.map(({ name, title, folder, languages }) => ({ name, title, languages, folder })));
    return EXIT.ok;
  }
  const rows = samples.map(({ name, languages, title }) => [name, languages.join(", "), title]);
  say(table(["SAMPLE", "LANGUAGES", "WHAT HAPPENS"], rows));
  nextStep(`lambent samples run ${samples[0]?.name ?? "NAME"}`);
  return EXIT.ok;
}

export async function samplesRunCommand(name: string, options: SamplesOptions): Promise<number> {
  const sample = loadSample(SAMPLES, name);
  const server = connect(options.dataDir);
  const { runtimes } = await admin<{ runtimes: readonly RuntimeInfo[] }>(server, "GET", "/_lambent/runtimes");
  const runtime = runtimeFor(sample, runtimes, options.language);
  const language: Language = runtime.startsWith("python") ? "python" : "node";
  const asJson = options.json === true;
  if (!asJson) say(`${paint("bold", sample.title)}  ${paint("dim", `(${runtime}; ${sample.folder})`)}\n`);
  const interrupted = new AbortController();
  const stop = (): void => interrupted.abort(userError("The sample was interrupted."));
  process.once("SIGINT", stop);
  process.once("SIGTERM", stop);
  await runSample(sample, {
    call: await awsClient(server),
    endpoint: server.endpoint,
    region: server.region,
    language,
    runtime,
    run: process.pid.toString(36),
    keep: options.keep === true,
    teller: asJson ? JSON_LINES : TEXT,
    signal: interrupted.signal,
  }).finally(() => {
    process.off("SIGINT", stop);
    process.off("SIGTERM", stop);
  });
  if (asJson) {
    say(JSON.stringify({ ran: name, runtime, kept: options.keep === true }));
    return EXIT.ok;
  }
  const end =
    options.keep === true ? "everything it made is still there" : "everything it made is gone again";
  say(`\n${paint("green", "✓")} ${name} did what it should; ${end}`);
  return EXIT.ok;
}

/** The best runtime of the language that was asked for, or of any the sample is written in. */
function runtimeFor(sample: Sample, runtimes: readonly RuntimeInfo[], asked: string | undefined): string {
  const languages = languagesOf(sample);
  const wanted = asked === undefined ? languages : languages.filter((language) => language === asked);
  if (wanted.length === 0) {
    throw userError(
      `${sample.name} is not written in ${asked ?? "any language"}.`,
      `lambent samples run ${sample.name} --language ${languages[0] ?? ""}`,
    );
  }
  return choose(runtimes.filter(({ runtime }) => wanted.some((language) => runtime.startsWith(language))));
}
