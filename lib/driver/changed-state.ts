/**
 * Which key groups of the state changed since the files that a checkpoint has of them, and so what the next one writes:
 * a file is kept for as long as none of its key groups changes, and all of the others are written anew.
 *
 *   key group    0   1   2   3   4   5   6   7
 *   files       [ a         ][ b     ][ c     ]
 *   changed          x
 *   next        [ new       ][ b     ][ c     ]      b and c stay where they are, whichever manifest wrote them
 *
 * Changes are counted, not timed: a change is noted when its worker has told that it is in the table. What was noted when
 * a snapshot begins is in its files for sure; what is noted later may be in them or not, and makes them be written again.
 * All that is not known (an operator that is new, a worker that did not say what it changed) counts as changed.
 */
import type { KeyGroupRange } from '../core/hash.js';
import { keyGroupRange } from '../core/hash.js';
import type { SnapshotFileRef } from '../protocol/messages.js';

/** Bytes that a file has about: a larger partition is cut, down to single key groups. */
const FILE_BYTES = 1024 * 1024;
/** Of a row, where no file tells. */
const ROW_BYTES = 64;

interface KeptFile {
  /** With its key groups, also where the manifest that it comes from did not need to name them. */
  readonly file: SnapshotFileRef & { readonly groups: KeyGroupRange };
  /** How many changes had been noted when it was begun. */
  readonly changes: number;
}

/** A file that is to be written. */
export interface WantedFile {
  readonly operator: string;
  readonly partition: number;
  readonly groups: KeyGroupRange;
}

interface OperatorChanges {
  readonly numPartitions: number;
  /** By partition. */
  readonly numRows: number[];
  /** By key group, the number of its last change; 0: none. */
  readonly changed: Float64Array;
  files: readonly KeptFile[];
}

export class ChangedState {
  readonly #numKeyGroups: number;
  readonly #operators: ReadonlyMap<string, OperatorChanges>;
  readonly #fileBytes: number;
  #changes = 0;

  /**
   * @param partitions how many each operator has
   * @param files of the checkpoint that the run goes on from; those of operators that are gone are not kept
   */
  constructor(
    numKeyGroups: number,
    partitions: ReadonlyMap<string, number>,
    files: readonly SnapshotFileRef[],
    fileBytes = FILE_BYTES,
  ) {
    this.#numKeyGroups = numKeyGroups;
    this.#fileBytes = fileBytes;
    this.#operators = new Map(
      [...partitions].map(([operator, numPartitions]) => {
        const own = files.filter(file => file.operator === operator);
        const changes: OperatorChanges = {
          numPartitions,
          numRows: Array.from({ length: numPartitions }, () => 0),
          changed: new Float64Array(numKeyGroups),
          files: own.map(file => ({ file: this.#withGroups(file, own.length), changes: 0 })),
        };
        return [operator, changes];
      }),
    );
  }

  /** Rows that a table has now. */
  setRows(operator: string, partition: number, numRows: number): void {
    const known = this.#operators.get(operator);
    if (known !== undefined) known.numRows[partition] = numRows;
  }

  /** A change is in the table of a partition. @param groups the key groups it changed, a bit each; undefined: it may be all */
  note(operator: string, partition: number, groups: Uint32Array | undefined): void {
    const known = this.#operators.get(operator);
    if (known === undefined) return;
    this.#changes++;
    const { from, to } = keyGroupRange(partition, known.numPartitions, this.#numKeyGroups);
    for (let group = from; group < to; group++) {
      if (groups === undefined || ((groups[group >>> 5] ?? 0) >>> (group & 31)) & 1)
        known.changed[group] = this.#changes;
    }
  }

  /** Bytes of the files that a snapshot would replace: what it costs, about. */
  get changedBytes(): number {
    let bytes = 0;
    for (const { files, changed } of this.#operators.values())
      for (const kept of files) if (!isCurrent(kept, changed)) bytes += kept.file.byteLength;
    return bytes;
  }

  /** What a snapshot that begins now keeps and writes; `taken` when it is written. */
  begin(): {
    readonly kept: readonly SnapshotFileRef[];
    readonly wanted: readonly WantedFile[];
    readonly taken: (written: readonly SnapshotFileRef[]) => void;
  } {
    const changes = this.#changes;
    const kept = new Map<string, readonly KeptFile[]>();
    const wanted: WantedFile[] = [];
    for (const [operator, state] of this.#operators) {
      const current = state.files.filter(file => isCurrent(file, state.changed));
      kept.set(operator, current);
      wanted.push(...this.#wantedFiles(operator, state, current));
    }
    const taken = (written: readonly SnapshotFileRef[]): void => {
      for (const [operator, state] of this.#operators) {
        const own = written.filter(file => file.operator === operator);
        const fresh = own.map(file => ({ file: this.#withGroups(file, own.length), changes }));
        state.files = [...(kept.get(operator) ?? []), ...fresh];
      }
    };
    return { kept: [...kept.values()].flat().map(({ file }) => file), wanted, taken };
  }

  #wantedFiles(operator: string, state: OperatorChanges, kept: readonly KeptFile[]): WantedFile[] {
    const isKept = new Uint8Array(this.#numKeyGroups);
    for (const { file } of kept) isKept.fill(1, file.groups.from, file.groups.to);
    const wanted: WantedFile[] = [];
    const rowBytes = rowBytesOf(state.files);
    for (let partition = 0; partition < state.numPartitions; partition++) {
      const { from, to } = keyGroupRange(partition, state.numPartitions, this.#numKeyGroups);
      const groupBytes = ((state.numRows[partition] ?? 0) * rowBytes) / Math.max(1, to - from);
      const most = Math.max(1, Math.floor(this.#fileBytes / Math.max(1, groupBytes)));
      for (let start = from; start < to;) {
        if (isKept[start] === 1) {
          start++;
          continue;
        }
        // Cut at the same places each time, so that a file is replaced by one of the same key groups.
        const limit = Math.min(to, from + (Math.floor((start - from) / most) + 1) * most);
        let end = start + 1;
        while (end < limit && isKept[end] === 0) end++;
        wanted.push({ operator, partition, groups: { from: start, to: end } });
        start = end;
      }
    }
    return wanted;
  }

  #withGroups(file: SnapshotFileRef, numFiles: number): KeptFile['file'] {
    return { ...file, groups: file.groups ?? keyGroupRange(file.partition, numFiles, this.#numKeyGroups) };
  }
}

function isCurrent({ file: { groups }, changes }: KeptFile, changed: Float64Array): boolean {
  for (let group = groups.from; group < groups.to; group++) if (Number(changed[group]) > changes) return false;
  return true;
}

function rowBytesOf(files: readonly KeptFile[]): number {
  const rows = files.reduce((sum, { file }) => sum + file.numRows, 0);
  const bytes = files.reduce((sum, { file }) => sum + file.byteLength, 0);
  return rows < 1000 ? ROW_BYTES : bytes / rows;
}
