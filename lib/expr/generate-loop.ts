/**
 * The loop that computes an expression over the rows of a chunk, as generated JavaScript: one pass, numbers in local
 * variables, texts as slices of memory as long as their bytes are enough, and strings only where a function wants them.
 * Against closures over typed arrays a loop has no call per node and row. What a piece of it means is in `eval-row.ts`.
 */
import { assertNever } from '../core/assert-never.js';
import type { BoundCall, BoundColumn, BoundExpr, BoundUdf, CallUdf, StrictFunction, Value } from './expr-data.js';
import { checkedResult } from './eval-row.js';
import { isText, isWhole } from './function-rule.js';
import { applyOf, hashOf, isStrict } from './function-table.js';
import type { LoopText, Local } from './loop-text.js';
import { whole } from './number-functions.js';
import * as slices from './slices.js';

/** How the value of a text is wanted: by reference to its bytes, or as a string. */
type Form = 'slice' | 'string';

const MAX_WHOLE = '9007199254740991';
const SIGN = { add: '+', sub: '-', mul: '*' } as const;
const COMPARE = { eq: '===', ne: '!==', lt: '<', le: '<=', gt: '>', ge: '>=' } as const;
const SLICE_TEST = {
  startsWith: slices.startsWithBytes,
  endsWith: slices.endsWithBytes,
  contains: slices.containsBytes,
} as const;

const hasKey = <T extends object>(table: T, key: PropertyKey): key is keyof T => Object.hasOwn(table, key);

/** Whether the bytes of a text are somewhere in memory without being written. */
export function hasSlice(expr: BoundExpr): boolean {
  if (expr.op === 'column' || expr.op === 'literal') return true;
  if (expr.op === 'udf') return false;
  return (expr.fn === 'when' || expr.fn === 'coalesce') && expr.args.filter(isText).every(hasSlice);
}

/** Adds the lines that compute `expr`. @returns where its value is then */
export function generate(loop: LoopText, expr: BoundExpr, form: Form = hasSlice(expr) ? 'slice' : 'string'): Local {
  if (expr.op === 'literal') return constantLocal(loop, expr.value);
  const local = loop.local(isText(expr) ? form : 'number', expr.nullable);
  switch (expr.op) {
    case 'column':
      loadColumn(loop, expr, form, local);
      break;
    case 'udf': {
      const args = expr.args.map(arg => generate(loop, arg, 'string'));
      const f = loop.constant(udfCaller(expr));
      callFunction(loop, expr, local, args, values => `${f}(udf, [${values.join(', ')}])`);
      break;
    }
    case 'call':
      if (isStrict(expr.fn)) generateStrict(loop, expr, expr.fn, local);
      else generateLazy(loop, expr, form, local);
      break;
    default:
      assertNever(expr);
  }
  return local;
}

/** A constant needs no variable. */
function constantLocal(loop: LoopText, value: Value): Local {
  if (value === null) return { n: '1', v: '0', a: '0', l: '0', x: "''" };
  if (typeof value !== 'string') return { n: '', v: loop.constant(Number(value)), a: '', l: '', x: '' };
  const index = loop.text(value);
  return { n: '', v: '', a: `t${index}`, l: `m${index}`, x: loop.constant(value) };
}

function loadColumn(loop: LoopText, column: BoundColumn, form: Form, local: Local): void {
  const c = isText(column) && form === 'string' ? loop.columnOfStrings(column) : loop.column(column);
  if (local.n !== '') loop.line(`${local.n} = w${c} !== 0 && ((u8[w${c} + (i >>> 3)] >>> (i & 7)) & 1) === 0 ? 1 : 0;`);
  switch (column.kind) {
    case 'int32':
      return loop.line(`${local.v} = i32[c${c} + i];`);
    case 'int64':
    case 'timestamp':
      return loop.line(`${local.v} = i32[c${c} + 2 * i + 1] * 4294967296 + u32[c${c} + 2 * i];`);
    case 'float64':
      return loop.line(`${local.v} = f64[c${c} + i];`);
    case 'bool':
      return loop.line(`${local.v} = u8[c${c} + i];`);
    case 'utf8':
      return loop.line(
        form === 'slice'
          ? `${local.a} = u32[c${c} + i]; ${local.l} = u32[q${c} + i];`
          : `${unlessNull([local])}${local.x} = s${c}[i];`,
      );
    default:
      assertNever(column.kind);
  }
}

const unlessNull = (locals: readonly Local[]): string => {
  const flags = locals.flatMap(({ n }) => (n === '' ? [] : [n]));
  return flags.length === 0 ? '' : `if (!(${flags.join(' | ')})) `;
};

