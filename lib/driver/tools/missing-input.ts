import { join } from 'node:path';
import { encodeId, hasCode, TABLES_FOLDER } from '../../checkpoint/checkpoint-files.js';
import type { FileSystem } from '../../core/file-system.js';
import type { Json } from '../../core/json.js';
import { fileName, isSameContent, nameOf, type VersionName } from '../table-versions.js';

export interface MissingInput {
  readonly path: string;
  readonly what: string;
}

const TABLE = 'table ';

/** Whether a source id is that of a static table. */
export const isTable = (source: string): boolean => source.startsWith(TABLE);

/**
 * What batches that are to be run again read from the checkpoint's own folders, and is not there any more: versions of
 * static tables, blocks of receivers. @param planned what these batches read, by source
 */
export async function missingInput(
  fs: FileSystem,
  directory: string,
  planned: readonly { readonly [source: string]: readonly Json[] }[],
): Promise<readonly MissingInput[]> {
  const missing: MissingInput[] = [];
  for (const [source, ranges] of planned.flatMap(batch => Object.entries(batch))) {
    for (const range of ranges) {
      if (isVersion(range) && isTable(source)) {
        const path = join(directory, TABLES_FOLDER, encodeId(source.slice(TABLE.length)), fileName(range.version));
        const bytes = await readIfThere(fs, path);
        if (bytes === undefined)
          missing.push({ path, what: `a batch that is to be run again reads it, and it is gone` });
        else if (!isSameContent(nameOf(range.version, bytes), range))
          missing.push({ path, what: `its ${bytes.length} bytes are not the ${range.byteLength} that a batch reads` });
      }
      for (const { file, offset, byteLength } of blocksOf(range)) {
        const path = join(directory, 'receivers', encodeId(source), file);
        const size = await sizeIfThere(fs, path);
        if (size !== undefined && size >= offset + byteLength) continue;
        const what = size === undefined ? 'it is gone' : `it ends at byte ${size}`;
        missing.push({
          path,
          what: `a batch that is to be run again reads it to byte ${offset + byteLength}, and ${what}`,
        });
      }
    }
  }
  return [...new Map(missing.map(found => [`${found.path} ${found.what}`, found])).values()];
}

const isVersion = (range: Json): range is VersionName =>
  typeof range === 'object' && range !== null && 'version' in range && 'crc32' in range && 'byteLength' in range;

type Block = { readonly file: string; readonly offset: number; readonly byteLength: number };

/** Names are of segments in the source's folder; anything else is no file of it. */
function blocksOf(range: Json): readonly Block[] {
  const chunks = (range as { readonly chunks?: unknown } | null)?.chunks;
  return Array.isArray(chunks) ? (chunks as readonly Block[]).filter(({ file }) => /^\d+\.blocks$/.test(file)) : [];
}

async function readIfThere(fs: FileSystem, path: string): Promise<Uint8Array | undefined> {
  try {
    return await fs.readFile(path);
  } catch (thrown) {
    if (hasCode(thrown, 'ENOENT')) return undefined;
    throw thrown;
  }
}

async function sizeIfThere(fs: FileSystem, path: string): Promise<number | undefined> {
  try {
    return (await fs.stat(path)).size;
  } catch (thrown) {
    if (hasCode(thrown, 'ENOENT')) return undefined;
    throw thrown;
  }
}
