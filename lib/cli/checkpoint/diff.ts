import { resolve } from 'node:path';
import { EngineError } from '../../core/errors.js';
import type { Json } from '../../core/json.js';
import { NodeFileSystem } from '../../core/node-file-system.js';
import { diffStates, isSameOperator, loadState, type StateDifference } from '../../driver/checkpoint-tools.js';
import { formatCount } from '../figures.js';
import type { Terminal } from '../terminal.js';
import { visibleJson, visibleText } from '../../core/visible.js';
import { isoTime, refuseIfUsed, parseBatch, parseCount, warn } from './arguments.js';

export interface DiffFlags {
  readonly batch?: readonly string[];
  readonly limit: string;
  readonly json?: boolean;
}

/** Width that a value is cut to. */
const VALUE_CHARS = 60;

/** Two checkpoints, or one at two batches. @returns the exit code: 1 when they differ */
export async function diff(a: string, b: string | undefined, flags: DiffFlags, terminal: Terminal): Promise<number> {
  const batches = (flags.batch ?? []).map(text => parseBatch(text, '--batch'));
  if (batches.length > 2 || (b === undefined && batches.length === 0)) {
    throw new EngineError(
      'optionInvalid',
      'diff wants two checkpoint directories, or one and --batch with the older batch, and once more for the newer one',
    );
  }
  const fs = new NodeFileSystem();
  for (const dir of b === undefined ? [a] : [a, b]) await refuseIfUsed(fs, resolve(terminal.cwd, dir));
  // One batch given for one directory: from there to its last.
  const [from, to] = await Promise.all([
    loadState(fs, resolve(terminal.cwd, a), batches[0]),
    loadState(fs, resolve(terminal.cwd, b ?? a), batches[1]),
  ]);
  warn([...new Set([...from.warnings, ...to.warnings])], terminal);
  const difference = await diffStates(from, to, parseCount(flags.limit, '--limit'));
  if (flags.json) {
    const sides = {
      from: { directory: from.directory, batch: from.batch },
      to: { directory: to.directory, batch: to.batch },
    };
    terminal.out(`${visibleJson(JSON.stringify({ ...sides, ...difference }))}\n`);
  } else {
    const lines = [
      `- ${from.directory}  ${isoTime(from.batch)}`,
      `+ ${to.directory}  ${isoTime(to.batch)}`,
      ...linesOf(difference),
    ];
    terminal.out(`${visibleText(lines.join('\n'))}\n`);
  }
  return difference.isSame ? 0 : 1;
}

function linesOf({ sources, operators, isSame }: StateDifference): string[] {
  if (isSame) return ['', 'no difference'];
  return [
    ...sources.flatMap(({ id, from, to }) => [
      '',
      `source ${id}`,
      `- ${from ?? 'not there'}`,
      `+ ${to ?? 'not there'}`,
    ]),
    ...operators.flatMap(operator => {
      const { id, from, to, numKeys, added, removed, changed, examples } = operator;
      const counts =
        `${formatCount(numKeys[0])} keys, then ${formatCount(numKeys[1])}: ` +
        `${formatCount(added)} added, ${formatCount(removed)} removed, ${formatCount(changed)} changed`;
      if (isSameOperator(operator)) return ['', `operator ${id}: the same ${formatCount(numKeys[0])} keys`];
      const more = added + removed + changed - examples.length;
      return [
        '',
        `operator ${id}`,
        ...(from === to ? [] : [`- ${from ?? 'not there'}`, `+ ${to ?? 'not there'}`]),
        `  ${counts}`,
        ...examples.map(({ change, key, from: old, to: now }) => {
          const values =
            change === 'added' ? short(now) : change === 'removed' ? short(old) : `${short(old)} -> ${short(now)}`;
          return `  ${change.padEnd(7)}  ${short(key)}  ${values}`;
        }),
        ...(more > 0 ? [`  ... ${formatCount(more)} more`] : []),
      ];
    }),
  ];
}

function short(value: Json): string {
  const text = JSON.stringify(value);
  return text.length <= VALUE_CHARS ? text : `${text.slice(0, VALUE_CHARS - 3)}...`;
}
