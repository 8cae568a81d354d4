/** What `sluice checkpoint show` tells beside the summary: positions, files, keys, and who has the lock. */
import { join } from 'node:path';
import { LOG_FOLDER, namesIn, segmentNumber, TABLES_FOLDER } from '../../checkpoint/checkpoint-files.js';
import { formatCheckpoint } from '../../checkpoint/format-checkpoint.js';
import { processIdentity, isAlive } from '../../checkpoint/process-identity.js';
import { readCheckpoint, type CheckpointSummary } from '../../checkpoint/read-checkpoint.js';
import { ASIDE_FOLDER } from '../../checkpoint/tools/set-aside.js';
import { loadArrow } from '../../columnar/arrow.js';
import { formatBytes } from '../../core/byte-size.js';
import type { FileSystem } from '../../core/file-system.js';
import { readDeadLetters } from './dead-letters.js';
import { loadState } from './loaded-state.js';
import { entriesOfPass, passesFor } from './operator-state.js';
import { positionText, sourcePositions, type SourcePosition } from './source-positions.js';

export interface FileSize {
  /** Relative to the checkpoint directory. */
  readonly name: string;
  readonly bytes: number;
}

export interface CheckpointDescription extends CheckpointSummary {
  /** Of the process that has the lock; undefined where nobody has it. */
  readonly holderState: 'running' | 'ended' | 'elsewhere' | undefined;
  readonly positions: { readonly [source: string]: SourcePosition };
  /** By operator; undefined unless they were to be counted. */
  readonly keys: { readonly [operator: string]: number } | undefined;
  readonly logFiles: readonly FileSize[];
  /** Versions of static tables, and what receivers stored. */
  readonly inputFiles: readonly FileSize[];
  /** Folders with what tools have replaced. */
  readonly aside: readonly string[];
  readonly deadLetters: { readonly folder: string; readonly waiting: number; readonly replayed: number };
}

/** @param countKeys goes through all state @throws as `readCheckpoint` */
export async function describeCheckpoint(
  fs: FileSystem,
  directory: string,
  countKeys: boolean,
): Promise<CheckpointDescription> {
  const summary = await readCheckpoint(fs, directory);
  const state = await loadState(fs, directory);
  const deadLetters = await readDeadLetters(fs, directory);
  const counts = { waiting: 0, replayed: 0 };
  for await (const { replay } of deadLetters.letters()) counts[replay === null ? 'waiting' : 'replayed']++;
  return {
    ...summary,
    holderState: holderStateOf(summary),
    positions: Object.fromEntries(sourcePositions(state)),
    keys: countKeys ? await keysOf(state) : undefined,
    logFiles: await sizesIn(fs, directory, LOG_FOLDER, name => segmentNumber(name) !== undefined),
    inputFiles: [
      ...(await sizesBelow(fs, directory, TABLES_FOLDER)),
      ...(await sizesBelow(fs, directory, 'receivers')),
    ],
    aside: (await namesIn(fs, join(directory, ASIDE_FOLDER))).toSorted(),
    deadLetters: { folder: deadLetters.folder, ...counts },
  };
}

function holderStateOf({ holder }: CheckpointSummary): CheckpointDescription['holderState'] {
  if (holder === undefined) return undefined;
  if (holder.host !== processIdentity().host) return 'elsewhere';
  return isAlive(holder) ? 'running' : 'ended';
}

async function keysOf(state: Awaited<ReturnType<typeof loadState>>): Promise<{ readonly [operator: string]: number }> {
  await loadArrow();
  const counts: [string, number][] = [];
  for (const { id } of state.operators) {
    const numPasses = passesFor([state], id);
    let count = 0;
    for (let pass = 0; pass < numPasses; pass++) count += (await entriesOfPass(state, id, pass, numPasses)).size;
    counts.push([id, count]);
  }
  return Object.fromEntries(counts);
}

async function sizesIn(
  fs: FileSystem,
  directory: string,
  folder: string,
  isWanted: (name: string) => boolean,
): Promise<FileSize[]> {
  const names = (await namesIn(fs, join(directory, folder))).filter(isWanted).toSorted();
  const sizes: FileSize[] = [];
  for (const name of names) {
    // Gone by now: its driver is at work and does not need it any more.
    const stat = await fs.stat(join(directory, folder, name)).catch(() => undefined);
    if (stat !== undefined && !stat.isDirectory) sizes.push({ name: `${folder}/${name}`, bytes: stat.size });
  }
  return sizes;
}

async function sizesBelow(fs: FileSystem, directory: string, folder: string): Promise<FileSize[]> {
  const sizes: FileSize[] = [];
  for (const id of await namesIn(fs, join(directory, folder)))
    sizes.push(...(await sizesIn(fs, directory, `${folder}/${id}`, () => true)));
  return sizes;
}

const MAX_FILES = 5;
const HOLDER = {
  running: 'which runs',
  ended: 'which has ended without giving it back: the next start takes it over',
  elsewhere: 'which cannot be looked up from here',
};

/** For people: a page, with the summary's lines first. */
export function formatDescription(description: CheckpointDescription): string {
  const { positions, keys, logFiles, inputFiles, snapshots, aside, deadLetters, holderState, directory } = description;
  const section = (title: string, lines: readonly string[]): string[] =>
    lines.length === 0 ? [] : ['', title, ...lines.map(line => `  ${line}`)];
  const size = ({ name, bytes }: FileSize): string => `${name}  ${formatBytes(bytes)}`;
  const names = snapshots.map(({ path, byteLength }) => ({
    name: path.slice(directory.length + 1).replaceAll('\\', '/'),
    bytes: byteLength,
  }));
  const letters = deadLetters.waiting + deadLetters.replayed;
  return [
    formatCheckpoint(description, {
      holder: holderState === undefined ? undefined : HOLDER[holderState],
      positions: new Map(
        Object.entries(positions).map(([id, position]) => [id, positionText(position, MAX_FILES)] as const),
      ),
    }),
    ...section(
      'keys',
      Object.entries(keys ?? {}).map(([id, count]) => `${id}: ${count}`),
    ),
    ...section('snapshot files', names.map(size)),
    ...section('log files', logFiles.map(size)),
    ...section('stored input', inputFiles.map(size)),
    ...section(
      'aside',
      aside.map(name => `${ASIDE_FOLDER}/${name}`),
    ),
    ...section(
      'dead letters',
      letters === 0 ? [] : [`${deadLetters.folder}: ${deadLetters.waiting} waiting, ${deadLetters.replayed} replayed`],
    ),
  ].join('\n');
}
