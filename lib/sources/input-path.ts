/**
 * What a file source's path names: a folder (all files in it), one file, or files by patterns in which `*` and `?` stand
 * for characters other than a slash:
 *
 *   in                 all files of the folder
 *   in/a.csv           one file
 *   in/*.csv           files of the folder
 *   in/2026-??/        all files of folders, which may come and go
 *   in/20??/x-*.csv    files of folders
 */
import { basename, dirname, join, sep } from 'node:path';
import { EngineError } from '../core/errors.js';
import { globMatcher } from './glob.js';

export interface InputPath {
  /** The folder that names are relative to. */
  readonly folder: string;
  /** Which folders below it lead to the files, level by level; none: the files are in it. */
  readonly folders: readonly ((name: string) => boolean)[];
  /** Whether a file of that name, in its folder, is input. */
  readonly accepts: (name: string) => boolean;
  /** What the job has to say to that, by the name with the folders below `folder` before it. */
  readonly filter?: ((name: string) => boolean) | undefined;
}

const WILDCARD = /[*?]/;
const UPWARDS = /(?:^|[\\/])\.\.(?:[\\/]|$)/;

/** Names that somebody is still writing, or that are not data: `.x`, `_x`, `x.tmp`, `x._COPYING_`. */
export function isHidden(name: string): boolean {
  return name.startsWith('.') || name.startsWith('_') || name.endsWith('.tmp') || name.endsWith('._COPYING_');
}

/**
 * @param kindOf what is at a path now; asked for the part before the first wildcard
 * Throws `inputMissing` when nothing is there.
 */
export function resolveInputPath(path: string, kindOf: (path: string) => 'folder' | 'file' | 'missing'): InputPath {
  if (!WILDCARD.test(path)) {
    switch (kindOf(path)) {
      case 'folder':
        return { folder: path, folders: [], accepts: name => !isHidden(name) };
      case 'file':
        return { folder: dirname(path), folders: [], accepts: name => name === basename(path) };
      case 'missing':
        throw missing(path, 'a folder or file');
    }
  }
  const { folder, patterns } = splitPath(path);
  if (kindOf(folder) !== 'folder') throw missing(path, `the folder ${folder}`);
  const last = patterns.at(-1) ?? '';
  return {
    folder,
    folders: patterns.slice(0, -1).map(accepting),
    accepts: last === '' ? name => !isHidden(name) : accepting(last),
  };
}

/** The folder part alone, for the worker half: ranges name files relative to it. */
export function inputFolder(path: string, isFolder: (path: string) => boolean): string {
  if (WILDCARD.test(path)) return splitPath(path).folder;
  return isFolder(path) ? path : dirname(path);
}

/** Throws `checkpointCorrupt` for a name that leads out of the folder: none that was listed does, but a log can say anything. */
export function inputFile(folder: string, name: string): string {
  if (!UPWARDS.test(name)) return join(folder, name);
  throw new EngineError(
    'checkpointCorrupt',
    `a file in ${folder} was wanted, the checkpoint names ${JSON.stringify(name)}: put the checkpoint directory back from a copy, or start with a new one`,
    { detail: { folder, name } },
  );
}

/** The folder before the first wildcard, and the pieces from there on; the last is '' where the path ends in a slash. */
function splitPath(path: string): { readonly folder: string; readonly patterns: readonly string[] } {
  const pieces = path.split(sep === '/' ? '/' : /[\\/]/);
  const first = pieces.findIndex(piece => WILDCARD.test(piece));
  const before = pieces.slice(0, first).join('/');
  const folder = first === 0 ? '.' : before === '' ? '/' : before;
  const patterns = pieces.slice(first).filter((piece, i, all) => piece !== '' || i === all.length - 1);
  return { folder, patterns };
}

function missing(path: string, wanted: string): EngineError {
  return new EngineError(
    'inputMissing',
    `input ${path} wants ${wanted} that can be read, and there is none: create it or correct the path`,
    { detail: { path } },
  );
}

/** Whether a name is the one wanted, or is not hidden and matches the pattern. */
function accepting(pattern: string): (name: string) => boolean {
  if (!WILDCARD.test(pattern)) return name => name === pattern;
  const matches = globMatcher(pattern);
  return name => !isHidden(name) && matches(name);
}
