/** The kinds of operators for specs that crash a run at any file operation: pairs in, lines out. */
import {
  approxCountDistinct,
  collectList,
  count,
  csv,
  last,
  max,
  schema,
  StateSpec,
  sum,
  utf8,
  type DStream,
  type State,
} from '../../lib/index.js';
import type { StreamingContext } from '../../lib/api/streaming-context.js';
import type { CrashWorld } from './crash-world.js';
import { rowSchema, type Pairs } from './crash-sources.js';

export interface CrashOperator {
  readonly name: string;
  /** Its lines are `key number`, and number counts up by one for each key. */
  readonly isNumbered?: boolean;
  readonly feed?: (world: CrashWorld) => void;
  readonly apply: (pairs: Pairs, ssc: StreamingContext) => DStream<string>;
}

const add = (a: number, b: number): number => a + b;
const subtract = (a: number, b: number): number => a - b;
const lineOf = (row: unknown): string => JSON.stringify(row);
const rowsOf = (pairs: Pairs): DStream<{ k: string; n: number }> =>
  pairs.map(([k, n]) => ({ k, n })).toColumns(rowSchema);

const numbering = StateSpec.function((key: string, n: number | undefined, seen: State<number>) => {
  if (n === undefined) return `${key} gone after ${seen.get()}`;
  seen.update((seen.getOption() ?? 0) + 1);
  return `${key} ${seen.get()}`;
});

/** The file of the static table. */
export const TABLE = '/labels.csv';
const labels = schema({ k: utf8(), label: utf8() });

/** Another version of the table for each session. */
function placeTable({ fs, session }: CrashWorld): void {
  const content = Buffer.from(['a', 'b', 'c', 'd'].map(k => `${k},${k} of ${session}\n`).join(''));
  if (!fs.paths().includes(TABLE) || Buffer.compare(fs.bytesOf(TABLE), content) !== 0) fs.replace(TABLE, content);
}

export const CRASH_OPERATORS: readonly CrashOperator[] = [
  { name: 'stateless', isNumbered: true, apply: pairs => pairs.map(([k, n]) => `${k} ${n}`) },
  { name: 'reduce', apply: pairs => pairs.reduceByKey(add, 3).map(lineOf) },
  { name: 'window', apply: pairs => pairs.reduceByKeyAndWindow(add, 3000, 1000).map(lineOf) },
  { name: 'inverse', apply: pairs => pairs.reduceByKeyAndWindow(add, subtract, 3000, 1000).map(lineOf) },
  { name: 'countWindow', apply: pairs => pairs.countByWindow(2000, 1000).map(lineOf) },
  {
    name: 'update',
    apply: pairs =>
      pairs
        .updateStateByKey<number[], string, number>((values, seen) => [...(seen ?? []), ...values], { id: 'update' })
        .map(lineOf),
  },
  { name: 'mapState', apply: pairs => pairs.mapWithState(numbering.timeout(1000).id('mapState')) },
  {
    name: 'narrow',
    apply: pairs =>
      rowsOf(pairs)
        .groupBy('k')
        .runningAgg({ n: count(), total: sum('n'), most: max('n') }, { id: 'narrow' })
        .map(lineOf),
  },
  {
    name: 'wide',
    apply: pairs =>
      rowsOf(pairs)
        .groupBy('k')
        .runningAgg({ all: collectList('n'), last: last('n'), about: approxCountDistinct('n') }, { id: 'wide' })
        .map(lineOf),
  },
  { name: 'distinct', apply: pairs => rowsOf(pairs).select('k').distinct(2).map(lineOf) },
  { name: 'duplicates', apply: pairs => rowsOf(pairs).dropDuplicates(['k'], 2).map(lineOf) },
  {
    name: 'join',
    apply: pairs => {
      const totals = pairs.reduceByKey(add);
      return pairs.join(totals).map(lineOf);
    },
  },
  {
    name: 'table',
    feed: placeTable,
    apply: (pairs, ssc) =>
      rowsOf(pairs)
        .join(ssc.staticTable(TABLE, csv(labels, { header: false })), 'k')
        .map(lineOf),
  },
];
