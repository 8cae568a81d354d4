import { expect } from 'chai';
import type { ColumnChunk, ColumnVector } from '../../lib/columnar/chunk.js';
import { rowsOf } from '../../lib/columnar/rows.js';
import type { SlotMemory } from '../../lib/columnar/slot-memory.js';
import type { Column } from '../../lib/core/schema.js';
import { bindExpr } from '../../lib/expr/bind-expr.js';
import { evalColumn } from '../../lib/expr/eval-chunk.js';
import { evalOnRow } from '../../lib/expr/eval-row.js';
import { callData, type ExprData, type FunctionName } from '../../lib/expr/expr-data.js';
import { formatExpr } from '../../lib/expr/format-expr.js';
import { hoistText } from '../../lib/expr/hoist-text.js';
import { newMemory } from '../columnar/key-fixture.js';
import { forSeeds, intBelow, pick, type Random } from '../helpers/random-values.js';

const COLUMNS: readonly Column[] = [
  { name: 'a', kind: 'utf8', nullable: true },
  { name: 'b', kind: 'utf8', nullable: true },
];
const ALPHABET = ['a', 'b', 'a', 'b', 'A', 'Z', 'z', '%', '_', '\\', ' ', 'é', 'É', 'ß', 'İ', 'Σ', '～', '\u{1f600}'];
const LENGTHS = [0, 0, 1, 2, 3, 5, 15, 16, 17, 31, 33, 63, 64, 65, 130];

const textOf = (random: Random, length: number, letters: number): string =>
  Array.from({ length }, () => ALPHABET[intBelow(random, letters)]).join('');
const anyText = (random: Random): string => textOf(random, pick(random, LENGTHS), pick(random, [2, 4, 11, 18]));

/** A part of the text, or something like it. */
function partOf(random: Random, text: string): string {
  const characters = [...text];
  const from = intBelow(random, characters.length + 1);
  const part = characters.slice(from, from + intBelow(random, 20)).join('');
  return random() < 0.2 ? `${part}b` : part;
}

function patternOf(random: Random, text: string): string {
  const part = partOf(random, text).replaceAll(/[\\%_]/g, '\\$&');
  const wild = (from: string): string =>
    random() < 0.3 ? from.replace(/[a-z]/, pick(random, ['_', '%', '%_'])) : from;
  return `${pick(random, ['', '%', '_%', '%%'])}${wild(part)}${pick(random, ['', '%', '%a%', '_'])}`;
}

type Texts = readonly (string | null)[];
/** Where the texts are put, how many bytes lie between them, and which of them goes first. */
interface Layout {
  readonly gapBytes: number;
  readonly isReversed: boolean;
  /** The last text ends here; undefined = anywhere. */
  readonly end?: number;
}

/** The slices of null rows point nowhere: nothing may follow them. */
function place(memory: SlotMemory, texts: Texts, { gapBytes, isReversed, end }: Layout): ColumnVector {
  const bytes = texts.map(text => Buffer.from(text ?? ''));
  const total = bytes.reduce((sum, { length }) => sum + length + gapBytes, 0);
  const values = memory.scratch(texts.length * 4);
  const lengths = memory.scratch(texts.length * 4);
  const validity = memory.scratch((texts.length + 7) >> 3);
  let at = end === undefined ? memory.scratch(total) : end - total + gapBytes;
  memory.u8.fill(0, validity, validity + ((texts.length + 7) >> 3));
  const rows = texts.map((_, row) => row);
  for (const row of isReversed ? rows.toReversed() : rows) {
    const text = bytes[row] ?? Buffer.alloc(0);
    memory.u8.set(text, at);
    memory.u32[values / 4 + row] = texts[row] === null ? 0xffffffff : at;
    memory.u32[lengths / 4 + row] = texts[row] === null ? 0xffffffff : text.length;
    if (texts[row] !== null) memory.u8[validity + (row >> 3)] |= 1 << (row & 7);
    at += text.length + gapBytes;
  }
  return { values, lengths, validity: texts.includes(null) ? validity : 0 };
}

const chunkOf = (memory: SlotMemory, numRows: number, columns: readonly ColumnVector[]): ColumnChunk => ({
  ...{ kind: 'columns', numRows, memory, schema: COLUMNS.slice(0, columns.length), columns },
  ...{ ascii: false, textStart: 0, textEnd: 0, scalar: false },
});

function expectSame(chunk: ColumnChunk, data: ExprData, rows: readonly Record<string, string | null>[]): void {
  const expr = bindExpr(data, { columns: COLUMNS, user: 'spec', udfs: [] });
  const none = (): null => null;
  expect(hoistText(expr).expr.op, `${formatExpr(data)} is computed by kernels`).to.equal('column');
  const x = evalColumn(chunk, expr, none);
  const made = { ...chunk, schema: [{ name: 'x', kind: expr.kind, nullable: true }], columns: [x] };
  expect(
    (rowsOf(made) as { x: unknown }[]).map(row => row.x),
    formatExpr(data),
  ).to.deep.equal(rows.map(row => evalOnRow(expr, row, none)));
}

