import { expect } from 'chai';
import type { DStream } from '../../lib/api/dstream.js';
import { InProcessRunner, type Fault } from '../../lib/driver/in-process-runner.js';
import type { WorkerRequest } from '../../lib/protocol/messages.js';
import type { TaskRunner } from '../../lib/protocol/task-runner.js';
import { CRASH, expectStream, runStream } from '../helpers/expect-stream.js';
import type { DeclaredOptions } from '../../lib/core/options.js';
import { randomOf } from '../helpers/random-values.js';

const FAULTS: readonly Fault[] = ['lose', 'runThenLose', 'answerThenLose', 'hangThenLose', 'throw'];
const input = [['a b', 'b c', 'a a', 'd'], ['b'], [], ['a', 'c c', 'e f']];

const counts = (lines: DStream<string>): DStream<unknown> =>
  lines
    .flatMap(line => line.split(' '))
    .map(word => [word, 1])
    .reduceByKey((a, b) => a + b)
    .updateStateByKey<number, string, number>((values, state) => values.reduce((a, b) => a + b, state ?? 0));

describe('faults of workers', () => {
  it('of every kind, at every request, cost retries and change nothing', () => failEach({ smallBatchRecords: 0 }, 20));

  it('of every kind, at every request, do the same where tasks go to a worker together', () =>
    failEach({ smallBatchRecords: 1000 }, 14));

  async function failEach(options: DeclaredOptions, most: number): Promise<void> {
    const expected = await runStream(input, counts);
    for (const fault of FAULTS) {
      let requests = 0;
      for (let victim = 0, more = true; more; victim++) {
        requests = 0;
        // A throwing closure is a fault of tasks alone.
        const faults = (_slot: number, request: WorkerRequest): Fault | undefined =>
          requests++ === victim && (fault !== 'throw' || request.kind.startsWith('task')) ? fault : undefined;
        const found = await runStream(input, counts, { faults, options });
        expect(found, `${fault} at request ${victim}`).to.deep.equal(expected);
        more = victim + 1 < requests;
      }
      expect(requests, 'requests').to.be.greaterThan(most);
    }
  }

  it('in a snapshot, while it is restored, and while changes are applied, do the same', async () => {
    const crashing = [['a b', 'b c'], CRASH, ['b'], ['a', 'c c'], CRASH, ['e e']] as const;
    const options = { smallBatchRecords: 0, checkpointInterval: 1000 };
    const expected = await runStream(crashing, counts, { options });
    const kinds = new Set<string>();
    let requests = 0;
    for (let victim = 0, more = true; more; victim++) {
      requests = 0;
      const faults = (_slot: number, request: WorkerRequest): Fault | undefined => {
        if (requests++ !== victim) return undefined;
        kinds.add(request.kind);
        return victim % 2 === 0 ? 'lose' : 'runThenLose';
      };
      expect(await runStream(crashing, counts, { faults, options }), `request ${victim}`).to.deep.equal(expected);
      more = victim + 1 < requests;
    }
    const wanted = ['attach', 'task', 'applyDeltas', 'snapshotState', 'restoreSnapshot', 'restoreDeltas'];
    expect([...kinds]).to.include.members(wanted);
  });

  it('of all workers at once, and once more while they recover, do the same', async () => {
    const crashing = [['a b', 'b c'], ['b'], CRASH, ['a', 'c c'], ['d']] as const;
    const options = { checkpointInterval: 1000, maxTaskFailures: 8 };
    const expected = await runStream(crashing, counts, { options });
    for (const again of [1, 2, 5]) {
      let requests = 0;
      let losses = 0;
      for (let victim = 0, more = true; more; victim += 2) {
        requests = 0;
        const wrapRunner = (runner: TaskRunner): TaskRunner => ({
          numSlots: runner.numSlots,
          memories: runner.memories,
          submit: (slot, request, timeoutMs) => {
            const reply = runner.submit(slot, request, timeoutMs);
            const now = requests++;
            if ((now === victim || now === victim + again) && runner instanceof InProcessRunner) {
              for (let lost = 0; lost < runner.numSlots; lost++, losses++) void runner.terminateSlot(lost);
            }
            return reply;
          },
          stop: () => runner.stop(),
        });
        const found = await runStream(crashing, counts, { wrapRunner, options });
        expect(found, `all lost at request ${victim} and ${again} later`).to.deep.equal(expected);
        more = victim + 1 < requests;
      }
      expect(losses).to.be.greaterThan(40);
    }
  });

  it('at a third of all requests, with crashes of the driver between, change nothing', async () => {
    const expected = await runStream(input, counts);
    for (let seed = 1; seed <= 10; seed++) {
      const random = randomOf(seed);
      const faults = (_slot: number, request: WorkerRequest): Fault | undefined => {
        const fault = random() < 0.3 ? FAULTS[Math.floor(random() * FAULTS.length)] : undefined;
        return fault === 'throw' && !request.kind.startsWith('task') ? undefined : fault;
      };
      const crashes = input.flatMap(batch => (random() < 0.5 ? [CRASH, batch] : [batch])) as typeof input;
      await expectStream(crashes, counts, expected, { faults, options: { maxTaskFailures: 100 } });
    }
  });

  it('at every attempt of one task end the batch after four, and name it', async () => {
    let error: { message: string; code: string } | undefined;
    const run = runStream([['x']], s =>
      s.map(x => {
        if (x === 'x') throw new RangeError('x is not allowed');
        return x;
      }),
    );
    await run.catch((thrown: typeof error) => (error = thrown));
    expect(error?.code).to.equal('batchFailed');
    expect(error?.message).to.match(
      /failed in map at .*faults\.spec\.ts:\d+ \(stage 0, partition \d, 4 attempts\): RangeError: x is not allowed at .*faults\.spec\.ts:\d+/,
    );
  });
});
