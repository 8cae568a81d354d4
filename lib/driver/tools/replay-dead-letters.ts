/**
 * Puts dead letters back in: as one new file in the folder that their source reads, so that they are input like any other,
 * planned, logged and counted once. The file comes into being in an order that a crash cannot double:
 *
 *   staged    FOLDER/.sluice-replay-ID-000001.tmp, a name that no source reads; synced
 *   logged    replay-000001.json beside the dead letters: from here on the records are put back in, and no other replay
 *             takes them
 *   published renamed to FOLDER/replay-000001-ID.csv: the source sees it whole, or not at all
 *
 * A replay that ends between the last two is finished by the next one: while the staged name is there, the file was never
 * seen. One that ends before is as if it had not been. The job may run meanwhile.
 */
import { dirname, extname, join } from 'node:path';
import { hasCode, namesIn } from '../../checkpoint/checkpoint-files.js';
import { withLock, type ToolWorld } from '../../checkpoint/tools/change-checkpoint.js';
import { EngineError, messageOf } from '../../core/errors.js';
import type { FileHandle, FileSystem } from '../../core/file-system.js';
import { isPublished, logReplay, readDeadLetters, type DeadLetter, type Replay } from './dead-letters.js';

/** Bytes of a record that a dead letter has at the most: one of so many may be longer. */
const MAX_LETTER_BYTES = 64 * 1024;

export interface ReplayRequest {
  /** The folder that the source reads; absolute. */
  readonly into: string;
  /** Which records, of those that were not put back in yet. */
  readonly select: (letter: DeadLetter) => boolean;
  /** The record as it shall be, without its line end; undefined leaves it where it is. */
  readonly correct: (letter: DeadLetter) => Promise<Uint8Array | string | undefined>;
  /** The first line of the new file; null for none, undefined where that was not said. */
  readonly header: string | null | undefined;
}

export interface Replayed {
  /** The file that was written now; undefined when no record was chosen. */
  readonly replay: Replay | undefined;
  /** Of an earlier replay that was interrupted. */
  readonly finished: readonly Replay[];
  /** Records that were chosen and left out because only their beginning is known. */
  readonly cut: readonly string[];
}

/**
 * Throws `inputMissing` for a folder that is not there, `optionInvalid` for records of several sources, or CSV of which it
 * was not said whether it has a header; `outputUnwritable`, and `checkpointLocked` while another replay is made.
 */
export async function replayDeadLetters(
  world: ToolWorld,
  directory: string,
  request: ReplayRequest,
): Promise<Replayed> {
  const { fs } = world;
  const { folder } = await readDeadLetters(fs, directory);
  await requireFolder(fs, request.into);
  await fs.mkdir(folder);
  return withLock(world, folder, async lock => {
    const { replays, letters, checkpointId } = await readDeadLetters(fs, directory);
    const finished: Replay[] = [];
    for (const replay of replays) {
      if (await isPublished(fs, replay)) continue;
      await publish(fs, replay);
      finished.push(replay);
    }
    await removeStaged(fs, request.into, checkpointId);
    const number = Math.max(0, ...replays.map(replay => replay.number)) + 1;
    const name = `${String(number).padStart(6, '0')}`;
    const staged = join(request.into, `${stagedPrefix(checkpointId)}${name}.tmp`);
    const file = new StagedFile(fs, staged, request);
    try {
      for await (const letter of letters())
        if (letter.replay === null && request.select(letter)) await file.add(letter);
      const { cut } = file;
      if (file.ids.length === 0) return { replay: undefined, finished, cut };
      await file.finish();
      const target = join(request.into, `replay-${name}-${checkpointId}${file.extension}`);
      const replay = { number, writtenMs: world.clock.now(), staged, target, numBytes: file.numBytes, ids: file.ids };
      await lock.check();
      await logReplay(fs, folder, replay);
      await publish(fs, replay);
      return { replay, finished, cut };
    } finally {
      await file.close();
    }
  });
}

const stagedPrefix = (checkpointId: string): string => `.sluice-replay-${checkpointId}-`;

/** What an earlier replay left that was never logged: those that were are published by now. */
async function removeStaged(fs: FileSystem, into: string, checkpointId: string): Promise<void> {
  for (const name of await namesIn(fs, into))
    if (name.startsWith(stagedPrefix(checkpointId))) await fs.remove(join(into, name));
}

