/**
 * The segments of a log and how they hang together. Each names the one before it and where that one ends, so the log is
 * read back from the newest segment: the one of the highest epoch. A segment that an owner added after it had lost its
 * lock is named by none and left out.
 *
 *   1 <- 2 <- 3 <- 5      newest: 5 (epoch 3)
 *             ^
 *             4           a fenced owner's (epoch 2): not part of the log
 */
import { join } from 'node:path';
import { EngineError } from '../core/errors.js';
import type { FileSystem } from '../core/file-system.js';
import { corrupt, hasCode, LOG_FOLDER, namesIn, segmentNumber, segmentPath } from './checkpoint-files.js';
import { readFully } from './file-window.js';
import { decodeSegmentHeader, PREALLOCATED_BYTES, SEGMENT_HEADER_BYTES, type SegmentHeader } from './log-format.js';
import { scanSegment, type LogRecord } from './segment-scan.js';

export interface FoundSegment {
  readonly segment: number;
  readonly path: string;
  readonly fileBytes: number;
  /** Undefined when `problem` says what is wrong with it. */
  readonly header: SegmentHeader | undefined;
  readonly problem: string | undefined;
}

export interface ReadSegment {
  readonly segment: number;
  readonly path: string;
  readonly records: readonly LogRecord[];
  /** Where its last frame begins, and where it ends. */
  readonly lastFrame: number;
  readonly end: number;
}

export interface ReadLog {
  /** In order. */
  readonly segments: readonly ReadSegment[];
  readonly nextSequence: number;
  /** Bytes of a torn frame at the very end, 0 after a clean end. */
  readonly tornBytes: number;
}

/** All segments in the directory, by number, with their headers read and checked. */
export async function findSegments(fs: FileSystem, directory: string): Promise<FoundSegment[]> {
  const names = await namesIn(fs, join(directory, LOG_FOLDER));
  const numbers = names.map(segmentNumber).filter(segment => segment !== undefined);
  const found = await Promise.all(
    numbers.toSorted((a, b) => a - b).map(segment => findSegment(fs, directory, segment)),
  );
  return found.filter(segment => segment !== undefined);
}

/** Undefined when the file is gone by now: its owner is at work and does not need it any more. */
async function findSegment(fs: FileSystem, directory: string, segment: number): Promise<FoundSegment | undefined> {
  const path = segmentPath(directory, segment);
  try {
    return await readHeader(fs, path, segment);
  } catch (thrown) {
    if (hasCode(thrown, 'ENOENT')) return undefined;
    throw thrown;
  }
}

async function readHeader(fs: FileSystem, path: string, segment: number): Promise<FoundSegment> {
  const file = await fs.open(path, 'r');
  try {
    const { size } = await fs.stat(path);
    const header = decodeSegmentHeader(await readFully(file, 0, SEGMENT_HEADER_BYTES), path);
    const found = { segment, path, fileBytes: size };
    if ('problem' in header) return { ...found, header: undefined, problem: header.problem };
    if (header.segment !== segment) {
      return { ...found, header: undefined, problem: `it is segment ${header.segment} under another name` };
    }
    return { ...found, header, problem: undefined };
  } finally {
    await file.close();
  }
}

/**
 * Reads the log from `firstSegment` to its end.
 * @param lastSegment one that must be part of it: without this the newest segments could be lost unnoticed
 * Throws `checkpointCorrupt` naming file and byte, `checkpointForeign` for a segment of another checkpoint.
 */
export async function readLog(
  fs: FileSystem,
  directory: string,
  checkpointId: string,
  firstSegment: number,
  lastSegment: number,
): Promise<ReadLog> {
  const found = new Map((await findSegments(fs, directory)).map(segment => [segment.segment, segment]));
  const chain = chainOf(found, directory, checkpointId, firstSegment);
  if (!chain.some(header => header.segment === lastSegment)) {
    throw corrupt(
      segmentPath(directory, lastSegment),
      0,
      found.get(lastSegment)?.problem ?? 'this part of the log is missing',
    );
  }
  const segments: ReadSegment[] = [];
  let nextSequence = 0;
  let tornBytes = 0;
  for (const [i, header] of chain.entries()) {
    const successor = chain[i + 1];
    const path = segmentPath(directory, header.segment);
    const fileBytes = found.get(header.segment)?.fileBytes ?? 0;
    if (fileBytes < PREALLOCATED_BYTES) {
      throw corrupt(path, fileBytes, `the file was cut: it was made ${PREALLOCATED_BYTES} bytes long`);
    }
    const scanned = await scanSegment(fs, path, header, successor?.previousEnd);
    if (successor !== undefined && successor.firstSequence !== scanned.nextSequence) {
      throw corrupt(
        path,
        scanned.end,
        `the next segment begins with frame ${successor.firstSequence}, this one ends before ${scanned.nextSequence}`,
      );
    }
    segments.push({
      segment: header.segment,
      path,
      records: scanned.records,
      lastFrame: scanned.lastFrame,
      end: scanned.end,
    });
    ({ nextSequence, tornBytes } = scanned);
  }
  return { segments, nextSequence, tornBytes };
}

/** Headers from `firstSegment` to the newest, in order. */
function chainOf(
  found: ReadonlyMap<number, FoundSegment>,
  directory: string,
  checkpointId: string,
  firstSegment: number,
): SegmentHeader[] {
  const headers = [...found.values()].map(segment => segment.header).filter(header => header !== undefined);
  const foreign = headers.find(header => header.checkpointId !== checkpointId);
  if (foreign !== undefined) {
    throw new EngineError(
      'checkpointForeign',
      `${segmentPath(directory, foreign.segment)} belongs to checkpoint ${foreign.checkpointId}, the manifest of ` +
        `${directory} to checkpoint ${checkpointId}: files of two checkpoints are mixed. Put the directory back from a copy`,
    );
  }
  const chain: SegmentHeader[] = [];
  let next = headers.reduce<SegmentHeader | undefined>(
    (newest, header) =>
      newest === undefined ||
      header.epoch > newest.epoch ||
      (header.epoch === newest.epoch && header.segment > newest.segment)
        ? header
        : newest,
    undefined,
  );
  while (next !== undefined) {
    chain.unshift(next);
    if (next.segment === firstSegment) return chain;
    if (next.previous < firstSegment) break;
    const previous = found.get(next.previous);
    if (previous?.header === undefined) {
      throw corrupt(segmentPath(directory, next.previous), 0, previous?.problem ?? 'this part of the log is missing');
    }
    next = previous.header;
  }
  const problem = found.get(firstSegment)?.problem ?? 'this part of the log is missing';
  throw corrupt(segmentPath(directory, firstSegment), 0, problem);
}
