/** Going on from a checkpoint alone, on real files with real worker threads. */
import { chmodSync, cpSync, existsSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import type { JobContext, JobContextOptions, RunEvent } from '../../lib/index.js';
import { builtSluice } from '../helpers/built-sluice.js';
import { tempFolder } from '../helpers/temp-folder.js';

const JOB = `
  import { arg, job, text } from 'sluice';
  const args = { input: arg.path('nowhere', 'folder'), output: arg.path('nowhere.txt', 'file') };
  export default job('lines', { args, options: { maxTaskFailures: 2 } }, (ssc, { input, output }) =>
    ssc.fileStream(input, text(), { id: 'lines' }).saveAsText(output));
`;

interface Refusal {
  readonly code: string;
  readonly message: string;
}

const refusalOf = async (promise: Promise<unknown>): Promise<Refusal> => {
  const thrown = await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (thrown instanceof Error && 'code' in thrown) return thrown as unknown as Refusal;
  throw new Error(`a refusal was wanted, got ${String(thrown)}`);
};

describe('JobContext.getOrCreate', () => {
  const temp = tempFolder();
  const root = realpathSync(temp.path);
  const path = (name: string): string => join(root, name);
  const used = path('used');
  let sluice: typeof import('../../lib/index.js');
  let jobFile: string;
  let copies = 0;

  before(async () => {
    sluice = await builtSluice();
    jobFile = temp.file('lines.mjs', JOB);
    temp.file('in/1.txt', 'first\n', 1000);
    const context = await create(used, { options: { interval: 250, workers: 1, rollBytes: '1MiB' } })();
    await context.start();
    await context.awaitTermination();
    expect(readFileSync(path('out.txt'), 'utf8')).to.equal('first\n');
  });

  const create =
    (checkpoint: string, options: JobContextOptions = {}, events: RunEvent[] = []) =>
    (): Promise<JobContext> =>
      sluice.JobContext.create(jobFile, {
        checkpoint,
        args: { input: path('in'), output: path('out.txt') },
        once: true,
        onEvent: event => void events.push(event),
        ...options,
      });

  /** A copy of the checkpoint that a run has left. */
  function copyOfUsed(): string {
    const copy = path(`copy-${++copies}`);
    cpSync(used, copy, { recursive: true });
    return copy;
  }

  const never = (): never => {
    throw new Error('create was called');
  };

  const damage = (checkpoint: string): void => {
    for (const name of ['MANIFEST', 'MANIFEST.prev']) writeFileSync(join(checkpoint, name), 'not one\n');
  };

  it('goes on with the job file, the arguments and the options of the last run', async () => {
    temp.file('in/2.txt', 'second\n', 2000);
    const events: RunEvent[] = [];
    const onEvent = (event: RunEvent): void => void events.push(event);
    const context = await sluice.JobContext.getOrCreate(used, never, { once: true, onEvent });
    expect(context.state).to.equal('initialized');
    expect(context.checkpoint).to.equal(used);
    await context.start();
    await context.awaitTermination();
    expect(readFileSync(path('out.txt'), 'utf8')).to.equal('first\nsecond\n');
    const started = events.find(event => event.kind === 'started');
    expect(started?.info).to.include({ job: 'lines', intervalMs: 250, workers: 1, checkpoint: used });
    expect(events.filter(event => event.kind === 'warning')).to.deep.equal([]);
    const { run } = JSON.parse(readFileSync(join(used, 'MANIFEST'), 'utf8').replace(/\ncrc32 .*\n$/, '')) as {
      readonly run: object;
    };
    expect(run).to.deep.equal({
      version: 1,
      jobFile,
      cwd: process.cwd(),
      args: { input: path('in'), output: path('out.txt') },
      options: { interval: 250, workers: 1, rollBytes: 1024 ** 2 },
    });
  });

  it('refuses a damaged checkpoint, unless a new one is wanted: then it is kept aside, with a warning', async () => {
    const checkpoint = copyOfUsed();
    damage(checkpoint);
    const refusal = await refusalOf(sluice.JobContext.getOrCreate(checkpoint, never));
    expect(refusal.code).to.equal('checkpointCorrupt');
    writeFileSync(`${checkpoint}.damaged-1`, 'taken');
    const events: RunEvent[] = [];
    const options = { createOnError: true };
    const context = await sluice.JobContext.getOrCreate(checkpoint, create(checkpoint, {}, events), options);
    expect(context.state).to.equal('initialized');
    expect(existsSync(checkpoint)).to.equal(false);
    expect(readFileSync(join(`${checkpoint}.damaged-2`, 'MANIFEST'), 'utf8')).to.equal('not one\n');
    const [warning] = events;
    expect(warning?.kind === 'warning' && warning.message).to.match(/is damaged.* It was moved to .*\.damaged-2, /);
  });

  it('does not move a damaged checkpoint that a driver uses', async () => {
    const checkpoint = path('in-use');
    const args = { input: path('in'), output: path('in-use.txt') };
    const context = await create(checkpoint, { once: false, args })();
    await context.start();
    try {
      damage(checkpoint);
      const refusal = await refusalOf(sluice.JobContext.getOrCreate(checkpoint, never, { createOnError: true }));
      expect(refusal.code).to.equal('checkpointLocked');
      expect(existsSync(checkpoint)).to.equal(true);
    } finally {
      await context.stop();
    }
  });

  it('refuses to load the job of a manifest that anybody may write', async function () {
    if (process.getuid === undefined) return this.skip();
    const checkpoint = copyOfUsed();
    chmodSync(join(checkpoint, 'MANIFEST'), 0o666);
    const refusal = await refusalOf(sluice.JobContext.getOrCreate(checkpoint, never, { createOnError: true }));
    expect(refusal.code).to.equal('checkpointForeign');
    expect(refusal.message).to.match(/anybody may write it: take write permission from others/);
  });

  it('refuses to go on with a job that is in no file, and with a file that is gone', async () => {
    const checkpoint = path('of-a-program');
    const made = sluice.job('made', {}, ssc =>
      ssc.queueStream(new sluice.BatchQueue<number>()).foreachRDD(() => undefined),
    );
    const context = await sluice.JobContext.create(made, { checkpoint, once: true, options: { workers: 1 } });
    await context.start();
    await context.awaitTermination();
    const refusal = await refusalOf(sluice.JobContext.getOrCreate(checkpoint, never, { createOnError: true }));
    expect(refusal.code).to.equal('contextState');
    expect(refusal.message).to.match(/does not say in which file its job 'made' is/);

    const other = path('of-another-file');
    const gone = temp.file('gone.mjs', JOB.replace("'lines', {", "'gone', {"));
    const first = await sluice.JobContext.create(gone, {
      checkpoint: other,
      args: { input: path('in'), output: path('gone.txt') },
      once: true,
      options: { workers: 1 },
      onEvent: () => undefined,
    });
    await first.start();
    await first.awaitTermination();
    rmSync(gone);
    expect((await refusalOf(sluice.JobContext.getOrCreate(other, never, { createOnError: true }))).code).to.equal(
      'jobNotFound',
    );
  });

  it('refuses a new context without the same checkpoint: it would not be found again', async () => {
    for (const other of [path('other'), undefined]) {
      const make = (): Promise<JobContext> =>
        sluice.JobContext.create(jobFile, other === undefined ? {} : { checkpoint: other });
      const refusal = await refusalOf(sluice.JobContext.getOrCreate(path('none'), make));
      expect(refusal.code).to.equal('contextState');
      expect(refusal.message).to.match(/wants a new context with the checkpoint .*none, got one with/);
    }
  });

  it('refuses options that come from the checkpoint', async () => {
    const options = { interval: '2s' } as object;
    const refusal = await refusalOf(sluice.JobContext.getOrCreate(used, never, { options }));
    expect(refusal.code).to.equal('optionInvalid');
    expect(refusal.message).to.match(
      /\(workers, slotMemory, maxBlockBytes, maxStateBytes, stateSpill, workerHeap, spareWorkers\), got 'interval'/,
    );
  });

  it('says when relative paths are seen from another directory now', async () => {
    const before = process.cwd();
    const events: RunEvent[] = [];
    process.chdir(root);
    try {
      await sluice.JobContext.getOrCreate(used, never, { onEvent: event => void events.push(event) });
    } finally {
      process.chdir(before);
    }
    expect(events.map(event => event.kind === 'warning' && event.message).join()).to.match(
      /was started in .*: relative paths of the job are now seen from/,
    );
  });
});
