/**
 * The log of a checkpoint as far as it can be read, for tools that must say what is left of a damaged one. A restart
 * reads with `readLog` and refuses damage; here reading ends before it.
 */
import { EngineError } from '../../core/errors.js';
import type { FileSystem } from '../../core/file-system.js';
import { findSegments, readLog, type FoundSegment, type ReadLog, type ReadSegment } from '../log-chain.js';
import { PREALLOCATED_BYTES, SEGMENT_HEADER_BYTES, type SegmentHeader } from '../log-format.js';
import type { Manifest } from '../manifest.js';
import { scanSegment, type ScannedSegment } from '../segment-scan.js';

export interface LogPrefix extends ReadLog {
  /** Why it ends where it does; undefined when it is whole. */
  readonly damage: EngineError | undefined;
}

/** Reads the log that a manifest needs, up to its end or to the first byte that is damaged. Throws `checkpointForeign`. */
export async function readLogPrefix(fs: FileSystem, directory: string, manifest: Manifest): Promise<LogPrefix> {
  const { checkpointId, firstSegment, lastSegment } = manifest;
  try {
    return { ...(await readLog(fs, directory, checkpointId, firstSegment, lastSegment)), damage: undefined };
  } catch (thrown) {
    if (!isDamage(thrown)) throw thrown;
    return readForward(fs, directory, manifest, thrown);
  }
}

/** From the first segment to the newest that can be followed. @param refusal what the whole log was refused for */
async function readForward(
  fs: FileSystem,
  directory: string,
  manifest: Manifest,
  refusal: EngineError,
): Promise<LogPrefix> {
  const found = await findSegments(fs, directory);
  const segments: ReadSegment[] = [];
  let nextSequence = 1;
  let current = found.find(({ segment }) => segment === manifest.firstSegment);
  while (current?.header !== undefined) {
    const { header, path, segment } = current;
    const successor = successorOf(found, header);
    const { scanned, damage } = await scanUntilDamage(fs, path, header, successor?.header?.previousEnd);
    segments.push({ segment, path, records: scanned.records, lastFrame: scanned.lastFrame, end: scanned.end });
    nextSequence = scanned.nextSequence;
    const ends = { segments, nextSequence, tornBytes: scanned.tornBytes };
    if (damage !== undefined) return { ...ends, damage };
    if (current.fileBytes < PREALLOCATED_BYTES || successor === undefined) return { ...ends, damage: refusal };
    if (successor.header?.firstSequence !== nextSequence) return { ...ends, damage: refusal };
    current = successor;
  }
  return { segments, nextSequence, tornBytes: 0, damage: refusal };
}

/** Of several that follow a segment, the newest owner's: the others were fenced. */
function successorOf(found: readonly FoundSegment[], { segment }: SegmentHeader): FoundSegment | undefined {
  return found
    .filter(({ header }) => header?.previous === segment)
    .toSorted((a, b) => (a.header?.epoch ?? 0) - (b.header?.epoch ?? 0) || a.segment - b.segment)
    .at(-1);
}

async function scanUntilDamage(
  fs: FileSystem,
  path: string,
  header: SegmentHeader,
  until: number | undefined,
): Promise<{ readonly scanned: ScannedSegment; readonly damage: EngineError | undefined }> {
  let damage: EngineError | undefined;
  for (let end = until; ;) {
    try {
      return { scanned: await scanSegment(fs, path, header, end), damage };
    } catch (thrown) {
      if (!isDamage(thrown)) throw thrown;
      damage ??= thrown;
      // A damaged frame is told by where it begins; what is wrong inside one by a byte of it, at which no frame ends.
      const offset = Number(thrown.detail['offset'] ?? SEGMENT_HEADER_BYTES);
      end = Math.max(SEGMENT_HEADER_BYTES, Math.min(offset, (end ?? Infinity) - 1));
    }
  }
}

export const isDamage = (thrown: unknown): thrown is EngineError =>
  thrown instanceof EngineError && thrown.code === 'checkpointCorrupt';
