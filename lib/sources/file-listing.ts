/**
 * What is known of the files of an input folder, and what changed since the last look.
 *
 * A file is read in the order of (modification time when it was first seen, name), from its start to its end, and on from
 * there when it grows. It is known by its name and its print (`file-print.ts`); while inode number, size and modification
 * time are what they were, nobody looks at the print. A folder may hold 100,000 files: of those that are read to their
 * end, the ones that grew lately are looked at in every plan and the others in turn.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { EngineError, messageOf } from '../core/errors.js';
import type { Json } from '../core/json.js';
import { isPrinted, printOf, type FilePrint } from './file-print.js';
import type { FilePiece } from './file-range.js';
import { decodeFileState, encodeFileState } from './file-state.js';
import { isAtEnd, keepMarked, newFile, type InputFile } from './input-file.js';
import { InputFolders } from './input-folders.js';
import { inputFile, type InputPath } from './input-path.js';
import { isUnreadable, openInput, statOf, type InputFiles, type InputStat } from './input-files.js';

/** Files at their end: looked at in every plan for so many plans after a change ... */
const WATCHED_PLANS = 100;
/** ... at most so many of them; and so many of all in turn. */
const MAX_WATCHED = 256;
const LOOKS_IN_TURN = 256;
const STATS_PER_TURN = 2000;

export class FileListing {
  readonly #files: InputFiles;
  readonly #path: InputPath;
  readonly #onWarning: (message: string) => void;
  readonly #folders: InputFolders;
  readonly #known = new Map<string, InputFile>();
  /** Files that were not at their end when last looked at, in order of reading. */
  #unread: InputFile[] = [];
  /** Files that changed lately. */
  #watched: InputFile[] = [];
  /** Files that must be looked at: unknown, or not what they were. */
  #unknown: InputFile[] = [];
  #all: InputFile[] = [];
  /** Files read to their end whose place another one took, as found by the look under way. */
  #replaced: string[] = [];
  #cursor = 0;
  #listing = 0;
  #numStats = 0;
  #doneBytes = 0;
  #totalBytes = 0;

  /** @param now wall clock, epoch ms, to tell whether a folder's modification time is settled */
  constructor(files: InputFiles, path: InputPath, onWarning: (message: string) => void, now: () => number) {
    this.#files = files;
    this.#path = path;
    this.#onWarning = onWarning;
    this.#folders = new InputFolders(files, path, now, onWarning);
  }

  /** Files that may have bytes to plan, in order of reading. Valid until the next `refresh`. */
  get unread(): readonly InputFile[] {
    return this.#unread;
  }

