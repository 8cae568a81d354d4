import { expect } from 'chai';
import { VirtualClock } from '../../lib/core/clock.js';
import { EngineError } from '../../lib/core/errors.js';
import { BatchQueue } from '../../lib/api/batch-queue.js';
import type { DStream } from '../../lib/api/dstream.js';
import { job, type Job } from '../../lib/api/job.js';
import type { WorkerReply, WorkerRequest } from '../../lib/protocol/messages.js';
import type { TaskRunner } from '../../lib/protocol/task-runner.js';
import { expectNothingLeft } from '../helpers/expect-stream.js';
import { ModelFileSystem } from '../helpers/model-file-system.js';
import { runEngine, turn, type RunEngineOptions, type TestRun } from '../helpers/run-engine.js';
import { Gate } from '../helpers/scheduler-ports.js';

const jobOf = <T>(queue: BatchQueue<T>, build: (rows: DStream<T>) => void): Job =>
  job('spec', {}, ssc => build(ssc.queueStream(queue)));

const start = (made: Job, clock: VirtualClock, settings: Partial<RunEngineOptions> = {}): Promise<TestRun> =>
  runEngine(made, { clock, fs: new ModelFileSystem(), checkpoint: '/checkpoint', ...settings });

/** A runner that `submit` comes before; `next` asks the real one. */
const wrap =
  (
    submit: (
      next: () => Promise<WorkerReply>,
      slot: number,
      request: WorkerRequest,
      timeoutMs: number,
    ) => Promise<WorkerReply>,
  ) =>
  (runner: TaskRunner): TaskRunner => ({
    numSlots: runner.numSlots,
    memories: runner.memories,
    submit: (slot, request, timeoutMs) =>
      submit(() => runner.submit(slot, request, timeoutMs), slot, request, timeoutMs),
    stop: () => runner.stop(),
  });

async function until(holds: () => boolean): Promise<void> {
  for (let turns = 0; !holds(); turns++) {
    if (turns > 100_000) throw new Error(`it does not become true that ${holds}`);
    await turn();
  }
}

const warningsOf = ({ events }: TestRun): string[] =>
  events.flatMap(event => (event.kind === 'warning' ? [event.message] : []));

describe('a stop with a deadline', () => {
  it('aborts a run whose function never comes to an end, says so, and lets the next run begin with that batch', async () => {
    const clock = new VirtualClock(0);
    const fs = new ModelFileSystem();
    const queue = new BatchQueue<string>().push(['a']);
    const never = new Gate();
    let called = 0;
    const made = (hangs: boolean): Job =>
      jobOf(queue, words => {
        words.saveAsText('/out/before.txt');
        words.foreachRDD(() => {
          called++;
          return hangs ? never.promise : undefined;
        });
        words.saveAsText('/out/after.txt');
      });
    const run = await start(made(true), clock, { fs });
    await until(() => called === 1);
    const stopped = run.engine.stop({ timeoutMs: 5000 });
    clock.advanceTo(4999);
    await turn();
    expect(warningsOf(run)).to.deep.equal([]);
    clock.advanceTo(5000);
    await stopped;
    const error = await run.engine.done.catch((thrown: unknown) => thrown);
    expect(error).to.be.instanceOf(EngineError).with.property('code', 'stopTimeout');
    expect(error).to.have.property('message').that.contains('waited 5 s');
    expect(warningsOf(run)).to.deep.equal(['the batches under way did not end within 5 s: aborting']);
    expect(run.events.at(-1)).to.have.nested.property('summary.reason', 'failed');
    expect(clock.numTimers).to.equal(0);
    // What the function does after all is nobody's business: nothing more is put out or logged.
    never.open();
    await turn();
    expect(fs.paths()).not.to.include('/out/after.txt');
    const next = await start(made(false), clock, { fs });
    await next.batchesDone(1);
    await next.engine.stop({ timeoutMs: 5000 });
    await next.engine.done;
    expect(next.batches[0]).to.include({ rerun: true });
    for (const path of ['/out/before.txt', '/out/after.txt'])
      expect(Buffer.from(fs.bytesOf(path)).toString(), path).to.equal('a\n');
    expectNothingLeft(next, clock);
  });

  it('aborts a run whose task hangs, and one whose snapshot does', async () => {
    for (const hanging of ['task', 'snapshotState']) {
      const clock = new VirtualClock(0);
      let asked = 0;
      const held: ((reply: WorkerReply) => void)[] = [];
      const queue = new BatchQueue<string>().push(['a']);
      const made = jobOf(queue, words =>
        words
          .countByValue()
          .updateStateByKey((values, state) => state ?? values[0])
          .print(),
      );
      const hang = wrap((next, _slot, request) => {
        if (request.kind !== hanging) return next();
        asked++;
        return new Promise(resolve => held.push(resolve));
      });
      const run = await start(made, clock, {
        wrapRunner: runner => ({
          ...hang(runner),
          stop: () => {
            for (const answer of held) answer({ ok: false, failure: { kind: 'cancelled' } });
            return runner.stop();
          },
        }),
      });
      if (hanging === 'task') await until(() => asked > 0);
      else await run.batchesDone(1);
      const stopped = run.engine.stop({ timeoutMs: 100 });
      await until(() => asked > 0);
      clock.advanceTo(100);
      await stopped;
      expect(await run.engine.done.catch((thrown: EngineError) => thrown.code), hanging).to.equal('stopTimeout');
      expect(clock.numTimers).to.equal(0);
    }
  });

  it('is an ordinary stop when the batches end in time', async () => {
    const clock = new VirtualClock(0);
    const run = await start(
      jobOf(new BatchQueue<string>().push(['a']), words => words.print()),
      clock,
    );
    await run.engine.stop({ timeoutMs: 1 });
    expect(await run.engine.done).to.include({ reason: 'stopped', batches: 1 });
    expectNothingLeft(run, clock);
  });
});

