import { expect } from 'chai';
import { BlockDamaged } from '../../lib/blocks/block-damaged.js';
import { ColumnBuffer } from '../../lib/blocks/column-buffer.js';
import { readColumnBlock, writeColumnBlock } from '../../lib/blocks/column-block.js';
import { columnsFromRows } from '../../lib/columnar/columns-from-rows.js';
import { rowsOf } from '../../lib/columnar/rows.js';
import { COLUMNS, randomRow } from '../expr/random-expr.js';
import { column, newMemory } from '../columnar/key-fixture.js';
import { forSeeds, intBelow, pick } from '../helpers/random-values.js';

const SCHEMA = [column('t', 'utf8', true), column('n', 'int64')];
const ROWS = [
  { t: 'a', n: 1 },
  { t: null, n: 2 },
  { t: 'é'.repeat(20), n: -3 },
];

describe('blocks/column-block', () => {
  const memory = newMemory();
  afterEach(() => memory.resetScratch());

  it('gives back the rows, in its own memory and in another', () => {
    const other = newMemory();
    forSeeds(60, random => {
      const rows = Array.from({ length: pick(random, [1, 7, 8, 9, 100]) }, () => randomRow(random));
      const { address, byteLength, numRows } = writeColumnBlock(columnsFromRows(memory, COLUMNS, rows, 'spec'));
      expect(numRows).to.equal(rows.length);
      const bytes = memory.bytes(address, byteLength);
      expect(rowsOf(readColumnBlock(memory, COLUMNS, bytes)), 'in place').to.deep.equal(rows);
      expect(rowsOf(readColumnBlock(other, COLUMNS, bytes)), 'copied').to.deep.equal(rows);
      memory.free(address);
      memory.resetScratch();
      other.resetScratch();
    });
  });

  it('leaves out columns that are not decoded', () => {
    const chunk = columnsFromRows(memory, SCHEMA, ROWS, 'spec');
    const { address, byteLength } = writeColumnBlock({ ...chunk, columns: [undefined, chunk.columns[1]] });
    const read = readColumnBlock(memory, SCHEMA, memory.bytes(address, byteLength));
    expect(rowsOf(read)).to.deep.equal(ROWS.map(({ n }) => ({ n })));
    memory.free(address);
  });

  it('is refused where its shape is not what it should be', () => {
    const { address, byteLength } = writeColumnBlock(columnsFromRows(memory, SCHEMA, ROWS, 'spec'));
    const whole = Buffer.from(memory.bytes(address, byteLength));
    memory.free(address);
    const read = (bytes: Uint8Array, schema = SCHEMA): unknown => rowsOf(readColumnBlock(memory, schema, bytes));
    expect(read(whole)).to.deep.equal(ROWS);
    for (const length of [0, 15, 31, 64, byteLength - 16]) {
      expect(() => read(whole.subarray(0, length)), `${length} bytes`).to.throw(BlockDamaged);
    }
    // Magic, rows, columns, bytes, the text's length, and the lengths of the texts themselves.
    for (const at of [0, 8, 12, 20, 48 + 4]) {
      const bytes = Buffer.from(whole);
      bytes.writeUInt32LE(bytes.readUInt32LE(at) + 64, at);
      expect(() => read(bytes), `offset ${at}`).to.throw(BlockDamaged);
    }
    expect(() => read(whole, [...SCHEMA, column('more', 'bool')])).to.throw(BlockDamaged);
    expect(() => read(whole, [column('n', 'int64'), column('t', 'utf8', true)])).to.throw(BlockDamaged);
  });

  it('collects the rows of chunks that are gone, and leaves no block behind', () => {
    const before = memory.numBlocks;
    forSeeds(40, random => {
      const buffer = new ColumnBuffer(memory, COLUMNS);
      const all: unknown[] = [];
      for (let i = intBelow(random, 5); i > 0; i--) {
        const rows = Array.from({ length: intBelow(random, 20) }, () => randomRow(random));
        const mark = memory.scratchMark();
        const chunk = columnsFromRows(memory, COLUMNS, rows, 'spec');
        buffer.append(chunk);
        for (const { values } of chunk.columns.flatMap(vector => vector ?? []))
          memory.u8.fill(0xff, values, values + rows.length);
        memory.releaseScratch(mark);
        all.push(...rows);
      }
      expect(buffer.numRows).to.equal(all.length);
      if (all.length > 0) expect(rowsOf(buffer.chunk())).to.deep.equal(all);
      const block = buffer.toBlock();
      expect([buffer.numRows, block?.numRows ?? 0]).to.deep.equal([0, all.length]);
      if (block !== null) {
        const read = readColumnBlock(memory, COLUMNS, memory.bytes(block.address, block.byteLength));
        expect(rowsOf(read)).to.deep.equal(all);
        memory.free(block.address);
      }
      expect(buffer.toBlock()).to.equal(null);
      memory.resetScratch();
    });
    expect(memory.numBlocks).to.be.at.most(before + 2);
  });
});
