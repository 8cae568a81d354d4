/** Binds a batch to its plan: the job's own, or with transforms one of the batch's, made by their functions. */
import type { Json } from '../core/json.js';
import { hasTransforms, planOfBatch } from '../api/batch-plan.js';
import type { StreamGraph } from '../api/stream-graph.js';
import { failureOf } from '../executor/failure-of.js';
import { compileStages, type CompiledPlan } from '../plan/stages.js';
import type { Batch, BatchFailure, PlanInputs } from '../scheduler/batch.js';
import { collectionRanges } from '../sources/queue-source.js';

export interface BoundPlan {
  readonly compiled: CompiledPlan;
  readonly inputs: PlanInputs;
}

export class BatchPlanner {
  readonly #graph: StreamGraph;
  readonly #compiled: CompiledPlan;
  readonly #hasTransforms: boolean;

  constructor(graph: StreamGraph, compiled: CompiledPlan) {
    this.#graph = graph;
    this.#compiled = compiled;
    this.#hasTransforms = hasTransforms(compiled.plan);
  }

  /** A transform's function that throws fails the batch as a task does. */
  bind({ time, previousTime }: Batch): BoundPlan | BatchFailure {
    if (!this.#hasTransforms) return { compiled: this.#compiled, inputs: { plan: null } };
    try {
      const { plan, fingerprint, collections } = planOfBatch(this.#graph, this.#compiled.plan, time, previousTime);
      return {
        compiled: compileStages(plan),
        inputs: {
          plan: { kind: 'batch', fingerprint },
          collections: new Map<number, readonly Json[]>(
            [...collections].map(([id, { rows, numPartitions }]) => [id, collectionRanges(rows, numPartitions)]),
          ),
        },
      };
    } catch (error) {
      return { time, stage: 0, partition: 0, attempts: 1, label: 'transform', failure: failureOf(error, 'transform') };
    }
  }
}