describe('an abort', () => {
  it('does not wait for a function of the job', async () => {
    const clock = new VirtualClock(0);
    let called = false;
    const made = jobOf(new BatchQueue<string>().push(['a']), words =>
      words.foreachRDD(() => {
        called = true;
        return new Promise<void>(() => undefined);
      }),
    );
    const run = await start(made, clock);
    await until(() => called);
    await run.engine.abort();
    expect(await run.engine.done.catch((thrown: EngineError) => thrown.message)).to.contain('aborted');
    expect(run.events.map(({ kind }) => kind)).not.to.include('stopped');
  });
});

describe('the engine', () => {
  it('copies a task whose worker hangs, under speculation, and takes the result of the copy', async () => {
    const clock = new VirtualClock(0);
    const rows: unknown[] = [];
    const queue = new BatchQueue<number>().push([1, 2, 3, 4]);
    let held: (() => void) | undefined;
    const made = jobOf(queue, numbers =>
      numbers.map(n => n * 2).foreachRDD(async rdd => void rows.push(...(await rdd.collect()))),
    );
    const run = await start(made, clock, {
      options: { workers: 3, speculation: 'on', speculationMinTime: 50, smallBatchRecords: 0 },
      wrapRunner: wrap(async (next, slot, request) => {
        if (request.kind !== 'task' || slot !== 1 || held !== undefined) return next();
        await new Promise<void>(resolve => (held = resolve));
        return next();
      }),
    });
    await until(() => held !== undefined);
    await turn();
    clock.advanceTo(49);
    await turn();
    expect(run.batches.length).to.equal(0);
    clock.advanceTo(50);
    await run.batchesDone(1);
    expect(rows).to.deep.equal([2, 4, 6, 8]);
    expect(run.batches[0]).to.include({ numTasks: 4, failedTasks: 0 });
    expect(warningsOf(run).join()).to.match(/^task task_0_1 of batch 0 takes 50 ms, three times as long/);
    held?.();
    await run.engine.stop();
    await turn();
    expectNothingLeft(run, clock);
  });

  it('leaves out a worker that loses its thread again and again, but for the state it has, and says so', async () => {
    const clock = new VirtualClock(0);
    const queue = new BatchQueue<string>();
    const made = jobOf(queue, words => words.countByValue().print());
    const tasks: number[] = [];
    const run = await start(made, clock, {
      options: { workers: 2, maxTaskFailures: 10, excludeTime: '10s', smallBatchRecords: 0 },
      faults: (slot, request) => {
        if (request.kind === 'task') tasks.push(slot);
        return slot === 1 && request.kind === 'task' ? 'lose' : undefined;
      },
    });
    await run.batchesDone(1);
    for (let batch = 0; batch < 4; batch++) {
      queue.push(['a', 'b', 'c', 'd']);
      await run.next();
    }
    expect(warningsOf(run).filter(message => message.startsWith('slot 1 failed 3 tasks in a row')).length).to.equal(1);
    tasks.length = 0;
    queue.push(['a', 'b', 'c', 'd']);
    await run.next();
    expect(new Set(tasks)).to.deep.equal(new Set([0]));
    await run.engine.stop();
    expectNothingLeft(run, clock);
  });

  it('refuses a jitter that reaches the next batch', async () => {
    const made = jobOf(new BatchQueue<string>(), words => words.print());
    const error = await start(made, new VirtualClock(0), { options: { jitter: '1s' } }).catch(
      (thrown: unknown) => thrown,
    );
    expect(error).to.be.instanceOf(EngineError).with.property('code', 'optionInvalid');
  });

  it('starts batches later by their jitter, under their own times', async () => {
    const clock = new VirtualClock(0);
    const run = await start(
      jobOf(new BatchQueue<string>(), words => words.foreachRDD(() => undefined)),
      clock,
      {
        options: { jitter: 900 },
      },
    );
    await run.batchesDone(1);
    const starts: number[] = [];
    for (let batch = 1; batch <= 8; batch++) {
      const next = clock.nextTimerMs() ?? 0;
      starts.push(next - batch * 1000);
      clock.advanceTo(next);
      await run.batchesDone(batch + 1);
    }
    expect(run.batches.map(({ time }) => time)).to.deep.equal([0, 1, 2, 3, 4, 5, 6, 7, 8].map(n => n * 1000));
    for (const ms of starts) expect(ms).to.be.within(0, 900);
    expect(new Set(starts).size).to.be.greaterThan(4);
    await run.engine.stop();
  });

  it('gives the writing and loading of state a time that its memory takes on a slow disk', async () => {
    const clock = new VirtualClock(0);
    const fs = new ModelFileSystem();
    const limits = new Map<string, number>();
    const queue = new BatchQueue<string>().push(['a', 'b']);
    const made = jobOf(queue, words =>
      words
        .countByValue()
        .updateStateByKey((values, state) => state ?? values[0])
        .print(),
    );
    const note = wrap((next, _slot, request, timeoutMs) => {
      limits.set(request.kind, timeoutMs);
      return next();
    });
    for (let i = 0; i < 2; i++) {
      const run = await start(made, clock, {
        fs,
        wrapRunner: note,
        options: { taskTimeout: '5s', slotMemory: '64MiB' },
      });
      await until(() => run.batches.length > 0 || i > 0);
      await run.engine.stop();
    }
    expect(limits.get('task')).to.equal(5000);
    expect(limits.get('snapshotState')).to.equal(9000);
    expect(limits.get('restoreSnapshot')).to.equal(9000);
  });
});
