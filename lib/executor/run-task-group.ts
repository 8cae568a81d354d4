/**
 * Runs the tasks of a small batch one after another, without asking the driver in between: each reads the blocks of those
 * before it where they lie. What a task leaves, and in what order, is what it leaves when it is asked for alone.
 */
import { EngineError } from '../core/errors.js';
import type { Stage } from '../plan/stages.js';
import type { BlockRef, GroupedTask, TaskGroupRequest, TaskResult, WorkerReply } from '../protocol/messages.js';
import { failureOf } from './failure-of.js';
import { runTask, type TaskEnvironment } from './run-task.js';

/** Never throws. Ends with the first task that fails; what those before it left is in the reply, to be accepted. */
export async function runTaskGroup(environment: TaskEnvironment, request: TaskGroupRequest): Promise<WorkerReply> {
  const results: (TaskResult | null)[] = [];
  try {
    const { stages } = await environment.plans.planOf(request);
    const { time, previousTime, plan, broadcasts } = request;
    for (const { inputs, isInner: _, ...task } of request.tasks) {
      const stage = stages[task.stage];
      if (stage === undefined) throw new EngineError('internal', `no stage ${task.stage}`);
      const blocks = inputs.map((entries, i) => blocksOf(entries, stage.reads[i]?.id, task.partition, results));
      if (hasNothingToRead(stage, blocks)) {
        results.push(null);
        continue;
      }
      const place = { time, previousTime, plan, broadcasts };
      const reply = await runTask(environment, { kind: 'task', ...place, ...task, inputs: blocks });
      if (!reply.ok) return { ok: true, kind: 'tasks', results, failure: reply.failure };
      if (reply.kind === 'task') results.push(reply.result);
    }
  } catch (error) {
    return { ok: true, kind: 'tasks', results, failure: failureOf(error) };
  }
  return { ok: true, kind: 'tasks', results: results.map((result, i) => outcomeOf(environment, request, result, i)) };
}

function blocksOf(
  entries: readonly (BlockRef | number)[],
  shuffle: string | undefined,
  partition: number,
  results: readonly (TaskResult | null)[],
): BlockRef[] {
  return entries.flatMap(entry =>
    typeof entry === 'number' ? (results[entry]?.shuffles[shuffle ?? '']?.[partition] ?? []) : entry,
  );
}

/** The driver does not even ask for such a task when it knows what there is to read. */
const hasNothingToRead = ({ runsEmpty }: Stage, inputs: readonly (readonly BlockRef[])[]): boolean =>
  inputs.length > 0 && !runsEmpty && inputs.every(blocks => blocks.length === 0);

/** Without the blocks that were only for tasks of the group: they are free again, and the driver never hears of them. */
function outcomeOf(
  { memory }: TaskEnvironment,
  { tasks }: TaskGroupRequest,
  result: TaskResult | null,
  index: number,
): TaskResult | null {
  if (result === null || !isInner(tasks[index])) return result;
  for (const blocks of Object.values(result.shuffles))
    for (const block of blocks) if (block !== null) memory.free(block.address);
  return { ...result, shuffles: {} };
}

const isInner = (task: GroupedTask | undefined): boolean => task?.isInner === true;
