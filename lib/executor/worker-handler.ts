/**
 * The worker's half of the engine: builds the job's graph in its own thread, keeps the state tables of its slot, and
 * answers the driver's requests one at a time. All that must outlive the thread lies in the slot's memory.
 */
import { pathToFileURL } from 'node:url';
import { EngineError } from '../core/errors.js';
import type { FileSystem } from '../core/file-system.js';
import { openSpillFile, type OpenSpillFile } from '../core/spill-file.js';
import { NodeFileSystem } from '../core/node-file-system.js';
import { buildGraph, isJob, type Job } from '../api/job.js';
import { requireSameCaptured } from '../api/captured-variables.js';
import { SlotMemory } from '../columnar/slot-memory.js';
import { fingerprintOf } from '../plan/fingerprint.js';
import type { BlockRef, DeltaRef, WorkerInit, WorkerReply, WorkerRequest } from '../protocol/messages.js';
import { makeSourceReader } from '../sources/source-spec.js';
import type { SourceReader } from '../sources/source.js';
import { applyDelta } from '../state/delta.js';
import { applySnapshot } from '../state/read-snapshot.js';
import { applyIpc, loadArrow } from '../state/state-ipc.js';
import { tableRegions } from '../state/state-table.js';
import { BatchPlans } from './batch-plans.js';
import { failureOf } from './failure-of.js';
import { BlockLost } from './read-block.js';
import { runTask, type TaskEnvironment } from './run-task.js';
import { runTaskGroup } from './run-task-group.js';
import type { WorkerHandler } from './serve.js';
import { SnapshotPieces } from './snapshot-pieces.js';
import { seedStates } from './state-leaves.js';
import { stateSpaceOf } from './state-space-of.js';
import { operatorStates, StateTables } from './state-tables.js';

/** Loads the job module and makes the thread's handler. */
export async function createWorkerHandler(init: WorkerInit): Promise<WorkerHandler> {
  const module = (await import(pathToFileURL(init.jobModule).href)) as { default?: unknown };
  if (!isJob(module.default)) throw new EngineError('jobInvalid', `${init.jobModule} does not export a job`);
  return makeWorkerHandler(module.default, init, new NodeFileSystem(), 'compare');
}

/**
 * @param fs where snapshots of the state are written
 * @param captured whether variables that closures use are compared with the driver's: without threads they are the same
 * @param openSpill opens the file for state that has no room in memory
 */
export async function makeWorkerHandler(
  job: Job,
  init: WorkerInit,
  fs: FileSystem,
  captured: 'compare' | 'shared' = 'shared',
  openSpill: OpenSpillFile = openSpillFile,
): Promise<WorkerHandler> {
  const { graph, plan } = buildGraph(job, init.jobArgs, init.numPartitions);
  for (const accumulator of graph.accumulators.values()) accumulator.enterWorker();
  const fingerprint = fingerprintOf(plan);
  if (fingerprint !== init.fingerprint) {
    throw new EngineError(
      'planMismatch',
      `job ${job.name} built another plan in worker ${init.slot} (${fingerprint}) than in the driver (${init.fingerprint}): ` +
        'its build function must declare the same streams each time, so it must not depend on the time, random numbers or what changes between threads',
    );
  }
  if (captured === 'compare') requireSameCaptured(init.captured, graph.captured(), `worker ${init.slot}`);
  const memories = init.memories.map((memory, slot) => new SlotMemory(slot, memory, init.limitBytes));
  const memory = memories[init.slot];
  if (memory === undefined) throw new EngineError('internal', `no memory for slot ${init.slot}`);
  const operators = operatorStates(plan);
  const writesArrow = plan.outputs.some(
    ({ operation }) => operation.kind === 'file' && operation.spec.format === 'arrow',
  );
  if (operators.size > 0 || writesArrow) await loadArrow();
  const readers = new Map<string, SourceReader>();
  for (const { operation } of plan.nodes) {
    if (operation.kind !== 'source') continue;
    const folder = init.receiverFolders?.[operation.sourceId];
    const receiver = folder === undefined ? undefined : { fs, folder };
    readers.set(operation.sourceId, makeSourceReader(operation.spec, operation.sourceId, receiver));
  }
  const environment: TaskEnvironment = {
    memory,
    graph,
    plans: new BatchPlans(graph, plan),
    readers,
    tables: new StateTables(memory, operators, init.numKeyGroups, stateSpaceOf(init, openSpill)),
    numKeyGroups: init.numKeyGroups,
    logsState: init.logsState ?? true,
    bytesOf: block => bytesOf(memories, block),
  };
  const snapshots = new SnapshotPieces(environment.tables, fs);
  let attached = false;
  return request => {
    if (request.kind === 'attach') {
      const regions = request.tables.flatMap(table => tableRegions(memory, table.address));
      memory.adopt([...request.blocks, ...regions]);
      environment.tables.attach(request.tables);
      attached = true;
      return { ok: true, kind: 'done' };
    }
    if (!attached)
      return { ok: false, failure: { kind: 'workerLost', message: 'the thread is new and was not attached' } };
    for (const address of request.freed ?? []) memory.free(address);
    return handle(environment, request, snapshots, fs);
  };
}

async function handle(
  environment: TaskEnvironment,
  request: Exclude<WorkerRequest, { kind: 'attach' }>,
  snapshots: SnapshotPieces,
  fs: FileSystem,
): Promise<WorkerReply> {
  const { tables } = environment;
  switch (request.kind) {
    case 'task':
      return runTask(environment, request);
    case 'tasks':
      return runTaskGroup(environment, request);
    case 'applyDeltas':
      return applyDeltas(tables, request.deltas);
    case 'restoreState': {
      const { operator, partition, bytes } = request;
      applyIpc(tables.get(operator, partition), bytes, tables.valueOf(operator).value);
      return restored(tables, operator, partition);
    }
    case 'restoreSnapshot': {
      const { operator, partition, file } = request;
      await applySnapshot(tables.get(operator, partition), file.path, file, tables.valueOf(operator).value, fs);
      return restored(tables, operator, partition);
    }
    case 'seedState': {
      const { operator, partition } = request;
      const table = tables.get(operator, partition);
      seedStates(table, environment.graph.initialStates.get(operator) ?? [], tables.valueOf(operator), operator);
      return restored(tables, operator, partition);
    }
    case 'snapshotState':
      return snapshots.write(request);
  }
}

/** Throws `stateLimit`: a state that is too large is refused before it is whole. */
function restored(tables: StateTables, operator: string, partition: number): WorkerReply {
  tables.requireRoom();
  const { numRows } = tables.get(operator, partition);
  return { ok: true, kind: 'restored', table: tables.refOf(operator, partition), numRows };
}

function applyDeltas(tables: StateTables, deltas: readonly DeltaRef[]): WorkerReply {
  const numRows: number[] = [];
  for (const { operator, partition, delta } of deltas) {
    try {
      const table = tables.get(operator, partition);
      applyDelta(table, delta.address);
      numRows.push(table.numRows);
    } catch (error) {
      return { ok: true, kind: 'applied', numRows, failure: failureOf(error) };
    }
  }
  return { ok: true, kind: 'applied', numRows };
}

function bytesOf(memories: readonly SlotMemory[], block: BlockRef): Uint8Array {
  const memory = memories[block.slot];
  if (memory === undefined) throw new BlockLost(block, new Error(`no slot ${block.slot}`));
  return memory.bytes(block.address, block.byteLength);
}
