/** One random job, its random trouble, and the same job without any: they must agree. */
import { expect } from 'chai';
import { randomJob } from './combination-job.js';
import { runCombination, type Trouble } from './combination-run.js';
import { intBelow, pick, randomOf } from './random-values.js';

const WORDS = ['a', 'b', 'cc', 'dd', 'eee', 'f f'];

/** Throws what differs, with the seed that makes it again. */
export async function checkCombination(seed: number): Promise<void> {
  const random = randomOf(seed);
  const failsBatches = random() < 0.4;
  const onBatchFailure = failsBatches && random() < 0.7 ? 'continue' : pick(random, ['stop', 'stop', 'continue']);
  // A batch that is left out comes late: only what does not depend on the order is the same then.
  const job = randomJob(random, failsBatches && onBatchFailure === 'continue');
  const numBatches = 4 + intBelow(random, 6);
  const input = Array.from({ length: numBatches }, () =>
    Array.from({ length: random() < 0.2 ? 0 : intBelow(random, 12) }, () => pick(random, WORDS)),
  );
  const failing: Trouble['failing'] = new Map(
    input.flatMap((_, i) =>
      failsBatches && random() < 0.3
        ? [[(i + 1) * 1000, pick(random, ['task', 'before', 'between', 'after'] as const)]]
        : [],
    ),
  );
  const trouble: Trouble = {
    random,
    faultRate: pick(random, [0, 0, 0.05, 0.1]),
    fullRate: pick(random, [0, 0, 0.1]),
    crashes: pick(random, [0, 1, 2, 4]),
    failing,
    replacesBroadcast: true,
  };
  const fixed = { onBatchFailure, checkpointInterval: pick(random, [1, 2000, 60_000]), keyGroups: 8 };
  const options = () => ({
    ...fixed,
    workers: 1 + intBelow(random, 3),
    concurrentJobs: 1 + intBelow(random, 3),
    speculation: pick(random, ['off', 'on']),
    maxTaskFailures: 12,
    smallBatchRecords: pick(random, [0, 2000]),
  });
  const what = `seed ${seed}: ${job.parts.join(', ')}; ${JSON.stringify({ ...fixed, ...trouble, failing: [...failing] })}`;
  try {
    const clean = await runCombination({
      job,
      input,
      options: () => ({ workers: 1, keyGroups: 8 }),
      trouble: undefined,
    });
    const found = await runCombination({ job, input, options, trouble });
    expect(found.problems).to.deep.equal([]);
    expect(found.files).to.deep.equal(clean.files);
    expect(found.rows).to.deep.equal(clean.rows);
  } catch (error) {
    if (error instanceof Error) error.message = `${what}\n${error.message}`;
    throw error;
  }
}
