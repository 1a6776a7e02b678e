/**
 * AWS's six-field cron: minutes hours day-of-month month day-of-week year.
 * https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html
 *
 * Each field is a set of numbers; a day field may hold rules about a month instead (`L`, `15W`, `6L`,
 * `3#2`). Exactly one of the two day fields is `?`. The next time is found field by field: year,
 * month, day, hour, minute, each the smallest that fits, so that no expression needs a long search.
 * Days of the week count from Sunday = 1.
 */

/** A moment on a calendar, without a zone. `month` 1–12. */
export interface CivilTime {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
}

/** Says which days of a month are meant. */
type DayRule = (year: number, month: number) => readonly number[];

export interface Cron {
  readonly minutes: readonly number[];
  readonly hours: readonly number[];
  readonly months: readonly number[];
  readonly years: readonly number[];
  readonly days: DayRule;
}

const MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const WEEKDAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];
const YEAR_MIN = 1970;
const YEAR_MAX = 2199;

/** The text between `cron(` and `)`. Undefined when it is no valid expression. */
export function parseCron(text: string): Cron | undefined {
  const fields = text.trim().split(/\s+/u);
  if (fields.length !== 6) return undefined;
  const [minute = "", hour = "", dayOfMonth = "", month = "", dayOfWeek = "", year = ""] = fields.map(
    (field) => field.toUpperCase(),
  );
  const minutes = numbersOf(minute, 0, 59);
  const hours = numbersOf(hour, 0, 23);
  const months = numbersOf(month, 1, 12, MONTHS);
  const years = numbersOf(year, YEAR_MIN, YEAR_MAX);
  const days =
    (dayOfMonth === "?") === (dayOfWeek === "?")
      ? undefined
      : dayOfWeek === "?"
        ? daysOfMonth(dayOfMonth)
        : daysOfWeek(dayOfWeek);
  if (minutes === undefined || hours === undefined || months === undefined) return undefined;
  if (years === undefined || days === undefined) return undefined;
  return { minutes, hours, months, years, days };
}

/** The first time after `from` (exclusive). Undefined when there is none any more. */
export function nextCivil(cron: Cron, from: CivilTime): CivilTime | undefined {
  for (const year of cron.years) {
    if (year < from.year) continue;
    for (const month of cron.months) {
      if (year === from.year && month < from.month) continue;
      const isMonth = year === from.year && month === from.month;
      for (const day of cron.days(year, month)) {
        if (isMonth && day < from.day) continue;
        const isToday = isMonth && day === from.day;
        for (const hour of cron.hours) {
          if (isToday && hour < from.hour) continue;
          const isHour = isToday && hour === from.hour;
          const minute = cron.minutes.find((one) => !isHour || one > from.minute);
          if (minute !== undefined) return { year, month, day, hour, minute };
        }
      }
    }
  }
  return undefined;
}

const lengthOf = (year: number, month: number): number => new Date(Date.UTC(year, month, 0)).getUTCDate();
/** 1 is Sunday. */
const weekdayOf = (year: number, month: number, day: number): number =>
  new Date(Date.UTC(year, month - 1, day)).getUTCDay() + 1;
const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);

function daysOfMonth(text: string): DayRule | undefined {
  const rules = text.split(",").map(dayOfMonth);
  if (rules.some((rule) => rule === undefined)) return undefined;
  return (year, month) => sorted(rules.flatMap((rule) => rule?.(year, month) ?? []));
}

