/**
 * The driver half of the file source: cuts the bytes that are new in a folder into ranges of whole records.
 *
 *   a.csv  |header|....................|          one batch, parallelism 3:
 *   b.csv  |header|..........|                      range 0: a[7 .. 70)
 *   c.csv  |header|.....                            range 1: a[70 .. 110) b[7 .. 33)
 *                       ^ no line end yet           range 2: b[33 .. 60) c[7 .. 20)
 *
 * Files are read in order of (modification time at first sight, name), each to its end and on from there when it grows.
 * A last record without a line end waits until it gets one; it is taken as it is when the file has not changed for
 * `settleMs`, or when the plan drains the source. What it gets afterwards is a record of its own.
 *
 * A CSV file whose header doesn't fit the declared columns is not read at all: its header goes the way of bad records
 * (dead letter, drop, or an error under onBadRecord: 'fail'), and a warning names the file, what was wanted and what
 * was found. Corrected and moved in again, it is a new file.
 */
import { EngineError } from '../core/errors.js';
import { isBinary, type Format } from '../core/format.js';
import type { Json } from '../core/json.js';
import { readFileHead } from './file-head.js';
import { FileListing } from './file-listing.js';
import { printOf } from './file-print.js';
import { fileRangeOf, MAX_RECORD_BYTES, type FilePiece, type FileRange, type PieceKind } from './file-range.js';
import { NODE_FILES, openInput, statOrUnreadable, type InputFiles } from './input-files.js';
import { InputBlock } from './input-block.js';
import type { InputFile } from './input-file.js';
import { resolveInputPath } from './input-path.js';
import { borderAfter, bordersBefore, lineEndAfter } from './record-borders.js';
import { RangePacker } from './range-packer.js';
import type { PlanLimit, SourceDriver, SourcePlan } from './source.js';

export interface FileSourceOptions {
  readonly path: string;
  readonly format: Format;
  readonly settleMs: number;
  /** Leaves alone what is there when the stream begins, which is with the first plan of a source without a past. */
  readonly newFilesOnly?: boolean;
  /** Whether a file is input, by its name from the path's first folder on; asked each time it is listed. */
  readonly filter?: ((name: string) => boolean) | undefined;
  /** Takes one line about input that was lost or refused. */
  readonly onWarning: (message: string) => void;
  readonly files?: InputFiles;
  /** Wall clock, epoch ms. */
  readonly now?: () => number;
}

/** More files wait for the next batch, so that a range stays small enough for the log. */
const MAX_FILES_PER_BATCH = 4096;

const NOTHING: SourcePlan = { ranges: [], bytes: 0, records: 0, caughtUp: true };

export class FileSourceDriver implements SourceDriver {
  readonly #options: FileSourceOptions;
  readonly #files: InputFiles;
  readonly #input: InputBlock;
  #listing: FileListing | undefined;
  /** Whether nothing was planned of this source ever, by any process. */
  #isNew = true;

  constructor(options: FileSourceOptions) {
    this.#options = options;
    this.#files = options.files ?? NODE_FILES;
    this.#input = new InputBlock(this.#files);
  }

  async start(state: Json | undefined): Promise<void> {
    const { path, filter, onWarning, now } = this.#options;
    const input = resolveInputPath(path, at => {
      const stat = statOrUnreadable(this.#files, at);
      return stat?.isDirectory() === true ? 'folder' : stat?.isFile() === true ? 'file' : 'missing';
    });
    this.#listing = new FileListing(this.#files, { ...input, filter }, onWarning, now ?? Date.now);
    if (state === undefined) return;
    this.#isNew = false;
    this.#listing.restore(state);
  }

  replay(ranges: readonly Json[]): void {
    this.#isNew = false;
    for (const range of ranges) for (const piece of fileRangeOf(range).pieces) this.#started.replay(piece);
  }

  async plan(limit: PlanLimit): Promise<SourcePlan> {
    const listing = this.#started;
    await listing.refresh(limit.time, false);
    const isNew = this.#isNew;
    this.#isNew = false;
    if (isNew && this.#options.newFilesOnly === true) {
      // In the log like all that is planned: what another process finds after a crash is not what was there before.
      const pieces = (await listing.refuseAll()).map(file => pieceOf(file, 0, 0, 'skipped'));
      if (pieces.length > 0) return { ...NOTHING, ranges: [{ header: null, pieces }] };
    }
    let plan = await this.#planUnread(limit);
    if (limit.drain && plan.ranges.length === 0 && plan.caughtUp) {
      // Files at their end are looked at in turn; before this source says that nothing is left, it looks at all.
      await listing.refresh(limit.time, true);
      plan = await this.#planUnread(limit);
    }
    return plan;
  }

  async commit(): Promise<void> {}

  state(): Json {
    return this.#started.state();
  }

  async stop(): Promise<void> {}

  get #started(): FileListing {
    if (this.#listing === undefined) throw new EngineError('internal', 'a file source was used before it was started');
    return this.#listing;
  }

  async #planUnread(limit: PlanLimit): Promise<SourcePlan> {
    const listing = this.#started;
    const candidates = listing.unread.filter(file => file.waitingAt !== file.size || this.#takesTail(file, limit));
    let available = 0;
    for (const file of candidates) available += file.size - file.consumed;
    const packer = new RangePacker(Math.min(available, limit.maxBytes), limit.parallelism);
    let numFiles = 0;
    let caughtUp = true;
    for (const file of candidates) {
      if (numFiles >= MAX_FILES_PER_BATCH || (packer.bytes > 0 && packer.bytes >= limit.maxBytes)) {
        caughtUp = false;
        break;
      }
      numFiles++;
      caughtUp = await this.#planFile(file, limit, packer);
      // What is left of this file comes before the files behind it.
      if (!caughtUp) break;
    }
    const ranges: readonly FileRange[] = packer.finish();
    return { ranges, bytes: packer.bytes, records: 0, caughtUp, progress: { ...listing.progress, unit: 'bytes' } };
  }

  #takesTail(file: InputFile, limit: PlanLimit): boolean {
    return limit.drain || limit.time - file.changedAt >= this.#options.settleMs;
  }

