import type { FileHead } from './file-head.js';
import type { FilePrint } from './file-print.js';

/** What is known of one file of an input folder. */
export interface InputFile {
  readonly name: string;
  ino: number;
  size: number;
  mtimeMs: number;
  /** Modification time when the file was first seen: its place in the order. */
  orderMs: number;
  /** Planned bytes, from the start of the file. */
  consumed: number;
  /** Of the planned bytes, or of what was there when it was refused; undefined while nothing was planned. */
  print: FilePrint | undefined;
  /** What stands before its first record, once that was read. */
  head: FileHead | undefined;
  /** True when its header doesn't fit, or it is not new where only new files are wanted: not read, however it grows. */
  refused: boolean;
  /** True for what is not a regular file. */
  ignored: boolean;
  /** What this process may not do with it; said once. */
  forbidden: 'look' | 'open' | undefined;
  /** Plan time at which its size or modification time was last found changed. */
  changedAt: number;
  /** The size at which it had no whole record beyond `consumed`; -1 when that is not known. */
  waitingAt: number;
  /** Looks since it last changed. */
  idlePlans: number;
  /** The listing that last had it. */
  listing: number;
  /** Whether it is among the unread files, and among those that are looked at in every plan. */
  isUnread: boolean;
  isWatched: boolean;
}

export const newFile = (name: string): InputFile => ({
  name,
  ino: 0,
  size: 0,
  mtimeMs: 0,
  orderMs: 0,
  consumed: 0,
  print: undefined,
  head: undefined,
  refused: false,
  ignored: false,
  forbidden: undefined,
  changedAt: Number.NEGATIVE_INFINITY,
  waitingAt: -1,
  idlePlans: 0,
  listing: 0,
  isUnread: false,
  isWatched: false,
});

export const isAtEnd = (file: InputFile): boolean => file.ignored || file.refused || file.consumed >= file.size;

/** The files that are to stay; marks say who is in the list. */
export function keepMarked(
  files: InputFile[],
  mark: 'isUnread' | 'isWatched',
  stays: (file: InputFile) => boolean,
): InputFile[] {
  return files.filter(file => (file[mark] = stays(file)));
}
