import { isBlockFile } from '../../lib/blocks/block-files.js';
import { openSpillFile, type OpenSpillFile } from '../../lib/core/spill-file.js';
import { ModelFileSystem } from './model-file-system.js';
import type { FileSystem } from '../../lib/core/file-system.js';

/** Reads the files of blocks where the driver wrote them, also when that is a model; other files are `others`. */
export const openBlockFiles =
  (fs: FileSystem, others: OpenSpillFile = openSpillFile): OpenSpillFile =>
  (path, flags) => {
    if (!(fs instanceof ModelFileSystem) || !isBlockFile(path.slice(path.lastIndexOf('/') + 1)))
      return others(path, flags);
    if (!fs.has(path)) throw Object.assign(new Error(`ENOENT: ${path}`), { code: 'ENOENT' });
    return {
      read(into, position) {
        const bytes = fs.bytesOf(path).subarray(position, position + into.length);
        into.set(bytes);
        return bytes.length;
      },
      write() {
        throw new Error(`tasks do not write ${path}`);
      },
      close: () => undefined,
    };
  };
