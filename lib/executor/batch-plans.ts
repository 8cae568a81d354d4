/**
 * The plans of a worker: the job's own, and those of single batches and actions, made by calling the job's functions
 * here as they were called in the driver. Tasks of one plan come one after another, so the last few are kept.
 */
import { EngineError } from '../core/errors.js';
import { planOfAction, walkLineage } from '../api/action-plan.js';
import { planOfBatch } from '../api/batch-plan.js';
import { requireSameCaptured } from '../api/captured-variables.js';
import type { GraphView } from '../api/closures.js';
import type { StreamGraph } from '../api/stream-graph.js';
import type { NodeId, Plan, PlanNode } from '../plan/node.js';
import { compileStages, type Stage } from '../plan/stages.js';
import type { ActionRef, PlanRef, TaskRequest } from '../protocol/messages.js';
import { replayAction } from './replay-action.js';
import { replayed } from './replay-console.js';

export interface TaskPlan {
  readonly stages: readonly Stage[];
  readonly view: GraphView;
}

/** What a request says of its plan. */
type PlanRequest = Pick<TaskRequest, 'plan' | 'time' | 'previousTime'>;

const MAX_KEPT = 8;

const ADVICE =
  'A function of transform or foreachRDD must build the same RDDs whenever it runs for a batch: it runs in the driver and in each worker. ' +
  'It must not depend on random numbers, the clock or variables that change while the job runs; give those to it with ssc.broadcast(value)';

export class BatchPlans {
  readonly #graph: StreamGraph;
  readonly #plan: Plan;
  readonly #own: TaskPlan;
  readonly #kept = new Map<string, TaskPlan>();

  constructor(graph: StreamGraph, plan: Plan) {
    this.#graph = graph;
    this.#plan = plan;
    this.#own = { stages: compileStages(plan).stages, view: graph };
  }

  /** Throws `planMismatch` when this thread comes to another plan than the driver, and what the job's functions throw. */
  async planOf(request: PlanRequest): Promise<TaskPlan> {
    const { plan: ref, time } = request;
    if (ref === null) return this.#own;
    const key = keyOf(ref, time);
    const known = this.#kept.get(key);
    if (known !== undefined) return known;
    const made = await this.#make(ref, request);
    this.#kept.set(key, made);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > MAX_KEPT && oldest !== undefined) this.#kept.delete(oldest);
    return made;
  }

  async #make(ref: PlanRef, request: PlanRequest): Promise<TaskPlan> {
    switch (ref.kind) {
      case 'batch':
        return this.#planOfBatch(ref, request);
      case 'data':
        return planOfData(ref.plan as unknown as Plan);
      case 'action':
        return this.#planOfAction(ref, request.time);
    }
  }

  #planOfBatch(ref: Extract<PlanRef, { kind: 'batch' }>, { time, previousTime }: PlanRequest): TaskPlan {
    const { plan, view, fingerprint, captured } = planOfBatch(this.#graph, this.#plan, time, previousTime);
    if (fingerprint !== ref.fingerprint) {
      throw new EngineError(
        'planMismatch',
        `a function of transform built other RDDs in a worker than in the driver for batch ${time}. ${ADVICE}`,
      );
    }
    requireSameCaptured(ref.captured, captured, `transform, batch ${time}`);
    return { stages: compileStages(plan).stages, view };
  }

  async #planOfAction(ref: ActionRef, time: number): Promise<TaskPlan> {
    const { lineage, limit } = await replayed(() => replayAction(this.#graph, ref, time));
    const walk = walkLineage(lineage);
    const there = new Map(ref.materialized.map(({ node, ...kept }) => [walk[node], kept]));
    const { plan, view, fingerprint, fragment } = planOfAction(lineage, limit, ref.index, node => there.get(node));
    if (fingerprint !== ref.fingerprint) {
      throw new EngineError(
        'planMismatch',
        `the function of ${ref.output} came to another RDD in a worker than in the driver at its action ${ref.index + 1} for batch ${time}. ${ADVICE}`,
      );
    }
    requireSameCaptured(ref.captured, fragment.captured(), `${ref.output}, action ${ref.index + 1}, batch ${time}`);
    return { stages: compileStages(plan).stages, view };
  }
}

function keyOf(ref: PlanRef, time: number): string {
  switch (ref.kind) {
    case 'batch':
      return `batch ${time} ${ref.fingerprint}`;
    case 'data':
      return `data ${time} ${ref.id}`;
    case 'action':
      return `action ${time} ${ref.output} ${ref.index} ${ref.fingerprint}`;
  }
}

/** A plan without closures. */
function planOfData(plan: Plan): TaskPlan {
  const byId = new Map<NodeId, PlanNode>(plan.nodes.map(node => [node.id, node]));
  const view: GraphView = {
    node(id) {
      const node = byId.get(id);
      if (node === undefined) throw new EngineError('internal', `no node ${id} in a plan that was sent`);
      return node;
    },
    functions: new Map(),
    combiners: new Map(),
    windowTotals: new Map(),
    partitioners: new Map(),
  };
  return { stages: compileStages(plan).stages, view };
}
