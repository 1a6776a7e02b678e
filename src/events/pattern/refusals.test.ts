/** What is no pattern, in AWS's words and with the place to which it was read. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { complexityOf, isTooComplex } from "./wildcard.ts";
import { compilePattern, EVENTS, PatternError, SNS, type Dialect } from "./compile.ts";

function refusalOf(text: string, dialect: Dialect = EVENTS): string {
  try {
    compilePattern(text, dialect);
  } catch (error) {
    assert.ok(error instanceof PatternError, String(error));
    return error.message;
  }
  throw new Error(`${text} was taken`);
}

/** The source is told as it was given; only the column differs. */
const at = (text: string, column: number): string =>
  `\n at [Source: (String)"${text}"; line: 1, column: ${String(column)}]`;

type Case = readonly [text: string, reason: string, column: number];

const STRUCTURE: readonly Case[] = [
  ['["a"]', "Filter is not an object", 2],
  ["", "Filter is not an object", 1],
  ["12", "Filter is not an object", 3],
  ["{}", "Empty objects are not allowed", 3],
  ['{"a": {}}', "Empty objects are not allowed", 9],
  ['{"a": []}', "Empty arrays are not allowed", 9],
  ['{"a": "x"}', '"a" must be an object or an array', 8],
  ['{"a": 42}', '"a" must be an object or an array', 9],
  ['{"a": null}', '"a" must be an object or an array', 11],
  ['{"a": [["x"]]}', "Match value must be String, number, true, false, or null", 9],
  ['{"a": [{}]}', "Match expression name not found", 10],
  ['{"a": [{"EXISTS": true}]}', "Unrecognized match type EXISTS", 23],
  ['{"a": [{"prefix": "x", "suffix": "y"}]}', "Only one key allowed in match expression", 35],
];

const OPERATORS: readonly Case[] = [
  ['{"a": [{"exists": "yes"}]}', "exists match pattern must be either true or false.", 20],
  ['{"a": [{"prefix": 5}]}', "prefix match pattern must be a string", 20],
  ['{"a": [{"prefix": ["x"]}]}', "prefix match pattern must be a string", 20],
  ['{"a": [{"prefix": {"x": "y"}}]}', "Unsupported prefix pattern: x", 26],
  ['{"a": [{"suffix": null}]}', "suffix match pattern must be a string", 23],
  ['{"a": [{"equals-ignore-case": []}]}', "equals-ignore-case match pattern must be a string", 32],
  ['{"a": [{"wildcard": 5}]}', "wildcard match pattern must be a string", 22],
  ['{"a": [{"wildcard": "a**b"}]}', "Consecutive wildcard characters at pos 2", 27],
  ['{"a": [{"wildcard": "é\\\\x"}]}', "Invalid escape character at pos 3", 27],
  ['{"a": [{"cidr": 5}]}', "prefix match pattern must be a string", 18],
  ['{"a": [{"numeric": 5}]}', "Value of numeric must be an array.", 21],
  ['{"a": [{"numeric": []}]}', "Invalid member in numeric match: ]", 22],
  ['{"a": [{"numeric": [5]}]}', "Invalid member in numeric match: 5", 22],
  ['{"a": [{"numeric": ["!", 5]}]}', "Unrecognized numeric range operator: !", 27],
  ['{"a": [{"numeric": ["=", "5"]}]}', "Value of equals must be numeric", 27],
  ['{"a": [{"numeric": ["=", 5, "<", 6]}]}', "Too many elements in numeric expression", 30],
  ['{"a": [{"numeric": [">", 5, 6]}]}', "Bad value in numeric range: 6", 30],
  ['{"a": [{"numeric": [">", 5, "<", 6, 7]}]}', "Too many terms in numeric range expression", 38],
  ['{"a": [{"numeric": [">", 6, "<", 5]}]}', "Bottom must be less than top", 36],
  ['{"a": [{"numeric": ["=", 5000000001]}]}', "Value must be between -5.0E9 and 5.0E9, inclusive", 37],
];

