import { branchesTo } from '../plan/branches.js';
import type { Stage } from '../plan/stages.js';
import type {
  Accumulated,
  BlockRef,
  Branch,
  CollectedPart,
  KeptPart,
  StagedPart,
  TaskResult,
} from '../protocol/messages.js';
import type { BatchResult } from './batch.js';
import { blocksOf } from './batch-task.js';

/**
 * Puts the accepted results of a batch's tasks together, in order of stage and partition; what is put out in order of
 * branch before that.
 */
export function collectResults(
  tasks: readonly { readonly stage: Stage; readonly partition: number; readonly result: TaskResult | undefined }[],
  numTasks: number,
  failedTasks: number,
): BatchResult {
  const staged = new Map<string, StagedPart[]>();
  const collected = new Map<string, CollectedPart[]>();
  const kept = new Map<string, KeptPart[]>();
  const deltas: { operator: string; partition: number; ipc: BlockRef | null }[] = [];
  const deadLetters: { numRows: number; blocks: readonly BlockRef[] }[] = [];
  const blocks: BlockRef[] = [];
  const accumulated: Accumulated[] = [];
  const recordsBySource = new Map<string, number>();
  const bytesBySource = new Map<string, number>();
  let inputRecords = 0;
  let inputBytes = 0;
  let badRecords = 0;
  let runMs = 0;
  for (const { stage, partition, result } of tasks) {
    if (result === undefined) {
      for (const { id, branch } of emptyParts(stage)) append(kept, id, [{ branch, numRows: 0, block: null }]);
      continue;
    }
    for (const [output, parts] of Object.entries(result.kept)) append(kept, output, parts);
    for (const [output, parts] of Object.entries(result.staged)) append(staged, output, parts);
    for (const [output, parts] of Object.entries(result.collected)) append(collected, output, parts);
    for (const [operator, { delta, ipc }] of Object.entries(result.deltas)) {
      if (delta !== null) deltas.push({ operator, partition, ipc });
    }
    if (result.deadLetters.numRows > 0) deadLetters.push(result.deadLetters);
    blocks.push(...blocksOf(result));
    accumulated.push(...result.accumulated);
    inputRecords += result.inputRecords;
    const { operation } = stage.leaf;
    if (operation.kind === 'source') {
      const records = (recordsBySource.get(operation.sourceId) ?? 0) + result.inputRecords;
      recordsBySource.set(operation.sourceId, records);
    }
    inputBytes += result.inputBytes;
    badRecords += result.badRecords;
    runMs += result.runMs;
    if (operation.kind === 'source') {
      bytesBySource.set(operation.sourceId, (bytesBySource.get(operation.sourceId) ?? 0) + result.inputBytes);
    }
  }
  for (const parts of [...staged.values(), ...collected.values(), ...kept.values()])
    parts.sort((a, b) => compareBranches(a.branch, b.branch));
  return {
    staged,
    collected,
    kept,
    deltas,
    deadLetters,
    blocks,
    accumulated,
    inputRecords,
    recordsBySource,
    inputBytes,
    badRecords,
    numTasks,
    failedTasks,
    runMs,
    bytesBySource,
  };
}

/** The partitions of kept rows that a task which was not needed stands for. */
function emptyParts(stage: Stage): { readonly id: string; readonly branch: Branch }[] {
  return stage.outputs.flatMap(({ id, parent, operation }) =>
    operation.kind === 'foreachRdd' || operation.kind === 'persist'
      ? branchesTo(stage, parent).map(branch => ({ id, branch }))
      : [],
  );
}

function append<T>(map: Map<string, T[]>, key: string, values: readonly T[]): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [...values]);
  else list.push(...values);
}

/** Two branches of one output differ at a union that both pass. */
function compareBranches(a: Branch, b: Branch): number {
  const at = a.findIndex((stream, i) => stream !== b[i]);
  return at < 0 ? 0 : (a[at] ?? 0) - (b[at] ?? 0);
}
