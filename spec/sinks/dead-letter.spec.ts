import { expect } from 'chai';
import type { BadRecord } from '../../lib/core/bad-record.js';
import { batchTime } from '../../lib/core/time.js';
import type { SlotMemory } from '../../lib/columnar/slot-memory.js';
import { DeadLetterWriter, makeDeadLetterSink } from '../../lib/sinks/dead-letter.js';
import type { SinkWriter } from '../../lib/sinks/sink.js';
import { rowsOf } from '../../lib/columnar/rows.js';
import { sinkContract } from '../contracts/sink.js';
import { newMemory } from '../contracts/source.js';
import { ModelFileSystem } from '../helpers/model-file-system.js';

const record = (byteOffset: number, bytes: Uint8Array = Buffer.from('a,b')): BadRecord => ({
  source: 'files',
  file: 'in/a.csv',
  byteOffset,
  line: 1,
  reason: 'column n wants int64, got "b"',
  bytes,
});

/** Rows are byte offsets, so that the contract's cases can make any. */
function recordWriter(memory: SlotMemory): SinkWriter {
  const writer = new DeadLetterWriter(memory, 1000, 100_000);
  return {
    write: chunk => rowsOf(chunk).forEach(offset => writer.write(record(Number(offset)))),
    finish: () => writer.finish(),
  };
}

const linesOf = (fs: ModelFileSystem): Record<string, unknown>[] =>
  fs
    .paths()
    .filter(path => path.endsWith('.ndjson'))
    .flatMap(path => Buffer.from(fs.bytesOf(path)).toString().split('\n').slice(0, -1))
    .map(line => JSON.parse(line) as Record<string, unknown>);

sinkContract('the dead-letter output', () => {
  const fs = new ModelFileSystem();
  return {
    makeDriver: () => makeDeadLetterSink('/app/deadletter', fs, { rollBytes: 2000, rollMs: 1e9 }),
    makeWriter: recordWriter,
    readRows: async () => linesOf(fs).map(line => line['byteOffset']),
    row: n => n,
  };
});

describe('dead letters', () => {
  const memory = newMemory();

  async function lettersOf(records: readonly BadRecord[], maxRecords?: number): Promise<Record<string, unknown>[]> {
    const writer = new DeadLetterWriter(memory, 5000, maxRecords);
    for (const bad of records) writer.write(bad);
    return lettersIn(writer);
  }

  async function lettersIn(writer: DeadLetterWriter): Promise<Record<string, unknown>[]> {
    const { numRows, blocks } = writer.finish();
    const fs = new ModelFileSystem();
    const driver = makeDeadLetterSink('/deadletter', fs, { rollBytes: 1e9, rollMs: 1e9 });
    await driver.open(undefined);
    const bytes = blocks.map(({ address, byteLength }) => memory.bytes(address, byteLength));
    await driver.commit(batchTime(5000), [{ numRows, bytes }]);
    await driver.close();
    return linesOf(fs);
  }

  it('say where a record was, why it could not be read, and all its bytes', async () => {
    const [letter] = await lettersOf([record(120, Buffer.from('ü,"x"\n'))]);
    expect(letter).to.deep.equal({
      source: 'files',
      file: 'in/a.csv',
      byteOffset: 120,
      line: 1,
      reason: 'column n wants int64, got "b"',
      text: 'ü,"x"\n',
      base64: Buffer.from('ü,"x"\n').toString('base64'),
      batch: 5000,
    });
  });

  it('have no text where the bytes are not UTF-8', async () => {
    const [letter] = await lettersOf([record(0, new Uint8Array([0x61, 0xff]))]);
    expect(letter).to.include({ text: null, base64: 'Yf8=' });
  });

  it('give the exact bytes back, a byte order mark and shared memory among them', async () => {
    const shared = new Uint8Array(new SharedArrayBuffer(4));
    shared.set([0xef, 0xbb, 0xbf, 0x61]);
    const [letter] = await lettersOf([record(0, shared)]);
    expect(letter).to.include({ text: '\ufeffa', base64: '77u/YQ==' });
  });

  it('say of a record that was read and left out what it was, and where, as far as its source knows', async () => {
    const place = { file: 'in/a.csv', byteOffset: 7, line: 2, bytes: Buffer.from('a,1') };
    const leftOut = { source: 'files', row: 5, reason: 'map: no', value: { word: 'a', n: 1n }, range: { pieces: [] } };
    const circular: unknown[] = [];
    circular.push(circular);
    const writer = new DeadLetterWriter(memory, 5000);
    writer.writeLeftOut({ ...leftOut, place });
    writer.writeLeftOut({ ...leftOut, place: undefined });
    writer.writeLeftOut({ ...leftOut, value: circular, place: undefined, range: 'x'.repeat(2000) });
    const [placed, ranged, unwritable] = await lettersIn(writer);
    expect(placed).to.deep.equal({
      ...{ source: 'files', file: 'in/a.csv', byteOffset: 7, line: 2, row: 5, reason: 'map: no' },
      ...{ value: { word: 'a', n: '1' }, range: null, text: 'a,1', base64: 'YSwx', batch: 5000 },
    });
    const json = '{"word":"a","n":"1"}';
    expect(ranged).to.include({ file: null, byteOffset: null, line: null, row: 5, text: json });
    expect(ranged?.['range']).to.deep.equal({ pieces: [] });
    expect(unwritable).to.include({ value: null, range: null, text: '', row: 5 });
  });

  it('are written in full for the first of a task, and counted from then on', async () => {
    const letters = await lettersOf(
      Array.from({ length: 12 }, (_, i) => record(i)),
      10,
    );
    expect(letters).to.have.length(11);
    expect(letters[9]).to.include({ byteOffset: 9 });
    expect(letters[10]).to.deep.equal({ source: null, omitted: 2, batch: 5000 });
  });

  it('are nothing at all for a task without bad records', () => {
    expect(new DeadLetterWriter(memory, 1).finish()).to.deep.equal({ numRows: 0, blocks: [] });
  });
});
