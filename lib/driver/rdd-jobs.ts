/**
 * Runs the functions of foreachRDD and the actions they call. A function is given the RDD of its batch, whose rows lie
 * in blocks; each action is a small job of its own on the same slots, beside the batches that are being computed.
 */
import { EngineError, messageOf } from '../core/errors.js';
import { batchTime } from '../core/time.js';
import { decodeValue, encodeValue } from '../core/value-codec.js';
import { planOfAction, RESULT, walkLineage, type ActionPlan } from '../api/action-plan.js';
import { Lineage } from '../api/lineage.js';
import type { Materialized } from '../api/lower-lineage.js';
import { Rdd } from '../api/rdd.js';
import type { ActionOutcome, PartitionRows, RddSession } from '../api/rdd-runtime.js';
import type { StreamGraph } from '../api/stream-graph.js';
import { readRowBlock } from '../blocks/row-block.js';
import type { FileSystem } from '../core/file-system.js';
import type { Json } from '../core/json.js';
import type { OutputNode } from '../plan/node.js';
import { compileStages } from '../plan/stages.js';
import type { Accumulated, BlockRef, BroadcastRef, KeptPart, PlanRef } from '../protocol/messages.js';
import type { Batch, BatchFailure, BatchResult } from '../scheduler/batch.js';
import { BatchRun, type BatchRunOptions } from '../scheduler/batch-run.js';
import type { SlotPool } from '../scheduler/slot-pool.js';
import { TextFolders } from '../sinks/text-folder.js';
import { batchError } from './batch-error.js';
import { rangesOf } from './batch-planner.js';
import type { KeptBatches } from './kept-batches.js';

type Blocks = readonly (BlockRef | null)[];

/** Where actions run: known when the slots are. */
export interface RddExecutor {
  readonly pool: SlotPool;
  readonly options: BatchRunOptions;
  /** What broadcast variables hold for a batch. */
  readonly broadcastsAt: (time: number) => readonly BroadcastRef[];
  /** Batches of persisted streams. */
  readonly kept: KeptBatches;
}

export class RddJobs {
  readonly #graph: StreamGraph;
  readonly #folders: TextFolders;
  #executor: RddExecutor | undefined;

  constructor(graph: StreamGraph, fs: FileSystem) {
    this.#graph = graph;
    this.#folders = new TextFolders(fs);
  }

  start(executor: RddExecutor): void {
    this.#executor = executor;
    this.#graph.rdds.outside = new DriverSession(
      { executor, folders: this.#folders, graph: this.#graph },
      undefined,
      0,
      [],
    );
  }

