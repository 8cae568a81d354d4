/**
 * One run of one job: constructs the parts and connects them. What differs between the machine and a spec (clock, file
 * system, task runner) is passed in.
 *
 *   sources --plan--> BatchScheduler --tasks--> SlotPool/TaskRunner (executors)
 *                         |      \---offsets--> checkpoint log
 *                         +--> BatchCommitter --> outputs, commit record
 */
import { EngineError } from '../core/errors.js';
import { batchTime, type BatchTime } from '../core/time.js';
import { buildGraph } from '../api/job.js';
import type { CheckpointStore } from '../checkpoint/checkpoint-store.js';
import { operatorStates, type OperatorState } from '../executor/state-tables.js';
import type { RunListener, RunSummary } from '../metrics/run-events.js';
import { RunCounters } from './run-counters.js';
import { fingerprintOf } from '../plan/fingerprint.js';
import { compileStages } from '../plan/stages.js';
import type { SnapshotFileRef } from '../protocol/messages.js';
import { formatFailure } from '../protocol/task-failure.js';
import { BatchCommitter } from '../scheduler/batch-committer.js';
import { BatchRun } from '../scheduler/batch-run.js';
import { BatchScheduler } from '../scheduler/batch-scheduler.js';
import type { Batch } from '../scheduler/batch.js';
import type { SourcePort } from '../scheduler/ports.js';
import { SlotPool } from '../scheduler/slot-pool.js';
import { makeDeadLetterSink } from '../sinks/dead-letter.js';
import { makeSourceDriver } from '../sources/source-spec.js';
import type { SourceDriver } from '../sources/source.js';
import { batchError } from './batch-error.js';
import { makeOutput, sinkOutput, type OpenOutput } from './output-ports.js';
import type { EngineSettings, EngineWorld } from './engine-settings.js';
import { openRecovery, storeOf, type Recovery } from './recovery.js';
import { restoreState } from './restore-state.js';
import { runInfo } from './run-info.js';

interface Source {
  readonly id: string;
  readonly driver: SourceDriver;
  readonly port: SourcePort;
}

export class Engine {
  readonly #pool: SlotPool;
  readonly #scheduler: BatchScheduler;
  readonly #sources: readonly Source[];
  readonly #outputs: readonly OpenOutput[];
  readonly #store: CheckpointStore | undefined;
  readonly #counters: RunCounters;
  readonly #listener: RunListener;
  /** Settles when the run has ended and everything is closed. */
  readonly done: Promise<RunSummary>;
  #stopping = false;
  #aborted = false;

