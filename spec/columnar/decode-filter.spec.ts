import { expect } from 'chai';
import { makeDecoder } from '../../lib/columnar/decoder.js';
import type { Predicate } from '../../lib/columnar/predicate.js';
import { rowsOf } from '../../lib/columnar/rows.js';
import { csv, ndjson, type Format } from '../../lib/core/format.js';
import { bool, float64, int32, int64, nullable, schema, timestamp, utf8 } from '../../lib/core/schema.js';
import { evalPredicateOnRow } from '../helpers/eval-predicate.js';
import { forSeeds, intBelow, pick, type Random } from '../helpers/random-values.js';
import { fullMemory, putAtEnd } from './decode-fixture.js';

const TEXTS = ['', 'a', 'ab', 'view', 'views', '0123456789abcdef', '0123456789abcdefg', 'gr\u00fc\u00df', 'say "x"'];
const NUMBERS = [0, 1, -1, 7, -100, 2 ** 31 - 1, -(2 ** 31)];
const events = schema({
  t: utf8(),
  tn: nullable(utf8()),
  i: nullable(int32()),
  l: int64(),
  f: nullable(float64()),
  b: nullable(bool()),
  ts: nullable(timestamp()),
});
type Row = { readonly [name: string]: string | number | boolean | null };

function randomRow(random: Random): Row {
  const orNull = <T>(value: T): T | null => (random() < 0.3 ? null : value);
  const number = (): number => pick(random, NUMBERS);
  return {
    t: pick(random, TEXTS),
    tn: orNull(pick(random, TEXTS)),
    i: orNull(number()),
    l: number() * 2 ** 20,
    f: orNull(number() / 2),
    b: orNull(random() < 0.5),
    ts: orNull(number()),
  };
}

/** One record; one in ten is spoiled, so that it is bad whatever is asked of it. */
function lineOf(format: Format, row: Row, isSpoiled: boolean): string {
  const spoiled = isSpoiled ? { ...row, l: 'x' } : row;
  if (format.kind === 'ndjson') return `${JSON.stringify(spoiled)}\n`;
  const field = (value: Row[string] | undefined): string =>
    typeof value === 'string' ? `"${value.replaceAll('"', '""')}"` : String(value ?? '');
  return `${events.columns.map(({ name }) => field(spoiled[name])).join()}\n`;
}

function randomPredicate(random: Random, depth: number): Predicate {
  const kind = random();
  if (depth > 0 && kind < 0.6) {
    const [left, right] = [randomPredicate(random, depth - 1), randomPredicate(random, depth - 1)];
    return { op: kind < 0.35 ? 'and' : 'or', left, right };
  }
  if (depth > 0 && kind < 0.7) return { op: 'not', input: randomPredicate(random, depth - 1) };
  const { name, kind: type } = pick(random, events.columns);
  if (kind < 0.8) return { op: 'isNull', column: name };
  const op = pick(random, ['eq', 'ne', 'lt', 'le', 'gt', 'ge'] as const);
  const value =
    type === 'utf8' ? pick(random, TEXTS) : type === 'bool' ? random() < 0.5 : pick(random, [...NUMBERS, 0.5, -3.5]);
  return { op, column: name, value };
}

describe('the filter of a decoder', () => {
  const memory = fullMemory();
  afterEach(() => memory.resetScratch());

  const read = (format: Format, input: string, where: Predicate | undefined, columns?: readonly string[]) => {
    const bytes = Buffer.from(input);
    const decoder = makeDecoder(memory, format, columns, undefined, where);
    const { chunk, dropped, bad } = decoder.decode(putAtEnd(memory, bytes), bytes.length, true);
    return { rows: rowsOf(chunk) as Row[], tested: chunk.tested, dropped, bad };
  };

  for (const format of [csv(events, { header: false }), ndjson(events)]) {
    it(`leaves out of ${format.kind} what the predicate does, and finds the same bad records`, () => {
      let numTested = 0;
      forSeeds(200, random => {
        const rows = Array.from({ length: intBelow(random, 40) }, () => randomRow(random));
        const lines = rows.map(row => lineOf(format, row, random() < 0.1));
        const predicate = randomPredicate(random, 2);
        const all = read(format, lines.join(''), undefined);
        const expected = all.rows.filter(row => evalPredicateOnRow(predicate, row) === true);
        const { rows: left, tested, dropped, bad } = read(format, lines.join(''), predicate);
        expect(bad).to.deep.equal(all.bad);
        expect(left.length + dropped).to.equal(all.rows.length);
        expect(left.filter(row => evalPredicateOnRow(predicate, row) === true)).to.deep.equal(expected);
        if (tested === undefined) return;
        numTested++;
        expect(tested).to.equal(predicate);
        expect(left).to.deep.equal(expected);
        memory.resetScratch();
      });
      expect(numTested).to.be.greaterThan(50);
    });
  }

  const view = { op: 'eq', column: 't', value: 'view' } as const;
  const input =
    '{"t":"view","l":1}\n{"t":"vi\\u0065w","l":2}\n{"t":"click","l":3}\n{"t":"v\\u0069sit","l":4}\n{"t":"view"}\n';

  it('tests records that took the slow path too', () => {
    const { rows, dropped, bad } = read(ndjson(events), input, view, ['t', 'l']);
    expect(rows).to.deep.equal([
      { t: 'view', l: 1 },
      { t: 'view', l: 2 },
    ]);
    expect([dropped, bad.length]).to.deep.equal([2, 1]);
  });

  it('tests what it can of a conjunction and says that something is left', () => {
    const after: Predicate = { op: 'gt', column: 't', value: 'a' };
    const { rows, tested } = read(ndjson(events), input, { op: 'and', left: after, right: view }, ['t', 'l']);
    expect([rows.length, tested]).to.deep.equal([2, undefined]);
  });

  it('leaves a literal of another type, and a column that is not decoded, to the operator behind it', () => {
    for (const where of [{ ...view, column: 'l' }, { ...view, column: 'nothing' }, view]) {
      const { dropped, tested } = read(ndjson(events), input, where, ['l']);
      expect([dropped, tested]).to.deep.equal([0, undefined]);
    }
  });
});