  /** Takes what the tasks of a batch or action added to accumulators. */
  accumulate(accumulated: readonly Accumulated[]): void {
    accumulateIn(this.#graph, accumulated);
  }

  /** Calls `f` with the RDD of `parts` and waits for it; what it kept is given back then, whatever it did. */
  async run(
    output: OutputNode,
    time: number,
    parts: readonly KeptPart[],
    f: (rdd: Rdd<unknown>, time: number) => unknown,
  ): Promise<void> {
    const executor = this.#executor;
    if (executor === undefined)
      throw new EngineError('internal', 'an output was committed before the slots were there');
    const session = new DriverSession({ executor, folders: this.#folders, graph: this.#graph }, output, time, parts);
    const { columns } = this.#graph.node(output.parent);
    const leaf = { kind: 'blocks', name: output.id, numPartitions: parts.length, session } as const;
    const runtime = this.#graph.rdds;
    runtime.session = session;
    for (const { id, ...version } of executor.broadcastsAt(time)) this.#graph.broadcasts.get(id)?.enterScope(version);
    try {
      await f(new Rdd<unknown>(new Lineage({ leaf, columns }), runtime), time);
    } finally {
      runtime.session = undefined;
      for (const broadcast of this.#graph.broadcasts.values()) broadcast.enterScope(undefined);
      await session.close();
    }
    if (session.unawaited !== undefined) throw session.unawaited;
  }
}

/** What sessions have in common. */
interface SessionWorld {
  readonly executor: RddExecutor;
  readonly folders: TextFolders;
  readonly graph: StreamGraph;
}

/** One call of a function of foreachRDD; without one, what is outside of any, where no closure can run in a worker. */
class DriverSession implements RddSession {
  readonly #executor: RddExecutor;
  readonly #folders: TextFolders;
  readonly #graph: StreamGraph;
  readonly #output: OutputNode | undefined;
  readonly #time: number;
  /** Rows that are there, by name. */
  readonly #kept = new Map<string, Blocks>();
  readonly #materialized = new Map<Lineage, Materialized>();
  /** Blocks of RDDs that were cached. */
  readonly #own: BlockRef[] = [];
  /** What each call gave; null for one that has not ended. */
  readonly #results: (CallResult | null)[] = [];
  readonly #ended: number[] = [];
  readonly #running = new Set<Promise<unknown>>();
  readonly #numPartitions: number;
  #isClosed = false;
  #unawaited: Error | undefined;

  constructor(
    { executor, folders, graph }: SessionWorld,
    output: OutputNode | undefined,
    time: number,
    parts: readonly KeptPart[],
  ) {
    this.#executor = executor;
    this.#folders = folders;
    this.#graph = graph;
    this.#output = output;
    this.#time = time;
    this.#numPartitions = parts.length;
    const blocks = parts.map(({ block }) => block);
    if (output !== undefined) this.#kept.set(output.id, blocks);
  }

  async collect(lineage: Lineage, limit: number | null): Promise<readonly PartitionRows[]> {
    this.requireOpen();
    if (this.#output === undefined) requireOwnersOpen(lineage);
    const index = this.#results.push(null) - 1;
    return this.#settle(index, this.#compute(lineage, limit, index));
  }

  /** Throws `jobInvalid` when the function has ended. */
  requireOpen(): void {
    if (!this.#isClosed) return;
    throw new EngineError(
      'jobInvalid',
      `an action of an RDD was called after the function of ${this.#label} had ended for batch ${this.#time}: await each action in it`,
    );
  }

  async writeFolder(path: string, texts: Lineage): Promise<void> {
    this.requireOpen();
    const index = this.#results.push(null) - 1;
    const output = this.#output?.id ?? 'slice';
    const writer = { job: this.#graph.job, output, batch: this.#time, action: index };
    const write = async (): Promise<void> => {
      const parts = await this.#compute(texts, null, index);
      await this.#folders.write(path, parts.flatMap(({ rows }) => rows) as string[], writer);
    };
    await this.#settle(index, write());
  }

  /** Notes how an action ended, for workers that run the function again as far as a later one. */
  async #settle<T>(index: number, running: Promise<T>): Promise<T> {
    this.#running.add(running);
    const end = (outcome: ActionOutcome): void => {
      this.#running.delete(running);
      // Outside of a function nothing runs again in a worker.
      if (this.#output !== undefined) this.#results[index] = { value: outcome, bytes: undefined };
      this.#ended.push(index);
    };
    try {
      const result = await running;
      end({ result });
      return result;
    } catch (error) {
      end({ code: error instanceof EngineError ? error.code : 'internal', message: messageOf(error) });
      if (!this.#isClosed) throw error;
      // Nobody waits for it any more but the batch, which fails with it; the call's own promise never settles, for a
      // rejection that nobody handles would end the process.
      this.#unawaited ??= error instanceof Error ? error : new Error(messageOf(error));
      return new Promise<never>(() => undefined);
    }
  }

  slice(stream: string, from: number, to: number): readonly Lineage[] {
    const { kept } = this.#executor;
    const batches = kept.timesOf(stream, from, to).map(time => {
      const name = `${stream} ${time}`;
      const blocks = kept.blocksOf(stream, time) ?? [];
      this.#kept.set(name, blocks);
      return { name, numPartitions: blocks.length };
    });
    if (this.#output !== undefined) this.#ended.push(this.#results.push({ value: batches, bytes: undefined }) - 1);
    return batches.map(batch => new Lineage({ leaf: { kind: 'blocks', ...batch, session: this } }));
  }

  get #label(): string {
    return this.#output?.label ?? 'slice';
  }

  /** What the first action failed with of those that were still running when the function ended. */
  get unawaited(): Error | undefined {
    return this.#unawaited;
  }

  /** Waits for actions that nobody awaited, and gives back what was kept. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.allSettled(this.#running);
    this.#executor.pool.release(this.#own);
  }

  async #compute(lineage: Lineage, limit: number | null, index: number): Promise<readonly PartitionRows[]> {
    requireSession(lineage, this, this.#label);
    const { leaf } = lineage;
    const there =
      this.#materialized.get(lineage)?.name ?? (leaf?.kind === 'blocks' && !lineage.isCached ? leaf.name : undefined);
    // Rows that are there are read where they lie.
    if (there !== undefined) return this.#read(this.#kept.get(there) ?? [], limit);
    return this.#run(
      planOfAction(lineage, limit, index, node => this.#materialized.get(node)),
      lineage,
      index,
    );
  }

  #read(blocks: Blocks, limit: number | null): readonly PartitionRows[] {
    return blocks.map(block => {
      if (block === null) return { numRows: 0, rows: [] };
      if (limit === 0) return { numRows: block.numRows, rows: [] };
      const rows = readRowBlock(this.#executor.pool.bytesOf(block));
      return { numRows: block.numRows, rows: limit === null ? rows : rows.slice(0, limit) };
    });
  }

  async #run(action: ActionPlan, lineage: Lineage, index: number): Promise<readonly PartitionRows[]> {
    const { pool, options } = this.#executor;
    const { plan, fragment, keeps } = action;
    const inputs = {
      plan: this.#refOf(action, lineage, index),
      broadcasts: this.#executor.broadcastsAt(this.#time),
      collections: rangesOf(fragment.collections),
      kept: this.#kept,
    };
    const batch: Batch = {
      time: batchTime(this.#time),
      previousTime: Number.NEGATIVE_INFINITY,
      ranges: {},
      submittedMs: this.#time,
      dueMs: this.#time,
      rerun: false,
      progress: undefined,
      sourceStates: undefined,
    };
    const outcome = await new Promise<BatchResult | BatchFailure>(done =>
      new BatchRun(compileStages(plan), pool, batch, { ...options, inputs, mayWait: false }, done).start(),
    );
    if ('failure' in outcome) throw batchError({ ...outcome, label: `${this.#label}: ${outcome.label}` });
    accumulateIn(this.#graph, outcome.accumulated);
    const keptBlocks = new Set<BlockRef>();
    for (const [name, node] of keeps) {
      const blocks = (outcome.kept.get(name) ?? []).map(({ block }) => block);
      this.#kept.set(name, blocks);
      this.#materialized.set(node, { name, numPartitions: blocks.length });
      for (const block of blocks) if (block !== null) keptBlocks.add(block);
    }
    this.#own.push(...keptBlocks);
    pool.release(outcome.blocks.filter(block => !keptBlocks.has(block)));
    return (outcome.collected.get(RESULT) ?? []).map(({ numRows, bytes }) => ({
      numRows,
      rows: decodeValue(bytes) as unknown[],
    }));
  }

  #refOf({ fragment, plan, fingerprint }: ActionPlan, lineage: Lineage, index: number): PlanRef {
    if (fragment.isData) {
      return { kind: 'data', id: `${this.#output?.id ?? ''} ${index}`, plan: JSON.parse(JSON.stringify(plan)) as Json };
    }
    if (this.#output === undefined) {
      throw new EngineError(
        'jobInvalid',
        'an operation with a closure on an RDD of slice can run in a function of foreachRDD only; elsewhere collect its rows first',
      );
    }
    const walk = walkLineage(lineage);
    return {
      kind: 'action',
      output: this.#output.id,
      numPartitions: this.#numPartitions,
      index,
      results: this.#results.map(bytesOf),
      ended: [...this.#ended],
      materialized: [...this.#materialized].flatMap(([node, kept]) => {
        const number = walk.indexOf(node);
        return number < 0 ? [] : [{ node: number, ...kept }];
      }),
      fingerprint,
      captured: fragment.captured(),
    };
  }
}

/** Throws `jobInvalid` where an RDD of a function that has ended is computed while none runs: an action nobody awaited. */
function requireOwnersOpen(lineage: Lineage): void {
  for (const { leaf } of walkLineage(lineage)) {
    if (leaf?.kind === 'blocks' && leaf.session instanceof DriverSession) leaf.session.requireOpen();
  }
}

/** Throws `jobInvalid` for rows of another call of a function: they may be gone. */
function requireSession(lineage: Lineage, session: object, label: string): void {
  for (const { leaf } of walkLineage(lineage)) {
    if (leaf?.kind === 'stream' || (leaf?.kind === 'blocks' && leaf.session !== session)) {
      throw new EngineError(
        'jobInvalid',
        `the function of ${label} uses an RDD of another batch or operation, whose rows are gone: ` +
          'collect what is needed later, or use slice of a persisted stream',
      );
    }
  }
}

function accumulateIn(graph: StreamGraph, accumulated: readonly Accumulated[]): void {
  for (const { name, bytes } of accumulated) graph.accumulators.get(name)?.merge(bytes);
}

/** Encoded when a worker needs it. */
interface CallResult {
  readonly value: unknown;
  bytes: Uint8Array | undefined;
}

const bytesOf = (result: CallResult | null): Uint8Array | null =>
  result && (result.bytes ??= sharedBytes(encodeValue(result.value)));

/** In memory that is handed to workers without a copy each time. */
function sharedBytes(bytes: Uint8Array): Uint8Array {
  const shared = new Uint8Array(new SharedArrayBuffer(bytes.length));
  shared.set(bytes);
  return shared;
}
