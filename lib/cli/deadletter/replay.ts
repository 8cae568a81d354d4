import { resolve } from 'node:path';
import { EngineError } from '../../core/errors.js';
import { formatBytes } from '../../core/byte-size.js';
import { loadMap, readEdits, replayDeadLetters, unchanged, type Correct } from '../../driver/checkpoint-tools.js';
import { machineTools } from '../checkpoint/arguments.js';
import { plural } from '../figures.js';
import type { Terminal } from '../terminal.js';
import { visibleText } from '../../core/visible.js';
import { selector, type SelectFlags } from './select.js';

export interface ReplayFlags extends SelectFlags {
  readonly into: string;
  readonly edit?: string;
  readonly map?: string;
  /** False: `--no-header`. */
  readonly header?: string | false;
}

/** Puts the chosen dead letters back in. */
export async function replay(dir: string, flags: ReplayFlags, terminal: Terminal): Promise<void> {
  const { edit, map, header } = flags;
  if (edit !== undefined && map !== undefined) {
    throw new EngineError(
      'optionInvalid',
      'records are corrected by --edit or by --map, and both were given: give one',
    );
  }
  const world = machineTools();
  const isChosen = selector(flags);
  const edits = edit === undefined ? undefined : await readEdits(world.fs, resolve(terminal.cwd, edit));
  const correct: Correct = map === undefined ? unchanged : await loadMap(resolve(terminal.cwd, map));
  const result = await replayDeadLetters(world, resolve(terminal.cwd, dir), {
    into: resolve(terminal.cwd, flags.into),
    select: letter => isChosen(letter) && (edits === undefined || edits.has(letter.id)),
    correct: edits === undefined ? correct : async letter => edits.get(letter.id),
    header: header === false ? null : header,
  });
  const { replay: made, finished, cut } = result;
  const lines = [
    ...finished.map(
      ({ number, target, ids }) =>
        `finished replay ${number}, which was interrupted: ${plural(ids.length, 'record')} in ${target}`,
    ),
    ...(cut.length === 0
      ? []
      : [
          `${plural(cut.length, 'record')} left out, of which only the first 64 KiB are known: ${cut.slice(0, 5).join(', ')}; give them whole with --edit`,
        ]),
    made === undefined
      ? 'no record was put back in: none was chosen that is not replayed yet'
      : `replay ${made.number}: ${plural(made.ids.length, 'record')}, ${formatBytes(made.numBytes)}, in ${made.target}`,
  ];
  terminal.out(`${visibleText(lines.join('\n'))}\n`);
}