  /** @returns whether nothing of the file is left that could be planned now */
  async #planFile(file: InputFile, limit: PlanLimit, packer: RangePacker): Promise<boolean> {
    const listing = this.#started;
    const opened = listing.ifReadable(file, 'open', () => openInput(this.#files, listing.pathOf(file)) ?? 'gone');
    if (opened === undefined) return true;
    if (opened === 'gone') {
      listing.forget(file);
      return true;
    }
    const fd = opened;
    try {
      const stat = this.#files.fstatSync(fd);
      // Replaced or cut off since it was looked at: the next plan's look says what that means.
      if (stat.ino !== file.ino || stat.size < file.size) {
        listing.distrust(file);
        return false;
      }
      this.#input.use(fd, file.size);
      return await this.#planOpenFile(file, fd, limit, packer);
    } finally {
      this.#files.closeSync(fd);
    }
  }

  async #planOpenFile(file: InputFile, fd: number, limit: PlanLimit, packer: RangePacker): Promise<boolean> {
    const input = this.#input;
    const listing = this.#started;
    const { format } = this.#options;
    const takesTail = this.#takesTail(file, limit);
    if (file.head === undefined || file.consumed === 0) {
      file.head = await readFileHead(input, format, file.size);
    }
    const head = file.head;
    if (head.kind === 'refused') {
      this.#options.onWarning(`${listing.pathOf(file)}: ${head.reason}`);
      listing.refuse(file, printOf(this.#files, fd, file.size));
      packer.add(pieceOf(file, 0, head.end, 'badHeader'), null);
      return true;
    }
    if (head.kind === 'incomplete') {
      // Nobody waits for the rest of it in a run that ends with what is there.
      if (limit.drain && file.waitingAt !== file.size)
        this.#options.onWarning(`${listing.pathOf(file)} is not complete, and is left for another run`);
      file.waitingAt = file.size;
      return true;
    }
    const from = Math.max(head.start, file.consumed);
    const end = Math.min(file.size, from + Math.max(1, limit.maxBytes - packer.bytes));
    const borders =
      end > from ? await bordersBefore(input, format, from, [...packer.cutsWithin(from, end), end]) : [from];
    const last = borders.pop() ?? from;
    const isWhole = end === file.size;
    let isSearched = isWhole && end - last <= MAX_RECORD_BYTES;
    const isTail = isSearched && takesTail;
    let final: readonly [number, PieceKind] = [isTail ? end : last, isTail && last < end ? 'tail' : 'records'];
    if (Math.max(final[0], ...borders) === from && end > from && packer.bytes === 0) {
      // Its first record is larger than the batch may be, or not complete.
      final = await this.#firstRecord(file, from, takesTail);
      isSearched = final[0] === from;
    }
    const [position] = final;
    if (position > file.consumed) listing.consume(file, position, printOf(this.#files, fd, position));
    let start = from;
    const add = (to: number, kind: PieceKind): void => {
      if (to > start) packer.add(pieceOf(file, start, to, kind), head.header);
      start = to;
    };
    for (const border of borders) {
      add(border, 'records');
      if (border > from) packer.part();
    }
    add(...final);
    // What is left when all of it was searched is a record without its end.
    file.waitingAt = isSearched ? file.size : -1;
    return isSearched || position === file.size;
  }

  /** Where the record at `from` ends; `from` itself while it is not complete. */
  async #firstRecord(file: InputFile, from: number, takesTail: boolean): Promise<[number, PieceKind]> {
    const input = this.#input;
    const limit = from + MAX_RECORD_BYTES;
    const border = await borderAfter(input, this.#options.format, from, Math.min(file.size, limit));
    if (border >= 0) return [border, 'records'];
    if (file.size <= limit) return takesTail ? [file.size, 'tail'] : [from, 'records'];
    // No end within the largest record there may be: all up to the next line end is one bad record.
    const { format } = this.#options;
    const lineEnd = isBinary(format) ? -1 : await lineEndAfter(input, limit, file.size);
    if (lineEnd >= 0) return [lineEnd, 'oversized'];
    return takesTail ? [file.size, 'oversized'] : [from, 'records'];
  }
}

const pieceOf = (file: InputFile, start: number, end: number, kind: PieceKind): FilePiece => ({
  file: file.name,
  ino: file.ino,
  start,
  end,
  size: file.size,
  kind,
  mtimeMs: file.mtimeMs,
  ...(file.print === undefined ? {} : { print: file.print }),
});
