/** Binds a batch to its plan: the job's own, or with transforms one of the batch's, made by their functions. */
import type { Json } from '../core/json.js';
import { hasTransforms, planOfBatch } from '../api/batch-plan.js';
import type { Broadcast } from '../api/broadcast.js';
import type { Collection } from '../api/lower-lineage.js';
import type { StreamGraph } from '../api/stream-graph.js';
import { failureOf } from '../executor/failure-of.js';
import { absentNodes } from '../plan/absence.js';
import type { NodeId } from '../plan/node.js';
import { compileStages, type CompiledPlan } from '../plan/stages.js';
import type { BroadcastRef } from '../protocol/messages.js';
import { absentSources, type Batch, type BatchFailure, type PlanInputs } from '../scheduler/batch.js';
import { collectionRanges } from '../sources/queue-source.js';
import type { BroadcastSource } from './broadcast-source.js';
import type { StaticTableSource } from './table-source.js';

export interface BoundPlan {
  readonly compiled: CompiledPlan;
  readonly inputs: PlanInputs;
}

export class BatchPlanner {
  readonly #graph: StreamGraph;
  readonly #compiled: CompiledPlan;
  readonly #hasTransforms: boolean;
  readonly #tables: readonly { readonly table: string; readonly driver: StaticTableSource }[];
  readonly #broadcasts: readonly (readonly [Broadcast<unknown>, BroadcastSource])[];

  /** @param broadcasts each variable with what says what it holds for a batch @param tables by id, the same of static tables */
  constructor(
    graph: StreamGraph,
    compiled: CompiledPlan,
    broadcasts: readonly (readonly [Broadcast<unknown>, BroadcastSource])[],
    tables: readonly { readonly table: string; readonly driver: StaticTableSource }[] = [],
  ) {
    this.#tables = tables;
    this.#broadcasts = broadcasts;
    this.#graph = graph;
    this.#compiled = compiled;
    this.#hasTransforms = hasTransforms(compiled.plan);
  }

  /** A transform's function that throws fails the batch as a task does. */
  bind(batch: Batch): BoundPlan | BatchFailure {
    const { time, previousTime } = batch;
    const broadcasts = this.broadcastsAt(time);
    const { plan } = this.#compiled;
    const absent = absentNodes(plan, absentSources(batch));
    if (!this.#hasTransforms) return { compiled: this.#compiled, inputs: { plan: null, broadcasts, absent } };
    try {
      const {
        plan: own,
        fingerprint,
        collections,
        captured,
      } = this.#within(time, () => planOfBatch(this.#graph, plan, time, previousTime));
      const inputs: PlanInputs = {
        plan: { kind: 'batch', fingerprint, captured },
        broadcasts,
        absent,
        collections: rangesOf(collections),
      };
      return { compiled: compileStages(own), inputs };
    } catch (error) {
      return { time, stage: 0, partition: 0, attempts: 1, label: 'transform', failure: failureOf(error, 'transform') };
    }
  }

  /** Whether the stream of an output has no batch. */
  isAbsent(output: string, batch: Batch): boolean {
    const absent = absentNodes(this.#compiled.plan, absentSources(batch));
    const parent = this.#compiled.plan.outputs.find(({ id }) => id === output)?.parent;
    return parent !== undefined && absent.has(parent);
  }

  /** What broadcast variables hold for a batch, and static tables. */
  broadcastsAt(time: number): readonly BroadcastRef[] {
    const tables = this.#tables.map(({ table, driver }) => ({ id: table, ...driver.versionAt(time) }));
    return [...this.#broadcasts.map(([{ id }, source]) => ({ id, ...source.versionAt(time) })), ...tables];
  }

  /** Runs `f` with the broadcast variables as they are for a batch. */
  #within<R>(time: number, f: () => R): R {
    return this.#broadcasts.reduce<() => R>(
      (run, [broadcast, source]) =>
        () =>
          broadcast.within(source.versionAt(time), run),
      f,
    )();
  }
}

/** Values of the driver as what tasks read, by node. */
export const rangesOf = (collections: ReadonlyMap<NodeId, Collection>): ReadonlyMap<number, readonly Json[]> =>
  new Map([...collections].map(([id, { rows, numPartitions }]) => [id, collectionRanges(rows, numPartitions)]));
