/** The conformance data as types, as far as the specs read it: `meta` and `functions` in the file explain the rest. */

/** One operation of a pipeline: its name, and what it takes under the names that the data uses. */
export interface Step {
  readonly op: string;
  readonly fn?: string;
  /** Of a source: which input. */
  readonly stream?: number;
  readonly n?: number;
  readonly numPartitions?: number;
  readonly other?: Pipeline;
  readonly others?: readonly Pipeline[];
  readonly initial?: readonly (readonly [unknown, unknown])[];
  readonly form?: string;
  readonly oneAtATime?: boolean;
  readonly windowMs?: number;
  readonly slideMs?: number;
  readonly inverse?: string;
  readonly filter?: string;
  readonly timeoutMs?: number;
}

export type Pipeline = readonly Step[];

/** Rows of a batch; null where the source gives none. */
export type InputBatch = readonly unknown[] | null;

export interface ConformanceCase {
  readonly id: string;
  readonly name: string;
  /** What the case is about; mostly the last step of its pipeline. */
  readonly op: string;
  readonly params: {
    readonly batchDurationMs: number;
    readonly numInputPartitions: number;
    readonly enqueuedPerTick?: number;
    readonly fromMs?: number;
    readonly toMs?: number;
  };
  readonly pipeline: Pipeline;
  readonly input: readonly InputBatch[];
  readonly input2?: readonly InputBatch[];
  /** One entry for each batch that is put out; null where the case expects something else. */
  readonly expected: readonly (readonly unknown[])[] | null;
  readonly ordered: boolean;
  readonly numBatchesToRun: number;
  readonly expectError?: string;
  readonly expectedSlice?: readonly unknown[];
  readonly expectedPartitionsPerBatch?: number;
  readonly compareValuesAs?: 'multiset';
  /** Of mapWithState: all states after each batch. */
  readonly expectedStateSnapshots?: readonly (readonly unknown[])[] | null;
}

export interface RecoveryCase {
  readonly id: string;
  readonly name: string;
  readonly batchDurationMs: number;
  readonly pipeline: Pipeline;
  readonly input?: readonly InputBatch[];
  readonly expected?: readonly (readonly unknown[])[];
  readonly stopAfterBatches?: number;
  /** Each row of the output, once, where batches are not compared. */
  readonly expectedOutputSet?: readonly number[];
}

/** What holds beside the rows of a pipeline; facts by name. */
export interface BehaviourCase {
  readonly id: string;
  readonly name: string;
  readonly facts?: { readonly [name: string]: readonly number[] };
}

/** What one batch does to one key of mapWithState. */
export interface StateRecordCase {
  readonly id: string;
  readonly initialState: number | null;
  readonly initialUpdateTimeMs: number;
  readonly batchTimeMs: number;
  readonly key: string;
  readonly hasData: boolean;
  readonly fn: string;
  /** Batch time less the timeout. */
  readonly timeoutThresholdMs: number | null;
  readonly expectedStateAndTime: readonly [number, number] | null;
  readonly expectedOutput: readonly number[];
  readonly expectedRemoved: readonly number[];
  readonly expectedTimedOut: readonly number[];
}

/** One batch of mapWithState, on the states that another step left. */
export interface StateStep {
  readonly step: string;
  readonly from?: string;
  readonly data?: readonly (readonly [string, number])[];
  readonly time?: number;
  /** By key: state and time of its last update. */
  readonly expected: { readonly [key: string]: readonly [number, number] };
}

/** Operations on a map of timed states, in order: the name, what it takes, and what it gives. */
export interface StateMapCase {
  readonly id: string;
  readonly name: string;
  readonly script: readonly (readonly unknown[])[];
}

/** Every step of a pipeline, those of the pipelines inside it too. */
export function stepsOf(pipeline: Pipeline): Step[] {
  return pipeline.flatMap(step => [step, ...[step.other ?? [], ...(step.others ?? [])].flatMap(stepsOf)]);
}
