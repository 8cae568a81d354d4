/** State that has no room in the memory of its slot: every kind of it gives what it gives with all in memory. */
import { expect } from 'chai';
import { VirtualClock } from '../../lib/core/clock.js';
import type { EngineError } from '../../lib/core/errors.js';
import type { DeclaredOptions } from '../../lib/core/options.js';
import { int64, schema, utf8 } from '../../lib/core/schema.js';
import { BatchQueue } from '../../lib/api/batch-queue.js';
import { job } from '../../lib/api/job.js';
import type { DStream } from '../../lib/api/dstream.js';
import { StateSpec, type State } from '../../lib/api/state-spec.js';
import type { Fault } from '../../lib/driver/in-process-runner.js';
import { collectList, count, countDistinct, sum } from '../../lib/expr/aggregate.js';
import { CRASH, runStream, type ExpectStreamOptions } from '../helpers/expect-stream.js';
import { ModelFileSystem } from '../helpers/model-file-system.js';
import { ModelSpillFiles } from '../helpers/model-spill-file.js';
import { intBelow, randomOf } from '../helpers/random-values.js';
import { runEngine, type TestRun } from '../helpers/run-engine.js';

interface Touch {
  readonly key: string;
  readonly v: number;
}
const touches = schema({ key: utf8(), v: int64() });

type Build = (stream: DStream<Touch>) => DStream<unknown>;

const sumOf = (values: readonly number[], before = 0): number => values.reduce((a, b) => a + b, before);
const pairs = (stream: DStream<Touch>) => stream.map(({ key, v }): [string, number] => [key, v]);

const KINDS: readonly (readonly [name: string, build: Build])[] = [
  ['runningAgg', s => s.groupBy('key').runningAgg({ n: count(), total: sum('v') })],
  [
    'runningAgg of more than numbers',
    s => s.groupBy('key').runningAgg({ n: countDistinct('v'), all: collectList('v') }),
  ],
  [
    'mapWithState with a timeout',
    s =>
      pairs(s).mapWithState(
        StateSpec.function((key: string, v: number | undefined, state: State<number>) => {
          if (state.isTimingOut()) return [key, state.get(), 'gone'];
          const total = (state.getOption() ?? 0) + (v ?? 0);
          if (total % 7 === 3) {
            if (state.exists()) state.remove();
          } else state.update(total);
          return [key, total];
        }).timeout(4000),
      ),
  ],
  [
    'stateSnapshots',
    s =>
      pairs(s)
        .mapWithState(
          StateSpec.function((key: string, v: number | undefined, state: State<number>) => {
            state.update((state.getOption() ?? 0) + (v ?? 0));
            return key;
          }),
        )
        .stateSnapshots(),
  ],
  [
    'updateStateByKey',
    s =>
      pairs(s).updateStateByKey<number, string, number>((values, state) => {
        const total = sumOf(values, state);
        return total % 7 === 3 ? undefined : total;
      }),
  ],
  ['window', s => s.window(3000)],
  ['reduceByKeyAndWindow', s => pairs(s).reduceByKeyAndWindow((a, b) => a + b, 3000)],
  [
    'reduceByKeyAndWindow with an inverse',
    s =>
      pairs(s).reduceByKeyAndWindow(
        (a, b) => a + b,
        (a, b) => a - b,
        3000,
      ),
  ],
];

const NUM_KEYS = 1500;

/** Batches that touch random keys: many at first, then some. */
function touchesOf(seed: number): Touch[][] {
  const random = randomOf(seed);
  return Array.from({ length: 8 }, (_, batch) =>
    Array.from({ length: batch < 2 ? NUM_KEYS : 150 }, () => ({
      key: `a key of some length ${intBelow(random, NUM_KEYS)}`,
      v: 1 + intBelow(random, 9),
    })),
  );
}

const base = { schema: touches, options: { keyGroups: 16, checkpointInterval: 1 } };

interface Room {
  readonly name: string;
  readonly files: ModelSpillFiles;
  readonly options: ExpectStreamOptions;
}

