import { resolve } from 'node:path';
import { NodeFileSystem } from '../../core/node-file-system.js';
import { describeCheckpoint, formatDescription } from '../../driver/checkpoint-tools.js';
import type { Terminal } from '../terminal.js';
import { visibleJson, visibleText } from '../../core/visible.js';
import { refuseIfUsed } from './arguments.js';

export interface ShowFlags {
  readonly json?: boolean;
  readonly keys?: boolean;
}

/** Shows what a checkpoint directory holds, for people or as one JSON object. Throws what is wrong with it. */
export async function showCheckpoint(dir: string, flags: ShowFlags, terminal: Terminal): Promise<void> {
  const fs = new NodeFileSystem();
  const directory = resolve(terminal.cwd, dir);
  // Counting takes long, and the files of a checkpoint at work do not stay.
  if (flags.keys) await refuseIfUsed(fs, directory);
  const shown = await describeCheckpoint(fs, directory, flags.keys === true);
  const text = flags.json ? visibleJson(JSON.stringify(shown)) : visibleText(formatDescription(shown).trimEnd());
  terminal.out(`${text}\n`);
}
