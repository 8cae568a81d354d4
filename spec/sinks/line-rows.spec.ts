import { expect } from 'chai';
import { ndjsonLines, textLines } from '../../lib/sinks/line-rows.js';

const ndjson = (...rows: unknown[]): string => ndjsonLines(rows, 0, rows.length);
const text = (...rows: unknown[]): string => textLines(rows, 0, rows.length);

describe('NDJSON lines', () => {
  it('are JSON.stringify of each row', () => {
    const rows = [{ a: 1, b: ['x\n', null] }, 'text', 3, null, [true], new Date(0), { nested: { d: new Date(1) } }];
    expect(ndjson(...rows)).to.equal(rows.map(row => `${JSON.stringify(row)}\n`).join(''));
  });

  it('have bigints as strings of digits, and null for an undefined row', () => {
    expect(ndjson({ n: 2n ** 70n, a: [1n] }, 5n, undefined)).to.equal(
      '{"n":"1180591620717411303424","a":["1"]}\n"5"\nnull\n',
    );
  });

  it('leave out nothing without a word: maps, sets, bytes and functions are refused with their place', () => {
    for (const value of [new Map([[1, 2]]), new Set([1]), new Uint8Array(2), () => 1, Symbol('s')]) {
      expect(() => ndjson(1, { deep: [{ x: value }] }))
        .to.throw(/'x' of row 1/)
        .with.property('code', 'typeMismatch');
    }
  });

  it('keep a property named __proto__', () => {
    const row = JSON.parse('{"__proto__":{"a":1}}') as unknown;
    expect(ndjson(row)).to.equal('{"__proto__":{"a":1}}\n');
  });

  it('go as deep as the rows do', () => {
    let row: unknown = 1n;
    for (let depth = 0; depth < 60; depth++) row = [row];
    expect(ndjson(row)).to.equal(`${'['.repeat(60)}"1"${']'.repeat(60)}\n`);
  });
});

describe('text lines', () => {
  it('are the strings themselves, numbers and dates printed, anything else as JSON', () => {
    expect(text('a', 'b,"c"')).to.equal('a\nb,"c"\n');
    expect(text('a', 1.5, true, 7n, new Date(0), ['k', 2], { x: null }, null)).to.equal(
      'a\n1.5\ntrue\n7\n1970-01-01T00:00:00.000Z\n["k",2]\n{"x":null}\nnull\n',
    );
  });

  it('are made of a part of the rows where only that is asked for', () => {
    expect(textLines(['a', 'b', 'c', 'd'], 1, 3)).to.equal('b\nc\n');
  });
});