function rooms(): readonly Room[] {
  const small = { memoryBytes: 256 * 1024, homeBytes: 12_000 };
  return [
    { stateMemory: small, maxStateBytes: '2MiB', stateSpill: 'off' },
    { maxStateBytes: '64KiB', stateSpill: 'disk' },
    { stateMemory: small, maxStateBytes: '100KiB', stateSpill: 'disk' },
  ].map(({ stateMemory, ...options }) => {
    const files = new ModelSpillFiles();
    return {
      name: `${options.stateSpill === 'disk' ? 'a file' : 'further memories'}${stateMemory && options.stateSpill === 'disk' ? ' and further memories' : ''}`,
      files,
      options: {
        ...base,
        options: { ...base.options, ...options },
        room: { ...(stateMemory === undefined ? {} : { stateMemory }), openSpill: files.open },
      },
    };
  });
}

const comparable = (batches: readonly (readonly unknown[])[]): string[][] =>
  batches.map(rows => rows.map(row => JSON.stringify(row)).toSorted());

describe('driver/state-rooms', () => {
  for (const [name, build] of KINDS) {
    it(`${name}: gives with most of its state put away what it gives with all in memory, after crashes too`, async () => {
      const input = touchesOf(1);
      const expected = comparable(await runStream(input, build, base));
      expect(expected.flat().length).to.be.above(1000);
      const crashes = input.flatMap((batch, i) => (i === 3 || i === 6 ? [CRASH, batch] : [batch])) as typeof input;
      // Kinds differ in how they read; where from, the first has shown.
      for (const room of build === KINDS[0]?.[1] ? rooms() : rooms().slice(2)) {
        const found = await runStream(crashes, build, { ...room.options, workers: [2, 3] });
        expect(comparable(found), room.name).to.deep.equal(expected);
        if (room.name === 'a file') expect(room.files.writes, 'writes').to.be.above(3);
      }
    });
  }

  it('costs nothing but retries when threads are lost at any request', async () => {
    const input = touchesOf(2);
    const faults: readonly Fault[] = ['lose', 'runThenLose', 'answerThenLose'];
    for (const kind of [0, 2]) {
      const build = KINDS[kind]?.[1] as Build;
      const expected = comparable(await runStream(input, build, base));
      for (const [seed, room] of rooms().slice(1).entries()) {
        const random = randomOf(seed);
        const found = await runStream(input, build, {
          ...room.options,
          options: { ...room.options.options, maxTaskFailures: 1000 },
          faults: () => (random() < 0.1 ? faults[intBelow(random, 3)] : undefined),
        });
        expect(comparable(found), `${room.name}, kind ${kind}`).to.deep.equal(expected);
      }
    }
  });
});

