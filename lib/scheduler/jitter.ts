import { EngineError } from '../core/errors.js';
import { hashBytes } from '../core/hash.js';

/**
 * How long after its time a batch starts, 0 to `jitterMs`: spread over the batches, and the same for the same job and
 * time in every run.
 */
export function jitterOf(job: string, time: number, jitterMs: number): number {
  if (jitterMs === 0) return 0;
  const bytes = Buffer.from(`${job}@${time}`);
  return hashBytes(bytes, 0, bytes.length) % (jitterMs + 1);
}

/** Throws `optionInvalid` for a jitter that would reach the next batch. */
export function checkJitter(jitterMs: number, intervalMs: number): void {
  if (jitterMs < intervalMs) return;
  throw new EngineError(
    'optionInvalid',
    `option jitter wants less than the batch interval of ${intervalMs} ms, got ${jitterMs} ms: try ${Math.floor(intervalMs / 2)}`,
    { detail: { option: 'jitter' } },
  );
}
