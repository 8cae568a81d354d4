import * as lib from 'apache-arrow';
import { expect } from 'chai';
import { arrowBodyStart } from '../../lib/core/arrow-record-batch.js';
import { arrowMessage } from '../../lib/core/arrow-message.js';
import type { Column, ColumnKind } from '../../lib/core/schema.js';
import { loadArrow } from '../../lib/columnar/arrow.js';
import { ArrowDecoder, type ArrowDecoded } from '../../lib/columnar/decode-arrow.js';
import { rowsOf } from '../../lib/columnar/rows.js';
import type { SlotMemory } from '../../lib/columnar/slot-memory.js';
import { newMemory } from '../contracts/source.js';
import { randomColumn, type Expected } from '../helpers/arrow-columns.js';
import { forSeeds, intBelow, pick, type Random } from '../helpers/random-values.js';

const KINDS: readonly ColumnKind[] = ['utf8', 'int32', 'int64', 'float64', 'bool', 'timestamp'];
const ROWS = [0, 1, 2, 7, 8, 9, 63, 64, 65, 300, 1000];

interface Made {
  readonly columns: readonly Column[];
  readonly stream: Buffer;
  readonly rows: readonly { readonly [name: string]: Expected }[];
}

/** A stream of one batch; columns that are not declared lie among the others. */
function makeStream(random: Random): Made {
  const numRows = pick(random, ROWS);
  const declared: Column[] = [];
  const children: lib.Data[] = [];
  const fields: lib.Field[] = [];
  const expected: (readonly Expected[])[] = [];
  for (let i = 0; i < 1 + intBelow(random, 5); i++) {
    const column = { name: `c${i}`, kind: pick(random, KINDS), nullable: random() < 0.8 };
    const made = randomColumn(random, { ...column, numRows });
    if (numRows > 0 && random() < 0.3) {
      const other = nested(random, numRows);
      children.push(other);
      fields.push(new lib.Field(`other${i}`, other.type, true));
    }
    children.push(made.data);
    fields.push(new lib.Field(column.name, made.data.type, true));
    declared.push(column);
    expected.push(made.expected);
  }
  const rows = Array.from({ length: numRows }, (_, row) =>
    Object.fromEntries(declared.map(({ name }, i) => [name, expected[i]?.[row] ?? null])),
  );
  return { columns: declared, stream: written(fields, children), rows };
}

/** Columns of several nodes and of another number of buffers. */
function nested(random: Random, numRows: number): lib.Data {
  const values = Array.from({ length: numRows }, (_, i) => i);
  const form = intBelow(random, 4);
  if (form === 0)
    return dataOf(
      values.map(i => [i, i + 1]),
      new lib.List(new lib.Field('item', new lib.Int32(), true)),
    );
  if (form === 1)
    return dataOf(
      values.map(() => null),
      new lib.Null(),
    );
  const inner = [new lib.Field('a', new lib.Utf8(), true), new lib.Field('b', new lib.Bool(), true)];
  if (form === 2)
    return dataOf(
      values.map(i => ({ a: `${i}`, b: true })),
      new lib.Struct(inner),
    );
  return dataOf(
    values.map(i => [i, i]),
    new lib.FixedSizeList(2, new lib.Field('item', new lib.Float64(), true)),
  );
}

const dataOf = (values: readonly unknown[], type: lib.DataType): lib.Data =>
  lib.vectorFromArray(values, type).data[0] as lib.Data;

/** A stream with a record batch for each of the lists of columns. */
function written(fields: lib.Field[], ...batches: (readonly lib.Data[])[]): Buffer {
  const schema = new lib.Schema(fields);
  const type = new lib.Struct(fields);
  const recordBatches = batches.map(children => {
    const length = children[0]?.length ?? 0;
    return new lib.RecordBatch(schema, lib.makeData({ type, length, nullCount: 0, children: [...children] }));
  });
  return Buffer.from(lib.RecordBatchStreamWriter.writeAll(recordBatches).toUint8Array(true));
}

