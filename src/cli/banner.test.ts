import assert from "node:assert/strict";
import { stripVTControlCharacters } from "node:util";
import { test } from "node:test";
import type { RuntimeInfo } from "../ports/runtime-catalog.ts";
import { typed } from "./self.ts";
import { runtimesLine } from "./start.ts";

const info = (runtime: string, exact: boolean, available = true): RuntimeInfo => ({
  runtime,
  exact,
  available,
  actual: undefined,
  path: undefined,
  sdk: false,
  hint: undefined,
});

test("the banner's runtimes: those with their own version, and where to see the others", () => {
  const plain = (infos: readonly RuntimeInfo[]): string =>
    stripVTControlCharacters(runtimesLine(infos) ?? "nothing");
  assert.equal(plain([]), "nothing");
  assert.equal(
    plain([info("nodejs24.x", true), info("provided.al2023", true)]),
    "nodejs24.x ✓  provided.al2023 ✓",
  );
  assert.equal(
    plain([info("nodejs24.x", true), info("nodejs22.x", false), info("python3.8", false, false)]),
    typed("nodejs24.x ✓  others: lambent runtimes"),
  );
});
