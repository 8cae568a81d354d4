/**
 * onBatchFailure: 'continue'. A batch that fails, in a task or in an output, is left out; it is run again first after the
 * next start, and then nothing is lost and nothing is there twice, wherever a crash came between.
 */
import { mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { VirtualClock } from '../../lib/core/clock.js';
import { csv } from '../../lib/core/format.js';
import { schema, utf8 } from '../../lib/core/schema.js';
import { job, type Job } from '../../lib/api/job.js';
import { count } from '../../lib/expr/aggregate.js';
import { readCheckpoint } from '../../lib/checkpoint/read-checkpoint.js';
import type { DeclaredOptions } from '../../lib/core/options.js';
import { expectNothingLeft } from '../helpers/expect-stream.js';
import { countsOf, difference } from '../helpers/kill-runs.js';
import { ModelFileSystem } from '../helpers/model-file-system.js';
import { randomOf } from '../helpers/random-values.js';
import { runEngine, turn, type TestRun } from '../helpers/run-engine.js';
import { tempFolder } from '../helpers/temp-folder.js';

/** One file a batch, each word at most once in it: so each of its running counts is put out once, in whatever order. */
const FILES = [['a', 'b'], ['a', 'poison'], ['a'], ['b', 'bad'], ['a', 'c']];

/** What the job stumbles over: 'poison' in a task, 'bad' in its last output. */
let broken = new Set<string>();

const words = schema({ word: utf8(), pad: utf8() });

const counting = (input: string, seen: number[]): Job =>
  job('counting', {}, ssc => {
    const counts = ssc
      .fileStream(input, csv(words), { id: 'words' })
      .groupBy('word')
      .runningAgg({ n: count() }, { id: 'n' })
      .map(({ word, n }) => {
        if (word === 'poison' && broken.has(word)) throw new Error('poison');
        return [word, n];
      });
    counts.saveAsJson('/out/state.ndjson');
    ssc
      .fileStream(input, csv(words), { id: 'again' })
      .map(({ word }) => word)
      .saveAsText('/out/words.txt');
    counts.foreachRDD(async (rdd, time) => {
      if (broken.has('bad') && (await rdd.collect()).some(([word]) => word === 'bad')) throw new Error('bad');
      seen.push(time);
    });
  });

const FILE_BYTES = 40;

function writeInput(folder: string): void {
  mkdirSync(folder);
  for (const [i, inFile] of FILES.entries()) writeWords(folder, i, inFile);
}

function writeWords(folder: string, i: number, inFile: readonly string[]): void {
  const path = join(folder, `${i}.csv`);
  const rows = inFile.map(word => `${word},\n`).join('');
  const pad = '-'.repeat(FILE_BYTES - rows.length);
  writeFileSync(path, `word,pad\n${rows.replace(/\n$/, `${pad}\n`)}`);
  utimesSync(path, 1000 + i, 1000 + i);
}

interface World {
  readonly fs: ModelFileSystem;
  readonly clock: VirtualClock;
  readonly input: string;
  /** Batch times that the function was called for. */
  readonly seen: number[];
}

async function drain(world: World, options: DeclaredOptions = {}): Promise<TestRun> {
  const run = await start(world, true, options);
  await run.engine.done;
  return run;
}

/** Waits until so many batches of a live run are committed or left out; then it ends as a crash ends it. */
async function crashAfter(world: World, numBatches: number): Promise<void> {
  const run = await start(world, false, { checkpointInterval: '1h' });
  const numEnded = (): number =>
    run.events.filter(({ kind }) => kind === 'batchCompleted' || kind === 'batchFailed').length;
  for (let turns = 0; numEnded() < numBatches; turns++) {
    if (turns === 100_000) throw new Error(`only ${numEnded()} of ${numBatches} batches ended`);
    if (turns % 20 === 0) world.clock.advanceTo(world.clock.now() + 1000);
    await turn();
  }
  await run.engine.abort();
  world.fs.crash({ kind: 'kill' });
}

function start({ fs, clock, input, seen }: World, once: boolean, options: DeclaredOptions): Promise<TestRun> {
  return runEngine(counting(input, seen), {
    clock,
    fs,
    checkpoint: '/checkpoint',
    once,
    options: {
      onBatchFailure: 'continue',
      maxTaskFailures: 1,
      maxBatchBytes: FILE_BYTES,
      checkpointInterval: 1,
      keyGroups: 8,
      ...options,
    },
  });
}

const linesOf = (fs: ModelFileSystem, path: string): string[] =>
  fs.paths().includes(path) ? Buffer.from(fs.bytesOf(path)).toString().trimEnd().split('\n') : [];

describe('a batch that fails, under onBatchFailure: continue', () => {
  const temp = tempFolder();
  let numWorlds = 0;
  const newWorld = (): World => {
    const input = join(temp.path, `world-${numWorlds++}`);
    writeInput(input);
    return { fs: new ModelFileSystem(), clock: new VirtualClock(1_000_000), input, seen: [] };
  };

  afterEach(() => (broken = new Set()));

  it('is left out, told, and run again first by the next run, on the state as it is then', async () => {
    broken = new Set(['poison', 'bad']);
    const world = newWorld();
    const first = await drain(world);
    expect(await first.engine.done).to.include({ reason: 'finished', failedBatches: 2 });
    expect(first.events.filter(({ kind }) => kind === 'batchFailed').length).to.equal(2);
    const warnings = first.events.flatMap(event => (event.kind === 'warning' ? [event.message] : []));
    expect(warnings.length).to.equal(2);
    for (const warning of warnings)
      expect(warning).to.match(/Later batches go on without it \(onBatchFailure: continue\)$/);
    const times = first.batches.map(({ time }) => time);
    // The words of the failed batches are in no output, also not in the one that came before the output that failed.
    expect(linesOf(world.fs, '/out/words.txt')).to.deep.equal(['a', 'b', 'a', 'a', 'c']);
    const summary = await readCheckpoint(world.fs, '/checkpoint');
    expect(summary).to.include({ numOpen: 2, lastCommitted: times.at(-1) });
    broken = new Set();
    const second = await drain(world);
    expect(second.events.find(({ kind }) => kind === 'restored')).to.include({ rerun: 2 });
    expect(second.batches.map(({ rerun }) => rerun)).to.deep.equal([true, true]);
    for (const { time } of second.batches) expect(time).to.be.lessThan(times.at(-1) ?? 0);
    expect(linesOf(world.fs, '/out/words.txt')).to.deep.equal(['a', 'b', 'a', 'a', 'c', 'a', 'poison', 'b', 'bad']);
    expect(linesOf(world.fs, '/out/state.ndjson').slice(-2)).to.have.members(['["b",2]', '["bad",1]']);
    expect(world.seen).to.deep.equal([...times, ...second.batches.map(({ time }) => time)]);
    expect((await readCheckpoint(world.fs, '/checkpoint')).numOpen).to.equal(0);
    const third = await drain(world);
    expect(third.batches).to.deep.equal([]);
    expectNothingLeft(third, world.clock);
  });

  it('stays planned over any number of runs and snapshots, also when it fails again', async () => {
    broken = new Set(['poison']);
    const world = newWorld();
    for (let i = 0; i < 4; i++) {
      const run = await drain(world, { workers: 1 + (i % 3) });
      expect(await run.engine.done).to.include({ failedBatches: 1 });
      writeWords(world.input, 10 + i, [`w${i}`]);
    }
    const { log, numOpen } = await readCheckpoint(world.fs, '/checkpoint');
    expect(numOpen).to.equal(1);
    expect(log.batches, 'of the others nothing is kept for its sake').to.be.lessThan(4);
    broken = new Set();
    await drain(world);
    const all = [...FILES.flat(), 'w0', 'w1', 'w2', 'w3'];
    expect(difference(countsOf(linesOf(world.fs, '/out/words.txt')), countsOf(all))).to.equal('');
    expect((await readCheckpoint(world.fs, '/checkpoint')).log.numSegments).to.be.lessThan(4);
  });

  it('ends a run that does not go on, as it always did, and is what that begins with', async () => {
    broken = new Set(['poison']);
    const world = newWorld();
    await drain(world);
    const failed = await drain(world, { onBatchFailure: 'stop' }).catch((error: Error) => error);
    expect(failed).to.have.property('code', 'batchFailed');
    broken = new Set();
    const run = await drain(world, { onBatchFailure: 'stop' });
    expect(run.batches.map(({ rerun }) => rerun)).to.deep.equal([true]);
  });

  it('is restored after the batches that were committed before it, whatever its time', async () => {
    const world = newWorld();
    broken = new Set(['poison', 'bad']);
    await crashAfter(world, FILES.length);
    broken = new Set();
    // Run again, and not in any snapshot: the state of the next run is made of the log alone.
    await crashAfter(world, 2);
    await drain(world);
    const before = linesOf(world.fs, '/out/state.ndjson').length;
    writeWords(world.input, 9, ['a', 'b', 'c', 'bad', 'poison']);
    await drain(world);
    expect(linesOf(world.fs, '/out/state.ndjson').slice(before)).to.have.members([
      '["a",5]',
      '["b",3]',
      '["c",2]',
      '["bad",2]',
      '["poison",2]',
    ]);
  });

  it('is neither lost nor there twice, whichever file operation a crash comes at, in the first run or in the second', async () => {
    const expected = countsOf(FILES.flat());
    const clean = newWorld();
    broken = new Set(['poison', 'bad']);
    await drain(clean);
    const inFirst = clean.fs.numOperations;
    broken = new Set();
    await drain(clean);
    const inBoth = clean.fs.numOperations;
    expect(inFirst).to.be.greaterThan(40);
    for (let operation = 0; operation < inBoth; operation += 11) {
      const world = newWorld();
      world.fs.downAt(operation);
      const crash = async (): Promise<void> => {
        await drain(world, { concurrentJobs: 1 + (operation % 3) }).catch((error: unknown) => {
          if (!world.fs.isDown) throw error;
        });
        if (world.fs.isDown)
          world.fs.crash(operation % 2 ? { kind: 'power', random: randomOf(operation) } : { kind: 'kill' });
      };
      broken = new Set(['poison', 'bad']);
      await crash();
      broken = operation % 3 === 0 ? new Set(['poison']) : new Set();
      await crash();
      world.fs.downAt(Number.POSITIVE_INFINITY);
      broken = new Set();
      const last = await drain(world, { workers: 1 + (operation % 3) });
      expect(await last.engine.done).to.include({ failedBatches: 0 });
      const where = `crash at operation ${operation}`;
      expect(difference(countsOf(linesOf(world.fs, '/out/words.txt')), expected), where).to.equal('');
      expect(stateProblem(linesOf(world.fs, '/out/state.ndjson')), where).to.equal('');
    }
  }).timeout(60_000);

  it('has an oracle that sees a batch that is lost, there twice, or counted on a state that it is in already', () => {
    const lines = [
      '["a",1]',
      '["b",1]',
      '["a",2]',
      '["a",3]',
      '["c",1]',
      '["a",4]',
      '["b",2]',
      '["poison",1]',
      '["bad",1]',
    ];
    expect(stateProblem(lines)).to.equal('');
    expect(stateProblem(lines.slice(0, -1))).to.match(/^lost 1x: \["bad",1\]/);
    expect(stateProblem([...lines, '["bad",2]'])).to.match(/^too many 1x: \["bad",2\]/);
    expect(stateProblem(lines.map(line => line.replace('"b",2', '"b",3')))).to.match(/^lost 1x: \["b",2\]/);
  });
});

/** The running counts of each word, each of which must be put out once. */
function stateProblem(lines: readonly string[]): string {
  const totals = countsOf(FILES.flat());
  const expected = [...totals].flatMap(([word, n]) =>
    Array.from({ length: n }, (_, i) => JSON.stringify([word, i + 1])),
  );
  return difference(countsOf(lines), countsOf(expected));
}
