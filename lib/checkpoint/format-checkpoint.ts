import { formatBytes } from '../core/byte-size.js';
import type { Json } from '../core/json.js';
import { formatHolder } from './lock.js';
import { describeOperator } from './match-operators.js';
import type { CheckpointSummary, OperatorSummary, SourceSummary } from './read-checkpoint.js';

const WIDTH = 100;
const LABEL_WIDTH = 14;
/** Ranges of a source are shown for this many of the newest batches. */
const MAX_BATCHES = 3;

/** What is known of a checkpoint beside its own files. */
export interface FormatNotes {
  /** Of the process that uses it. */
  readonly holder?: string | undefined;
  /** By source, how far it is read, in words; else its state is shown as it is. */
  readonly positions?: ReadonlyMap<string, string>;
}

/** A checkpoint for people: lines of at most 100 columns, except where a name itself is longer. */
export function formatCheckpoint(summary: CheckpointSummary, notes: FormatNotes = {}): string {
  const { holder, log, snapshots, warnings } = summary;
  const snapshotBytes = snapshots.reduce((sum, file) => sum + file.byteLength, 0);
  return [
    line('checkpoint', summary.directory),
    line('job', summary.job),
    ...(summary.run === undefined ? [] : [line('job file', summary.run.jobFile ?? 'none: made in a program')]),
    line('plan', summary.fingerprint),
    line('format', `version ${summary.formatVersion}, ${summary.numKeyGroups} key groups`),
    line('epoch', String(summary.epoch)),
    line('used by', holder === undefined ? 'nobody' : [formatHolder(holder), notes.holder].filter(Boolean).join(', ')),
    line('last planned', time(summary.lastPlanned)),
    line('last committed', time(summary.lastCommitted)),
    ...(summary.numOpen > 0 ? [line('to run again', plural(summary.numOpen, 'batch', 'batches'))] : []),
    line(
      'snapshot',
      snapshots.length === 0
        ? time(summary.snapshotTime)
        : `${time(summary.snapshotTime)}, ${plural(snapshots.length, 'file')}, ${formatBytes(snapshotBytes)}, all whole`,
    ),
    line(
      'log',
      `${plural(log.numSegments, 'segment')}, ${formatBytes(log.bytes)}, ${plural(log.batches, 'batch', 'batches')} after the snapshot`,
    ),
    ...section('operators', summary.operators.flatMap(operatorLines)),
    ...section(
      'sources',
      summary.sources.flatMap(source => sourceLines(source, notes.positions?.get(source.id))),
    ),
    ...section(
      'outputs',
      Object.entries(summary.sinks).map(([output, handle]) => `  ${output}: ${json(handle, output.length + 4)}`),
    ),
    ...section(
      'warnings',
      warnings.flatMap(warning => wrap(warning)),
    ),
  ].join('\n');
}

function operatorLines(operator: OperatorSummary): string[] {
  const { snapshotRows, snapshotBytes, numDeltas, deltaRows, deltaBytes } = operator;
  const deltas =
    numDeltas === 0
      ? 'no changes since'
      : `${plural(numDeltas, 'change')} since: ${plural(deltaRows, 'row')}, ${formatBytes(deltaBytes)}`;
  return [
    `  ${operator.id}`,
    ...wrap(describeOperator(operator), '    '),
    `    snapshot ${plural(snapshotRows, 'row')}, ${formatBytes(snapshotBytes)}; ${deltas}`,
  ];
}

function sourceLines({ id, state, batches }: SourceSummary, position: string | undefined): string[] {
  const shown = batches.slice(-MAX_BATCHES);
  const hidden = batches.length - shown.length;
  return [
    `  ${id}`,
    ...(position === undefined ? atSnapshot(state) : wrap(position, '    ')),
    ...(hidden > 0 ? [`    ${plural(hidden, 'batch', 'batches')} more`] : []),
    ...shown.map(({ time: at, ranges }) => `    ${time(at)}: ${json(ranges, 30)}`),
  ];
}

const atSnapshot = (state: Json | undefined): string[] =>
  state === undefined ? [] : [`    at the snapshot: ${json(state, 21)}`];

const line = (label: string, value: string): string => `${label.padEnd(LABEL_WIDTH)}  ${value}`;

const section = (title: string, lines: readonly string[]): string[] =>
  lines.length === 0 ? [] : ['', title, ...lines];

const time = (ms: number | undefined): string => (ms === undefined ? 'none' : new Date(ms).toISOString());

const plural = (count: number, one: string, many = `${one}s`): string => `${count} ${count === 1 ? one : many}`;

/** JSON cut to what is left of a line after `indent` columns. */
function json(value: Json, indent: number): string {
  const text = JSON.stringify(value);
  const room = Math.max(20, WIDTH - indent);
  return text.length <= room ? text : `${text.slice(0, room - 3)}...`;
}

/** Breaks at spaces. */
function wrap(text: string, indent = '  '): string[] {
  const lines: string[] = [];
  let current = indent;
  for (const word of text.split(' ')) {
    if (current !== indent && current.length + word.length + 1 > WIDTH) {
      lines.push(current);
      current = indent;
    }
    current += current === indent ? word : ` ${word}`;
  }
  return [...lines, current];
}
