/** Operations on columns over files: what the decoders leave out, and text where it lies in the input. */
import { join } from 'node:path';
import { expect } from 'chai';
import { job } from '../../lib/api/job.js';
import type { DStream } from '../../lib/api/dstream.js';
import type { StreamingContext } from '../../lib/api/streaming-context.js';
import { VirtualClock } from '../../lib/core/clock.js';
import { csv, ndjson, text, words } from '../../lib/core/format.js';
import { NodeFileSystem } from '../../lib/core/node-file-system.js';
import { float64, int64, nullable, schema, utf8, type RowOf } from '../../lib/core/schema.js';
import { count, sum } from '../../lib/expr/aggregate.js';
import { col, lit } from '../../lib/expr/expr.js';
import { concat, length, split, upper } from '../../lib/expr/functions.js';
import { runEngine } from '../helpers/run-engine.js';
import { tempFolder } from '../helpers/temp-folder.js';

const events = schema({ user: utf8(), note: nullable(utf8()), size: int64(), score: nullable(float64()) });
type Event = RowOf<typeof events>;

const ROWS: readonly Event[] = [
  { user: 'Ann', note: 'one two', size: 5, score: 1.5 },
  { user: 'Ören', note: null, size: -7, score: null },
  { user: 'bob', note: 'say "hi", two', size: 2 ** 45, score: -0.25 },
  { user: '', note: 'x', size: 0, score: 3 },
];
const quoted = (value: string | null): string => (value === null ? '' : `"${value.replaceAll('"', '""')}"`);
const CSV = `size,note,score,user\n${ROWS.map(
  ({ user, note, size, score }) => `${size},${quoted(note)},${score ?? ''},${quoted(user)}\n`,
).join('')}`;
const NDJSON = ROWS.map(row => `${JSON.stringify(row)}\n`).join('');

