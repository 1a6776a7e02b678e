import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test, type TestContext } from "node:test";
import { systemClock } from "../kernel/clock.ts";
import { ServiceError } from "../kernel/errors.ts";
import { silentLogger } from "../kernel/log.ts";
import { createAdminRoutes, groupMatcher, type AdminDeps, type TailedLine } from "./admin-routes.ts";
import { RecentHints } from "./recent-hints.ts";

const TOKEN = "s3cret";

interface Site {
  readonly url: string;
  readonly seen: string[];
  get(path: string, headers?: Record<string, string>): Promise<Response>;
  post(path: string, body: unknown): Promise<Response>;
  emit(lines: readonly TailedLine[]): void;
}

async function site(t: TestContext, changes: Partial<AdminDeps> = {}, fromSandbox = false): Promise<Site> {
  const seen: string[] = [];
  const tails = new Set<(lines: readonly TailedLine[]) => void>();
  const clock = systemClock();
  const routes = createAdminRoutes({
    token: TOKEN,
    version: "9.9.9",
    clock,
    hints: new RecentHints(clock),
    advance: async (ms) => clock.advance(ms),
    log: silentLogger,
    services: () => ["lambda", "sts"],
    state: () => "ready",
    status: () => Promise.reject(new Error("not in this test")),
    runtimes: async () => [],
    mails: async () => [],
    addRuntime: async (runtime, progress) => {
      progress("unpacking");
      if (runtime === "java21") throw new ServiceError("X", 501, "no Java here", { hint: "install a JDK" });
      return {
        runtime,
        available: true,
        exact: true,
        actual: runtime,
        path: undefined,
        sdk: true,
        hint: undefined,
      };
    },
    doctor: () => Promise.reject(new ServiceError("X", 503, "later")),
    reset: async () => void seen.push("reset"),
    tail(matches, emit) {
      const listener = (lines: readonly TailedLine[]): void => {
        const wanted = lines.filter((line) => matches(line.group));
        if (wanted.length > 0) emit(wanted);
      };
      tails.add(listener);
      return () => void (tails.delete(listener) && seen.push("tail ended"));
    },
    stop: () => void seen.push("stop"),
    ...changes,
  });
  const server = createServer((request, response) => {
    if (!routes(request, response, { fromSandbox })) response.writeHead(418).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const authorization = `Bearer ${TOKEN}`;
  return {
    url,
    seen,
    get: (path, headers = { authorization }) => fetch(url + path, { headers }),
    post: (path, body) =>
      fetch(url + path, { method: "POST", headers: { authorization }, body: JSON.stringify(body) }),
    emit: (lines) => tails.forEach((listener) => listener(lines)),
  };
}

test("health is open, and says 503 until ready", async (t) => {
  const ready = await site(t);
  const answer = await ready.get("/_lambent/health", {});
  assert.equal(answer.status, 200);
  assert.deepEqual(await answer.json(), { status: "ready", version: "9.9.9" });
  const starting = await site(t, { state: () => "starting" });
  assert.equal((await starting.get("/_lambent/health", {})).status, 503);
});

test("LocalStack's health route lists the services", async (t) => {
  const { get } = await site(t);
  const answer = (await (await get("/_localstack/health", {})).json()) as { services: object };
  assert.deepEqual(answer.services, { lambda: "running", sts: "running" });
});

test("other paths are not the administration's", async (t) => {
  const { get } = await site(t);
  assert.equal((await get("/2015-03-31/functions")).status, 418);
});

test("what changes or shows state needs the token, in either place", async (t) => {
  const { url, get, seen } = await site(t);
  for (const path of ["/_lambent/reset", "/_lambent/clock", "/_lambent/stop"]) {
    const refused = await fetch(url + path, { method: "POST", headers: { authorization: "Bearer s3creT" } });
    assert.equal(refused.status, 401, path);
  }
  assert.equal((await get("/_lambent/clock", {})).status, 401);
  assert.equal((await get("/_lambent/nothing", {})).status, 401);
  assert.equal((await get("/_lambent/nothing")).status, 404);
  assert.deepEqual(seen, []);
  const reset = await fetch(`${url}/_lambent/reset?t=${TOKEN}`, { method: "POST" });
  assert.equal(reset.status, 200);
  assert.deepEqual(seen, ["reset"]);
});

test("a sandbox is refused everything, token or not", async (t) => {
  const { get } = await site(t, {}, true);
  assert.equal((await get("/_lambent/clock")).status, 403);
  assert.equal((await get("/_lambent/health")).status, 403);
});

test("the clock moves forward only, by whole milliseconds", async (t) => {
  const { get, post } = await site(t);
  const moved = (await (await post("/_lambent/clock", { advanceMs: 120_000 })).json()) as {
    offsetMs: number;
  };
  assert.equal(moved.offsetMs, 120_000);
  const shown = (await (await get("/_lambent/clock")).json()) as { offsetMs: number };
  assert.equal(shown.offsetMs, 120_000);
  for (const advanceMs of [-1, 1.5, "5", null, undefined]) {
    assert.equal((await post("/_lambent/clock", { advanceMs })).status, 400);
  }
  assert.equal((await post("/_lambent/clock", "x".repeat(70_000))).status, 413);
});

test("the answer to stop arrives before the server is told", async (t) => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const { post } = await site(t, { stop: resolve });
  assert.deepEqual(await (await post("/_lambent/stop", {})).json(), { stopping: true });
  await promise;
});

test("adding a runtime answers in lines: progress, then the end", async (t) => {
  const { post } = await site(t);
  const lines = async (runtime: string): Promise<unknown[]> =>
    (await (await post("/_lambent/runtimes/add", { runtime })).text())
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as unknown);
  const good = await lines("nodejs20.x");
  assert.deepEqual(good[0], { progress: "unpacking" });
  assert.equal((good[1] as { runtime: { runtime: string } }).runtime.runtime, "nodejs20.x");
  assert.deepEqual(await lines("java21"), [
    { progress: "unpacking" },
    { error: "no Java here", hint: "install a JDK" },
  ]);
  assert.equal((await post("/_lambent/runtimes/add", { runtime: "../x" })).status, 400);
});

