import { expect } from 'chai';
import { text } from '../../../lib/core/format.js';
import { rowsOfBody } from '../../../lib/sources/receiver/http-lines.js';

describe('rowsOfBody', () => {
  it('gives lines of text, or rows of the column that they are', () => {
    const body = Buffer.from('a b\r\n\nc');
    expect(rowsOfBody(body, text() as never)).to.deep.equal(['a b', '', 'c']);
    expect(rowsOfBody(body, text({ column: 'line' }) as never)).to.deep.equal([
      { line: 'a b' },
      { line: '' },
      { line: 'c' },
    ]);
  });
});