describe('state beyond its limit', () => {
  const build = (KINDS[0]?.[1] ?? (s => s)) as Build;

  /** Runs the batches that are left in the queue, on the file system of the run before. */
  function world(seed: number) {
    const input = touchesOf(seed);
    const queue = new BatchQueue<Touch>();
    const byTime = new Map<number, unknown[]>();
    const made = job('spec', {}, ssc => {
      build(ssc.queueStream(queue, { schema: touches })).foreachRDD(async (rdd, time) => {
        byTime.set(time, await rdd.collect());
      });
    });
    const fs = new ModelFileSystem();
    const clock = new VirtualClock(0);
    const start = async (options: DeclaredOptions, files: ModelSpillFiles): Promise<TestRun> => {
      clock.advanceTo(clock.now() + 1000);
      const merged = { interval: 1000, keyGroups: 16, ...options };
      return runEngine(made, {
        clock,
        fs,
        checkpoint: '/checkpoint',
        options: merged,
        room: { openSpill: files.open },
      });
    };
    const push = (from: number, to: number): void => {
      for (const batch of input.slice(from, to)) queue.push(batch);
    };
    const rows = (): unknown[][] => [...byTime].toSorted(([a], [b]) => a - b).map(([, batch]) => batch);
    return { input, start, push, rows };
  }

  const failureOf = (run: TestRun): Promise<EngineError> =>
    run.engine.done.then(
      () => expect.fail('the run did not fail'),
      (error: EngineError) => error,
    );

  it('ends the run with stateLimit, all before it committed; the next run goes on with more, or on the disk', async () => {
    for (const [cure, options] of [
      ['more', { maxStateBytes: '64MiB' }],
      ['disk', { maxStateBytes: '64KiB', stateSpill: 'disk' }],
    ] as const) {
      const { input, start, push, rows } = world(3);
      const files = new ModelSpillFiles();
      push(0, 3);
      const run = await start({ maxStateBytes: '64KiB' }, files);
      await run.batchesDone(1);
      await run.next();
      const error = await failureOf(run);
      expect(error.code).to.equal('stateLimit');
      expect(error.message).to.match(
        /the state has [\d.]+ kB in all slots.*65.5 kB of maxStateBytes.*stateSpill to disk/,
      );
      expect(run.batches).to.have.length(1);
      push(3, 8);
      const next = await start(options, files);
      await next.batchesDone(1);
      while (rows().length < 8 && next.batches.length < 12) await next.next();
      await next.engine.stop();
      await next.engine.done;
      const expected = await runStream(input, build, base);
      expect(comparable(rows()), cure).to.deep.equal(comparable(expected));
      expect(files.writes > 0, cure).to.equal(cure === 'disk');
    }
  });

  const DAMAGES: readonly (readonly [name: string, damage: (files: ModelSpillFiles) => void])[] = [
    ['a file that was changed', files => files.damage(bytes => bytes.map(byte => byte ^ 1))],
    ['a file that was cut off', files => files.damage(bytes => bytes.subarray(0, 100))],
    ['a disk that cannot be read', files => (files.failing = { call: 'read', code: 'EIO' })],
    ['a disk that is full', files => (files.spaceBytes = 0)],
  ];
  for (const [name, damage] of DAMAGES) {
    it(`ends the run with stateSpill for ${name}; the next one restores the state from the checkpoint`, async () => {
      const { input, start, push, rows } = world(4);
      const options = { maxStateBytes: '64KiB', stateSpill: 'disk', checkpointInterval: 1 };
      const files = new ModelSpillFiles();
      push(0, 8);
      const run = await start(options, files);
      await run.batchesDone(1);
      for (let batch = 1; batch < 4; batch++) await run.next();
      expect(files.byteLength).to.be.above(50_000);
      damage(files);
      const ended = failureOf(run);
      for (let batch = 4; batch < 6; batch++) await run.next();
      const error = await ended;
      expect(error.code).to.equal('stateSpill');
      expect(error.message).to.match(/restores the state from the checkpoint/);
      const next = await start(options, new ModelSpillFiles());
      await next.batchesDone(1);
      while (rows().length < 8 && next.batches.length < 12) await next.next();
      await next.engine.stop();
      await next.engine.done;
      expect(comparable(rows())).to.deep.equal(comparable(await runStream(input, build, base)));
    });
  }

  it('is refused without a checkpoint, which has the folder for its files', async () => {
    const made = job('spec', {}, ssc => {
      build(ssc.queueStream(new BatchQueue<Touch>(), { schema: touches })).print();
    });
    const started = runEngine(made, {
      ...{ clock: new VirtualClock(0), fs: new ModelFileSystem() },
      options: { stateSpill: 'disk' },
    });
    const error = await started.then(
      () => expect.fail('it started'),
      (refused: EngineError) => refused,
    );
    expect(error.code).to.equal('optionInvalid');
    expect(error.message).to.match(/stateSpill: disk wants a checkpoint directory/);
  });

  it('leaves no file behind when a run ends, nor when the one before it crashed', async () => {
    const fs = new ModelFileSystem();
    await fs.mkdir('/checkpoint/spill');
    for (const name of ['slot-0.state', 'slot-7.state', 'mine.txt'])
      await fs.writeFileAtomic(`/checkpoint/spill/${name}`, new Uint8Array(1));
    const made = job('spec', {}, ssc => {
      build(ssc.queueStream(new BatchQueue<Touch>().push([{ key: 'a', v: 1 }]), { schema: touches })).print();
    });
    const run = await runEngine(made, {
      ...{ clock: new VirtualClock(0), fs, checkpoint: '/checkpoint', once: true },
      options: { stateSpill: 'disk' },
    });
    await run.engine.done;
    expect(fs.paths().filter(path => path.includes('/spill/'))).to.deep.equal(['/checkpoint/spill/mine.txt']);
  });
});