interface Touched {
  readonly from: number;
  readonly to: number;
}

/** Decodes every record batch of a stream; `then` sees each before its scratch is released. */
function decode(
  memory: SlotMemory,
  stream: Uint8Array,
  columns: readonly Column[],
  wanted: readonly string[] | undefined,
  then: (decoded: ArrowDecoded, touched: readonly Touched[]) => void,
): void {
  const decoder = new ArrowDecoder(memory, { kind: 'arrow', columns, onBadRecord: 'deadletter' }, wanted);
  for (let at = 0; at < stream.length;) {
    const message = arrowMessage(stream.subarray(at));
    // What is cut off never comes to the decoder.
    if (!('bytes' in message) || at + message.bytes > stream.length) break;
    const bytes = Uint8Array.from(stream.subarray(at, at + message.bytes));
    at += message.bytes;
    if (message.kind === 'schema') decoder.schema(bytes);
    else if (message.kind === 'dictionary') decoder.dictionary(bytes);
    else {
      const bodyStart = arrowBodyStart(bytes);
      const touched: Touched[] = [];
      const mark = memory.scratchMark();
      const decoded = decoder.recordBatch(bytes.subarray(0, bodyStart), message.bytes, (offset, target) => {
        expect(bodyStart + offset + target.length).to.be.at.most(bytes.length);
        touched.push({ from: offset, to: offset + target.length });
        target.set(bytes.subarray(bodyStart + offset, bodyStart + offset + target.length));
      });
      then(decoded, touched);
      memory.releaseScratch(mark);
    }
  }
  decoder.close();
}

const isBad = (value: Expected): value is { readonly bad: string } => typeof value === 'object' && value !== null;

