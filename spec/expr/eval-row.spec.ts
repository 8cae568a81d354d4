/** What each function means, value by value; that columns give the same is the business of eval-chunk.spec.ts. */
import { expect } from 'chai';
import { EngineError } from '../../lib/core/errors.js';
import { bool, float64, int32, int64, nullable, schema, timestamp, utf8 } from '../../lib/core/schema.js';
import { hashBytes } from '../../lib/core/hash.js';
import { keyBytes } from '../../lib/core/value-key.js';
import { bindExpr, type UdfFunction } from '../../lib/expr/bind-expr.js';
import { evalOnRow } from '../../lib/expr/eval-row.js';
import type { Value } from '../../lib/expr/expr-data.js';
import { col, lit, not, type AnyExpr } from '../../lib/expr/expr.js';
import {
  coalesce,
  concat,
  dateFormat,
  datePart,
  dateTrunc,
  hash,
  length,
  lower,
  replace,
  substring,
  toTimestamp,
  trim,
  udf,
  upper,
  when,
  windowStart,
} from '../../lib/expr/functions.js';
import { formatExpr } from '../../lib/expr/format-expr.js';

const { columns } = schema({
  i: int32(),
  l: nullable(int64()),
  f: nullable(float64()),
  s: nullable(utf8()),
  b: nullable(bool()),
  t: nullable(timestamp()),
});

type Row = Readonly<Record<string, Value>>;

function value(expr: AnyExpr, row: Row): Value {
  const udfs: UdfFunction[] = [];
  const bound = bindExpr(expr.data, { columns, user: 'spec', udfs });
  return evalOnRow(bound, row, (index, args) => udfs[index]?.(...(args as never[])));
}

/** Each expression with its value for the row. */
function expectValues(row: Row, cases: readonly (readonly [AnyExpr, Value])[]): void {
  for (const [expr, wanted] of cases) expect(value(expr, row), formatExpr(expr)).to.deep.equal(wanted);
}

const i = col('i');
const f = col('f');
const s = col('s');
const b = col('b');
const t = col('t');
const time = (text: string): number => Date.parse(text);

