import { EngineError } from '../../core/errors.js';
import type { Json } from '../../core/json.js';
import type { StoredBlock } from './receiver-messages.js';

/** What one task reads: some blocks of the source's log, one after another. */
export interface ReceiverRange {
  readonly chunks: readonly StoredBlock[];
}

/** Less is not worth a task of its own. */
const MIN_RANGE_BYTES = 64 * 1024;

/** Puts blocks together into at most `parallelism` ranges of about the same size, in order. */
export function packBlocks(blocks: readonly StoredBlock[], parallelism: number): Json[] {
  const total = blocks.reduce((sum, block) => sum + block.byteLength, 0);
  const rangeBytes = Math.max(MIN_RANGE_BYTES, Math.ceil(total / Math.max(1, parallelism)));
  const ranges: StoredBlock[][] = [];
  let start = 0;
  for (const block of blocks) {
    // By where a block begins: so there are never more ranges than asked for, whatever the blocks' sizes.
    const at = Math.floor(start / rangeBytes);
    while (ranges.length <= at) ranges.push([]);
    ranges[at]?.push(block);
    start += block.byteLength;
  }
  return ranges.filter(chunks => chunks.length > 0).map(chunks => ({ chunks: chunks.map(chunk => ({ ...chunk })) }));
}

/** Throws `internal` for what `packBlocks` has not made. */
export function receiverRangeOf(range: Json): ReceiverRange {
  const chunks = (range as { readonly chunks?: unknown } | null)?.chunks;
  if (Array.isArray(chunks)) return { chunks: chunks as readonly StoredBlock[] };
  throw new EngineError('internal', `a range of received blocks was wanted, got ${JSON.stringify(range)}`);
}
