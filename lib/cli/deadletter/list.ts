import { resolve } from 'node:path';
import { NodeFileSystem } from '../../core/node-file-system.js';
import { readDeadLetters, type DeadLetter } from '../../driver/checkpoint-tools.js';
import { isoTime, parseCount } from '../checkpoint/arguments.js';
import { formatCount, plural } from '../figures.js';
import type { Terminal } from '../terminal.js';
import { visibleJson, visibleLine } from '../../core/visible.js';
import { selector, type SelectFlags } from './select.js';

export interface ListFlags extends SelectFlags {
  readonly limit: string;
  readonly json?: boolean;
}

const TEXT_CHARS = 90;

/** Lists the dead letters that the job has committed, oldest first. */
export async function list(dir: string, flags: ListFlags, terminal: Terminal): Promise<void> {
  const limit = parseCount(flags.limit, '--limit');
  const isChosen = selector(flags);
  const found = await readDeadLetters(new NodeFileSystem(), resolve(terminal.cwd, dir));
  const counts = { all: 0, chosen: 0, replayed: 0 };
  for await (const letter of found.letters()) {
    counts.all++;
    if (!isChosen(letter)) continue;
    counts.chosen++;
    if (letter.replay !== null) counts.replayed++;
    if (flags.json) terminal.out(`${visibleJson(JSON.stringify(letter))}\n`);
    else if (counts.chosen <= limit) terminal.out(`${linesOf(letter).map(visibleLine).join('\n')}\n`);
  }
  if (flags.json) return;
  const more = counts.chosen > limit ? `, ${formatCount(counts.chosen - limit)} more not shown` : '';
  const omitted = found.omitted > 0 ? `; of ${plural(found.omitted, 'further record')} only the number is known` : '';
  const summary =
    `${plural(counts.chosen, 'dead letter')} of ${counts.all} in ${found.folder}: ` +
    `${counts.chosen - counts.replayed} waiting, ${counts.replayed} replayed${more}${omitted}`;
  terminal.out(`${visibleLine(summary)}\n`);
}

function linesOf({ id, batch, source, file, line, byteOffset, reason, text, base64, replay }: DeadLetter): string[] {
  const place = line > 0 ? `${file}:${line}` : `${file} at byte ${byteOffset}`;
  const state = replay === null ? '' : `  (replayed: ${replay})`;
  const shown = text ?? `base64 ${base64}`;
  return [
    `${id}  ${isoTime(batch)}  ${source}  ${place}${state}`,
    `  ${reason}`,
    `  ${shown.length <= TEXT_CHARS ? shown : `${shown.slice(0, TEXT_CHARS)}...`}`,
  ];
}
