/**
 * Formatting and parsing of times in UTC by date-fns, whose functions take a date's local fields: a Date whose local
 * fields are the UTC ones. date-fns makes dates of the same class from it, by its `constructFrom` symbol.
 */
import { format, parse } from 'date-fns';
import { constructFromSymbol } from 'date-fns/constants';
import { EngineError } from '../core/errors.js';

class UtcDate extends Date {
  [constructFromSymbol](value: Date | number | string): UtcDate {
    return new UtcDate(+new Date(value));
  }
  override getTimezoneOffset(): number {
    return 0;
  }
  override getFullYear(): number {
    return this.getUTCFullYear();
  }
  override getMonth(): number {
    return this.getUTCMonth();
  }
  override getDate(): number {
    return this.getUTCDate();
  }
  override getDay(): number {
    return this.getUTCDay();
  }
  override getHours(): number {
    return this.getUTCHours();
  }
  override getMinutes(): number {
    return this.getUTCMinutes();
  }
  override getSeconds(): number {
    return this.getUTCSeconds();
  }
  override getMilliseconds(): number {
    return this.getUTCMilliseconds();
  }
  override setFullYear(...args: [number, number?, number?]): number {
    return this.setUTCFullYear(...(args as [number]));
  }
  override setMonth(...args: [number, number?]): number {
    return this.setUTCMonth(...(args as [number]));
  }
  override setDate(date: number): number {
    return this.setUTCDate(date);
  }
  override setHours(...args: [number, number?, number?, number?]): number {
    return this.setUTCHours(...(args as [number]));
  }
  override setMinutes(...args: [number, number?, number?]): number {
    return this.setUTCMinutes(...(args as [number]));
  }
  override setSeconds(...args: [number, number?]): number {
    return this.setUTCSeconds(...(args as [number]));
  }
  override setMilliseconds(ms: number): number {
    return this.setUTCMilliseconds(ms);
  }
}

/** Fields that a pattern leaves out are those of the epoch. */
const EPOCH = new UtcDate(0);

/** @param timeMs epoch ms; `Invalid Date` beyond what a Date can hold */
export function formatUtc(timeMs: number, pattern: string): string {
  const date = new UtcDate(timeMs);
  return Number.isNaN(+date) ? String(date) : format(date, pattern);
}

/** Epoch ms, or null where the text does not fit the pattern. */
export function parseUtc(text: string, pattern: string): number | null {
  const time = +parse(text, pattern, EPOCH);
  return Number.isNaN(time) ? null : time;
}

/** Throws `jobInvalid` for a pattern that date-fns does not take. @param user what wants it */
export function checkPattern(pattern: string, user: string): void {
  try {
    parse(format(EPOCH, pattern), pattern, EPOCH);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new EngineError(
      'jobInvalid',
      `${user} wants a pattern such as 'yyyy-MM-dd HH:mm:ss', got '${pattern}': ${reason}`,
      { cause },
    );
  }
}
