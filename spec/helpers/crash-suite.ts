/** Crashes runs of a cell at chosen file operations, restarts them, crashes the restart, and compares what is left. */
import { problemsOf } from './crash-oracle.js';
import { CRASH_OPERATORS } from './crash-operators.js';
import { CRASH_SINKS } from './crash-sinks.js';
import { CRASH_SOURCES } from './crash-sources.js';
import { CrashWorld, nameOf, type CrashCell, type Left } from './crash-world.js';
import type { Crash, Operation } from './model-file-system.js';
import { intBelow, randomOf, type Random } from './random-values.js';

export interface CrashPoint {
  /** The number of the file operation that the first run dies in, from 0. */
  readonly at: number;
  readonly crash: 'kill' | 'power';
  /** The restart dies in its operation of this number, from 0, if it comes to it. */
  readonly again?: { readonly after: number; readonly crash: 'kill' | 'power' };
}

/** What was done, for whoever runs a sweep. */
export const tally = { cells: 0, points: 0, crashes: 0, startMs: performance.now() };

export interface CleanRun {
  readonly left: Left;
  readonly numOperations: number;
  readonly operations: readonly Operation[];
}

export async function cleanRun(cell: CrashCell, folder: string): Promise<CleanRun> {
  const world = new CrashWorld(cell, folder);
  await world.run();
  const { numOperations } = world.fs;
  const operations = [...world.fs.operations];
  tally.cells++;
  return { left: await world.left(), numOperations, operations };
}

/** Throws with cell and point where what is left is not what a run that never failed leaves. */
export async function checkPoint(cell: CrashCell, folder: string, clean: CleanRun, point: CrashPoint): Promise<void> {
  const world = new CrashWorld(cell, folder);
  const { fs } = world;
  const random = randomOf(point.at * 1009 + (point.again?.after ?? 0));
  tally.points++;
  try {
    await runInto(world, point.at, point.crash, random);
    if (point.again !== undefined)
      await runInto(world, fs.numOperations + point.again.after, point.again.crash, random, 1 + (point.at % 2));
    await world.run(1 + (point.at % 3));
    const problems = problemsOf(await world.left(), clean.left, isNumbered(cell));
    if (problems.length > 0) throw new Error(problems.join('\n'));
  } catch (error) {
    if (error instanceof Error) error.message = `${nameOf(cell)}, ${JSON.stringify(point)}: ${error.message}`;
    throw error;
  }
}

const isNumbered = ({ operator, sink }: CrashCell): boolean => operator.isNumbered === true && sink.isExactlyOnce;

/** Runs until the file system is down, or to the end, and makes of it what the crash leaves. */
async function runInto(
  world: CrashWorld,
  at: number,
  crash: 'kill' | 'power',
  random: Random,
  workers = 2,
): Promise<void> {
  const { fs } = world;
  fs.downAt(at);
  await world.run(workers).catch((error: unknown) => {
    if (!fs.isDown) throw error;
  });
  if (fs.isDown) tally.crashes++;
  const what: Crash = crash === 'kill' ? { kind: 'kill' } : { kind: 'power', random };
  fs.crash(what);
}

/** A kill or a loss of power somewhere in the run, and maybe a loss of power somewhere in the restart or behind its end. */
export function randomPoint(random: Random, { numOperations }: CleanRun, again: boolean): CrashPoint {
  const at = intBelow(random, numOperations);
  const crash = random() < 0.5 ? 'kill' : 'power';
  return again ? { at, crash, again: { after: intBelow(random, numOperations), crash: 'power' } } : { at, crash };
}

/** Every source with every operator, the outputs in turn: each pair of operator and output, and of source and output, comes too. */
export function pairwiseCells(): CrashCell[] {
  return CRASH_SOURCES.flatMap((source, s) =>
    CRASH_OPERATORS.map((operator, o) => {
      const sink = CRASH_SINKS[(s + o) % CRASH_SINKS.length];
      if (sink === undefined) throw new Error('there are no sinks');
      return { source, operator, sink };
    }),
  );
}

export const allCells = (): CrashCell[] =>
  CRASH_SOURCES.flatMap(source =>
    CRASH_OPERATORS.flatMap(operator => CRASH_SINKS.map(sink => ({ source, operator, sink }))),
  );
