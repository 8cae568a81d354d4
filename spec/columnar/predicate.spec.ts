import { expect } from 'chai';
import type { ColumnChunk } from '../../lib/columnar/chunk.js';
import { columnsFromRows } from '../../lib/columnar/columns-from-rows.js';
import { evalPredicate, type Predicate } from '../../lib/columnar/predicate.js';
import { evalPredicateOnRow } from '../helpers/eval-predicate.js';
import { forSeeds, intBelow, pick, type Random } from '../helpers/random-values.js';
import { column, newMemory } from './key-fixture.js';

const TEXTS = [
  '',
  'a',
  'b',
  'ab',
  'a\0',
  'click',
  'clicks',
  '0123456789abcdef',
  '0123456789abcdefg',
  'é',
  '\u{1f600}',
  '\uffff',
  'x'.repeat(40),
  `${'x'.repeat(40)}y`,
];
const NUMBERS = [0, -0, 1, -1, 2, 7, 100, -100, 2 ** 31 - 1, -(2 ** 31)];

const COLUMNS = [
  column('t', 'utf8'),
  column('tn', 'utf8', true),
  column('i', 'int32', true),
  column('l', 'int64'),
  column('f', 'float64', true),
  column('b', 'bool', true),
  column('ts', 'timestamp', true),
];

type Row = Record<string, string | number | boolean | null>;

function randomRow(random: Random): Row {
  const orNull = <T>(value: T): T | null => (random() < 0.3 ? null : value);
  const number = (): number => pick(random, NUMBERS);
  return {
    t: pick(random, TEXTS),
    tn: orNull(pick(random, TEXTS)),
    i: orNull(number()),
    l: number(),
    f: orNull(random() < 0.1 ? NaN : random() < 0.2 ? Infinity : number() / 2),
    b: orNull(random() < 0.5),
    ts: orNull(number()),
  };
}

function randomPredicate(random: Random, depth: number): Predicate {
  const kind = random();
  if (depth > 0 && kind < 0.5) {
    return {
      op: kind < 0.25 ? 'and' : 'or',
      left: randomPredicate(random, depth - 1),
      right: randomPredicate(random, depth - 1),
    };
  }
  if (depth > 0 && kind < 0.7) return { op: 'not', input: randomPredicate(random, depth - 1) };
  const { name, kind: type } = pick(random, COLUMNS);
  if (kind < 0.75) return { op: 'isNull', column: name };
  const op = pick(random, ['eq', 'ne', 'lt', 'le', 'gt', 'ge'] as const);
  const value =
    type === 'utf8' ? pick(random, TEXTS) : type === 'bool' ? random() < 0.5 : pick(random, [...NUMBERS, 0.5, -3.5]);
  return { op, column: name, value };
}

function maskOf(chunk: ColumnChunk, predicate: Predicate): number[] {
  const mask = evalPredicate(chunk, predicate);
  return [...chunk.memory.u8.subarray(mask, mask + chunk.numRows)];
}

describe('columnar/predicate', () => {
  it('agrees with the row by row meaning on random predicates and rows', () => {
    const memory = newMemory();
    forSeeds(150, random => {
      const rows = Array.from({ length: intBelow(random, 70) }, () => randomRow(random));
      const chunk = columnsFromRows(memory, COLUMNS, rows, 'spec');
      const predicate = randomPredicate(random, 3);
      const expected = rows.map(row => Number(evalPredicateOnRow(predicate, row) === true));
      expect(maskOf(chunk, predicate), JSON.stringify(predicate)).to.deep.equal(expected);
      memory.resetScratch();
    });
  });

  it('takes an unknown comparison as not true, turned round or not', () => {
    const memory = newMemory();
    const chunk = columnsFromRows(memory, [column('i', 'int32', true)], [{ i: null }, { i: 1 }], 'spec');
    const isOne: Predicate = { op: 'eq', column: 'i', value: 1 };
    expect(maskOf(chunk, isOne)).to.deep.equal([0, 1]);
    expect(maskOf(chunk, { op: 'not', input: isOne })).to.deep.equal([0, 0]);
    expect(maskOf(chunk, { op: 'or', left: isOne, right: { op: 'isNull', column: 'i' } })).to.deep.equal([1, 1]);
  });

  it('does not follow the slices of null rows', () => {
    const memory = newMemory();
    const rows = [{ t: null }, { t: 'a' }];
    const chunk = columnsFromRows(memory, [column('t', 'utf8', true)], rows, 'spec');
    const vector = chunk.columns[0];
    memory.u32[(vector?.values ?? 0) / 4] = 0xffffffff;
    memory.u32[(vector?.lengths ?? 0) / 4] = 0xffffffff;
    for (const value of ['a', 'a text of more than 16 bytes']) {
      for (const op of ['eq', 'ge'] as const) {
        expect(maskOf(chunk, { op, column: 't', value })).to.deep.equal([0, Number(value === 'a')]);
      }
    }
  });

  it('orders text by code points, not by UTF-16 units', () => {
    const memory = newMemory();
    const chunk = columnsFromRows(memory, [column('t', 'utf8')], [{ t: '\u{1f600}' }, { t: '\uffff' }], 'spec');
    expect(maskOf(chunk, { op: 'gt', column: 't', value: '\uffff' })).to.deep.equal([1, 0]);
  });

  it('refuses a literal of another type and a column that is not there', () => {
    const chunk = columnsFromRows(newMemory(), [column('i', 'int32')], [{ i: 1 }], 'spec');
    const cases: [Predicate, string][] = [
      [{ op: 'eq', column: 'i', value: 'x' }, 'column i is int32 and compares (eq) with a number, got the string "x"'],
      [{ op: 'eq', column: 'j', value: 1 }, 'column j'],
      [{ op: 'isNull', column: 'constructor' }, 'column constructor'],
    ];
    for (const [predicate, message] of cases) {
      expect(() => evalPredicate(chunk, predicate))
        .to.throw(message)
        .with.property('code', 'typeMismatch');
    }
  });
});
