import { expect } from 'chai';
import { text } from '../../../lib/core/format.js';
import { rowsOfBody } from '../../../lib/sources/receiver/http-lines.js';

const LIMITS = { maxRecordBytes: 4, maxRecords: 5 };

describe('rowsOfBody', () => {
  it('gives lines of text, or rows of the column that they are', () => {
    const body = Buffer.from('a b\r\n\nc');
    expect(rowsOfBody(body, text() as never, LIMITS)).to.deep.equal(['a b', '', 'c']);
    expect(rowsOfBody(body, text({ column: 'line' }) as never, LIMITS)).to.deep.equal([
      { line: 'a b' },
      { line: '' },
      { line: 'c' },
    ]);
  });

  it('takes lines of the longest length and number there may be, and none beyond', () => {
    const rowsOf = (body: string): unknown => rowsOfBody(Buffer.from(body), text() as never, LIMITS);
    expect(rowsOf('four\n\n\n\nfive')).to.deep.equal(['four', '', '', '', 'five']);
    expect(rowsOf('a\nabcde\n')).to.deep.equal({ line: 2, reason: 'a record of at most 4 bytes wanted, got 5' });
    expect(rowsOf('\n\n\n\n\n\n')).to.equal('tooManyRecords');
  });
});
