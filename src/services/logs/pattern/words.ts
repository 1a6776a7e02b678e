/**
 * `[ip, user, ..., status = 4* || status = 5*, bytes > 1000]`: one field for each word of a line. Words
 * are split at spaces; what stands in double quotes or square brackets is one word. `...` stands for
 * any number of fields. A line matches when it has as many words and every condition holds.
 */
import { OPERATOR, type Operator, parseComparison, type Test } from "./comparison.ts";
import { createScanner, PatternError, type Scanner } from "./scanner.ts";

/** `rest` stands for any number of words. */
type Field = Test | "rest";

const NAME = /[A-Za-z_][\w-]*/;

export function compileWords(pattern: string): (message: string) => boolean {
  const fields = parseFields(createScanner(pattern));
  const rest = fields.indexOf("rest");
  if (rest !== fields.lastIndexOf("rest")) throw new PatternError("one ellipsis at most");
  const tests = fields.filter((field) => field !== "rest");
  const tailLength = rest === -1 ? 0 : tests.length - rest;
  return (message) => {
    const words = splitWords(message);
    if (rest === -1 ? words.length !== tests.length : words.length < tests.length) return false;
    return tests.every((test, index) => {
      const behind = rest !== -1 && index >= rest;
      return test(words[behind ? words.length - tailLength + (index - rest) : index]);
    });
  };
}

function parseFields(scanner: Scanner): Field[] {
  scanner.need(/\[/);
  const fields: Field[] = [];
  for (;;) {
    scanner.skipSpace();
    fields.push(scanner.take(/\.\.\./) === undefined ? parseEither(scanner) : "rest");
    scanner.skipSpace();
    if (scanner.take(/,/) !== undefined) continue;
    scanner.need(/\]/);
    if (!scanner.atEnd()) throw new PatternError("text after the pattern");
    return fields;
  }
}

function parseEither(scanner: Scanner): Test {
  const any = [parseBoth(scanner)];
  for (scanner.skipSpace(); scanner.take(/\|\|/) !== undefined; scanner.skipSpace())
    any.push(parseBoth(scanner));
  return (word) => any.some((test) => test(word));
}

function parseBoth(scanner: Scanner): Test {
  const all = [parseField(scanner)];
  for (scanner.skipSpace(); scanner.take(/&&/) !== undefined; scanner.skipSpace())
    all.push(parseField(scanner));
  return (word) => all.every((test) => test(word));
}

function parseField(scanner: Scanner): Test {
  scanner.skipSpace();
  if (scanner.take(/\(/) !== undefined) {
    const inner = parseEither(scanner);
    scanner.skipSpace();
    scanner.need(/\)/);
    return inner;
  }
  scanner.need(NAME);
  scanner.skipSpace();
  const operator = scanner.take(OPERATOR);
  if (operator === undefined) return () => true;
  return parseComparison(scanner, operator as Operator);
}

function splitWords(message: string): string[] {
  const words: string[] = [];
  for (const [, quoted, bracketed, plain] of message.trim().matchAll(/"([^"]*)"|\[([^\]]*)\]|(\S+)/g)) {
    words.push(quoted ?? bracketed ?? plain ?? "");
  }
  return words;
}
