import { resolve } from 'node:path';
import { formatBytes } from '../../core/byte-size.js';
import { NodeFileSystem } from '../../core/node-file-system.js';
import { verifyCheckpoint, type Finding } from '../../driver/checkpoint-tools.js';
import { plural } from '../figures.js';
import type { Terminal } from '../terminal.js';
import { visibleJson, visibleText } from '../../core/visible.js';
import { refuseIfUsed, splitLast } from './arguments.js';

export interface VerifyFlags {
  readonly json?: boolean;
  readonly input?: readonly string[];
}

/** Says all that is wrong with a checkpoint. @returns the exit code: 1 when anything is */
export async function verify(dir: string, flags: VerifyFlags, terminal: Terminal): Promise<number> {
  const inputs = new Map(
    (flags.input ?? []).map(text => {
      const [source, folder] = splitLast(text, '--input', 'SOURCE=FOLDER');
      return [source, resolve(terminal.cwd, folder)] as const;
    }),
  );
  const directory = resolve(terminal.cwd, dir);
  const fs = new NodeFileSystem();
  await refuseIfUsed(fs, directory);
  const verified = await verifyCheckpoint(fs, directory, { inputs });
  const { findings, numFiles, bytes, stateRows } = verified;
  const problems = findings.filter(({ severity }) => severity === 'problem');
  if (flags.json) terminal.out(`${visibleJson(JSON.stringify({ sound: problems.length === 0, ...verified }))}\n`);
  else {
    const verdict = problems.length === 0 ? 'sound' : plural(problems.length, 'problem');
    const read = `${plural(numFiles, 'file')}, ${formatBytes(bytes)}, ${plural(stateRows, 'row')} of state`;
    const lines = [...findings.map(findingText), `${directory}: ${verdict} (${read})`];
    terminal.out(`${visibleText(lines.join('\n'))}\n`);
  }
  return problems.length === 0 ? 0 : 1;
}

function findingText({ severity, path, offset, what, cure }: Finding): string {
  const where = offset === undefined ? path : `${path} at byte ${offset}`;
  return `${severity.padEnd(7)}  ${where}: ${what}\n         cure: ${cure}`;
}
