import type { Predicate } from '../columnar/predicate.js';
import type { ColumnKind } from '../core/schema.js';
import { AggExpr } from './aggregate.js';
import type { FunctionName, Value } from './expr-data.js';
import { Expr, type AnyExpr } from './expr.js';

/** What expressions have in common, bound or not. */
type Printed =
  | { readonly op: 'column'; readonly name: string }
  | { readonly op: 'literal'; readonly value: Value }
  | {
      readonly op: 'call';
      readonly fn: FunctionName;
      readonly args: readonly Printed[];
      readonly to?: ColumnKind;
      readonly kind?: ColumnKind;
    }
  | { readonly op: 'udf'; readonly args: readonly Printed[] };

/** Sign and rank of operators: a higher rank binds tighter; equal ones nested on the right keep their parentheses. */
const OPERATORS: { readonly [fn in FunctionName]?: readonly [sign: string, rank: number] } = {
  or: ['or', 1],
  and: ['and', 2],
  eq: ['=', 4],
  ne: ['<>', 4],
  lt: ['<', 4],
  le: ['<=', 4],
  gt: ['>', 4],
  ge: ['>=', 4],
  eqNullSafe: ['<=>', 4],
  add: ['+', 5],
  sub: ['-', 5],
  mul: ['*', 6],
  div: ['/', 6],
  mod: ['%', 6],
};
const NOT_RANK = 3;
const COMPARE_RANK = 4;
const NEG_RANK = 7;

/** One line for plans and messages, the same for the same data: `action = "click" and not size < 10`, `sum(size) where ...`. */
export function formatExpr(expr: AnyExpr | AggExpr | Printed): string {
  if (expr instanceof AggExpr) {
    const probability = expr.probability === undefined ? '' : `, ${expr.probability}`;
    const call = `${expr.kind}(${expr.input === undefined ? '' : formatExpr(expr.input)}${probability})`;
    return expr.filter === undefined ? call : `${call} where ${format(expr.filter, 0)}`;
  }
  return format(expr instanceof Expr ? expr.data : expr, 0);
}

/** @param rank that of the operator around it: what binds less tightly is put in parentheses */
function format(expr: Printed, rank: number): string {
  switch (expr.op) {
    case 'column':
      return formatName(expr.name);
    case 'literal':
      return JSON.stringify(expr.value);
    case 'udf':
      return `udf(${formatAll(expr.args)})`;
    default: {
      const { fn, args } = expr;
      const [a, b] = args;
      const operator = OPERATORS[fn];
      if (operator !== undefined && a !== undefined && b !== undefined) {
        const [sign, own] = operator;
        // Comparisons do not chain: (a = b) = c keeps its parentheses on the left, too.
        const left = format(a, own === COMPARE_RANK ? own + 1 : own);
        return within(`${left} ${sign} ${format(b, own + 1)}`, own, rank);
      }
      if (a === undefined) return `${fn}()`;
      if (fn === 'not') return within(`not ${format(a, NOT_RANK)}`, NOT_RANK, rank);
      if (fn === 'neg') return within(`-${format(a, NEG_RANK + 1)}`, NEG_RANK, rank);
      if (fn === 'isNull') return within(`${format(a, COMPARE_RANK + 1)} is null`, COMPARE_RANK, rank);
      if (fn === 'isIn')
        return within(`${format(a, COMPARE_RANK + 1)} in (${formatAll(args.slice(1))})`, COMPARE_RANK, rank);
      if (fn === 'cast') return `cast(${format(a, 0)} as ${expr.to ?? expr.kind ?? ''})`;
      if (fn === 'when') return formatCase(args);
      return `${fn}(${formatAll(args)})`;
    }
  }
}

const within = (text: string, own: number, rank: number): string => (own < rank ? `(${text})` : text);

const formatAll = (args: readonly Printed[]): string => args.map(arg => format(arg, 0)).join(', ');

function formatCase(args: readonly Printed[]): string {
  const texts = args.map(arg => format(arg, 0));
  let branches = '';
  for (let i = 0; i + 1 < texts.length; i += 2) branches += ` when ${texts[i]} then ${texts[i + 1]}`;
  return `case${branches}${texts.length % 2 === 1 ? ` else ${texts.at(-1)}` : ''} end`;
}

/** A condition as the kernels take it. */
export function formatPredicate(predicate: Predicate): string {
  return format(printed(predicate), 0);
}

function printed(predicate: Predicate): Printed {
  switch (predicate.op) {
    case 'and':
    case 'or':
      return { op: 'call', fn: predicate.op, args: [printed(predicate.left), printed(predicate.right)] };
    case 'not':
      return { op: 'call', fn: 'not', args: [printed(predicate.input)] };
    case 'isNull':
      return { op: 'call', fn: 'isNull', args: [{ op: 'column', name: predicate.column }] };
    default:
      return {
        op: 'call',
        fn: predicate.op,
        args: [
          { op: 'column', name: predicate.column },
          { op: 'literal', value: predicate.value },
        ],
      };
  }
}

/** A name as it is where it reads as one, else in quotes. */
function formatName(name: string): string {
  return /^[\p{L}_][\p{L}\p{N}_]*$/u.test(name) ? name : JSON.stringify(name);
}
