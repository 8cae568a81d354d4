import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as arrowLib from 'apache-arrow';
import { expect } from 'chai';
import { job } from '../../lib/api/job.js';
import { VirtualClock } from '../../lib/core/clock.js';
import { arrow, csv, type ArrowFormat, type Format } from '../../lib/core/format.js';
import { NodeFileSystem } from '../../lib/core/node-file-system.js';
import { bool, float64, int32, int64, nullable, schema, timestamp, utf8 } from '../../lib/core/schema.js';
import { sum } from '../../lib/expr/aggregate.js';
import { col } from '../../lib/expr/expr.js';
import { batchTime } from '../../lib/core/time.js';
import { readArrowPiece, type MessageInput } from '../../lib/sources/arrow-pieces.js';
import { fileRangeOf } from '../../lib/sources/file-range.js';
import { FileSourceDriver } from '../../lib/sources/file-source-driver.js';
import { FileSourceReader } from '../../lib/sources/file-source-reader.js';
import { arrowSchemaOf } from '../../lib/columnar/arrow-types.js';
import { loadArrow } from '../../lib/columnar/arrow.js';
import { rowsOf } from '../../lib/columnar/rows.js';
import { newMemory, planAll, planLimit, readRange, sourceContract } from '../contracts/source.js';
import { forSeeds, intBelow } from '../helpers/random-values.js';
import { runEngine } from '../helpers/run-engine.js';
import { tempFolder } from '../helpers/temp-folder.js';

const { Field, RecordBatch, Schema, Table, tableFromArrays, tableToIPC, vectorFromArray } = arrowLib;
const clicks = arrow(schema({ user: utf8(), n: int64() }));
const memory = newMemory();

const makeReader = (path: string, format: Format): FileSourceReader =>
  new FileSourceReader({ source: 'files', path, format });
const makeDriver = (path: string, format: Format, warnings: string[] = []): FileSourceDriver =>
  new FileSourceDriver({ path, format, settleMs: 1000, onWarning: message => warnings.push(message), now: () => 0 });

interface Click {
  readonly user: string;
  readonly n: number;
}

/** A table with a record batch for each of the lists. */
function clicksTable(batches: readonly (readonly Click[])[]): arrowLib.Table {
  const type = new arrowLib.Struct([
    new Field('n', new arrowLib.Int64(), false),
    new Field('extra', new arrowLib.Float64(), true),
    new Field('user', new arrowLib.Utf8(), false),
  ]);
  return new Table(
    batches.flatMap(rows => {
      const values = rows.map(({ user, n }) => ({ n: BigInt(n), extra: n / 2, user }));
      return vectorFromArray(values, type).data.map(data => new RecordBatch(new Schema(type.children), data));
    }),
  );
}

const nanoseconds = (values: readonly bigint[]): arrowLib.Vector =>
  arrowLib.makeVector(
    arrowLib.makeData({
      type: new arrowLib.TimestampNanosecond(),
      length: values.length,
      nullCount: 0,
      data: BigInt64Array.from(values),
    }),
  );

const rowsFrom = (first: number, count: number): Click[] =>
  Array.from({ length: count }, (_, i) => ({ user: `user ${(first + i) % 7} \u00e9`, n: first + i }));

describe('FileSource of Arrow files, contract', () => {
  const folder = tempFolder();
  const expected: Click[] = [];
  before(() => {
    for (let f = 0; f < 3; f++) {
      const batches = [rowsFrom(f * 1000, 30), rowsFrom(f * 1000 + 30, 1), rowsFrom(f * 1000 + 31, 50)];
      expected.push(...batches.flat());
      const table = clicksTable(batches);
      folder.file(`stream/f${f}.arrows`, tableToIPC(table, 'stream') as never, 1_000_000 + f);
      folder.file(`file/f${f}.arrow`, tableToIPC(table, 'file') as never, 1_000_000 + f);
    }
  });
  for (const form of ['stream', 'file'] as const) {
    sourceContract(`FileSource of Arrow in the ${form} form`, () => {
      const path = join(folder.path, form);
      const reader = makeReader(path, clicks);
      return {
        makeDriver: () => makeDriver(path, clicks),
        reader,
        rows: expected,
        isBounded: true,
        isReplayable: true,
      };
    });
  }
});