test("log lines of the groups asked for arrive as they are written", async (t) => {
  const { url, emit, seen } = await site(t);
  const stop = new AbortController();
  const answer = await fetch(`${url}/_lambent/logs?follow=1&group=order-*`, {
    headers: { authorization: `Bearer ${TOKEN}` },
    signal: stop.signal,
  });
  const reader = answer.body?.getReader();
  assert.ok(reader !== undefined);
  const line = (group: string): TailedLine => ({ group, stream: "s", timestamp: 1, message: group });
  emit([line("/aws/lambda/other"), line("/aws/lambda/order-worker")]);
  const text = Buffer.from((await reader.read()).value ?? []).toString();
  assert.deepEqual(JSON.parse(text.replace(/^data: /, "")), line("/aws/lambda/order-worker"));
  stop.abort();
  while (seen.length === 0) await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(seen, ["tail ended"]);
});

test("an error of a route is told, with its hint and status", async (t) => {
  const { get } = await site(t);
  assert.equal((await get("/_lambent/doctor")).status, 503);
  assert.equal((await get("/_lambent/status")).status, 500);
});

test("groups are named as functions, as patterns, or in full", () => {
  assert.equal(groupMatcher("hello")("/aws/lambda/hello"), true);
  assert.equal(groupMatcher("hello")("/aws/lambda/hello-2"), false);
  assert.equal(groupMatcher("order-*")("/aws/lambda/order-worker"), true);
  assert.equal(groupMatcher("/custom/*")("/custom/a"), true);
  assert.equal(groupMatcher("*")("/anything"), true);
  assert.equal(groupMatcher("a.c")("/aws/lambda/abc"), false);
});
