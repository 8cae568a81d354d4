/**
 * What `kill-job.ts` put out, held against what it read. Batches differ from run to run, so what depends on them says its
 * batch time, and is computed again from the records of the batches.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { countsOf, difference } from './kill-runs.js';
import { stateRows } from './state-rows.js';

export interface MatrixInput {
  /** Of the events in the files, by id. */
  readonly keys: readonly string[];
  readonly windowMs: number;
  /** Lines that a sender had an answer for, and how often each line was sent at all. */
  readonly acknowledged: ReadonlySet<string>;
  readonly sent: ReadonlyMap<string, number>;
  readonly socketLines: ReadonlySet<string>;
}

/** All that contradicts; empty when nothing does. */
export function problemsOf(out: string, input: MatrixInput): string[] {
  const raw = linesOf(out, 'raw.txt').map(line => line.split(' '));
  return [
    ...eachOnce(raw, input.keys),
    ...numbersOf(linesOf(out, 'numbered.txt'), 'numbered'),
    ...itemsOf(linesOf(out, 'numbered.txt'), input.keys),
    ...windowProblems(raw, linesOf(out, 'windows.txt'), input.windowMs, 'windows'),
    ...windowProblems(raw, linesOf(out, 'inverse.txt'), input.windowMs, 'inverse'),
    ...numbersOf(linesOf(out, 'http.txt'), 'http'),
    ...sentProblems(linesOf(out, 'http.txt'), input),
    ...socketProblems(linesOf(out, 'socket.txt'), input.socketLines),
  ].slice(0, 20);
}

/** The batch time before a value of mapWithState (`lib/state/timed-value.ts`): it differs from run to run. */
const UPDATED_AT = /^(numbered [^]* removed=false )[^]{8}/;

/** The lines that a run which was never killed must have too: the last of each city, state, and dead letters. */
export async function lastingOf(run: string): Promise<Map<string, number>> {
  const out = join(run, 'out');
  const cities = new Map(linesOf(out, 'cities.csv').map(line => [line.split(',', 1)[0], line]));
  const sums = Math.max(...linesOf(out, 'sums.txt').map(line => Number(JSON.parse(line)[1])));
  const rows = (await stateRows(join(run, 'checkpoint'))).filter(row => /^(numbered|sums|cities) /.test(row));
  const state = rows.map(row => row.replace(UPDATED_AT, '$1'));
  const folder = join(run, 'deadletter', 'checkpoint');
  const dead = readdirSync(folder).flatMap(name => linesOf(folder, name).map(withoutBatch));
  return countsOf([...cities.values(), `sums ${sums}`, ...state, ...dead]);
}

function withoutBatch(line: string): string {
  const { batch, ...letter } = JSON.parse(line) as { readonly batch: number };
  return batch > 0 ? JSON.stringify(letter) : line;
}

export const linesOf = (folder: string, name: string): string[] =>
  existsSync(join(folder, name))
    ? readFileSync(join(folder, name), 'utf8')
        .split('\n')
        .filter(line => line !== '')
    : [];

function eachOnce(raw: readonly (readonly string[])[], keys: readonly string[]): string[] {
  const times = new Uint8Array(keys.length);
  const problems: string[] = [];
  for (const [, id, key] of raw) {
    if (keys[Number(id)] !== key) problems.push(`raw: ${id} ${key} was not read`);
    else times[Number(id)]++;
  }
  for (let id = 0; id < times.length; id++) if (times[id] !== 1) problems.push(`raw: ${times[id]}x event ${id}`);
  return problems;
}

/** Each key's numbers are 1, 2, ... without a gap and without one twice. */
function numbersOf(lines: readonly string[], what: string): string[] {
  const byKey = new Map<string, number[]>();
  for (const line of lines) {
    const [key = '', number] = line.split(' ');
    const numbers = byKey.get(key) ?? [];
    numbers.push(Number(number));
    byKey.set(key, numbers);
  }
  return [...byKey].flatMap(([key, numbers]) => {
    const wrong = numbers.toSorted((a, b) => a - b).findIndex((number, i) => number !== i + 1);
    return wrong < 0 ? [] : [`${what}: ${key} wants number ${wrong + 1}, found ${numbers[wrong]}`];
  });
}

function itemsOf(lines: readonly string[], keys: readonly string[]): string[] {
  const times = new Uint8Array(keys.length);
  for (const line of lines) {
    const [key, , id] = line.split(' ');
    if (keys[Number(id)] === key) times[Number(id)]++;
  }
  return [...times].flatMap((n, id) => (n === 1 ? [] : [`numbered: ${n}x event ${id}`]));
}

/** The windows of each batch that had records, from the records of the batches in it; and of each that was put out. */
function windowProblems(
  raw: readonly (readonly string[])[],
  lines: readonly string[],
  windowMs: number,
  what: string,
): string[] {
  const byTime = new Map<number, Map<string, number>>();
  for (const [time, , key = ''] of raw) {
    const counts = byTime.get(Number(time)) ?? new Map<string, number>();
    counts.set(key, (counts.get(key) ?? 0) + 1);
    byTime.set(Number(time), counts);
  }
  const found = new Map<number, string[]>();
  for (const line of lines) {
    const at = line.indexOf(' ');
    const time = Number(line.slice(0, at));
    found.set(time, [...(found.get(time) ?? []), line.slice(at + 1)]);
  }
  const batches = [...byTime].toSorted(([a], [b]) => a - b);
  return [...new Set([...byTime.keys(), ...found.keys()])].flatMap(time => {
    const window = new Map<string, number>();
    for (const [at, counts] of batches) {
      if (at <= time - windowMs || at > time) continue;
      for (const [key, n] of counts) window.set(key, (window.get(key) ?? 0) + n);
    }
    const wanted = [...window].map(([key, n]) => `${key} ${n}`);
    const differs = difference(countsOf(found.get(time) ?? []), countsOf(wanted));
    return differs === '' ? [] : [`${what} of ${time}: ${differs}`];
  });
}

/** What was acknowledged is there; what was sent once is there once at the most; nothing else is there. */
function sentProblems(lines: readonly string[], { acknowledged, sent }: MatrixInput): string[] {
  const counts = countsOf(lines.map(line => line.split(' ')[2] ?? ''));
  const lost = [...acknowledged].filter(line => !counts.has(line)).map(line => `http: lost ${line}`);
  const surplus = [...counts].filter(([line, n]) => n > (sent.get(line) ?? 0));
  return [...lost, ...surplus.map(([line, n]) => `http: ${n}x ${line}, sent ${sent.get(line) ?? 0}x`)];
}

function socketProblems(lines: readonly string[], sent: ReadonlySet<string>): string[] {
  return [...countsOf(lines)].flatMap(([line, n]) =>
    n > 1 || !sent.has(line) ? [`socket: ${n}x ${line}${sent.has(line) ? '' : ', never sent'}`] : [],
  );
}
