import { format } from 'date-fns';
import { EngineError } from './errors.js';

/** The instant that names a batch: epoch milliseconds, a multiple of the batch interval. */
export type BatchTime = number & { readonly __brand: 'BatchTime' };

export const batchTime = (ms: number): BatchTime => ms as BatchTime;

/** A length of time as the API takes it: milliseconds, or text such as `5s`. */
export type Duration = number | string;

/** Milliseconds of that many seconds. */
export const seconds = (count: number): number => count * 1000;

/** Milliseconds of that many minutes. */
export const minutes = (count: number): number => count * 60_000;

const UNIT_MS: Record<string, number> = { ms: 1, s: 1000, m: 60_000, min: 60_000, h: 3_600_000, d: 86_400_000 };

/**
 * Reads `500ms`, `2s`, `1.5m`, `1h`, or a number of milliseconds.
 * @returns milliseconds; throws `optionInvalid` naming `what` otherwise
 */
export function parseDuration(text: string | number, what: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*(ms|s|min|m|h|d)?$/.exec(String(text).trim());
  const unitMs = match ? UNIT_MS[match[2] ?? 'ms'] : undefined;
  if (!match || unitMs === undefined) {
    throw new EngineError('optionInvalid', `${what} wants a duration such as 500ms, 2s or 1m, got '${text}'`);
  }
  return Number(match[1]) * unitMs;
}

/** `500 ms`, `2.5 s`, `3 min`, `2 h`: three digits at the most. */
export function formatDuration(ms: number): string {
  if (ms < 1000) return `${trim(ms)} ms`;
  if (ms < 60_000) return `${trim(ms / 1000)} s`;
  if (ms < 3_600_000) return `${trim(ms / 60_000)} min`;
  return `${trim(ms / 3_600_000)} h`;
}

const trim = (value: number): string => String(Number(value.toPrecision(3)));

/** A batch time for people: local `HH:mm:ss.SSS`. */
export function formatBatchTime(time: number): string {
  return format(time, 'HH:mm:ss.SSS');
}

/** The greatest multiple of `intervalMs` that is not after `ms`. */
export function alignDown(ms: number, intervalMs: number): BatchTime {
  return batchTime(Math.floor(ms / intervalMs) * intervalMs);
}