function dayOfMonth(text: string): DayRule | undefined {
  const fromEnd = /^L(?:-(\d{1,2}))?$/u.exec(text);
  if (fromEnd !== null) {
    const before = Number(fromEnd[1] ?? 0);
    return (year, month) => [lengthOf(year, month) - before].filter((day) => day >= 1);
  }
  const weekday = /^(\d{1,2}|L)W$/u.exec(text);
  if (weekday !== null) {
    const wanted = weekday[1] === "L" ? undefined : Number(weekday[1]);
    if (wanted !== undefined && (wanted < 1 || wanted > 31)) return undefined;
    return (year, month) => {
      const length = lengthOf(year, month);
      const day = wanted ?? length;
      return day > length ? [] : [nearestWeekday(year, month, day, length)];
    };
  }
  const days = numbersOf(text, 1, 31);
  return days === undefined ? undefined : (year, month) => days.filter((day) => day <= lengthOf(year, month));
}

/** Monday to Friday, within the same month. */
function nearestWeekday(year: number, month: number, day: number, length: number): number {
  const weekday = weekdayOf(year, month, day);
  if (weekday === 7) return day === 1 ? 3 : day - 1;
  if (weekday === 1) return day === length ? day - 2 : day + 1;
  return day;
}

function daysOfWeek(text: string): DayRule | undefined {
  const rules = text.split(",").map(dayOfWeek);
  if (rules.some((rule) => rule === undefined)) return undefined;
  return (year, month) => sorted(rules.flatMap((rule) => rule?.(year, month) ?? []));
}

function dayOfWeek(text: string): DayRule | undefined {
  const on = (weekdays: readonly number[]): DayRule => {
    return (year, month) =>
      upTo(lengthOf(year, month)).filter((day) => weekdays.includes(weekdayOf(year, month, day)));
  };
  if (text === "L") return on([7]);
  const last = /^([A-Z]{3}|[1-7])L$/u.exec(text);
  const nth = /^([A-Z]{3}|[1-7])#([1-5])$/u.exec(text);
  const special = last ?? nth;
  if (special !== null) {
    const weekday = numberOf(special[1] ?? "", 1, WEEKDAYS);
    if (weekday === undefined || weekday < 1 || weekday > 7) return undefined;
    const index = nth === null ? -1 : Number(nth[2]) - 1;
    return (year, month) => [on([weekday])(year, month).at(index)].filter((day) => day !== undefined);
  }
  const weekdays = numbersOf(text, 1, 7, WEEKDAYS);
  return weekdays === undefined ? undefined : on(weekdays);
}

/** `*`, `5`, `1-4`, `0/15`, `MON-FRI`, and lists of them. Undefined when anything is out of range. */
function numbersOf(
  text: string,
  min: number,
  max: number,
  names: readonly string[] = [],
): readonly number[] | undefined {
  const numbers: number[] = [];
  for (const part of text.split(",")) {
    const [range = "", stepText, more] = part.split("/");
    if (more !== undefined) return undefined;
    const step = stepText === undefined ? 1 : /^\d+$/u.test(stepText) ? Number(stepText) : 0;
    if (step < 1) return undefined;
    const [fromText = "", toText, extra] = range.split("-");
    if (extra !== undefined) return undefined;
    const from = range === "*" ? min : numberOf(fromText, min, names);
    // A start with a step runs to the end.
    const to =
      range === "*" || (toText === undefined && stepText !== undefined)
        ? max
        : toText === undefined
          ? from
          : numberOf(toText, min, names);
    if (from === undefined || to === undefined) return undefined;
    if (from < min || from > max || to < min || to > max) return undefined;
    // FRI-MON goes round.
    const end = to < from ? to + (max - min + 1) : to;
    for (let value = from; value <= end; value += step) {
      numbers.push(value > max ? value - (max - min + 1) : value);
    }
  }
  return sorted(numbers);
}

/** A number, or the name of a month or day; `first` is what the first name stands for. */
function numberOf(text: string, first: number, names: readonly string[]): number | undefined {
  if (/^\d{1,4}$/u.test(text)) return Number(text);
  const at = names.indexOf(text);
  return at < 0 ? undefined : at + first;
}

function sorted(numbers: readonly number[]): number[] {
  return [...new Set(numbers)].toSorted((a, b) => a - b);
}
