import type { Stage } from '../plan/stages.js';
import type { BlockRef, Branch, CollectedPart, StagedPart, TaskResult } from '../protocol/messages.js';
import type { BatchResult } from './batch.js';
import { blocksOf } from './batch-task.js';

/**
 * Puts the accepted results of a batch's tasks together, in order of stage and partition; what is put out in order of
 * branch before that.
 */
export function collectResults(
  tasks: readonly {
    readonly stage: Pick<Stage, 'leaf'>;
    readonly partition: number;
    readonly result: TaskResult | undefined;
  }[],
  numTasks: number,
  failedTasks: number,
): BatchResult {
  const staged = new Map<string, StagedPart[]>();
  const collected = new Map<string, CollectedPart[]>();
  const deltas: { operator: string; partition: number; ipc: BlockRef }[] = [];
  const deadLetters: { numRows: number; blocks: readonly BlockRef[] }[] = [];
  const blocks: BlockRef[] = [];
  const recordsBySource = new Map<string, number>();
  let inputRecords = 0;
  let inputBytes = 0;
  let badRecords = 0;
  for (const { stage, partition, result } of tasks) {
    if (result === undefined) continue;
    for (const [output, parts] of Object.entries(result.staged)) append(staged, output, parts);
    for (const [output, parts] of Object.entries(result.collected)) append(collected, output, parts);
    for (const [operator, { ipc }] of Object.entries(result.deltas)) {
      if (ipc !== null) deltas.push({ operator, partition, ipc });
    }
    if (result.deadLetters.numRows > 0) deadLetters.push(result.deadLetters);
    blocks.push(...blocksOf(result));
    inputRecords += result.inputRecords;
    const { operation } = stage.leaf;
    if (operation.kind === 'source') {
      const records = (recordsBySource.get(operation.sourceId) ?? 0) + result.inputRecords;
      recordsBySource.set(operation.sourceId, records);
    }
    inputBytes += result.inputBytes;
    badRecords += result.badRecords;
  }
  for (const parts of [...staged.values(), ...collected.values()])
    parts.sort((a, b) => compareBranches(a.branch, b.branch));
  return {
    staged,
    collected,
    deltas,
    deadLetters,
    blocks,
    inputRecords,
    recordsBySource,
    inputBytes,
    badRecords,
    numTasks,
    failedTasks,
  };
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
