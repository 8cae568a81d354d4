/** Small batches, whose tasks go to a worker together, against the same ones task by task: not a byte may differ. */
import { expect } from 'chai';
import { PARTS, jobOf } from '../helpers/combination-job.js';
import { runCombination } from '../helpers/combination-run.js';
import { intBelow, pick, randomOf } from '../helpers/random-values.js';

const WORDS = ['a', 'b', 'cc', 'dd', 'eee', 'f f'];
/** One stage, which on one worker has one task: there is nothing to put together. */
const STAGES_OF_ONE = ['file', 'folders', 'actions', 'persisted'];
const inputOf = (seed: number): string[][] => {
  const random = randomOf(seed);
  return Array.from({ length: 6 }, () => Array.from({ length: intBelow(random, 12) }, () => pick(random, WORDS)));
};

describe('a small batch', () => {
  Object.keys(PARTS).forEach((part, i) => {
    it(`leaves what it leaves task by task, in the same order: ${part}`, async () => {
      const job = jobOf([part]);
      const input = inputOf(i + 1);
      for (const workers of [1, 2, 3]) {
        const asked = { task: 0, tasks: 0 };
        let most = 0;
        const run = (smallBatchRecords: number) =>
          runCombination({
            job,
            input,
            options: () => ({ workers, keyGroups: 8, smallBatchRecords }),
            trouble: undefined,
            onRequest: request => {
              if (request.kind === 'task' || request.kind === 'tasks') asked[request.kind]++;
              if (request.kind === 'tasks') most = Math.max(most, request.tasks.length);
            },
          });
        const one = await run(0);
        expect(asked.tasks).to.equal(0);
        const numAlone = asked.task;
        asked.task = 0;
        const together = await run(1000);
        if (workers === 1 && STAGES_OF_ONE.includes(part)) {
          expect(asked).to.deep.equal({ task: numAlone, tasks: 0 });
        } else {
          expect(most, 'tasks of a request').to.be.greaterThan(1);
          expect(asked.task + asked.tasks, 'requests').to.be.lessThan(numAlone);
        }
        expect(together.problems).to.deep.equal([]);
        // That one tells only what contradicts itself.
        if (part !== 'broadcast')
          expect(together.exact.length + Object.keys(together.rows).length, 'outputs').to.be.greaterThan(0);
        expect(together).to.deep.equal(one);
      }
    });
  });
});
