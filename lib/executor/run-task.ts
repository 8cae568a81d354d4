/** Runs one attempt of one task: reads the leaf, pushes everything through the stage, and answers with what it left. */
import { EngineError } from '../core/errors.js';
import type { GraphView } from '../api/closures.js';
import type { StreamGraph } from '../api/stream-graph.js';
import type { SlotMemory } from '../columnar/slot-memory.js';
import { endsSlide } from '../plan/slides.js';
import type { Stage } from '../plan/stages.js';
import type { BlockRef, TaskRequest, TaskResult, WorkerReply } from '../protocol/messages.js';
import { DeadLetterWriter } from '../sinks/dead-letter.js';
import type { SourceReader } from '../sources/source.js';
import type { DeltaBlock } from '../state/delta.js';
import { deltaToIpc } from '../state/state-ipc.js';
import { failureOf } from './failure-of.js';
import type { BatchPlans } from './batch-plans.js';
import {
  aggregateGroups,
  cogroupPairs,
  combinePairs,
  emitRows,
  readCollection,
  readPairs,
  readRows,
  readSource,
} from './leaves.js';
import { firstPredicate } from './column-chains.js';
import { readColumns } from './column-leaves.js';
import { columnsUsed } from './columns-used.js';
import { mapWithStateLeaf } from './map-with-state-leaf.js';
import { buildPipeline, type Pipeline } from './pipeline.js';
import { BlockLost } from './read-block.js';
import { updateAggregates, updateStates } from './state-leaves.js';
import type { StateTables } from './state-tables.js';
import { TaskContext } from './task-context.js';
import { updatePartition } from './update-partition.js';
import { aggregateWide, hasWide, updateWide } from './wide-leaves.js';
import { windowLeaf } from './window-leaf.js';

/** What a thread's tasks share. */
export interface TaskEnvironment {
  readonly memory: SlotMemory;
  /** The job's own graph; a batch with a plan of its own has another view of it. */
  readonly graph: StreamGraph;
  readonly plans: BatchPlans;
  /** By source id. */
  readonly readers: ReadonlyMap<string, SourceReader>;
  readonly tables: StateTables;
  readonly numKeyGroups: number;
  /** Whether changes of state go to a log. */
  readonly logsState: boolean;
  readonly bytesOf: (block: BlockRef) => Uint8Array;
  /** Times tasks, milliseconds; default: the monotonic clock. */
  readonly now?: () => number;
}

/** Never throws: what goes wrong is a failure in the reply, and then nothing the attempt allocated is left. */
export async function runTask(environment: TaskEnvironment, request: TaskRequest): Promise<WorkerReply> {
  const { memory } = environment;
  memory.startTracking();
  const ctx = new TaskContext(memory, request, new DeadLetterWriter(memory, request.time), environment.bytesOf);
  try {
    for (const { id, ...version } of request.broadcasts) environment.graph.broadcasts.get(id)?.enterScope(version);
    const result = await compute(environment, ctx);
    const kept = new Set(addressesOf(result));
    for (const address of memory.stopTracking()) if (!kept.has(address)) memory.free(address);
    return { ok: true, kind: 'task', result };
  } catch (error) {
    for (const accumulator of environment.graph.accumulators.values()) accumulator.endTask();
    for (const address of memory.stopTracking()) memory.free(address);
    if (error instanceof BlockLost) return { ok: false, failure: { kind: 'blockLost', blockId: error.blockId } };
    return { ok: false, failure: failureOf(error, ctx.label) };
  } finally {
    for (const broadcast of environment.graph.broadcasts.values()) broadcast.setInTask(false);
    memory.resetScratch();
  }
}

/** Between two slides of a window only its state changes. */
const NO_PIPELINE: Pipeline = {
  emit: () => undefined,
  emitSnapshot: undefined,
  finish: () => ({ shuffles: {}, staged: {}, collected: {}, kept: {} }),
};

async function compute(environment: TaskEnvironment, ctx: TaskContext): Promise<TaskResult> {
  const now = environment.now ?? (() => performance.now());
  const startMs = now();
  // A function of foreachRDD that runs here for its closures adds to no accumulator.
  const { stages, view } = await environment.plans.planOf(ctx.request);
  for (const accumulator of environment.graph.accumulators.values()) accumulator.beginTask();
  for (const broadcast of environment.graph.broadcasts.values()) broadcast.setInTask(true);
  const stage = stages[ctx.request.stage];
  if (stage === undefined) throw new EngineError('internal', `no stage ${ctx.request.stage}`);
  const { time, previousTime } = ctx.request;
  const pipeline = endsSlide(stage.slideMs, time, previousTime)
    ? buildPipeline(ctx, stage, view, environment.numKeyGroups)
    : NO_PIPELINE;
  const deltas = await readLeaf(environment, view, ctx, stage, pipeline);
  const ends = pipeline.finish();
  const { waits } = environment.graph.rdds;
  if (!waits.isEmpty) await waits.settle();
  const accumulated = [...environment.graph.accumulators.values()].flatMap(accumulator => {
    const bytes = accumulator.endTask();
    return bytes === undefined ? [] : [{ name: accumulator.name, bytes }];
  });
  const { numRows, blocks } = ctx.finishDeadLetters();
  return {
    ...ends,
    deltas,
    accumulated,
    inputRecords: ctx.inputRecords,
    inputBytes: ctx.inputBytes,
    badRecords: ctx.badRecords,
    deadLetters: { numRows, blocks: blocks.map(block => ({ slot: ctx.memory.slot, ...block, numRows: 0 })) },
    runMs: now() - startMs,
  };
}