const ANYTHING_BUT: readonly Case[] = [
  [
    '{"a": [{"anything-but": null}]}',
    "Value of anything-but must be an array or single string/number value.",
    29,
  ],
  [
    '{"a": [{"anything-but": true}]}',
    "Value of anything-but must be an array or single string/number value.",
    29,
  ],
  ['{"a": [{"anything-but": {"numeric": []}}]}', "Unsupported anything-but pattern: numeric", 38],
  ['{"a": [{"anything-but": {"prefix": 5}}]}', "prefix/suffix match pattern must be a string", 37],
  ['{"a": [{"anything-but": {"suffix": ""}}]}', "Null prefix/suffix not allowed", 38],
  [
    '{"a": [{"anything-but": []}]}',
    "Inside anything but list, either all values are number or string, mixed type is not supported",
    27,
  ],
  [
    '{"a": [{"anything-but": [1, "x"]}]}',
    "Inside anything but list, either all values are number or string, mixed type is not supported",
    33,
  ],
];

const OR: readonly Case[] = [
  ['{"$or": {"a": [1]}}', "It must be an Array followed with $or.", 10],
  ['{"$or": [{"a": [1]}]}', "There must have at least 2 Objects in $or relationship.", 21],
  ['{"$or": [{"a": [1]}, "b"]}', "Only JSON object is allowed in array of $or relationship.", 23],
  [
    '{"$or": [{"a": [1]}, {"prefix": ["x"]}]}',
    "prefix is Ruler reserved fieldName which cannot be used inside $or.",
    34,
  ],
];

const SYNTAX: readonly Case[] = [
  [
    "this is none",
    "Unrecognized token 'this': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')",
    5,
  ],
  [
    '{"a": nope}',
    "Unrecognized token 'nope': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')",
    11,
  ],
  ["{'a': 1}", "Unexpected character (''' (code 39)): was expecting double-quote to start field name", 2],
  [
    '{"a": [1],}',
    "Unexpected character ('}' (code 125)): was expecting double-quote to start field name",
    11,
  ],
  [
    '{"a" [1]}',
    "Unexpected character ('[' (code 91)): was expecting a colon to separate field name and value",
    6,
  ],
  [
    '{"a": ["x" "y"]}',
    "Unexpected character ('\"' (code 34)): was expecting comma to separate Array entries",
    12,
  ],
  [
    '{"a": ["x"] "b"}',
    "Unexpected character ('\"' (code 34)): was expecting comma to separate Object entries",
    13,
  ],
  [
    '{"a": [<]}',
    "Unexpected character ('<' (code 60)): expected a valid value (JSON String, Number, Array, Object or token 'null', 'true' or 'false')",
    8,
  ],
  ['{"a": [01]}', "Invalid numeric value: Leading zeroes not allowed", 9],
];

for (const [name, cases] of Object.entries({ STRUCTURE, OPERATORS, ANYTHING_BUT, OR, SYNTAX })) {
  test(`refusals: ${name.toLowerCase().replace("_", "-")}`, () => {
    for (const [text, reason, column] of cases) assert.equal(refusalOf(text), reason + at(text, column));
  });
}

