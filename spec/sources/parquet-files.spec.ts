import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import * as arrowLib from 'apache-arrow';
import { expect } from 'chai';
import * as parquetLib from 'parquet-wasm';
import { parquet, type Format } from '../../lib/core/format.js';
import { bool, float64, int32, int64, nullable, schema, timestamp, utf8 } from '../../lib/core/schema.js';
import { FileSourceDriver } from '../../lib/sources/file-source-driver.js';
import { FileSourceReader } from '../../lib/sources/file-source-reader.js';
import { newMemory, planAll, readRange, sourceContract } from '../contracts/source.js';
import { intBelow, randomOf } from '../helpers/random-values.js';
import { tempFolder } from '../helpers/temp-folder.js';

const { Table, tableFromArrays, tableToIPC, vectorFromArray } = arrowLib;
const clicks = parquet(schema({ user: utf8(), n: int64() }));
const memory = newMemory();

const makeReader = (path: string, format: Format): FileSourceReader =>
  new FileSourceReader({ source: 'files', path, format });
const makeDriver = (path: string, format: Format, warnings: string[] = []): FileSourceDriver =>
  new FileSourceDriver({ path, format, settleMs: 1000, onWarning: message => warnings.push(message), now: () => 0 });

/** A Parquet file with row groups of so many rows. */
function parquetOf(table: arrowLib.Table, rowGroupRows = 20): Uint8Array {
  const options = new parquetLib.WriterPropertiesBuilder()
    .setCompression(parquetLib.Compression.ZSTD)
    .setMaxRowGroupSize(rowGroupRows)
    .build();
  return parquetLib.writeParquet(parquetLib.Table.fromIPCStream(tableToIPC(table, 'stream')), options);
}

const clicksTable = (first: number, count: number): arrowLib.Table =>
  new Table({
    extra: vectorFromArray(Array.from({ length: count }, () => 0.5)),
    n: vectorFromArray(
      Array.from({ length: count }, (_, i) => BigInt(first + i)),
      new arrowLib.Int64(),
    ),
    user: vectorFromArray(
      Array.from({ length: count }, (_, i) => `user ${(first + i) % 7} é`),
      new arrowLib.Utf8(),
    ),
  });

const rowsFrom = (first: number, count: number): { user: string; n: number }[] =>
  Array.from({ length: count }, (_, i) => ({ user: `user ${(first + i) % 7} é`, n: first + i }));

describe('FileSource of Parquet files, contract', () => {
  const folder = tempFolder();
  const expected: unknown[] = [];
  before(() => {
    for (let f = 0; f < 3; f++) {
      folder.file(`in/f${f}.parquet`, parquetOf(clicksTable(f * 1000, 50 + f)) as never, 1_000_000 + f);
      expected.push(...rowsFrom(f * 1000, 50 + f));
    }
  });
  sourceContract('FileSource of Parquet', () => {
    const path = join(folder.path, 'in');
    return {
      makeDriver: () => makeDriver(path, clicks),
      reader: makeReader(path, clicks),
      rows: expected,
      isBounded: true,
      isReplayable: true,
    };
  });
});