  /** Bytes planned and bytes there are, of all files in the folder. */
  get progress(): { readonly done: number; readonly total: number } {
    return { done: this.#doneBytes, total: this.#totalBytes };
  }

  pathOf(file: InputFile): string {
    return inputFile(this.#path.folder, file.name);
  }

  /** Each file of the folder that anything was planned of, or that is left alone; see `file-state.ts`. */
  state(): Json {
    return encodeFileState([...this.#known.values()].filter(file => file.consumed > 0 || file.refused));
  }

  /** Throws `checkpointForeign`. */
  restore(state: Json): void {
    for (const { name, ...known } of decodeFileState(state)) this.#update(this.#add(name), known);
  }

  /** Moves past a piece that an earlier process planned. */
  replay({ file: name, ino, end, size, kind, mtimeMs = Number.NaN, print }: FilePiece): void {
    const file = this.#known.get(name) ?? this.#add(name);
    this.#update(file, { ino, consumed: end, size, mtimeMs, print, refused: false });
    if (kind === 'badHeader' || kind === 'skipped') this.refuse(file, print);
  }

  /** Notes that the file is planned up to `end`. */
  consume(file: InputFile, end: number, print: FilePrint | undefined): void {
    this.#update(file, { consumed: end, print });
  }

  /** Notes that the file is not to be read. */
  refuse(file: InputFile, print: FilePrint | undefined): void {
    this.#update(file, { consumed: file.size, refused: true, print });
  }

  /** Refuses every file that is there; returns them. */
  async refuseAll(): Promise<readonly InputFile[]> {
    for (const file of this.#all) {
      if (file.ignored) continue;
      this.ifReadable(file, 'open', () => this.#refuseAsItIs(file));
      if (++this.#numStats % STATS_PER_TURN === 0) await nextTurn();
    }
    return this.#all.filter(file => file.refused);
  }

  #refuseAsItIs(file: InputFile): void {
    const fd = openInput(this.#files, this.pathOf(file));
    if (fd === undefined) return;
    try {
      this.refuse(file, printOf(this.#files, fd, file.size));
    } finally {
      this.#files.closeSync(fd);
    }
  }

  /**
   * Runs `read`, which looks at the file or opens it. Where that is not allowed the others go on without it, and it is
   * looked at again in the next refresh.
   * @returns undefined then
   */
  ifReadable<T>(file: InputFile, how: 'look' | 'open', read: () => T): T | undefined {
    try {
      const value = read();
      if (file.forbidden === how) file.forbidden = undefined;
      return value;
    } catch (error) {
      if (!isUnreadable(error)) throw error;
      if (file.forbidden === undefined) {
        this.#onWarning(`${this.pathOf(file)} cannot be read, and is left until it can: ${messageOf(error)}`);
      }
      file.forbidden ??= how;
      this.distrust(file);
      return undefined;
    }
  }

  /** Has the file looked at in the next refresh: it is not what it was. */
  distrust(file: InputFile): void {
    this.#unknown.push(file);
  }

  /** Drops a file that is not in the folder any more. */
  forget(file: InputFile): void {
    if (this.#known.get(file.name) !== file) return;
    if (!isAtEnd(file)) {
      this.#onWarning(
        `${this.pathOf(file)} is gone: ${file.size - file.consumed} bytes of ${file.size} were not read yet`,
      );
    }
    file.idlePlans = WATCHED_PLANS;
    this.#update(file, { consumed: 0, size: 0, ignored: true });
    this.#known.delete(file.name);
  }

  /**
   * Looks at the folder and at the files that may have changed.
   * @param time the plan's
   * @param all true to look at every file, whenever it was last looked at
   * Throws `inputChanged` for a file that was replaced or cut off while it was partly read, `inputMissing` for a folder
   * that is gone.
   */
  async refresh(time: number, all: boolean): Promise<void> {
    this.#list(all);
    const looks = new Set(all ? this.#all : [...this.#unknown, ...this.#watched]);
    for (const file of this.#unread) if (file.waitingAt === file.size && !isAtEnd(file)) looks.add(file);
    for (let i = Math.min(LOOKS_IN_TURN, this.#all.length); i > 0; i--) {
      this.#cursor = (this.#cursor + 1) % this.#all.length;
      looks.add(this.#all[this.#cursor]);
    }
    this.#unknown = [];
    for (const file of looks) {
      this.ifReadable(file, 'look', () => this.#look(file, time));
      if (++this.#numStats % STATS_PER_TURN === 0) await nextTurn();
    }
    this.#tellReplaced();
    this.#sortOut(looks);
  }

  #tellReplaced(): void {
    const [first, ...others] = this.#replaced;
    if (first === undefined) return;
    this.#replaced = [];
    const more = others.length === 0 ? '' : ` (and ${others.length} more)`;
    this.#onWarning(
      `${inputFile(this.#path.folder, first)}${more} is another file or shorter than what was read of it: read as new, from its start`,
    );
  }

  /** Brings the lists up to date with what was found; a plan without news costs nothing here. */
  #sortOut(looks: Iterable<InputFile>): void {
    const numUnread = this.#unread.length;
    const numWatched = this.#watched.length;
    for (const file of looks) {
      if (!file.isUnread && !isAtEnd(file)) this.#unread.push(file);
      if (!file.isWatched && file.idlePlans < WATCHED_PLANS) this.#watched.push(file);
    }
    const hasMore = this.#unread.length > numUnread;
    this.#unread = keepMarked(this.#unread, 'isUnread', file => !isAtEnd(file));
    if (hasMore) this.#unread.sort((a, b) => a.orderMs - b.orderMs || (a.name < b.name ? -1 : 1));
    const surplus = this.#watched.length > numWatched ? this.#watched.length - MAX_WATCHED : 0;
    let numSeen = 0;
    this.#watched = keepMarked(
      this.#watched,
      'isWatched',
      file => ++numSeen > surplus && file.idlePlans < WATCHED_PLANS,
    );
  }

  #list(force: boolean): void {
    const names = this.#folders.list(force);
    if (names === undefined) return;
    this.#listing++;
    for (const name of names) {
      const file = this.#known.get(name) ?? this.#add(name);
      file.listing = this.#listing;
    }
    const gone = this.#all.filter(file => file.listing !== this.#listing);
    for (const file of gone) this.forget(file);
    if (gone.length > 0) this.#all = this.#all.filter(file => file.listing === this.#listing);
  }

  #add(name: string): InputFile {
    const file = newFile(name);
    this.#known.set(name, file);
    this.#all.push(file);
    this.#unknown.push(file);
    return file;
  }

  #look(file: InputFile, time: number): void {
    if (this.#known.get(file.name) !== file) return;
    const stat = statOf(this.#files, this.pathOf(file));
    if (stat === undefined) return this.forget(file);
    if (!stat.isFile()) {
      file.idlePlans = WATCHED_PLANS;
      return this.#update(file, { ino: stat.ino, consumed: 0, size: 0, ignored: true });
    }
    file.idlePlans++;
    if (file.orderMs === 0) file.orderMs = stat.mtimeMs;
    if (file.changedAt === Number.NEGATIVE_INFINITY) file.changedAt = time;
    const isSame = stat.ino === file.ino && stat.size === file.size && stat.mtimeMs === file.mtimeMs;
    if (isSame && !file.ignored) return;
    if (file.ignored || !this.#isKnown(file, stat)) this.#startOver(file, stat);
    file.mtimeMs = stat.mtimeMs;
    file.changedAt = time;
    file.idlePlans = 0;
    file.waitingAt = -1;
    const { ino, size } = stat;
    this.#update(file, { ino, size, consumed: file.refused ? size : file.consumed });
  }

  /** Whether what is at the path now is the file that was planned, or a copy of it, maybe with more behind it. */
  #isKnown(file: InputFile, stat: InputStat): boolean {
    if (stat.size < file.consumed && !file.refused) return false;
    if (file.print === undefined) return file.ino === 0 || stat.ino === file.ino;
    return isPrinted(this.#files, this.pathOf(file), file.print);
  }

  /** A file that took the place of one that was read to its end is new; of one that was not, it is an error. */
  #startOver(file: InputFile, stat: InputStat): void {
    if (file.consumed > 0 && !isAtEnd(file)) {
      const how = stat.size < file.consumed ? `is ${stat.size} bytes long now` : 'has other content now';
      throw new EngineError(
        'inputChanged',
        `${this.pathOf(file)} ${how}, after ${file.consumed} bytes of ${file.size} were read: put the file back as it ` +
          'was, or move the new one in under another name to have it read from its start',
        { detail: { file: this.pathOf(file), consumed: file.consumed } },
      );
    }
    if (file.consumed > 0 && !file.refused) this.#replaced.push(file.name);
    file.head = undefined;
    file.orderMs = stat.mtimeMs;
    this.#update(file, { consumed: 0, print: undefined, size: 0, refused: false, ignored: false });
  }

  #update(file: InputFile, change: Partial<InputFile>): void {
    this.#doneBytes -= file.consumed;
    this.#totalBytes -= file.size;
    Object.assign(file, change);
    this.#doneBytes += file.consumed;
    this.#totalBytes += file.size;
  }
}
