import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeId } from '../checkpoint/checkpoint-files.js';
import type { Plan } from '../plan/node.js';

/** Where what a job's receivers store lies. */
export interface ReceiverFolders {
  /** By source id, an absolute path. */
  readonly bySource: { readonly [source: string]: string };
  /** False without a checkpoint: then nothing outlives the run. */
  readonly durable: boolean;
  /** Removes what does not outlive the run. */
  remove(): Promise<void>;
}

/** `receivers/` in the checkpoint directory; without one a folder of this run's own among the system's temporary files. */
export function receiverFolders(plan: Plan, checkpoint: string | undefined): ReceiverFolders {
  const root =
    checkpoint === undefined
      ? join(tmpdir(), `sluice-receivers-${process.pid}-${randomBytes(6).toString('hex')}`)
      : join(checkpoint, 'receivers');
  const folders: [string, string][] = [];
  for (const { operation } of plan.nodes) {
    if (operation.kind !== 'source' || operation.spec.kind !== 'receiver') continue;
    folders.push([operation.sourceId, join(root, encodeId(operation.sourceId))]);
  }
  return {
    // As own properties, whatever a job calls its sources.
    bySource: Object.fromEntries(folders),
    durable: checkpoint !== undefined,
    remove: async () => {
      if (checkpoint === undefined) await rm(root, { recursive: true, force: true });
    },
  };
}