describe('column operators over files', () => {
  const folder = tempFolder();
  let numRuns = 0;

  /** The rows of the one batch that there is. */
  async function rowsOf(build: (ssc: StreamingContext) => DStream<unknown>): Promise<unknown[]> {
    const rows: unknown[] = [];
    const made = job('spec', {}, ssc => {
      build(ssc).foreachRDD(async rdd => void rows.push(...(await rdd.collect())));
    });
    const checkpoint = join(folder.path, `checkpoint-${numRuns++}`);
    const run = await runEngine(made, { clock: new VirtualClock(1000), fs: new NodeFileSystem(), checkpoint });
    await run.batchesDone(1);
    await run.engine.stop();
    await run.engine.done;
    return rows;
  }

  const formats = [
    ['csv', csv(events), CSV],
    ['ndjson', ndjson(events), NDJSON],
  ] as const;
  for (const [name, format, content] of formats) {
    const over = (build: (stream: DStream<Event>) => DStream<unknown>): Promise<unknown[]> =>
      rowsOf(ssc => build(ssc.fileStream(folder.file(`${name}/events`, content), format)));

    it(`compute and filter ${name}`, async () => {
      expect(
        await over(s =>
          s
            .where(
              col('size')
                .lt(100)
                .and(length(col('user')).gt(0)),
            )
            .select({ text: concat(upper(col('user')), ':', col('size').cast('utf8')), score: col('score').mul(2) }),
        ),
      ).to.deep.equal([
        { text: 'ANN:5', score: 3 },
        { text: 'ÖREN:-7', score: null },
      ]);
      expect(await over(s => s.where(col('note').contains('"hi"')))).to.deep.equal([ROWS[2]]);
      expect(await over(s => s.where(col('note').isNull()).select('note', 'size'))).to.deep.equal([
        { note: null, size: -7 },
      ]);
    });

    it(`know how many rows ${name} has when no column is decoded`, async () => {
      expect(await over(s => s.select({ one: lit(1) }))).to.deep.equal(ROWS.map(() => ({ one: 1 })));
      expect(
        await over(s =>
          s
            .select({ one: lit('x') })
            .groupBy('one')
            .agg({ n: count() }),
        ),
      ).to.deep.equal([{ one: 'x', n: 4 }]);
    });

    it(`cut texts of ${name} into groups`, async () => {
      const rows = await over(s =>
        s
          .explode('word', split(col('note'), ' '))
          .where(col('word').isIn(['two', 'x']))
          .groupBy('word')
          .agg({ total: sum('size') }),
      );
      expect((rows as { word: string }[]).toSorted((a, b) => a.word.localeCompare(b.word))).to.deep.equal([
        { word: 'two', total: 2 ** 45 + 5 },
        { word: 'x', total: 0 },
      ]);
    });
  }

  it('take lines and words of text that have a name', async () => {
    const folderOfLines = folder.file('named/a.txt', 'a grep\nb\n\ngrep c\n');
    const lines = await rowsOf(ssc =>
      ssc.fileStream(folderOfLines, text({ column: 'line' })).where(col('line').contains('grep')),
    );
    expect(lines).to.deep.equal([{ line: 'a grep' }, { line: 'grep c' }]);
    const counts = await rowsOf(ssc =>
      ssc
        .fileStream(folderOfLines, words({ column: 'word' }))
        .groupBy('word')
        .agg({ n: count() })
        .where(col('n').gt(1)),
    );
    expect(counts).to.deep.equal([{ word: 'grep', n: 2 }]);
  });
  for (const [name, format, content, bad] of [
    ['csv', csv(events), CSV, 'x,,,none\n'],
    ['ndjson', ndjson(events), NDJSON, '{"user":"none","size":"x"}\n'],
  ] as const) {
    it(`count all records of ${name} and find its bad ones, whatever a condition behind the source leaves out`, async () => {
      const isFew = col('size').isIn([5, 0]).and(col('score').isNotNull());
      const conditions = [
        { where: isFew, rows: [ROWS[0], ROWS[3]] },
        { where: isFew.and(col('user').gt('A')), rows: [ROWS[0]] },
        { where: isFew.and(length(col('note')).eq(1)), rows: [ROWS[3]] },
        { where: isFew.and(col('user').eq('none')), rows: [] },
      ];
      for (const { where, rows } of conditions) {
        const seen: unknown[] = [];
        const made = job('spec', {}, ssc => {
          ssc
            .fileStream(folder.file(`filtered-${name}/events`, content + bad), format)
            .where(where)
            .foreachRDD(async rdd => void seen.push(...(await rdd.collect())));
        });
        const checkpoint = join(folder.path, `checkpoint-${numRuns++}`);
        const run = await runEngine(made, { clock: new VirtualClock(1000), fs: new NodeFileSystem(), checkpoint });
        await run.batchesDone(1);
        await run.engine.stop();
        await run.engine.done;
        expect(seen).to.deep.equal(rows);
        expect(run.batches[0]).to.deep.include({ records: ROWS.length, badRecords: 1 });
      }
    });
  }

  it('take lines of text once they are columns', async () => {
    const lines = folder.file('lines/a.txt', 'b a\na\n\n');
    const words = schema({ line: utf8() });
    const rows = await rowsOf(ssc =>
      ssc
        .fileStream(lines, text())
        .map(line => ({ line }))
        .toColumns(words)
        .explode('line', split(col('line'), ' '))
        .distinct(),
    );
    expect((rows as { line: string }[]).map(({ line }) => line).toSorted()).to.deep.equal(['', 'a', 'b']);
  });

  it('refuse lines of text that were declared as columns without becoming objects', async () => {
    const lines = folder.file('raw/a.txt', 'x\n');
    let failure: unknown;
    try {
      await rowsOf(ssc => ssc.fileStream(lines, text()).toColumns(schema({ value: utf8() }) as never));
    } catch (error) {
      failure = error;
    }
    expect(String(failure)).to.contain('wants an object with value, got string "x"');
  });
});
