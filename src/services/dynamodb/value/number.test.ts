import assert from "node:assert/strict";
import { test } from "node:test";
import {
  addNumbers,
  compareNumbers,
  encodeNumber,
  formatNumber,
  negate,
  normalizeNumber,
  numberSize,
  parseNumber,
} from "./number.ts";

const NINES = "9".repeat(38);

for (const [text, shown] of [
  ["0", "0"],
  ["-0", "0"],
  ["000.000", "0"],
  ["1.50", "1.5"],
  ["+7", "7"],
  [".5", "0.5"],
  ["5.", "5"],
  ["00120", "120"],
  ["1e3", "1000"],
  ["1.25E+2", "125"],
  ["0e125", "0"],
  ["-12.5e-3", "-0.0125"],
  ["123456789012345", "123456789012345"],
  [NINES, NINES],
  [`${NINES}0000`, `${NINES}0000`],
  ["1E125", `1${"0".repeat(125)}`],
  ["1E-130", `0.${"0".repeat(129)}1`],
] as const) {
  test(`${text} is kept as ${shown.slice(0, 50)}`, () => assert.equal(normalizeNumber(text), shown));
}

for (const [text, sentence] of [
  ["", "The parameter cannot be converted to a numeric value"],
  ["abc", "The parameter cannot be converted to a numeric value: abc"],
  [" 1", "The parameter cannot be converted to a numeric value:  1"],
  ["1 ", "The parameter cannot be converted to a numeric value: 1 "],
  [".", "The parameter cannot be converted to a numeric value: ."],
  ["NaN", "The parameter cannot be converted to a numeric value: NaN"],
  ["1e", "The parameter cannot be converted to a numeric value: 1e"],
  [`${NINES}1`, "Attempting to store more than 38 significant digits in a Number"],
  [
    "1e99999999999",
    "Number overflow. Attempting to store a number with magnitude larger than supported range",
  ],
  [
    "1e-99999999999",
    "Number underflow. Attempting to store a number with magnitude smaller than supported range",
  ],
  ["0e126", "Number overflow. Attempting to store a number with magnitude larger than supported range"],
  ["0e-131", "Number underflow. Attempting to store a number with magnitude smaller than supported range"],
  ["1e9223372036854775808", "The parameter cannot be converted to a numeric value: 1e9223372036854775808"],
  [`1e${"9".repeat(30)}`, `The parameter cannot be converted to a numeric value: 1e${"9".repeat(30)}`],
  ["1e126", "Number overflow. Attempting to store a number with magnitude larger than supported range"],
  ["-1e126", "Number overflow. Attempting to store a number with magnitude larger than supported range"],
  ["1e-131", "Number underflow. Attempting to store a number with magnitude smaller than supported range"],
] as const) {
  test(`"${text.slice(0, 20)}" is refused: ${sentence.slice(0, 40)}`, () => {
    assert.throws(() => normalizeNumber(text), { name: "ValidationException", message: sentence });
  });
}

/** A seeded generator: a failure can be run again. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

function randomNumber(next: () => number): string {
  const digits = Array.from({ length: 1 + Math.floor(next() * 12) }, () => Math.floor(next() * 10)).join("");
  const exponent = Math.floor(next() * 24) - 12;
  return `${next() < 0.5 ? "-" : ""}${digits}e${String(exponent)}`;
}

/** The same as a whole multiple of 1e-40, by arithmetic that shares nothing with what is tested. */
function scaled(text: string): bigint {
  const [mantissa = "0", exponent = "0"] = text.split("e");
  const sign = mantissa.startsWith("-") ? -1n : 1n;
  return sign * BigInt(mantissa.replace("-", "")) * 10n ** BigInt(Number(exponent) + 40);
}

test("encoded bytes sort as the numbers do, for 3,000 pairs", () => {
  const next = generator(7);
  for (let i = 0; i < 3000; i++) {
    const [a, b] = [randomNumber(next), randomNumber(next)];
    const expected = scaled(a) < scaled(b) ? -1 : scaled(a) > scaled(b) ? 1 : 0;
    const left = parseNumber(a);
    const right = parseNumber(b);
    assert.equal(Math.sign(compareNumbers(left, right)), expected, `${a} and ${b} as numbers`);
    const order = Buffer.compare(encodeNumber(left), encodeNumber(right));
    assert.equal(order, expected, `${a} and ${b} as bytes`);
  }
});

test("sums are exact, for 2,000 pairs", () => {
  const next = generator(11);
  for (let i = 0; i < 2000; i++) {
    const [a, b] = [randomNumber(next), randomNumber(next)];
    const sum = formatNumber(addNumbers(parseNumber(a), parseNumber(b)));
    const [whole = "0", fraction = ""] = sum.replace("-", "").split(".");
    const shown = BigInt(whole + fraction.padEnd(40, "0")) * (sum.startsWith("-") ? -1n : 1n);
    assert.equal(shown, scaled(a) + scaled(b), `${a} + ${b} = ${sum}`);
  }
});

test("a sum of more than 38 digits is refused, not rounded", () => {
  const big = parseNumber("1e60");
  assert.throws(() => addNumbers(big, parseNumber("1")), /38 significant digits/);
  assert.equal(formatNumber(addNumbers(big, negate(big))), "0");
});

for (const [text, bytes] of [
  ["0", 1],
  ["1", 2],
  ["12", 2],
  ["123", 3],
  ["1.2", 3],
  ["100", 2],
  ["-5", 3],
] as const) {
  test(`${text} counts for ${String(bytes)} bytes`, () => assert.equal(numberSize(parseNumber(text)), bytes));
}
