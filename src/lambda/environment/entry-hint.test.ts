import assert from "node:assert/strict";
import { test } from "node:test";
import { entryHint, type FailedEntry } from "./entry-hint.ts";

const PYTHON = { runtime: "python3.13", handler: "app.main", errorType: "Runtime.ImportModuleError" };
const NODE = { runtime: "nodejs22.x", handler: "index.handler", errorType: "Runtime.ImportModuleError" };
const OWN = { runtime: "provided.al2023", handler: "any", errorType: "Runtime.InvalidEntrypoint" };

const CASES: Readonly<Record<string, readonly [entry: Partial<FailedEntry>, hint: string | undefined]>> = {
  "another file": [
    { ...PYTHON, files: ["lambda_function.py", "README.md"] },
    "handler app.main wants app.py; the archive has lambda_function.py, README.md: set the handler to lambda_function.main, or rename the file",
  ],
  "many files": [
    { ...PYTHON, files: ["a.py", "b.py", "c.py", "d.py", "e.py", "f.py"] },
    "handler app.main wants app.py; the archive has a.py, b.py, c.py, d.py, e.py, …",
  ],
  "the folder was zipped, not what is in it": [
    { ...PYTHON, files: ["src/app.py"] },
    "handler app.main wants app.py; the archive has src/app.py: zip what is in src/ instead of the folder, or set the handler to src/app.main",
  ],
  "a module of a package": [
    { ...PYTHON, handler: "pkg.app.main", files: ["pkg/app.py"], message: "No module named 'requests'" },
    "pkg/app.py imports requests, which the archive does not have: run `pip install requests -t .` beside it and zip all of the folder",
  ],
  "a package as the handler": [
    { ...PYTHON, errorType: "Runtime.HandlerNotFound", files: ["app/__init__.py"] },
    "app/__init__.py is in the archive, but defines no main: export one, or set the handler to the function it has",
  ],
  "no files": [{ ...PYTHON, files: [] }, "handler app.main wants app.py; the archive has no files"],
  "a dependency of Node": [
    {
      ...NODE,
      files: ["index.mjs"],
      message: "Cannot find package '@scope/left-pad' imported from /var/task/index.mjs",
    },
    "index.mjs imports @scope/left-pad, which the archive does not have: run `npm install @scope/left-pad` beside it and zip all of the folder",
  ],
  "a file for Node": [
    { ...NODE, files: ["handler.js"] },
    "handler index.handler wants index.js; the archive has handler.js: set the handler to handler.handler, or rename the file",
  ],
  "an import of a file of one's own": [
    { ...NODE, files: ["index.js"], message: "Cannot find module './lib'" },
    undefined,
  ],
  "a run bit": [
    { ...OWN, files: ["bootstrap"], message: "fork/exec /var/task/bootstrap: permission denied" },
    "bootstrap may not be run: chmod +x bootstrap, then zip it again",
  ],
  "another machine": [
    { ...OWN, files: ["bootstrap"], message: "fork/exec /var/task/bootstrap: exec format error" },
    "bootstrap does not start here: build it for Linux and this machine's processor, or check the interpreter in its first line",
  ],
  "no bootstrap": [
    { ...OWN, files: ["main"] },
    "a custom runtime wants a file named bootstrap; the archive has main",
  ],
  "a bootstrap below": [
    { ...OWN, files: ["dist/bootstrap"] },
    "a custom runtime wants a file named bootstrap; the archive has dist/bootstrap: zip what is in dist/ instead of the folder",
  ],
  "the function's own error": [{ ...PYTHON, errorType: "ValueError", files: [] }, undefined],
  "a runtime that is nobody's business": [
    { ...OWN, errorType: "Runtime.HandlerNotFound", files: [] },
    undefined,
  ],
};

for (const [name, [entry, hint]] of Object.entries(CASES)) {
  test(name, () => {
    assert.equal(
      entryHint({ runtime: "", handler: "", errorType: "", message: "", files: [], ...entry }),
      hint,
    );
  });
}
