/**
 * Functions of time, in UTC. What is cut from a time is computed from days since the epoch, for every timestamp that
 * there is; only patterns go through date-fns.
 */
import { EngineError } from '../core/errors.js';
import type { BoundCall, BoundExpr } from './expr-data.js';
import { constantOf, isText, isTime, textConstant, type FunctionRule } from './function-rule.js';
import { checkPattern, formatUtc, parseUtc } from './utc-date.js';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** The epoch was a Thursday: its week began three days before. */
const DAYS_TO_MONDAY = 3;

/** A date of the Gregorian calendar; years begin in March inside, so that a leap day is a year's last. */
interface CivilDate {
  readonly year: number;
  /** From 1. */
  readonly month: number;
  readonly day: number;
}

const DAYS_OF_400_YEARS = 146097;
const MARCH_OF_YEAR_0 = 719468;

function civilOf(timeMs: number): CivilDate {
  const days = Math.floor(timeMs / DAY) + MARCH_OF_YEAR_0;
  const era = Math.floor(days / DAYS_OF_400_YEARS);
  const dayOfEra = days - era * DAYS_OF_400_YEARS;
  const leapDays = Math.floor(dayOfEra / 1460) - Math.floor(dayOfEra / 36524) + Math.floor(dayOfEra / 146096);
  const yearOfEra = Math.floor((dayOfEra - leapDays) / 365);
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const month = Math.floor((5 * dayOfYear + 2) / 153);
  const isNextYear = month >= 10;
  return {
    year: yearOfEra + era * 400 + Number(isNextYear),
    month: isNextYear ? month - 9 : month + 3,
    day: dayOfYear - Math.floor((153 * month + 2) / 5) + 1,
  };
}

/** A beginning that a timestamp can hold. */
function beginning(timeMs: number): number {
  if (Number.isSafeInteger(timeMs)) return timeMs + 0;
  throw new EngineError(
    'typeMismatch',
    `the beginning of a period wants to be -(2^53 - 1) ms or later, it is ${timeMs}: leave out such times by where(...)`,
  );
}

const floorTo =
  (size: number) =>
  (timeMs: number): number =>
    beginning(Math.floor(timeMs / size) * size);

const TRUNCATE: ReadonlyMap<string, (timeMs: number) => number> = new Map([
  ['second', floorTo(SECOND)],
  ['minute', floorTo(MINUTE)],
  ['hour', floorTo(HOUR)],
  ['day', floorTo(DAY)],
  [
    'week',
    (timeMs: number) => {
      const days = Math.floor(timeMs / DAY) + DAYS_TO_MONDAY;
      return beginning((Math.floor(days / 7) * 7 - DAYS_TO_MONDAY) * DAY);
    },
  ],
  ['month', (timeMs: number) => beginning((Math.floor(timeMs / DAY) - civilOf(timeMs).day + 1) * DAY)],
]);

/** The remainder, not below 0. */
const within = (timeMs: number, size: number): number => timeMs - Math.floor(timeMs / size) * size;

const PART: ReadonlyMap<string, (timeMs: number) => number> = new Map([
  ['year', (timeMs: number) => civilOf(timeMs).year],
  ['month', (timeMs: number) => civilOf(timeMs).month],
  ['day', (timeMs: number) => civilOf(timeMs).day],
  ['hour', (timeMs: number) => Math.floor(within(timeMs, DAY) / HOUR)],
  ['minute', (timeMs: number) => Math.floor(within(timeMs, HOUR) / MINUTE)],
  ['second', (timeMs: number) => Math.floor(within(timeMs, MINUTE) / SECOND)],
  ['millisecond', (timeMs: number) => within(timeMs, SECOND)],
  ['dayOfWeek', (timeMs: number) => within(Math.floor(timeMs / DAY) + DAYS_TO_MONDAY, 7) + 1],
]);

function chosen(call: BoundCall, from: ReadonlyMap<string, (timeMs: number) => number>): (timeMs: number) => number {
  const name = textConstant(call, 1);
  const found = from.get(name);
  if (found !== undefined) return found;
  throw new EngineError('jobInvalid', `${call.fn} wants one of ${[...from.keys()].join(', ')}, got '${name}'`);
}

const isTextConstant = (arg: BoundExpr | undefined): boolean => typeof constantOf(arg) === 'string';

export const timeFunctions = {
  toTimestamp: {
    wants: 'a text and a constant pattern',
    kindOf: ([text, pattern]) =>
      text !== undefined && isText(text) && isTextConstant(pattern) ? 'timestamp' : undefined,
    mayBeNull: () => true,
    make: call => {
      const pattern = textConstant(call, 1);
      checkPattern(pattern, 'toTimestamp');
      return (text: string) => parseUtc(text, pattern);
    },
  },
  dateFormat: {
    wants: 'a timestamp and a constant pattern',
    kindOf: ([time, pattern]) => (time !== undefined && isTime(time) && isTextConstant(pattern) ? 'utf8' : undefined),
    make: call => {
      const pattern = textConstant(call, 1);
      checkPattern(pattern, 'dateFormat');
      return (time: number) => formatUtc(time, pattern);
    },
  },
  dateTrunc: {
    wants: 'a timestamp',
    kindOf: ([time]) => (time !== undefined && isTime(time) ? 'timestamp' : undefined),
    make: call => chosen(call, TRUNCATE),
  },
  datePart: {
    wants: 'a timestamp',
    kindOf: ([time]) => (time !== undefined && isTime(time) ? 'int64' : undefined),
    make: call => chosen(call, PART),
  },
  windowStart: {
    wants: 'a timestamp and a size above 0',
    kindOf: ([time, size]) =>
      time !== undefined && isTime(time) && Number(constantOf(size)) > 0 ? 'timestamp' : undefined,
    make: ({ args: [, size] }) => floorTo(Number(constantOf(size))),
  },
} satisfies Record<string, FunctionRule>;
