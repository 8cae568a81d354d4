/** Aggregates that keep more than a number a group, through the whole engine. */
import { mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { BatchQueue } from '../../lib/api/batch-queue.js';
import type { DStream } from '../../lib/api/dstream.js';
import { buildGraph, job } from '../../lib/api/job.js';
import { VirtualClock } from '../../lib/core/clock.js';
import { EngineError } from '../../lib/core/errors.js';
import { csv } from '../../lib/core/format.js';
import { NodeFileSystem } from '../../lib/core/node-file-system.js';
import { float64, int64, nullable, schema, utf8, type RowOf } from '../../lib/core/schema.js';
import {
  approxPercentile,
  collectList,
  count,
  countDistinct,
  first,
  last,
  max,
  min,
  stddev,
} from '../../lib/expr/aggregate.js';
import { col } from '../../lib/expr/expr.js';
import { columnsUsed } from '../../lib/executor/columns-used.js';
import { explain } from '../../lib/plan/explain.js';
import { fingerprintOf } from '../../lib/plan/fingerprint.js';
import { compileStages } from '../../lib/plan/stages.js';
import { CRASH, expectStream, runStream, type ExpectStreamOptions } from '../helpers/expect-stream.js';
import { ModelFileSystem } from '../helpers/model-file-system.js';
import { intBelow, randomOf } from '../helpers/random-values.js';
import { runEngine } from '../helpers/run-engine.js';
import { tempFolder } from '../helpers/temp-folder.js';
import {
  byKey,
  columnAggregates,
  evaluate,
  listAggregates,
  randomRows,
  rounded,
  rowSchema,
  type Row,
} from './wide-rows.js';

type Rows = DStream<Row>;
interface Shown {
  readonly k: string;
  readonly c: number | null;
  readonly spread: number | null;
  readonly square: number | null;
}

/** What came out, by key, with rounded deviations; keys must not come twice. */
function shown(rows: readonly unknown[]): Map<string, object> {
  const found = new Map<string, object>();
  for (const row of rows as readonly Shown[]) {
    const { k, c, ...values } = row;
    const key = JSON.stringify([k, c]);
    expect(found.has(key), `${key} twice`).to.equal(false);
    found.set(key, { ...values, spread: rounded(values.spread), square: rounded(values.square) });
  }
  return found;
}

const wanted = (groups: ReadonlyMap<string, readonly Row[]>, keys: Iterable<string>, lists: boolean) =>
  new Map(
    [...keys].map(key => {
      const { ts, is, ...values } = evaluate(groups.get(key) ?? []);
      return [key, lists ? { ...values, ts, is } : values];
    }),
  );

const batchesOf = (seed: number, sizes: readonly number[]): Row[][] => {
  const random = randomOf(seed);
  return sizes.map(size => randomRows(random, size === 0 ? 0 : 1 + intBelow(random, size)));
};

describe('aggregates that keep more than a number a group', () => {
  const folder = tempFolder();
  for (const seed of [1, 2, 3, 4, 5]) {
    const lists = seed % 2 === 0;
    const spread = (s: Rows): Rows => (seed === 1 ? s : s.repartition(seed));

    it(`are what a plain evaluator makes of each batch: ${seed} partitions${lists ? ', with lists' : ''}`, async () => {
      const batches = batchesOf(seed, [60, 0, 3, 200]);
      const options = { schema: rowSchema, workers: [1 + (seed % 3)] };
      const inOrder = (await runStream(batches, spread, options)) as Row[][];
      const numPartitions = 6 - seed;
      const build = (s: Rows): DStream<unknown> => {
        const grouped = spread(s).groupBy('k', 'c');
        return lists
          ? grouped.agg(listAggregates(), { numPartitions })
          : grouped.agg(columnAggregates(), { numPartitions });
      };
      const rows = await runStream(batches, build, options);
      expect(rows.length).to.equal(batches.length);
      inOrder.forEach((batch, b) => {
        const groups = byKey(batch);
        expect(shown(rows[b] ?? []), `batch ${b}`).to.deep.equal(wanted(groups, groups.keys(), lists));
      });
    });

    it(`keep totals across crashes, snapshots and other numbers of workers: ${seed} partitions`, async () => {
      const input = batchesOf(seed + 10, [40, 40, 0, 5, 40]).flatMap(batch => [batch, CRASH] as const);
      const options: ExpectStreamOptions = {
        schema: rowSchema,
        // The default number of partitions is that of the workers: state is cut anew at each restart.
        workers: [2, 1, 4, 3],
        options: { checkpointInterval: seed < 3 ? 1000 : 10_000, keyGroups: 8 },
      };
      const inOrder = (await runStream(input, spread, options)) as Row[][];
      const build = (s: Rows): DStream<unknown> => {
        const grouped = spread(s).groupBy('k', 'c');
        return lists ? grouped.runningAgg(listAggregates()) : grouped.runningAgg(columnAggregates());
      };
      const rows = await runStream(input, build, options);
      expect(rows.length).to.equal(5);
      const all = new Map<string, Row[]>();
      inOrder.forEach((batch, b) => {
        byKey(batch, all);
        expect(shown(rows[b] ?? []), `batch ${b}`).to.deep.equal(wanted(all, byKey(batch).keys(), lists));
      });
    });
  }

  const pairs = schema({ k: utf8(), x: nullable(float64()) });
  type Pair = RowOf<typeof pairs>;
  const pair = (k: string, x: number | null): Pair => ({ k, x });

  it('show a group when something of what is kept changed', async () => {
    await expectStream(
      [
        [pair('a', null)],
        [pair('a', 1), pair('b', 2)],
        CRASH,
        [pair('a', 1), pair('b', 3)],
        [pair('a', null)],
        [pair('a', 2)],
      ],
      (s: DStream<Pair>) => s.groupBy('k').runningAgg({ xs: countDistinct('x'), low: min('x') }),
      [
        [],
        [
          { k: 'a', xs: 1, low: 1 },
          { k: 'b', xs: 1, low: 2 },
        ],
        [{ k: 'b', xs: 2, low: 2 }],
        [],
        [{ k: 'a', xs: 2, low: 1 }],
      ],
      { schema: pairs },
    );
  });

  it('go on as columns, lists as rows', async () => {
    const input = [[pair('a', 1), pair('a', 4), pair('b', null)]];
    await expectStream(
      input,
      (s: DStream<Pair>) =>
        s
          .groupBy('k')
          .agg({ top: max('k'), spread: stddev('x'), n: count() })
          .where(col('spread').isNull().or(col('n').gt(1)))
          .select({ k: col('top'), double: col('spread').mul(2) }),
      [
        [
          { k: 'a', double: 2 * Math.sqrt(4.5) },
          { k: 'b', double: null },
        ],
      ],
      { schema: pairs },
    );
    await expectStream(
      input,
      (s: DStream<Pair>) =>
        s
          .groupBy('k')
          .agg({ xs: collectList('x'), n: count() })
          .map(({ k, xs, n }) => ({ k, n: n * 10 + xs.length }))
          .toColumns(schema({ k: utf8(), n: int64() }))
          .where(col('k').eq('a')),
      [[{ k: 'a', n: 22 }]],
      { schema: pairs },
    );
  });

  it('take time windows: what left the window counts no more', async () => {
    await expectStream(
      [[pair('a', 1), pair('a', 2)], CRASH, [pair('a', 2)], [pair('a', 3)]],
      (s: DStream<Pair>) =>
        s
          .window(2000)
          .groupBy('k')
          .agg({ n: countDistinct('x'), first: first('x'), last: last('x') }),
      [
        [{ k: 'a', n: 2, first: 1, last: 2 }],
        [{ k: 'a', n: 2, first: 1, last: 2 }],
        [{ k: 'a', n: 2, first: 2, last: 3 }],
      ],
      { schema: pairs },
    );
  });

  it('count once what tasks that failed had counted', async () => {
    const batches = batchesOf(31, [30, 30, 30]);
    let calls = 0;
    const rows = await runStream(
      batches,
      (s: Rows) =>
        s
          .mapPartitions(function* (part) {
            yield* part;
            // Every first attempt of a task fails when its rows have been given.
            if (++calls % 2 === 1) throw new Error('the first attempt fails');
          })
          .toColumns(rowSchema)
          .groupBy('k', 'c')
          .runningAgg(listAggregates()),
      { schema: rowSchema, workers: [1] },
    );
    expect(calls).to.equal(6);
    const all = new Map<string, Row[]>();
    batches.forEach((batch, b) => {
      byKey(batch, all);
      expect(shown(rows[b] ?? []), `batch ${b}`).to.deep.equal(wanted(all, byKey(batch).keys(), true));
    });
  });

  it('go by the order in which files are read, however many tasks read them', async () => {
    // Long enough for a task of its own for every three files.
    const filler = 'x'.repeat(5000);
    const values = Array.from({ length: 9 }, (_, file) =>
      Array.from({ length: 5 }, (_row, i) => `${file}.${i}${filler}`),
    );
    for (const workers of [1, 3]) {
      const input = join(folder.path, `files-${workers}`);
      mkdirSync(input);
      values.forEach((lines, file) => {
        // The order is that of modification times, not of names.
        const path = join(input, `${9 - file}.csv`);
        writeFileSync(path, `k,v\n${lines.map(line => `a,${line}\n`).join('')}`);
        utimesSync(path, 1000 + file, 1000 + file);
      });
      const rows: unknown[] = [];
      let numTasks = 0;
      const made = job('spec', {}, ssc => {
        ssc
          .fileStream(input, csv(schema({ k: utf8(), v: utf8() })))
          .mapPartitions(part => {
            numTasks++;
            return part;
          })
          .toColumns(schema({ k: utf8(), v: utf8() }))
          .groupBy('k')
          .runningAgg({ all: collectList('v'), first: first('v'), last: last('v') })
          .foreachRDD(async rdd => void rows.push(...(await rdd.collect())));
      });
      const fs = new NodeFileSystem();
      const run = await runEngine(made, {
        clock: new VirtualClock(1_000_000),
        fs,
        checkpoint: join(folder.path, `checkpoint-${workers}`),
        once: true,
        options: { workers },
      });
      await run.engine.done;
      expect(numTasks).to.equal(workers);
      const all = values.flat();
      expect(rows).to.deep.equal([{ k: 'a', all, first: all[0], last: all.at(-1) }]);
    }
  });

  it('come into files: lists as arrays in JSON, as JSON in CSV', async () => {
    const fs = new ModelFileSystem();
    const queue = new BatchQueue<Pair>().push([pair('a', 1.5), pair('a', null), pair('a', -2), pair('b', null)]);
    const made = job('spec', {}, ssc => {
      const lists = ssc
        .queueStream(queue, { schema: pairs })
        .groupBy('k')
        .agg({ xs: collectList('x'), n: countDistinct('x') }, { numPartitions: 1 });
      lists.saveAsJson('/out/lists.ndjson');
      lists.saveAsCsv('/out/lists.csv', { header: true });
    });
    const run = await runEngine(made, { clock: new VirtualClock(1000), fs, checkpoint: '/checkpoint' });
    await run.batchesDone(1);
    await run.engine.stop();
    await run.engine.done;
    const read = (path: string): string => Buffer.from(fs.bytesOf(path)).toString();
    expect(read('/out/lists.ndjson')).to.equal('{"k":"a","xs":[1.5,-2],"n":2}\n{"k":"b","xs":[],"n":0}\n');
    expect(read('/out/lists.csv')).to.equal('k,xs,n\na,"[1.5,-2]",2\nb,[],0\n');
  });

  it('are refused where the checkpoint kept other ones', async () => {
    const fs = new ModelFileSystem();
    const clock = new VirtualClock(1000);
    const start = async (build: (stream: DStream<Pair>) => DStream<unknown>): Promise<void> => {
      const queue = new BatchQueue<Pair>().push([pair('a', 1)]);
      const made = job('spec', {}, ssc => build(ssc.queueStream(queue, { schema: pairs })).print());
      const run = await runEngine(made, { clock, fs, checkpoint: '/checkpoint' });
      await run.next();
      await run.engine.stop();
      await run.engine.done;
    };
    await start(s => s.groupBy('k').runningAgg({ n: count(), xs: countDistinct('x') }, { id: 'xs' }));
    let refusal: unknown;
    try {
      await start(s => s.groupBy('k').runningAgg({ n: count(), xs: approxPercentile('x', 0.5) }, { id: 'xs' }));
    } catch (error) {
      refusal = error;
    }
    expect(refusal).to.have.property('code', 'checkpointForeign');
    expect(String(refusal))
      .to.contain('checkpoint: aggregate by k utf8 of n int64, xs countDistinct of float64')
      .and.to.contain('job:        aggregate by k utf8 of n int64, xs approxPercentile(0.5) of float64');
  });

  it('are data of the plan, and lists have no columns', () => {
    const planOf = (probability: number) =>
      buildGraph(
        job('spec', {}, ssc =>
          ssc
            .fileStream('in', csv(pairs))
            .groupBy('k')
            .agg({ top: max('k'), p: approxPercentile('x', probability), n: count() })
            .print(),
        ),
        {},
        2,
      ).plan;
    expect(
      explain(compileStages(planOf(0.5)))
        .split('\n')
        .slice(-3),
    ).to.deep.equal([
      '  node 1: aggregate n, top maxText of utf8, p approxPercentile(0.5) of float64 by k utf8 <- shuffle shuffle [k utf8, n int64, top utf8?, p float64?]',
      '  node 2: project k: k, top: top, p: p, n: n <- 1 [k utf8, top utf8?, p float64?, n int64]',
      '  node 2 => output print',
    ]);
    expect(fingerprintOf(planOf(0.5))).not.to.equal(fingerprintOf(planOf(0.6)));
    const files = (build: (stream: DStream<Pair>) => unknown) => () =>
      buildGraph(
        job('spec', {}, ssc => void build(ssc.fileStream('in', csv(pairs)))),
        {},
        2,
      );
    expect(
      files(s =>
        s
          .groupBy('k')
          .agg({ xs: collectList('x') })
          .where(col('k').eq('a')),
      ),
    )
      .to.throw(EngineError, 'declare them with toColumns')
      .with.property('code', 'jobInvalid');
  });

  it('have a source decode what they read', () => {
    const { plan } = buildGraph(
      job('spec', {}, ssc =>
        ssc
          .fileStream('in', csv(rowSchema))
          .groupBy('k')
          .agg({ t: last('t').where(col('i').gt(1)), x: countDistinct(col('y').add(1)) })
          .print(),
      ),
      {},
      2,
    );
    const [stage] = compileStages(plan).stages;
    expect(stage && columnsUsed(stage, stage.leaf)?.toSorted()).to.deep.equal(['i', 'k', 't', 'y']);
  });
});
