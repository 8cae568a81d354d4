import { resolve } from 'node:path';
import { EngineError, messageOf } from '../../core/errors.js';
import { NodeFileSystem } from '../../core/node-file-system.js';
import { temporaryPath } from '../../core/write-file-atomic.js';
import { exportArrow, exportJson, loadState, operatorsOf } from '../../driver/checkpoint-tools.js';
import { plural } from '../figures.js';
import type { Terminal } from '../terminal.js';
import { visibleJson } from '../../core/visible.js';
import { parseBatch, refuseIfUsed, warn } from './arguments.js';

export interface ExportFlags {
  readonly format: string;
  readonly operator?: string;
  readonly batch?: string;
  readonly out?: string;
}

/** Takes the state out, as JSON lines to standard output or a file, or as an Arrow file of one operator. */
export async function exportCommand(dir: string, flags: ExportFlags, terminal: Terminal): Promise<void> {
  const { format, operator, out } = flags;
  if (format !== 'json' && format !== 'arrow')
    throw new EngineError('optionInvalid', `--format wants json or arrow, got '${format}'`);
  if (format === 'arrow' && out === undefined)
    throw new EngineError('optionInvalid', 'Arrow is no text: give --out FILE for it, or --format json');
  const fs = new NodeFileSystem();
  await refuseIfUsed(fs, resolve(terminal.cwd, dir));
  const batch = flags.batch === undefined ? undefined : parseBatch(flags.batch, '--batch');
  const state = await loadState(fs, resolve(terminal.cwd, dir), batch);
  warn(state.warnings, terminal);
  const operators = operatorsOf(state, operator);
  if (out === undefined) {
    for await (const line of exportJson(state, operators)) terminal.out(`${visibleJson(line)}\n`);
    return;
  }
  const [only] = operators;
  if (format === 'arrow' && (only === undefined || operators.length > 1)) {
    const known = operators.length === 0 ? 'none has state' : `one of ${operators.join(', ')}`;
    throw new EngineError('optionInvalid', `an Arrow file has the columns of one operator: give --operator, ${known}`);
  }
  const path = resolve(terminal.cwd, out);
  const numRows = await writeWhole(fs, path, async write => {
    if (format === 'arrow') return exportArrow(state, only ?? '', write);
    let count = 0;
    for await (const line of exportJson(state, operators)) {
      await write(Buffer.from(`${line}\n`, 'utf8'));
      count++;
    }
    return count;
  });
  terminal.out(`${visibleJson(path)}: ${plural(numRows, 'key')}\n`);
}

/** The file comes to its name when it is whole. */
async function writeWhole(
  fs: NodeFileSystem,
  path: string,
  write: (write: (bytes: Uint8Array) => Promise<void>) => Promise<number>,
): Promise<number> {
  const temporary = temporaryPath(path);
  try {
    const file = await fs.open(temporary, 'wx');
    let numRows: number;
    try {
      let at = 0;
      numRows = await write(async bytes => {
        await file.write([bytes], at);
        at += bytes.length;
      });
      await file.sync();
    } finally {
      await file.close();
    }
    await fs.rename(temporary, path);
    return numRows;
  } catch (thrown) {
    await fs.remove(temporary);
    if (thrown instanceof EngineError) throw thrown;
    throw new EngineError('outputUnwritable', `${path} cannot be written: ${messageOf(thrown)}`, { cause: thrown });
  }
}
