import { expect } from 'chai';
import { words } from '../../lib/core/format.js';
import { forSeeds, intBelow, pick } from '../helpers/random-values.js';
import { fullMemory, readAll } from './decode-fixture.js';

describe('words decoder', () => {
  const memory = fullMemory();

  afterEach(() => memory.resetScratch());

  it('gives one string for each run of bytes between white space', () => {
    expect(readAll(memory, words(), ' a bc\t\r\n\n d\u00e9e \x0b\x0cf').rows).to.deep.equal([
      'a',
      'bc',
      'd\u00e9e',
      'f',
    ]);
    expect(readAll(memory, words(), ' \n\t ').rows).to.deep.equal([]);
    expect(readAll(memory, words(), '').rows).to.deep.equal([]);
  });

  it('refuses a word that is not UTF-8, and only that', () => {
    expect(readAll(memory, words(), Buffer.from('a \xff b\n', 'latin1'))).to.deep.equal({
      rows: ['a', 'b'],
      bad: [{ offset: 2, byteLength: 1, reason: 'a word of UTF-8 wanted, got bytes that are not UTF-8' }],
    });
  });

  it('agrees with split on random text of any length', () => {
    forSeeds(60, random => {
      const pieces = [
        ' ',
        '  ',
        '\n',
        '\r\n',
        '\t',
        'a',
        'word',
        'x'.repeat(70),
        '\u00fcmlaut',
        '\u4e16',
        '\x08',
        '\x0e',
        '\x1f',
      ];
      const input = Array.from({ length: intBelow(random, 200) }, () => pick(random, pieces)).join('');
      const expected = input.split(/[ \t\n\v\f\r]+/).filter(word => word !== '');
      expect(readAll(memory, words(), input).rows).to.deep.equal(expected);
    });
  });
});
