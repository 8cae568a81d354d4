import { resolve } from 'node:path';
import type { Json } from '../../core/json.js';
import {
  positionText,
  repair,
  repairOutlook,
  type RepairOutlook,
  type RepairRequest,
} from '../../driver/checkpoint-tools.js';
import { formatCount, plural } from '../figures.js';
import type { Terminal } from '../terminal.js';
import { visibleText } from '../../core/visible.js';
import { isoTime, machineTools, parseBatch } from './arguments.js';

export interface RepairFlags {
  readonly toBatch?: string;
  readonly replan?: boolean;
  readonly yes?: boolean;
}

const NOT_DONE_EXIT_CODE = 2;
const SHOWN_BATCHES = 5;
const SHOWN_FILES = 5;

/** Shows what stepping back means, and with `--yes` does it. @returns the exit code: 2 when it was only shown */
export async function repairCommand(dir: string, flags: RepairFlags, terminal: Terminal): Promise<number> {
  const directory = resolve(terminal.cwd, dir);
  const request: RepairRequest = {
    replan: flags.replan === true,
    ...(flags.toBatch === undefined ? {} : { toBatch: parseBatch(flags.toBatch, '--to-batch') }),
  };
  if (flags.yes) {
    const { result, aside } = await repair(machineTools(), directory, request);
    const done = [...linesOf(result), '', `done; the files as they were are in ${aside}`];
    terminal.out(`${visibleText(done.join('\n'))}\n`);
    return 0;
  }
  const outlook = await repairOutlook(machineTools(), directory, request);
  terminal.out(`${visibleText([...linesOf(outlook), ''].join('\n'))}\n`);
  terminal.err('nothing was changed: add --yes to do it\n');
  return NOT_DONE_EXIT_CODE;
}

function linesOf(outlook: RepairOutlook): string[] {
  const { directory, target, lastCommitted, damage, reverted, rerun, replanned, sources, sinks, lostQueues } = outlook;
  const records = reverted.reduce((sum, batch) => sum + (batch.records ?? 0), 0);
  return [
    `checkpoint     ${directory}`,
    ...damage.map(problem => `damaged        ${problem}`),
    `last readable  ${isoTime(lastCommitted)}`,
    `steps back to  ${isoTime(target)}${target === undefined ? '' : ` (${target})`}, by ${outlook.base.name}`,
    ...(reverted.length === 0
      ? []
      : [`taken back     ${batchesText(reverted.map(({ time }) => time))}, ${plural(records, 'record')}`]),
    ...(rerun.length === 0 ? [] : [`run again      ${batchesText(rerun)}, on the input that they had`]),
    ...(replanned.length === 0 ? [] : [`planned anew   ${batchesText(replanned)}: sources go on where the state ends`]),
    '',
    'sources',
    ...sources.flatMap(({ id, current, restored }) => {
      const [now, then] = [current, restored].map(position => positionText(position, SHOWN_FILES));
      return now === then
        ? [`  ${id}: stays at ${now}`]
        : [`  ${id}: ${now}`, `  ${' '.repeat(id.length)}  goes back to ${then}`];
    }),
    ...lostQueues.map(id => `  ${id}: its planned batches were in the log alone, and are lost; push them again`),
    '',
    'outputs',
    ...(sinks.length === 0 ? ['  none has committed anything that the checkpoint knows'] : []),
    ...sinks.map(({ output, current, restored }) => `  ${output}: ${sinkText(current, restored)}`),
    ...(reverted.length === 0
      ? []
      : [
          '  print and foreachRDD know nothing of this: what they did for the batches taken back stays, and is done again',
        ]),
  ];
}

function batchesText(times: readonly number[]): string {
  const shown = times.slice(0, SHOWN_BATCHES).map(isoTime);
  const more = times.length > shown.length ? ` ... ${isoTime(times.at(-1))}` : '';
  return `${formatCount(times.length)} ${times.length === 1 ? 'batch' : 'batches'}: ${shown.join(', ')}${more}`;
}

type Handle = { readonly path?: unknown; readonly length?: unknown; readonly file?: unknown; readonly since?: unknown };

/** What a sink does at the next start with what it wrote after the batch. */
function sinkText(current: Json, restored: Json | undefined): string {
  if (JSON.stringify(current) === JSON.stringify(restored ?? null)) return 'stays as it is';
  const { path, length } = (current ?? {}) as Handle;
  const place = typeof path === 'string' ? path : 'its output';
  if (restored === undefined)
    return `nothing was committed to it by then: move ${place} away before the next start, which wants it empty`;
  const then = restored as Handle;
  if (typeof then.length === 'number' && typeof length === 'number') {
    const file = then.file === (current as Handle).file ? '' : `, file ${String(then.file)}`;
    return `${place} is cut back to ${formatCount(then.length)} bytes${file} at the next start, and written again from there`;
  }
  if (then.since !== undefined)
    return `folders of ${place} after that batch are emptied at the next start, and written again`;
  return `${place} is written again after that batch; what stands there of it stays`;
}
