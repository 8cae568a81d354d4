/**
 * Opens all that a run consists of: the job's graph, the checkpoint, the slots with the state restored in them, sources,
 * outputs and receivers. Whatever is wrong with any of them is refused here, and what was opened before is closed.
 */
import { resolve } from 'node:path';
import { peekKeyGroups, peekOperators } from '../checkpoint/manifest.js';
import { keyGroupRange } from '../core/hash.js';
import { batchTime } from '../core/time.js';
import { operatorStates } from '../executor/state-tables.js';
import type { RunListener } from '../metrics/run-events.js';
import { RunCounters } from './run-counters.js';
import { fingerprintOf } from '../plan/fingerprint.js';
import { checkCheckpoint, checkSlides } from '../plan/slides.js';
import { compileStages } from '../plan/stages.js';
import type { TaskRunner } from '../protocol/task-runner.js';
import { checkJitter } from '../scheduler/jitter.js';
import type { WorkerInit } from '../protocol/messages.js';
import { SlotHealth } from '../scheduler/slot-health.js';
import { SlotPool } from '../scheduler/slot-pool.js';
import { FencedFileSystem } from '../core/fenced-file-system.js';
import { makeDeadLetterSink } from '../sinks/dead-letter.js';
import { makeBlockStore, maxBlockBytesOf, type BlockStore } from './block-store.js';
import { BatchPlanner } from './batch-planner.js';
import { makeOutput, sinkOutput, type OpenOutput } from './output-ports.js';
import type { StreamGraph } from '../api/stream-graph.js';
import { stateTimeoutMs, type EngineSettings, type EngineWorld } from './engine-settings.js';
import { openRecovery, storeOf, type Recovery } from './recovery.js';
import { buildJob } from './build-job.js';
import { orDiskError } from './disk-error.js';
import { ChangedState } from './changed-state.js';
import { makeReceivers } from './make-receivers.js';
import { matchSources } from './match-sources.js';
import { assignOperatorIds } from './operator-ids.js';
import { receiverFolders, type ReceiverFolders } from './receiver-folders.js';
import type { Receivers } from './receivers.js';
import { RddJobs } from './rdd-jobs.js';
import { restoreState } from './restore-state.js';
import { runInfo } from './run-info.js';
import { makeStateRooms, type StateRooms } from './state-rooms.js';
import { makeBroadcastSources, makeSources, makeTableSources, type Source } from './source-ports.js';
import { withStreamingListeners } from './streaming-listeners.js';

/** The parts of a run, open and not yet connected. */
export interface EngineParts {
  readonly receivers: Receivers;
  readonly folders: ReceiverFolders;
  readonly stateRooms: StateRooms;
  readonly blockFiles: BlockStore;
  readonly settings: EngineSettings;
  readonly world: EngineWorld;
  readonly listener: RunListener;
  readonly compiled: ReturnType<typeof compileStages>;
  readonly planner: BatchPlanner;
  readonly jobs: RddJobs;
  /** For how long persisted streams keep their batches. */
  readonly rememberMs: number;
  /** How often a snapshot of the state is taken at the most. */
  readonly checkpointIntervalMs: number;
  /** Partitions of each operator with state. */
  readonly partitions: ReadonlyMap<string, number>;
  /** What of the state is not in the checkpoint's files. */
  readonly changed: ChangedState;
  readonly sources: readonly Source[];
  readonly outputs: readonly OpenOutput[];
  readonly deadLetters: OpenOutput | undefined;
  readonly recovery: Recovery;
  /** Planned by an earlier process and not committed. */
  readonly rerun: Recovery['batches'];
  readonly pool: SlotPool;
  readonly counters: RunCounters;
}

const stateOf = (rooms: StateRooms, slot: number): Pick<WorkerInit, 'state'> => {
  const state = rooms.roomOf(slot);
  return state === undefined ? {} : { state };
};

/** Dead letters first: they are committed before the rows that were read beside them. */
export const allOutputs = (
  outputs: readonly OpenOutput[],
  deadLetters: OpenOutput | undefined,
): readonly OpenOutput[] => (deadLetters === undefined ? outputs : [deadLetters, ...outputs]);