test("an end that comes too early says what was open", () => {
  const text = '{"a": ["x"';
  const began = '[Source: (String)"{"a": ["x""; line: 1, column: 7]';
  assert.equal(
    refusalOf(text),
    `Unexpected end-of-input: expected close marker for Array (start marker at ${began})${at(text, 11)}`,
  );
  assert.match(
    refusalOf('{"a": ["x'),
    /^Unexpected end-of-input: was expecting closing quote for a string value\n/u,
  );
  assert.match(
    refusalOf('{"a": ["x"}'),
    /^Unexpected close marker '\}': expected '\]' \(for Array starting at /u,
  );
});

test("what is refused within a list tells its place twice", () => {
  for (const [text, reason, column] of [
    [
      '{"a": [{"anything-but": ["x", null]}]}',
      "Inside anything but list, start|null|boolean is not supported.",
      35,
    ],
    ['{"a": [{"anything-but": {"prefix": [5]}}]}', "prefix/suffix match pattern must be a string", 38],
    [
      '{"a": [{"anything-but": {"equals-ignore-case": [5]}}]}',
      "Inside anything-but/equals-ignore-case list, number|start|null|boolean is not supported.",
      50,
    ],
  ] as const) {
    assert.equal(refusalOf(text), reason + at(text, column) + at(text, column));
  }
});

test("what is refused without a place", () => {
  const cidr = (text: string): string => refusalOf(JSON.stringify({ a: [{ cidr: text }] }));
  assert.equal(cidr("10.0.0.0"), "Malformed CIDR, one '/' required");
  assert.equal(cidr("10.0.0.0/x"), "Malformed CIDR, mask bits must be an integer");
  assert.equal(cidr("10.0.0.0/-1"), "Malformed CIDR, mask bits must not be negative");
  assert.equal(cidr("10.0.0.0/32"), "IPv4 mask bits must be < 32");
  assert.equal(cidr("::/128"), "IPv6 mask bits must be < 128");
  assert.equal(cidr("10.0.0/8"), "Nonstandard IP address: 10.0.0");
  assert.equal(
    refusalOf(JSON.stringify({ a: [{ wildcard: "*a".repeat(60) }] })),
    "Rule is too complex - try using fewer wildcard characters or fewer repeating character sequences after a wildcard character",
  );
});

test("lines are counted, and long sources cut off", () => {
  assert.match(refusalOf('{\n  "a": "x"\n}'), /; line: 2, column: 9\]$/u);
  const long = `{"a": "${"x".repeat(600)}"}`;
  assert.ok(
    refusalOf(long).endsWith(`(String)"${long.slice(0, 500)}"[truncated 109 chars]; line: 1, column: 8]`),
  );
});

test("what follows the pattern is not read", () => {
  compilePattern('{"a": [1]} and more');
});

test("each user has operators of its own", () => {
  assert.match(refusalOf('{"a": [{"exactly": "x"}]}', SNS), /^Unrecognized match type exactly/u);
  assert.match(
    refusalOf('{"a": [{"prefix": {"equals-ignore-case": "x"}}]}', SNS),
    /^prefix match pattern must be a string/u,
  );
  compilePattern('{"a": [{"cidr": "10.0.0.0/8"}, {"anything-but": {"suffix": "x"}}]}', SNS);
});

test("how complex the wildcards of a field may be", () => {
  const path = (kind: string): string => `*/datasync/*.${kind}`;
  const cases: readonly (readonly [wildcards: readonly string[], tooComplex: boolean])[] = [
    [["*.bif", "*.tiff", "*.tif", "*.svs"], false],
    [[path("bif"), path("tif")], false],
    [[path("bif"), path("tiff"), path("tif"), path("svs")], true],
    [["arn:aws:events:us-east-1:*:event-bus/*"], false],
    [["*aaaaa"], false],
    [[`*${"a".repeat(20)}`], true],
    [["a*b*c*d*e"], false],
    [["*a".repeat(12)], true],
    [["plain"], false],
    [["*/dir/*", "/usr/*/bin/*"], false],
  ];
  for (const [wildcards, expected] of cases) {
    assert.equal(isTooComplex(wildcards), expected, wildcards.join(" "));
  }
});

test("wildcards are counted as AWS's own library counts them", () => {
  const cases: readonly (readonly [count: number, ...wildcards: readonly string[]])[] = [
    [1, "*"],
    [1, "xyz"],
    [2, "*xy"],
    [3, "*xx"],
    [2, "xx*"],
    [3, "x*yy"],
    [4, "*xy*xz"],
    [5, "x*y*yy"],
    [3, "x*y*zq"],
    [17, "*x*x*x*x*x*x*x*x*"],
    [2, "xy*z", "xy*z"],
    [3, "*", "xy*z"],
    [4, "*xyz", "*xyzqr"],
    [7, "x*xxx", "xx*xx"],
    [6, "xy*ab", "xy*cd", "xy*ef"],
    [10, "L*ambdaLambda", "La*mbdaLambda", "Lam*bdaLambda"],
  ];
  for (const [count, ...wildcards] of cases) {
    assert.equal(complexityOf(wildcards, 100), count, wildcards.join(" "));
  }
});
