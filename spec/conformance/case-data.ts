/** The conformance data. */
import { readFileSync } from 'node:fs';
import type { BehaviourCase, ConformanceCase, RecoveryCase, StateMapCase, StateRecordCase, StateStep } from './cases.js';

interface ConformanceData {
  readonly cases: readonly ConformanceCase[];
  readonly recoveryCases: readonly RecoveryCase[];
  readonly behaviourCases: readonly BehaviourCase[];
  readonly stateRecordCases: { readonly cases: readonly StateRecordCase[] };
  readonly stateSequence: { readonly steps: readonly StateStep[] };
  readonly stateMapCases: { readonly cases: readonly StateMapCase[] };
}

export const { cases, recoveryCases, behaviourCases, stateRecordCases, stateSequence, stateMapCases } = JSON.parse(
  readFileSync(new URL('spark-streaming.json', import.meta.url), 'utf8'),
) as ConformanceData;