/** Throws an EngineError: `jobInvalid`, `checkpoint...`, `inputMissing` and others. */
export async function openParts(
  settings: EngineSettings,
  world: EngineWorld,
  runListener: RunListener,
): Promise<EngineParts> {
  const { options } = settings;
  const startMs = world.clock.now();
  const checkpoint = settings.checkpoint ?? 'the checkpoint';
  const { graph } = buildJob(settings, options.workers);
  const known = await orDiskError('checkpointUnwritable', checkpoint, async () =>
    settings.checkpoint === undefined ? [] : peekOperators(world.fs, resolve(settings.checkpoint)),
  );
  const { ids, warnings } = assignOperatorIds(graph.derived, graph.givenIds, known);
  graph.useOperatorIds(ids);
  const plan = graph.plan();
  const listener = withStreamingListeners(runListener, graph.listeners);
  if (settings.checkpoint !== undefined) for (const message of warnings) listener({ kind: 'warning', message });
  checkSlides(plan, options.intervalMs);
  for (const { stream, intervalMs } of graph.checkpoints) checkCheckpoint(plan, stream, intervalMs, options.intervalMs);
  checkJitter(options.jitterMs, options.intervalMs);
  const fingerprint = fingerprintOf(plan);
  const compiled = compileStages(plan);
  const operators = operatorStates(plan);
  const partitions = new Map([...operators].map(([id, state]) => [id, state.numPartitions]));
  const folders = receiverFolders(plan, settings.checkpoint);
  // What is written while the run goes on; not what the checkpoint itself is opened with.
  const fs = new FencedFileSystem(world.fs);
  const stateRooms = makeStateRooms(settings, world, operators.size > 0);
  const blockFiles = makeBlockStore(fs, settings.checkpoint, message => listener({ kind: 'warning', message }));
  const broadcasts = makeBroadcastSources(graph);
  const tables = makeTableSources(graph, {
    ...{ fs, checkpoint: settings.checkpoint, limitBytes: options.slotMemoryBytes, listener },
  });
  const sources = [...makeSources(plan, graph, listener, { fs, folders }, inputOf(world)), ...broadcasts, ...tables];
  const roll = { rollBytes: options.rollBytes, rollMs: options.rollIntervalMs };
  const jobs = new RddJobs(graph, fs);
  const outputs = plan.outputs.map(output => makeOutput(output, graph, jobs, fs, roll, listener));
  const deadLetters =
    settings.deadLetters === undefined
      ? undefined
      : sinkOutput('deadletter', makeDeadLetterSink(settings.deadLetters, fs, roll));
  const closers: (() => Promise<unknown>)[] = [];
  try {
    const init = {
      limitBytes: options.slotMemoryBytes,
      jobModule: settings.module,
      jobArgs: settings.args,
      fingerprint,
      operatorIds: ids,
      captured: settings.module === '' ? [] : graph.captured(),
      receiverFolders: folders.bySource,
      logsState: settings.checkpoint !== undefined,
    } as const;
    const makeRunner = (numKeyGroups: number): TaskRunner => {
      const makeInit = (slot: number, memories: readonly WebAssembly.Memory[]): WorkerInit => ({
        ...init,
        ...stateOf(stateRooms, slot),
        slot,
        memories,
        numPartitions: options.workers,
        numKeyGroups,
      });
      const runner = world.makeRunner(makeInit, message => listener({ kind: 'warning', message }));
      closers.push(() => runner.stop());
      return runner;
    };
    // Threads take as long to start as a log to be read: where the manifest tells what they need, they start beside it.
    const keyGroups =
      settings.checkpoint === undefined ? undefined : await peekKeyGroups(world.fs, resolve(settings.checkpoint));
    const early = keyGroups === undefined ? undefined : { numKeyGroups: keyGroups, runner: makeRunner(keyGroups) };
    const recovery = await orDiskError('checkpointUnwritable', checkpoint, () =>
      openRecovery(settings, world, {
        ...{ fingerprint, operators, seeded: [...graph.initialStates.keys()], upgrades: graph.upgrades, listener },
        paths: new Map(graph.derived.map(({ id, path }) => [id, path])),
      }),
    );
    if (recovery.store !== undefined) {
      closers.push(() => storeOf(recovery).close());
      fs.fencedBy(() => storeOf(recovery).checkOwner());
    }
    await stateRooms.open();
    closers.push(() => stateRooms.remove());
    await orDiskError('checkpointUnwritable', checkpoint, () => blockFiles.open());
    closers.push(() => blockFiles.close());
    // State that cannot be cut into that many parts is refused here, not in the first batch.
    for (const numPartitions of partitions.values()) keyGroupRange(0, numPartitions, recovery.numKeyGroups);
    const isFitting = early?.numKeyGroups === recovery.numKeyGroups;
    if (!isFitting) await early?.runner.stop();
    const runner = isFitting ? early.runner : makeRunner(recovery.numKeyGroups);
    const health = new SlotHealth({
      clock: world.clock,
      numSlots: runner.numSlots,
      maxFailures: options.maxSlotFailures,
      excludeMs: options.excludeMs,
      onExcluded: message => listener({ kind: 'warning', message }),
    });
    const pool = new SlotPool(runner, options.taskTimeoutMs, health, {
      maxBytes: maxBlockBytesOf(options),
      storage: blockFiles,
      now: () => world.clock.now(),
      onWarning: message => listener({ kind: 'warning', message }),
    });
    closers.push(() => pool.stop());
    matchSources(
      recovery,
      sources.map(({ id }) => id),
      listener,
    );
    for (const source of sources) {
      closers.push(() => source.driver.stop());
      // Of a receiver's log; other input says itself what is wrong with it.
      const { [source.id]: log = checkpoint } = folders.bySource;
      await orDiskError('checkpointUnwritable', log, () => source.driver.start(recovery.sourceStates[source.id]));
      // Those that the snapshot left out are planned in the state of the source.
      const isPlanned = (time: number): boolean => time <= (recovery.snapshotTime ?? Number.NEGATIVE_INFINITY);
      for (const { ranges, time } of recovery.batches) {
        const planned = ranges[source.id];
        if (planned !== undefined && !isPlanned(time)) source.driver.replay(planned, time);
      }
      for (const { ranges, time, committed } of recovery.batches)
        if (!committed) source.driver.hold?.(ranges[source.id] ?? [], batchTime(time));
    }
    for (const output of allOutputs(outputs, deadLetters)) {
      closers.push(() => output.close());
      await orDiskError('outputUnwritable', `output ${output.port.id}`, () =>
        output.open(recovery.sinks[output.port.id]),
      );
    }
    const counters = new RunCounters(world.clock.now());
    const { changes } = recovery.state;
    // Files in another form go with the next snapshot.
    const files = recovery.snapshots.filter(file => !changes.get(file.operator)?.has(file.definition ?? ''));
    const changed = new ChangedState(recovery.numKeyGroups, partitions, files);
    await orDiskError('checkpointUnwritable', checkpoint, () =>
      restoreState({
        pool,
        maxFailures: options.maxTaskFailures,
        timeoutMs: stateTimeoutMs(options),
        partitions,
        numKeyGroups: recovery.numKeyGroups,
        parts: recovery.state,
        onProgress: (doneBytes, totalBytes) =>
          listener({ kind: 'restoring', doneBytes, totalBytes, elapsedMs: world.clock.now() - startMs }),
        onTable: (operator, partition, numRows, groups) => {
          counters.setTable(operator, partition, numRows);
          changed.setRows(operator, partition, numRows);
          if (groups !== undefined) changed.note(operator, partition, groups);
        },
      }),
    );
    const rerun = recovery.batches.filter(batch => !batch.committed);
    listener({ kind: 'started', info: runInfo(settings, plan, startMs) });
    if (recovery.restored) {
      const tookMs = world.clock.now() - startMs;
      listener({
        kind: 'restored',
        lastBatchTime: recovery.lastCommitted ?? 0,
        stateRows: counters.stateRows,
        rerun: rerun.length,
        tookMs,
      });
    }
    const lockFile = recovery.store?.lockPath;
    const receivers = makeReceivers({ settings, world, graph, plan, sources, lockFile, listener });
    closers.push(() => folders.remove());
    closers.push(() => receivers.close());
    await receivers.start();
    return {
      receivers,
      folders,
      stateRooms,
      blockFiles,
      settings,
      world,
      listener,
      compiled,
      planner: new BatchPlanner(
        graph,
        compiled,
        [...graph.broadcasts.values()].flatMap((broadcast, i) => {
          const source = broadcasts[i]?.driver;
          return source === undefined ? [] : [[broadcast, source] as const];
        }),
        tables,
      ),
      rememberMs: graph.rememberMs,
      checkpointIntervalMs: checkpointIntervalOf(settings, graph),
      jobs,
      partitions,
      changed,
      sources,
      outputs,
      deadLetters,
      recovery,
      rerun,
      pool,
      counters,
    };
  } catch (error) {
    for (const close of closers.reverse()) await close().catch(() => undefined);
    throw error;
  }
}

const inputOf = ({ inputFiles, clock }: EngineWorld): Parameters<typeof makeSources>[4] =>
  inputFiles && { files: inputFiles, now: () => clock.now() };

/** What the run was given, else what the job's streams want, else the job's option or the default. */
function checkpointIntervalOf({ options, run }: EngineSettings, graph: StreamGraph): number {
  const wanted = graph.checkpoints.map(({ intervalMs }) => intervalMs);
  const isGiven = run?.options['checkpointInterval'] !== undefined;
  return isGiven || wanted.length === 0 ? options.checkpointIntervalMs : Math.min(...wanted);
}
