/**
 * The names of the files that an input path means, listed anew only where a folder changed: a folder may hold 100,000
 * files, and a look at it in each batch costs one stat. Names are relative to the path's first folder, with `/` between
 * the pieces.
 */
import { join } from 'node:path';
import { EngineError } from '../core/errors.js';
import { statOf, type InputFiles } from './input-files.js';
import type { InputPath } from './input-path.js';

/** A folder whose modification time is younger than this when it is listed may still change within the same tick. */
const LISTING_SETTLES_MS = 2000;
/** However still it seems, a folder is listed again after so many looks. */
const MAX_LOOKS_PER_LISTING = 50;

interface Folder {
  readonly path: string;
  /** What the names in it begin with: '' or `a/b/`. */
  readonly prefix: string;
  /** How many folders of the path's patterns lead here. */
  readonly depth: number;
  /** Modification time as of the last listing, once it was old enough to tell that nothing changed since. */
  stillSince: number | undefined;
  looks: number;
  files: readonly string[];
  folders: ReadonlyMap<string, Folder>;
  /** Names that the pattern matches and that are no folders. */
  others: ReadonlySet<string>;
}

export class InputFolders {
  readonly #files: InputFiles;
  readonly #path: InputPath;
  readonly #now: () => number;
  readonly #root: Folder;

  /** @param now wall clock, epoch ms, to tell whether a folder's modification time is settled */
  constructor(files: InputFiles, path: InputPath, now: () => number) {
    this.#files = files;
    this.#path = path;
    this.#now = now;
    this.#root = newFolder(path.folder, '', 0);
  }

  /**
   * All names, in no order, or undefined when no folder was listed since the last look.
   * @param force true to list every folder
   * Throws `inputMissing` when the first folder is gone.
   */
  list(force: boolean): readonly string[] | undefined {
    const found = this.#look(this.#root, force);
    if (found === 'gone') {
      const { folder } = this.#path;
      throw new EngineError('inputMissing', `input folder ${folder} is gone: put it back or correct the path`, {
        detail: { path: folder },
      });
    }
    return found === 'still' ? undefined : [...namesIn(this.#root)];
  }

  #look(folder: Folder, force: boolean): 'still' | 'listed' | 'gone' {
    const stat = statOf(this.#files, folder.path);
    if (stat?.isDirectory() !== true) return 'gone';
    folder.looks++;
    const isStill = stat.mtimeMs === folder.stillSince && folder.looks < MAX_LOOKS_PER_LISTING;
    let found: 'still' | 'listed' = 'still';
    if (!isStill || force) {
      folder.stillSince = this.#now() - stat.mtimeMs > LISTING_SETTLES_MS ? stat.mtimeMs : undefined;
      folder.looks = 0;
      this.#list(folder);
      found = 'listed';
    }
    const gone = [...folder.folders.values()].filter(below => {
      const state = this.#look(below, force);
      if (state !== 'still') found = 'listed';
      return state === 'gone';
    });
    if (gone.length > 0) folder.folders = new Map([...folder.folders].filter(([, below]) => !gone.includes(below)));
    return found;
  }

  #list(folder: Folder): void {
    const names = this.#files.readdirSync(folder.path);
    const accepts = this.#path.folders[folder.depth];
    if (accepts === undefined) {
      const { filter } = this.#path;
      const files = names.filter(this.#path.accepts).map(name => folder.prefix + name);
      folder.files = filter === undefined ? files : files.filter(filter);
      return;
    }
    const folders = new Map<string, Folder>();
    const others = new Set<string>();
    for (const name of names.filter(accepts)) {
      const path = join(folder.path, name);
      const known = folder.folders.get(name);
      if (known !== undefined) folders.set(name, known);
      else if (folder.others.has(name) || statOf(this.#files, path)?.isDirectory() !== true) others.add(name);
      else folders.set(name, newFolder(path, `${folder.prefix}${name}/`, folder.depth + 1));
    }
    folder.folders = folders;
    folder.others = others;
  }
}

const newFolder = (path: string, prefix: string, depth: number): Folder => ({
  path,
  prefix,
  depth,
  stillSince: undefined,
  looks: 0,
  files: [],
  folders: new Map(),
  others: new Set(),
});

function* namesIn(folder: Folder): Generator<string> {
  yield* folder.files;
  for (const below of folder.folders.values()) yield* namesIn(below);
}
