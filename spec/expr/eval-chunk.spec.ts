import { expect } from 'chai';
import type { ColumnChunk } from '../../lib/columnar/chunk.js';
import { columnsFromRows } from '../../lib/columnar/columns-from-rows.js';
import { takeRows } from '../../lib/columnar/take-rows.js';
import { rowsOf } from '../../lib/columnar/rows.js';
import type { ColumnKind } from '../../lib/core/schema.js';
import { bindExpr, type UdfFunction } from '../../lib/expr/bind-expr.js';
import { evalColumn, selectRows } from '../../lib/expr/eval-chunk.js';
import { evalOnRow } from '../../lib/expr/eval-row.js';
import type { BoundExpr, CallUdf, ExprData, Value } from '../../lib/expr/expr-data.js';
import { formatExpr } from '../../lib/expr/format-expr.js';
import { newMemory } from '../columnar/key-fixture.js';
import { intBelow, pick, randomOf } from '../helpers/random-values.js';
import { COLUMNS, randomExpr, randomRow } from './random-expr.js';

const memory = newMemory();
const KINDS: readonly ColumnKind[] = ['utf8', 'int32', 'int64', 'float64', 'bool', 'timestamp'];

type Row = Record<string, Value>;

/** What comes out, or the message of what is thrown. */
function outcome<T>(run: () => T): T | string {
  try {
    return run();
  } catch (error) {
    return `throws ${error instanceof Error ? error.message : String(error)}`;
  }
}

function bound(data: ExprData): { readonly expr: BoundExpr; readonly udf: CallUdf } {
  const udfs: UdfFunction[] = [];
  const expr = bindExpr(data, { columns: COLUMNS, user: 'spec', udfs });
  return { expr, udf: (index, args) => udfs[index]?.(...(args as never[])) };
}

/** The expression's values over a chunk, read back as rows of one column. */
function overChunk(chunk: ColumnChunk, expr: BoundExpr, udf: CallUdf): Value[] {
  const vector = evalColumn(chunk, expr, udf);
  const made: ColumnChunk = {
    ...chunk,
    schema: [{ name: 'x', kind: expr.kind, nullable: expr.nullable }],
    columns: [vector],
    ascii: false,
    textStart: 0,
    textEnd: 0,
  };
  return (rowsOf(made) as { x: Value }[]).map(({ x }) => x);
}

function compare(data: ExprData, rows: readonly Row[], seed: number): void {
  const { expr, udf } = bound(data);
  const mark = memory.scratchMark();
  const chunk = columnsFromRows(memory, COLUMNS, rows, 'spec');
  const where = `seed ${seed}: ${formatExpr(data)}`;
  const expected = outcome(() => rows.map(row => evalOnRow(expr, row, udf)));
  expect(
    outcome(() => overChunk(chunk, expr, udf)),
    where,
  ).to.deep.equal(expected);
  if (!expr.nullable && Array.isArray(expected)) expect(expected, `${where} is never null`).not.to.include(null);
  if (expr.kind === 'bool' && Array.isArray(expected)) {
    const { indexes, count } = selectRows(chunk, expr, udf);
    const selected = [...memory.u32.subarray(indexes / 4, indexes / 4 + count)];
    const wanted = expected.flatMap((value, row) => (value === true ? [row] : []));
    expect(selected, `${where} as a filter`).to.deep.equal(wanted);
    if (seed % 10 === 0)
      expect(rowsOf(takeRows(chunk, indexes, count)), `${where}, rows`).to.deep.equal(wanted.map(row => rows[row]));
  }
  memory.releaseScratch(mark);
}

describe('evalColumn and selectRows', () => {
  it('agree with the rows one by one, on random expressions and chunks', () => {
    for (let seed = 1; seed <= 1500; seed++) {
      const random = randomOf(seed);
      const rows = Array.from({ length: pick(random, [0, 1, 7, 8, 9, 30]) }, () => randomRow(random));
      compare(randomExpr(random, pick(random, KINDS), 1 + intBelow(random, 4)), rows, seed);
    }
  });

  it('agree on chunks of 10 000 rows', () => {
    for (let seed = 5001; seed <= 5008; seed++) {
      const random = randomOf(seed);
      const rows = Array.from({ length: 10_000 }, () => randomRow(random));
      compare(randomExpr(random, pick(random, ['bool', 'utf8', 'int64', 'float64']), 3), rows, seed);
    }
  });

  it('give a column itself without a copy', () => {
    const chunk = columnsFromRows(memory, COLUMNS, [randomRow(randomOf(1))], 'spec');
    const { expr, udf } = bound({ op: 'column', name: 'utf8' });
    expect(evalColumn(chunk, expr, udf)).to.equal(chunk.columns[0]);
  });

  it('put no name and no constant of the job into code', () => {
    const columns = [{ name: "x'];throw 1;//", kind: 'utf8', nullable: true }] as const;
    const constant = "');throw new Error('run')//\u2028`${1}`";
    const chunk = columnsFromRows(
      memory,
      columns,
      [{ [columns[0].name]: constant }, { [columns[0].name]: null }],
      'spec',
    );
    const column: ExprData = { op: 'column', name: columns[0].name };
    const call = (fn: 'eq' | 'concat'): ExprData => ({
      op: 'call',
      fn,
      args: [column, { op: 'literal', value: constant }],
    });
    const scope = { columns, user: 'spec', udfs: [] };
    const none = (): null => null;
    expect(overChunk(chunk, bindExpr(call('eq'), scope), none)).to.deep.equal([true, null]);
    expect(overChunk(chunk, bindExpr(call('concat'), scope), none)).to.deep.equal([constant + constant, null]);
  });
});
