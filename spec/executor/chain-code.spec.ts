import { expect } from 'chai';
import { chainOf, type ChainHost, type RowFunction, type StepKind } from '../../lib/executor/chain-code.js';
import { failureOf } from '../../lib/executor/failure-of.js';
import { forSeeds, intBelow, pick } from '../helpers/random-values.js';

type Pair = [unknown, unknown];

/** What each step is, one list after another: the loop's plain form. */
const PLAIN: Record<StepKind, (rows: unknown[], f: RowFunction) => unknown[]> = {
  map: (rows, f) => rows.map(row => f(row)),
  filter: (rows, f) => rows.filter(row => f(row)),
  flatMap: (rows, f) => rows.flatMap(row => [...(f(row) as Iterable<unknown>)]),
  mapValues: (rows, f) => (rows as Pair[]).map(([key, value]) => [key, f(value)]),
  flatMapValues: (rows, f) =>
    (rows as Pair[]).flatMap(([key, value]) => Array.from(f(value) as Iterable<unknown>, made => [key, made])),
};

/** Functions that keep pairs of numbers what they are. */
const FUNCTIONS: Record<StepKind, readonly ((...args: never[]) => unknown)[]> = {
  map: [([a, b]: [number, number]) => [b, a], ([a, b]: [number, number]) => [a % 5, b]],
  filter: [([a]: [number, number]) => a % 3 !== 0, ([, b]: [number, number]) => b & 1],
  flatMap: [
    ([a, b]: [number, number]) => Array.from({ length: b % 3 }, (_, i) => [a + i, b]),
    function* twice(row: unknown) {
      yield row;
      yield row;
    },
  ],
  mapValues: [(b: number) => b + 1],
  flatMapValues: [(b: number) => new Set([b, b, b + 1])],
};

interface Taken {
  readonly host: ChainHost;
  readonly rows: unknown[];
  readonly sizes: number[];
  readonly failed: number[];
}

function hostOf(over: Partial<ChainHost> = {}): Taken {
  const rows: unknown[] = [];
  const sizes: number[] = [];
  const failed: number[] = [];
  const keys: unknown[] = [];
  const values: unknown[] = [];
  const host: ChainHost = {
    isKept: (_, answer) => Boolean(answer),
    refuse: (step, row) => {
      throw new Error(`step ${step} refuses ${JSON.stringify(row)}`);
    },
    failed: step => failed.push(step),
    keys,
    values,
    take(n) {
      sizes.push(n);
      for (let i = 0; i < n; i++) rows.push([keys[i], values[i]]);
    },
    emit(some) {
      sizes.push(some.length);
      rows.push(...some);
    },
    ...over,
  };
  return { host, rows, sizes, failed };
}

describe('executor/chain-code', () => {
  it('gives what the steps give one after another, as rows and as pairs', () => {
    forSeeds(60, random => {
      const kinds = Array.from({ length: 1 + intBelow(random, 5) }, () =>
        pick(random, Object.keys(PLAIN) as StepKind[]),
      );
      const functions = kinds.map(kind => pick(random, FUNCTIONS[kind]) as RowFunction);
      const input = Array.from({ length: intBelow(random, 400) }, (_, i) => [i, intBelow(random, 9)]);
      const wanted = kinds.reduce<unknown[]>((rows, kind, i) => PLAIN[kind](rows, functions[i]), input);
      for (const end of ['rows', 'pairs'] as const) {
        const { host, rows } = hostOf();
        chainOf(kinds, functions, end)(input, host);
        expect(rows, `${kinds.join()} to ${end}`).to.deep.equal(wanted);
      }
    });
  });

  it('passes on 4096 at a time, and nothing when there is nothing', () => {
    const ten: RowFunction = row => Array.from({ length: 10 }, (_, i) => [row, i]);
    for (const end of ['rows', 'pairs'] as const) {
      const { host, sizes } = hostOf();
      const run = chainOf(['flatMap'], [ten], end);
      run([], host);
      expect(sizes).to.deep.equal([]);
      run(Array.from({ length: 1000 }).fill(1), host);
      expect(sizes).to.deep.equal([4096, 4096, 1808]);
    }
  });

  it('is made once for the same closures in the same places, and anew for others', () => {
    const f: RowFunction = row => [row];
    const g: RowFunction = row => row;
    const run = chainOf(['map', 'map'], [f, g], 'rows');
    expect(chainOf(['map', 'map'], [f, g], 'rows')).to.equal(run);
    expect(chainOf(['map', 'map'], [f, f], 'rows')).not.to.equal(run);
    expect(chainOf(['flatMap', 'map'], [f, g], 'rows')).not.to.equal(run);
    expect(chainOf(['map', 'map'], [f, g], 'pairs')).not.to.equal(run);
    expect(chainOf(['map'], [f], 'rows')).not.to.equal(run);
  });

  it('says which step threw: a closure, its iterator, a refused pair, or what follows', () => {
    const fails: RowFunction = () => {
      throw new Error('broken');
    };
    const same: RowFunction = row => row;
    const lazy: RowFunction = function* (row) {
      yield row;
      throw new Error('broken');
    };
    const failing = (kinds: StepKind[], functions: RowFunction[], over: Partial<ChainHost> = {}): number[] => {
      const { host, failed } = hostOf(over);
      expect(() => chainOf(kinds, functions, 'rows')([[1, 2]], host)).to.throw();
      return failed;
    };
    expect(failing(['map', 'filter', 'map'], [same, fails, same])).to.deep.equal([1]);
    expect(failing(['flatMap', 'map'], [lazy, same])).to.deep.equal([0]);
    expect(failing(['map', 'flatMap', 'map'], [same, same, same].with(1, lazy))).to.deep.equal([1]);
    expect(failing(['map', 'mapValues'], [() => 'no pair', same])).to.deep.equal([1]);
    expect(failing(['map', 'flatMap'], [same, () => 5])).to.deep.equal([1]);
    expect(failing(['map', 'map'], [same, same], { emit: () => fails() as never })).to.deep.equal([2]);
  });

  it('does not show in the stack of what a closure throws', () => {
    const fails: RowFunction = () => {
      throw new Error('broken');
    };
    let thrown: unknown;
    try {
      chainOf(['map'], [fails], 'rows')([1], hostOf().host);
    } catch (error) {
      thrown = error;
    }
    expect((thrown as Error).stack).to.match(/at chain \(sluice-chain-\d+:/);
    expect(failureOf(thrown))
      .to.have.property('stack')
      .that.includes('chain-code.spec')
      .and.not.includes('sluice-chain');
  });

  it('refuses what is no pair, and asks about odd answers of a condition', () => {
    const same: RowFunction = row => row;
    const { host } = hostOf();
    expect(() => chainOf(['map'], [same], 'pairs')([['a', 1], ['b']], host)).to.throw('step 1 refuses ["b"]');
    const asked: unknown[] = [];
    const asking = hostOf({ isKept: (step, answer) => asked.push([step, answer]) > 1 });
    chainOf(['map', 'filter'], [same, same], 'rows')([true, false, 'yes', 0], asking.host);
    expect(asked).to.deep.equal([
      [1, 'yes'],
      [1, 0],
    ]);
    expect(asking.rows).to.deep.equal([true, 0]);
  });
});
