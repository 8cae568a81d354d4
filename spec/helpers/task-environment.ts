/** What a worker's tasks run in, on one slot's memory, without a thread. */
import { int64, schema, utf8 } from '../../lib/core/schema.js';
import { encodeValue } from '../../lib/core/value-codec.js';
import { BatchQueue } from '../../lib/api/batch-queue.js';
import type { DStream } from '../../lib/api/dstream.js';
import { buildGraph, job } from '../../lib/api/job.js';
import { createSlotMemory, SlotMemory } from '../../lib/columnar/slot-memory.js';
import { BatchPlans } from '../../lib/executor/batch-plans.js';
import type { TaskEnvironment } from '../../lib/executor/run-task.js';
import { operatorStates, StateTables } from '../../lib/executor/state-tables.js';
import type { BlockRef, TaskRequest } from '../../lib/protocol/messages.js';
import { QueueSourceReader } from '../../lib/sources/queue-source.js';

const LIMIT_BYTES = 32 * 1024 * 1024;

export interface Row {
  readonly k: string;
  readonly n: number;
}

/** Of a job that reads the queue `q`, in two partitions. */
export function environmentOf(build: (rows: DStream<Row>) => void): TaskEnvironment {
  const made = job('spec', {}, ssc =>
    build(ssc.queueStream(new BatchQueue<Row>(), { id: 'q', schema: schema({ k: utf8(), n: int64() }) })),
  );
  const { graph, plan } = buildGraph(made, {}, 2);
  const memory = new SlotMemory(0, createSlotMemory(LIMIT_BYTES), LIMIT_BYTES);
  return {
    memory,
    graph,
    plans: new BatchPlans(graph, plan),
    readers: new Map([['q', new QueueSourceReader()]]),
    tables: new StateTables(memory, operatorStates(plan), 8),
    numKeyGroups: 8,
    logsState: true,
    bytesOf: (block: BlockRef) => memory.bytes(block.address, block.byteLength),
  };
}

/** The first stage's task on these rows. */
export const read = (rows: readonly Row[]): TaskRequest => ({
  kind: 'task',
  stage: 0,
  partition: 0,
  attempt: 1,
  time: 0,
  previousTime: 0,
  plan: null,
  broadcasts: [],
  range: { numRows: rows.length, rows: Buffer.from(encodeValue(rows)).toString('base64') },
  inputs: [],
});
