import { expect } from 'chai';
import { BatchQueue } from '../../lib/api/batch-queue.js';
import { job, type Job } from '../../lib/api/job.js';
import type { Rdd } from '../../lib/api/rdd.js';
import type { StreamingContext } from '../../lib/api/streaming-context.js';
import { VirtualClock } from '../../lib/core/clock.js';
import { EngineError } from '../../lib/core/errors.js';
import { JobContext } from '../../lib/driver/job-context.js';
import type { RunningJob } from '../../lib/driver/run-job.js';
import type { WorkerRequest } from '../../lib/protocol/messages.js';
import type { RunEvent } from '../../lib/metrics/run-events.js';
import { ModelFileSystem } from '../helpers/model-file-system.js';
import { turn } from '../helpers/run-engine.js';
import { contextOf, until, type TestContextOptions } from '../helpers/test-context.js';

type Output = (rdd: Rdd<number>, time: number) => void | Promise<void>;

/** Everything a spec touches: a queue to push to, what came out of it, the events, and contexts on one checkpoint. */
class Fixture {
  readonly clock = new VirtualClock(1000);
  readonly fs = new ModelFileSystem();
  readonly queue = new BatchQueue<number>();
  readonly rows: number[] = [];
  readonly events: RunEvent[] = [];
  readonly job: Job;

  constructor(output?: Output) {
    const keep: Output = async rdd => void this.rows.push(...(await rdd.collect()));
    this.job = job('spec', {}, ssc => ssc.queueStream(this.queue, { id: 'numbers' }).foreachRDD(output ?? keep));
  }

  context(options: Partial<TestContextOptions> = {}): JobContext {
    return contextOf(this.job, { clock: this.clock, fs: this.fs, events: this.events, ...options });
  }

  get warnings(): string[] {
    return this.events.flatMap(event => (event.kind === 'warning' ? [event.message] : []));
  }

  get numCompleted(): number {
    return this.events.filter(event => event.kind === 'batchCompleted').length;
  }

  /** Moves the clock by a second and waits for the batch. */
  async nextBatch(): Promise<void> {
    const before = this.numCompleted;
    this.clock.advanceTo(this.clock.now() + 1000);
    await until(() => this.numCompleted > before, 'a batch');
  }
}

const errorOf = async (promise: Promise<unknown>): Promise<EngineError> => {
  const thrown = await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (thrown instanceof EngineError) return thrown;
  throw new Error(`an EngineError was wanted, got ${String(thrown)}`);
};