  /** Opens the checkpoint, the sources and the outputs, restores the state, and starts cutting batches. */
  static async start(settings: EngineSettings, world: EngineWorld, listener: RunListener): Promise<Engine> {
    const { options } = settings;
    const startMs = world.clock.now();
    const { graph, plan } = buildGraph(settings.job, settings.args, options.workers);
    const fingerprint = fingerprintOf(plan);
    const compiled = compileStages(plan);
    const operators = operatorStates(plan);
    const sources = plan.nodes.flatMap(({ operation }): Source[] => {
      if (operation.kind !== 'source') return [];
      const { sourceId, spec } = operation;
      const warn = (message: string): void => listener({ kind: 'warning', message });
      const driver = makeSourceDriver(spec, { id: sourceId, queue: graph.queues.get(sourceId), warn });
      const port: SourcePort = {
        id: sourceId,
        plan: limit => driver.plan(limit),
        commit: time => driver.commit(time),
        state: () => driver.state(),
      };
      return [{ id: sourceId, driver, port }];
    });
    const roll = { rollBytes: options.rollBytes, rollMs: options.rollIntervalMs };
    const outputs = plan.outputs.map(output => makeOutput(output, graph, world.fs, roll, listener));
    const deadLetters =
      settings.deadLetters === undefined
        ? undefined
        : sinkOutput('deadletter', makeDeadLetterSink(settings.deadLetters, world.fs, roll));
    const closers: (() => Promise<unknown>)[] = [];
    try {
      const recovery = await openRecovery(settings, world, { fingerprint, operators, listener });
      if (recovery.store !== undefined) closers.push(() => storeOf(recovery).close());
      const init = {
        limitBytes: options.slotMemoryBytes,
        jobModule: settings.module,
        jobArgs: settings.args,
        fingerprint,
      } as const;
      const runner = world.makeRunner((slot, memories) => ({
        ...init,
        slot,
        memories,
        numPartitions: options.workers,
        numKeyGroups: recovery.numKeyGroups,
      }));
      const pool = new SlotPool(runner);
      closers.push(() => pool.stop());
      for (const source of sources) {
        closers.push(() => source.driver.stop());
        await source.driver.start(recovery.sourceStates[source.id]);
        for (const { ranges } of recovery.batches) source.driver.replay(ranges[source.id] ?? []);
      }
      for (const output of allOutputs(outputs, deadLetters)) {
        closers.push(() => output.close());
        await output.open(recovery.sinks[output.port.id]);
      }
      const counters = new RunCounters(world.clock.now());
      const partitions = new Map([...operators].map(([id, state]) => [id, state.numPartitions]));
      await restoreState({
        pool,
        partitions,
        rows: recovery.stateRows(),
        onTable: (...size) => counters.setTable(...size),
      });
      const rerun = recovery.batches.filter(batch => !batch.committed);
      listener({ kind: 'started', info: runInfo(settings, plan) });
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
      return new Engine({
        settings,
        world,
        listener,
        compiled,
        operators,
        sources,
        outputs,
        deadLetters,
        recovery,
        rerun,
        pool,
        counters,
      });
    } catch (error) {
      for (const close of closers.reverse()) await close().catch(() => undefined);
      throw error;
    }
  }