/** Sets the null flag from the arguments', and runs `body` where none is null. */
function strictly(loop: LoopText, local: Local, args: readonly Local[], body: string): void {
  const flags = args.flatMap(({ n }) => (n === '' ? [] : [n]));
  if (flags.length > 0 && local.n !== '') loop.line(`${local.n} = ${flags.join(' | ')};`);
  loop.line(`${unlessNull(args)}{ ${body} }`);
}

/** A local's value as the functions of the rows have it. */
const valueOf = (expr: BoundExpr, local: Local): string =>
  isText(expr) ? local.x : expr.kind === 'bool' ? `(${local.v} !== 0)` : local.v;

/** Calls a function of values none of which is null, which may give null. */
function callFunction(
  loop: LoopText,
  expr: BoundCall | BoundUdf,
  local: Local,
  args: readonly Local[],
  text: (values: readonly string[]) => string,
): void {
  const called = text(expr.args.map((arg, i) => valueOf(arg, args[i] as Local)));
  const stored = isText(expr) ? `${local.x} = r` : `${local.v} = ${expr.kind === 'bool' ? 'r ? 1 : 0' : 'r'}`;
  const body = local.n === '' ? `${stored};` : `if (r === null) ${local.n} = 1; else ${stored};`;
  strictly(loop, local, args, `const r = ${called}; ${body}`);
}

/** A udf's result is checked; it is the task that knows the function. */
const udfCaller =
  (expr: BoundUdf) =>
  (udf: CallUdf, args: readonly Value[]): Value =>
    checkedResult(expr, udf(expr.index, args));

function generateStrict(loop: LoopText, call: BoundCall, fn: StrictFunction, local: Local): void {
  const texts = call.args.filter(isText);
  const bytes =
    texts.length > 0 &&
    texts.every(hasSlice) &&
    (hasKey(COMPARE, fn) || hasKey(SLICE_TEST, fn) || fn === 'length' || fn === 'isIn');
  const args = call.args.map(arg => generate(loop, arg, bytes ? 'slice' : 'string'));
  const body = bytes ? bodyOfBytes(loop, fn, local, args) : bodyOfNumbers(loop, call, fn, local, args);
  if (body !== undefined) return strictly(loop, local, args, body);
  const f = loop.constant(applyOf(call, fn));
  callFunction(loop, call, local, args, values => `${f}(${values.join(', ')})`);
}

function bodyOfBytes(
  loop: LoopText,
  fn: StrictFunction,
  { v }: Local,
  [a, ...others]: readonly Local[],
): string | undefined {
  if (a === undefined) return undefined;
  const equals = (b: Local): string =>
    `${a.l} === ${b.l} && ${loop.constant(slices.equalBytes)}(u8, ${a.a}, ${b.a}, ${a.l})`;
  if (fn === 'isIn') return `${v} = ${others.map(equals).join(' || ') || 'false'} ? 1 : 0;`;
  const [b] = others;
  if (fn === 'length') return `${v} = ${loop.constant(slices.countCharacterBytes)}(u8, ${a.a}, ${a.l});`;
  if (b === undefined) return undefined;
  if (fn === 'eq' || fn === 'ne') return `${v} = ${equals(b)} ? ${fn === 'eq' ? '1 : 0' : '0 : 1'};`;
  const both = `u8, ${a.a}, ${a.l}, ${b.a}, ${b.l}`;
  if (hasKey(COMPARE, fn)) return `${v} = ${loop.constant(slices.compareBytes)}(${both}) ${COMPARE[fn]} 0 ? 1 : 0;`;
  return hasKey(SLICE_TEST, fn) ? `${v} = ${loop.constant(SLICE_TEST[fn])}(${both}) ? 1 : 0;` : undefined;
}

function bodyOfNumbers(
  loop: LoopText,
  call: BoundCall,
  fn: StrictFunction,
  { v, n }: Local,
  [a, b]: readonly Local[],
): string | undefined {
  if (a === undefined || call.args.some(isText)) return undefined;
  const isFloat = call.kind === 'float64';
  if (fn === 'not') return `${v} = 1 - ${a.v};`;
  if (fn === 'neg') return `${v} = ${isFloat ? '' : '0 '}-${a.v};`;
  if (fn === 'cast') return isWidening(call) ? `${v} = ${a.v};` : undefined;
  if (b === undefined) return undefined;
  if (hasKey(SIGN, fn)) {
    const computed = `${v} = ${a.v} ${SIGN[fn]} ${b.v};`;
    if (isFloat) return computed;
    const check = `${loop.constant(whole)}(${v}, ${loop.constant(fn)})`;
    return `${computed} if (!(${v} <= ${MAX_WHOLE} && ${v} >= -${MAX_WHOLE})) ${check}; ${v} += 0;`;
  }
  if (fn === 'div') return `if (${b.v} === 0) ${n} = 1; else ${v} = ${a.v} / ${b.v};`;
  if (fn === 'mod') return `if (${b.v} === 0) ${n} = 1; else ${v} = ${a.v} % ${b.v}${isFloat ? '' : ' + 0'};`;
  return hasKey(COMPARE, fn) ? `${v} = ${a.v} ${COMPARE[fn]} ${b.v} ? 1 : 0;` : undefined;
}

