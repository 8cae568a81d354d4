import { expect } from 'chai';
import type { DerivedOperator } from '../../lib/api/operator-path.js';
import type { OperatorInfo } from '../../lib/checkpoint/manifest.js';
import { EngineError } from '../../lib/core/errors.js';
import { assignOperatorIds } from '../../lib/driver/operator-ids.js';

/** As a job derives them, by the ways that lead to them. */
const derived = (...paths: string[]): DerivedOperator[] =>
  paths.map((path, i) => ({ id: i === 0 ? 'agg' : `agg-${i + 1}`, name: 'agg', path }));

const remembered = (paths: { readonly [id: string]: string }): OperatorInfo[] =>
  Object.entries(paths).map(([id, path]) => ({ id, kind: 'aggregate', keys: '', values: '', path }));

/** By their ways, the ids that operators come to have. */
function idsOf(operators: readonly DerivedOperator[], known: readonly OperatorInfo[], given: string[] = []) {
  const { ids } = assignOperatorIds(operators, new Set(given), known);
  return Object.fromEntries(operators.map(({ id, path }) => [path, ids[id] ?? id]));
}

describe('assignOperatorIds', () => {
  it('finds operators by what leads to them: others may come, go and change places', () => {
    const known = remembered({ agg: 'a', 'agg-2': 'b', 'agg-3': 'c' });
    expect(idsOf(derived('a', 'b', 'c'), known)).to.deep.equal({ a: 'agg', b: 'agg-2', c: 'agg-3' });
    expect(idsOf(derived('c', 'a', 'b'), known)).to.deep.equal({ a: 'agg', b: 'agg-2', c: 'agg-3' });
    expect(idsOf(derived('new', 'c', 'a', 'b'), known)).to.deep.equal({
      ...{ a: 'agg', b: 'agg-2', c: 'agg-3', new: 'agg-4' },
    });
    expect(idsOf(derived('c'), known)).to.deep.equal({ c: 'agg-3' });
  });

  it('gives a new one no id that the checkpoint or the job has given', () => {
    expect(idsOf(derived('new', 'a'), remembered({ 'agg-2': 'a' }), ['agg', 'agg-3'])).to.deep.equal({
      ...{ a: 'agg-2', new: 'agg-4' },
    });
  });

  it('lets one keep its id when the way to it alone was changed', () => {
    expect(idsOf(derived('b', 'changed'), remembered({ agg: 'a', 'agg-2': 'b' }))).to.deep.equal({
      ...{ b: 'agg-2', changed: 'agg' },
    });
  });

  it('goes by order where all ways were changed or are the same, and says so', () => {
    const known = remembered({ agg: 'a', 'agg-2': 'b' });
    const changed = assignOperatorIds(derived('x', 'y'), new Set(), known);
    expect(changed.ids).to.deep.equal({});
    expect(changed.warnings).to.deep.equal([
      "operators 'agg' and 'agg-2' are told apart by their order in the job alone: give each an id before it changes",
    ]);
    const same = assignOperatorIds(derived('a', 'a'), new Set(), []);
    expect(same).to.deep.equal({ ids: {}, warnings: changed.warnings });
  });

  it('refuses to choose, naming the candidates and the cure', () => {
    expect(() => assignOperatorIds(derived('x', 'y'), new Set(), remembered({ agg: 'a' })))
      .to.throw(EngineError)
      .with.property('message')
      .which.includes("  checkpoint: 'agg'  a\n  job:        x\n  job:        y\n")
      .and.includes("give the one whose state it is that id: { id: 'agg' }");
  });

  it('goes by order in a checkpoint of before the ways were noted', () => {
    const known = remembered({ agg: '', 'agg-2': '' }).map(({ path: _, ...operator }) => operator);
    const { ids, warnings } = assignOperatorIds(derived('a', 'b'), new Set(), known);
    expect({ ids, warnings }).to.deep.equal({ ids: {}, warnings: [] });
  });
});
