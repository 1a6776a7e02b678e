/** The import rules and the banned words of the code base, as data. What a file does is tested elsewhere. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { glob } from "node:fs/promises";
import { basename, dirname, join, normalize } from "node:path";
import { test } from "node:test";
import { SERVICE_ROWS } from "../../src/aws/model/generated/index.ts";

/** Folder -> folders it may import from (besides itself). The longest matching folder counts. */
const LAYERS: Readonly<Record<string, readonly string[]>> = {
  "src/kernel": [],
  "src/ports": ["src/kernel"],
  "src/events": ["src/kernel", "src/ports", "src/lambda/model"],
  "src/authorize": ["src/kernel"],
  "src/lambda": ["src/kernel", "src/ports", "src/events"],
  // Below the events, which invoke functions through its seam.
  "src/lambda/model": ["src/kernel", "src/ports"],
  "src/aws": ["src/kernel"],
  "src/services": ["src/kernel", "src/ports", "src/aws", "src/events"],
  "src/services/index.ts": ["src/kernel", "src/ports", "src/aws", "src/events", "src/lambda", "src/services"],
  // The policy simulator asks the evaluator.
  "src/services/iam": ["src/kernel", "src/ports", "src/aws", "src/authorize"],
  "src/services/lambda": ["src/kernel", "src/ports", "src/aws", "src/lambda", "src/events"],
  "src/adapters": ["src/kernel", "src/ports", "src/aws/client.ts", "src/aws/dispatch.ts"],
  "src/testing": ["src/kernel", "src/ports", "src/app", "src/lambda", "src/aws"],
  "src/app": [
    "src/kernel",
    "src/ports",
    "src/lambda",
    "src/aws",
    "src/services",
    "src/adapters",
    "src/events",
    "src/authorize",
  ],
  "src/cli": ["src/kernel", "src/ports", "src/aws", "src/app"],
};

/** Tests beside the code may reach for real adapters and test helpers. */
const TEST_EXTRA = ["src/testing", "src/adapters", "src/kernel", "src/ports"];

interface Ban {
  readonly pattern: RegExp;
  readonly instead: string;
  readonly allowed: readonly string[];
}

const BANNED: readonly Ban[] = [
  { pattern: /\bDate\.now\(/, instead: "Clock.now()", allowed: ["src/kernel/clock.ts"] },
  {
    pattern: /\bset(Timeout|Interval)\(/,
    instead: "Clock.sleep or Clock.timer",
    // A socket has a timer of its own.
    allowed: [
      "src/kernel/clock.ts",
      "src/cli/",
      "src/adapters/",
      "src/aws/gateway/short-way.ts",
      "src/aws/gateway/http2.ts",
    ],
  },
  { pattern: /\bMath\.random\(/, instead: "Random", allowed: ["src/kernel/random.ts"] },
  {
    pattern: /\bconsole\.(log|info|warn|error|debug)\(/,
    instead: "Logger",
    allowed: ["src/cli/demo.ts", "src/adapters/runtimes/interpreters.ts"],
  },
  {
    pattern: /\bprocess\.env\b/,
    instead: "app/config",
    allowed: ["src/app/", "src/cli/", "src/adapters/runtimes/", "src/adapters/sandbox/"],
  },
  {
    pattern: /^(?!import type).* from "node:(http|https|http2)"/,
    instead: "kernel/built-in: an import loads what no start needs",
    allowed: [],
  },
  { pattern: /\b(TODO|FIXME|XXX|HACK)\b/, instead: "doing it, or ARCHITECTURE.md's list", allowed: [] },
];

async function sources(): Promise<string[]> {
  const files: string[] = [];
  for await (const file of glob("src/**/*.ts")) {
    if (!file.includes("/generated/")) files.push(file);
  }
  return files.toSorted();
}

function layerOf(file: string): string {
  const layers = Object.keys(LAYERS).filter((layer) => file === layer || file.startsWith(`${layer}/`));
  return layers.toSorted((a, b) => b.length - a.length)[0] ?? "";
}

test("every import keeps to the layers", async () => {
  const faults: string[] = [];
  for (const file of await sources()) {
    const layer = layerOf(file);
    assert.notEqual(layer, "", `${file} is in no layer`);
    const isTest = file.endsWith(".test.ts");
    const allowed = [...(LAYERS[layer] ?? []), ...(isTest ? TEST_EXTRA : [])];
    const text = readFileSync(file, "utf8");
    for (const match of text.matchAll(/(?:from|import)\s*\(?\s*"(\.[^"]+)"/g)) {
      const target = normalize(join(dirname(file), match[1] ?? ""));
      const own = layer === "src/services" ? file.split("/").slice(0, 3).join("/") : layer;
      const inside = target.startsWith(`${own}/`);
      const permitted = allowed.some((folder) => target === folder || target.startsWith(`${folder}/`));
      if (!inside && !permitted)
        faults.push(`${file} imports ${target}: ${layer} may import only [${allowed.join(", ")}]`);
    }
  }
  assert.deepEqual(faults, []);
});

test("banned words are replaced by what the code base offers", async () => {
  const faults: string[] = [];
  for (const file of await sources()) {
    assert.doesNotMatch(basename(file), /^utils?\b/, `${file}: name it after what it holds`);
    if (file.endsWith(".test.ts")) continue;
    const lines = readFileSync(file, "utf8").split("\n");
    for (const ban of BANNED) {
      if (ban.allowed.some((place) => file.startsWith(place))) continue;
      lines.forEach((line, index) => {
        if (!/^\s*(\*|\/\/)/.test(line) && ban.pattern.test(line)) {
          faults.push(`${file}:${String(index + 1)}: ${ban.pattern.source} -> ${ban.instead}`);
        }
      });
    }
  }
  assert.deepEqual(faults, []);
});

test("the wire knows no service by name but in its data", async () => {
  const names = new Set(
    SERVICE_ROWS.flatMap((row) => [row.name, row.signingName, row.targetPrefix ?? row.name]),
  );
  const faults: string[] = [];
  for await (const file of glob("src/aws/**/*.ts")) {
    if (file.startsWith("src/aws/model/") || file === "src/aws/protocol/habits.ts") continue;
    if (file.endsWith(".test.ts")) continue;
    readFileSync(file, "utf8")
      .split("\n")
      .forEach((line, index) => {
        if (/^\s*(\*|\/\/|\/\*)/.test(line)) return;
        const targets = [...line.matchAll(/\b[A-Za-z]+(?:_\d{8}|SQS|Events)\b/g)].map(([word]) => word);
        const literals = [...line.matchAll(/"([a-z0-9]+)"/g)].map(([, word]) => word ?? "");
        for (const word of [...targets, ...literals])
          if (names.has(word)) faults.push(`${file}:${String(index + 1)} names ${word}: protocol/habits.ts`);
      });
  }
  assert.deepEqual(faults, []);
});
