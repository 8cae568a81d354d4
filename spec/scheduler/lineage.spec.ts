import { expect } from 'chai';
import type { DeclaredOptions } from '../../lib/core/options.js';
import { schema, utf8 } from '../../lib/core/schema.js';
import type { DStream } from '../../lib/api/dstream.js';
import { count } from '../../lib/expr/aggregate.js';
import type { BlockRef, WorkerReply, WorkerRequest } from '../../lib/protocol/messages.js';
import type { TaskRunner } from '../../lib/protocol/task-runner.js';
import { expectStream, runStream } from '../helpers/expect-stream.js';

/** Wipes the n-th shuffle block that any task is about to read, once. */
class BlockDropper implements TaskRunner {
  readonly #runner: TaskRunner;
  readonly #victim: number;
  readonly #seen = new Set<string>();
  dropped: BlockRef | undefined;

  constructor(runner: TaskRunner, victim: number) {
    this.#runner = runner;
    this.#victim = victim;
  }

  get numSlots(): number {
    return this.#runner.numSlots;
  }

  get memories(): readonly WebAssembly.Memory[] {
    return this.#runner.memories;
  }

  get numSeen(): number {
    return this.#seen.size;
  }

  submit(slot: number, request: WorkerRequest, timeoutMs: number): Promise<WorkerReply> {
    const tasks = request.kind === 'task' ? [request] : request.kind === 'tasks' ? request.tasks : [];
    const inputs = tasks.flatMap((task): readonly (BlockRef | number)[] => task.inputs.flat());
    if ('time' in request) for (const input of inputs) if (typeof input !== 'number') this.#look(request.time, input);
    return this.#runner.submit(slot, request, timeoutMs);
  }

  stop(): Promise<void> {
    return this.#runner.stop();
  }

  #look(time: number, block: BlockRef): void {
    const name = `${time}/${block.slot}/${block.address}`;
    if (this.dropped !== undefined || this.#seen.has(name)) return;
    if (this.#seen.size === this.#victim) {
      const memory = this.#runner.memories[block.slot];
      if (memory !== undefined) new Uint8Array(memory.buffer, block.address, block.byteLength).fill(0);
      this.dropped = block;
    }
    this.#seen.add(name);
  }
}

const words = ['a b a', 'c a b', 'b', 'd d a e'];
/** Three stages with shuffles of pairs, the last of which keeps state. */
const threeStages = (lines: DStream<string>): DStream<unknown> =>
  lines
    .flatMap(line => line.split(' '))
    .map(word => [word, 1])
    .reduceByKey((a, b) => a + b)
    .map(([word, n]) => [n, word])
    .groupByKey()
    .map(([n, all]) => [n, all.toSorted().join(' ')])
    .updateStateByKey<string, number, string>((values, state) =>
      [...(state === undefined ? [] : [state]), ...values].join('|'),
    );

describe('lineage', () => {
  const input = [words, ['x x'], words];

  async function loseEach(options: DeclaredOptions): Promise<number> {
    const expected = await runStream(input, threeStages);
    let victims = 0;
    for (let victim = 0, more = true; more; victim++) {
      let dropper: BlockDropper | undefined;
      const wrapRunner = (runner: TaskRunner): TaskRunner => (dropper = new BlockDropper(runner, victim));
      await expectStream(input, threeStages, expected, { wrapRunner, options });
      more = dropper?.dropped !== undefined;
      if (more) victims++;
    }
    return victims;
  }

  it('makes each block that is lost in a batch of three stages again from its parents', async () => {
    expect(await loseEach({ smallBatchRecords: 0 })).to.be.greaterThan(8);
  });

  // The blocks of the first stage are given up as soon as the second has read them: they too are made again.
  it('makes a block again that a small batch wrote in one request for the next, also from parents that are given up', async () => {
    expect(await loseEach({ smallBatchRecords: 1000 })).to.be.at.least(2);
  });

  it('makes a lost block of columns again', async () => {
    const events = ['a', 'b', 'a', 'c', 'b', 'a'].map(user => ({ user }));
    const expected = [
      [
        { user: 'a', n: 3 },
        { user: 'b', n: 2 },
        { user: 'c', n: 1 },
      ],
    ];
    for (let victim = 0; victim < 3; victim++) {
      let dropper: BlockDropper | undefined;
      await expectStream([events], s => s.groupBy('user').runningAgg({ n: count() }), expected, {
        schema: schema({ user: utf8() }),
        options: { smallBatchRecords: 0 },
        wrapRunner: runner => (dropper = new BlockDropper(runner, victim)),
      });
      expect(dropper?.dropped, `block ${victim}`).not.to.equal(undefined);
    }
  });
});