/** Whether a promise has settled when everything that can happen without the clock has happened. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  const settle = (): void => {
    settled = true;
  };
  promise.then(settle, settle);
  for (let i = 0; i < 20; i++) await turn();
  return settled;
}

describe('JobContext', () => {
  const contexts: JobContext[] = [];
  const made = <T extends JobContext>(context: T): T => {
    contexts.push(context);
    return context;
  };
  afterEach(async () => {
    for (const context of contexts.splice(0)) await context.stop();
    expect(JobContext.getActive()).to.equal(undefined);
  });

  it('is initialized after it was made, active after start, stopped after stop', async () => {
    const fixture = new Fixture();
    const context = made(fixture.context());
    expect(context.state).to.equal('initialized');
    expect(JobContext.getActive()).to.equal(undefined);
    await context.start();
    expect(context.state).to.equal('active');
    expect(JobContext.getActive()).to.equal(context);
    await context.stop();
    expect(context.state).to.equal('stopped');
    expect(JobContext.getActive()).to.equal(undefined);
    expect(fixture.clock.numTimers).to.equal(0);
  });

  it('is started once, however often start is called', async () => {
    const fixture = new Fixture();
    const context = made(fixture.context());
    await Promise.all([context.start(), context.start()]);
    await context.start();
    expect(context.state).to.equal('active');
    expect(fixture.events.filter(event => event.kind === 'started')).to.have.length(1);
    expect(fixture.warnings).to.have.length(2);
    expect(fixture.warnings[0]).to.match(/was started before: this start\(\) does nothing/);
  });

  it('cannot be started after it was stopped, started before or not', async () => {
    const fixture = new Fixture();
    for (const first of [true, false]) {
      const context = made(fixture.context());
      if (first) await context.start();
      await context.stop();
      const error = await errorOf(context.start());
      expect(error.code).to.equal('contextState');
      expect(error.message).to.match(/was stopped and cannot be started again: create another one/);
      expect(context.state).to.equal('stopped');
    }
  });

  it('is stopped by a start that fails, and frees the place for another', async () => {
    const fixture = new Fixture();
    const broken = contextOf(
      job('broken', {}, () => {
        throw new TypeError('no such thing');
      }),
      { clock: fixture.clock, fs: fixture.fs },
    );
    const error = await errorOf(made(broken).start());
    expect(error.code).to.equal('jobInvalid');
    expect(broken.state).to.equal('stopped');
    expect(await errorOf(broken.awaitTermination())).to.equal(error);
    await made(fixture.context()).start();
  });

  it('refuses a second one while one is active or being started, naming where that was started', async () => {
    const fixture = new Fixture();
    const first = made(fixture.context());
    const second = made(fixture.context());
    const starting = first.start();
    for (const wait of [Promise.resolve(), starting]) {
      await wait;
      const error = await errorOf(second.start());
      expect(error.code).to.equal('contextState');
      expect(error.message).to.match(/one started at .*job-context\.spec\.ts:\d+:\d+ still does/);
      expect(second.state).to.equal('initialized');
    }
    await first.stop();
    await second.start();
    expect(JobContext.getActive()).to.equal(second);
  });

  it('refuses what its calls do not take, with the cure', async () => {
    const fixture = new Fixture();
    const refusals: [Promise<unknown>, string, RegExp][] = [
      [
        JobContext.create(fixture.job, { interval: '1s' } as object),
        'optionUnknown',
        /engine options, such as interval/,
      ],
      [JobContext.create(fixture.job, { checkpiont: 'cp' } as object), 'optionUnknown', /did you mean 'checkpoint'/],
      [JobContext.create(fixture.job, { checkpoint: '' }), 'optionInvalid', /wants a directory, got an empty string/],
      [JobContext.create(fixture.job, { checkpoint: 5 as never }), 'optionInvalid', /the path of a directory, got 5/],
      // On the command line it means no checkpoint: here it made a folder of that name.
      [JobContext.create(fixture.job, { checkpoint: 'none' }), 'optionInvalid', /leave it out, or write '\.\/none'/],
      [JobContext.create(fixture.job, { options: { interval: '0' } }), 'optionInvalid', /interval \(program\) wants/],
      [JobContext.create({} as Job), 'jobInvalid', /path or URL of its file, or what job\(\.\.\.\) gives; got/],
      [JobContext.getOrCreate('', () => fixture.context()), 'optionInvalid', /got an empty string/],
      [JobContext.getOrCreate('cp', () => fixture.context(), { args: {} } as object), 'optionUnknown', /createOnError/],
      [fixture.context().stop({ gracefully: true } as object), 'optionUnknown', /did you mean 'graceful'/],
      [fixture.context().stop({ timeoutMs: -1 }), 'optionInvalid', /at least 0, got -1/],
    ];
    for (const [promise, code, message] of refusals) {
      const thrown = await promise.catch((error: unknown) => error);
      expect(thrown).to.have.property('code', code);
      expect((thrown as Error).message).to.match(message);
    }
  });

  it('refuses sources, operations and outputs that are declared after the build function', async () => {
    const fixture = new Fixture();
    let kept: StreamingContext | undefined;
    const declared = job('late', {}, ssc => {
      kept = ssc;
      ssc.queueStream(fixture.queue).print();
    });
    await made(contextOf(declared, { clock: fixture.clock, fs: fixture.fs })).start();
    expect(() => kept?.queueStream(new BatchQueue()))
      .to.throw(EngineError, /source was called when the build function of job late had returned/)
      .with.property('code', 'contextState');
  });

  describe('awaitTermination', () => {
    it('waits before the start too, and until the end', async () => {
      const fixture = new Fixture();
      const context = made(fixture.context());
      const ended = context.awaitTermination();
      expect(await isSettled(ended)).to.equal(false);
      await context.start();
      expect(await isSettled(ended)).to.equal(false);
      await context.stop();
      await ended;
      await context.awaitTermination();
    });

    it('resolves when a bounded run has done all there was', async () => {
      const fixture = new Fixture();
      fixture.queue.push([1], [2, 3]);
      const context = made(fixture.context({ once: true }));
      await context.start();
      await context.awaitTermination();
      expect(fixture.rows.toSorted()).to.deep.equal([1, 2, 3]);
      expect(context.state).to.equal('stopped');
    });

    it('rejects with the error of the first batch that failed; stop does not', async () => {
      const fixture = new Fixture(() => {
        throw new Error('the table is gone');
      });
      fixture.queue.push([1]);
      const context = made(fixture.context());
      await context.start();
      const error = await errorOf(context.awaitTermination());
      expect(error.code).to.equal('batchFailed');
      expect(error.message).to.match(/the table is gone/);
      expect(context.state).to.equal('stopped');
      await context.stop({ graceful: true });
      expect(await errorOf(context.awaitTerminationOrTimeout(5))).to.equal(error);
    });

    it('waits no longer than it is told: false then, true at the end', async () => {
      const fixture = new Fixture();
      const context = made(fixture.context());
      await context.start();
      const waited = context.awaitTerminationOrTimeout(1500);
      fixture.clock.advanceTo(2499);
      expect(await isSettled(waited)).to.equal(false);
      fixture.clock.advanceTo(2500);
      expect(await waited).to.equal(false);
      const toTheEnd = context.awaitTerminationOrTimeout(60_000);
      await context.stop();
      expect(await toTheEnd).to.equal(true);
      expect(fixture.clock.numTimers).to.equal(0);
      expect((await errorOf(context.awaitTerminationOrTimeout(Number.NaN))).code).to.equal('optionInvalid');
    });
  });

  describe('stop', () => {
    /** A context in whose first batch foreachRDD waits to be let go. */
    async function inMidBatch(): Promise<{ fixture: Fixture; context: JobContext; release: () => void }> {
      let release: () => void = () => undefined;
      let waiting = false;
      const fixture = new Fixture(async rdd => {
        fixture.rows.push(...(await rdd.collect()));
        waiting = true;
        await new Promise<void>(resolve => (release = resolve));
      });
      fixture.queue.push([1]);
      const context = made(fixture.context({ checkpoint: '/checkpoint' }));
      await context.start();
      await until(() => waiting, 'the output of the first batch');
      return { fixture, context, release: () => release() };
    }

    it('may be called again and again, at once and later', async () => {
      const fixture = new Fixture();
      const context = made(fixture.context());
      await context.start();
      await Promise.all([context.stop(), context.stop({ graceful: true })]);
      await context.stop();
      expect(context.state).to.equal('stopped');
    });

    it('waits for a start that is under way', async () => {
      const fixture = new Fixture();
      const context = made(fixture.context());
      const starting = context.start();
      await context.stop();
      expect(context.state).to.equal('stopped');
      await starting;
    });

    it('lets the batch under way be finished and committed when it is graceful', async () => {
      const { fixture, context, release } = await inMidBatch();
      const stopping = context.stop({ graceful: true });
      expect(await isSettled(stopping)).to.equal(false);
      expect(context.state).to.equal('active');
      release();
      await stopping;
      expect(fixture.numCompleted).to.equal(1);
    });

    it('when not graceful leaves what is not committed to the next run', async () => {
      const fixture = new Fixture();
      fixture.queue.push([1]);
      let hangs = false;
      const faults = (_slot: number, request: WorkerRequest): 'hangThenLose' | undefined => {
        hangs ||= request.kind.startsWith('task');
        return request.kind.startsWith('task') ? 'hangThenLose' : undefined;
      };
      const context = made(fixture.context({ checkpoint: '/checkpoint', faults }));
      await context.start();
      await until(() => hangs, 'a task');
      await context.stop();
      await context.awaitTermination();
      expect(fixture.numCompleted).to.equal(0);
      const next = made(fixture.context({ checkpoint: '/checkpoint' }));
      await next.start();
      await until(() => fixture.rows.length === 1, 'the batch again');
      expect(fixture.rows).to.deep.equal([1]);
    });

    it('ends a graceful one at its time, with a warning', async () => {
      const { fixture, context, release } = await inMidBatch();
      const stopping = context.stop({ graceful: true, timeoutMs: 700 });
      expect(await isSettled(stopping)).to.equal(false);
      fixture.clock.advanceTo(1699);
      expect(await isSettled(stopping)).to.equal(false);
      expect(fixture.warnings).to.deep.equal([]);
      fixture.clock.advanceTo(1700);
      await until(() => fixture.warnings.length > 0, 'a warning');
      release();
      await stopping;
      await context.awaitTermination();
      expect(context.state).to.equal('stopped');
      expect(fixture.warnings[0]).to.match(/^not everything was finished after 700 ms/);
      expect(fixture.clock.numTimers).to.equal(0);
    });

    it('does not wait for a run that cannot end for ever', async () => {
      for (const graceful of [true, false]) {
        const { clock, queue } = new Fixture();
        const asked: string[] = [];
        const events: RunEvent[] = [];
        const stuck = job('stuck', {}, ssc => ssc.queueStream(queue).print());
        const run: RunningJob = {
          done: new Promise(() => undefined),
          stop: mode => {
            asked.push(mode);
            return new Promise(() => undefined);
          },
        };
        const context = made(contextOf(stuck, { clock, fs: new ModelFileSystem(), events, start: async () => run }));
        await context.start();
        const stopping = context.stop({ graceful, timeoutMs: 700 });
        expect(await isSettled(stopping)).to.equal(false);
        for (const afterMs of graceful ? [700, 2000] : [700]) {
          expect(await isSettled(stopping)).to.equal(false);
          clock.advanceTo(clock.now() + afterMs);
        }
        await stopping;
        await context.awaitTermination();
        expect(context.state).to.equal('stopped');
        expect(asked).to.deep.equal(graceful ? ['graceful', 'now'] : ['now']);
        const last = events.at(-1);
        expect(last?.kind === 'warning' && last.message).to.match(/^a function of foreachRDD has not returned/);
        expect(clock.numTimers).to.equal(0);
      }
    });

    it('can be called from a function of foreachRDD, graceful or not, without waiting for itself', async () => {
      for (const graceful of [true, false]) {
        let context: JobContext | undefined;
        const fixture = new Fixture(async () => {
          await turn();
          await context?.stop({ graceful });
          fixture.rows.push(1);
        });
        fixture.queue.push([1]);
        context = made(fixture.context());
        await context.start();
        await context.awaitTermination();
        if (graceful) expect(fixture.numCompleted).to.equal(1);
        await until(() => fixture.rows.length === 1, `the end of the function, graceful: ${graceful}`);
      }
    });

    it('can be called from a listener, and awaitTermination is refused there', async () => {
      const fixture = new Fixture();
      const context = made(fixture.context());
      const refused: string[] = [];
      context.addStreamingListener({
        onBatchCompleted: async () => {
          await context.awaitTermination().catch((error: unknown) => refused.push((error as EngineError).code));
          await context.stop({ graceful: true });
          refused.push('returned');
        },
      });
      await context.start();
      await context.awaitTermination();
      await until(() => refused.length === 2, 'the end of the listener');
      expect(refused).to.deep.equal(['contextState', 'returned']);
    });
  });

  it('tells its listeners what happens, and those no more that were removed', async () => {
    const fixture = new Fixture();
    const context = made(fixture.context());
    const heard: string[] = [];
    const first = { onBatchCompleted: (): void => void heard.push('first') };
    const second = { onBatchCompleted: (): void => void heard.push('second') };
    context.addStreamingListener(first);
    context.addStreamingListener(second);
    await context.start();
    await until(() => heard.length === 2, 'the first batch');
    context.removeStreamingListener(first);
    await fixture.nextBatch();
    await context.stop({ graceful: true });
    expect(heard).to.deep.equal(['first', 'second', 'second']);
  });

  const failing: [string, () => void | Promise<void>][] = [
    [
      'throws',
      () => {
        throw new Error('no terminal');
      },
    ],
    ['rejects', () => Promise.reject(new Error('no terminal'))],
  ];
  for (const [how, fail] of failing)
    it(`goes on when onEvent ${how}`, async () => {
      const fixture = new Fixture();
      fixture.queue.push([1]);
      const told: string[] = [];
      const warn = console.warn;
      console.warn = (text: string) => void told.push(text);
      try {
        const { clock, fs } = fixture;
        const context = made(contextOf(fixture.job, { clock, fs, onEvent: fail, once: true }));
        await context.start();
        await context.awaitTermination();
        expect(fixture.rows).to.deep.equal([1]);
      } finally {
        console.warn = warn;
      }
      expect(told).to.deep.equal(['warning: onEvent failed: no terminal; the run goes on']);
    });

  it('goes on from its checkpoint after a crash', async () => {
    const fixture = new Fixture();
    fixture.queue.push([1], [2]);
    const context = made(fixture.context({ checkpoint: '/checkpoint' }));
    await context.start();
    await until(() => fixture.numCompleted === 1, 'a batch');
    fixture.fs.crash({ kind: 'kill' });
    await context.stop();
    const next = made(fixture.context({ checkpoint: '/checkpoint' }));
    await next.start();
    await fixture.nextBatch();
    await next.stop({ graceful: true });
    expect(fixture.rows).to.deep.equal([1, 2]);
  });
});