const column = (name: string): ExprData => ({ op: 'column', name });
const literal = (value: string): ExprData => ({ op: 'literal', value });
const TESTS: readonly FunctionName[] = ['contains', 'startsWith', 'endsWith', 'eq', 'ne', 'lt', 'le', 'gt', 'ge'];

describe('functions of text over columns', () => {
  const memory = newMemory();

  it('agree with the rows one by one, wherever texts lie', () => {
    forSeeds(400, random => {
      const mark = memory.scratchMark();
      const numRows = pick(random, [1, 2, 7, 9, 40]);
      const nulls = pick(random, [0, 0, 0.3]);
      const texts = (): Texts => Array.from({ length: numRows }, () => (random() < nulls ? null : anyText(random)));
      const layout = (): Layout => ({ gapBytes: pick(random, [0, 1, 2, 100]), isReversed: random() < 0.2 });
      const a = texts();
      const b = random() < 0.5 ? texts() : a.map(text => (text === null ? null : partOf(random, text)));
      const chunk = chunkOf(memory, numRows, [place(memory, a, layout()), place(memory, b, layout())]);
      const rows = a.map((text, i) => ({ a: text, b: b[i] ?? null }));
      const some = pick(random, a) ?? '';
      for (const fn of TESTS) {
        expectSame(chunk, callData(fn, [column('a'), literal(partOf(random, some))]), rows);
        expectSame(chunk, callData(fn, [column('a'), column('b')]), rows);
        expectSame(chunk, callData(fn, [literal(some), column('b')]), rows);
      }
      expectSame(chunk, callData('like', [column('a'), literal(patternOf(random, some))]), rows);
      for (const fn of ['lower', 'upper', 'length'] as const) expectSame(chunk, callData(fn, [column('a')]), rows);
      expectSame(chunk, callData('contains', [callData('lower', [column('a')]), literal('ab')]), rows);
      memory.releaseScratch(mark);
    });
  });

  it('find a text where lines meet only when it is within one of them', () => {
    const texts = ['xab', 'abx', '', 'a', 'b', 'ab', `${'-'.repeat(61)}ab`, `${'-'.repeat(62)}a`, 'b', 'aab'];
    const mark = memory.scratchMark();
    for (const gapBytes of [0, 1]) {
      const chunk = chunkOf(memory, texts.length, [place(memory, texts, { gapBytes, isReversed: false })]);
      for (const part of ['a', 'ab', 'ba', 'aab', '-'.repeat(20), `${'-'.repeat(59)}ab`, '', 'bab']) {
        const rows = texts.map(a => ({ a, b: null }));
        expectSame(chunk, callData('contains', [column('a'), literal(part)]), rows);
      }
    }
    memory.releaseScratch(mark);
  });

  it('stay within the memory where a text ends with its last block', () => {
    // Grown by whole pages, this memory ends 64 bytes behind the last block that it has room for.
    const limitBytes = 32 * 65536 - 64;
    const small = newMemory(limitBytes);
    small.scratch(16);
    small.alloc(limitBytes - 65536 - 1024 * 1024);
    expect(small.memory.buffer.byteLength).to.equal(limitBytes + 64);
    for (const text of ['ab', 'b'.repeat(16), 'a'.repeat(100), 'é'.repeat(9), `${'a'.repeat(64)}b`]) {
      const mark = small.scratchMark();
      const texts = ['x', text];
      const chunk = chunkOf(small, 2, [place(small, texts, { gapBytes: 1, isReversed: false, end: limitBytes })]);
      const rows = texts.map(a => ({ a, b: null }));
      for (const part of ['b', 'ab', text, `${text}!`, 'a'.repeat(63)]) {
        for (const fn of TESTS) expectSame(chunk, callData(fn, [column('a'), literal(part)]), rows);
        for (const pattern of [`%${part}%`, `${part}%`, '%_b', `%${part}_`])
          expectSame(chunk, callData('like', [column('a'), literal(pattern)]), rows);
      }
      for (const fn of ['lower', 'upper', 'length'] as const) expectSame(chunk, callData(fn, [column('a')]), rows);
      small.releaseScratch(mark);
    }
  });

  it('are computed once where an expression has them twice', () => {
    const lowered = callData('lower', [column('a')]);
    const data = callData('or', [
      callData('like', [lowered, literal('x%')]),
      callData('like', [lowered, literal('y%')]),
    ]);
    const { columns } = hoistText(bindExpr(data, { columns: COLUMNS, user: 'spec', udfs: [] }));
    expect(columns.map(({ name }) => name)).to.deep.equal(['text 0', 'text 1', 'text 2']);
  });

  it('do not hide columns of the same name', () => {
    const named: Column[] = [{ name: 'text 0', kind: 'utf8', nullable: false }];
    const mark = memory.scratchMark();
    const vector = place(memory, ['Ab'], { gapBytes: 0, isReversed: false });
    const chunk = { ...chunkOf(memory, 1, [vector]), schema: named };
    const upper = callData('upper', [column('text 0')]);
    const data = callData('concat', [upper, column('text 0')]);
    const x = evalColumn(chunk, bindExpr(data, { columns: named, user: 'spec', udfs: [] }), () => null);
    expect(rowsOf({ ...chunk, columns: [x] })).to.deep.equal([{ 'text 0': 'ABAb' }]);
    memory.releaseScratch(mark);
  });
});
