import { expect } from 'chai';
import { BatchQueue } from '../../lib/api/batch-queue.js';
import { buildGraph, job, type Job } from '../../lib/api/job.js';
import type { StreamingContext } from '../../lib/api/streaming-context.js';
import { tableFromIPC } from 'apache-arrow';
import { sum } from '../../lib/api/expressions.js';
import { int64, schema, utf8 } from '../../lib/core/schema.js';
import { VirtualClock } from '../../lib/core/clock.js';
import { ModelFileSystem } from '../helpers/model-file-system.js';
import { runEngine, type TestRun } from '../helpers/run-engine.js';

/** Runs `count` batches, at 1000 ms, 2000 ms and so on. */
async function runBatches(declared: Job, count: number): Promise<TestRun> {
  const clock = new VirtualClock(1000);
  const run = await runEngine(declared, { clock, fs: new ModelFileSystem(), checkpoint: '/checkpoint' });
  await run.batchesDone(1);
  for (let batch = 2; batch <= count; batch++) await run.next();
  await run.engine.stop();
  await run.engine.done;
  return run;
}

const declare = (build: (ssc: StreamingContext) => void): Job => job('outputs', {}, build);

describe('collectInto', () => {
  it('pushes the rows of each batch to an array, an empty batch as an empty array', async () => {
    const queue = new BatchQueue<number>().push([1, 2, 3], [], [4]);
    const batches: number[][] = [];
    await runBatches(
      declare(ssc => ssc.queueStream(queue).collectInto(batches)),
      4,
    );
    expect(batches).to.deep.equal([[1, 2, 3], [], [4], []]);
  });

  it('gives rows and time to a function, and waits for it before the next batch', async () => {
    const queue = new BatchQueue<number>().push([1], [2]);
    const seen: unknown[] = [];
    let running = 0;
    const take = async (rows: number[], time: number): Promise<void> => {
      seen.push([rows, time, ++running]);
      await new Promise(resolve => setImmediate(resolve));
      running--;
    };
    await runBatches(
      declare(ssc => ssc.queueStream(queue).collectInto(take)),
      2,
    );
    expect(seen).to.deep.equal([
      [[1], 1000, 1],
      [[2], 2000, 1],
    ]);
  });

  it('refuses what is neither', () => {
    const declared = declare(ssc => ssc.queueStream(new BatchQueue<number>()).collectInto('rows' as never));
    expect(() => buildGraph(declared, {}, 2))
      .to.throw()
      .with.property('code', 'optionInvalid');
  });
});

describe('outputs of a stream without a batch', () => {
  it('do not run; those of an empty batch do', async () => {
    const queue = new BatchQueue<number>().push([1], null, [], [2]);
    const plain: unknown[] = [];
    const reduced: unknown[] = [];
    await runBatches(
      declare(ssc => {
        const numbers = ssc.queueStream(queue);
        numbers.collectInto((rows, time) => void plain.push([time, rows]));
        numbers
          .map(n => [n, n] as const)
          .reduceByKey((a, b) => a + b)
          .collectInto((rows, time) => void reduced.push([time, rows]));
      }),
      4,
    );
    expect(plain).to.deep.equal([
      [1000, [1]],
      [3000, []],
      [4000, [2]],
    ]);
    expect(reduced).to.deep.equal([
      [1000, [[1, 1]]],
      [3000, []],
      [4000, [[2, 2]]],
    ]);
  });

  it('run after an operation with state, and beside another source that has one', async () => {
    const queue = new BatchQueue<string>().push(['a'], null);
    const states: unknown[] = [];
    const others: unknown[] = [];
    await runBatches(
      declare(ssc => {
        ssc
          .queueStream(queue)
          .map(key => [key, 1] as const)
          .updateStateByKey<number>((values, state = 0) => state + values.length)
          .collectInto((rows, time) => void states.push([time, rows]));
        ssc
          .queueStream(new BatchQueue<number>().push([7], [8]))
          .collectInto((rows, time) => void others.push([time, rows]));
      }),
      2,
    );
    expect(states).to.deep.equal([
      [1000, [['a', 1]]],
      [2000, [['a', 1]]],
    ]);
    expect(others).to.deep.equal([
      [1000, [7]],
      [2000, [8]],
    ]);
  });

  it('do not run when the batch is run again after a crash either', async () => {
    const queue = new BatchQueue<number>().push(null);
    const clock = new VirtualClock(1000);
    const fs = new ModelFileSystem();
    const calls: number[] = [];
    let isDown = true;
    const declared = declare(ssc => {
      // What ends the first run in the middle of its batch.
      ssc.queueStream(new BatchQueue<number>().push([5])).foreachRDD(() => {
        if (isDown) throw new Error('down');
      });
      ssc.queueStream(queue, { id: 'maybe' }).collectInto((_, time) => void calls.push(time));
    });
    const first = await runEngine(declared, { clock, fs, checkpoint: '/checkpoint' });
    await first.engine.done.catch(() => undefined);
    isDown = false;
    const second = await runEngine(declared, { clock, fs, checkpoint: '/checkpoint' });
    await second.batchesDone(1);
    expect(second.events.find(event => event.kind === 'restored')).to.include({ rerun: 1 });
    await second.next();
    await second.engine.stop();
    expect(calls.slice(0, 1)).to.deep.equal([2000]);
  });
});

