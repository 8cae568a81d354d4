import { CRASH_SOURCES } from './crash-sources.js';
import { tempFolder } from './temp-folder.js';
import { loadArrow } from '../../lib/columnar/arrow.js';

/** The input files that all worlds of a suite read, made before its first spec. */
export function crashFiles(): { readonly path: string } {
  const temp = tempFolder();
  before(async () => {
    // What a run loads when it is needed would else count as a part of the first one.
    await loadArrow();
    for (const source of CRASH_SOURCES) source.prepare?.(temp.path);
  });
  return temp;
}
