/**
 * Whether a checkpoint can be gone on from: its own files (`checkpoint/tools/verify-files.ts`), that what lies in them is
 * state, and what it refers to outside of them: versions of tables and blocks of receivers, input and output.
 */
import { join, resolve } from 'node:path';
import { hasCode, namesIn } from '../../checkpoint/checkpoint-files.js';
import { loadCheckpoint, type LoadedCheckpoint } from '../../checkpoint/load-checkpoint.js';
import { lastHandles } from '../../checkpoint/recovered-checkpoint.js';
import { bareProblem } from '../../checkpoint/tools/checkpoint-history.js';
import { isDamage } from '../../checkpoint/tools/log-prefix.js';
import { verifyFiles, type Finding, type VerifiedFiles } from '../../checkpoint/tools/verify-files.js';
import { loadArrow } from '../../columnar/arrow.js';
import type { FileSystem } from '../../core/file-system.js';
import { hasPrint } from '../../sources/file-print.js';
import { NODE_FILES, openInput, type InputFiles } from '../../sources/input-files.js';
import { scanLog } from '../../sources/receiver/scan-log.js';
import { readStateRows } from '../../state/read-rows.js';
import { loadState, readPiece, type LoadedState } from './loaded-state.js';
import { missingInput } from './missing-input.js';
import { sourcePositions } from './source-positions.js';

export interface VerifyOptions {
  /** By source id, the folder that it reads: its files are looked at. */
  readonly inputs: ReadonlyMap<string, string>;
  readonly files?: InputFiles;
}

export interface Verified extends VerifiedFiles {
  readonly stateRows: number;
}

const FROM_COPY = 'put the directory back from a copy, or step back with: sluice checkpoint repair';

/** Throws as `verifyFiles`. */
export async function verifyCheckpoint(fs: FileSystem, directory: string, options: VerifyOptions): Promise<Verified> {
  const files = await verifyFiles(fs, directory);
  const findings: Finding[] = [...files.findings];
  const loaded = await loadCheckpoint(fs, directory).catch((thrown: unknown) => {
    if (!isDamage(thrown)) throw thrown;
    if (!findings.some(({ severity }) => severity === 'problem'))
      findings.push(findingOf(directory, bareProblem(thrown)));
    return undefined;
  });
  if (loaded === undefined) return { ...files, findings, stateRows: 0 };
  const state = await loadState(fs, directory);
  const stateRows = await verifyState(state, findings);
  const open = loaded.batches.filter(({ committed }) => !committed).map(({ ranges }) => ranges);
  for (const { path, what } of await missingInput(fs, directory, open))
    findings.push({ severity: 'problem', path, what, cure: FROM_COPY });
  await verifyReceivers(fs, directory, findings);
  verifyInputs(state, options, findings);
  await verifyOutputs(fs, loaded, findings);
  return { ...files, findings, stateRows };
}

const findingOf = (path: string, what: string, cure = FROM_COPY): Finding => ({
  severity: 'problem',
  path,
  what,
  cure,
});

/** All rows can be read, and are as many as was said. */
async function verifyState({ fs, snapshots, deltas, directory }: LoadedState, findings: Finding[]): Promise<number> {
  await loadArrow();
  let total = 0;
  const count = async (
    rows: AsyncIterable<{ readonly numRows: number }>,
    path: string,
    wanted: number,
  ): Promise<void> => {
    try {
      let numRows = 0;
      for await (const piece of rows) numRows += piece.numRows;
      total += numRows;
      if (numRows !== wanted) findings.push(findingOf(path, `it has ${numRows} rows, ${wanted} were written`));
    } catch (thrown) {
      if (!isDamage(thrown)) throw thrown;
      findings.push(findingOf(path, bareProblem(thrown)));
    }
  };
  for (const file of snapshots) await count(readPiece(fs, file), file.path, file.numRows);
  for (const { read, operator, partition, numRows } of deltas)
    await count(
      readStateRows(await read()),
      `${directory}: change of operator '${operator}', partition ${partition}`,
      numRows,
    );
  const partitions = new Map<string, Set<number>>();
  for (const { operator, partition } of snapshots)
    partitions.set(operator, (partitions.get(operator) ?? new Set()).add(partition));
  for (const [operator, found] of partitions) {
    const missing = Array.from({ length: Math.max(...found) }, (_, i) => i).filter(partition => !found.has(partition));
    if (missing.length > 0)
      findings.push(findingOf(directory, `operator '${operator}' has no snapshot of partition ${missing.join(', ')}`));
  }
  return total;
}

