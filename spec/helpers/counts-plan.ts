/** The plan that specs of batches run, with a fake runner: a source, and running counts of what it gives. */
import { int64, schema } from '../../lib/core/schema.js';
import { BatchQueue } from '../../lib/api/batch-queue.js';
import { buildGraph, job } from '../../lib/api/job.js';
import { count } from '../../lib/expr/aggregate.js';
import { compileStages, type CompiledPlan } from '../../lib/plan/stages.js';
import type { TaskResult, WorkerReply } from '../../lib/protocol/messages.js';

/** Two stages: stage 0 is the source `source`; stage 1 keeps state (operator `counts`) in three partitions. */
export const countsPlan: CompiledPlan = compileStages(
  buildGraph(
    job('spec', {}, ssc => {
      ssc
        .queueStream(new BatchQueue<{ v: number }>(), { id: 'source', schema: schema({ v: int64() }) })
        .groupBy('v')
        .runningAgg({ n: count() }, { id: 'counts', numPartitions: 3 })
        .print();
    }),
    {},
    3,
  ).plan,
);

/** What a task leaves that read one record; the rest is nothing. */
export const taskReply = (parts: Partial<TaskResult> = {}): WorkerReply => ({
  ok: true,
  kind: 'task',
  result: {
    inputRecords: 1,
    inputBytes: 2,
    shuffles: {},
    staged: {},
    collected: {},
    kept: {},
    accumulated: [],
    deltas: {},
    badRecords: 0,
    deadLetters: { numRows: 0, blocks: [] },
    runMs: 1,
    ...parts,
  },
});
