import { expect } from 'chai';
import { rowChunk, type ColumnChunk } from '../../lib/columnar/chunk.js';
import { columnsFromRows } from '../../lib/columnar/columns-from-rows.js';
import { rowsOf } from '../../lib/columnar/rows.js';
import type { FileSinkSpec } from '../../lib/core/file-sink-spec.js';
import { bool, int32, int64, nullable, schema, timestamp, utf8 } from '../../lib/core/schema.js';
import { canWriteColumns } from '../../lib/sinks/column-lines.js';
import { FileSinkWriter } from '../../lib/sinks/file-sink-writer.js';
import { newMemory } from '../columnar/key-fixture.js';
import { forSeeds, intBelow, pick, type Random } from '../helpers/random-values.js';

const memory = newMemory();

const every = schema({
  s: utf8(),
  t: nullable(utf8()),
  i: nullable(int32()),
  l: int64(),
  b: nullable(bool()),
  at: timestamp(),
}).columns;
const one = schema({ s: nullable(utf8()) }).columns;

const TEXTS = [
  '',
  'plain',
  'sixteen bytes ok',
  'seventeen bytes..',
  'a,b',
  'a;b',
  '"',
  'say ""',
  'line\nend',
  'cr\r',
  '\\',
  '\u0000\u001f\b\t\f',
  'grüße €\u{1f600}',
  `${'x'.repeat(40)},`,
  ' '.repeat(15),
];
const NUMBERS = [0, -1, 9, 10, 99, -2147483648, 2147483647, 4294967296, -4294967297, 2 ** 53 - 1, -(2 ** 53) + 1];

const sink = (format: FileSinkSpec['format'], delimiter = ','): FileSinkSpec => ({
  format,
  path: 'out',
  header: null,
  delimiter,
  escapeFormulas: false,
});

function randomRow(random: Random, columns: typeof every): Record<string, unknown> {
  return Object.fromEntries(
    columns.map(({ name, kind, nullable: mayBeNull }) => {
      if (mayBeNull && intBelow(random, 4) === 0) return [name, null];
      if (kind === 'utf8') return [name, pick(random, TEXTS)];
      if (kind === 'bool') return [name, intBelow(random, 2) === 0];
      const number = pick(random, NUMBERS);
      return [name, kind === 'int32' ? Math.max(-(2 ** 31), Math.min(2 ** 31 - 1, number)) : number];
    }),
  );
}

/** All that a writer put out for some chunks, names of columns included. */
function written(spec: FileSinkSpec, chunks: readonly Parameters<FileSinkWriter['write']>[0][]): string {
  const writer = new FileSinkWriter(spec, memory);
  for (const chunk of chunks) writer.write(chunk);
  const { blocks, numRows } = writer.finish();
  const text = Buffer.concat(blocks.map(({ address, byteLength }) => memory.bytes(address, byteLength))).toString();
  for (const { address } of blocks) memory.free(address);
  return `${numRows} rows: ${text}`;
}

const columnsOf = (columns: typeof every, rows: readonly unknown[]): ColumnChunk =>
  columnsFromRows(memory, columns, rows, 'spec');

describe('columns as lines', () => {
  for (const spec of [sink('csv'), sink('csv', ';'), sink('ndjson')]) {
    it(`are what the rows become: ${spec.format} with ${spec.delimiter}`, () => {
      forSeeds(40, random => {
        const columns = pick(random, [every, one, every.slice(2, 5)]);
        const mark = memory.scratchMark();
        const chunks = Array.from({ length: 1 + intBelow(random, 3) }, () =>
          columnsOf(
            columns,
            Array.from({ length: intBelow(random, 50) + 1 }, () => randomRow(random, columns)),
          ),
        );
        expect(chunks.every(chunk => canWriteColumns(spec, chunk))).to.equal(true);
        const rows = chunks.map(chunk => rowChunk(rowsOf(chunk)));
        expect(written(spec, chunks)).to.equal(written(spec, rows));
        // Rows and columns may come in turns.
        const mixed = chunks.map((chunk, i) => (intBelow(random, 2) === 0 ? chunk : (rows[i] as (typeof rows)[0])));
        expect(written(spec, mixed)).to.equal(written(spec, rows));
        memory.releaseScratch(mark);
      });
    });
  }

  it('reach over many blocks, and a row may be larger than one', () => {
    const mark = memory.scratchMark();
    const rows = [
      ...Array.from({ length: 30_000 }, (_, i) => ({ s: `${'y'.repeat(i % 97)}"` })),
      { s: '\u0001'.repeat(1_200_000) },
      { s: 'last' },
    ];
    for (const spec of [sink('csv'), sink('ndjson')]) {
      expect(written(spec, [columnsOf(one, rows)]) === written(spec, [rowChunk(rows)]), spec.format).to.equal(true);
    }
    memory.releaseScratch(mark);
  });

  it('are one text each of a stream of texts', () => {
    const mark = memory.scratchMark();
    const rows = TEXTS.map(s => ({ s }));
    const chunk = { ...columnsOf(schema({ s: utf8() }).columns, rows), scalar: true };
    expect(canWriteColumns(sink('text'), chunk)).to.equal(true);
    expect(written(sink('text'), [chunk])).to.equal(written(sink('text'), [rowChunk(TEXTS)]));
    memory.releaseScratch(mark);
  });

  it('leave to the rows what they do not know', () => {
    const mark = memory.scratchMark();
    const chunk = columnsOf(every, []);
    expect(canWriteColumns(sink('csv', '1'), chunk), 'a digit as delimiter').to.equal(false);
    expect(canWriteColumns({ ...sink('csv'), escapeFormulas: true }, chunk), 'formulas').to.equal(false);
    expect(canWriteColumns(sink('text'), chunk), 'rows as text').to.equal(false);
    expect(canWriteColumns(sink('csv'), { ...chunk, columns: [] }), 'no columns').to.equal(false);
    memory.releaseScratch(mark);
  });

  it('refuse rows of other columns than those before', () => {
    const mark = memory.scratchMark();
    const chunks = [columnsOf(every, [randomRow(() => 0.5, every)]), columnsOf(one, [{ s: 'x' }])];
    expect(() => written(sink('csv'), chunks)).to.throw(/the keys s, t, i, l, b, at as in the rows before/);
    memory.releaseScratch(mark);
  });
});