describe('FileSource of Arrow files', () => {
  const folder = tempFolder();
  let numFiles = 0;

  /** All rows and bad records of one file. */
  async function read(bytes: Uint8Array, format: Format, maxBytes = 1 << 26) {
    const path = folder.file(`read/${numFiles++}.arrow`, bytes as never);
    const warnings: string[] = [];
    const driver = makeDriver(path, format, warnings);
    await driver.start(undefined);
    const reader = makeReader(path, format);
    const parts = [];
    for (const range of (await planAll(driver, { maxBytes })).flat())
      parts.push(await readRange(reader, range, memory));
    return { rows: parts.flatMap(part => part.rows), bad: parts.flatMap(part => part.bad), warnings, path };
  }

  it('takes the types that hold a column of its kind, and resolves dictionaries', async () => {
    const fields = {
      t: vectorFromArray(['a', null, 'b', 'a'], new arrowLib.Dictionary(new arrowLib.Utf8(), new arrowLib.Int8())),
      u: vectorFromArray(['', 'gr\u00fc\u00df', null, 'x'], new arrowLib.LargeUtf8()),
      i: vectorFromArray([1, null, -3, 4], new arrowLib.Int16()),
      l: vectorFromArray([1, 2, 3, 2 ** 32 - 1], new arrowLib.Uint32()),
      f: vectorFromArray([0.5, null, -0.25, NaN], new arrowLib.Float32()),
      b: vectorFromArray([true, false, null, true], new arrowLib.Bool()),
      s: vectorFromArray([-1000, 0, 1000, null], new arrowLib.TimestampSecond()),
      ns: nanoseconds([1_700_000_000_001_000_000n, -1n, 0n, 999_999n]),
      d: vectorFromArray([new Date('1970-01-02'), null, new Date('2024-02-29'), new Date(0)], new arrowLib.DateDay()),
    };
    const format = arrow(
      schema({
        t: nullable(utf8()),
        u: nullable(utf8()),
        i: nullable(int32()),
        l: int64(),
        f: nullable(float64()),
        b: nullable(bool()),
        s: nullable(timestamp()),
        ns: timestamp(),
        d: nullable(timestamp()),
      }),
    );
    for (const form of ['stream', 'file'] as const) {
      const { rows, bad } = await read(tableToIPC(new Table(fields as never), form), format);
      expect(bad).to.deep.equal([]);
      expect(rows).to.deep.equal([
        { t: 'a', u: '', i: 1, l: 1, f: 0.5, b: true, s: -1000, ns: 1_700_000_000_001, d: 86_400_000 },
        { t: null, u: 'gr\u00fc\u00df', i: null, l: 2, f: null, b: false, s: 0, ns: -1, d: null },
        { t: 'b', u: null, i: -3, l: 3, f: -0.25, b: null, s: 1000, ns: 0, d: Date.UTC(2024, 1, 29) },
        { t: 'a', u: 'x', i: 4, l: 2 ** 32 - 1, f: NaN, b: true, s: null, ns: 0, d: 0 },
      ]);
    }
  });

  it('finds the dictionaries of a record batch in the middle of a file', async () => {
    const type = new arrowLib.Dictionary(new arrowLib.Utf8(), new arrowLib.Int32());
    const words = vectorFromArray(['x', 'y', 'z', 'x'], type);
    const table = new Table({ w: words.concat(words).concat(words) });
    const { rows } = await read(tableToIPC(table, 'stream'), arrow(schema({ w: utf8() })), 1);
    expect(rows).to.deep.equal(['x', 'y', 'z', 'x', 'x', 'y', 'z', 'x', 'x', 'y', 'z', 'x'].map(w => ({ w })));
  });

  it('asks nothing of what lies before its piece where no dictionary can be there', async () => {
    await loadArrow();
    const bytes = tableToIPC(clicksTable([rowsFrom(0, 20), rowsFrom(20, 20), rowsFrom(40, 20)]), 'file');
    const path = folder.file('before.arrow', bytes as never);
    const driver = makeDriver(path, clicks);
    await driver.start(undefined);
    const pieces = (await planAll(driver, { maxBytes: 1 })).flat().flatMap(range => fileRangeOf(range).pieces);
    // Behind the last record batch there is the end of the file, by itself.
    const last = pieces.at(-2) ?? expect.fail('no piece');
    const firstBatch = pieces[0]?.end ?? 0;
    const positions: number[] = [];
    const input: MessageInput = {
      bytesAt: (position, length) => {
        positions.push(position);
        return bytes.slice(position, position + length);
      },
      readAt: (position, target) => target.set(bytes.subarray(position, position + target.length)),
    };
    const context = { memory, time: batchTime(0), columns: undefined, onBadRecord: () => expect.fail('a bad record') };
    const chunks = readArrowPiece(input, last, clicks as ArrowFormat, { ...context, onBytes: () => undefined }, () =>
      expect.fail('a bad message'),
    );
    const rows: unknown[] = [];
    for (const chunk of chunks) rows.push(...structuredClone(rowsOf(chunk)));
    expect(rows).to.deep.equal(rowsFrom(40, 20));
    expect(positions.filter(position => position >= firstBatch && position < last.start)).to.deep.equal([]);
    memory.resetScratch();
  });

  it('decodes only the columns that are wanted, and checks all', async () => {
    const table = new Table({
      user: vectorFromArray(['a', null, 'c'], new arrowLib.Utf8()),
      n: vectorFromArray([1n, 2n, 2n ** 60n], new arrowLib.Int64()),
    });
    const path = folder.file('wanted.arrows', tableToIPC(table, 'stream') as never);
    const driver = makeDriver(path, clicks);
    await driver.start(undefined);
    const [range] = (await planAll(driver)).flat();
    const { rows, bad } = await readRange(makeReader(path, clicks), range ?? null, memory, ['n']);
    expect(rows).to.deep.equal([{ n: 1 }]);
    expect(bad.map(({ reason, line }) => [reason, line])).to.deep.equal([
      ['row 1 of the record batch: column user wants utf8, got null', 0],
      ['row 2 of the record batch: column n wants int64, got 1152921504606846976', 0],
    ]);
  });

  it('refuses a file whose schema does not fit, with a warning and a dead letter', async () => {
    const cases: [Uint8Array, string][] = [
      [tableToIPC(tableFromArrays({ user: ['a'] })), 'the schema wants n int64, got (user Dictionary<Int32, Utf8>)'],
      [
        tableToIPC(
          new Table({
            user: vectorFromArray(['a'], new arrowLib.Utf8()),
            n: vectorFromArray(['1'], new arrowLib.Utf8()),
          }),
        ),
        "column n wants int64, got Arrow's Utf8",
      ],
      [Buffer.from('user,n\na,1\n'), 'an Arrow schema was wanted at the beginning'],
    ];
    for (const [bytes, message] of cases) {
      const { rows, bad, warnings } = await read(bytes, clicks);
      expect([rows, bad.length]).to.deep.equal([[], 1]);
      expect(bad[0]?.reason).to.contain(message).and.to.contain('no record of this file is read');
      expect(warnings[0]).to.contain(message);
    }
  });

  it('gives what is cut off as one bad record, once nothing more comes', async () => {
    const batches = [rowsFrom(0, 20), rowsFrom(20, 20)];
    const whole = tableToIPC(clicksTable(batches), 'stream');
    const path = folder.file('cut.arrows', whole.subarray(0, whole.length - 100) as never);
    const driver = makeDriver(path, clicks);
    await driver.start(undefined);
    const reader = makeReader(path, clicks);
    const first = await driver.plan(planLimit({ drain: false }));
    expect((await readRange(reader, first.ranges[0] ?? null, memory)).rows).to.deep.equal(batches[0]);
    const last = await driver.plan(planLimit({ time: 60_000 }));
    const { rows, bad } = await readRange(reader, last.ranges[0] ?? null, memory);
    expect(rows).to.deep.equal([]);
    expect(bad.map(({ reason }) => reason)).to.have.lengthOf(1);
    expect(bad[0]?.reason).to.match(/^a message of \d+ bytes was wanted, \d+ bytes came that are none$/);
  });

  it('goes on where a stream grows, and reads streams that follow one another', async () => {
    const [a, b] = [
      tableToIPC(clicksTable([rowsFrom(0, 3)]), 'stream'),
      tableToIPC(clicksTable([rowsFrom(3, 4)]), 'stream'),
    ];
    const path = folder.file('grows.arrows', a as never);
    const driver = makeDriver(path, clicks);
    await driver.start(undefined);
    const reader = makeReader(path, clicks);
    const rows = async (time: number): Promise<unknown[]> => {
      const parts = [];
      for (const range of (await driver.plan(planLimit({ time }))).ranges)
        parts.push(...(await readRange(reader, range, memory)).rows);
      return parts;
    };
    expect(await rows(1000)).to.deep.equal(rowsFrom(0, 3));
    writeFileSync(path, b, { flag: 'a' });
    expect(await rows(2000)).to.deep.equal(rowsFrom(3, 4));
  });

  it('reads what saveAsArrow wrote, on worker partitions of a job', async () => {
    const written = folder.file(
      'round/in.csv',
      `user,n\n${rowsFrom(0, 9)
        .map(({ user, n }) => `${user},${n}\n`)
        .join('')}`,
    );
    const out = join(folder.path, 'round/out.arrows');
    const shape = schema({ user: utf8(), n: int64() });
    const seen: unknown[] = [];
    const jobs = [
      job('write', {}, ssc => ssc.fileStream(written, csv(shape)).where(col('n').ge(3)).saveAsArrow(out)),
      job('read', {}, ssc => {
        const totals = ssc
          .fileStream(out, clicks)
          .where(col('n').lt(8))
          .groupBy('user')
          .agg({ total: sum('n') });
        totals.foreachRDD(async rdd => void seen.push(...(await rdd.collect())));
      }),
    ];
    for (const [i, made] of jobs.entries()) {
      const checkpoint = join(folder.path, `checkpoint-${i}`);
      const run = await runEngine(made, { clock: new VirtualClock(1000), fs: new NodeFileSystem(), checkpoint });
      await run.batchesDone(1);
      await run.engine.stop();
      await run.engine.done;
    }
    const totals = new Map((seen as { user: string; total: number }[]).map(({ user, total }) => [user, total]));
    expect(totals).to.deep.equal(new Map([3, 4, 5, 6, 7].map(n => [`user ${n % 7} \u00e9`, n])));
  });

  it('refuses a schema whose lists are longer than it is, before anything follows them', async () => {
    await loadArrow();
    const schemaBytes = Buffer.from(tableToIPC(clicksTable([rowsFrom(0, 1)]), 'stream'));
    const kinds = new Set<boolean>();
    for (let at = 8; at < 200; at++) {
      const bytes = Buffer.from(schemaBytes);
      bytes[at] = 255;
      kinds.add(arrowSchemaOf(bytes) === undefined);
    }
    expect(kinds).to.deep.equal(new Set([true, false]));
  });

  it('never reads beyond a message, and never fails the batch, whatever was flipped in it', async () => {
    const table = new Table({
      user: vectorFromArray(
        ['a', 'bc', 'a', 'def'],
        new arrowLib.Dictionary(new arrowLib.Utf8(), new arrowLib.Int32()),
      ),
      n: vectorFromArray([1n, 2n, 3n, 4n], new arrowLib.Int64()),
      note: vectorFromArray(['x', null, 'yy', 'z'], new arrowLib.Utf8()),
    });
    const whole = Buffer.from(tableToIPC(table, 'stream'));
    const format = arrow(schema({ user: utf8(), n: int64(), note: nullable(utf8()) }));
    let numBad = 0;
    await forSeedsAsync(150, async random => {
      const bytes = Buffer.from(whole);
      for (let flips = 1 + intBelow(random, 3); flips > 0; flips--) {
        bytes[intBelow(random, bytes.length)] = random() < 0.5 ? intBelow(random, 256) : 255;
      }
      const { rows, bad, path } = await read(bytes, format);
      for (const row of rows) expect(Object.keys(row as object)).to.deep.equal(['user', 'n', 'note']);
      numBad += bad.length;
      rmSync(path);
    });
    expect(numBad).to.be.greaterThan(20);
  });
});

/** `forSeeds` for what has to be waited for. */
async function forSeedsAsync(count: number, run: (random: () => number) => Promise<void>): Promise<void> {
  const randoms: (() => number)[] = [];
  forSeeds(count, random => void randoms.push(random));
  for (const [i, random] of randoms.entries()) {
    try {
      await run(random);
    } catch (error) {
      throw new Error(`seed ${i}: ${String(error)}`, { cause: error });
    }
  }
}