async function verifyReceivers(fs: FileSystem, directory: string, findings: Finding[]): Promise<void> {
  for (const id of await namesIn(fs, join(directory, 'receivers'))) {
    try {
      await scanLog(fs, join(directory, 'receivers', id), 0);
    } catch (thrown) {
      if (!isDamage(thrown)) throw thrown;
      findings.push(findingOf(join(directory, 'receivers', id), bareProblem(thrown)));
    }
  }
}

function verifyInputs(state: LoadedState, { inputs, files = NODE_FILES }: VerifyOptions, findings: Finding[]): void {
  for (const [id, position] of sourcePositions(state)) {
    if (position.kind !== 'files') continue;
    const folder = inputs.get(id);
    if (folder === undefined) {
      const what = `the input files of source '${id}' (${position.files.length}) were not looked at`;
      findings.push({ severity: 'note', path: state.directory, what, cure: `give their folder: --input ${id}=FOLDER` });
      continue;
    }
    for (const { name, consumed, size, print, refused } of position.files) {
      const path = join(folder, name);
      const fd = openInput(files, path);
      if (fd === undefined) {
        const isDone = refused || consumed === size;
        const what = isDone
          ? 'the file is gone, after it was read to its end'
          : `the file is gone, ${consumed} of ${size} bytes were read`;
        const cure = isDone
          ? 'nothing needs to be done: back again, it is new input'
          : 'put it back, or its rest is not read';
        findings.push({ severity: isDone ? 'note' : 'problem', path, what, cure });
        continue;
      }
      try {
        const { size: now } = files.fstatSync(fd);
        if (refused || (now >= consumed && (print === undefined || hasPrint(files, fd, print)))) continue;
        const what =
          now < consumed
            ? `it has ${now} bytes, ${consumed} were read`
            : `its first ${consumed} bytes are other ones than were read`;
        findings.push({
          severity: 'problem',
          path,
          offset: Math.min(now, consumed),
          what,
          cure: 'put the file back as it was, or give the new one another name',
        });
      } finally {
        files.closeSync(fd);
      }
    }
  }
}

/** Files that outputs append to are as long as what is committed. */
async function verifyOutputs(fs: FileSystem, loaded: LoadedCheckpoint, findings: Finding[]): Promise<void> {
  const cwd = loaded.manifest.run?.cwd ?? process.cwd();
  for (const [output, handle] of Object.entries(lastHandles(loaded))) {
    const { path, length, file } = (handle ?? {}) as {
      readonly path?: unknown;
      readonly length?: unknown;
      readonly file?: unknown;
    };
    if (typeof path !== 'string' || typeof length !== 'number' || length === 0) continue;
    const at = resolve(cwd, path);
    try {
      const { size, isDirectory } = await fs.stat(at);
      // Which file of a folder the handle means, the sink knows alone.
      if (isDirectory || file !== 0 || size >= length) continue;
      findings.push(
        findingOf(at, `output '${output}' has ${size} bytes, ${length} are committed`, 'put the file back as it was'),
      );
    } catch (thrown) {
      if (!hasCode(thrown, 'ENOENT')) throw thrown;
      findings.push(
        findingOf(
          at,
          `output '${output}' is gone, ${length} bytes of it are committed`,
          'put it back, or fork the checkpoint and write elsewhere',
        ),
      );
    }
  }
}