  private constructor(parts: EngineParts) {
    const { settings, world, listener, pool, counters, recovery } = parts;
    const { options } = settings;
    this.#pool = pool;
    this.#sources = parts.sources;
    this.#outputs = allOutputs(parts.outputs, parts.deadLetters);
    this.#store = recovery.store;
    this.#counters = counters;
    this.#listener = listener;
    const ports = parts.sources.map(source => source.port);
    const committer = new BatchCommitter({
      log: recovery.store,
      sources: ports,
      outputs: parts.outputs.map(output => output.port),
      deadLetters: parts.deadLetters?.port,
      bytesOf: block => pool.bytesOf(block),
      sinks: recovery.sinks,
    });
    const runOptions = {
      maxTaskFailures: options.maxTaskFailures,
      taskTimeoutMs: options.taskTimeoutMs,
      onRetry: (task: string, attempt: number, reason: string) =>
        listener({ kind: 'taskRetried', task, attempt, reason }),
      onTableSize: (operator: string, partition: number, numRows: number) =>
        counters.setTable(operator, partition, numRows),
    };
    this.#scheduler = new BatchScheduler({
      clock: world.clock,
      intervalMs: options.intervalMs,
      mode: settings.once ? 'drain' : 'clock',
      sources: ports,
      parallelism: options.workers,
      maxBatchBytes: options.maxBatchBytes,
      maxBatchRecords: options.maxBatchRecords,
      log: recovery.store,
      committer,
      checkpointIntervalMs: options.checkpointIntervalMs,
      lastTime: recovery.lastPlanned,
      lastCommitted: recovery.lastCommitted,
      rerun: parts.rerun.map(({ time, ranges }): Batch => {
        const now = world.clock.now();
        return {
          time: batchTime(time),
          ranges,
          submittedMs: now,
          dueMs: now,
          rerun: true,
          progress: undefined,
          sourceStates: undefined,
        };
      }),
      compute: (batch, done) => new BatchRun(parts.compiled, pool, batch, runOptions, done).start(),
      snapshot: time => this.#snapshot(parts.operators, time),
      release: result => pool.release(result.blocks),
      onCompleted: completed =>
        listener({ kind: 'batchCompleted', batch: counters.complete(completed, settings.once) }),
      onCheckpoint: (time, bytes, tookMs) => listener({ kind: 'checkpointWritten', time, bytes, tookMs }),
      toError: failure => {
        const error = batchError(failure);
        listener({
          kind: 'batchFailed',
          time: failure.time,
          message: error.message,
          location: String(error.detail['place'] ?? ''),
        });
        return error;
      },
    });
    this.done = this.#run();
  }

  /** Lets the batch under way finish and commits it, then ends. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#scheduler.stop();
    await this.done.then(
      () => undefined,
      () => undefined,
    );
  }

  /** Ends at once, as a crash would, but with threads and handles closed. What is not committed is done again by the next run. */
  async abort(): Promise<void> {
    this.#aborted = true;
    await this.#pool.stop();
    this.#scheduler.stop();
    await this.done.then(
      () => undefined,
      () => undefined,
    );
  }

  /** How many blocks the driver holds: 0 between batches. */
  get numBlocks(): number {
    return this.#pool.numBlocks;
  }

  async #run(): Promise<RunSummary> {
    try {
      this.#scheduler.start();
      await this.#scheduler.done;
      return this.#end(this.#stopping ? 'stopped' : 'finished');
    } catch (error) {
      if (!this.#aborted) this.#end('failed');
      throw error;
    } finally {
      await this.#close();
    }
  }

  #end(reason: RunSummary['reason']): RunSummary {
    const summary = this.#counters.summary(reason);
    this.#listener({ kind: 'stopped', summary });
    return summary;
  }

  async #close(): Promise<void> {
    const closing = [
      this.#pool.stop(),
      ...this.#sources.map(source => source.driver.stop()),
      ...this.#outputs.map(output => output.close()),
    ];
    for (const { status, ...rest } of await Promise.allSettled(closing)) {
      if (status === 'rejected' && 'reason' in rest)
        this.#listener({ kind: 'warning', message: `while closing: ${String(rest.reason)}` });
    }
    await this.#store?.close();
  }

  /** Has every worker write its partitions of the state, the slots beside each other. */
  async #snapshot(operators: ReadonlyMap<string, OperatorState>, time: BatchTime): Promise<readonly SnapshotFileRef[]> {
    const store = this.#store;
    if (store === undefined) return [];
    const slots = Array.from({ length: this.#pool.numSlots }, (_, slot) => slot);
    const files = await Promise.all(
      slots.map(async slot => {
        const written: SnapshotFileRef[] = [];
        for (const [operator, { numPartitions }] of operators) {
          for (let partition = 0; partition < numPartitions; partition++) {
            if (this.#pool.homeOf(partition) !== slot) continue;
            written.push(
              await this.#snapshotPartition(slot, operator, partition, store.snapshotPath(operator, partition, time)),
            );
          }
        }
        return written;
      }),
    );
    return files.flat();
  }

  async #snapshotPartition(slot: number, operator: string, partition: number, path: string): Promise<SnapshotFileRef> {
    for (let attempt = 1; ; attempt++) {
      const reply = await this.#pool.run(slot, { kind: 'snapshotState', operator, partition, path }, 0);
      if (reply.ok && reply.kind === 'snapshot') return reply.file;
      const why = reply.ok ? `answered '${reply.kind}'` : formatFailure(reply.failure);
      if (reply.ok || attempt >= 4)
        throw new EngineError(
          'checkpointUnwritable',
          `state of operator '${operator}' could not be written to ${path}: ${why}`,
        );
    }
  }
}

interface EngineParts {
  readonly settings: EngineSettings;
  readonly world: EngineWorld;
  readonly listener: RunListener;
  readonly compiled: ReturnType<typeof compileStages>;
  readonly operators: ReadonlyMap<string, OperatorState>;
  readonly sources: readonly Source[];
  readonly outputs: readonly OpenOutput[];
  readonly deadLetters: OpenOutput | undefined;
  readonly recovery: Recovery;
  readonly rerun: Recovery['batches'];
  readonly pool: SlotPool;
  readonly counters: RunCounters;
}

/** Dead letters first: they are committed before the rows that were read beside them. */
const allOutputs = (outputs: readonly OpenOutput[], deadLetters: OpenOutput | undefined): readonly OpenOutput[] =>
  deadLetters === undefined ? outputs : [deadLetters, ...outputs];
