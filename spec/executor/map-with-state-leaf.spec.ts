import { expect } from 'chai';
import type { State } from '../../lib/index.js';
import { newTimedTable, applyAndFree, runLeaf, setStates, timedStates } from './leaf-fixture.js';

const put = (_: unknown, value: string, state: State<string>): string => {
  state.update(value);
  return value;
};

/** The leaf's task alone; what it gives in a whole engine is in `spec/api/map-with-state.spec.ts`. */
describe('executor/map-with-state-leaf', () => {
  it('gives each of many rows and states once', () => {
    const table = newTimedTable();
    const keys = Array.from({ length: 10_000 }, (_, i) => i);
    setStates(
      table,
      keys.map(key => [key, ['old', 1]]),
    );
    const records = keys.filter(key => key % 2 === 0).map(key => [key, `new ${key}`] as const);
    const { mapped, snapshot, delta } = runLeaf(table, { time: 2, records, f: put });
    expect(mapped).to.deep.equal(records.map(([, value]) => value));
    const byKey = (snapshot as [number, string][]).toSorted(([a], [b]) => a - b);
    expect(byKey).to.deep.equal(keys.map(key => [key, key % 2 === 0 ? `new ${key}` : 'old']));
    expect(delta).to.include({ numChanged: 5000, numRemoved: 0 });
    applyAndFree(table, delta);
    expect(timedStates(table)).to.have.length(10_000);
  });

  it('leaves no change and no memory when nothing changes', () => {
    const table = newTimedTable();
    setStates(table, [['a', [1, 1]]]);
    runLeaf(table, { time: 2, records: [['a', 1]], f: () => undefined });
    const before = [table.memory.numBlocks, table.memory.liveBytes];
    for (const records of [[], [['a', 1]], [['b', 1]]] as const) {
      const { delta } = runLeaf(table, { time: 2, records, f: () => undefined });
      expect(delta).to.equal(undefined);
    }
    expect([table.memory.numBlocks, table.memory.liveBytes]).to.deep.equal(before);
  });

  it('gives the same again when the attempt before was lost, with keys due, touched and new', () => {
    const table = newTimedTable();
    setStates(table, [
      ['due', [1, 1000]],
      ['touched', [2, 1000]],
      ['fresh', [3, 4500]],
    ]);
    const batch = {
      time: 5000,
      timeoutMs: 2000,
      records: [
        ['touched', 'x'],
        ['new', 'y'],
      ] as const,
      f: (key: string, value: string | undefined, state: State<unknown>) => {
        if (value !== undefined) state.update(value);
        return [key, value ?? 'gone'];
      },
    };
    const first = runLeaf(table, batch);
    const second = runLeaf(table, batch);
    expect(second.mapped)
      .to.deep.equal(first.mapped)
      .and.to.deep.equal([
        ['touched', 'x'],
        ['new', 'y'],
        ['due', 'gone'],
      ]);
    expect(second.snapshot).to.deep.equal(first.snapshot);
    applyAndFree(table, second.delta);
    expect(timedStates(table)).to.deep.equal([
      ['fresh', 3, 4500],
      ['new', 'y', 5000],
      ['touched', 'x', 5000],
    ]);
    const later = (time: number): readonly unknown[] => {
      const { mapped, delta } = runLeaf(table, { ...batch, time, records: [] });
      applyAndFree(table, delta);
      return mapped;
    };
    // Keys that are due at once come in the order of their hashes.
    expect([later(6501), later(7000), later(7001), later(9000)]).to.deep.equal([
      [['fresh', 'gone']],
      [],
      [
        ['new', 'gone'],
        ['touched', 'gone'],
      ],
      [],
    ]);
    expect(timedStates(table)).to.deep.equal([]);
  });
});
