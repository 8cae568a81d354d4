/** Blocks that have no room in memory: whatever a job does, it puts out what it does with all of them there. */
import { expect } from 'chai';
import { VirtualClock } from '../../lib/core/clock.js';
import type { DeclaredOptions } from '../../lib/core/options.js';
import { BatchQueue } from '../../lib/api/batch-queue.js';
import { job } from '../../lib/api/job.js';
import { isBlockFile } from '../../lib/blocks/block-files.js';
import { jobOf, PARTS, randomJob } from '../helpers/combination-job.js';
import { runCombination, type CombinationPlan, type Outcome } from '../helpers/combination-run.js';
import { expectNothingLeft } from '../helpers/expect-stream.js';
import { ModelFileSystem } from '../helpers/model-file-system.js';
import type { WorkerRequest } from '../../lib/protocol/messages.js';
import type { TaskRunner } from '../../lib/protocol/task-runner.js';
import { intBelow, pick, randomOf, type Random } from '../helpers/random-values.js';
import { runEngine, turn, type TestRun } from '../helpers/run-engine.js';

const wordsOf = (random: Random): readonly (readonly string[])[] =>
  Array.from({ length: 6 }, () =>
    Array.from({ length: intBelow(random, 12) }, () => pick(random, ['a', 'b', 'cc', 'dd', 'eee', 'f f'])),
  );

type Plan = Pick<CombinationPlan, 'job' | 'input' | 'onRequest'>;

const clean = (plan: Plan, options: DeclaredOptions = {}): Promise<Outcome> =>
  runCombination({ ...plan, options: () => ({ workers: 2, keyGroups: 8, ...options }), trouble: undefined });

/** Files that the tasks of a request read. */
const filesOf = (request: WorkerRequest): string[] =>
  request.kind === 'task' ? request.inputs.flat().flatMap(({ file }) => (file === undefined ? [] : [file.path])) : [];

describe('blocks in files', () => {
  it('give what blocks in memory give, row for row, for every part of a job', async () => {
    const plan = { job: jobOf(Object.keys(PARTS)), input: wordsOf(randomOf(1)) };
    const expected = await clean(plan);
    let numFiles = 0;
    const onRequest = (request: WorkerRequest): void => void (numFiles += filesOf(request).length);
    const spilled = await clean({ ...plan, onRequest }, { maxBlockBytes: 1, smallBatchRecords: 0 });
    expect(numFiles).to.be.above(100);
    expect(spilled.problems).to.deep.equal([]);
    expect(spilled.exact).to.deep.equal(expected.exact);
  });

  for (let seed = 1; seed <= 4; seed++) {
    it(`give the same through faults, full memories and crashes: seed ${seed}`, async () => {
      const random = randomOf(seed);
      const plan = { job: randomJob(random, false), input: wordsOf(random) };
      const expected = await clean(plan);
      const found = await runCombination({
        ...plan,
        options: () => ({
          workers: 1 + intBelow(random, 3),
          keyGroups: 8,
          maxTaskFailures: 12,
          concurrentJobs: 1 + intBelow(random, 3),
          speculation: pick(random, ['off', 'on']),
          smallBatchRecords: pick(random, [0, 2000]),
          maxBlockBytes: pick(random, [1, 100, 400]),
        }),
        trouble: {
          random,
          faultRate: pick(random, [0, 0.1]),
          fullRate: pick(random, [0, 0.2]),
          crashes: pick(random, [0, 2]),
          failing: new Map(),
          replacesBroadcast: false,
        },
      });
      expect(found.problems).to.deep.equal([]);
      expect(found.files).to.deep.equal(expected.files);
      expect(found.rows).to.deep.equal(expected.rows);
    });
  }
});

const TEXT_BYTES = 16 * 1024;
const NUM_TEXTS = 1300;