describe('evalOnRow', () => {
  it('computes with numbers as SQL does', () => {
    expectValues({ i: 7, f: 2.5 }, [
      [i.add(1), 8],
      [i.sub(f), 4.5],
      [i.mul(-2), -14],
      [i.mul(0).neg(), 0],
      [i.div(2), 3.5],
      [i.div(0), null],
      [f.div(0), null],
      [i.mod(4), 3],
      [i.neg().mod(4), -3],
      [i.neg().mod(7), 0],
      [i.mod(0), null],
      [f.neg(), -2.5],
      [lit(3).add(f), 5.5],
    ]);
    expectValues({ i: 7, f: null }, [
      [i.add(f), null],
      [f.neg(), null],
    ]);
  });

  it('fails where a whole number leaves the range, naming the cure', () => {
    const large = { i: 2, l: Number.MAX_SAFE_INTEGER };
    for (const expr of [col('l').add(1), col('l').mul(i), col('l').neg().sub(i)]) {
      expect(() => value(expr, large), formatExpr(expr))
        .to.throw(EngineError, 'cast one of them to float64')
        .with.property('code', 'typeMismatch');
    }
    expect(value(col('l').cast('float64').add(1), large)).to.equal(2 ** 53);
  });

  it('compares numbers as JavaScript does, texts by code point', () => {
    expectValues({ i: 1, f: Number.NaN, s: '\u{1f600}' }, [
      [f.eq(f), false],
      [f.ne(f), true],
      [f.lt(1), false],
      [i.le(1), true],
      [i.between(1, 2), true],
      [i.between(2, 3), false],
      [i.isIn([3, 1]), true],
      [s.gt('\uff5e'), true],
      [s.isIn(['x', '\u{1f600}']), true],
      [lit(-0).eq(0), true],
    ]);
  });

  it('knows three truths', () => {
    const [yes, no, unknown] = [lit(true), lit(false), b];
    expectValues({ b: null }, [
      [unknown.and(no), false],
      [no.and(unknown), false],
      [unknown.and(yes), null],
      [unknown.or(yes), true],
      [yes.or(unknown), true],
      [unknown.or(no), null],
      [not(unknown), null],
      [unknown.eq(true), null],
      [unknown.eqNullSafe(unknown), true],
      [unknown.eqNullSafe(true), false],
      [unknown.isNull(), true],
      [unknown.isNotNull(), false],
      [unknown.isIn([true]), null],
    ]);
    const truths: readonly Value[] = [true, false, null];
    for (const x of truths) {
      for (const y of truths) {
        const of = (truth: Value): typeof b => (truth === null ? b : lit(truth === true)) as typeof b;
        const [left, right] = [of(x), of(y)];
        const wantedAnd = x === false || y === false ? false : x === null || y === null ? null : true;
        const wantedOr = x === true || y === true ? true : x === null || y === null ? null : false;
        expect(value(left.and(right), { b: null }), `${x} and ${y}`).to.equal(wantedAnd);
        expect(value(left.or(right), { b: null }), `${x} or ${y}`).to.equal(wantedOr);
      }
    }
  });

  it('evaluates only the branch that is taken', () => {
    const fails = udf((): string => {
      throw new Error('must not be called');
    }, 'utf8')();
    expectValues({ b: true, s: null, i: 3 }, [
      [when(b, 'yes').otherwise(fails), 'yes'],
      [when(i.gt(5), fails).when(i.gt(2), 'two').otherwise('none'), 'two'],
      [when(s.eq('x'), 1).otherwise(null), null],
      [coalesce(s, 'default', fails), 'default'],
      [b.or(fails.eq('x')), true],
      [not(b).and(fails.eq('x')), false],
    ]);
  });

  it('cuts, joins and searches texts by characters', () => {
    expectValues({ s: ' Äb\u{1f600}c ' }, [
      [length(s), 6],
      [trim(s), 'Äb\u{1f600}c'],
      [lower(s), ' äb\u{1f600}c '],
      [upper('straße'), 'STRASSE'],
      [substring(s, 4, 1), '\u{1f600}'],
      [substring(s, 2), 'Äb\u{1f600}c '],
      [substring(s, -2), 'c '],
      [substring(s, 0, 2), ' Ä'],
      [substring('abc', -5, 3), 'a'],
      [substring('abc', 4, 1), ''],
      [concat(trim(s), '!', 'x'), 'Äb\u{1f600}c!x'],
      [replace('a.b.c', '.', '$&'), 'a$&b$&c'],
      [replace('abc', '', 'x'), 'abc'],
      [s.startsWith(' Ä'), true],
      [s.endsWith('c'), false],
      [s.contains('\u{1f600}c'), true],
      [s.regexp(/^\s\S/u), true],
      [s.regexp(/B/), false],
      [s.regexp(/B/i), true],
    ]);
    expectValues({ s: null }, [
      [concat('a', s), null],
      [length(s), null],
    ]);
  });

  it('matches LIKE patterns, whatever a regular expression would read in them', () => {
    const cases: [text: string, pattern: string, matches: boolean][] = [
      ['', '', true],
      ['', '%', true],
      ['a', '', false],
      ['abc', 'abc', true],
      ['abc', 'a%', true],
      ['abc', '%c', true],
      ['abc', '%b%', true],
      ['abc', 'a_c', true],
      ['ac', 'a_c', false],
      ['\u{1f600}', '_', true],
      ['a%c', 'a\\%c', true],
      ['abc', 'a\\%c', false],
      ['a.c', 'a.c', true],
      ['abc', 'a.c', false],
      ['aXbXc', 'a%b%c', true],
      ['aaab', '%aab', true],
      ['mississippi', 'm%iss%ip%i', true],
      ['a\\', 'a\\', true],
    ];
    for (const [text, pattern, matches] of cases)
      expect(value(lit(text).like(pattern), {}), `${text} like ${pattern}`).to.equal(matches);
    const long = 'a'.repeat(20_000);
    expect(value(lit(long).like(`${'%a'.repeat(50)}%b`), {}), 'without backtracking').to.equal(false);
  });

  it('casts what has another form, and gives null for what has none', () => {
    expectValues({ i: -3, f: 2.9, s: ' 12 ', b: true, t: 1500 }, [
      [s.cast('int32'), 12],
      [lit('1.5').cast('int64'), null],
      [lit('1.5e3').cast('float64'), 1500],
      [lit('x').cast('float64'), null],
      [lit('').cast('int32'), null],
      [lit('2147483648').cast('int32'), null],
      [lit('true').cast('bool'), true],
      [lit('yes').cast('bool'), null],
      [lit('2024-02-29T12:00:00Z').cast('timestamp'), time('2024-02-29T12:00:00Z')],
      [lit('2024-13-01').cast('timestamp'), null],
      [f.cast('int32'), 2],
      [f.neg().cast('int64'), -2],
      [lit(3e9).cast('int32'), null],
      [f.mul(1e300).cast('int64'), null],
      [f.div(0).cast('int64'), null],
      [i.cast('float64'), -3],
      [i.cast('utf8'), '-3'],
      [b.cast('int32'), 1],
      [b.cast('utf8'), 'true'],
      [i.cast('bool'), true],
      [t.cast('int64'), 1500],
      [t.cast('utf8'), '1970-01-01T00:00:01.500Z'],
      [i.cast('timestamp').cast('utf8'), '1969-12-31T23:59:59.997Z'],
      [
        lit(8.64e15 + 1)
          .cast('timestamp')
          .cast('utf8'),
        'Invalid Date',
      ],
    ]);
  });

  it('cuts times in UTC', () => {
    expectValues({ t: time('2024-03-10T02:30:45.678Z') }, [
      [dateTrunc('second', t), time('2024-03-10T02:30:45Z')],
      [dateTrunc('minute', t), time('2024-03-10T02:30:00Z')],
      [dateTrunc('hour', t), time('2024-03-10T02:00:00Z')],
      [dateTrunc('day', t), time('2024-03-10T00:00:00Z')],
      [dateTrunc('week', t), time('2024-03-04T00:00:00Z')],
      [dateTrunc('month', t), time('2024-03-01T00:00:00Z')],
      [datePart('year', t), 2024],
      [datePart('month', t), 3],
      [datePart('day', t), 10],
      [datePart('hour', t), 2],
      [datePart('minute', t), 30],
      [datePart('second', t), 45],
      [datePart('millisecond', t), 678],
      [datePart('dayOfWeek', t), 7],
      [windowStart(t, '10s'), time('2024-03-10T02:30:40Z')],
      [dateFormat(t, 'yyyy-MM-dd HH:mm:ss.SSS EEE'), '2024-03-10 02:30:45.678 Sun'],
      [toTimestamp('10/03/2024 02:30', 'dd/MM/yyyy HH:mm'), time('2024-03-10T02:30:00Z')],
      [toTimestamp('2024-03-10T02:30+02:00', "yyyy-MM-dd'T'HH:mmXXX"), time('2024-03-10T00:30:00Z')],
      [toTimestamp('2024-13-10', 'yyyy-MM-dd'), null],
      [t.add(1000).sub(t), 1000],
    ]);
    expectValues({ t: -1 }, [
      [windowStart(t, 1000), -1000],
      [dateTrunc('month', t), time('1969-12-01T00:00:00Z')],
      [datePart('millisecond', t), 999],
    ]);
  });

  it('agrees with Date where months and years begin, over 800 years', () => {
    const parts = (['year', 'month', 'day', 'dayOfWeek'] as const).map(part => datePart(part, t));
    const bound = parts.map(part => bindExpr(part.data, { columns, user: 'spec', udfs: [] }));
    const days = Array.from({ length: 802 }, (_, i) => 1599 + i).flatMap(year =>
      [-1, 0, 30, 31, 57, 58, 59, 60, 61, 303, 304, 364, 365].map(day => Date.UTC(year, 0, 1 + day)),
    );
    for (const day of days) {
      const date = new Date(day + 1);
      const wanted = [date.getUTCFullYear(), date.getUTCMonth() + 1, date.getUTCDate(), date.getUTCDay() || 7];
      const got = bound.map(part => evalOnRow(part, { t: day + 1 }, () => null));
      if (got.join() !== wanted.join()) expect(got, date.toISOString()).to.deep.equal(wanted);
    }
  });

  it('hashes values as keys are hashed', () => {
    const hashed = (key: unknown): number => hashBytes(keyBytes(key), 0, keyBytes(key).length);
    expectValues({ s: 'user', i: 5, l: null }, [
      [hash(s), hashed('user')],
      [hash(s, i, col('l')), hashed(['user', 5, null])],
    ]);
  });

  it('checks what functions of the job give', () => {
    const gives = (result: unknown, kind: 'int32' | 'utf8'): AnyExpr => udf((() => result) as () => never, kind)();
    expectValues({}, [
      [gives(5, 'int32'), 5],
      [gives(null, 'int32'), null],
      [gives(undefined, 'utf8'), null],
      [gives('x\ud800', 'utf8'), 'x\ufffd'],
    ]);
    for (const wrong of [1.5, 2 ** 31, '5', true, {}]) {
      expect(() => value(gives(wrong, 'int32'), {}), String(wrong))
        .to.throw(EngineError, 'wants to give int32 or null')
        .with.property('code', 'typeMismatch');
    }
    const never = udf((text: string) => text.length, 'int32');
    expect(value(never(s), { s: null }), 'is not called with null').to.equal(null);
  });

  it('refuses patterns that are none when the job is built', () => {
    for (const expr of [dateFormat(t, 'yyyy n'), toTimestamp(s, 'n')]) {
      expect(() => value(expr, { t: 0, s: '' }), formatExpr(expr))
        .to.throw(EngineError, 'wants a pattern such as')
        .with.property('code', 'jobInvalid');
    }
  });

  it('reads own properties only: a column may be called constructor', () => {
    expect(evalOnRow({ op: 'column', name: 'constructor', kind: 'utf8', nullable: true }, {}, () => null)).to.equal(
      null,
    );
  });
});
