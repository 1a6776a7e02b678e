import assert from "node:assert/strict";
import { test } from "node:test";
import { rewritePath, rewriteValue } from "./process.ts";

const MOUNTS = [
  { source: "/cache/one", target: "/var/task" },
  { source: "/lang", target: "/var/lang" },
  { source: "/lang-node", target: "/var/lang/bin/node" },
];

test("paths below a target become paths below its source", () => {
  const table: [string, string][] = [
    ["/var/task", "/cache/one"],
    ["/var/task/a/b", "/cache/one/a/b"],
    ["/var/tasks", "/var/tasks"],
    ["/usr/bin/python3", "/usr/bin/python3"],
    ["/var/lang/bin/node", "/lang-node"],
    ["relative", "relative"],
  ];
  for (const [from, to] of table) assert.equal(rewritePath(MOUNTS, from), to);
  assert.equal(
    rewritePath([...MOUNTS, { source: "/cache/two", target: "/var/task" }], "/var/task"),
    "/cache/two",
  );
});

test("each part of a list of paths is rewritten, other values are left alone", () => {
  assert.equal(rewriteValue(MOUNTS, "/var/lang/lib:/usr/lib:/var/task"), "/lang/lib:/usr/lib:/cache/one");
  assert.equal(rewriteValue(MOUNTS, "http://127.0.0.1:4566"), "http://127.0.0.1:4566");
});
