import type { BlockRef, TaskResult } from '../protocol/messages.js';
import type { BatchResult } from './batch.js';

/** Puts the accepted results of a batch's tasks together, in order of stage and partition. */
export function collectResults(
  tasks: readonly { readonly partition: number; readonly result: TaskResult | undefined }[],
  numTasks: number,
  failedTasks: number,
): BatchResult {
  const staged = new Map<string, { numRows: number; blocks: readonly BlockRef[] }[]>();
  const collected = new Map<string, { numRows: number; bytes: Uint8Array }[]>();
  const deltas: { operator: string; partition: number; ipc: BlockRef }[] = [];
  const deadLetters: { numRows: number; blocks: readonly BlockRef[] }[] = [];
  const blocks: BlockRef[] = [];
  let inputRecords = 0;
  let inputBytes = 0;
  let badRecords = 0;
  for (const { partition, result } of tasks) {
    if (result === undefined) continue;
    for (const [output, part] of Object.entries(result.staged)) append(staged, output, part);
    for (const [output, part] of Object.entries(result.collected)) append(collected, output, part);
    for (const [operator, { delta, ipc }] of Object.entries(result.deltas)) {
      if (ipc !== null) deltas.push({ operator, partition, ipc });
      for (const block of [delta, ipc]) if (block !== null) blocks.push(block);
    }
    if (result.deadLetters.numRows > 0) deadLetters.push(result.deadLetters);
    for (const refs of Object.values(result.shuffles)) for (const ref of refs) if (ref !== null) blocks.push(ref);
    for (const part of Object.values(result.staged)) blocks.push(...part.blocks);
    blocks.push(...result.deadLetters.blocks);
    inputRecords += result.inputRecords;
    inputBytes += result.inputBytes;
    badRecords += result.badRecords;
  }
  return {
    staged,
    collected,
    deltas,
    deadLetters,
    blocks,
    inputRecords,
    inputBytes,
    badRecords,
    numTasks,
    failedTasks,
  };
}

function append<T>(map: Map<string, T[]>, key: string, value: T): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}
