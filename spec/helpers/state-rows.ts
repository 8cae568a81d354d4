import { readFileSync } from 'node:fs';
import { tableFromIPC } from 'apache-arrow';
import { NodeFileSystem } from '../../lib/core/node-file-system.js';
import { readManifest } from '../../lib/checkpoint/manifest.js';

/** The rows of all snapshots of a checkpoint that was closed in good order: `operator key value value`, sorted. */
export async function stateRows(directory: string): Promise<string[]> {
  const manifest = await readManifest(new NodeFileSystem(), directory, 'MANIFEST');
  if (manifest === undefined) throw new Error(`no checkpoint in ${directory}`);
  return manifest.snapshots
    .flatMap(({ operator, path }) => {
      const table = tableFromIPC(readFileSync(path));
      return Array.from({ length: table.numRows }, (_, i) => {
        const values = table.schema.fields.map((field, column) => {
          const value: unknown = table.getChildAt(column)?.get(i);
          return value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : `${field.name}=${String(value)}`;
        });
        return [operator, ...values].join(' ');
      });
    })
    .sort();
}
