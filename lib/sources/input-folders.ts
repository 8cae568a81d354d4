/**
 * The names of the files that an input path means, listed anew only where a folder changed: a folder may hold 100,000
 * files, and a look at it in each batch costs one stat. Names are relative to the path's first folder, with `/` between
 * the pieces.
 */
import { join } from 'node:path';
import { EngineError, messageOf } from '../core/errors.js';
import { isUnreadable, statOf, statOrUnreadable, type InputFiles } from './input-files.js';
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
  /** Why it cannot be listed; '' while it can. */
  problem: string;
  /** Names in it that were no text, and told of. */
  strangeNames: number;
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
  readonly #onWarning: (message: string) => void;
  readonly #root: Folder;

  /** @param now wall clock, epoch ms, to tell whether a folder's modification time is settled */
  constructor(files: InputFiles, path: InputPath, now: () => number, onWarning: (message: string) => void) {
    this.#files = files;
    this.#path = path;
    this.#now = now;
    this.#onWarning = onWarning;
    this.#root = newFolder(path.folder, '', 0);
  }

  /**
   * All names, in no order, or undefined when no folder was listed since the last look.
   * @param force true to list every folder
   * Throws `inputMissing` when the first folder is gone or cannot be listed.
   */
  list(force: boolean): readonly string[] | undefined {
    const found = this.#look(this.#root, force);
    if (found === 'gone') {
      const { folder } = this.#path;
      throw new EngineError('inputMissing', `input folder ${folder} is gone: put it back or correct the path`, {
        detail: { path: folder },
      });
    }
    if (found === 'unreadable') {
      const { folder } = this.#path;
      throw new EngineError('inputMissing', `input folder ${folder} cannot be listed: ${this.#root.problem}`, {
        detail: { path: folder },
      });
    }
    return found === 'still' ? undefined : [...namesIn(this.#root)];
  }

  /** A folder that cannot be looked at keeps the files it had: gone ones would be new when they are back. */
  #look(folder: Folder, force: boolean): Look {
    try {
      const found = this.#lookInto(folder, force);
      folder.problem = '';
      return found;
    } catch (error) {
      if (!isUnreadable(error)) throw error;
      if (folder.problem === '' && folder !== this.#root) {
        this.#onWarning(`${folder.path} cannot be listed, and is left until it can: ${messageOf(error)}`);
      }
      folder.problem = messageOf(error);
      folder.stillSince = undefined;
      return 'unreadable';
    }
  }

  #lookInto(folder: Folder, force: boolean): Look {
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
      if (state === 'listed' || state === 'gone') found = 'listed';
      return state === 'gone';
    });
    if (gone.length > 0) folder.folders = new Map([...folder.folders].filter(([, below]) => !gone.includes(below)));
    return found;
  }

  #list(folder: Folder): void {
    const names = this.#files.readdirSync(folder.path);
    this.#tellUnreadableNames(folder, names);
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
      else if (folder.others.has(name) || statOrUnreadable(this.#files, path)?.isDirectory() !== true) others.add(name);
      else folders.set(name, newFolder(path, `${folder.prefix}${name}/`, folder.depth + 1));
    }
    folder.folders = folders;
    folder.others = others;
  }

  /** A name that is not UTF-8 comes with U+FFFD in it, under which nothing is found. */
  #tellUnreadableNames(folder: Folder, names: readonly string[]): void {
    const strange = names.filter(
      name => name.includes('\ufffd') && statOrUnreadable(this.#files, join(folder.path, name)) === undefined,
    );
    if (strange.length > folder.strangeNames) {
      this.#onWarning(
        `${join(folder.path, strange[0] ?? '')} ${strange.length === 1 ? '' : `(and ${strange.length - 1} more) `}` +
          'has a name that is not UTF-8, and is not read: rename it',
      );
    }
    folder.strangeNames = strange.length;
  }
}

type Look = 'still' | 'listed' | 'gone' | 'unreadable';

const newFolder = (path: string, prefix: string, depth: number): Folder => ({
  path,
  prefix,
  depth,
  stillSince: undefined,
  problem: '',
  strangeNames: 0,
  looks: 0,
  files: [],
  folders: new Map(),
  others: new Set(),
});

function* namesIn(folder: Folder): Generator<string> {
  yield* folder.files;
  for (const below of folder.folders.values()) yield* namesIn(below);
}
