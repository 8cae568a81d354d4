/**
 * What lies on disk between two runs is damaged: bits flip, files are cut, zeroed, lost, or those of another job. The
 * next run must refuse, naming a file and what to do, or end as if nothing were: never with other output or state.
 */
import { basename } from 'node:path';
import { EngineError } from '../../lib/core/errors.js';
import { problemsOf } from './crash-oracle.js';
import { CRASH_OPERATORS } from './crash-operators.js';
import { allCells, cleanRun, type CleanRun } from './crash-suite.js';
import { CrashWorld, nameOf, type CrashCell } from './crash-world.js';
import type { ModelFileSystem } from './model-file-system.js';

/** A run that was killed with a batch on its way, and what its end would have left. */
export interface Killed {
  readonly cell: CrashCell;
  readonly folder: string;
  readonly fs: ModelFileSystem;
  readonly session: number;
  readonly clean: CleanRun;
}

export interface Damage {
  readonly what: string;
  readonly path: string;
  readonly apply: (fs: ModelFileSystem) => void;
}

const CELLS = ['receiver > mapState > folders', 'csv > table > json', 'ndjson > narrow > csv'];

/** The files of another job that reads the same and does something else, for those that get mixed up. */
export async function otherJob({ cell, folder }: Killed): Promise<ModelFileSystem> {
  const operator = CRASH_OPERATORS.find(({ name }) => name !== cell.operator.name);
  if (operator === undefined) throw new Error('there is one operator only');
  const world = new CrashWorld({ ...cell, operator }, folder);
  await world.run();
  return world.fs;
}

/** Cells that together have every kind of file that is read again. */
export const damageCells = (): CrashCell[] => allCells().filter(cell => CELLS.includes(nameOf(cell)));

/** @param share of all its operations, after which the run is killed */
export async function killedRun(cell: CrashCell, folder: string, share: number): Promise<Killed> {
  const clean = await cleanRun(cell, folder);
  const world = new CrashWorld(cell, folder);
  world.fs.downAt(Math.floor(share * clean.numOperations));
  await world.run().catch((error: unknown) => {
    if (!world.fs.isDown) throw error;
  });
  world.fs.crash({ kind: 'kill' });
  return { cell, folder, fs: world.fs, session: world.session, clean };
}

/** All that can be done to a file and be noticed. @param other the files of another job */
export function damagesOf(killed: Killed, other: ModelFileSystem): Damage[] {
  const { fs } = killed;
  // Of an output the file that is written to; those before it are whoever's that takes them away.
  const outputs = [/^\/out\/rolled\//, /^\/out\/[^/]*$/, /^\/deadletter\/[^.]/].flatMap(
    pattern => fs.paths().findLast(path => pattern.test(path)) ?? [],
  );
  const paths = fs.paths().filter(path => path.startsWith('/checkpoint/') || outputs.includes(path));
  return paths.flatMap(path => {
    const bytes = fs.bytesOf(path);
    const used = bytes.findLastIndex(byte => byte !== 0) + 1;
    const damage = (what: string, apply: (on: ModelFileSystem) => void): Damage => ({ what, path, apply });
    const cuts = [...new Set([0, 1, used >> 1, used - 1])].filter(size => size >= 0 && size < used);
    const cutOrLost = [
      damage('lost', on => on.lose(path)),
      ...cuts.map(size => damage(`cut to ${size} of ${used} bytes`, on => on.replace(path, bytes.subarray(0, size)))),
    ];
    // What is in an output is its reader's: only that it is there, and how long it is, is looked at.
    if (!path.startsWith('/checkpoint/')) return cutOrLost;
    const flips = [0, 5, 17, 40, 63, 64, 70, 90, 130, used >> 1, used - 40, used - 2, used - 1]
      .filter(at => at >= 0 && at < used)
      .map(at =>
        damage(`bit ${at % 8} of byte ${at} flipped`, on =>
          on.overwrite(path, at, Uint8Array.of((bytes[at] ?? 0) ^ (1 << (at % 8)))),
        ),
      );
    const zeroed = [0, 64, used >> 1]
      .filter(at => at < used)
      .map(at => damage(`zeros from byte ${at}`, on => on.overwrite(path, at, new Uint8Array(used - at))));
    const foreign = other.has(path) ? [damage('of another job', on => on.replace(path, other.bytesOf(path)))] : [];
    return [...cutOrLost, ...flips, ...zeroed, ...foreign];
  });
}

const CURE =
  /from a copy|new checkpoint|another path|its own checkpoint|remove the file|start again|put the file back/i;

/** @returns the refusal; undefined when the run ended as if nothing were. Throws where neither is so. */
export async function checkDamage(killed: Killed, { what, path, apply }: Damage): Promise<EngineError | undefined> {
  const { cell, folder, session, clean } = killed;
  const world = new CrashWorld(cell, folder, killed.fs.clone());
  world.session = session;
  try {
    apply(world.fs);
    const failure = await world.run(1).then(
      () => undefined,
      (error: unknown) => error,
    );
    if (failure !== undefined) return checkRefusal(failure, path);
    const problems = problemsOf(await world.left(), clean.left, false);
    if (problems.length > 0) throw new Error(`it was taken for whole: ${problems.join('\n')}`);
    return undefined;
  } catch (error) {
    if (error instanceof Error) error.message = `${nameOf(cell)}, ${path} ${what}: ${error.message}`;
    throw error;
  }
}

function checkRefusal(failure: unknown, path: string): EngineError {
  if (!(failure instanceof EngineError)) throw failure;
  const { code, message } = failure;
  const isNamed = message.includes(basename(path)) || /\/(?:checkpoint|out|deadletter)\//.test(message);
  if (code === 'internal' || !isNamed || !CURE.test(message))
    throw new Error(`the message is not clear: ${code}: ${message}`, { cause: failure });
  return failure;
}
