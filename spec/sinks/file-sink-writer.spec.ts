import { expect } from 'chai';
import { rowChunk } from '../../lib/columnar/chunk.js';
import type { FileSinkSpec } from '../../lib/core/file-sink-spec.js';
import { CsvRows } from '../../lib/sinks/csv-rows.js';
import { FileSinkWriter } from '../../lib/sinks/file-sink-writer.js';
import { stagedParts } from '../../lib/sinks/staged-text.js';
import { newMemory } from '../columnar/key-fixture.js';
import { forSeeds, intBelow, pick } from '../helpers/random-values.js';

const spec: FileSinkSpec = {
  path: '/out.csv',
  format: 'csv',
  delimiter: ',',
  header: false,
  escapeFormulas: false,
};

/** What a writer stages for rows that come in chunks, as text. */
function stagedText(chunks: readonly (readonly unknown[])[]): { text: string; numRows: number } {
  const memory = newMemory();
  const writer = new FileSinkWriter(spec, memory);
  for (const rows of chunks) writer.write(rowChunk(rows));
  const { numRows, blocks } = writer.finish();
  const bytes = blocks.map(block => memory.bytes(block.address, block.byteLength));
  const { rows } = stagedParts({ numRows, bytes });
  return { text: rows.map(part => Buffer.from(part).toString()).join(''), numRows };
}

describe('FileSinkWriter', () => {
  it('quotes texts that need it wherever they stand among those that do not, line ends too', () => {
    forSeeds(30, random => {
      const oddOnes = ['a,b', 'say "x"', 'two\nlines', 'a\rb', '', 'näme', '日本', '\n', 5, null];
      const rows = Array.from({ length: pick(random, [1, 5, 1024, 1025, 3000]) }, (_, i): unknown =>
        random() < 0.001 ? pick(random, oddOnes) : `row ${i} ${'x'.repeat(intBelow(random, 300))}`,
      );
      rows[intBelow(random, rows.length)] = pick(random, oddOnes);
      const cut = intBelow(random, rows.length);
      const chunks = cut === 0 ? [rows] : [rows.slice(0, cut), rows.slice(cut)];
      const expected = new CsvRows(spec).format(rows, 0, rows.length);
      expect(stagedText(chunks)).to.deep.equal({ text: expected, numRows: rows.length });
    });
  });

  it('begins with the right rows when the very first ones must be quoted', () => {
    expect(stagedText([['two\nlines'], ['plain']])).to.deep.equal({ text: '"two\nlines"\nplain\n', numRows: 2 });
  });

  it('counts rows on over plain ones and others, for the row that a message names', () => {
    const memory = newMemory();
    const writer = new FileSinkWriter(spec, memory);
    writer.write(rowChunk(['plain', 'rows']));
    writer.write(rowChunk(['two\nlines']));
    expect(() => writer.write(rowChunk([new Map()])))
      .to.throw('in row 3 of the task')
      .with.property('code', 'typeMismatch');
  });
});
