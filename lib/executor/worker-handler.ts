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
import { compileKernels } from '../columnar/kernels.js';
import { SlotMemory } from '../columnar/slot-memory.js';
import { fingerprintOf } from '../plan/fingerprint.js';
import type { Plan } from '../plan/node.js';
import type { BlockRef, DeltaRef, WorkerInit, WorkerReply, WorkerRequest } from '../protocol/messages.js';
import type { InputFiles } from '../sources/input-files.js';
import { readBlockFile } from '../blocks/read-block-file.js';
import { makeSourceReader } from '../sources/source-spec.js';
import type { SourceReader } from '../sources/source.js';
import { addChangedGroups, noGroups } from '../state/changed-groups.js';
import { applyDelta } from '../state/delta.js';
import { applyPieces } from '../state/restore-pieces.js';
import { loadArrow } from '../state/state-ipc.js';
import { tableRegions } from '../state/state-table.js';
import { BatchPlans } from './batch-plans.js';
import { failureOf } from './failure-of.js';
import { BlockLost } from './read-block.js';
import { runTask, type TaskEnvironment } from './run-task.js';
import { runTaskGroup } from './run-task-group.js';
import type { WorkerHandler } from './serve.js';
import { SnapshotPieces } from './snapshot-pieces.js';
import { stateConverter } from './state-converters.js';
import { seedStates } from './state-leaves.js';
import { stateSpaceOf } from './state-space-of.js';
import { operatorStates, StateTables } from './state-tables.js';

/** What a thread takes from the machine it runs on, where a simulation has something else. */
export interface WorkerMachine {
  /** Milliseconds since whenever, to time tasks; default: the monotonic clock. */
  readonly now?: () => number;
  /** Where input files are; default: the disk. */
  readonly files?: InputFiles;
  /** Opens files of state and blocks that have no room in memory; default: on the disk. */
  readonly openSpill?: OpenSpillFile;
}

/** Loads the job module and makes the thread's handler. */
export async function createWorkerHandler(init: WorkerInit): Promise<WorkerHandler> {
  return makeWorkerHandler(await loadJob(init), init, new NodeFileSystem(), 'compare');
}

/** What takes longest of making a handler, and needs no slot: modules, which a thread keeps, and code that ran once. */
export async function warmUp(init: WorkerInit): Promise<void> {
  compileKernels();
  const { graph, plan } = buildGraph(await loadJob(init), init.jobArgs, init.numPartitions, init.operatorIds);
  requireSameCaptured(init.captured, graph.captured(), 'a spare worker');
  fingerprintOf(plan);
  if (needsArrow(plan, operatorStates(plan).size)) await loadArrow();
}

async function loadJob(init: WorkerInit): Promise<Job> {
  const module = (await import(pathToFileURL(init.jobModule).href)) as { default?: unknown };
  if (!isJob(module.default)) throw new EngineError('jobInvalid', `${init.jobModule} does not export a job`);
  return module.default;
}

/**
 * @param fs where snapshots of the state are written
 * @param captured whether variables that closures use are compared with the driver's: without threads they are the same
 */
export async function makeWorkerHandler(
  job: Job,
  init: WorkerInit,
  fs: FileSystem,
  captured: 'compare' | 'shared' = 'shared',
  machine: WorkerMachine = {},
): Promise<WorkerHandler> {
  const { graph, plan } = buildGraph(job, init.jobArgs, init.numPartitions, init.operatorIds);
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
  if (needsArrow(plan, operators.size)) await loadArrow();
  const readers = new Map<string, SourceReader>();
  for (const { operation } of plan.nodes) {
    if (operation.kind !== 'source') continue;
    const folder = init.receiverFolders?.[operation.sourceId];
    const receiver = folder === undefined ? undefined : { fs, folder };
    readers.set(operation.sourceId, makeSourceReader(operation.spec, operation.sourceId, receiver, machine.files));
  }
  const environment: TaskEnvironment = {
    memory,
    graph,
    plans: new BatchPlans(graph, plan),
    readers,
    tables: new StateTables(
      memory,
      operators,
      init.numKeyGroups,
      stateSpaceOf(init, machine.openSpill ?? openSpillFile),
    ),
    numKeyGroups: init.numKeyGroups,
    logsState: init.logsState ?? true,
    bytesOf: block => bytesOf(memories, block, machine.openSpill ?? openSpillFile),
    ...(machine.now === undefined ? {} : { now: machine.now }),
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

const needsArrow = ({ outputs }: Plan, numOperators: number): boolean =>
  numOperators > 0 || outputs.some(({ operation }) => operation.kind === 'file' && operation.spec.format === 'arrow');

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
    case 'restoreSnapshot':
    case 'restoreDeltas': {
      const { operator, partition, pieces } = request;
      const table = tables.get(operator, partition);
      const changed = request.kind === 'restoreDeltas' ? noGroups(table.numKeyGroups) : undefined;
      const state = tables.valueOf(operator);
      const migrate = environment.graph.upgrades.get(operator)?.migrate;
      await applyPieces(table, pieces, state.value, fs, changed, change =>
        stateConverter(change, operator, state, migrate),
      );
      return restored(tables, operator, partition, changed);
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
function restored(tables: StateTables, operator: string, partition: number, changed?: Uint32Array): WorkerReply {
  tables.requireRoom();
  const { numRows } = tables.get(operator, partition);
  const table = tables.refOf(operator, partition);
  return { ok: true, kind: 'restored', table, numRows, ...(changed && { changed }) };
}

function applyDeltas(tables: StateTables, deltas: readonly DeltaRef[]): WorkerReply {
  const numRows: number[] = [];
  const changed: Uint32Array[] = [];
  for (const { operator, partition, delta } of deltas) {
    try {
      const table = tables.get(operator, partition);
      applyDelta(table, delta.address);
      const groups = noGroups(table.numKeyGroups);
      addChangedGroups(table, delta.address, groups);
      numRows.push(table.numRows);
      changed.push(groups);
    } catch (error) {
      return { ok: true, kind: 'applied', numRows, changed, failure: failureOf(error) };
    }
  }
  return { ok: true, kind: 'applied', numRows, changed };
}

function bytesOf(memories: readonly SlotMemory[], block: BlockRef, open: OpenSpillFile): Uint8Array {
  if (block.file !== undefined) return readBlockFile(open, block.file, block.byteLength);
  const memory = memories[block.slot];
  if (memory === undefined) throw new BlockLost(block, new Error(`no slot ${block.slot}`));
  return memory.bytes(block.address, block.byteLength);
}
