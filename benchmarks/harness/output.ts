/** Reads what jobs wrote, and compares it. */
import { readFileSync } from 'node:fs';
import { check } from './report.js';

/** Lines of a file, each without its end; one at a time, for some outputs have millions. */
export function* linesOf(file: string): Generator<string> {
  const text = readFileSync(file, 'latin1');
  let from = 0;
  for (let to = text.indexOf('\n'); to >= 0; to = text.indexOf('\n', from)) {
    yield text.slice(from, to);
    from = to + 1;
  }
  if (from < text.length) yield text.slice(from);
}

/** The last number of each key, of lines `key,number`; keys may hold commas. */
export function lastCounts(file: string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const line of linesOf(file)) {
    const comma = line.lastIndexOf(',');
    counts.set(line.slice(0, comma), Number(line.slice(comma + 1)));
  }
  return counts;
}

/** Throws with the first difference. */
export function checkCounts(got: ReadonlyMap<string, number>, expected: ReadonlyMap<string, number>): void {
  check(got.size === expected.size, `${expected.size} keys wanted, got ${got.size}`);
  for (const [key, count] of expected) {
    check(got.get(key) === count, `${key} is ${got.get(key)}, not ${count}`);
  }
}

export interface Digest {
  readonly lines: number;
  readonly sum: number;
}

/** Equal for equal multisets of lines: order does not count, repeats do. */
export function digest(file: string): Digest {
  const bytes = readFileSync(file);
  let lines = 0;
  let sum = 0;
  let hash = 2166136261;
  for (const byte of bytes) {
    if (byte !== 10) {
      hash = Math.imul(hash ^ byte, 16777619);
      continue;
    }
    lines++;
    sum = (sum + (hash >>> 0)) % 2 ** 32;
    hash = 2166136261;
  }
  return { lines, sum };
}