describe('ArrowDecoder', () => {
  const memory = newMemory();
  before(loadArrow);

  it('reads what reading value by value gives, of every type, with nulls, slices and texts that are none', () => {
    const seen = { good: 0, bad: 0 };
    forSeeds(150, random => {
      const { columns, stream, rows } = makeStream(random);
      const wanted = random() < 0.6 ? undefined : columns.filter(() => random() < 0.5).map(({ name }) => name);
      const reasons = rows.flatMap((row, i) => {
        const first = Object.values(row).find(isBad);
        return first === undefined ? [] : [{ row: i, reason: first.bad }];
      });
      const good = rows
        .filter(row => !Object.values(row).some(isBad))
        .map(row => Object.fromEntries(Object.entries(row).filter(([name]) => wanted?.includes(name) ?? true)));
      const before = memory.numBlocks;
      decode(memory, stream, columns, wanted, ({ chunk, bad, problem }) => {
        expect(problem, problem).to.equal(undefined);
        expect(bad).to.deep.equal(reasons);
        expect(chunk === undefined ? undefined : rowsOf(chunk)).to.deep.equal(good);
      });
      memory.resetScratch();
      expect(memory.numBlocks, 'blocks of dictionaries that were not given back').to.be.at.most(before + 1);
      seen.good += good.length;
      seen.bad += reasons.length;
    });
    expect(seen.good).to.be.greaterThan(2000);
    expect(seen.bad).to.be.greaterThan(500);
  });

  const count = 20_000;
  const bigColumns = {
    page: lib.makeData({ type: new lib.Int64(), length: count, data: new BigInt64Array(count).fill(7n) }),
    n: lib.makeData({
      type: new lib.Int64(),
      length: count,
      data: BigInt64Array.from({ length: count }, (_, i) => BigInt(i)),
    }),
    last: lib.makeData({ type: new lib.Float64(), length: count, data: new Float64Array(count).fill(0.5) }),
  };
  const big = (): Buffer =>
    written(
      Object.entries(bigColumns).map(([name, { type }]) => new lib.Field(name, type, false)),
      Object.values(bigColumns),
    );

  it('reads of a body only the buffers of columns that are declared, and uses them where they lie', () => {
    const n: Column = { name: 'n', kind: 'int64', nullable: false };
    decode(memory, big(), [n], undefined, ({ chunk, problem }, touched) => {
      expect(problem, problem).to.equal(undefined);
      expect(touched).to.have.lengthOf(1);
      expect((touched[0]?.to ?? 0) - (touched[0]?.from ?? 0)).to.equal(count * 8);
      // One region for the bytes that were read and nothing beside it: what comes next in scratch lies right behind.
      const values = chunk?.columns[0]?.values ?? 0;
      expect(memory.scratch(16) - values).to.equal(count * 8);
      expect(memory.i64[(values + 8 * (count - 1)) / 8]).to.equal(BigInt(count - 1));
    });
    memory.resetScratch();
  });

  it('reads nothing of a declared column that nobody uses and in which nothing can be bad', () => {
    const columns: Column[] = [
      { name: 'n', kind: 'int64', nullable: false },
      { name: 'last', kind: 'float64', nullable: true },
    ];
    decode(memory, big(), columns, ['n'], ({ chunk }, touched) => {
      expect(touched.reduce((sum, { from, to }) => sum + to - from, 0)).to.equal(count * 8);
      expect(chunk?.columns[1]).to.equal(undefined);
    });
    memory.resetScratch();
  });

  it('refuses lengths, offsets and counts that lead out of the message, whatever they are', () => {
    const texts = ['a', 'bc', '', 'd\u00e9f'];
    const fields = [new lib.Field('t', new lib.Utf8(), true), new lib.Field('n', new lib.Int64(), true)];
    const stream = written(fields, [
      lib.vectorFromArray(texts, new lib.Utf8()).data[0] as lib.Data,
      lib.vectorFromArray([1n, null, 3n, 4n], new lib.Int64()).data[0] as lib.Data,
    ]);
    const columns: Column[] = [
      { name: 't', kind: 'utf8', nullable: true },
      { name: 'n', kind: 'int64', nullable: true },
    ];
    const start = arrowMessage(stream);
    const at = 'bytes' in start ? start.bytes : 0;
    const problems = new Set<string>();
    const values = [-1n, 2n ** 31n - 1n, 2n ** 32n, 2n ** 53n, 2n ** 62n, -(2n ** 63n)];
    // Every aligned word of the record batch, its metadata and its body, once as each of these.
    for (let word = at + 8; word + 8 <= stream.length - 8; word += 4) {
      for (const value of values) {
        const bytes = Buffer.from(stream);
        bytes.writeBigInt64LE(value, word);
        decode(memory, bytes, columns, undefined, ({ problem, chunk }) => {
          if (problem === undefined) expect(rowsOf(chunk ?? expect.fail('no chunk'))).to.have.length.below(5);
          else problems.add(problem.replaceAll(/\d+/g, 'N'));
        });
        memory.resetScratch();
      }
    }
    expect([...problems].toSorted()).to.include.members([
      'a record batch was wanted: an offset of a text leads out of the texts',
      'a record batch was wanted: buffer N of N bytes at N leads out of its N bytes',
      'a record batch was wanted: column n has N nulls in N rows',
      "a record batch was wanted: column t has not the batch's N rows",
      'a record batch was wanted: its metadata is damaged',
    ]);
  });

  it('gives rows of the declared columns or says why not, whatever was flipped in a stream', () => {
    const outcomes = { rows: 0, problems: 0 };
    forSeeds(120, random => {
      const { columns, stream } = makeStream(random);
      const start = arrowMessage(stream);
      const from = 'bytes' in start ? start.bytes : 0;
      for (let flips = 1 + intBelow(random, 4); flips > 0; flips--)
        stream[from + intBelow(random, stream.length - from)] = pick(random, [0, 1, 127, 128, 255]);
      decode(memory, stream, columns, undefined, ({ chunk, problem }) => {
        if (problem === undefined) outcomes.rows += rowsOf(chunk ?? expect.fail('no chunk')).length;
        else outcomes.problems++;
      });
      memory.resetScratch();
    });
    expect(outcomes.rows).to.be.greaterThan(500);
    expect(outcomes.problems).to.be.greaterThan(10);
  });

  it('copies numbers that a writer put at an odd place', () => {
    const numbers = [1n, 2n, 3n, 4n].map(n => n * 2n ** 32n);
    const column = (): lib.Data =>
      lib.makeData({ type: new lib.Int64(), length: 4, data: BigInt64Array.from(numbers) });
    const fields = ['a', 'b'].map(name => new lib.Field(name, new lib.Int64(), false));
    const stream = written(fields, [column(), column()]);
    // The buffer of b: 32 bytes behind the 32 of a, now four bytes behind the beginning of a.
    const pair = Buffer.alloc(16);
    pair.writeBigInt64LE(32n, 0);
    pair.writeBigInt64LE(32n, 8);
    const at = stream.lastIndexOf(pair);
    expect(at).to.be.greaterThan(0);
    stream.writeBigInt64LE(4n, at);
    const columns = fields.map(({ name }): Column => ({ name, kind: 'int64', nullable: false }));
    decode(memory, stream, columns, undefined, ({ chunk, problem }) => {
      expect(problem, problem).to.equal(undefined);
      expect(rowsOf(chunk ?? expect.fail('no chunk')).map(row => (row as { b: number }).b)).to.deep.equal([1, 2, 3, 4]);
    });
    memory.resetScratch();
  });

  it('says of a compressed record batch how it is compressed, and what to do', () => {
    const { compressionRegistry, CompressionType } = lib;
    // What is in the frame does not matter: it is not looked at.
    const frame = Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0, 1, 0, 0, 0);
    compressionRegistry.set(CompressionType.ZSTD, { encode: () => frame });
    const table = lib.tableFromArrays({ n: Int32Array.of(1, 2, 3) });
    const writer = new lib.RecordBatchStreamWriter({ compressionType: CompressionType.ZSTD });
    for (const recordBatch of table.batches) writer.write(recordBatch);
    writer.finish();
    const problems: unknown[] = [];
    const n: Column = { name: 'n', kind: 'int32', nullable: false };
    decode(memory, writer.toUint8Array(true), [n], undefined, ({ problem }) => void problems.push(problem));
    expect(problems).to.deep.equal([
      'a record batch was wanted: it is compressed (ZSTD), and only plain ones are read: write it without compression',
    ]);
  });

  it('puts the texts of a delta behind those that came before, until they are replaced', () => {
    const type = new lib.Dictionary(new lib.Utf8(), new lib.Int32(), 5);
    const words = (...texts: string[]): lib.Data<lib.Utf8> =>
      lib.vectorFromArray(texts, new lib.Utf8()).data[0] as lib.Data<lib.Utf8>;
    const [first, second, third] = [words('x', 'y'), words('z'), words('w', 'v')];
    const column = (entries: readonly number[], dictionary: lib.Vector<lib.Utf8>): lib.Data =>
      lib.makeData({ type, length: entries.length, data: Int32Array.from(entries), dictionary });
    const field = new lib.Field('w', type, false);
    const stream = written(
      [field],
      ...[[column([0, 1], new lib.Vector([first]))], [column([2, 1, 0], new lib.Vector([first, second]))]],
      [column([1, 0], new lib.Vector([third]))],
    );
    const seen: unknown[] = [];
    const columns: Column[] = [{ name: 'w', kind: 'utf8', nullable: false }];
    decode(memory, stream, columns, undefined, ({ problem, chunk }) => {
      expect(problem, problem).to.equal(undefined);
      seen.push(rowsOf(chunk ?? expect.fail('no chunk')).map(row => (row as { w: string }).w));
    });
    expect(seen).to.deep.equal([
      ['x', 'y'],
      ['z', 'y', 'x'],
      ['v', 'w'],
    ]);
    memory.resetScratch();
  });
});