async function publish(fs: FileSystem, { staged, target }: Replay): Promise<void> {
  await fs.rename(staged, target);
  await fs.syncDirectory(dirname(target));
}

async function requireFolder(fs: FileSystem, path: string): Promise<void> {
  try {
    if ((await fs.stat(path)).isDirectory) return;
  } catch (thrown) {
    if (!hasCode(thrown, 'ENOENT')) throw thrown;
  }
  throw new EngineError(
    'inputMissing',
    `--into wants the folder that the records' source reads, and ${path} is none: give the folder of the job's fileStream`,
    { detail: { path } },
  );
}

/** The new file on its way. It is there from its first record on. */
class StagedFile {
  readonly ids: string[] = [];
  readonly cut: string[] = [];
  numBytes = 0;
  extension = '';
  readonly #fs: FileSystem;
  readonly #path: string;
  readonly #request: ReplayRequest;
  #source: string | undefined;
  #file: FileHandle | undefined;

  constructor(fs: FileSystem, path: string, request: ReplayRequest) {
    this.#fs = fs;
    this.#path = path;
    this.#request = request;
  }

  async add(letter: DeadLetter): Promise<void> {
    const corrected = await this.#request.correct(letter);
    if (corrected === undefined) return;
    const bytes = Buffer.from(corrected);
    const original = Buffer.from(letter.base64, 'base64');
    if (original.length >= MAX_LETTER_BYTES && bytes.equals(original)) {
      this.cut.push(letter.id);
      return;
    }
    if (this.#file === undefined) await this.#begin(letter);
    if (letter.source !== this.#source) {
      throw new EngineError(
        'optionInvalid',
        `a replay wants records of one source, for they go to its folder; these are of '${this.#source}' and ` +
          `'${letter.source}': choose one with --source`,
      );
    }
    if (this.extension !== '.csv' && bytes.includes(10)) {
      throw new EngineError(
        'optionInvalid',
        `the corrected record ${letter.id} has a line end in it, and would be two records: write it on one line`,
        { detail: { id: letter.id } },
      );
    }
    await this.#write(Buffer.concat([bytes, Buffer.from('\n')]));
    this.ids.push(letter.id);
  }

  async finish(): Promise<void> {
    try {
      await this.#file?.sync();
      await this.#fs.syncDirectory(dirname(this.#path));
    } catch (thrown) {
      throw this.#unwritable(thrown);
    }
  }

  async close(): Promise<void> {
    await this.#file?.close();
  }

  async #begin({ source, file, id }: DeadLetter): Promise<void> {
    const extension = extname(file).toLowerCase();
    if (['.arrow', '.arrows', '.parquet'].includes(extension)) {
      throw new EngineError(
        'optionInvalid',
        `record ${id} is part of ${file}, which is not made of lines: put the file itself in again under another name`,
        { detail: { id } },
      );
    }
    const { header } = this.#request;
    if (extension === '.csv' && header === undefined) {
      throw new EngineError(
        'optionInvalid',
        `the records come from ${file}: say with --header LINE how the columns of a CSV file are named, as in the other files of ` +
          'the folder, or with --no-header that the job reads files without',
      );
    }
    this.#source = source;
    // Of a name that came with the data, only what can be nothing but an extension.
    this.extension = /^\.[a-z0-9]{1,10}$/.test(extension) ? extension : '.txt';
    try {
      this.#file = await this.#fs.open(this.#path, 'w');
    } catch (thrown) {
      throw this.#unwritable(thrown);
    }
    if (typeof header === 'string') await this.#write(Buffer.from(`${header}\n`));
  }

  async #write(bytes: Uint8Array): Promise<void> {
    try {
      await this.#file?.write([bytes], this.numBytes);
    } catch (thrown) {
      throw this.#unwritable(thrown);
    }
    this.numBytes += bytes.length;
  }

  #unwritable(thrown: unknown): EngineError {
    return new EngineError(
      'outputUnwritable',
      `the file of the replay could not be written to ${this.#path}: ${messageOf(thrown)}. Nothing was put back in; make room, ` +
        'or give the rights, and start again',
      { cause: thrown, detail: { path: this.#path } },
    );
  }
}
