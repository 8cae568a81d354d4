import { expect } from 'chai';
import { int64, nullable, schema, utf8, type Column } from '../../../lib/core/schema.js';
import { bindExpr, type UdfFunction } from '../../../lib/expr/bind-expr.js';
import { evalOnRow } from '../../../lib/expr/eval-row.js';
import type { ExprData, NamedExpr, Value } from '../../../lib/expr/expr-data.js';
import { col, type AnyExpr } from '../../../lib/expr/expr.js';
import { formatExpr } from '../../../lib/expr/format-expr.js';
import { lower, udf } from '../../../lib/expr/functions.js';
import { nodeId } from '../../../lib/plan/node.js';
import { columnsOfProjection, simplified, wantedOf, type ColumnStep } from '../../../lib/plan/rules/column-steps.js';
import { COLUMNS, randomExpr, randomRow } from '../../expr/random-expr.js';
import { forSeeds, intBelow, type Random } from '../../helpers/random-values.js';

type Row = Readonly<Record<string, Value>>;
type StepData = ExprData | Readonly<Record<string, ExprData>>;

/** Steps over columns, each bound to what the one before gives; the functions of the job by node. */
class Steps {
  readonly list: ColumnStep[] = [];
  readonly udfs: UdfFunction[][] = [];
  columns: readonly Column[];

  constructor(columns: readonly Column[]) {
    this.columns = columns;
  }

  add(data: StepData): this {
    const udfs: UdfFunction[] = [];
    const node = nodeId(this.list.length);
    const bind = (expr: ExprData) => bindExpr(expr, { columns: this.columns, user: 'spec', udfs });
    this.udfs.push(udfs);
    if ('op' in data) {
      this.list.push({ node, label: '', operation: { kind: 'where', condition: bind(data as ExprData) } });
      return this;
    }
    const columns = Object.entries(data).map(([name, expr]): NamedExpr => ({ name, expr: bind(expr) }));
    this.list.push({ node, label: '', operation: { kind: 'project', columns } });
    this.columns = columnsOfProjection(columns);
    return this;
  }

  run(rows: readonly Row[], steps: readonly ColumnStep[]): readonly Row[] {
    return steps.reduce<readonly Row[]>((input, { node, operation }) => {
      const call = (index: number, args: readonly Value[]): unknown => this.udfs[node]?.[index]?.(...(args as never[]));
      if (operation.kind === 'where') return input.filter(row => evalOnRow(operation.condition, row, call) === true);
      return input.map(row =>
        Object.fromEntries(operation.columns.map(({ name, expr }) => [name, evalOnRow(expr, row, call)])),
      );
    }, rows);
  }
}

const textOf = (steps: readonly ColumnStep[]): string[] =>
  steps.map(({ operation }) =>
    operation.kind === 'where'
      ? `where ${formatExpr(operation.condition)}`
      : `project ${operation.columns.map(({ name, expr }) => `${name}: ${formatExpr(expr)}`).join(', ')}`,
  );

const { columns } = schema({ user: utf8(), size: nullable(int64()) });
const select = (selection: Record<string, AnyExpr>): StepData =>
  Object.fromEntries(Object.entries(selection).map(([name, expr]) => [name, expr.data]));
const simplifiedText = (...data: StepData[]): string[] =>
  textOf(simplified(data.reduce((steps: Steps, step) => steps.add(step), new Steps(columns)).list));

describe('rules of column steps', () => {
  it('make one filter of several', () => {
    expect(simplifiedText(col('size').gt(1).data, col('size').lt(5).data, col('user').eq('x').data)).to.deep.equal([
      'where size > 1 and size < 5 and user = "x"',
    ]);
  });

  it('filter before what is computed for rows that are left out', () => {
    expect(
      simplifiedText(select({ name: lower(col('user')), bytes: col('size') }), col('bytes').gt(0).data),
    ).to.deep.equal(['where size > 0', 'project name: lower(user), bytes: size']);
    expect(simplifiedText(select({ name: lower(col('user')) }), col('name').eq('x').data)).to.deep.equal([
      'project name: lower(user)',
      'where name = "x"',
    ]);
  });

  it('make one projection of two, but compute nothing twice', () => {
    expect(
      simplifiedText(
        select({ name: lower(col('user')), bytes: col('size') }),
        select({ same: col('name').eq('x'), kb: col('bytes').div(1024), twice: col('bytes').mul(2) }),
      ),
    ).to.deep.equal(['project same: lower(user) = "x", kb: size / 1024, twice: size * 2']);
    const used = [select({ name: lower(col('user')) }), select({ a: col('name'), b: col('name').eq('x') })];
    expect(simplifiedText(...used)).to.have.length(2);
  });

  it('leave functions of the job where they are', () => {
    const f = udf((size: number) => size > 1, 'bool');
    expect(simplifiedText(f(col('size')).data, col('size').gt(0).data)).to.have.length(2);
    expect(simplifiedText(select({ ok: f(col('size')) }), select({ ok: col('ok') }))).to.have.length(2);
    expect(simplifiedText(select({ ok: f(col('size')), s: col('size') }), col('s').gt(0).data)).to.deep.equal([
      'where size > 0',
      'project ok: udf(size), s: size',
    ]);
  });

  it('say which columns are read behind each step', () => {
    const steps = new Steps(columns)
      .add(col('size').gt(0).data)
      .add(select({ name: lower(col('user')), bytes: col('size') })).list;
    const names = (wanted: readonly string[] | undefined): unknown =>
      wantedOf(steps, wanted).map(set => set && [...set].toSorted());
    expect(names(['name'])).to.deep.equal([['user'], ['name']]);
    expect(names(undefined)).to.deep.equal([['size', 'user'], undefined]);
    expect(wantedOf(steps.slice(0, 1), undefined)).to.deep.equal([undefined]);
  });

  it('give the same rows for random steps', () => {
    let numCompared = 0;
    let numShorter = 0;
    forSeeds(300, random => {
      const steps = new Steps(COLUMNS);
      for (let i = 1 + intBelow(random, 5); i >= 0; i--) steps.add(randomStep(random));
      const rows = Array.from({ length: 20 }, () => randomRow(random));
      const better = simplified(steps.list);
      numShorter += Number(better.length < steps.list.length);
      let expected: readonly Row[];
      try {
        expected = steps.run(rows, steps.list);
      } catch {
        // Rules compute less, so that an error may not come to pass.
        return;
      }
      numCompared++;
      expect(steps.run(rows, better), textOf(steps.list).join('; ')).to.deep.equal(expected);
    });
    expect(numCompared).to.be.above(150);
    expect(numShorter).to.be.above(150);
  });
});

function randomStep(random: Random): StepData {
  if (random() < 0.5) return randomExpr(random, 'bool', 2);
  return Object.fromEntries(
    COLUMNS.map(({ name, kind }) => {
      const taken = COLUMNS.filter(column => column.kind === kind)[intBelow(random, 2)]?.name ?? name;
      return [name, random() < 0.8 ? { op: 'column', name: taken } : randomExpr(random, kind, 1)] as const;
    }),
  );
}
