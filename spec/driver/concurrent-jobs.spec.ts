/** Batches computed at once give what they give one after another: rows, their order, and the state, on any number of workers. */
import { expect } from 'chai';
import { VirtualClock } from '../../lib/core/clock.js';
import { int64, schema, utf8 } from '../../lib/core/schema.js';
import type { DeclaredOptions } from '../../lib/core/options.js';
import { BatchQueue } from '../../lib/api/batch-queue.js';
import { job } from '../../lib/api/job.js';
import { count, sum } from '../../lib/expr/aggregate.js';
import type { Fault } from '../../lib/driver/in-process-runner.js';
import type { WorkerReply, WorkerRequest } from '../../lib/protocol/messages.js';
import type { TaskRunner } from '../../lib/protocol/task-runner.js';
import { expectNothingLeft } from '../helpers/expect-stream.js';
import { ModelFileSystem } from '../helpers/model-file-system.js';
import { randomOf } from '../helpers/random-values.js';
import { runEngine } from '../helpers/run-engine.js';

interface Row {
  readonly k: string;
  readonly v: number;
}

const FAULTS: readonly Fault[] = ['lose', 'runThenLose', 'answerThenLose', 'hangThenLose', 'throw'];

/** Fourteen batches, some of them empty, of uneven sizes: later ones are often done before earlier ones. */
const BATCHES: readonly (readonly Row[])[] = Array.from({ length: 14 }, (_, batch) => {
  const random = randomOf(batch);
  return Array.from({ length: batch % 5 === 3 ? 0 : (batch % 4) * 7 }, () => ({
    k: `k${Math.floor(random() * 6)}`,
    v: Math.floor(random() * 100),
  }));
});

/** Notes how many batches have tasks under way at once, and may leave out a change of state. */
class Watch implements TaskRunner {
  readonly #runner: TaskRunner;
  readonly #lostChange: number;
  readonly #underWay = new Map<number, number>();
  #changes = 0;
  mostAtOnce = 0;

  constructor(runner: TaskRunner, lostChange = -1) {
    this.#runner = runner;
    this.#lostChange = lostChange;
  }

  get numSlots(): number {
    return this.#runner.numSlots;
  }

  get memories(): readonly WebAssembly.Memory[] {
    return this.#runner.memories;
  }

  async submit(slot: number, request: WorkerRequest, timeoutMs: number): Promise<WorkerReply> {
    if (request.kind === 'applyDeltas' && this.#changes++ === this.#lostChange)
      return { ok: true, kind: 'applied', numRows: request.deltas.map(() => 0) };
    if (request.kind !== 'task' && request.kind !== 'tasks') return this.#runner.submit(slot, request, timeoutMs);
    const { time } = request;
    this.#underWay.set(time, (this.#underWay.get(time) ?? 0) + 1);
    this.mostAtOnce = Math.max(this.mostAtOnce, this.#underWay.size);
    const reply = await this.#runner.submit(slot, request, timeoutMs);
    const left = (this.#underWay.get(time) ?? 0) - 1;
    if (left > 0) this.#underWay.set(time, left);
    else this.#underWay.delete(time);
    return reply;
  }

  stop(): Promise<void> {
    return this.#runner.stop();
  }
}

interface Outcome {
  /** What each output gave, in the order of the calls. */
  readonly rows: readonly unknown[];
  readonly file: string;
  readonly watch: Watch;
}

/** Runs a job with three kinds of state and a stage before each, over all batches, as fast as they go. */
async function run(
  options: DeclaredOptions,
  faults?: (slot: number, request: WorkerRequest) => Fault | undefined,
  lostChange?: number,
): Promise<Outcome> {
  const rows: unknown[] = [];
  const queue = new BatchQueue<Row>();
  for (const batch of BATCHES) queue.push([...batch]);
  const made = job('spec', {}, ssc => {
    const input = ssc.queueStream(queue, { schema: schema({ k: utf8(), v: int64() }) });
    input
      .groupBy('k')
      .runningAgg({ n: count(), v: sum('v') }, { id: 'totals', numPartitions: 3 })
      .saveAsJson('/out/totals.ndjson');
    const pairs = input.map(({ k, v }): [string, number] => [k, v]).reduceByKey((a, b) => a + b, 2);
    pairs
      .updateStateByKey<number[], string, number>((values, state) => [...(state ?? []), ...values], { id: 'lists' })
      .foreachRDD(async (rdd, time) => void rows.push([time, (await rdd.collect()).toSorted()]));
    pairs
      .reduceByKeyAndWindow((a, b) => a + b, 3000, 1000)
      .foreachRDD(async (rdd, time) => void rows.push([time, (await rdd.collect()).toSorted()]));
  });
  const clock = new VirtualClock(0);
  const fs = new ModelFileSystem();
  let watch: Watch | undefined;
  const test = await runEngine(made, {
    clock,
    fs,
    checkpoint: '/checkpoint',
    once: true,
    options: { checkpointInterval: 1, keyGroups: 16, maxTaskFailures: 100, ...options },
    wrapRunner: runner => (watch = new Watch(runner, lostChange)),
    ...(faults === undefined ? {} : { faults }),
  });
  await test.engine.done;
  expectNothingLeft(test, clock);
  if (watch === undefined) throw new Error('no runner was made');
  const file = Buffer.from(fs.bytesOf('/out/totals.ndjson')).toString();
  return { rows, file: file.split('\n').toSorted().join('\n'), watch };
}

describe('concurrentJobs', () => {
  let expected: Outcome;
  before(async () => (expected = await run({ concurrentJobs: 1, workers: 2 })));

  it('computes one batch at a time where one is wanted', () => {
    expect(expected.watch.mostAtOnce).to.equal(1);
    expect(expected.rows.length).to.equal(2 * BATCHES.length);
    expect(expected.file.split('\n').length).to.be.greaterThan(20);
  });

  for (const workers of [1, 2, 5]) {
    it(`gives the same with three batches at once on ${workers} workers, also when batches are committed before their state changes`, async () => {
      for (const onBatchFailure of ['stop', 'continue']) {
        const { rows, file, watch } = await run({ concurrentJobs: 3, workers, onBatchFailure });
        if (workers > 2) expect(watch.mostAtOnce).to.be.greaterThan(1);
        expect(rows).to.deep.equal(expected.rows);
        expect(file).to.equal(expected.file);
      }
    });
  }

  it('gives the same while a third of all requests meets a fault', async () => {
    for (let seed = 1; seed <= 4; seed++) {
      const random = randomOf(seed);
      const faults = (_slot: number, request: WorkerRequest): Fault | undefined => {
        const fault = random() < 0.3 ? FAULTS[Math.floor(random() * FAULTS.length)] : undefined;
        return fault === 'throw' && !request.kind.startsWith('task') ? undefined : fault;
      };
      const { rows, file } = await run({ concurrentJobs: 1 + (seed % 4), workers: 3 }, faults);
      expect(rows, `seed ${seed}`).to.deep.equal(expected.rows);
      expect(file, `seed ${seed}`).to.equal(expected.file);
    }
  });

  it('has an oracle that sees a change of state that is lost', async () => {
    for (const lostChange of [0, 7, 10]) {
      const { rows, file } = await run({ concurrentJobs: 3, workers: 2 }, undefined, lostChange);
      expect({ rows, file }).not.to.deep.equal({ rows: expected.rows, file: expected.file });
    }
  });
});
