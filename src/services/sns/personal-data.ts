/**
 * Finding personal data by its form. Every finder reads a text once, with bounded looks around a place that
 * could be one, so that no text takes long. Pure.
 * https://docs.aws.amazon.com/sns/latest/dg/sns-message-data-protection-managed-data-identifiers.html
 */
import { isIP } from "node:net";

/** Places from, to (exclusive), in their order, none over another. */
export type Finder = (text: string) => readonly (readonly [number, number])[];

const LOCAL_MAX = 64;
const DOMAIN_MAX = 253;
const LOCAL = /[A-Za-z0-9._%+-]+$/u;
const DOMAIN = /^(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.){1,10}[A-Za-z]{2,24}(?![A-Za-z0-9-])/u;

function emailAddresses(text: string): [number, number][] {
  const found: [number, number][] = [];
  let end = 0;
  for (let at = text.indexOf("@"); at >= 0; at = text.indexOf("@", at + 1)) {
    const local = LOCAL.exec(text.slice(Math.max(end, at - LOCAL_MAX), at))?.[0];
    const domain =
      local === undefined ? undefined : DOMAIN.exec(text.slice(at + 1, at + 1 + DOMAIN_MAX))?.[0];
    if (local === undefined || domain === undefined) continue;
    end = at + 1 + domain.length;
    found.push([at - local.length, end]);
  }
  return found;
}

/** 13 to 19 digits whose last one is right, with single spaces or hyphens between them. */
function creditCardNumbers(text: string): [number, number][] {
  return places(text, /(?<![\d-])\d(?:[ -]?\d){12,18}(?![\d-])/gu, (number) =>
    isLuhn(number.replace(/\D/gu, "")),
  );
}

function isLuhn(digits: string): boolean {
  const sum = [...digits].toReversed().reduce((total, digit, index) => {
    const value = Number(digit) * (index % 2 === 0 ? 1 : 2);
    return total + (value > 9 ? value - 9 : value);
  }, 0);
  return sum % 10 === 0;
}

function ipAddresses(text: string): [number, number][] {
  return places(text, /(?<![\w:.])[0-9A-Fa-f:][0-9A-Fa-f:.]{1,44}(?![\w:])/gu, (word) => isIP(word) !== 0);
}

function places(text: string, pattern: RegExp, isOne: (word: string) => boolean): [number, number][] {
  const found: [number, number][] = [];
  for (const match of text.matchAll(pattern)) {
    // The full stop after an address ends the sentence.
    const word = match[0].replace(/\.$/u, "");
    if (isOne(word)) found.push([match.index, match.index + word.length]);
  }
  return found;
}

/** By AWS's names of managed data identifiers. */
export const FINDERS: Readonly<Record<string, Finder>> = {
  CreditCardNumber: creditCardNumbers,
  EmailAddress: emailAddresses,
  IpAddress: ipAddresses,
};
