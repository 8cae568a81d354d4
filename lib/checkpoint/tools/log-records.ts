/** Those records of a log that count for a manifest, and whether snapshots may hold something of them already. */
import type { ReadLog } from '../log-chain.js';
import type { Manifest } from '../manifest.js';
import type { LogRecord } from '../segment-scan.js';

export interface CountedRecord {
  readonly record: LogRecord;
  /** False: the snapshot files may have changes of this commit, as it was made before they were done. */
  readonly settled: boolean;
}

/**
 * In the log's order: of batches after the manifest's time and of those that it left out, the first commit, and offsets
 * with sources that none before them had (a batch's choice of records to leave out comes later than its plan). Any other
 * is what a change of the checkpoint left that was interrupted.
 */
export function countedRecords({ segments }: Pick<ReadLog, 'segments'>, manifest: Manifest): CountedRecord[] {
  const { time = -Infinity, leftOut, snapshots } = manifest;
  const settledSegment = snapshots.length === 0 ? 0 : (manifest.settledSegment ?? manifest.lastSegment);
  const seen = new Set<string>();
  const counted: CountedRecord[] = [];
  for (const { segment, records } of segments) {
    for (const record of records) {
      if (record.time <= time && !leftOut.some(batch => batch.time === record.time)) continue;
      const { kind, time: of } = record;
      const parts = kind === 'commit' ? ['commit'] : Object.keys(record.ranges).map(source => `offsets ${source}`);
      const own = (parts.length === 0 ? [kind] : parts).map(part => `${of} ${part}`);
      if (own.every(part => seen.has(part))) continue;
      for (const part of own) seen.add(part);
      counted.push({ record, settled: segment >= settledSegment });
    }
  }
  return counted;
}
