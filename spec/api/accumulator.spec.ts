import { expect } from 'chai';
import { VirtualClock } from '../../lib/core/clock.js';
import { BatchQueue, job, type Accumulator } from '../../lib/index.js';
import type { Fault } from '../../lib/driver/in-process-runner.js';
import { ModelFileSystem } from '../helpers/model-file-system.js';
import { runEngine } from '../helpers/run-engine.js';

interface Totals {
  readonly rows: Accumulator<number>;
  readonly odd: Accumulator<number, number[]>;
}

/** Runs two batches of rows through closures that count, and gives the driver's totals. */
async function totalsOf(faults?: (nth: number) => Fault | undefined): Promise<[number, number[], number[]]> {
  const queue = new BatchQueue<number>().push([1, 2, 3], [4, 5]);
  let totals: Totals | undefined;
  const seen: number[] = [];
  const declared = job('spec', {}, ssc => {
    const rows = ssc.sumAccumulator('rows');
    const odd = ssc.listAccumulator<number>('odd');
    totals ??= { rows, odd };
    ssc
      .queueStream(queue)
      .map(n => {
        rows.add(1);
        return n;
      })
      .foreachRDD(async rdd => {
        await rdd.foreach(n => {
          if (n % 2 === 1) odd.add(n);
        });
        seen.push(rows.value);
      });
  });
  const clock = new VirtualClock(0);
  clock.advanceTo(1000);
  let tasks = 0;
  const run = await runEngine(declared, {
    clock,
    fs: new ModelFileSystem(),
    once: true,
    ...(faults === undefined
      ? {}
      : { faults: (_, request) => (request.kind.startsWith('task') ? faults(++tasks) : undefined) }),
  });
  await run.engine.done;
  return [totals?.rows.value ?? -1, (totals?.odd.value ?? []).toSorted(), seen];
}

describe('accumulators', () => {
  it('sum what tasks of streams and actions add; the driver sees a batch when it is put out', async () => {
    expect(await totalsOf()).to.deep.equal([5, [1, 3, 5], [3, 5]]);
  });

  it('count each task once, however often it was tried', async () => {
    const faults: Fault[] = ['runThenLose', 'throw', 'lose', 'answerThenLose'];
    const clean = await totalsOf();
    for (const fault of faults) {
      for (let nth = 1; nth <= 6; nth++) {
        expect(await totalsOf(task => (task === nth ? fault : undefined)), `${fault} at ${nth}`).to.deep.equal(clean);
      }
    }
  });

  it('have no value in a closure', async () => {
    const queue = new BatchQueue<number>().push([1]);
    const declared = job('spec', {}, ssc => {
      const total = ssc.sumAccumulator('total');
      ssc
        .queueStream(queue)
        .map(n => n + total.value)
        .print();
    });
    const clock = new VirtualClock(0);
    clock.advanceTo(1000);
    const run = await runEngine(declared, { clock, fs: new ModelFileSystem(), once: true });
    const error = await run.engine.done.catch((thrown: unknown) => thrown);
    expect(String(error)).to.contain("accumulator 'total' is known in the driver only");
  });
});
