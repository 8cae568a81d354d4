import { resolve } from 'node:path';
import { NodeFileSystem } from '../core/node-file-system.js';
import { formatCheckpoint, readCheckpoint } from '../driver/show-checkpoint.js';
import type { Terminal } from './terminal.js';
import { visibleJson, visibleText } from '../core/visible.js';

/** Shows what a checkpoint directory holds, for people or as one JSON object. Throws what is wrong with it. */
export async function showCheckpoint(dir: string, json: boolean, terminal: Terminal): Promise<void> {
  const summary = await readCheckpoint(new NodeFileSystem(), resolve(terminal.cwd, dir));
  const text = json ? visibleJson(JSON.stringify(summary)) : visibleText(formatCheckpoint(summary).trimEnd());
  terminal.out(`${text}\n`);
}
