import type { RuntimeInfo } from "../ports/runtime-catalog.ts";
import { admin, connect } from "./connection.ts";
import { EXIT, Fault } from "./fault.ts";
import { typed } from "./self.ts";
import { json, nextStep, paint, say, table, withProgress } from "./output.ts";
import type { CommonOptions } from "./status.ts";

export async function runtimesCommand(options: CommonOptions): Promise<number> {
  const server = connect(options.dataDir);
  const { runtimes } = await withProgress("looking for interpreters", () =>
    admin<{ runtimes: readonly RuntimeInfo[] }>(server, "GET", "/_lambent/runtimes"),
  );
  if (options.json === true) {
    json(runtimes);
    return EXIT.ok;
  }
  say(
    table(
      ["RUNTIME", "", "RUN BY", "SDK", "NEXT"],
      runtimes.map(({ runtime, available, exact, actual, sdk, hint }) => [
        runtime,
        available ? (exact ? "✓" : "≈") : "–",
        actual ?? "",
        available && sdk ? "✓" : "",
        typed(hint ?? ""),
      ]),
    ),
  );
  say(paint("dim", "✓ exact   ≈ the nearest version of the same language   – not on this machine"));
  return EXIT.ok;
}

export async function runtimesAddCommand(runtime: string, options: CommonOptions): Promise<number> {
  const server = connect(options.dataDir);
  let outcome: { runtime?: RuntimeInfo; error?: string; hint?: string } = {};
  await withProgress(`adding ${runtime}`, async (update) => {
    await admin(server, "POST", "/_lambent/runtimes/add", {
      body: { runtime },
      onLine(line) {
        const message = JSON.parse(line) as typeof outcome & { progress?: string };
        if (message.progress === undefined) outcome = message;
        else update(message.progress);
      },
    });
    if (outcome.error !== undefined)
      throw new Fault(EXIT.environment, outcome.error, outcome.hint ?? "lambent runtimes");
  });
  if (options.json === true) json(outcome.runtime);
  else {
    say(`${runtime}: ${outcome.runtime?.actual ?? "ready"}`);
    if (outcome.runtime?.hint !== undefined) nextStep(outcome.runtime.hint);
  }
  return EXIT.ok;
}
