/** Events survive kill -9: a child accepts and runs them over the embedded database, and is killed in the middle. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { openDatabase } from "../../adapters/embedded/database.ts";
import { systemClock } from "../../kernel/clock.ts";
import { silentLogger } from "../../kernel/log.ts";
import { systemRandom } from "../../kernel/random.ts";
import type { Database } from "../../ports/database.ts";
import type { InvokeRequest } from "../model/invocation.ts";
import { createAsyncQueue, type AsyncQueue } from "./queue.ts";
import { asyncMigrations } from "./store.ts";

const SELF = fileURLToPath(import.meta.url);
const EVENTS = 1_000;
const scope = { accountId: "000000000000", region: "us-east-1" };

function queueOver(database: Database, onInvoke: (request: InvokeRequest) => Promise<void>): AsyncQueue {
  return createAsyncQueue({
    database,
    invoker: {
      async invoke(request) {
        await onInvoke(request);
        return {
          kind: "success",
          requestId: request.requestId ?? "",
          executedVersion: "$LATEST",
          payload: Buffer.from("null"),
          logTail: "",
          durationMs: 1,
          coldStart: false,
        };
      },
    },
    settings: {
      async eventInvokeSettings() {
        return {
          maximumRetryAttempts: 2,
          maximumEventAgeSeconds: 21_600,
          onSuccessArn: undefined,
          onFailureArn: undefined,
          deadLetterTargetArn: undefined,
        };
      },
    },
    destinations: {
      deliver: () => Promise.reject(new Error("none is configured")),
      permit: () => Promise.resolve(),
    },
    clock: systemClock(),
    random: systemRandom(),
    log: silentLogger,
    node: "local",
  });
}

function open(path: string): Promise<Database> {
  const clock = systemClock();
  return openDatabase({ path, synchronous: "full", migrations: asyncMigrations, log: silentLogger, clock });
}

/** Says `A n` for each accepted event and `R n` for each that began to run, until it is killed. */
async function child(path: string): Promise<void> {
  const clock = systemClock();
  const queue = queueOver(await open(path), async (request) => {
    process.stdout.write(`R ${Buffer.from(request.payload).toString()}\n`);
    await clock.sleep(3);
  });
  void queue.run(new AbortController().signal);
  let next = 0;
  const feed = async (): Promise<void> => {
    while (next < EVENTS) {
      const payload = String(next++);
      await queue.enqueue({
        scope,
        functionName: `f${next % 3}`,
        qualifier: undefined,
        payload: Buffer.from(payload),
      });
      process.stdout.write(`A ${payload}\n`);
    }
  };
  await Promise.all(Array.from({ length: 8 }, feed));
  await new Promise(() => undefined);
}

if (process.argv[2] === "child") {
  await child(process.argv[3] ?? "");
} else {
  test("kill -9 in the middle of a thousand events loses none that was accepted", async () => {
    const folder = mkdtempSync(join(tmpdir(), "lambent-async-"));
    try {
      const path = join(folder, "state.db");
      const victim = spawn(process.execPath, [SELF, "child", path], { stdio: ["ignore", "pipe", "inherit"] });
      const ended = once(victim, "exit");
      const accepted = new Set<string>();
      const began = new Set<string>();
      for await (const line of createInterface({ input: victim.stdout })) {
        const [kind, payload = ""] = line.split(" ");
        (kind === "A" ? accepted : began).add(payload);
        if (began.size >= 200) victim.kill("SIGKILL");
      }
      assert.deepEqual(await ended, [null, "SIGKILL"]);
      assert.ok(began.size < EVENTS, "it was killed in the middle");

      const database = await open(path);
      const stop = new AbortController();
      const queue = queueOver(database, async (request) => {
        began.add(Buffer.from(request.payload).toString());
      });
      const running = queue.run(stop.signal);
      const clock = systemClock();
      while ((await queue.gauges()).length > 0) await clock.sleep(5);
      stop.abort(new Error("done"));
      await running;
      await database.close();
      const lost = [...accepted].filter((payload) => !began.has(payload));
      assert.ok(accepted.size >= 8);
      assert.deepEqual(lost, []);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  test("the schema and every statement work on the embedded database", async () => {
    const folder = mkdtempSync(join(tmpdir(), "lambent-async-"));
    const database = await open(join(folder, "state.db"));
    const stop = new AbortController();
    let failures = 1;
    const ran: string[] = [];
    const queue = queueOver(database, async (request) => {
      ran.push(Buffer.from(request.payload).toString());
      if (failures-- > 0) throw new Error("the host is full");
    });
    try {
      // Accepted before the dispatcher runs: claimed from the table; refused once: released and claimed again.
      const id = await queue.enqueue({
        scope,
        functionName: "f",
        qualifier: "live",
        payload: Buffer.from("é{}"),
      });
      const [gauge] = await queue.gauges();
      assert.deepEqual([gauge?.scope, gauge?.functionName, gauge?.depth], [scope, "f", 1]);
      const running = queue.run(stop.signal);
      const clock = systemClock();
      while ((await queue.gauges()).length > 0) await clock.sleep(5);
      stop.abort(new Error("done"));
      await running;
      assert.match(id, /^[0-9a-f-]{36}$/);
      assert.deepEqual(ran, ["é{}", "é{}"]);
    } finally {
      await database.close();
      rmSync(folder, { recursive: true, force: true });
    }
  });
}
