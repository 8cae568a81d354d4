/**
 * The dead letters of a job, as its checkpoint has committed them, and which of them were put back in.
 *
 *   deadletter/NAME/deadletter-000000.ndjson   what the job writes (`sinks/dead-letter.ts`)
 *                   replay-000001.json         what the first replay put where; there before a byte of it can be read
 *                   LOCK.000001                held while a replay is made
 *
 * A record is known by its source, file, offset and bytes, not by its place here: a batch that is run again after a step
 * back writes it anew. When the same comes twice, because a file was replaced by another with the same record in the same
 * place, the second one is told by its number.
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { hasCode, namesIn } from '../../checkpoint/checkpoint-files.js';
import { decodeCheckedJson, encodeCheckedJson } from '../../checkpoint/checked-json.js';
import { loadWhileInUse } from '../../checkpoint/read-checkpoint.js';
import { lastHandles } from '../../checkpoint/recovered-checkpoint.js';
import { FileWindow } from '../../checkpoint/file-window.js';
import { EngineError } from '../../core/errors.js';
import type { FileSystem } from '../../core/file-system.js';
import type { Json } from '../../core/json.js';
import { deadLetterFolder } from '../dead-letter-folder.js';

export interface DeadLetter {
  /** 16 hex digits, and `.2` for the second of the same, `.3` ... */
  readonly id: string;
  readonly source: string;
  readonly file: string;
  readonly byteOffset: number;
  /** 0 where it is not known. */
  readonly line: number;
  readonly reason: string;
  /** The record without its line end, the first 64 KiB; null where it is not UTF-8. */
  readonly text: string | null;
  readonly base64: string;
  /** Time of the batch that met it. */
  readonly batch: number;
  /** The number of the replay that put it back in; null while none did. */
  readonly replay: number | null;
}

export interface DeadLetters {
  readonly folder: string;
  readonly checkpointId: string;
  readonly replays: readonly Replay[];
  /** Those that were not written because a task had too many, as far as `letters` was read. */
  omitted: number;
  /** In the order in which they were committed. Throws `checkpointCorrupt` for a line that is none. */
  readonly letters: () => AsyncGenerator<DeadLetter>;
}

/** One replay: a file of input that was written whole, and the records in it. */
export interface Replay {
  readonly number: number;
  readonly writtenMs: number;
  /** Absolute: the file on its way, under a name that no source reads, and the one that it gets. */
  readonly staged: string;
  readonly target: string;
  readonly numBytes: number;
  readonly ids: readonly string[];
}

const REPLAY_FORMAT = 'sluice-replay';
const REPLAY_NAME = /^replay-(\d{6,9})\.json$/;
const DEAD_LETTER_FILE = /^deadletter-(\d{6,9})\.ndjson$/;

const replayPath = (folder: string, number: number): string =>
  join(folder, `replay-${String(number).padStart(6, '0')}.json`);

/** @param directory of the checkpoint. Throws `checkpointForeign`, `checkpointCorrupt`. */
export async function readDeadLetters(fs: FileSystem, directory: string): Promise<DeadLetters> {
  const loaded = await loadWhileInUse(fs, directory);
  if (loaded === undefined) {
    throw new EngineError(
      'checkpointForeign',
      `${directory} is not a checkpoint: it has no manifest. Wanted the checkpoint directory whose job wrote the dead letters`,
    );
  }
  const folder = deadLetterFolder(directory);
  const replays = await readReplays(fs, folder);
  const replayOf = new Map(replays.flatMap(({ number, ids }) => ids.map(id => [id, number] as const)));
  const handle = new Map(Object.entries(lastHandles(loaded))).get('deadletter') as
    { readonly file: number; readonly length: number } | undefined;
  const found: DeadLetters = {
    folder,
    checkpointId: loaded.manifest.checkpointId,
    replays,
    omitted: 0,
    letters: async function* () {
      const counts = new Map<string, number>();
      found.omitted = 0;
      for await (const line of committedLines(fs, folder, handle)) {
        const letter = JSON.parse(line) as Omit<DeadLetter, 'id' | 'replay'> & { readonly omitted?: number };
        if (letter.omitted !== undefined) {
          found.omitted += letter.omitted;
          continue;
        }
        const hash = hashOf(letter);
        const count = (counts.get(hash) ?? 0) + 1;
        counts.set(hash, count);
        const id = count === 1 ? hash : `${hash}.${count}`;
        yield { id, ...letter, replay: replayOf.get(id) ?? null };
      }
    },
  };
  return found;
}

const hashOf = ({ source, file, byteOffset, base64 }: Omit<DeadLetter, 'id' | 'replay'>): string =>
  createHash('sha256')
    .update(JSON.stringify([source, file, byteOffset, base64]))
    .digest('hex')
    .slice(0, 16);

/** What lies beyond the committed length is cut off at the next start, and its batch run again. */
async function* committedLines(
  fs: FileSystem,
  folder: string,
  handle: { readonly file: number; readonly length: number } | undefined,
): AsyncGenerator<string> {
  if (handle === undefined) return;
  const files = (await namesIn(fs, folder)).flatMap(name => {
    const number = Number(DEAD_LETTER_FILE.exec(name)?.[1]);
    return number <= handle.file ? [{ number, path: join(folder, name) }] : [];
  });
  for (const { number, path } of files.toSorted((a, b) => a.number - b.number)) {
    const { size } = await fs.stat(path);
    yield* linesOf(fs, path, number === handle.file ? Math.min(size, handle.length) : size);
  }
}

async function* linesOf(fs: FileSystem, path: string, numBytes: number): AsyncGenerator<string> {
  const file = await fs.open(path, 'r');
  try {
    const window = new FileWindow(file, numBytes);
    let rest: Buffer = Buffer.alloc(0);
    for (let at = 0; at < numBytes;) {
      const piece = await window.view(at, Math.min(numBytes - at, 256 * 1024));
      if (piece.byteLength === 0) break;
      at += piece.byteLength;
      const bytes = Buffer.concat([rest, piece]);
      let start = 0;
      for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, start)) {
        yield bytes.toString('utf8', start, end);
        start = end + 1;
      }
      rest = bytes.subarray(start);
    }
  } finally {
    await file.close();
  }
}

/** In order. */
async function readReplays(fs: FileSystem, folder: string): Promise<Replay[]> {
  const names = (await namesIn(fs, folder)).filter(name => REPLAY_NAME.test(name)).toSorted();
  const replays: Replay[] = [];
  for (const name of names) {
    const path = join(folder, name);
    replays.push(decodeCheckedJson(REPLAY_FORMAT, await fs.readFile(path), path) as unknown as Replay);
  }
  return replays;
}

/** When this resolves, the records of the replay count as put back in. */
export async function logReplay(fs: FileSystem, folder: string, replay: Replay): Promise<void> {
  const content = replay as unknown as { readonly [name: string]: Json };
  await fs.writeFileAtomic(replayPath(folder, replay.number), encodeCheckedJson(REPLAY_FORMAT, content));
}

/** Whether the file of a replay that was logged has its name; if not, the replay was interrupted before. */
export async function isPublished(fs: FileSystem, { staged }: Replay): Promise<boolean> {
  try {
    await fs.stat(staged);
    return false;
  } catch (thrown) {
    if (hasCode(thrown, 'ENOENT', 'ENOTDIR')) return true;
    throw thrown;
  }
}
