/**
 * Says what is wrong with what a run left. Four witnesses, each of another kind:
 *
 *   the input      every record that counts is in one batch, in order; a batch that ran again read the same
 *   numbers        the records of each word were numbered 1, 2, 3 ... in the order of the file they stand in
 *   a calm run     the same batches at the same times, without any trouble: same rows, same files, same state
 *   a plain loop   what some of the parts put out, computed from the batches without the engine
 */
import type { ModelFileSystem } from '../helpers/model-file-system.js';
import { runCalmly } from './calm-run.js';
import { idOf, wordOf, type Observed } from './observed.js';
import { isOutOfOrder, ROWS_PER_SECOND, type Scenario } from './scenario.js';
import { NUMBERS } from './sim-job.js';
import { stateRows } from './state-rows.js';

/** What a run left, as plain data. */
export interface Left {
  readonly batches: ReadonlyMap<number, readonly string[]>;
  readonly certain: ReadonlySet<string>;
  readonly possible: ReadonlySet<string>;
  readonly problems: readonly string[];
  /** By output and batch time, sorted rows as JSON. */
  readonly rows: ReadonlyMap<string, string>;
  /** Lines of each output file, in order; part files of a folder together. */
  readonly files: { readonly [path: string]: readonly string[] };
  readonly state: readonly string[];
}

export async function leftBy(observed: Observed, files: ModelFileSystem): Promise<Left> {
  const { batches, certain, possible, seen } = observed;
  return {
    ...{ batches, certain, possible, problems: seen.problems, rows: seen.rows },
    files: linesOf(files),
    state: await stateRows(files),
  };
}

export async function judge(
  scenario: Scenario,
  observed: Observed,
  files: ModelFileSystem,
): Promise<readonly string[]> {
  const left = await leftBy(observed, files);
  const problems = judgeAlone(scenario, left);
  if (problems.length > 0 || left.batches.size === 0) return problems;
  const calm = await runCalmly(scenario, left.batches);
  return compare(scenario, left, await leftBy(calm.observed, calm.files));
}

export function judgeAlone(scenario: Scenario, left: Left): string[] {
  return [
    ...left.problems,
    ...judgeInput(scenario, left),
    ...judgeNumbers(left),
    ...(isOutOfOrder(scenario) ? [] : judgeByLoop(scenario, left)),
  ];
}

function judgeInput({ sources, rateTotal }: Scenario, { batches, certain, possible }: Left): string[] {
  const problems: string[] = [];
  const records = inOrder(batches).flatMap(([, batch]) => batch);
  const counts = countsOf(records);
  for (const [record, n] of counts) {
    if (n > 1) problems.push(`${record} is in ${n} batches`);
    if (!certain.has(record) && !possible.has(record) && !record.startsWith('t'))
      problems.push(`nobody sent ${record}`);
  }
  for (const record of certain) if (!counts.has(record)) problems.push(`${record} is lost`);
  if (sources.includes('rate')) {
    const instants = records.filter(record => record.startsWith('t')).map(record => Number(idOf(record).slice(1)));
    const first = instants[0] ?? 0;
    const wanted = Array.from({ length: rateTotal }, (_, i) => first + Math.floor((i * 1000) / ROWS_PER_SECOND));
    if (instants.join() !== wanted.join()) problems.push(`rows of the rate source: [${instants.join(', ')}]`);
  }
  // Records are numbered as they are sent, file by file.
  const last = new Map<string, number>();
  for (const id of records.map(idOf)) {
    const [, from = '', number] = /^(r|q|f\d+-)(\d+)$/.exec(id) ?? [];
    if (number === undefined) continue;
    if (Number(number) <= (last.get(from) ?? 0)) problems.push(`${id} comes after ${from}${last.get(from)}`);
    last.set(from, Number(number));
  }
  return problems;
}