describe('queueStream', () => {
  it('takes its default batch where the queue is empty', async () => {
    const batches: number[][] = [];
    await runBatches(
      declare(ssc =>
        ssc.queueStream(new BatchQueue<number>().push([1], []), { defaultBatch: [9, 9] }).collectInto(batches),
      ),
      4,
    );
    expect(batches).to.deep.equal([[1], [], [9, 9], [9, 9]]);
  });
});

describe('saveAsArrow', () => {
  const events = schema({ user: utf8(), n: int64() });

  it('takes the declared columns of the stream, or those of a schema, and has each row once over crashes', async () => {
    const fs = new ModelFileSystem();
    const clock = new VirtualClock(0);
    const queue = new BatchQueue<{ user: string; n: number }>();
    const declared = declare(ssc => {
      const stream = ssc.queueStream(queue, { schema: events });
      stream
        .groupBy('user')
        .agg({ total: sum('n') })
        .saveAsArrow('/out/totals');
      stream.map(({ user, n }) => ({ user, twice: 2 * n, n })).saveAsArrow('/out/twice.arrows', { schema: twice });
    });
    const twice = schema({ user: utf8(), twice: int64() });
    const expected: unknown[] = [];
    for (let batch = 1; batch <= 4; batch++) {
      const rows = ['a', 'b', 'a'].map((user, i) => ({ user, n: 10 * batch + i }));
      expected.push(...rows.map(({ user, n }) => ({ user, twice: 2 * n })));
      queue.push(rows);
      clock.advanceTo(batch * 1000);
      const run = await runEngine(declared, { clock, fs, checkpoint: '/checkpoint' });
      await run.batchesDone(1);
      await run.engine.abort();
      fs.crash({ kind: 'kill' });
    }
    expect(rowsOf(fs, '/out/twice.arrows')).to.deep.equal(expected);
    const totals = rowsOf(fs, '/out/totals/part-000000.arrows') as { user: string; total: number }[];
    expect(totals.map(({ user, total }) => `${user} ${total}`).toSorted()).to.deep.equal(
      ['a 22', 'b 11', 'a 42', 'b 21', 'a 62', 'b 31', 'a 82', 'b 41'].toSorted(),
    );
  });

  it('wants a schema where the stream has no columns, and a name that says stream', () => {
    const build = (f: (ssc: StreamingContext) => void): unknown => {
      try {
        return buildGraph(declare(f), {}, 2);
      } catch (error) {
        return (error as { code?: unknown }).code;
      }
    };
    expect(build(ssc => ssc.queueStream(new BatchQueue<object>()).saveAsArrow('/out/x'))).to.equal('jobInvalid');
    for (const path of ['/out/x.arrow', '']) {
      const save = (ssc: StreamingContext): void =>
        ssc.queueStream(new BatchQueue<{ user: string; n: number }>(), { schema: events }).saveAsArrow(path);
      expect(build(save), path).to.equal('optionInvalid');
    }
  });

  /** Rows of an Arrow file as the library reads them. */
  const rowsOf = (fs: ModelFileSystem, path: string): unknown[] =>
    tableFromIPC(fs.bytesOf(path))
      .toArray()
      .map(
        row =>
          JSON.parse(
            JSON.stringify(row, (_, value: unknown) => (typeof value === 'bigint' ? Number(value) : value)),
          ) as unknown,
      );
});

describe('saveAsTextFiles', () => {
  it('has a whole folder for each batch, an empty one too, over crashes', async () => {
    const fs = new ModelFileSystem();
    const clock = new VirtualClock(0);
    const queue = new BatchQueue<string>();
    const declared = declare(ssc => ssc.queueStream(queue).saveAsTextFiles('/out/lines', 'txt'));
    for (const [index, rows] of [['a', 'b'], [], ['c']].entries()) {
      queue.push(rows);
      clock.advanceTo((index + 1) * 1000);
      const run = await runEngine(declared, { clock, fs, checkpoint: '/checkpoint', options: { workers: 1 } });
      await run.batchesDone(1);
      await run.engine.abort();
      fs.crash({ kind: 'kill' });
    }
    const written = fs.paths().filter(path => path.startsWith('/out/') && !path.includes('/.'));
    expect(written).to.deep.equal([
      '/out/lines-1000.txt/_SUCCESS',
      '/out/lines-1000.txt/part-00000',
      '/out/lines-2000.txt/_SUCCESS',
      '/out/lines-3000.txt/_SUCCESS',
      '/out/lines-3000.txt/part-00000',
    ]);
    expect(Buffer.from(fs.bytesOf('/out/lines-1000.txt/part-00000')).toString()).to.equal('a\nb\n');
  });

  it('refuses a prefix that ends in a slash, and two outputs with one pattern of names', () => {
    const build =
      (...prefixes: string[]) =>
      () =>
        buildGraph(
          declare(ssc => {
            const stream = ssc.queueStream(new BatchQueue<string>());
            for (const prefix of prefixes) stream.saveAsTextFiles(prefix);
            stream.saveAsText('/out/lines');
          }),
          {},
          2,
        );
    expect(build('/out/')).to.throw().with.property('code', 'optionInvalid');
    expect(build('/out/x', '/out/x')).to.throw().with.property('code', 'jobInvalid');
    expect(build('/out/lines', '/out/y')).not.to.throw();
  });
});
