/** The conformance data as types, as far as the specs read it: `meta` and `functions` in the file explain the rest. */
import { readFileSync } from 'node:fs';

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
  };
  readonly pipeline: Pipeline;
  readonly input: readonly InputBatch[];
  readonly input2?: readonly InputBatch[];
  /** One entry for each batch that is put out; null where the case expects something else. */
  readonly expected: readonly (readonly unknown[])[] | null;
  readonly ordered: boolean;
  readonly numBatchesToRun: number;
  readonly expectError?: string;
  readonly expectedPartitionsPerBatch?: number;
  readonly compareValuesAs?: 'multiset';
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

interface ConformanceData {
  readonly cases: readonly ConformanceCase[];
  readonly recoveryCases: readonly RecoveryCase[];
  readonly behaviourCases: readonly BehaviourCase[];
}

export const { cases, recoveryCases, behaviourCases } = JSON.parse(
  readFileSync(new URL('spark-streaming.json', import.meta.url), 'utf8'),
) as ConformanceData;

/** Every step of a pipeline, those of the pipelines inside it too. */
export function stepsOf(pipeline: Pipeline): Step[] {
  return pipeline.flatMap(step => [step, ...[step.other ?? [], ...(step.others ?? [])].flatMap(stepsOf)]);
}
