/**
 * Storage that refuses: from some file operation on, all of a kind fail, until the run has ended. It must end with an
 * error that says what to do, or not need what failed; and the next run, the fault being gone, must end as if nothing were.
 */
import { EngineError } from '../../lib/core/errors.js';
import { TABLE } from './crash-operators.js';
import { problemsOf } from './crash-oracle.js';
import { allCells, type CleanRun } from './crash-suite.js';
import { CrashWorld, nameOf, type CrashCell } from './crash-world.js';
import type { Fault, Operation } from './model-file-system.js';
import { randomOf } from './random-values.js';

const CHANGES: readonly Operation[] = ['mkdir', 'open', 'rename', 'link', 'remove', 'write', 'truncate', 'sync'];
const WRITING = ['r+', 'w', 'wx'];

export const STORAGE_FAULTS: readonly Fault[] = [
  { code: 'ENOSPC', operations: ['write', 'mkdir', 'link'], share: 0.5 },
  {
    code: 'EIO',
    operations: [...CHANGES, 'readdir', 'stat', 'syncDirectory', 'read'],
    forgetsWrites: true,
  },
  { code: 'EMFILE', operations: ['open', 'readdir', 'syncDirectory'] },
  { code: 'EROFS', operations: CHANGES, flags: WRITING },
  { code: 'EACCES', operations: CHANGES, flags: WRITING },
];

/** What must be done, in the words of the messages. */
const CURE = /and start again|put it there|from a copy/i;

/** @returns what the run under the fault ended with; undefined when it needed nothing that failed */
export async function checkFault(
  cell: CrashCell,
  folder: string,
  clean: CleanRun,
  fault: Fault,
): Promise<EngineError | undefined> {
  const world = new CrashWorld(cell, folder);
  const { fs } = world;
  const from = fault.from ?? 0;
  try {
    // A table that cannot be read when it has changed stays what it was, and so the batch that is planned then.
    const lift = fs.failWhile({ ...fault, except: TABLE });
    const failure = await world.run().then(
      () => undefined,
      (error: unknown) => error,
    );
    lift();
    if (failure !== undefined) checkMessage(failure, fault.code);
    // What the run left on disk must do: now and then the power goes, too.
    if (from % 2 === 1) fs.crash({ kind: 'power', random: randomOf(from) });
    await world.run(1 + (from % 3));
    // All of it is committed, and so on disk.
    fs.crash({ kind: 'power' });
    const problems = problemsOf(await world.left(), clean.left, false);
    if (problems.length > 0) throw new Error(problems.join('\n'));
    return failure as EngineError | undefined;
  } catch (error) {
    const what = `${nameOf(cell)}, ${fault.code} from operation ${from} (${clean.operations[from]})`;
    if (error instanceof Error) error.message = `${what}: ${error.message}`;
    throw error;
  }
}

/** It names a place of this run, what the system said, and a cure. */
function checkMessage(failure: unknown, code: string): void {
  if (!(failure instanceof EngineError)) throw failure;
  const { message } = failure;
  const isClear = failure.code !== 'internal' && /\/(?:checkpoint|out|deadletter|labels)/.test(message);
  if (!isClear || !message.includes(code) || !CURE.test(message))
    throw new Error(`the message is not clear: ${failure.code}: ${message}`, { cause: failure });
}

/** Cells that together have every kind of file: tables, dead letters, receivers' logs, snapshots, folders, rolled files. */
export const faultCells = (): CrashCell[] => {
  const names = [
    'receiver > mapState > folders',
    'csv > table > json',
    'ndjson > narrow > foreach',
    'queue > update > arrow',
  ];
  return allCells().filter(cell => names.includes(nameOf(cell)));
};

/** Operations of a clean run that a fault may hit, from the first of the engine's own. */
export const operationsFor = (fault: Fault, { operations }: CleanRun): number[] =>
  [...operations.keys()].filter(number => number >= 2 && fault.operations.includes(operations[number] as Operation));
