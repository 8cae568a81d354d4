/** Commands that change a checkpoint in one respect. */
import { resolve } from 'node:path';
import { formatBytes } from '../../core/byte-size.js';
import { dropOperator, forkCheckpoint, setOffsets, type NewOffsets } from '../../driver/checkpoint-tools.js';
import { plural } from '../figures.js';
import type { Terminal } from '../terminal.js';
import { visibleText } from '../../core/visible.js';
import { machineTools, parseCount, splitLast } from './arguments.js';

export interface SetOffsetsFlags {
  readonly source: string;
  readonly file?: readonly string[];
  readonly input?: string;
  readonly next?: string;
}

/** Changes where a source goes on. */
export async function setOffsetsCommand(dir: string, flags: SetOffsetsFlags, terminal: Terminal): Promise<void> {
  const { source, file, input, next } = flags;
  const offsets: NewOffsets = {
    ...(file === undefined ? {} : { files: file.map(text => splitLast(text, '--file', 'NAME=start|end|BYTE')) }),
    ...(input === undefined ? {} : { folder: resolve(terminal.cwd, input) }),
    ...(next === undefined ? {} : { next: parseCount(next, '--next') }),
  };
  const { result, aside } = await setOffsets(machineTools(), resolve(terminal.cwd, dir), source, offsets);
  say(terminal, [
    `source ${source}`,
    `  was  ${result.before}`,
    `  is   ${result.after}`,
    'state and outputs stay as they are: input that is read again counts again, input that is passed over never does',
    `the files as they were are in ${aside}`,
  ]);
}

/** Removes an operator's state. */
export async function dropOperatorCommand(
  dir: string,
  { operator }: { readonly operator: string },
  terminal: Terminal,
): Promise<void> {
  const { result, aside } = await dropOperator(machineTools(), resolve(terminal.cwd, dir), operator);
  say(terminal, [
    `operator ${operator}: removed, ${plural(result.numRows, 'row')} of the snapshot and ${plural(result.numChanges, 'change')} since`,
    'an operation of this id begins without state at the next start, or with its initial state',
    `the files as they were are in ${aside}`,
  ]);
}

/** Makes a copy for a second job. */
export async function forkCommand(dir: string, target: string, terminal: Terminal): Promise<void> {
  const to = resolve(terminal.cwd, target);
  const { checkpointId, numFiles, bytes, outputs } = await forkCheckpoint(
    machineTools(),
    resolve(terminal.cwd, dir),
    to,
  );
  say(terminal, [
    `${to}: checkpoint ${checkpointId}, ${plural(numFiles, 'file')} copied, ${formatBytes(bytes)}`,
    ...(outputs.length === 0
      ? []
      : [
          `outputs begin anew in it, and want to be empty: ${outputs.join(', ')}`,
          'a job that starts from it must write elsewhere than the first one; where it writes to the same place, it is refused',
        ]),
  ]);
}

const say = (terminal: Terminal, lines: readonly string[]): void => terminal.out(`${visibleText(lines.join('\n'))}\n`);
