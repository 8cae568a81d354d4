/**
 * What of a predicate a decoder can test while it decodes, and the table through which the kernels test it (layout in
 * lib/kernels/scan-filter.ts): comparisons of columns with numbers, texts for equality, and whether a column is null;
 * alternatives of those; and any number of such conditions together. Records are checked as without a filter.
 */
import type { Column } from '../core/schema.js';
import type { DecodeColumns } from './decode-columns.js';
import { kernels } from './kernels.js';
import type { ComparisonOp, Predicate } from './predicate-data.js';
import { LITERAL_OF, WANTED } from './predicate.js';
import type { Address, SlotMemory } from './slot-memory.js';

interface Test {
  readonly column: number;
  readonly what: 'number' | 'text' | 'null';
  /** Numbers: bits of the orders that are wanted. */
  readonly orders: number;
  readonly turned: boolean;
  readonly text: Uint8Array;
  readonly number: number;
}

/** True where one of them is. */
type Alternatives = readonly Test[];
/** The declared columns, undefined where one is only checked. */
type Kept = readonly (Column | undefined)[];

const TEST_BYTES = 40;
const WHAT = { number: 0, text: 1, null: 2 };
/** Words of the decoding kernels' state. */
const ROW = 2;
const TESTS = 7;
const TESTS_END = 8;
const DROPPED = 9;
const NO_TEXT = new Uint8Array();

export class DecodeFilter {
  /** The predicate, where all of it is tested: nothing of it is left to whoever reads the rows. */
  readonly tested: Predicate | undefined;
  readonly #memory: SlotMemory;
  readonly #lists: readonly Alternatives[];

  /** @param wanted names of the columns that are kept, without which nothing can be tested; undefined = all */
  constructor(
    memory: SlotMemory,
    declared: readonly Column[],
    wanted: readonly string[] | undefined,
    where: Predicate | undefined,
  ) {
    const kept: Kept = declared.map(column =>
      wanted === undefined || wanted.includes(column.name) ? column : undefined,
    );
    const parts = where === undefined ? [] : partsOf(where).map(part => alternativesOf(part, kept));
    this.#memory = memory;
    this.#lists = parts.filter(list => list !== undefined);
    this.tested = this.#lists.length === parts.length ? where : undefined;
  }

  /** Writes the table to scratch, after the columns began. @returns where it begins and ends */
  begin(target: DecodeColumns): readonly [Address, Address] {
    const tests = this.#lists.flatMap(list => list.map((test, i) => ({ ...test, isLast: i === list.length - 1 })));
    const memory = this.#memory;
    const table = memory.scratch(tests.length * TEST_BYTES);
    tests.forEach(({ column, what, orders, turned, text, number, isLast }, i) => {
      const textAt = text.length === 0 ? 0 : memory.scratch(text.length);
      const at = table + i * TEST_BYTES;
      memory.u8.set(text, textAt);
      memory.u32.set([target.entry(column), WHAT[what], orders, Number(turned), textAt, text.length], at >>> 2);
      memory.f64[(at + 24) >>> 3] = number;
      memory.u32[(at + 32) >>> 2] = Number(isLast);
    });
    return [table, table + tests.length * TEST_BYTES];
  }

  /** A row was written outside of the kernels: counts it as they do, in the state where they keep the table's bounds. */
  count(state: Address): void {
    const memory = this.#memory;
    const [row, tests, end] = [ROW, TESTS, TESTS_END].map(word => memory.u32[(state >>> 2) + word]);
    const passes = kernels(memory).rowPasses(tests, end, row) !== 0;
    memory.u32[(state >>> 2) + (passes ? ROW : DROPPED)]++;
  }
}

const partsOf = (predicate: Predicate): readonly Predicate[] =>
  predicate.op === 'and' ? [...partsOf(predicate.left), ...partsOf(predicate.right)] : [predicate];

function alternativesOf(predicate: Predicate, kept: Kept): Alternatives | undefined {
  switch (predicate.op) {
    case 'and':
      return undefined;
    case 'or': {
      const [left, right] = [alternativesOf(predicate.left, kept), alternativesOf(predicate.right, kept)];
      return left && right && [...left, ...right];
    }
    case 'not': {
      const list = alternativesOf(predicate.input, kept);
      return list?.length === 1 ? list.map(test => ({ ...test, turned: !test.turned })) : undefined;
    }
    case 'isNull': {
      const column = kept.findIndex(column => column?.name === predicate.column);
      return column < 0 ? undefined : [{ column, what: 'null', orders: 0, turned: false, text: NO_TEXT, number: 0 }];
    }
    default:
      return comparison(predicate, kept);
  }
}

interface Comparison {
  readonly op: ComparisonOp;
  readonly column: string;
  readonly value: string | number | boolean;
}

function comparison({ op, column: name, value }: Comparison, kept: Kept): Alternatives | undefined {
  const column = kept.findIndex(own => own?.name === name);
  const kind = kept[column]?.kind;
  // A literal of another type is for whoever reads the rows to refuse.
  if (kind === undefined || typeof value !== LITERAL_OF[kind]) return undefined;
  const { less, equal, greater, invert } = WANTED[op];
  const turned = invert === 1;
  if (typeof value !== 'string') {
    const orders = less | (equal << 1) | (greater << 2);
    return [{ column, what: 'number', orders, turned, text: NO_TEXT, number: Number(value) }];
  }
  if (op !== 'eq' && op !== 'ne') return undefined;
  return [{ column, what: 'text', orders: 0, turned, text: new TextEncoder().encode(value), number: 0 }];
}
