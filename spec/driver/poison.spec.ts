/**
 * onPoison: 'deadletter'. A record on which a task fails at every attempt is found and put aside, the rest of its batch
 * is committed once, with the state and the output of a run that never had the record.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { VirtualClock } from '../../lib/core/clock.js';
import { csv } from '../../lib/core/format.js';
import type { DeclaredOptions } from '../../lib/core/options.js';
import { int32, schema, utf8 } from '../../lib/core/schema.js';
import type { DStream } from '../../lib/api/dstream.js';
import { BatchQueue } from '../../lib/api/batch-queue.js';
import { job, type Job } from '../../lib/api/job.js';
import { StateSpec, type State } from '../../lib/api/state-spec.js';
import type { Fault } from '../../lib/driver/in-process-runner.js';
import { count } from '../../lib/expr/aggregate.js';
import { col } from '../../lib/expr/expr.js';
import type { TaskRunner } from '../../lib/protocol/task-runner.js';
import type { RowSelection, WorkerRequest } from '../../lib/protocol/messages.js';
import { expectNothingLeft } from '../helpers/expect-stream.js';
import { ModelFileSystem } from '../helpers/model-file-system.js';
import { randomOf } from '../helpers/random-values.js';
import { runEngine, turn, type RunEngineOptions, type TestRun } from '../helpers/run-engine.js';
import { tempFolder } from '../helpers/temp-folder.js';

const words = schema({ word: utf8(), n: int32() });
type Word = { readonly word: string; readonly n: number };

/** What functions of the job throw on, by word. */
let poison = new Set<string>();

const touch = (word: string): void => {
  if (poison.has(word)) throw new RangeError(`no ${word}`);
};

interface World {
  readonly fs: ModelFileSystem;
  readonly clock: VirtualClock;
  readonly input: string;
}

interface DeadLetter {
  readonly file: string;
  readonly byteOffset: number;
  readonly line: number;
  readonly row: number;
  readonly reason: string;
  readonly value: unknown;
  readonly text: string;
}

const linesOf = (fs: ModelFileSystem, path: string): string[] =>
  fs.paths().includes(path) ? Buffer.from(fs.bytesOf(path)).toString().trimEnd().split('\n') : [];

const deadLettersOf = (fs: ModelFileSystem): DeadLetter[] =>
  fs
    .paths()
    .filter(path => path.startsWith('/deadletter/'))
    .flatMap(path => linesOf(fs, path))
    .map(line => JSON.parse(line) as DeadLetter);

/** Each request takes a turn of the event loop, so that something can come between two of them. */
const slowly = (runner: TaskRunner): TaskRunner => ({
  numSlots: runner.numSlots,
  memories: runner.memories,
  submit: async (...request) => {
    await turn();
    return runner.submit(...request);
  },
  stop: () => runner.stop(),
});

const warningsOf = ({ events }: TestRun): string[] =>
  events.flatMap(event => (event.kind === 'warning' ? [event.message] : []));

