import { expect } from 'chai';
import { globMatcher } from '../../lib/sources/glob.js';
import { forSeeds, intBelow, pick } from '../helpers/random-values.js';

describe('globMatcher', () => {
  it('takes the names that a regular expression of the same meaning takes', () => {
    let numTaken = 0;
    forSeeds(2000, random => {
      const word = (letters: readonly string[]): string =>
        Array.from({ length: intBelow(random, 8) }, () => pick(random, letters)).join('');
      const pattern = word(['a', 'b', '.', '*', '*', '?']);
      const name = word(['a', 'b', '.']);
      const expected = new RegExp(
        `^${pattern.replaceAll('.', '\\.').replaceAll('*', '.*').replaceAll('?', '.')}$`,
      ).test(name);
      expect(globMatcher(pattern)(name), `${pattern} on ${name}`).to.equal(expected);
      if (expected) numTaken++;
    });
    expect(numTaken).to.be.greaterThan(100);
  });

  it('takes characters of any plane and line ends for one each, and everything else as it is', () => {
    expect(['a😀b', 'a\nb', 'ab'].map(globMatcher('a?b'))).to.deep.equal([true, true, false]);
    expect(globMatcher('a+(b)[c].{1}$^|\\')('a+(b)[c].{1}$^|\\')).to.equal(true);
  });

  it('is done at once with a name that would keep a regular expression busy', () => {
    // With a backtracking one 30 stars over 250 letters take longer than anybody waits.
    expect(globMatcher(`${'*a'.repeat(30)}b`)('a'.repeat(250))).to.equal(false);
  });
});
