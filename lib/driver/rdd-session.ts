/**
 * One call of a function of foreachRDD in the driver: what its actions have computed, and what it holds until it ends. Each
 * action is a small job of its own on the same slots, beside the batches that are being computed.
 */
import { EngineError, messageOf } from '../core/errors.js';
import { batchTime } from '../core/time.js';
import { decodeValue } from '../core/value-codec.js';
import { planOfAction, RESULT, walkLineage, type ActionPlan } from '../api/action-plan.js';
import { Lineage } from '../api/lineage.js';
import type { ActionOutcome, PartitionRows, RddSession } from '../api/rdd-runtime.js';
import type { StreamGraph } from '../api/stream-graph.js';
import { BlockDamaged } from '../blocks/block-damaged.js';
import { readRowBlock } from '../blocks/row-block.js';
import type { Json } from '../core/json.js';
import type { OutputNode } from '../plan/node.js';
import { compileStages } from '../plan/stages.js';
import type { Accumulated, BlockRef, BroadcastRef, KeptPart, PlanRef } from '../protocol/messages.js';
import type { Batch, BatchFailure, BatchResult } from '../scheduler/batch.js';
import { BatchRun, type BatchRunOptions } from '../scheduler/batch-run.js';
import type { SlotPool } from '../scheduler/slot-pool.js';
import type { TextFolders } from '../sinks/text-folder.js';
import { batchError } from './batch-error.js';
import { rangesOf } from './batch-planner.js';
import type { CachedRdds } from './cached-rdds.js';
import { CallNotes } from './call-notes.js';
import type { KeptBatches } from './kept-batches.js';
import { SessionCache, type Blocks } from './session-cache.js';

/** Where actions run: known when the slots are. */
export interface RddExecutor {
  readonly pool: SlotPool;
  readonly options: BatchRunOptions;
  /** What broadcast variables hold for a batch. */
  readonly broadcastsAt: (time: number) => readonly BroadcastRef[];
  /** Batches of persisted streams. */
  readonly kept: KeptBatches;
  readonly caches: CachedRdds;
  readonly warn: (message: string) => void;
}

/** What sessions have in common. */
export interface SessionWorld {
  readonly executor: RddExecutor;
  readonly folders: TextFolders;
  readonly graph: StreamGraph;
}

