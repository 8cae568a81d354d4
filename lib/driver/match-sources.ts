import { EngineError } from '../core/errors.js';
import type { RunListener } from '../metrics/run-events.js';
import { LEFT_OUT } from '../scheduler/poison-choice.js';
import type { Recovery } from './recovery.js';

/**
 * Compares the sources of the checkpoint with the job's. A source that came under another name would be read from its
 * start again and counted twice, and a batch that is to run again needs all its sources: both are refused. A source
 * that is only gone, or only new, is told.
 */
export function matchSources(recovery: Recovery, inJob: readonly string[], listener: RunListener): void {
  if (!recovery.restored) return;
  const { sourceStates, batches } = recovery;
  const inCheckpoint = new Set([...Object.keys(sourceStates), ...batches.flatMap(({ ranges }) => Object.keys(ranges))]);
  const isPlanned = (id: string): boolean =>
    batches.some(({ committed, ranges }) => !committed && (ranges[id] ?? []).length > 0);
  // What a batch leaves out stands beside what it reads.
  inCheckpoint.delete(LEFT_OUT);
  const gone = [...inCheckpoint].filter(id => !inJob.includes(id));
  const added = inJob.filter(id => !inCheckpoint.has(id));
  if (gone.length > 0 && (added.length > 0 || gone.some(isPlanned))) {
    const now = added.length === 0 ? '' : `, and new in the job: ${added.join(', ')}`;
    throw new EngineError(
      'checkpointForeign',
      `the checkpoint knows how far these sources were read, and the job has none of that name: ${gone.join(', ')}${now}. ` +
        'Give a source its old id, or start with a new checkpoint directory',
      { detail: { gone, added } },
    );
  }
  for (const id of gone) {
    listener({
      kind: 'warning',
      message: `source '${id}' is not in the job any more: how far it was read is forgotten`,
    });
  }
  for (const id of added) {
    listener({ kind: 'warning', message: `source '${id}' is not in the checkpoint: it is read from its start` });
  }
}
