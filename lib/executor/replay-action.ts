/**
 * Runs a function of foreachRDD in a worker, as far as one of its actions: the RDDs it makes on the way carry the
 * closures that the action's tasks need. Calls before that action are answered with what they gave in the driver, in the
 * order in which they ended there; the action itself never ends here, so nothing after it runs.
 */
import { EngineError } from '../core/errors.js';
import { decodeValue } from '../core/value-codec.js';
import { Lineage } from '../api/lineage.js';
import { Rdd } from '../api/rdd.js';
import type { ActionOutcome, PartitionRows, RddSession } from '../api/rdd-runtime.js';
import type { StreamGraph } from '../api/stream-graph.js';
import type { ActionRef } from '../protocol/messages.js';

export interface ReplayedAction {
  readonly lineage: Lineage;
  readonly limit: number | null;
}

/** Throws what the function throws, and `planMismatch` when it ends before the action. */
export async function replayAction(graph: StreamGraph, ref: ActionRef, time: number): Promise<ReplayedAction> {
  const f = graph.outputFunctions.get(ref.output) as ((rdd: Rdd<unknown>, time: number) => unknown) | undefined;
  const output = graph.output(ref.output);
  if (f === undefined || output === undefined)
    throw new EngineError('internal', `no function for output ${ref.output}`);
  const session = new ReplaySession(ref);
  const leaf = { kind: 'blocks', name: ref.output, numPartitions: ref.numPartitions, session } as const;
  const { columns } = graph.node(output.parent);
  const rdd = new Rdd<unknown>(new Lineage({ leaf, columns }), graph.rdds);
  graph.rdds.session = session;
  try {
    const ended = (async () => f(rdd, time))().then((): never => {
      throw new EngineError(
        'planMismatch',
        `the function of ${output.label} ended in a worker before its action ${ref.index + 1}, which it came to in the driver: ` +
          'it must take the same way whenever it runs for a batch',
      );
    });
    // What it does after the action was reached is of no interest.
    ended.catch(() => undefined);
    return await Promise.race([session.reached, ended]);
  } finally {
    graph.rdds.session = undefined;
  }
}

interface Waiting {
  readonly index: number;
  readonly resolve: (outcome: ActionOutcome) => void;
}

class ReplaySession implements RddSession {
  readonly reached: Promise<ReplayedAction>;
  readonly #ref: ActionRef;
  readonly #waiting = new Map<number, Waiting>();
  #reach: (action: ReplayedAction) => void = () => undefined;
  #numCalls = 0;
  #numEnded = 0;
  #turning = false;

  constructor(ref: ActionRef) {
    this.#ref = ref;
    this.reached = new Promise(resolve => {
      this.#reach = resolve;
    });
  }

  async collect(lineage: Lineage, limit: number | null): Promise<readonly PartitionRows[]> {
    return (await this.#outcomeOf({ lineage, limit })) as readonly PartitionRows[];
  }

  async writeFolder(_path: string, texts: Lineage): Promise<void> {
    await this.#outcomeOf({ lineage: texts, limit: null });
  }

  /** What the next call gave in the driver; what it threw there, it throws here. */
  async #outcomeOf(action: ReplayedAction): Promise<unknown> {
    const index = this.#numCalls++;
    const outcome = await new Promise<ActionOutcome>(resolve => {
      if (index === this.#ref.index) return this.#reach(action);
      this.#waiting.set(index, { index, resolve });
      this.#turn();
    });
    if ('result' in outcome) return outcome.result;
    throw new EngineError(outcome.code, outcome.message);
  }

  slice(): readonly Lineage[] {
    const index = this.#numCalls++;
    const bytes = this.#ref.results[index];
    if (bytes === undefined || bytes === null) return [];
    const batches = decodeValue(bytes) as readonly { readonly name: string; readonly numPartitions: number }[];
    this.#numEnded++;
    this.#turn();
    return batches.map(batch => new Lineage({ leaf: { kind: 'blocks', ...batch, session: this } }));
  }

  /** Ends calls one a turn of the event loop, so that what follows each runs before the next ends. */
  #turn(): void {
    if (this.#turning) return;
    this.#turning = true;
    setImmediate(() => {
      this.#turning = false;
      const index = this.#ref.ended[this.#numEnded];
      const waiting = index === undefined ? undefined : this.#waiting.get(index);
      if (waiting === undefined || index === undefined) return;
      this.#numEnded++;
      this.#waiting.delete(index);
      waiting.resolve(decodeValue(this.#ref.results[index] ?? new Uint8Array()) as ActionOutcome);
      this.#turn();
    });
  }
}
