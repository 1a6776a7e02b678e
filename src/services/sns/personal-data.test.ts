import assert from "node:assert/strict";
import { test } from "node:test";
import { FINDERS } from "./personal-data.ts";

const CASES: readonly (readonly [string, string, readonly string[]])[] = [
  [
    "EmailAddress",
    "write to ann@example.org, or bob.b+x@mail.example.co.uk.",
    ["ann@example.org", "bob.b+x@mail.example.co.uk"],
  ],
  ["EmailAddress", '{"mail":"ann@example.org"}', ["ann@example.org"]],
  ["EmailAddress", "a@b, @example.org, ann@, ann@example, ann@-x.org, 5@5.5", []],
  ["EmailAddress", "ann@example.org@example.com", ["ann@example.org"]],
  [
    "CreditCardNumber",
    "card 4111 1111 1111 1111 or 378282246310005",
    ["4111 1111 1111 1111", "378282246310005"],
  ],
  ["CreditCardNumber", "4111 1111 1111 1112, 12345678901234567890, 41111", []],
  ["CreditCardNumber", "5555-5555-5555-4444.", ["5555-5555-5555-4444"]],
  ["IpAddress", "from 10.0.0.1, 2001:db8::1 and 192.0.2.7.", ["10.0.0.1", "2001:db8::1", "192.0.2.7"]],
  ["IpAddress", "1.2.3, 256.1.1.1, 12:30, 1.2.3.4.5", []],
];
for (const [name, text, expected] of CASES) {
  test(`${name} in ${text}`, () => {
    const found = FINDERS[name]?.(text) ?? [];
    assert.deepEqual(
      found.map(([from, to]) => text.slice(from, to)),
      expected,
    );
  });
}

test("the longest messages of the worst kind are looked through", () => {
  for (const unit of ["@", "a@", "a@a.", "1", "1 ", "1-", "1.", ":", "f:", "a.a@a-"]) {
    const text = unit.repeat(262_144 / unit.length);
    for (const [name, find] of Object.entries(FINDERS)) assert.ok(Array.isArray(find(text)), name);
  }
});