describe('FileSource of Parquet files', () => {
  const folder = tempFolder();
  let numFiles = 0;

  /** All rows and bad records of one file. */
  async function read(bytes: Uint8Array, format: Format = clicks) {
    const path = folder.file(`read/${numFiles++}.parquet`, bytes as never);
    const warnings: string[] = [];
    const driver = makeDriver(path, format, warnings);
    await driver.start(undefined);
    const parts = [];
    for (const range of (await planAll(driver)).flat())
      parts.push(await readRange(makeReader(path, format), range, memory));
    return { rows: parts.flatMap(part => part.rows), bad: parts.flatMap(part => part.bad), warnings };
  }

  it('takes columns of every kind, with nulls', async () => {
    const table = new Table({
      s: vectorFromArray(['a', null, 'grüß'], new arrowLib.Utf8()),
      i: vectorFromArray([1, null, -3], new arrowLib.Int32()),
      f: vectorFromArray([0.5, null, NaN], new arrowLib.Float64()),
      b: vectorFromArray([true, null, false], new arrowLib.Bool()),
      t: vectorFromArray([new Date(1000), null, new Date(-1)], new arrowLib.TimestampMillisecond()),
    });
    const format = parquet(
      schema({
        t: nullable(timestamp()),
        s: nullable(utf8()),
        i: nullable(int32()),
        f: nullable(float64()),
        b: nullable(bool()),
      }),
    );
    const { rows, bad } = await read(parquetOf(table as never), format);
    expect(bad).to.deep.equal([]);
    expect(rows).to.deep.equal([
      { t: 1000, s: 'a', i: 1, f: 0.5, b: true },
      { t: null, s: null, i: null, f: null, b: null },
      { t: -1, s: 'grüß', i: -3, f: NaN, b: false },
    ]);
  });

  it('waits for the end of a file that is being written', async () => {
    const whole = parquetOf(clicksTable(0, 45));
    const path = folder.file('written/a.parquet', whole.subarray(0, 100) as never);
    const warnings: string[] = [];
    const driver = makeDriver(path, clicks, warnings);
    await driver.start(undefined);
    expect(await planAll(driver, { drain: true })).to.deep.equal([]);
    expect(warnings).to.deep.equal([`${path} is not complete, and is left for another run`]);
    appendFileSync(path, whole.subarray(100));
    const ranges = (await planAll(driver)).flat();
    expect(ranges.length).to.equal(1);
    expect((await readRange(makeReader(path, clicks), ranges[0] ?? null, memory)).rows).to.deep.equal(rowsFrom(0, 45));
  });

  it('puts aside as one record what is no Parquet file, has other columns or is damaged', async () => {
    const foreign = await read(Buffer.from('user,n\na,1\n'));
    expect(foreign.rows).to.deep.equal([]);
    expect(foreign.bad.map(({ reason }) => reason).join()).to.match(/begins with PAR1/);
    expect(foreign.warnings.join()).to.match(/begins with PAR1/);
    const other = await read(parquetOf(tableFromArrays({ user: ['a'] }) as never));
    expect(other.rows).to.deep.equal([]);
    expect(other.bad.length).to.equal(1);
    expect(other.bad[0]?.reason).to.match(/\bn\b/);
    const torn = Buffer.from(parquetOf(clicksTable(0, 45)));
    torn.fill(0xff, 10, torn.length - 8);
    const damaged = await read(torn);
    expect(damaged.rows).to.deep.equal([]);
    expect(damaged.bad.map(({ reason }) => reason).join()).to.match(/a Parquet file was wanted/);
  });

  it('puts aside a file that is small and would be gigabytes of rows, before it unpacks any', async () => {
    const numRows = 1 << 14;
    const zeros = new Table({
      n: arrowLib.makeVector(new BigInt64Array(numRows)),
    });
    const bytes = Buffer.from(parquetOf(zeros, numRows));
    expect(bytes.length).to.be.below(5000);
    const numbers = parquet(schema({ n: int64() }));
    expect((await read(bytes, numbers)).rows).to.have.length(numRows);
    // The number of rows as the footer has it, a varint of the double: 2^14 of them are 80 80 02, 2^30 80 80 80 80 08.
    const rows = Buffer.from([0x80, 0x80, 0x02]);
    const more = Buffer.from([0x80, 0x80, 0x80, 0x80, 0x08]);
    let grown = bytes;
    let footerGrew = 0;
    for (let at = grown.indexOf(rows, 8); at >= 0; at = grown.indexOf(rows, at + more.length)) {
      if (at < grown.length - 8 - grown.readUInt32LE(grown.length - 8) - footerGrew) continue;
      grown = Buffer.concat([grown.subarray(0, at), more, grown.subarray(at + rows.length)]);
      footerGrew += more.length - rows.length;
    }
    expect(footerGrew).to.be.greaterThan(0);
    grown.writeUInt32LE(grown.readUInt32LE(grown.length - 8) + footerGrew, grown.length - 8);
    const { rows: none, bad } = await read(grown, numbers);
    expect(none).to.deep.equal([]);
    expect(bad.map(({ reason }) => reason).join()).to.match(/its rows take about 8.59 GB, of 1.07 GB that they may/);
  });

  it('fails no batch whatever was flipped in a file', async () => {
    const whole = parquetOf(clicksTable(0, 45));
    for (let seed = 1; seed <= 40; seed++) {
      const random = randomOf(seed);
      const flipped = Buffer.from(whole);
      const at = 4 + intBelow(random, flipped.length - 8);
      flipped[at] = Number(flipped[at]) ^ (1 << intBelow(random, 8));
      const { rows, bad } = await read(flipped);
      expect(rows.length + bad.length, `seed ${seed}`).to.be.within(1, 46);
    }
  });
});
