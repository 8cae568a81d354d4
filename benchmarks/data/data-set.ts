/**
 * Data sets: folders of generated files in the cache, made once for each size and seed. The answers that jobs must give
 * are worked out by a plain loop while the data is made, and lie beside it.
 */
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { cacheFolder } from '../harness/folders.js';

export interface DataSet {
  /** Absolute path; `input/` in it has the files. */
  readonly folder: string;
  readonly records: number;
  /** Of the files in `input/`. */
  readonly bytes: number;
}

/**
 * The data set `name` out of the cache, made first by `make` if it isn't there. It becomes visible by a rename, so one
 * whose making was interrupted is made again.
 *
 * @param name holds everything its content depends on: size and seed, and the generator's version
 * @param make fills the folder and gives what is to be remembered of it
 */
export async function dataSet<D extends object>(
  name: string,
  make: (folder: string) => D | Promise<D>,
): Promise<D & { readonly folder: string }> {
  const folder = join(cacheFolder('data'), name);
  const about = join(folder, 'about.json');
  if (!existsSync(about)) {
    const making = `${folder}.making-${process.pid}`;
    rmSync(making, { recursive: true, force: true });
    mkdirSync(join(making, 'input'), { recursive: true });
    const made = await make(making);
    writeFileSync(join(making, 'about.json'), JSON.stringify(made));
    rmSync(folder, { recursive: true, force: true });
    renameSync(making, folder);
  }
  return { ...(JSON.parse(readFileSync(about, 'utf8')) as D), folder };
}

export interface PartFiles {
  readonly folder: string;
  /** `part-0000` and so on get this behind them. */
  readonly extension: string;
  readonly files: number;
  readonly records: number;
}

const FLUSH_CHARACTERS = 1 << 20;

/** Writes `records` lines, each as `line(i)` gives it with its end, to files of about the same number; gives their bytes. */
export function writeParts({ folder, extension, files, records }: PartFiles, line: (i: number) => string): number {
  let bytes = 0;
  for (let file = 0; file < files; file++) {
    const to = Math.floor(((file + 1) * records) / files);
    const fd = openSync(join(folder, `part-${String(file).padStart(4, '0')}${extension}`), 'w');
    let text = '';
    for (let i = Math.floor((file * records) / files); i < to; i++) {
      text += line(i);
      if (text.length < FLUSH_CHARACTERS && i < to - 1) continue;
      bytes += writeSync(fd, text);
      text = '';
    }
    closeSync(fd);
  }
  return bytes;
}