/** A job whose one shuffle has 20 MiB, on one slot of 16 MiB. */
async function large(
  options: DeclaredOptions,
  fs = new ModelFileSystem(),
  wrapRunner = (runner: TaskRunner): TaskRunner => runner,
): Promise<{ run: TestRun; found: unknown[] }> {
  const queue = new BatchQueue<number>();
  queue.push(Array.from({ length: NUM_TEXTS }, (_, i) => i));
  const found: unknown[] = [];
  const made = job('large', {}, ssc => {
    ssc
      .queueStream(queue)
      .repartition(8)
      .map((i): [number, string] => [i % 60, `${i} `.padEnd(TEXT_BYTES, '-')])
      .groupByKey(8)
      .mapValues(texts => texts.map(text => Number.parseInt(text, 10)).reduce((a, b) => a + b, texts.length))
      .foreachRDD(async rdd => {
        found.push(...(await rdd.collect()));
      });
  });
  const clock = new VirtualClock(1000);
  const run = await runEngine(made, {
    ...{ clock, fs, checkpoint: '/checkpoint', once: true },
    options: { workers: 1, slotMemory: '16MiB', ...options },
    wrapRunner,
  });
  await run.engine.done.catch(() => undefined);
  if (run.events.at(-1)?.kind === 'stopped') expectNothingLeft(run, clock);
  return { run, found };
}

const warnings = (run: TestRun): string[] =>
  run.events.flatMap(event => (event.kind === 'warning' ? [event.message] : []));

/** Does something to the file of a task's input, just before the first requests that read one. */
const harming =
  (fs: ModelFileSystem, harms: ((path: string) => void)[]) =>
  (runner: TaskRunner): TaskRunner => ({
    numSlots: runner.numSlots,
    memories: runner.memories,
    stop: () => runner.stop(),
    submit(slot, request, timeoutMs) {
      const path = filesOf(request).find(name => fs.has(name));
      if (path !== undefined) harms.shift()?.(path);
      return runner.submit(slot, request, timeoutMs);
    },
  });

describe('a batch larger than the memories of all slots', () => {
  it('is computed by way of the disk, and leaves no file', async () => {
    const expected = await large({ slotMemory: '256MiB' });
    expect(expected.found.length).to.equal(60);
    for (const maxBlockBytes of ['16MiB', '1MiB']) {
      const fs = new ModelFileSystem();
      const { run, found } = await large({ maxBlockBytes }, fs);
      expect(found).to.deep.equal(expected.found);
      expect(warnings(run)).to.deep.equal([]);
      const [info] = run.batches;
      expect(info?.blocks?.spilledBytes).to.be.above(4 * 1024 ** 2);
      await turn();
      expect(fs.paths().filter(path => isBlockFile(path.slice(path.lastIndexOf('/') + 1)))).to.deep.equal([]);
    }
  });

  it('has blocks whose files are damaged, cut or gone computed again, with a line for each', async () => {
    const expected = await large({ slotMemory: '256MiB' });
    const fs = new ModelFileSystem();
    const harms = [
      (path: string) =>
        fs.replace(
          path,
          fs.bytesOf(path).map(byte => byte ^ 1),
        ),
      (path: string) => fs.replace(path, fs.bytesOf(path).slice(0, -1)),
      (path: string) => fs.lose(path),
    ];
    const { run, found } = await large({ maxBlockBytes: '1MiB' }, fs, harming(fs, harms));
    expect(harms).to.deep.equal([]);
    expect(found).to.deep.equal(expected.found);
    const lines = run.events.flatMap(event => (event.kind === 'taskRetried' ? [event.reason] : []));
    expect(lines.length).to.be.at.least(3);
    for (const line of lines) expect(line).to.match(/^block \w+ is missing; it is computed again from its parents$/);
    expect(run.batches[0]?.blocks?.recomputedBlocks).to.equal(lines.length);
  });

  it('is refused when the disk is full as well, and says so', async () => {
    const fs = new ModelFileSystem();
    fs.failWhile({ operations: ['write'], code: 'ENOSPC', path: 'blocks-' });
    const { run } = await large({}, fs);
    const error = await run.engine.done.catch((thrown: unknown) => thrown);
    expect(error).to.have.property('code', 'memoryLimit');
    expect(warnings(run)[0]).to.match(/^[\d.]+ ?[kM]B of blocks want to go to a file.*ENOSPC.*They stay in memory/);
  });
});
