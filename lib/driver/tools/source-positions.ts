/**
 * How far each source of a checkpoint was read, in terms of the source. A checkpoint does not say of what kind a source
 * is; the forms of its state and of its ranges do.
 */
import { assertNever } from '../../core/assert-never.js';
import { formatBytes } from '../../core/byte-size.js';
import type { Json } from '../../core/json.js';
import { fileRangeOf } from '../../sources/file-range.js';
import { decodeFileState, type FileRecord } from '../../sources/file-state.js';
import { receiverRangeOf } from '../../sources/receiver/receiver-range.js';
import type { LoadedState } from './loaded-state.js';

export type SourcePosition =
  /** `consumed` bytes of each are planned; a refused one is left alone. */
  | { readonly kind: 'files'; readonly files: readonly FileRecord[] }
  /** The number of the next row, and when row 0 was due. */
  | { readonly kind: 'rate'; readonly next: number; readonly startMs: number | null }
  /** The number of the first block that is in no batch. */
  | { readonly kind: 'receiver'; readonly nextBlock: number }
  | { readonly kind: 'queue' }
  /** A static table or a broadcast variable: the version that batches read; null before the first. */
  | { readonly kind: 'table' | 'broadcast'; readonly version: number | null }
  /** Nothing was read of it yet, or its form is of another version of Sluice. */
  | { readonly kind: 'unknown' };

/** Of all sources of a state, by id. */
export function sourcePositions({
  sourceStates,
  ranges,
}: Pick<LoadedState, 'sourceStates' | 'ranges'>): [string, SourcePosition][] {
  const states = new Map(Object.entries(sourceStates));
  const read = new Map<string, Json[]>([...states.keys()].map(id => [id, []]));
  for (const batch of ranges) {
    for (const [id, planned] of Object.entries(batch)) read.set(id, [...(read.get(id) ?? []), ...planned]);
  }
  return [...read]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([id, found]) => [id, positionOf(states.get(id), found)]);
}

/** @param state at the snapshot @param ranges what batches read since, in order */
export function positionOf(state: Json | undefined, ranges: readonly Json[]): SourcePosition {
  switch (kindOf(state === undefined ? ranges[0] : state)) {
    case 'files':
      return { kind: 'files', files: filesOf(state, ranges) };
    case 'rate': {
      const known = state as { readonly next: number; readonly startMs: number | null } | undefined;
      const last = ranges.at(-1) as { readonly to: number; readonly startMs: number } | undefined;
      return { kind: 'rate', next: last?.to ?? known?.next ?? 0, startMs: last?.startMs ?? known?.startMs ?? null };
    }
    case 'receiver': {
      const last = ranges.flatMap(range => receiverRangeOf(range).chunks).at(-1);
      const known = (state as { readonly nextBlock: number } | undefined)?.nextBlock ?? 0;
      return { kind: 'receiver', nextBlock: last === undefined ? known : Math.max(known, last.block + 1) };
    }
    case 'table':
    case 'broadcast': {
      const known = (state as { readonly latest: { readonly version: number } | null } | undefined)?.latest;
      const last = (ranges.at(-1) ?? known ?? null) as { readonly version: number } | null;
      return {
        kind: kindOf(ranges.at(-1) ?? known ?? null) === 'broadcast' ? 'broadcast' : 'table',
        version: last?.version ?? null,
      };
    }
    case 'queue':
      return { kind: 'queue' };
    case 'unknown':
      return { kind: 'unknown' };
  }
}

/** Of a state or of a range. */
function kindOf(form: Json | undefined): SourcePosition['kind'] {
  // The state of a queue is null: what was in it is gone with its process.
  if (form === null) return 'queue';
  if (typeof form !== 'object') return 'unknown';
  if (Array.isArray(form)) return 'files';
  const has = (...names: string[]): boolean => names.every(name => Object.hasOwn(form, name));
  if (has('version', 'files') || has('header', 'pieces')) return 'files';
  if (has('next', 'startMs') || has('from', 'to', 'startMs')) return 'rate';
  if (has('nextBlock') || has('chunks')) return 'receiver';
  if (has('numRows', 'rows')) return 'queue';
  if (has('version', 'value')) return 'broadcast';
  if (has('version', 'byteLength', 'crc32') || has('latest', 'earlier')) return 'table';
  return 'unknown';
}

/** As the source itself moves past what was planned. */
function filesOf(state: Json | undefined, ranges: readonly Json[]): FileRecord[] {
  const files = new Map((state === undefined ? [] : decodeFileState(state)).map(file => [file.name, file]));
  for (const { file: name, ino, end, size, kind, mtimeMs = Number.NaN, print } of ranges.flatMap(
    range => fileRangeOf(range).pieces,
  )) {
    const refused = kind === 'badHeader' || kind === 'skipped';
    files.set(name, { name, ino, size, consumed: refused ? size : end, refused, mtimeMs, print });
  }
  return [...files.values()];
}

/** One line for people. @param maxFiles so many files are named, those first that are not read to their end */
export function positionText(position: SourcePosition, maxFiles: number): string {
  switch (position.kind) {
    case 'files':
      return filesText(position.files, maxFiles);
    case 'rate': {
      const since = position.startMs === null ? '' : `, row 0 was due at ${new Date(position.startMs).toISOString()}`;
      return `next row ${position.next}${since}`;
    }
    case 'receiver':
      return `next block ${position.nextBlock}`;
    case 'queue':
      return 'a queue in the program: what is in no batch dies with the process';
    case 'table':
    case 'broadcast':
      return `${position.kind}, ${position.version === null ? 'no version yet' : `version ${position.version}`}`;
    case 'unknown':
      return 'nothing read yet';
    default:
      return assertNever(position);
  }
}

function filesText(files: readonly FileRecord[], maxFiles: number): string {
  const rest = (file: FileRecord): number => (file.refused ? 0 : file.size - file.consumed);
  const sorted = files.toSorted((a, b) => Number(rest(b) > 0) - Number(rest(a) > 0) || (a.name < b.name ? -1 : 1));
  const shown = sorted.slice(0, maxFiles).map(file => {
    if (file.refused) return `${file.name} left alone`;
    return rest(file) === 0
      ? `${file.name} read to its end (byte ${file.consumed})`
      : `${file.name} read to byte ${file.consumed} of ${file.size}`;
  });
  const more = sorted.length > shown.length ? [`${sorted.length - shown.length} more`] : [];
  const bytes = files.reduce((sum, { consumed, refused }) => sum + (refused ? 0 : consumed), 0);
  return `${files.length} ${files.length === 1 ? 'file' : 'files'}, ${formatBytes(bytes)}: ${[...shown, ...more].join('; ')}`;
}
