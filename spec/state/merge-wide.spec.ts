import { expect } from 'chai';
import { GroupTable } from '../../lib/columnar/group-table.js';
import { keySlices } from '../../lib/columnar/keys.js';
import { rowsOf } from '../../lib/columnar/rows.js';
import type { SlotMemory } from '../../lib/columnar/slot-memory.js';
import type { Scalar, WideAggregate, WideKind } from '../../lib/columnar/wide/wide-aggregate.js';
import { withWide } from '../../lib/columnar/wide/wide-chunk.js';
import { WideTable } from '../../lib/columnar/wide/wide-table.js';
import { applyDelta } from '../../lib/state/delta.js';
import { mergeWideAggregates } from '../../lib/state/merge-wide.js';
import type { StateTable } from '../../lib/state/state-table.js';
import { column, COUNT, newMemory, TEXT_KEY, textChunk } from '../columnar/key-fixture.js';
import { forSeeds, intBelow, pick } from '../helpers/random-values.js';
import { newTable } from './state-fixture.js';

const wideOf = (name: string, kind: WideKind, rest: Partial<WideAggregate> = {}): WideAggregate => ({
  name,
  kind,
  column: 'x',
  inputKind: 'float64',
  outputKind: 'float64',
  nullable: true,
  ...rest,
});
const WIDE = [
  wideOf('first', 'first'),
  wideOf('last', 'last'),
  wideOf('different', 'countDistinct', { outputKind: 'int64', nullable: false }),
  wideOf('p', 'approxPercentile', { probability: 1 }),
];
const LOW = { name: 'low', kind: 'minFloat64', outputKind: 'float64' } as const;

type Row = readonly [key: string, value: number | null];

/** Groups of a batch: count, least number, and the wide aggregates. */
function batchOf(memory: SlotMemory, rows: readonly Row[], wide = WIDE): { groups: GroupTable; beside: WideTable } {
  const groups = new GroupTable(memory, [COUNT, LOW]);
  const beside = new WideTable(wide);
  const keys = keySlices(
    textChunk(
      memory,
      rows.map(([key]) => key),
    ),
    [0],
  );
  const numbers = memory.scratch(rows.length * 8);
  const mask = memory.scratch(rows.length);
  rows.forEach(([, value], i) => {
    memory.f64[numbers / 8 + i] = value ?? 0;
    memory.u8[mask + i] = Number(value !== null);
  });
  const inputs = wide.map(() => ({ values: rows.map(([, value]) => value) as (Scalar | null)[], mask: undefined }));
  groups.update(keys, rows.length, [{ mask }, { values: numbers, mask }], (of, from) => beside.add(of, from, inputs));
  return { groups, beside };
}

/** Merges one batch into the state; returns the rows that come out. */
function merge(state: StateTable, rows: readonly Row[], wide = WIDE): readonly unknown[] {
  const { groups, beside } = batchOf(state.memory, rows, wide);
  const numRows = state.numRows;
  const { delta, chunk, totals, groups: changed } = mergeWideAggregates(state, groups, beside, TEXT_KEY, [COUNT, LOW]);
  expect(state.numRows, 'the state is only read').to.equal(numRows);
  expect(delta.numChanged).to.equal(changed.length);
  const shown = rowsOf(withWide(chunk, totals, changed)).map(row => ({ ...(row as object) }));
  groups.dispose();
  applyDelta(state, delta.address);
  state.memory.free(delta.address);
  state.memory.resetScratch();
  return shown;
}

describe('state/merge-wide', () => {
  it('adds a batch to what is kept of all batches, and shows the totals of the keys that changed in their order', () => {
    forSeeds(12, random => {
      const state = newTable(newMemory());
      const keys = Array.from({ length: 40 }, (_, i) => `${'k'.repeat(pick(random, [0, 15, 40]))}${i}`);
      const all = new Map<string, number[]>();
      for (let batch = 0; batch < 5; batch++) {
        const rows = Array.from({ length: intBelow(random, 80) }, (): Row => [
          pick(random, keys),
          random() < 0.3 ? null : intBelow(random, 9) / 4,
        ]);
        const seen = new Set<string>();
        for (const [key] of rows) if (rows.some(([other, value]) => other === key && value !== null)) seen.add(key);
        for (const [key, value] of rows) if (value !== null) all.set(key, [...(all.get(key) ?? []), value]);
        const wanted = [...seen].map(key => {
          const values = all.get(key) ?? [];
          const [first] = values;
          const greatest = Math.max(...values);
          const [n, low, last] = [values.length, Math.min(...values), values.at(-1)];
          return { k: key, n, low, first, last, different: new Set(values).size, p: greatest };
        });
        expect(merge(state, rows)).to.deep.equal(wanted);
        expect(state.numRows).to.equal(all.size);
      }
    });
  });

  it('leaves a key alone whose values say nothing new', () => {
    const wide = [
      wideOf('first', 'first'),
      wideOf('different', 'countDistinct', { outputKind: 'int64', nullable: false }),
    ];
    const state = newTable(newMemory());
    expect(merge(state, [['a', null]], wide)).to.deep.equal([]);
    expect(state.numRows, 'nothing is kept for nothing').to.equal(0);
    expect(merge(state, [['a', 2]], wide)).to.deep.equal([{ k: 'a', n: 1, low: 2, first: 2, different: 1 }]);
    expect(merge(state, [['a', null]], wide)).to.deep.equal([]);
    expect(state.numRows).to.equal(1);
  });

  it('keeps NaN and the sign of 0', () => {
    const wide = [wideOf('first', 'first'), wideOf('last', 'last')];
    const state = newTable(newMemory());
    merge(state, [['a', -0]], wide);
    const [row] = merge(state, [['a', Number.NaN]], wide) as { first: number; last: number; low: number }[];
    expect(Object.is(row?.first, -0)).to.equal(true);
    expect(row?.last).to.deep.equal(Number.NaN);
    expect(row?.low).to.deep.equal(Number.NaN);
  });

  it('gives all its memory back', () => {
    const memory = newMemory();
    const state = newTable(memory);
    merge(state, [['a', 1]]);
    const blocks = memory.numBlocks;
    for (let i = 0; i < 5; i++) merge(state, [['a', i]]);
    expect(memory.numBlocks).to.be.at.most(blocks);
  });

  it('has a delta of no rows for no groups', () => {
    const memory = newMemory();
    const groups = new GroupTable(memory, []);
    const beside = new WideTable([]);
    const { delta, chunk } = mergeWideAggregates(newTable(memory), groups, beside, [column('a', 'int64', true)], []);
    expect(delta.numChanged).to.equal(0);
    expect(chunk.numRows).to.equal(0);
  });
});