/** One call of a function of foreachRDD; without one, what is outside of any, where no closure can run in a worker. */
export class DriverSession implements RddSession {
  readonly #executor: RddExecutor;
  readonly #folders: TextFolders;
  readonly #graph: StreamGraph;
  readonly #output: OutputNode | undefined;
  readonly #time: number;
  /** Rows that are there, by name. */
  readonly #kept = new Map<string, Blocks>();
  readonly #cache: SessionCache;
  readonly #notes = new CallNotes();
  readonly #running = new Set<Promise<unknown>>();
  /** Of slices: what ends their being held. */
  readonly #unpins: (() => void)[] = [];
  /** Outside of a function: which batch an RDD of slice is. */
  readonly #places = new WeakMap<Lineage, { readonly stream: string; readonly time: number }>();
  #numOutside = 0;
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
    this.#cache = new SessionCache(executor, this.#kept);
    this.#folders = folders;
    this.#graph = graph;
    this.#output = output;
    this.#time = time;
    this.#numPartitions = parts.length;
    const blocks = parts.map(({ block }) => block);
    if (output !== undefined) this.#kept.set(output.id, blocks);
  }

  async collect(lineage: Lineage, limit: number | null): Promise<readonly PartitionRows[]> {
    if (this.#output === undefined) requireOwnersOpen(lineage);
    const index = this.#begin();
    return this.#settle(index, this.#compute(lineage, limit, index));
  }

  /** @returns the number of a call */
  #begin(): number {
    this.requireOpen();
    // Outside of a function nothing runs again in a worker, and there is no end at which notes would be thrown away.
    return this.#output === undefined ? this.#numOutside++ : this.#notes.begin();
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
    const index = this.#begin();
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
      if (this.#output !== undefined) this.#notes.end(index, outcome);
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
    const { kept, pool } = this.#executor;
    const times = kept.timesOf(stream, from, to);
    const batches = times.map(time => {
      const blocks = kept.blocksOf(stream, time) ?? [];
      return { name: `${stream} ${time}`, numPartitions: blocks.length, blocks };
    });
    const lineages = batches.map(
      ({ name, numPartitions }) => new Lineage({ leaf: { kind: 'blocks', name, numPartitions, session: this } }),
    );
    if (this.#output === undefined) {
      for (const [i, lineage] of lineages.entries()) this.#places.set(lineage, { stream, time: times[i] ?? 0 });
      return lineages;
    }
    this.requireOpen();
    for (const { name, blocks } of batches) {
      // They stay what they are while the function runs, also when the memory is full and they are forgotten.
      if (!this.#kept.has(name)) this.#unpins.push(pool.pin(blocks.filter(block => block !== null)));
      this.#kept.set(name, blocks);
    }
    const given = batches.map(({ name, numPartitions }) => ({ name, numPartitions }));
    this.#notes.end(this.#begin(), given);
    return lineages;
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
    this.#cache.close();
    for (const unpin of this.#unpins) unpin();
  }

  async #compute(lineage: Lineage, limit: number | null, index: number): Promise<readonly PartitionRows[]> {
    requireSession(lineage, this, this.#label);
    const { leaf } = lineage;
    const there =
      this.#cache.materialized.get(lineage)?.name ??
      (leaf?.kind === 'blocks' && !lineage.isCached ? leaf.name : undefined);
    const rows = this.#output === undefined ? this.#slicedRows(lineage) : this.#kept;
    if (there !== undefined) {
      // Rows that are there are read where they lie.
      const read = await this.#readOrDrop(lineage, rows.get(there) ?? [], limit);
      return read ?? this.#compute(lineage, limit, index);
    }
    const plan = planOfAction(lineage, limit, index, node => this.#cache.materialized.get(node));
    const names = plan.plan.nodes.flatMap(({ operation }) => (operation.kind === 'blocks' ? [operation.name] : []));
    const isSlice = this.#output === undefined;
    const done = isSlice
      ? this.#executor.pool.pin([...rows.values()].flat().filter(block => block !== null))
      : this.#cache.reading(names);
    const ran = await this.#run(plan, lineage, index, rows).finally(done);
    if (!('failure' in ran)) return ran;
    if (this.#cache.dropLost(ran)) return this.#compute(lineage, limit, index);
    throw batchError({ ...ran, label: `${this.#label}: ${ran.label}` });
  }

  /** @returns undefined when an RDD that was cached cannot be read back: it is to be computed again */
  async #readOrDrop(
    lineage: Lineage,
    blocks: Blocks,
    limit: number | null,
  ): Promise<readonly PartitionRows[] | undefined> {
    try {
      return await this.#read(blocks, limit);
    } catch (cause) {
      if (!(cause instanceof BlockDamaged)) throw cause;
      this.#executor.pool.blockFileLost();
      if (this.#cache.materialized.has(lineage)) {
        this.#cache.drop(lineage, messageOf(cause));
        return undefined;
      }
      throw new EngineError(
        'batchFailed',
        `rows that ${this.#label} kept had no room in memory, and cannot be read back: ${messageOf(cause)}. ` +
          'Start again: the next run begins with the batch',
        { cause, detail: { batch: this.#time } },
      );
    }
  }

  /** What an action outside of a function reads, by name. Throws `jobInvalid` for a batch that is forgotten. */
  #slicedRows(lineage: Lineage): ReadonlyMap<string, Blocks> {
    const { kept } = this.#executor;
    const rows = new Map<string, Blocks>();
    for (const node of walkLineage(lineage)) {
      const place = this.#places.get(node);
      if (place === undefined || node.leaf?.kind !== 'blocks') continue;
      const blocks = kept.blocksOf(place.stream, place.time);
      if (blocks === undefined) {
        throw new EngineError(
          'jobInvalid',
          `an RDD of slice is of batch ${place.time}, which is not remembered any more: read it earlier, have ssc.remember ` +
            'keep more, or raise slotMemory',
        );
      }
      rows.set(node.leaf.name, blocks);
    }
    return rows;
  }

  async #read(blocks: Blocks, limit: number | null): Promise<readonly PartitionRows[]> {
    const { pool } = this.#executor;
    const parts: PartitionRows[] = [];
    // They may be forgotten, or moved, while those before them are read.
    const unpin = pool.pin(blocks.filter(block => block !== null));
    try {
      for (const block of blocks) {
        if (block === null) parts.push({ numRows: 0, rows: [] });
        else if (limit === 0) parts.push({ numRows: block.numRows, rows: [] });
        else {
          const rows = readRowBlock(await pool.read(block));
          parts.push({ numRows: block.numRows, rows: limit === null ? rows : rows.slice(0, limit) });
        }
      }
      return parts;
    } finally {
      unpin();
    }
  }

  async #run(
    action: ActionPlan,
    lineage: Lineage,
    index: number,
    rows: ReadonlyMap<string, Blocks>,
  ): Promise<readonly PartitionRows[] | BatchFailure> {
    const { pool, options } = this.#executor;
    const { plan, fragment, keeps } = action;
    const inputs = {
      plan: this.#refOf(action, lineage, index),
      broadcasts: this.#executor.broadcastsAt(this.#time),
      collections: rangesOf(fragment.collections),
      kept: rows,
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
    if ('failure' in outcome) return outcome;
    accumulateIn(this.#graph, outcome.accumulated);
    const keptBlocks = new Set<BlockRef>();
    // Outside of a function there is no end at which they would be given back.
    for (const [name, node] of this.#output === undefined ? [] : keeps) {
      const blocks = (outcome.kept.get(name) ?? []).map(({ block }) => block);
      this.#cache.add(node, name, blocks);
      for (const block of blocks) if (block !== null) keptBlocks.add(block);
    }
    pool.release(outcome.blocks.filter(block => !keptBlocks.has(block)));
    return (outcome.collected.get(RESULT) ?? []).map(({ numRows, bytes }) => ({
      numRows,
      rows: decodeValue(bytes) as unknown[],
    }));
  }

  #refOf({ fragment, plan, fingerprint }: ActionPlan, lineage: Lineage, index: number): PlanRef {
    if (fragment.isData) {
      return {
        kind: 'data',
        id: `${this.#output?.id ?? ''} ${index} ${fingerprint}`,
        plan: JSON.parse(JSON.stringify(plan)) as Json,
      };
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
      results: this.#notes.results,
      ended: this.#notes.ended,
      materialized: [...this.#cache.materialized].flatMap(([node, kept]) => {
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

/** Takes what the tasks of a batch or action added to accumulators. */
export function accumulateIn(graph: StreamGraph, accumulated: readonly Accumulated[]): void {
  for (const { name, bytes } of accumulated) graph.accumulators.get(name)?.merge(bytes);
}