/** A cast that leaves the number as it is. */
function isWidening({ args: [from], kind }: BoundCall): boolean {
  if (from === undefined || isText(from)) return false;
  if (kind === from.kind) return true;
  if (kind === 'float64') return true;
  if (kind === 'int64' || kind === 'timestamp')
    return isWhole(from) || from.kind === 'timestamp' || from.kind === 'bool';
  return kind === 'int32' && from.kind === 'bool';
}

function generateLazy(loop: LoopText, call: BoundCall, form: Form, local: Local): void {
  const { args } = call;
  const [first, second] = args;
  if (first === undefined) return;
  switch (call.fn) {
    case 'and':
    case 'or':
      return second === undefined ? undefined : generateLogic(loop, call.fn, [first, second], local);
    case 'isNull': {
      const arg = generate(loop, first);
      return loop.line(`${local.v} = ${arg.n === '' ? '0' : arg.n};`);
    }
    case 'eqNullSafe': {
      if (second === undefined) return;
      const asBytes = isText(first) && hasSlice(first) && hasSlice(second);
      const [a, b] = [first, second].map(arg => generate(loop, arg, asBytes ? 'slice' : 'string')) as [Local, Local];
      const equal = asBytes
        ? `${a.l} === ${b.l} && ${loop.constant(slices.equalBytes)}(u8, ${a.a}, ${b.a}, ${a.l})`
        : `${valueOf(first, a)} === ${valueOf(second, b)}`;
      const [an, bn] = [a.n || '0', b.n || '0'];
      return loop.line(`${local.v} = ${an} | ${bn} ? ${an} & ${bn} : (${equal}) ? 1 : 0;`);
    }
    case 'coalesce': {
      let open = 0;
      for (const arg of args) {
        const value = generate(loop, arg, form);
        const isLast = value.n === '' || arg === args.at(-1);
        loop.line(isLast ? takenOver(local, value) : `if (!${value.n}) { ${moved(local, value)} } else {`);
        if (isLast) break;
        open++;
      }
      return loop.line('}'.repeat(open));
    }
    case 'when': {
      let open = 0;
      for (let i = 0; i + 1 < args.length; i += 2) {
        const condition = generate(loop, args[i] as BoundExpr);
        loop.line(`if (${condition.v}${condition.n === '' ? '' : ` && !${condition.n}`}) {`);
        loop.line(`${takenOver(local, generate(loop, args[i + 1] as BoundExpr, form))} } else {`);
        open++;
      }
      const last = args.length % 2 === 1 ? args[args.length - 1] : undefined;
      loop.line(last === undefined ? `${local.n} = 1;` : takenOver(local, generate(loop, last, form)));
      return loop.line('}'.repeat(open));
    }
    case 'hash': {
      const locals = args.map(arg => generate(loop, arg, 'string'));
      const values = args.map((arg, i) => {
        const value = locals[i] as Local;
        return value.n === '' ? valueOf(arg, value) : `(${value.n} ? null : ${valueOf(arg, value)})`;
      });
      return loop.line(`${local.v} = ${loop.constant(hashOf)}([${values.join(', ')}]);`);
    }
  }
}

/** The line that makes a value that was computed last the node's own. */
function takenOver(to: Local, from: Local): string {
  const isNull = to.n === '' ? '' : `${to.n} = ${from.n === '' ? '0' : from.n};`;
  return `${isNull} ${moved(to, from)}`;
}

const moved = (to: Local, from: Local): string =>
  (['v', 'a', 'l', 'x'] as const)
    .filter(part => to[part] !== '')
    .map(part => `${to[part]} = ${from[part]};`)
    .join(' ');

/** Three-valued: the right side is not evaluated where the left one decides. */
function generateLogic(loop: LoopText, fn: 'and' | 'or', args: readonly [BoundExpr, BoundExpr], local: Local): void {
  const left = generate(loop, args[0]);
  /** The value that decides: false for and, true for or. */
  const decides = fn === 'and' ? 0 : 1;
  const isDecided = ({ v, n }: Local): string => `${n === '' ? '' : `!${n} && `}${v} === ${decides}`;
  loop.line(`if (${isDecided(left)}) { ${local.v} = ${decides}; } else {`);
  const right = generate(loop, args[1]);
  const flags = [left.n, right.n].filter(n => n !== '');
  const otherwise = `${local.v} = ${1 - decides};${flags.length === 0 ? '' : ` ${local.n} = ${flags.join(' | ')};`}`;
  loop.line(`if (${isDecided(right)}) ${local.v} = ${decides}; else { ${otherwise} } }`);
}
