/** A job with every kind of state, run over batches of a queue in memory; ends in the middle, so that there is a log. */
import { BatchQueue } from '../../../lib/api/batch-queue.js';
import { job } from '../../../lib/api/job.js';
import { StateSpec, type State } from '../../../lib/api/state-spec.js';
import { VirtualClock } from '../../../lib/core/clock.js';
import type { FileSystem } from '../../../lib/core/file-system.js';
import { bool, float64, int64, nullable, schema, timestamp, utf8 } from '../../../lib/core/schema.js';
import { collectList, count, countDistinct, max, min } from '../../../lib/expr/aggregate.js';
import { col } from '../../../lib/expr/expr.js';
import { ModelFileSystem } from '../../helpers/model-file-system.js';
import { runEngine } from '../../helpers/run-engine.js';

export interface Row {
  readonly user: string;
  readonly city: string | null;
  readonly n: number;
  readonly price: number | null;
  readonly ok: boolean;
  readonly at: number;
}

interface Name {
  readonly name: string;
  readonly tags: readonly boolean[];
}

export const rowSchema = schema({
  user: utf8(),
  city: nullable(utf8()),
  n: int64(),
  price: nullable(float64()),
  ok: bool(),
  at: timestamp(),
});

export const CHECKPOINT = '/jobs/cp';

/** Batch k at k seconds. The job's ids: see `state.operators` of what is loaded. */
export async function runToolJob(
  batches: readonly (readonly Row[])[],
  fs?: ModelFileSystem,
  workers = 2,
): Promise<ModelFileSystem> {
  const memory = fs ?? new ModelFileSystem();
  await runIn(memory, CHECKPOINT, batches, workers);
  return memory;
}

/** The same in any file system, at any path. */
export async function runIn(
  fs: FileSystem,
  checkpoint: string,
  batches: readonly (readonly Row[])[],
  workers = 2,
): Promise<void> {
  const queue = new BatchQueue<Row>();
  const made = job('tools', {}, ssc => {
    const rows = ssc.queueStream(queue, { schema: rowSchema });
    const every = [
      rows.groupBy('city', 'user', 'n', 'price', 'ok', 'at').runningAgg({ rows: count() }, { id: 'six' }),
      rows
        .groupBy('user')
        .runningAgg({ rows: count(), least: min(col('price')), last: max(col('at')) }, { id: 'plain' }),
      rows
        .groupBy('user')
        .runningAgg({ rows: count(), kinds: countDistinct(col('n')), all: collectList(col('n')) }, { id: 'wide' }),
    ];
    const pairs = rows.map((given): [Name, number] => [{ name: given.user, tags: [given.ok] }, given.n]);
    const closures = [
      pairs.updateStateByKey<Map<string, readonly number[]>, Name, number>(
        (values, state) => new Map([['seen', [...(state?.get('seen') ?? []), ...values]]]),
        { id: 'closures' },
      ),
      rows
        .map((given): [string, number] => [given.user, given.n])
        .mapWithState(
          StateSpec.function((_key: string, value: number | undefined, state: State<object>) => {
            state.update({ last: value, big: 1n });
            return 1;
          }).id('sessions'),
        ),
      rows.map(given => given.user).window(2000),
    ];
    for (const stream of every) stream.foreachRDD(() => undefined);
    for (const stream of closures) stream.foreachRDD(() => undefined);
  });
  const clock = new VirtualClock(1000);
  let run;
  for (const rows of batches) {
    queue.push([...rows]);
    if (run === undefined) {
      run = await runEngine(made, {
        clock,
        fs,
        checkpoint,
        options: { workers, checkpointInterval: '2s' },
      });
      await run.batchesDone(1);
    } else await run.next();
  }
  await run?.engine.abort();
}

export const row = (user: string, change: Partial<Row> = {}): Row => ({
  ...{ user, city: null, n: 1, price: null, ok: true, at: 1_700_000_000_000 },
  ...change,
});
