import { expect } from 'chai';
import { csvHeaderProblem, csvRecordEnd, parseCsvRecord } from '../../lib/columnar/decoder.js';
import { schema, utf8 } from '../../lib/core/schema.js';
import { forSeeds, intBelow, pick } from '../helpers/random-values.js';
import { readCsv } from './csv-oracle.js';

const parse = (text: string, delimiter = ','): string[] => parseCsvRecord(Buffer.from(text), delimiter);

describe('a csv record', () => {
  it('has fields, quoted or not, in any script', () => {
    expect(parse('a,"b, c","d ""e""",,gr\u00fc\u00dfe')).to.deep.equal(['a', 'b, c', 'd "e"', '', 'gr\u00fc\u00dfe']);
    expect(parse('a;b,c', ';')).to.deep.equal(['a', 'b,c']);
    expect(parse('')).to.deep.equal(['']);
  });

  it('may come with its line end', () => {
    expect(parse('a,b\r\n')).to.deep.equal(['a', 'b']);
    expect(parse('a,b\n')).to.deep.equal(['a', 'b']);
    expect(parse('"a\nb",c\n')).to.deep.equal(['a\nb', 'c']);
  });

  it('is refused where its quotes are wrong', () => {
    expect(() => parse('a,"b'))
      .to.throw('the quote that opens field 2 is never closed')
      .with.property('code', 'badRecord');
    expect(() => parse('"a"b'))
      .to.throw('field 1 has text after its closing quote')
      .with.property('code', 'badRecord');
  });

  it('ends at the first line end outside quotes', () => {
    const end = (text: string): number => csvRecordEnd(Buffer.from(text), ',');
    expect(end('a,b\nc')).to.equal(4);
    expect(end('"a\n""b",c\r\nd')).to.equal(11);
    expect(end('a"\n"')).to.equal(3);
    expect([end(''), end('a,b'), end('"a\n')]).to.deep.equal([-1, -1, -1]);
  });

  it('ends where a plain reader ends it, on any bytes', () => {
    forSeeds(500, random => {
      const text = Array.from({ length: 1 + intBelow(random, 30) }, () =>
        pick(random, ['"', '"', ',', '\n', '\r\n', 'a']),
      ).join('');
      const [first] = readCsv(text, ',');
      if (first === undefined || first.offset > 0) return;
      const lineEnd = /^\r?\n/.exec(text.slice(first.byteLength))?.[0].length;
      const isOpen = first.fields === undefined && first.byteLength === text.length && lineEnd === undefined;
      const expected = isOpen || lineEnd === undefined ? -1 : first.byteLength + lineEnd;
      expect(csvRecordEnd(Buffer.from(text), ','), JSON.stringify(text)).to.equal(expected);
    });
  });

  it('names every declared column once, as a header', () => {
    const { columns } = schema({ user: utf8(), ts: utf8() });
    expect(csvHeaderProblem(['ts', 'other', 'user', 'other'], columns)).to.equal(undefined);
    expect(csvHeaderProblem(['user', 'time'], columns)).to.equal('the header wants column ts, got (user, time)');
    expect(csvHeaderProblem(['ts', 'user', 'ts'], columns)).to.equal(
      'the header wants column ts once, got it twice (ts, user, ts)',
    );
  });
});
