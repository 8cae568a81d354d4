import { expect } from 'chai';
import type { DStream } from '../../lib/api/dstream.js';
import { runTask, type TaskEnvironment } from '../../lib/executor/run-task.js';
import { runTaskGroup } from '../../lib/executor/run-task-group.js';
import type { GroupedTask, TaskGroupRequest, TaskResult, WorkerReply } from '../../lib/protocol/messages.js';
import { blocksOf } from '../../lib/scheduler/batch-task.js';
import { environmentOf, read, type Row } from '../helpers/task-environment.js';

const rows = Array.from({ length: 50 }, (_, n) => ({ k: `key ${n % 7}`, n }));

/** Stage 0 reads, stage 1 groups in two partitions, stage 2 puts together what is left in one. */
const threeStages =
  (fail: (n: number) => boolean) =>
  (stream: DStream<Row>): void =>
    stream
      .map(({ k, n }): [string, number] => [k, n])
      .groupByKey()
      .map(([k, all]): [number, string] => {
        if (fail(all.length)) throw new Error(`${k} failed`);
        return [all.length, k];
      })
      .groupByKey(1)
      .print();

const { range } = read(rows);
const task = (stage: number, partition: number, inputs: GroupedTask['inputs'], isInner = true): GroupedTask => ({
  ...{ stage, partition, attempt: 1, range: stage === 0 ? range : null, inputs, isInner },
});
const ALL = [task(0, 0, []), task(1, 0, [[0]]), task(1, 1, [[0]]), task(2, 0, [[1, 2]], false)];

const groupOf = (tasks: readonly GroupedTask[]): TaskGroupRequest => ({
  ...{ kind: 'tasks', time: 0, previousTime: 0, plan: null, broadcasts: [], tasks },
});

type GroupReply = Extract<WorkerReply, { kind: 'tasks' }>;

async function run(environment: TaskEnvironment, tasks: readonly GroupedTask[]): Promise<GroupReply> {
  const reply = await runTaskGroup(environment, groupOf(tasks));
  if (reply.ok && reply.kind === 'tasks') return reply;
  throw new Error(JSON.stringify(reply));
}

/** The same, each task in a request of its own. */
async function runAlone(environment: TaskEnvironment): Promise<TaskResult[]> {
  const results: TaskResult[] = [];
  for (const { inputs, ...alone } of ALL) {
    const blocks = inputs.map(entries =>
      entries.flatMap(entry => {
        const shuffle = typeof entry === 'number' ? Object.values(results[entry]?.shuffles ?? {})[0] : undefined;
        return shuffle?.[alone.partition] ?? [];
      }),
    );
    const reply = await runTask(environment, { ...read([]), ...alone, inputs: blocks });
    if (!reply.ok || reply.kind !== 'task') throw new Error(JSON.stringify(reply));
    results.push(reply.result);
  }
  return results;
}

describe('runTaskGroup', () => {
  it('gives what its tasks give one by one, and leaves nothing that was for tasks of the group alone', async () => {
    const alone = (await runAlone(environmentOf(threeStages(() => false)))).at(-1)?.collected;
    const environment = environmentOf(threeStages(() => false));
    const { memory } = environment;
    await run(environment, ALL);
    const before = [memory.liveBytes, memory.numBlocks];
    const { results, failure } = await run(environment, ALL);
    expect(failure).to.equal(undefined);
    expect(results.map(result => result?.inputRecords)).to.deep.equal([50, 0, 0, 0]);
    expect(results.at(-1)?.collected).to.deep.equal(alone);
    expect(results.flatMap(result => (result ? blocksOf(result) : []))).to.deep.equal([]);
    expect([memory.liveBytes, memory.numBlocks]).to.deep.equal(before);
  });

  it('keeps the blocks that others will read', async () => {
    const { results } = await run(environmentOf(threeStages(() => false)), [task(0, 0, [], false), task(1, 0, [[0]])]);
    expect(results.map(result => (result ? blocksOf(result).length : 0))).to.deep.equal([2, 0]);
  });

  it('does not run a task that has nothing to read', async () => {
    const nothing = { ...task(0, 0, []), range: read([]).range };
    const { results } = await run(environmentOf(threeStages(() => false)), [nothing, ...ALL.slice(1)]);
    expect(results.slice(1)).to.deep.equal([null, null, null]);
  });

  it('ends with the task that fails, with the blocks of those before it, and nothing else is left', async () => {
    const environment = environmentOf(threeStages(n => n > 0));
    const { memory } = environment;
    const { results, failure } = await run(environment, ALL);
    expect(failure).to.have.property('kind', 'userError');
    expect(results.length).to.equal(1);
    const left = results.flatMap(result => (result ? blocksOf(result) : []));
    expect(left.length).to.equal(2);
    for (const { address } of left) memory.free(address);
    const before = [memory.liveBytes, memory.numBlocks];
    const again = await run(environment, ALL);
    for (const result of again.results) if (result) for (const { address } of blocksOf(result)) memory.free(address);
    expect([memory.liveBytes, memory.numBlocks]).to.deep.equal(before);
  });

  it('answers what is wrong with its plan', async () => {
    const { results, failure } = await run(environmentOf(threeStages(() => false)), [task(7, 0, [])]);
    expect(results).to.deep.equal([]);
    expect(failure).to.include({ kind: 'engineError', code: 'internal' });
  });
});
