import { expect } from 'chai';
import { VirtualClock } from '../../lib/core/clock.js';
import { BatchQueue, job, type DStream } from '../../lib/index.js';
import { ModelFileSystem } from '../helpers/model-file-system.js';
import { runEngine } from '../helpers/run-engine.js';

/** Times of the checkpoints that a job takes in 12 batches of one second. */
async function checkpointTimes(prepare: (counts: DStream<[string, number]>) => unknown, option?: string) {
  const queue = new BatchQueue<string>();
  const declared = job('spec', {}, ssc => {
    const counts = ssc
      .queueStream(queue)
      .map((word): [string, number] => [word, 1])
      .updateStateByKey<number, string, number>((values, state = 0) => state + values.length);
    prepare(counts);
    counts.print();
  });
  const clock = new VirtualClock(1000);
  const settings = { clock, fs: new ModelFileSystem(), checkpoint: '/checkpoint' };
  const options = option === undefined ? {} : { checkpointInterval: option };
  queue.push(['a']);
  const run = await runEngine(declared, { ...settings, options });
  await run.batchesDone(1);
  for (let batch = 2; batch <= 12; batch++) {
    queue.push(['a', `b${batch}`]);
    await run.next();
  }
  await run.engine.abort();
  return run.events.flatMap(event => (event.kind === 'checkpointWritten' ? [event.time] : []));
}

describe('checkpoint(interval)', () => {
  it('takes snapshots as often as it says, of several the smallest', async () => {
    expect(
      await checkpointTimes(counts =>
        counts
          .checkpoint('3s')
          .map(x => x)
          .checkpoint(6000),
      ),
    ).to.have.length(3);
    expect(await checkpointTimes(counts => counts.checkpoint('30s'))).to.deep.equal([]);
  });

  it('is the option where it does not say', async () => {
    expect(await checkpointTimes(() => undefined, '3s')).to.have.length(3);
    expect(await checkpointTimes(() => undefined)).to.have.length(1);
  });

  it('wants a multiple of the time between batches', async () => {
    const error = await checkpointTimes(counts => counts.checkpoint(1500)).catch((thrown: unknown) => thrown);
    expect(String(error)).to.contain(
      'checkpoint interval 1500 ms must be a multiple of the batch interval 1000 ms; try 1000 or 2000',
    );
  });
});
