/**
 * What a file source's path names: a folder (all files in it), one file, or files of a folder by a pattern with `*`
 * and `?` in the last piece (`in/*.csv`).
 */
import { basename, dirname, join } from 'node:path';
import { EngineError } from '../core/errors.js';

export interface InputPath {
  readonly folder: string;
  /** Whether a file of that name in the folder is input. */
  readonly accepts: (name: string) => boolean;
}

const WILDCARD = /[*?]/;

/** Names that somebody is still writing, or that are not data: `.x`, `_x`, `x.tmp`, `x._COPYING_`. */
export function isHidden(name: string): boolean {
  return name.startsWith('.') || name.startsWith('_') || name.endsWith('.tmp') || name.endsWith('._COPYING_');
}

/**
 * @param kindOf what is at a path now; asked only for paths without a wildcard
 * Throws `inputMissing` when nothing is there, `optionInvalid` for a wildcard in a folder's name.
 */
export function resolveInputPath(path: string, kindOf: (path: string) => 'folder' | 'file' | 'missing'): InputPath {
  const last = basename(path);
  const folder = dirname(path);
  if (WILDCARD.test(folder)) {
    throw new EngineError(
      'optionInvalid',
      `input path ${path}: * and ? may stand in its last piece only; use one source for each folder and union them`,
    );
  }
  if (WILDCARD.test(last)) {
    const pattern = wildcardPattern(last);
    if (kindOf(folder) !== 'folder') throw missing(path, `the folder ${folder}`);
    return { folder, accepts: name => !isHidden(name) && pattern.test(name) };
  }
  switch (kindOf(path)) {
    case 'folder':
      return { folder: path, accepts: name => !isHidden(name) };
    case 'file':
      return { folder, accepts: name => name === last };
    case 'missing':
      throw missing(path, 'a folder or file');
  }
}

/** The folder part alone, for the worker half: ranges name files relative to it. */
export function inputFolder(path: string, isFolder: (path: string) => boolean): string {
  return WILDCARD.test(basename(path)) || !isFolder(path) ? dirname(path) : path;
}

export const inputFile = (folder: string, name: string): string => join(folder, name);

function missing(path: string, wanted: string): EngineError {
  return new EngineError(
    'inputMissing',
    `input ${path} wants ${wanted} that can be read, and there is none: create it or correct the path`,
    { detail: { path } },
  );
}

function wildcardPattern(text: string): RegExp {
  const escaped = text.replace(/[.+^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`^${escaped.replaceAll('*', '.*').replaceAll('?', '.')}$`, 's');
}
