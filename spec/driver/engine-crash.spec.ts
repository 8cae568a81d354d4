/** The engine's first promise, tried at the file operations of a run: after a crash, output and state are those of a run that never failed. */
import { mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { VirtualClock } from '../../lib/core/clock.js';
import { csv } from '../../lib/core/format.js';
import { schema, timestamp, utf8 } from '../../lib/core/schema.js';
import { job, type Job } from '../../lib/api/job.js';
import { countIf, max, min } from '../../lib/expr/aggregate.js';
import { col } from '../../lib/expr/expr.js';
import { ModelFileSystem, type Crash } from '../helpers/model-file-system.js';
import { randomOf } from '../helpers/random-values.js';
import { runEngine, type TestRun } from '../helpers/run-engine.js';
import { tempFolder } from '../helpers/temp-folder.js';

const events = schema({ user: utf8(), action: utf8(), ts: timestamp() });

/** The main job's plan: running counts of users from CSV files, one sentence for each change. */
const clicks = (input: string): Job =>
  job('clicks', {}, ssc => {
    ssc
      .fileStream(input, csv(events), { id: 'events' })
      .groupBy('user')
      .runningAgg({ clicks: countIf(col('action').eq('click')), first: min('ts'), last: max('ts') }, { id: 'counts' })
      .map(({ user, clicks: n, first, last }) => `${user} ${n} ${first} ${last}`)
      .saveAsText('/out/counts.txt');
  });

/** Three files of six records each, one of them broken; a batch takes about one file. */
function writeInput(folder: string): void {
  mkdirSync(folder);
  for (let file = 0; file < 3; file++) {
    const rows = Array.from(
      { length: 6 },
      (_, i) => `user-${(file + i) % 4},${i % 2 ? 'click' : 'view'},${file * 10 + i}`,
    );
    rows.splice(3, 0, `broken ${file}`);
    const path = join(folder, `${file}.csv`);
    writeFileSync(path, `user,action,ts\n${rows.join('\n')}\n`);
    utimesSync(path, 1000 + file, 1000 + file);
  }
}

interface World {
  readonly fs: ModelFileSystem;
  readonly clock: VirtualClock;
  readonly input: string;
  readonly smallBatchRecords: string;
}

/** Runs the job on all there is. */
async function drain({ fs, clock, input, smallBatchRecords }: World, workers = 2): Promise<TestRun> {
  const run = await runEngine(clicks(input), {
    clock,
    fs,
    checkpoint: '/checkpoint',
    deadLetters: '/deadletter',
    once: true,
    options: {
      workers,
      smallBatchRecords,
      maxBatchBytes: '120',
      slotMemory: '16MiB',
      checkpointInterval: 1,
      keyGroups: 8,
      rollBytes: '1GiB',
    },
  });
  await run.engine.done;
  return run;
}

const text = (fs: ModelFileSystem, path: string): string[] =>
  fs.paths().includes(path) ? Buffer.from(fs.bytesOf(path)).toString().trimEnd().split('\n') : [];

/** Output and dead letters as multisets, without the batch's time: a crash before anything was planned moves it. */
const written = (fs: ModelFileSystem): { out: string[]; letters: string[] } => ({
  out: text(fs, '/out/counts.txt').toSorted(),
  letters: text(fs, '/deadletter/deadletter-000000.ndjson')
    .map(line => line.replace(/"batch":\d+/, ''))
    .toSorted(),
});

/** What the state makes of one more event for each user: all of it shows. */
async function probe(world: World, workers = 2): Promise<string[]> {
  const before = text(world.fs, '/out/counts.txt').length;
  const rows = [0, 1, 2, 3].map(user => `user-${user},click,9`);
  const path = join(world.input, '9.csv');
  writeFileSync(path, `user,action,ts\n${rows.join('\n')}\n`);
  await drain(world, workers);
  return text(world.fs, '/out/counts.txt').slice(before).toSorted();
}

const newWorld = (input: string, smallBatchRecords: string): World => ({
  fs: new ModelFileSystem(),
  clock: new VirtualClock(1_000_000),
  input,
  smallBatchRecords,
});

describe('engine after a crash', () => {
  const temp = tempFolder();
  const modes: [string, number, string, (operation: number) => Crash][] = [
    ['the process is killed', 0, '2000', () => ({ kind: 'kill' })],
    ['power is lost', 1, '2000', operation => ({ kind: 'power', random: randomOf(operation) })],
    ['power is lost, tasks run alone', 1, '0', operation => ({ kind: 'power', random: randomOf(operation) })],
  ];
  for (const [name, first, smallBatchRecords, crashOf] of modes) {
    it(`at every second file operation has the output and state of a run that never failed: ${name}`, async () => {
      const folder = join(temp.path, name);
      mkdirSync(folder);
      writeInput(join(folder, 'clean'));
      const clean = newWorld(join(folder, 'clean'), smallBatchRecords);
      const run = await drain(clean);
      expect(run.batches.length).to.be.within(3, 8);
      const expected = written(clean.fs);
      const numOperations = clean.fs.numOperations;
      const state = await probe(clean);
      expect(expected.letters.length).to.equal(3);
      expect(state.length).to.equal(4);
      for (let operation = first; operation < numOperations; operation += 2) {
        const input = join(folder, String(operation));
        writeInput(input);
        const world = newWorld(input, smallBatchRecords);
        world.fs.downAt(operation);
        await drain(world).catch((error: unknown) => {
          if (!world.fs.isDown) throw error;
        });
        expect(world.fs.isDown, `operation ${operation} was reached`).to.equal(true);
        world.fs.crash(crashOf(operation));
        // Restarted on another number of workers now and then: the state is cut anew.
        const workers = 1 + (operation % 3);
        await drain(world, workers);
        const found = JSON.parse(JSON.stringify(written(world.fs)).replaceAll(input, clean.input)) as unknown;
        expect(found, `crash at operation ${operation}`).to.deep.equal(expected);
        if (operation % 7 === 0) expect(await probe(world, 3), `state, ${operation}`).to.deep.equal(state);
      }
    }).timeout(120_000);
  }
});
