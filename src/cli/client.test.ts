import assert from "node:assert/strict";
import { test } from "node:test";
import { ServiceError } from "../kernel/errors.ts";
import { told } from "./client.ts";
import { Fault } from "./fault.ts";

const server = { endpoint: "http://127.0.0.1:4566" };

const CASES: readonly (readonly [string, Error, number, RegExp, string | undefined])[] = [
  [
    "AWS's error keeps its code and our hint",
    new ServiceError("ResourceNotFoundException", 404, "Function not found: f", { hint: "create it" }),
    1,
    /^ResourceNotFoundException: Function not found: f$/,
    "create it",
  ],
  [
    "what is not implemented has a code of its own",
    new ServiceError("NotImplementedException", 501, "no"),
    4,
    /no/,
    undefined,
  ],
  [
    "a connection that fails",
    new TypeError("fetch failed", { cause: new Error("connect ECONNREFUSED") }),
    2,
    /does not answer at http:\/\/127\.0\.0\.1:4566: connect ECONNREFUSED/,
    "lambent status",
  ],
];

for (const [name, error, code, message, next] of CASES) {
  test(name, () => {
    const fault = told(error, server);
    assert.ok(fault instanceof Fault);
    assert.equal(fault.exitCode, code);
    assert.match(fault.message, message);
    assert.equal(fault.next, next);
  });
}

test("a bug stays a bug", () => {
  const bug = new TypeError("x is not a function");
  assert.equal(told(bug, server), bug);
});
