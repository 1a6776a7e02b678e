/**
 * DynamoDB's numbers: exact decimals of up to 38 digits, magnitudes 1E-130 to 9.9…9E+125.
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html
 */
import { invalidNumber, numberOverflow, numberUnderflow, tooManyDigits } from "./refusals.ts";

/** sign × d.ddd × 10^exponent, where `digits` has zeros at neither end. Zero has no digits and sign 0. */
export interface Decimal {
  readonly sign: -1 | 0 | 1;
  readonly digits: string;
  readonly exponent: number;
}

const DIGITS_MAX = 38;
const EXPONENT_MAX = 125;
const EXPONENT_MIN = -130;
/** Of 64 bits, with its sign. */
const EXPONENT_LENGTH_MAX = 20;
const NUMBER = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d+))?$/u;
const ZERO: Decimal = { sign: 0, digits: "", exponent: 0 };

/** Errors: ValidationException for what is no number, is too long or out of range. */
export function parseNumber(text: string): Decimal {
  const match = NUMBER.exec(text);
  const whole = match?.[2] ?? "";
  const all = whole + (match?.[3] ?? "");
  if (match === null || all === "") throw invalidNumber(text);
  const power = exponentOf(match[4], text);
  let start = 0;
  while (all.charCodeAt(start) === 48) start += 1;
  if (start === all.length) return checked({ ...ZERO, exponent: power });
  let end = all.length;
  while (all.charCodeAt(end - 1) === 48) end -= 1;
  const exponent = whole.length - 1 - start + power;
  return checked({ sign: match[1] === "-" ? -1 : 1, digits: all.slice(start, end), exponent });
}

/** Errors: ValidationException for what no 64 bits hold. */
function exponentOf(text: string | undefined, number: string): number {
  if (text === undefined) return 0;
  if (text.length > EXPONENT_LENGTH_MAX || BigInt.asIntN(64, BigInt(text)) !== BigInt(text)) {
    throw invalidNumber(number);
  }
  return Number(text);
}

/** Zero, too, is judged by the exponent it is written with. */
function checked(number: Decimal): Decimal {
  if (number.exponent > EXPONENT_MAX) throw numberOverflow();
  if (number.exponent < EXPONENT_MIN) throw numberUnderflow();
  if (number.sign === 0) return ZERO;
  if (number.digits.length > DIGITS_MAX) throw tooManyDigits();
  return number;
}

/** As AWS prints it: plain notation, no zeros that say nothing. */
export function formatNumber({ sign, digits, exponent }: Decimal): string {
  if (sign === 0) return "0";
  const minus = sign < 0 ? "-" : "";
  if (exponent < 0) return `${minus}0.${"0".repeat(-exponent - 1)}${digits}`;
  if (digits.length <= exponent + 1) return minus + digits.padEnd(exponent + 1, "0");
  return `${minus}${digits.slice(0, exponent + 1)}.${digits.slice(exponent + 1)}`;
}

/** The one spelling that equal numbers share. */
export function normalizeNumber(text: string): string {
  // What is short, whole and canonical already is most of what comes.
  return /^(?:0|-?[1-9]\d{0,14})$/u.test(text) ? text : formatNumber(parseNumber(text));
}

export function compareNumbers(a: Decimal, b: Decimal): number {
  if (a.sign !== b.sign) return a.sign - b.sign;
  if (a.sign === 0) return 0;
  if (a.exponent !== b.exponent) return (a.exponent - b.exponent) * a.sign;
  // Fractions compare like text: a shorter one that is a beginning of the other is the smaller one.
  return (a.digits < b.digits ? -1 : a.digits > b.digits ? 1 : 0) * a.sign;
}

/** Exact sum; a result of more than 38 digits is refused, never rounded. */
export function addNumbers(a: Decimal, b: Decimal): Decimal {
  if (a.sign === 0) return b;
  if (b.sign === 0) return a;
  const scale = Math.min(a.exponent - a.digits.length, b.exponent - b.digits.length) + 1;
  const sum = scaled(a, scale) + scaled(b, scale);
  if (sum === 0n) return ZERO;
  const all = (sum < 0n ? -sum : sum).toString();
  const digits = all.replace(/0+$/u, "");
  return checked({ sign: sum < 0n ? -1 : 1, digits, exponent: all.length - 1 + scale });
}

/** The number as a whole multiple of 10^scale. */
function scaled({ sign, digits, exponent }: Decimal, scale: number): bigint {
  return BigInt(sign) * BigInt(digits) * 10n ** BigInt(exponent - digits.length + 1 - scale);
}

export function negate(number: Decimal): Decimal {
  return { ...number, sign: -number.sign as Decimal["sign"] };
}

/**
 * Bytes that sort as the numbers do: a byte for the sign, one for the exponent, then two digits a
 * byte. Of negative numbers everything after the sign is turned around and closed by 0xFF, so that
 * the longer of two sorts first.
 */
export function encodeNumber({ sign, digits, exponent }: Decimal): Uint8Array {
  if (sign === 0) return Uint8Array.of(1);
  const pairs = Math.ceil(digits.length / 2);
  const bytes = new Uint8Array(2 + pairs + (sign < 0 ? 1 : 0));
  bytes[0] = sign < 0 ? 0 : 2;
  bytes[1] = exponent - EXPONENT_MIN;
  for (let i = 0; i < pairs; i++) bytes[2 + i] = Number(digits.slice(2 * i, 2 * i + 2).padEnd(2, "0")) + 1;
  if (sign < 0) {
    for (let i = 1; i < bytes.length - 1; i++) bytes[i] = 255 - (bytes[i] ?? 0);
    bytes[bytes.length - 1] = 255;
  }
  return bytes;
}

/** Bytes it counts for: digits are kept in pairs around the decimal point, plus one, plus a sign. */
export function numberSize({ sign, digits, exponent }: Decimal): number {
  if (sign === 0) return 1;
  const halfPair = (exponent & 1) === 0 ? 1 : 0;
  return 1 + Math.ceil((digits.length + halfPair) / 2) + (sign < 0 ? 1 : 0);
}
