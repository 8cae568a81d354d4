import { isAbsolute, relative, sep } from 'node:path';

/** `1234567` -> `1,234,567`. */
export function formatCount(count: number): string {
  return String(Math.round(count)).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** `1 batch`, `2 batches`. */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}

/** Records a second; under ten with one digit behind the point. */
export function formatRate(records: number, elapsedMs: number): string {
  const rate = elapsedMs > 0 ? (records * 1000) / elapsedMs : 0;
  return `${rate < 10 ? Number(rate.toFixed(1)) : formatCount(rate)} records/s`;
}

/** A path as the caller would write it: relative when it lies under the current directory. */
export function shortPath(path: string, cwd: string): string {
  const short = relative(cwd, path);
  const isBelow = short !== '' && short !== '..' && !short.startsWith(`..${sep}`) && !isAbsolute(short);
  return isBelow ? short : path;
}
