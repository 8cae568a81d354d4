import { expect } from 'chai';
import { makeDecoder } from '../../lib/columnar/decoder.js';
import { text } from '../../lib/core/format.js';
import { forSeeds, intBelow, pick } from '../helpers/random-values.js';
import { fullMemory, putAtEnd, readAll } from './decode-fixture.js';

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Lines by splitting, one character a byte. */
function oracle(input: Uint8Array): { rows: string[]; bad: { offset: number; byteLength: number }[] } {
  const rows: string[] = [];
  const bad: { offset: number; byteLength: number }[] = [];
  const lines = Buffer.from(input).toString('latin1').split('\n');
  const last = lines.pop() ?? '';
  const ended = lines.map(line => ({ bytes: line.endsWith('\r') ? line.slice(0, -1) : line, length: line.length + 1 }));
  let offset = 0;
  for (const { bytes, length } of last === '' ? ended : [...ended, { bytes: last, length: last.length }]) {
    try {
      rows.push(decoder.decode(Buffer.from(bytes, 'latin1')));
    } catch {
      bad.push({ offset, byteLength: bytes.length });
    }
    offset += length;
  }
  return { rows, bad };
}

describe('text decoder', () => {
  const memory = fullMemory();

  afterEach(() => memory.resetScratch());

  it('gives one string a line, without LF or CRLF, the last with or without its end', () => {
    expect(readAll(memory, text(), 'a\r\nb c\n\nd').rows).to.deep.equal(['a', 'b c', '', 'd']);
    expect(readAll(memory, text(), 'a\n').rows).to.deep.equal(['a']);
    expect(readAll(memory, text(), '').rows).to.deep.equal([]);
  });

  it('keeps a CR that no LF follows', () => {
    expect(readAll(memory, text(), 'a\rb\r\r\nc\r').rows).to.deep.equal(['a\rb\r', 'c\r']);
  });

  it('leaves a line without its end to the next region', () => {
    const input = Buffer.from('one\ntwo');
    const { chunk, consumed } = makeDecoder(memory, text(), undefined, undefined).decode(
      putAtEnd(memory, input),
      7,
      false,
    );
    expect([chunk.numRows, consumed, chunk.scalar, chunk.ascii]).to.deep.equal([1, 4, true, true]);
  });

  it('refuses a line that is not UTF-8', () => {
    expect(readAll(memory, text(), Buffer.from('a\n\xff\nb\n\xc3\xa9', 'latin1'))).to.deep.equal({
      rows: ['a', 'b', '\u00e9'],
      bad: [{ offset: 2, byteLength: 1, reason: 'a line of UTF-8 wanted, got bytes that are not UTF-8' }],
    });
  });

  it('counts lines it does not keep', () => {
    const input = Buffer.from('a\nb\n');
    const { chunk } = makeDecoder(memory, text(), [], undefined).decode(putAtEnd(memory, input), 4, true);
    expect([chunk.numRows, chunk.columns[0]]).to.deep.equal([2, undefined]);
  });

  it('reads lines of more than 64 KiB', () => {
    const long = `${'x'.repeat(70_000)}\u00e9`;
    expect(readAll(memory, text(), `${long}\n${long}\n`).rows).to.deep.equal([long, long]);
  });

  it('agrees with splitting, on any bytes and however they are cut', () => {
    const alphabet = ['a', 'b', ' ', '\n', '\r\n', '\r', '\u00e9', '\u{1f600}', 'word '.repeat(9)];
    forSeeds(150, random => {
      const input = Buffer.from(Array.from({ length: intBelow(random, 150) }, () => pick(random, alphabet)).join(''));
      if (random() < 0.3 && input.length > 0) input[intBelow(random, input.length)] = 0x80;
      const expected = oracle(input);
      for (const cuts of [[], [intBelow(random, input.length + 1)]]) {
        const actual = readAll(memory, text(), input, { cuts });
        expect(actual.rows).to.deep.equal(expected.rows);
        expect(actual.bad.map(({ offset, byteLength }) => ({ offset, byteLength }))).to.deep.equal(expected.bad);
      }
    });
  });
});