describe("a record that a task always fails on, under onPoison: 'deadletter'", () => {
  const temp = tempFolder();
  let numWorlds = 0;

  afterEach(() => (poison = new Set()));

  /** One file for each list of words; the i-th word of all has the number i. */
  function newWorld(files: readonly (readonly string[])[]): World {
    const input = join(temp.path, `poison-${numWorlds++}`);
    mkdirSync(input);
    let n = 0;
    for (const [i, inFile] of files.entries())
      writeFileSync(join(input, `${i}.csv`), `word,n\n${inFile.map(word => `${word},${n++}\n`).join('')}`);
    return { fs: new ModelFileSystem(), clock: new VirtualClock(1_000_000), input };
  }

  const jobOf = (input: string, build: (rows: DStream<Word>) => DStream<unknown>): Job =>
    job('poison', {}, ssc => {
      build(ssc.fileStream(input, csv(words), { id: 'words' })).saveAsJson('/out/rows.ndjson');
    });

  async function drain(
    { fs, clock, input }: World,
    build: (rows: DStream<Word>) => DStream<unknown>,
    options: DeclaredOptions = {},
    settings: Partial<RunEngineOptions> = {},
  ): Promise<TestRun> {
    return runEngine(jobOf(input, build), {
      clock,
      fs,
      checkpoint: '/checkpoint',
      deadLetters: '/deadletter',
      once: true,
      options: { onPoison: 'deadletter', smallBatchRecords: 0, keyGroups: 8, ...options },
      ...settings,
    });
  }

  const rowsOf = ({ fs }: World): unknown[] =>
    linesOf(fs, '/out/rows.ndjson')
      .map(line => JSON.parse(line) as unknown)
      .toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));

  const mapped = (rows: DStream<Word>): DStream<unknown> =>
    rows.map(({ word, n }) => {
      touch(word);
      return n;
    });

  it('is put aside with place, reason and bytes, wherever it lies, and told', async () => {
    const names = Array.from({ length: 23 }, (_, i) => `w${i}`);
    for (const victim of [0, 1, 11, 22]) {
      for (const options of [{}, { smallBatchRecords: 1000 }]) {
        const world = newWorld([names]);
        poison = new Set([`w${victim}`]);
        const run = await drain(world, mapped, options);
        expect(await run.engine.done).to.include({ reason: 'finished', badRecords: 1, failedBatches: 0 });
        expect(rowsOf(world)).to.have.members(names.map((_, i) => i).filter(i => i !== victim));
        const [letter, ...others] = deadLettersOf(world.fs);
        expect(others).to.deep.equal([]);
        const text = `w${victim},${victim}`;
        const byteOffset = `word,n\n${names
          .slice(0, victim)
          .map((name, i) => `${name},${i}\n`)
          .join('')}`.length;
        expect(letter).to.include({ source: 'words', byteOffset, line: victim + 2, text, range: null });
        expect(letter?.file).to.equal(join(world.input, '0.csv'));
        expect(letter?.value).to.deep.equal({ word: `w${victim}`, n: victim });
        expect(letter?.reason).to.match(
          new RegExp(`^map at .*poison\\.spec\\.ts:\\d+: RangeError: no w${victim} at .*poison\\.spec\\.ts:\\d+:\\d+$`),
        );
        const [looked, leftOut] = warningsOf(run);
        expect(looked).to.match(/no w\d+ at .*: the record is looked for, to go on without it/);
        expect(leftOut).to.match(
          /left out and put with the dead letters, record \d+ of source words \(0\.csv bytes \d+ to \d+\)/,
        );
        expectNothingLeft(run, world.clock);
      }
    }
  });

  it('may be several in one batch, in different stages, and the rest is counted once', async () => {
    const world = newWorld([
      ['a', 'b', 'x', 'a'],
      ['y', 'c', 'b'],
      ['z', 'a', 'z'],
    ]);
    const counts = (rows: DStream<Word>): DStream<unknown> =>
      rows
        .map(({ word }) => {
          if (word === 'x') touch(word);
          return [word, 1] as [string, number];
        })
        .reduceByKey((a, b) => a + b)
        .updateStateByKey<number, string, number>((values, state, key) => {
          if (key !== 'x') touch(key);
          return values.reduce((a, b) => a + b, state ?? 0);
        });
    poison = new Set(['x', 'y', 'z']);
    const run = await drain(world, counts);
    expect(await run.engine.done).to.include({ badRecords: 4, failedBatches: 0 });
    expect(rowsOf(world)).to.deep.equal([
      ['a', 3],
      ['b', 2],
      ['c', 1],
    ]);
    expect(
      deadLettersOf(world.fs)
        .map(({ text }) => text)
        .toSorted(),
    ).to.deep.equal(['x,2', 'y,4', 'z,7', 'z,9']);
    expectNothingLeft(run, world.clock);
  });

  const operators: [string, (rows: DStream<Word>) => DStream<unknown>][] = [
    [
      'behind mapWithState',
      rows =>
        rows
          .map(({ word, n }) => [word, n] as [string, number])
          .mapWithState(
            StateSpec.function((word: string, n: number | undefined, sum: State<number>) => {
              touch(word);
              sum.update((sum.getOption() ?? 0) + (n ?? 0));
              return [word, sum.get()] as const;
            }),
          ),
    ],
    [
      'behind columns and their state',
      rows =>
        rows
          .groupBy('word')
          .runningAgg({ times: count() })
          .map(({ word, times }) => {
            touch(word);
            return [word, times] as const;
          }),
    ],
    [
      'behind a window',
      rows =>
        rows
          .map(({ word, n }) => [word, n] as [string, number])
          .reduceByKeyAndWindow((a, b) => a + b, '3s')
          .map(([word, sum]) => {
            touch(word);
            return [word, sum] as const;
          }),
    ],
    [
      'behind a join of two streams of one source',
      rows => {
        const pairs = rows.map(({ word, n }) => [word, n] as [string, number]);
        return pairs.join(pairs.mapValues(n => n * 2)).map(([word, both]) => {
          touch(word);
          return [word, both] as const;
        });
      },
    ],
  ];
  for (const [where, build] of operators) {
    it(`leaves no trace ${where}`, async () => {
      const without = [['a', 'b', 'a'], ['c', 'b', 'a'], ['d']];
      const withIt = [['a', 'b', 'a', 'x'], ['c', 'x', 'b', 'a'], ['d']];
      // Numbers of words are those that they have without the poison.
      const clean = newWorld(without);
      const world = newWorld([]);
      for (const [i, inFile] of withIt.entries()) {
        const numbers = (without[i] ?? []).map((_, at) => without.slice(0, i).flat().length + at);
        const lines = inFile.map(word => `${word},${word === 'x' ? 77 : numbers.shift()}\n`);
        writeFileSync(join(world.input, `${i}.csv`), `word,n\n${lines.join('')}`);
      }
      // A batch for each file.
      const options = { maxBatchBytes: 1 };
      await (
        await drain(clean, build, options)
      ).engine.done;
      poison = new Set(['x']);
      const run = await drain(world, build, options);
      expect(await run.engine.done).to.include({ badRecords: 2, failedBatches: 0 });
      expect(rowsOf(clean)).to.not.have.length(0);
      expect(rowsOf(world)).to.deep.equal(rowsOf(clean));
      expect(deadLettersOf(world.fs).map(({ text }) => text)).to.deep.equal(['x,77', 'x,77']);
      expectNothingLeft(run, world.clock);
    });
  }

  it('has its row, and no place, where its source has no bytes', async () => {
    const world = newWorld([]);
    poison = new Set(['x']);
    const made = job('poison', {}, ssc => {
      ssc
        .queueStream(new BatchQueue<string>().push(['a', 'x', 'b']))
        .map(word => {
          touch(word);
          return word;
        })
        .saveAsJson('/out/rows.ndjson');
    });
    const run = await runEngine(made, {
      ...{ clock: world.clock, fs: world.fs, checkpoint: '/checkpoint', deadLetters: '/deadletter', once: true },
      options: { onPoison: 'deadletter', workers: 1 },
    });
    await run.engine.done;
    expect(rowsOf(world)).to.deep.equal(['a', 'b']);
    const [letter] = deadLettersOf(world.fs);
    expect(letter).to.include({ file: null, byteOffset: null, line: null, row: 1, value: 'x', text: '"x"' });
    expect(letter).to.have.nested.property('range.numRows', 3);
  });

  const kinds: [string, Fault][] = [
    ['ends its thread', 'lose'],
    ['ends its thread after the work', 'runThenLose'],
    ['never ends', 'hangThenLose'],
  ];
  for (const [what, fault] of kinds) {
    it(`is found where it ${what}`, async () => {
      const world = newWorld([['a', 'b', 'c', 'd', 'e']]);
      const isTaken = (rows: RowSelection | undefined, row: number): boolean =>
        rows === undefined || (row >= rows.from && row < rows.to && !rows.leftOut.some(left => left.row === row));
      // Both workers read half of the file: the second record of the second half.
      const faults = (_slot: number, request: WorkerRequest): Fault | undefined =>
        request.kind === 'task' && request.stage === 0 && request.partition === 0 && isTaken(request.rows, 3)
          ? fault
          : undefined;
      // Nothing of a task that hangs ends it but its time, which the runner takes at once without a clock.
      const run = await drain(world, mapped, {}, { faults });
      expect(await run.engine.done).to.include({ badRecords: 1, failedBatches: 0 });
      expect(rowsOf(world)).to.deep.equal([0, 1, 2, 4]);
      expect(deadLettersOf(world.fs)[0]).to.include({ text: 'd,3', line: 5 });
      expectNothingLeft(run, world.clock);
    });
  }

  it('is the last of those that fail only together', async () => {
    const world = newWorld([['a', 'a', 'a', 'a', 'a', 'b']]);
    const sums = (rows: DStream<Word>): DStream<unknown> =>
      rows
        .map(({ word, n }) => [word, n] as [string, number])
        .groupByKey()
        .map(([word, ns]) => {
          const sum = ns.reduce((a, b) => a + b, 0);
          if (sum > 5) throw new Error('too much');
          return [word, sum];
        });
    const run = await drain(world, sums, { workers: 1 });
    expect(await run.engine.done).to.include({ failedBatches: 0 });
    // 0 + 1 + 2 + 3 is too much, and so is the 4 after it; the 5 of another key is not.
    expect(rowsOf(world)).to.deep.equal([
      ['a', 3],
      ['b', 5],
    ]);
    expect(deadLettersOf(world.fs).map(({ text }) => text)).to.deep.equal(['a,3', 'a,4']);
  });

  it('is known by its number whatever the plan filters before it, and has all its columns', async () => {
    const world = newWorld([['a', 'b', 'x', 'a', 'x']]);
    poison = new Set(['x']);
    const run = await drain(world, rows =>
      rows
        .where(col('n').gt(2))
        .select('word')
        .map(({ word }) => {
          touch(word);
          return word;
        }),
    );
    expect(await run.engine.done).to.include({ badRecords: 1, failedBatches: 0 });
    expect(rowsOf(world)).to.deep.equal(['a']);
    expect(deadLettersOf(world.fs)[0]).to.include({ text: 'x,4', row: 4 });
    expect(deadLettersOf(world.fs)[0]?.value).to.deep.equal({ word: 'x', n: 4 });
  });

  it('fails the batch when there are more of them than are allowed', async () => {
    const world = newWorld([['x', 'a', 'x', 'x']]);
    poison = new Set(['x']);
    const run = await drain(world, mapped, { maxPoisonRecords: 2 });
    const error = await run.engine.done.catch((thrown: unknown) => thrown);
    expect(error).to.have.property('code', 'batchFailed');
    expect(error)
      .to.have.property('message')
      .that.matches(/no x at .*2 records were left out before, as many as maxPoisonRecords allows/);
    expect(deadLettersOf(world.fs)).to.deep.equal([]);
    expect(rowsOf(world)).to.deep.equal([]);
  });

  it('is not blamed where the task fails without any record', async () => {
    const world = newWorld([['a', 'b']]);
    const always = (rows: DStream<Word>): DStream<unknown> =>
      rows.mapPartitions(() => {
        throw new Error('always');
      });
    const run = await drain(world, always);
    const error = await run.engine.done.catch((thrown: unknown) => thrown);
    expect(error).to.have.property('message').that.contains('It fails without any record of the batch as well');
  });

  it('is not blamed where a task fails now and then', async () => {
    const world = newWorld([['a', 'b', 'c', 'd']]);
    let calls = 0;
    const run = await drain(world, rows =>
      rows.map(({ n }) => {
        if (calls++ < 20 && calls % 5 !== 0) throw new Error('sometimes');
        return n;
      }),
    );
    const outcome = await run.engine.done.then(
      () => 'finished',
      (thrown: unknown) => String(thrown),
    );
    if (outcome !== 'finished') expect(outcome).to.contain('only now and then');
    else
      expect([...rowsOf(world), ...deadLettersOf(world.fs).map(({ value }) => (value as Word).n)]).to.have.members([
        0, 1, 2, 3,
      ]);
  });

  it('is the right one also while workers are lost by chance', async () => {
    for (let seed = 1; seed <= 6; seed++) {
      const world = newWorld([['a', 'b', 'x', 'c', 'd', 'e', 'f']]);
      poison = new Set(['x']);
      const random = randomOf(seed);
      const faults = (): Fault | undefined => (random() < 0.08 ? 'lose' : undefined);
      const run = await drain(world, mapped, { maxTaskFailures: 8 }, { faults });
      expect(await run.engine.done, `seed ${seed}`).to.include({ badRecords: 1, failedBatches: 0 });
      expect(rowsOf(world), `seed ${seed}`).to.deep.equal([0, 1, 3, 4, 5, 6]);
      expect(
        deadLettersOf(world.fs).map(({ text }) => text),
        `seed ${seed}`,
      ).to.deep.equal(['x,2']);
    }
  });

  it('leaves nothing behind when the run is aborted while it is looked for, at any moment', async () => {
    const files = [['a', 'b', 'x', 'c', 'd', 'x']];
    let duringSearch = 0;
    for (let turns = 0; turns < 60; turns += 3) {
      const world = newWorld(files);
      poison = new Set(['x']);
      const aborted = await drain(world, mapped, {}, { wrapRunner: slowly });
      for (let i = 0; i < turns; i++) await turn();
      if (warningsOf(aborted).length > 0 && aborted.batches.length === 0) duringSearch++;
      await aborted.engine.abort();
      world.fs.crash({ kind: 'kill' });
      const run = await drain(world, mapped);
      await run.engine.done;
      expect(rowsOf(world), `aborted after ${turns} turns`).to.deep.equal([0, 1, 3, 4]);
      expect(deadLettersOf(world.fs).map(({ text }) => text)).to.deep.equal(['x,2', 'x,5']);
      expectNothingLeft(run, world.clock);
    }
    expect(duringSearch, 'runs that were aborted during the search').to.be.greaterThan(3);
  });

  it('is left out again by the run after a crash, whichever file operation it comes at, and is nowhere twice', async () => {
    const files = [
      ['a', 'x', 'b'],
      ['c', 'y', 'a'],
      ['b', 'd'],
    ];
    const options = { maxBatchBytes: 14, workers: 1, checkpointInterval: 1 };
    const running = (rows: DStream<Word>): DStream<unknown> =>
      rows
        .map(({ word, n }) => {
          touch(word);
          return [word, n] as [string, number];
        })
        .updateStateByKey<number[], string, number>((values, state) => [...(state ?? []), ...values]);
    const clean = newWorld(files);
    poison = new Set(['x', 'y']);
    await (
      await drain(clean, running, options)
    ).engine.done;
    const numOperations = clean.fs.numOperations;
    const expected = rowsOf(clean);
    expect(deadLettersOf(clean.fs).length).to.equal(2);
    for (let operation = 3; operation < numOperations; operation += 13) {
      const world = { ...newWorld([]), input: clean.input };
      poison = new Set(['x', 'y']);
      world.fs.downAt(operation);
      await drain(world, running, options).then(
        run => run.engine.done.catch(() => undefined),
        () => undefined,
      );
      world.fs.crash(operation % 2 ? { kind: 'power', random: randomOf(operation) } : { kind: 'kill' });
      world.fs.downAt(Number.POSITIVE_INFINITY);
      const run = await drain(world, running, { ...options, workers: 1 + (operation % 2) });
      await run.engine.done;
      expect(rowsOf(world), `crash at operation ${operation}`).to.deep.equal(expected);
      const texts = deadLettersOf(world.fs).map(({ text }) => text);
      expect(texts, `crash at operation ${operation}`).to.deep.equal(['x,1', 'y,4']);
    }
  });

  it('is left out of a batch that runs again also by a job that would take it by now, once the choice is in the log', async () => {
    const clean = newWorld([['a', 'x', 'b']]);
    poison = new Set(['x']);
    await (
      await drain(clean, mapped)
    ).engine.done;
    const seen = { chosen: 0, open: 0 };
    for (let operation = 3; operation < clean.fs.numOperations; operation += 3) {
      const world = { ...newWorld([]), input: clean.input };
      poison = new Set(['x']);
      world.fs.downAt(operation);
      await drain(world, mapped).then(
        run => run.engine.done.catch(() => undefined),
        () => undefined,
      );
      world.fs.crash({ kind: 'kill' });
      world.fs.downAt(Number.POSITIVE_INFINITY);
      poison = new Set();
      const run = await drain(world, mapped, { onPoison: 'fail' });
      await run.engine.done;
      const left = deadLettersOf(world.fs).map(({ text }) => text);
      expect(rowsOf(world), `crash at operation ${operation}`).to.deep.equal(left.length === 0 ? [0, 1, 2] : [0, 2]);
      if (run.batches.some(({ rerun }) => rerun)) seen[left.length === 0 ? 'open' : 'chosen']++;
    }
    expect(seen.chosen, 'batches that ran again after the choice').to.be.greaterThan(0);
    expect(seen.open, 'batches that ran again before there was one').to.be.greaterThan(0);
  });
});
