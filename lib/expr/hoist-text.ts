/**
 * Functions of text that kernels compute for a whole column at once: they are taken out of an expression and stand
 * there as columns that are computed before. None of them can fail, so it does not matter that they are computed for rows
 * for which the expression would not have asked.
 *
 *   when(lower(url) like '%.png', size)      text 0: lower(url)      text 1: `text 0` like '%.png'
 *                                            when(`text 1`, size)
 */
import { columnsOf, type BoundCall, type BoundColumn, type BoundExpr, type FunctionName } from './expr-data.js';
import { isText } from './function-rule.js';

export interface TextColumn {
  readonly name: string;
  /** Of columns, those before it among them, and constants. */
  readonly call: BoundCall;
}

export interface Hoisted {
  /** In the order in which they are computed. */
  readonly columns: readonly TextColumn[];
  /** The expression, which reads them. */
  readonly expr: BoundExpr;
}

const OF_TEXT: readonly FunctionName[] = [
  ...(['contains', 'startsWith', 'endsWith', 'like', 'length', 'lower', 'upper'] as const),
  ...(['eq', 'ne', 'lt', 'le', 'gt', 'ge'] as const),
];

const made = new WeakMap<BoundExpr, Hoisted>();

/** The same object for the same expression. */
export function hoistText(expr: BoundExpr): Hoisted {
  let hoisted = made.get(expr);
  if (hoisted === undefined) made.set(expr, (hoisted = hoist(expr, () => false)));
  return hoisted;
}

/** @param stays calls, their arguments hoisted, that are to be left where they are */
export function hoist(expr: BoundExpr, stays: (call: BoundCall) => boolean): Hoisted {
  const columns: TextColumn[] = [];
  const taken = columnsOf(expr);
  const fresh = (): string => {
    let n = columns.length;
    while (taken.has(`text ${n}`)) n++;
    return `text ${n}`;
  };
  const known = new Map<string, BoundColumn>();
  const visit = (node: BoundExpr): BoundExpr => {
    if (node.op === 'column' || node.op === 'literal') return node;
    const args = node.args.map(visit);
    const call = args.every((arg, i) => arg === node.args[i]) ? node : Object.freeze({ ...node, args });
    if (call.op !== 'call' || !isOfColumns(call) || stays(call)) return call;
    const identity = JSON.stringify(call);
    let column = known.get(identity);
    if (column === undefined) {
      const name = fresh();
      columns.push({ name, call });
      column = Object.freeze({ op: 'column', name, kind: call.kind, nullable: call.nullable });
      known.set(identity, column);
    }
    return column;
  };
  const rest = visit(expr);
  return { columns, expr: rest };
}

/** Whether it is a function of texts that are there as slices, one of them a column. */
const isOfColumns = ({ fn, args }: BoundCall): boolean =>
  OF_TEXT.includes(fn) &&
  args.every(arg => isText(arg) && (arg.op === 'column' || (arg.op === 'literal' && arg.value !== null))) &&
  args.some(arg => arg.op === 'column');
