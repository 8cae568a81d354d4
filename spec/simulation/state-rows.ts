import { tableFromIPC } from 'apache-arrow';
import { readManifest } from '../../lib/checkpoint/manifest.js';
import type { ModelFileSystem } from '../helpers/model-file-system.js';

/** All rows of state in the checkpoint of a run that stopped in good order: `operator key value ...`, sorted. */
export async function stateRows(files: ModelFileSystem): Promise<readonly string[]> {
  const manifest = await readManifest(files, '/checkpoint', 'MANIFEST');
  return (manifest?.snapshots ?? [])
    .flatMap(({ operator, path }) => {
      const table = tableFromIPC(files.bytesOf(path));
      return Array.from({ length: table.numRows }, (_, i) => {
        const values = table.schema.fields.map((field, column) => {
          const value: unknown = table.getChildAt(column)?.get(i);
          return value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : `${field.name}=${String(value)}`;
        });
        return [operator, ...values].join(' ');
      });
    })
    .toSorted();
}
