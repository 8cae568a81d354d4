import { expect } from 'chai';
import type { Predicate } from '../../lib/columnar/predicate.js';
import { evalPredicateOnRow, type Truth } from '../../lib/expr/eval-predicate.js';
import { col, not } from '../../lib/expr/expr.js';
import { forSeeds, intBelow, pick, type Random } from '../helpers/random-values.js';

const TRUTHS: readonly Truth[] = [true, false, null];

/** A condition over column `name` that is true, false or unknown as the column is. */
const is = (name: string) => col(name).eq(true);

function randomPredicate(random: Random, depth: number): Predicate {
  const column = pick(random, ['a', 'b', 'c']);
  const form = depth === 0 ? intBelow(random, 2) : intBelow(random, 5);
  const deeper = (): Predicate => randomPredicate(random, depth - 1);
  if (form === 0) return { op: 'isNull', column };
  if (form === 1) return { op: pick(random, ['eq', 'ne', 'lt', 'le', 'gt', 'ge']), column, value: intBelow(random, 3) };
  if (form === 2) return { op: 'not', input: deeper() };
  return { op: form === 3 ? 'and' : 'or', left: deeper(), right: deeper() };
}

describe('evalPredicateOnRow', () => {
  it('is three-valued: Kleene tables of and, or and not', () => {
    const rank = (truth: Truth): number => (truth === null ? 1 : truth ? 2 : 0);
    for (const a of TRUTHS) {
      expect(rank(evalPredicateOnRow(not(is('a')).predicate, { a }))).to.equal(2 - rank(a));
      for (const b of TRUTHS) {
        expect(rank(evalPredicateOnRow(is('a').and(is('b')).predicate, { a, b })), `${a} and ${b}`).to.equal(
          Math.min(rank(a), rank(b)),
        );
        expect(rank(evalPredicateOnRow(is('a').or(is('b')).predicate, { a, b })), `${a} or ${b}`).to.equal(
          Math.max(rank(a), rank(b)),
        );
      }
    }
  });

  it('is null for comparisons with null or missing, and never for isNull', () => {
    for (const row of [{ a: null }, { a: undefined }, {}]) {
      for (const condition of [col('a').eq(1), col('a').ne(1), col('a').lt(1), col('a').ge('x')]) {
        expect(evalPredicateOnRow(condition.predicate, row)).to.equal(null);
      }
      expect(evalPredicateOnRow(col('a').isNull().predicate, row)).to.equal(true);
    }
    expect(evalPredicateOnRow(col('constructor').isNull().predicate, {})).to.equal(true);
    expect(evalPredicateOnRow(col('a').isNull().predicate, { a: 0 })).to.equal(false);
  });

  it('obeys the laws of De Morgan and of the excluded middle in three values', () => {
    forSeeds(500, random => {
      const left = randomPredicate(random, 3);
      const right = randomPredicate(random, 3);
      const row = Object.fromEntries(['a', 'b', 'c'].map(name => [name, pick(random, [0, 1, 2, null])]));
      const value = (predicate: Predicate): Truth => evalPredicateOnRow(predicate, row);
      const negated = (input: Predicate): Predicate => ({ op: 'not', input });
      expect(value(negated({ op: 'and', left, right }))).to.equal(
        value({ op: 'or', left: negated(left), right: negated(right) }),
      );
      expect(value({ op: 'or', left, right: negated(left) })).to.equal(value(left) === null ? null : true);
    });
  });

  it('compares numbers as JavaScript does', () => {
    forSeeds(200, random => {
      const value = pick(random, [0, -0, 1, 1.5, -3, 2 ** 53 - 1, Number.NaN, Number.POSITIVE_INFINITY]);
      const literal = pick(random, [0, 1, 1.5, -3]);
      const wanted = {
        eq: value === literal,
        ne: value !== literal,
        lt: value < literal,
        le: value <= literal,
        gt: value > literal,
        ge: value >= literal,
      };
      for (const op of ['eq', 'ne', 'lt', 'le', 'gt', 'ge'] as const) {
        expect(
          evalPredicateOnRow({ op, column: 'n', value: literal }, { n: value }),
          `${value} ${op} ${literal}`,
        ).to.equal(wanted[op]);
      }
    });
  });

  it('orders strings by their UTF-8 bytes, where UTF-16 differs too', () => {
    const astral = '\u{1f600}';
    const high = '\uff5e';
    expect(astral < high).to.equal(true);
    expect(evalPredicateOnRow(col('s').gt(high).predicate, { s: astral })).to.equal(true);
    expect(evalPredicateOnRow(col('s').le('b').predicate, { s: 'b' })).to.equal(true);
    expect(evalPredicateOnRow(col('s').lt('b').predicate, { s: 'ab' })).to.equal(true);
    expect(evalPredicateOnRow(col('s').lt('').predicate, { s: '' })).to.equal(false);
  });
});
