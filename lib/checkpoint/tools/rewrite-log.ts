/**
 * Writes the records of a log anew, behind the log or into another directory: so a tool changes what a checkpoint says
 * without touching a byte of what is there. What counts is decided by the manifest that then names the new segments.
 */
import type { FileSystem } from '../../core/file-system.js';
import { encodeCommit, encodeOffsets } from '../batch-record.js';
import { COMMIT_RECORD, OFFSETS_RECORD } from '../log-format.js';
import type { LogRecord } from '../segment-scan.js';
import { WriteAheadLog, type LogStart } from '../write-ahead-log.js';
import type { CountedRecord } from './log-records.js';

/** Records wait in memory until there are so many bytes of them. */
const SYNC_BYTES = 8 * 1024 * 1024;

/** For a manifest: the segments that were written, and the first of them with which snapshots have nothing in common. */
export interface RewrittenLog {
  readonly firstSegment: number;
  readonly lastSegment: number;
  readonly settledSegment: number;
}

/**
 * @param records in order: those that are not settled first
 * @param afterWrite runs beside every sync; what it throws ends the writing
 * Throws `checkpointCorrupt` for a change of state that is not what it was, `checkpointUnwritable`.
 */
export async function rewriteLog(
  fs: FileSystem,
  directory: string,
  start: LogStart,
  records: readonly CountedRecord[],
  afterWrite: () => Promise<void>,
): Promise<RewrittenLog> {
  const log = await WriteAheadLog.start(fs, directory, start, afterWrite);
  try {
    const firstSegment = log.segment;
    let waitingBytes = 0;
    let settledSegment = records[0]?.settled === false ? undefined : firstSegment;
    for (const { record, settled } of records) {
      if (settled && settledSegment === undefined) {
        // What waits is written before the switch, not behind it.
        await log.sync();
        settledSegment = await log.roll();
      }
      await append(log, record);
      waitingBytes += record.byteLength;
      if (waitingBytes < SYNC_BYTES) continue;
      await log.sync();
      waitingBytes = 0;
    }
    await log.sync();
    settledSegment ??= await log.roll();
    return { firstSegment, lastSegment: log.segment, settledSegment };
  } finally {
    await log.close();
  }
}

async function append(log: WriteAheadLog, record: LogRecord): Promise<void> {
  if (record.kind === 'offsets') {
    log.append(OFFSETS_RECORD, record.time, encodeOffsets(record.ranges));
    return;
  }
  const { time, sinks, info } = record;
  const deltas = [];
  for (const { operator, partition, numPartitions, numRows, definition, read } of record.deltas) {
    const bytes = await read();
    deltas.push({ operator, partition, ...(numPartitions && { numPartitions }), numRows, definition, bytes });
  }
  log.append(COMMIT_RECORD, time, encodeCommit({ sinks, info, deltas }));
}
