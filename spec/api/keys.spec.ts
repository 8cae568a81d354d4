/** Keys by content through every operation that compares them: the rules stand in `core/value-key.ts`. */
import { inspect } from 'node:util';
import type { DStream } from '../../lib/api/dstream.js';
import { CRASH, expectStream } from '../helpers/expect-stream.js';

/** Two forms of the same key in each line; no two lines are the same key. */
const KEYS: readonly (readonly [unknown, unknown])[] = [
  [1, 1.0],
  ['1', '1'],
  [1n, 1n],
  [true, true],
  [0, -0],
  [Number.NaN, Number.NaN],
  [null, null],
  [undefined, undefined],
  ['', ''],
  [[], []],
  [
    [1, [2, 'x']],
    [1, [2, 'x']],
  ],
  [
    [2, 1],
    [2, 1],
  ],
  [
    { a: 1, b: { c: [2] } },
    { b: { c: [2] }, a: 1 },
  ],
  [{}, Object.create(null)],
  [new Date(5), new Date(5)],
  [5, 5],
  [new Uint8Array([1, 2]), Buffer.from([1, 2])],
  [
    [1, 2],
    [1, 2],
  ],
  [
    new Map([
      ['x', 1],
      ['y', 2],
    ]),
    new Map([
      ['y', 2],
      ['x', 1],
    ]),
  ],
  [new Set([1, 2]), new Set([2, 1])],
];

/** One batch with the first form of every key, then the second form of every key: on several partitions they are apart. */
const rows: unknown[] = [...KEYS.map(([key]) => key), ...KEYS.map(([, key]) => key)];
const labels = KEYS.map((_, line) => line);
const options = { options: { workers: 5 } };

const lineOf = (key: unknown): number =>
  KEYS.findIndex(([first]) => inspect(canonical(first)) === inspect(canonical(key)));
const canonical = (key: unknown): unknown => {
  if (key === 0) return 0;
  if (key instanceof Uint8Array) return new Uint8Array(key);
  if (key instanceof Map) return new Map([...key].sort());
  if (key instanceof Set) return new Set([...key].sort());
  if (typeof key !== 'object' || key === null || Array.isArray(key) || key instanceof Date) return key;
  return Object.fromEntries(Object.entries(key).toSorted());
};

describe('keys are compared by content', () => {
  const withLines = <V>(s: DStream<[unknown, V]>): DStream<[number, V]> =>
    s.map(([key, value]) => [lineOf(key), value]);
  const pairs = (s: DStream<unknown>): DStream<[unknown, number]> => s.map(key => [key, 1]);

  it('by countByValue', () =>
    expectStream<unknown, unknown>(
      [rows],
      s => withLines(s.countByValue(3)),
      [labels.map(line => [line, 2])],
      options,
    ));

  it('by reduceByKey', () =>
    expectStream<unknown, unknown>(
      [rows],
      s => withLines(pairs(s).reduceByKey((a, b) => a + b)),
      [labels.map(line => [line, 2])],
      options,
    ));

  it('by groupByKey', () =>
    expectStream<unknown, unknown>(
      [rows],
      s => withLines(pairs(s).groupByKey(4)),
      [labels.map(line => [line, [1, 1]])],
      options,
    ));

  it('by aggregateByKey', () =>
    expectStream<unknown, unknown>(
      [rows],
      s =>
        withLines(
          pairs(s).aggregateByKey<number[], unknown, number>(
            [],
            (list, value) => [...list, value],
            (a, b) => [...a, ...b],
          ),
        ),
      [labels.map(line => [line, [1, 1]])],
      options,
    ));

  it('by partitionBy: all pairs of a key are in one partition', () =>
    expectStream<unknown, unknown>(
      [rows],
      s =>
        pairs(s)
          .partitionBy(3)
          .mapPartitions(part => [...part].map(([key]) => lineOf(key)).sort((a, b) => a - b))
          .glom()
          .flatMap(lines => lines.filter((line, i) => line !== lines[i - 1])),
      [labels],
      options,
    ));

  it('by join', () =>
    expectStream<unknown, unknown>(
      [rows],
      s =>
        withLines(
          pairs(s)
            .reduceByKey((a, b) => a + b)
            .join(
              pairs(s).reduceByKey((a, b) => a + b, 2),
              3,
            ),
        ),
      [labels.map(line => [line, [2, 2]])],
      options,
    ));

  it('by updateStateByKey, also after they were read back from a checkpoint', () =>
    expectStream<unknown, unknown>(
      [KEYS.map(([key]) => key), CRASH, KEYS.map(([, key]) => key)],
      s =>
        withLines(pairs(s).updateStateByKey<number, unknown, number>((values, state) => values.length + (state ?? 0))),
      [labels.map(line => [line, 1]), labels.map(line => [line, 2])],
      options,
    ));
});
