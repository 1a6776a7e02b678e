/** Which events match: situations as AWS's own matcher and its recorded answers decide them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { compilePattern } from "./compile.ts";
import { matches } from "./pattern.ts";

type Json = unknown;
type Case = readonly [situation: string, pattern: Json, event: Json, expected: boolean];

const EXISTS = [{ exists: true }];
const ABSENT = [{ exists: false }];

const VALUES: readonly Case[] = [
  ["one of the values", { a: ["x", "y"] }, { a: "y" }, true],
  ["none of the values", { a: ["x", "y"] }, { a: "z" }, false],
  ["names are case-sensitive", { A: ["x"] }, { a: "x" }, false],
  ["values are case-sensitive", { a: ["X"] }, { a: "x" }, false],
  ["all fields must hold", { a: ["x"], b: ["y"] }, { a: "x", b: "n" }, false],
  ["an empty text", { a: [""] }, { a: "" }, true],
  ["an empty text is not null", { a: [""] }, { a: null }, false],
  ["null", { a: [null] }, { a: null }, true],
  ["null is not absence", { a: [null] }, {}, false],
  ["null is no text", { a: [null] }, { a: "null" }, false],
  ["a boolean", { a: [true] }, { a: true }, true],
  ["a boolean is no text", { a: [true] }, { a: "true" }, false],
  ["5 is 5.0", { a: [5] }, JSON.parse('{"a": 5.0}'), true],
  ["5 is 5e0", { a: [5] }, JSON.parse('{"a": 5e0}'), true],
  ["a number is no text", { a: [5] }, { a: "5" }, false],
  ["a number beyond the range of comparisons", { a: [123456789012] }, { a: 123456789012 }, true],
  ["an address however it is written", { a: ["::1"] }, { a: "0:0:0:0:0:0:0:1" }, true],
  ["exactly", { a: [{ exactly: "x" }] }, { a: "x" }, true],
  ["an event without the field's object", { a: { b: ["x"] } }, { a: "x" }, false],
  ["a field deeper than asked for", { a: ["x"] }, { a: { b: "x" } }, false],
  ["the last of two fields of a name counts", { a: { b: ["x"] }, "a.b": ["y"] }, { a: { b: "y" } }, true],
];

const DOTS: readonly Case[] = [
  ["a dotted name in the pattern", { "a.b": ["x"] }, { a: { b: "x" } }, true],
  ["a dotted name in the event", { a: { b: ["x"] } }, { "a.b": "x" }, true],
  ["a dotted name in both", { "a.b": ["x"] }, { "a.b": "x" }, true],
  ["dots in other places", { "a.b": { c: ["x"] } }, { a: { "b.c": "x" } }, true],
  ["a dotted name with another value", { "a.b": ["x"] }, { a: { b: "y" } }, false],
];

const TEXTS: readonly Case[] = [
  ["prefix", { a: [{ prefix: "us-" }] }, { a: "us-east-1" }, true],
  ["prefix of another", { a: [{ prefix: "us-" }] }, { a: "eu-us-1" }, false],
  ["prefix of a number", { a: [{ prefix: "1" }] }, { a: 12 }, false],
  ["an empty prefix is of every text", { a: [{ prefix: "" }] }, { a: "x" }, true],
  ["an empty prefix is of no number", { a: [{ prefix: "" }] }, { a: 1 }, false],
  ["prefix of any case", { a: [{ prefix: { "equals-ignore-case": "EventB" } }] }, { a: "EVENTBridge" }, true],
  ["suffix", { a: [{ suffix: ".png" }] }, { a: "x.png" }, true],
  ["suffix of another", { a: [{ suffix: ".png" }] }, { a: ".png.x" }, false],
  ["an empty suffix is of every text", { a: [{ suffix: "" }] }, { a: "x" }, true],
  ["suffix of any case", { a: [{ suffix: { "equals-ignore-case": ".png" } }] }, { a: "x.PNG" }, true],
  ["equals-ignore-case", { a: [{ "equals-ignore-case": "alice" }] }, { a: "AlIcE" }, true],
  ["equals-ignore-case of another", { a: [{ "equals-ignore-case": "alice" }] }, { a: "alicex" }, false],
  ["an empty text of any case", { a: [{ "equals-ignore-case": "" }] }, { a: "" }, true],
  ["an empty text of any case is no other", { a: [{ "equals-ignore-case": "" }] }, { a: "x" }, false],
  ["wildcard", { a: [{ wildcard: "*/dir/*" }] }, { a: "/a/dir/b" }, true],
  ["wildcard with nothing for its stars", { a: [{ wildcard: "a*b*c" }] }, { a: "abc" }, true],
  ["wildcard with too little", { a: [{ wildcard: "ab*bc" }] }, { a: "abc" }, false],
  ["wildcard of another", { a: [{ wildcard: "*/dir/*" }] }, { a: "/a/dirt/b" }, false],
  ["an empty wildcard is the empty text", { a: [{ wildcard: "" }] }, { a: "x" }, false],
  ["a star for itself", { a: [{ wildcard: "a\\*b*" }] }, { a: "a*bc" }, true],
  ["a star for itself and nothing else", { a: [{ wildcard: "a\\*b" }] }, { a: "axb" }, false],
];

const NUMBERS: readonly Case[] = [
  ["within a range", { a: [{ numeric: [">", 0, "<=", 5] }] }, { a: 5 }, true],
  ["at its open end", { a: [{ numeric: [">", 0, "<=", 5] }] }, { a: 0 }, false],
  ["equal, written otherwise", { a: [{ numeric: ["=", 3.018e2] }] }, { a: 301.8 }, true],
  ["a number in a text", { a: [{ numeric: ["=", 5] }] }, { a: "5" }, false],
  ["null", { a: [{ numeric: ["<", 5] }] }, { a: null }, false],
  ["a number beyond what is compared", { a: [{ numeric: [">", 0] }] }, { a: 5_000_000_001 }, false],
  ["two ranges", { a: [{ numeric: ["<", 0] }, { numeric: [">", 9] }] }, { a: 10 }, true],
];

const ADDRESSES: readonly Case[] = [
  ["in the block", { a: [{ cidr: "10.0.0.0/24" }] }, { a: "10.0.0.255" }, true],
  ["out of the block", { a: [{ cidr: "10.0.0.0/24" }] }, { a: "10.0.1.0" }, false],
  ["version 6", { a: [{ cidr: "2001:db8:1234:1a00::/56" }] }, { a: "2001:db8:1234:1aff::1" }, true],
  [
    "version 6, out of it",
    { a: [{ cidr: "2001:db8:1234:1a00::/56" }] },
    { a: "2001:db8:1234:1b00::1" },
    false,
  ],
  ["no address", { a: [{ cidr: "10.0.0.0/24" }] }, { a: "ten" }, false],
  ["no text", { a: [{ cidr: "10.0.0.0/24" }] }, { a: 10 }, false],
];

const EXISTENCE: readonly Case[] = [
  ["exists", { a: EXISTS }, { a: "x" }, true],
  ["null exists", { a: EXISTS }, { a: null }, true],
  ["nothing does not", { a: EXISTS }, { b: 1 }, false],
  ["an object is no value", { a: EXISTS }, { a: { b: 1 } }, false],
  ["an empty list has no value", { a: EXISTS }, { a: [] }, false],
  ["absent", { a: ABSENT }, { b: 1 }, true],
  ["null is not absent", { a: ABSENT }, { a: null }, false],
  ["an empty list is absent", { a: ABSENT }, { a: [] }, true],
  ["an object is absent as a value", { a: ABSENT }, { a: { b: 1 } }, true],
  ["absent with its parent", { a: { b: ABSENT } }, {}, true],
  ["absent, or a value", { a: [{ exists: false }, "x"] }, { a: "x" }, true],
  ["absent, or a value: absent", { a: [{ exists: false }, "x"] }, {}, true],
  ["absent, or a value: another", { a: [{ exists: false }, "x"] }, { a: "y" }, false],
];

const but = (value: Json): Json => ({ a: [{ "anything-but": value }] });
const ANYTHING_BUT: readonly Case[] = [
  ["another text", but("x"), { a: "y" }, true],
  ["the text", but("x"), { a: "x" }, false],
  ["null is something else", but("x"), { a: null }, true],
  ["nothing is not", but("x"), {}, false],
  ["a number is something else than a text", but("x"), { a: 5 }, true],
  ["zero", but(0), { a: 0 }, false],
  ["another number", but(0), { a: 1 }, true],
  ["one of a list", but(["x", "y"]), { a: "y" }, false],
  ["none of a list", but(["x", "y"]), { a: "z" }, true],
  ["null is none of a list", but(["x", "y"]), { a: null }, true],
  ["nothing is not none of a list", but(["x", "y"]), {}, false],
  ["one of a list of numbers", but([1, 2]), { a: 2 }, false],
  ["a list with something else in it", but("x"), { a: ["x", "y"] }, true],
  ["a list of nothing else", but("x"), { a: ["x", "x"] }, false],
  ["any case", but({ "equals-ignore-case": "init" }), { a: "INIT" }, false],
  ["any case, of null", but({ "equals-ignore-case": "init" }), { a: null }, true],
  ["any case, of nothing", but({ "equals-ignore-case": "init" }), {}, false],
  ["any case, a list", but({ "equals-ignore-case": ["init", "stop"] }), { a: "Stop" }, false],
  ["a prefix", but({ prefix: "in" }), { a: "init" }, false],
  ["a prefix, of a number", but({ prefix: "in" }), { a: 123 }, true],
  ["a prefix, of null", but({ prefix: "in" }), { a: null }, true],
  ["a prefix, of nothing", but({ prefix: "in" }), {}, false],
  ["prefixes", but({ prefix: ["in", "st"] }), { a: "stop" }, false],
  ["prefixes, of a number", but({ prefix: ["in", "st"] }), { a: 1 }, true],
  ["suffixes", but({ suffix: [".txt", ".rtf"] }), { a: "x.md" }, true],
  ["suffixes, of nothing", but({ suffix: [".txt", ".rtf"] }), {}, false],
  ["a wildcard", but({ wildcard: "*/bin/*" }), { a: "/x/bin/y" }, false],
  ["a wildcard, of a number", but({ wildcard: "*/bin/*" }), { a: 1 }, true],
  ["wildcards", but({ wildcard: ["*/bin/*", "*/init/*"] }), { a: "/x/lib/y" }, true],
  ["the empty wildcard", but({ wildcard: "" }), { a: "x" }, true],
];

const LISTS: readonly Case[] = [
  ["one element of a list", { a: ["x"] }, { a: ["y", "x"] }, true],
  ["no element of a list", { a: ["x"] }, { a: ["y", "z"] }, false],
  ["lists in lists", { a: ["x"] }, { a: [["y"], [["x"]]] }, true],
  ["fields of one element", { d: { a: EXISTS, b: EXISTS } }, { d: [{ a: 1, b: 2 }] }, true],
  ["fields of two elements", { d: { a: EXISTS, b: EXISTS } }, { d: [{ a: 1 }, { b: 2 }] }, false],
  [
    "the last element of three",
    { d: { a: EXISTS, b: EXISTS } },
    { d: [{ a: 1 }, { b: 2 }, { a: 3, b: 4 }] },
    true,
  ],
  [
    "one of many elements",
    { d: { a: ["t"], b: ["f"] } },
    { d: [{ a: "x" }, { a: "y" }, { a: "t", b: "f" }] },
    true,
  ],
  [
    "values of two elements",
    { d: { a: ["x"], b: ["y"] } },
    {
      d: [
        { a: "x", b: "n" },
        { a: "n", b: "y" },
      ],
    },
    false,
  ],
  [
    "an element's inner list",
    { u: { t: { k: ["c"], v: ["b"] } } },
    { u: [{ t: [{ k: "c", v: "b" }] }] },
    true,
  ],
  [
    "two elements of an inner list",
    { u: { t: { k: ["c"], v: ["b"] } } },
    { u: [{ t: [{ k: "c" }, { v: "b" }] }] },
    false,
  ],
  [
    "a name and an object of two elements",
    { d: { n: EXISTS, i: { x: ["1"] } } },
    { d: [{ n: "a" }, { i: { x: "1" } }] },
    false,
  ],
  [
    "a list of values beside a value",
    { d: { t: EXISTS, n: EXISTS } },
    { d: { t: ["a", "b"], n: "x" } },
    true,
  ],
  [
    "two independent lists",
    { a: { x: [1] }, b: { y: [2] } },
    { a: [{ x: 0 }, { x: 1 }], b: [{ y: 2 }, { y: 3 }] },
    true,
  ],
  [
    "many candidates, the last is good",
    { d: { e: EXISTS, n: EXISTS } },
    { d: [{ e: 1 }, { e: 2 }, { e: 3 }, { e: 4, n: 5 }] },
    true,
  ],
  ["absence in the element chosen", { d: { a: EXISTS, b: ABSENT } }, { d: [{ a: 1 }, { b: 2 }] }, true],
  ["no absence in the element chosen", { d: { a: EXISTS, b: ABSENT } }, { d: [{ a: 1, b: 2 }] }, false],
  [
    "absence is decided in the order of paths",
    { d: { b: EXISTS, a: ABSENT } },
    { d: [{ a: 1 }, { b: 2 }] },
    false,
  ],
  ["an empty list of objects", { d: { a: EXISTS } }, { d: [] }, false],
];

const or = (...alternatives: Json[]): Json => ({ $or: alternatives });
const ALTERNATIVES: readonly Case[] = [
  ["the first", or({ a: [1] }, { b: [2] }), { a: 1 }, true],
  ["the second", or({ a: [1] }, { b: [2] }), { b: 2 }, true],
  ["neither", or({ a: [1] }, { b: [2] }), { a: 2, b: 1 }, false],
  ["with a field beside it", { c: ["x"], $or: [{ a: [1] }, { b: [2] }] }, { b: 2 }, false],
  ["below a name", { d: or({ a: [1] }, { b: [2] }) }, { d: { b: 2 } }, true],
  ["within one another", or({ a: [1] }, or({ b: [2] }, { c: [3] })), { c: 3 }, true],
  [
    "two of them",
    { x: or({ a: [1] }, { b: [2] }), y: or({ a: [1] }, { b: [2] }) },
    { x: { a: 1 }, y: { b: 2 } },
    true,
  ],
  [
    "one of two fails",
    { x: or({ a: [1] }, { b: [2] }), y: or({ a: [1] }, { b: [2] }) },
    { x: { a: 1 }, y: {} },
    false,
  ],
  ["with absence", or({ a: ABSENT }, { a: ["x"] }), { b: 1 }, true],
  ["with absence of a parent", { d: or({ a: ABSENT }, { a: ["x"] }) }, {}, true],
  ["with anything-but", or({ a: [{ "anything-but": "x" }] }, { a: ABSENT }), { a: "x" }, false],
  [
    "with numbers",
    or({ a: [{ numeric: ["=", 1] }] }, { b: [{ "anything-but": [2] }] }),
    { a: 2, b: 2 },
    false,
  ],
  [
    "fields of one element in each branch",
    { d: or({ a: [1], b: [2] }, { c: [3] }) },
    { d: [{ a: 1 }, { b: 2 }] },
    false,
  ],
];

const TABLES = { VALUES, DOTS, TEXTS, NUMBERS, ADDRESSES, EXISTENCE, ANYTHING_BUT, LISTS, ALTERNATIVES };

for (const [name, cases] of Object.entries(TABLES)) {
  test(`what matches: ${name.toLowerCase().replace("_", "-")}`, () => {
    for (const [situation, pattern, event, expected] of cases) {
      const compiled = compilePattern(JSON.stringify(pattern));
      assert.equal(
        matches(compiled, event),
        expected,
        `${situation}: ${JSON.stringify(pattern)} of ${JSON.stringify(event)}`,
      );
    }
  });
}

test("what is no object matches nothing", () => {
  const pattern = compilePattern(JSON.stringify({ a: ABSENT }));
  for (const event of [null, "text", 5, [{ b: 1 }], undefined]) assert.equal(matches(pattern, event), false);
});

test("a hostile event and a hostile pattern come to an end", () => {
  const fields = ["a", "b", "c", "d", "e", "f", "g", "h"];
  const event = Object.fromEntries(
    fields.map((name) => [name, Array.from({ length: 300 }, (_, index) => ({ x: index, y: index + 1 }))]),
  );
  const pattern = Object.fromEntries(fields.map((name) => [name, { x: EXISTS, y: EXISTS }]));
  // The last field never holds, after all the others could be chosen in any way.
  assert.equal(matches(compilePattern(JSON.stringify({ ...pattern, z: ["never"] })), event), false);
  const deep = JSON.parse(`{"a": ${"[".repeat(20_000)}${"]".repeat(20_000)}}`) as Json;
  assert.equal(matches(compilePattern('{"a": [1]}'), deep), false);
  const repeated = Array.from({ length: 30 }, () => '"$or":[{"a":[1]},{"b":[2]}]').join(",");
  assert.throws(() => compilePattern(`{${repeated}}`), /Rule is too complex/u);
});