/** Reads the stage's leaf to its end. @returns the changes of state it made */
async function readLeaf(
  environment: TaskEnvironment,
  graph: GraphView,
  ctx: TaskContext,
  stage: Stage,
  { emit, emitSnapshot }: Pipeline,
): Promise<TaskResult['deltas']> {
  const { tables, readers } = environment;
  const { leaf } = stage;
  const { operation } = leaf;
  const { inputs, partition } = ctx.request;
  const first = inputs[0] ?? [];
  const f = graph.functions.get(leaf.id) as ((...args: unknown[]) => unknown) | undefined;
  switch (operation.kind) {
    case 'source': {
      const reader = readers.get(operation.sourceId);
      if (reader === undefined) throw new EngineError('internal', `no reader for source ${operation.sourceId}`);
      const { spec, sourceId } = operation;
      await readSource(ctx, spec, sourceId, reader, columnsUsed(stage, leaf), firstPredicate(stage, leaf), emit);
      return {};
    }
    case 'collection':
      readCollection(ctx, emit);
      return {};
    case 'blocks':
    case 'repartition':
      readRows(ctx, first, emit);
      return {};
    case 'combineByKey': {
      const combiner = graph.combiners.get(leaf.id);
      if (combiner === undefined) throw new EngineError('internal', `no combiner for ${leaf.label}`);
      combinePairs(ctx, first, combiner, leaf.label, emit);
      return {};
    }
    case 'groupByKey':
      emitRows(
        [...cogroupPairs(ctx, [first]).values()].map(([key, [values]]) => [key, values]),
        emit,
      );
      return {};
    case 'partitionBy':
      readPairs(ctx, first, emit);
      return {};
    case 'cogroup':
      emitRows([...cogroupPairs(ctx, inputs).values()], emit);
      return {};
    case 'aggregate':
      if (hasWide(operation)) aggregateWide(ctx, first, operation, emit);
      else aggregateGroups(ctx, first, operation.keys, operation.aggregates, emit);
      return {};
    case 'orderRows':
    case 'firstOfKey':
      readColumns(ctx, first, leaf, emit);
      return {};
    case 'runningAggregate': {
      const table = tables.forTask(operation.operatorId, partition);
      const delta = hasWide(operation)
        ? updateWide(ctx, table, first, operation, emit)
        : updateAggregates(ctx, table, first, operation.keys, operation.aggregates, emit);
      return deltaOf(environment, ctx, operation.operatorId, delta);
    }
    case 'updateState': {
      if (f === undefined) throw new EngineError('internal', `no closure for ${leaf.label}`);
      const table = tables.forTask(operation.operatorId, partition);
      const update = operation.wholePartition ? updatePartition : updateStates;
      const delta = update(ctx, table, first, operation.value, f as never, leaf.label, emit);
      return deltaOf(environment, ctx, operation.operatorId, delta);
    }
    case 'mapWithState': {
      if (f === undefined) throw new EngineError('internal', `no closure for ${leaf.label}`);
      const table = tables.forTask(operation.operatorId, partition);
      const task = { ctx, table, operation, blocks: first, label: leaf.label, f, emit, emitSnapshot };
      return deltaOf(environment, ctx, operation.operatorId, mapWithStateLeaf(task));
    }
    case 'window': {
      const table = tables.forTask(operation.operatorId, partition);
      const rows = emit === NO_PIPELINE.emit ? undefined : emit;
      const delta = windowLeaf({ ctx, table, operation, blocks: first, label: leaf.label, emit: rows }, leaf.id, graph);
      return deltaOf(environment, ctx, operation.operatorId, delta);
    }
    default:
      throw new EngineError('internal', `a stage cannot begin with ${operation.kind}`);
  }
}

/** The delta and its Arrow form for the log, as block references. */
function deltaOf(
  environment: TaskEnvironment,
  ctx: TaskContext,
  operator: string,
  delta: DeltaBlock | undefined,
): TaskResult['deltas'] {
  const { memory, tables, logsState } = environment;
  const table = tables.refOf(operator, ctx.request.partition);
  if (delta === undefined) return { [operator]: { delta: null, ipc: null, table } };
  const numRows = delta.numChanged + delta.numRemoved;
  const ipc = logsState ? deltaToIpc(memory, delta.address, tables.valueOf(operator).value) : null;
  const ref = (block: { readonly address: number; readonly byteLength: number }): BlockRef => ({
    slot: memory.slot,
    address: block.address,
    byteLength: block.byteLength,
    numRows,
  });
  return { [operator]: { delta: ref(delta), ipc: ipc && ref(ipc), table } };
}

function addressesOf(result: TaskResult): number[] {
  const blocks: (BlockRef | null)[] = [...result.deadLetters.blocks];
  for (const refs of Object.values(result.shuffles)) blocks.push(...refs);
  for (const parts of Object.values(result.staged)) for (const part of parts) blocks.push(...part.blocks);
  for (const parts of Object.values(result.kept)) for (const part of parts) blocks.push(part.block);
  for (const { delta, ipc } of Object.values(result.deltas)) blocks.push(delta, ipc);
  return blocks.flatMap(block => (block === null ? [] : [block.address]));
}