/** The file of numbers says how often each record reached the state, and in which order. */
function judgeNumbers({ batches, files }: Left): string[] {
  const problems: string[] = [];
  const last = new Map<string, number>();
  const ids: string[] = [];
  for (const line of files[NUMBERS] ?? []) {
    const [word = '', number, id = ''] = line.split(' ');
    const wanted = (last.get(word) ?? 0) + 1;
    if (Number(number) !== wanted) problems.push(`${id} is number ${number} of ${word}, after ${wanted - 1}`);
    last.set(word, Number(number));
    ids.push(id);
  }
  const wanted = [...batches.values()].flat().map(idOf);
  return [...problems, ...differences('numbers', ids, wanted)];
}

function judgeByLoop({ parts }: Scenario, { batches, rows, files }: Left): string[] {
  const problems: string[] = [];
  const sums = new Map<string, number>();
  const lines: string[] = [];
  for (const [time, records] of inOrder(batches)) {
    const words = records.map(wordOf);
    lines.push(...words.map(word => `${time} ${word}`));
    for (const [word, n] of countsOf(words)) sums.set(word, (sums.get(word) ?? 0) + n);
    const expected = { sums: [...sums], reduced: [...countsOf(words)] };
    for (const [name, pairs] of Object.entries(expected)) {
      if (!parts.includes(name)) continue;
      const wanted = JSON.stringify(pairs.map(pair => JSON.stringify(pair)).toSorted());
      const found = rows.get(`${name} ${time}`);
      if (found !== wanted) problems.push(`${name} of batch ${time}: ${found}, a loop gives ${wanted}`);
    }
  }
  if (parts.includes('file')) problems.push(...differences('words.txt', files['/out/words.txt'] ?? [], lines));
  return problems;
}

export function compare(scenario: Scenario, left: Left, calm: Left): string[] {
  const problems = calm.problems.map(problem => `the calm run: ${problem}`);
  const isNumbers = (path: string): boolean => path === NUMBERS && isOutOfOrder(scenario);
  for (const name of new Set([...left.rows.keys(), ...calm.rows.keys()]))
    if (left.rows.get(name) !== calm.rows.get(name))
      problems.push(`${name}: ${left.rows.get(name)}, calmly ${calm.rows.get(name)}`);
  for (const path of new Set([...Object.keys(left.files), ...Object.keys(calm.files)]))
    if (!isNumbers(path)) problems.push(...differences(path, left.files[path] ?? [], calm.files[path] ?? []));
  // A window keeps its pieces in an order of its own, and who updated a state last is a matter of the order of batches.
  const isAlike = (row: string): boolean => !isOutOfOrder(scenario) && !row.startsWith('window');
  return [...problems, ...differences('state', left.state.filter(isAlike), calm.state.filter(isAlike))];
}

/** How two multisets differ, a line or two. */
function differences(what: string, found: readonly string[], wanted: readonly string[]): string[] {
  const [has, should] = [countsOf(found), countsOf(wanted)];
  const of = (item: string): number => (has.get(item) ?? 0) - (should.get(item) ?? 0);
  const all = [...new Set([...found, ...wanted])];
  const lost = all.filter(item => of(item) < 0);
  const more = all.filter(item => of(item) > 0);
  return [
    ...(lost.length === 0 ? [] : [`${what} lacks ${JSON.stringify(lost.slice(0, 4))}`]),
    ...(more.length === 0 ? [] : [`${what} has too much: ${JSON.stringify(more.slice(0, 4))}`]),
  ];
}

const inOrder = (batches: Left['batches']): (readonly [number, readonly string[]])[] =>
  [...batches].toSorted(([a], [b]) => a - b);

function countsOf(items: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const item of items) counts.set(item, (counts.get(item) ?? 0) + 1);
  return counts;
}

function linesOf(files: ModelFileSystem): { [path: string]: string[] } {
  const byName: { [path: string]: string[] } = {};
  for (const path of files.paths()) {
    if (!path.startsWith('/out/') || path.includes('/.') || path.endsWith('_SUCCESS')) continue;
    // How a batch is cut into parts is a matter of how many workers there are.
    const lines = (byName[path.replace(/\/part-\d+$/, '/part')] ??= []);
    lines.push(
      ...Buffer.from(files.bytesOf(path))
        .toString()
        .split('\n')
        .filter(line => line !== ''),
    );
  }
  return Object.fromEntries(Object.entries(byName).filter(([, lines]) => lines.length > 0));
}
