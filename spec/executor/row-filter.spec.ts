import { expect } from 'chai';
import { columnsFromRows } from '../../lib/columnar/columns-from-rows.js';
import { rowsOf } from '../../lib/columnar/rows.js';
import { rowFilter } from '../../lib/executor/row-filter.js';
import { bindExpr } from '../../lib/expr/bind-expr.js';
import { evalOnRow } from '../../lib/expr/eval-row.js';
import { callData, hasUdf, type BoundExpr, type ExprData } from '../../lib/expr/expr-data.js';
import { formatExpr } from '../../lib/expr/format-expr.js';
import { splitCondition } from '../../lib/expr/split-condition.js';
import { newMemory } from '../columnar/key-fixture.js';
import { COLUMNS, randomExpr, randomRow } from '../expr/random-expr.js';
import { forSeeds, intBelow, pick } from '../helpers/random-values.js';

const none = (): null => null;
const column = (name: string): ExprData => ({ op: 'column', name });
const literal = (value: string | number): ExprData => ({ op: 'literal', value });
const bound = (data: ExprData): BoundExpr => bindExpr(data, { columns: COLUMNS, user: 'spec', udfs: [] });

/** The rows that the oracle keeps, or undefined where it fails for one. */
function oracle<T extends Record<string, unknown>>(condition: BoundExpr, rows: readonly T[]): readonly T[] | undefined {
  try {
    return rows.filter(row => evalOnRow(condition, row, none) === true);
  } catch {
    return undefined;
  }
}

describe('executor/row-filter', () => {
  it('keeps the rows that random conditions are true for, and the columns that are wanted', () => {
    const memory = newMemory();
    const kinds = new Set<string>();
    forSeeds(600, random => {
      const tests = [
        callData(pick(random, ['eq', 'ge', 'ne'] as const), [column('utf8?'), literal('ab')]),
        callData('isIn', [column('int32?'), literal(1), literal(0), literal(-13)]),
        callData('contains', [callData('lower', [column('utf8')]), literal('b')]),
        callData('lt', [column('utf8'), column('utf8?')]),
        randomExpr(random, 'bool', 2),
        randomExpr(random, 'bool', 1),
      ];
      const chosen = Array.from({ length: 1 + intBelow(random, 4) }, () => pick(random, tests));
      const condition = bound(chosen.reduce((a, b) => callData('and', [a, b])));
      if (hasUdf(condition)) return;
      const rows = Array.from({ length: pick(random, [1, 8, 40, 300]) }, () => randomRow(random));
      const expected = oracle(condition, rows);
      if (expected === undefined) return;
      const { predicate, text, rest } = splitCondition(condition);
      kinds.add([predicate, text, rest].map(part => Number(part !== undefined)).join(''));
      const mark = memory.scratchMark();
      const kept = rowFilter(condition, undefined, none)(columnsFromRows(memory, COLUMNS, rows, 'spec'));
      expect(kept.numRows === 0 ? [] : rowsOf(kept), formatExpr(condition)).to.deep.equal(expected);
      const some = rowFilter(condition, new Set(['bool']), none)(columnsFromRows(memory, COLUMNS, rows, 'spec'));
      expect(some.columns.flatMap((vector, i) => (vector === undefined ? [] : [COLUMNS[i]?.name]))).to.deep.equal([
        'bool',
      ]);
      expect(some.numRows).to.equal(expected.length);
      memory.releaseScratch(mark);
    });
    expect([...kinds].toSorted()).to.deep.equal(['001', '010', '011', '100', '101', '110', '111']);
  });

  it('leaves nothing to the loop where kernels can test all of it', () => {
    const like = callData('like', [callData('upper', [column('utf8')]), literal('A%')]);
    const data = [
      callData('isIn', [column('utf8'), literal('a'), literal('b')]),
      callData('or', [callData('contains', [column('utf8'), literal('z')]), callData('isNull', [column('utf8?')])]),
      callData('not', [like]),
    ].reduce((a, b) => callData('and', [a, b]));
    const { predicate, text, rest } = splitCondition(bound(data));
    expect([predicate?.op, text?.hoisted.columns.length, rest]).to.deep.equal(['or', 3, undefined]);
  });
});
