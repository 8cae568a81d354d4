import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const index = join(import.meta.dirname, '..', '..', 'dist', 'index.js');

/** The package as it is built and as programs import it: with worker threads, which need no loader for TypeScript. */
export const builtSluice = (): Promise<typeof import('../../lib/index.js')> =>
  import(pathToFileURL(index).href) as Promise<typeof import('../../lib/index.js')>;
