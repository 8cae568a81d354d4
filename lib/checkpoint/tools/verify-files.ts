/** Goes through every file of a checkpoint and every reference from one to another, and lists all that is wrong. */
import { join } from 'node:path';
import { EngineError } from '../../core/errors.js';
import type { FileSystem } from '../../core/file-system.js';
import { TEMPORARY_FILE } from '../../core/write-file-atomic.js';
import { isSnapshotName, LOG_FOLDER, MANIFEST, namesIn, PREVIOUS_MANIFEST, STATE_FOLDER } from '../checkpoint-files.js';
import { batchesOf } from '../load-checkpoint.js';
import { readLock } from '../lock.js';
import { findSegments } from '../log-chain.js';
import { readManifest, type Manifest } from '../manifest.js';
import { checkSnapshot } from '../snapshot-check.js';
import { requireCheckpoint } from './change-checkpoint.js';
import { bareProblem } from './checkpoint-history.js';
import { isDamage, readLogPrefix, type LogPrefix } from './log-prefix.js';
import { countedRecords } from './log-records.js';

export interface Finding {
  /** A note is nothing wrong: what a crash left, or what could not be looked at. */
  readonly severity: 'problem' | 'note';
  readonly path: string;
  /** The first byte that is wrong, where it is known. */
  readonly offset?: number;
  readonly what: string;
  readonly cure: string;
}

export interface VerifiedFiles {
  readonly findings: readonly Finding[];
  readonly numFiles: number;
  readonly bytes: number;
}

const FROM_COPY = 'put the directory back from a copy, or step back with: sluice checkpoint repair';
const STEPS_BACK = 'a restart steps back to MANIFEST.prev; to have it so for good: sluice checkpoint repair';
const NONE = 'nothing needs to be done';

/** Throws `checkpointForeign` when there is no manifest at all, and for files of another version. */
export async function verifyFiles(fs: FileSystem, directory: string): Promise<VerifiedFiles> {
  const findings: Finding[] = [];
  const seen = { numFiles: 0, bytes: 0 };
  const count = (bytes: number): void => {
    seen.numFiles++;
    seen.bytes += bytes;
  };
  const names = await requireCheckpoint(fs, directory);
  await verifyLock(fs, directory, findings);
  const manifests: Manifest[] = [];
  for (const name of [MANIFEST, PREVIOUS_MANIFEST] as const) {
    const path = join(directory, name);
    const isNewest = name === MANIFEST;
    if (!names.includes(name)) {
      if (isNewest) findings.push({ severity: 'problem', path, what: 'it is missing', cure: STEPS_BACK });
      continue;
    }
    try {
      const manifest = await readManifest(fs, directory, name);
      if (manifest === undefined) continue;
      count((await fs.stat(path)).size);
      manifests.push(manifest);
      findings.push(...(await verifySnapshots(fs, directory, manifest, isNewest ? STEPS_BACK : FROM_COPY, count)));
    } catch (thrown) {
      if (!isDamage(thrown)) throw thrown;
      findings.push(findingOf(thrown, path, isNewest ? STEPS_BACK : 'the next snapshot replaces it'));
    }
  }
  const logs: LogPrefix[] = [];
  for (const manifest of manifests) {
    const log = await readLogPrefix(fs, directory, manifest);
    logs.push(log);
    findings.push(...verifyLog(directory, manifest, log));
  }
  findings.push(...(await verifySegments(fs, directory, manifests, logs, count)));
  findings.push(...(await leftovers(fs, directory, manifests)));
  return { findings: distinct(findings), ...seen };
}

async function verifyLock(fs: FileSystem, directory: string, findings: Finding[]): Promise<void> {
  try {
    await readLock(fs, directory);
  } catch (thrown) {
    if (!(thrown instanceof EngineError)) throw thrown;
    const cure = 'when no driver runs this job, remove the file';
    findings.push({ severity: 'problem', path: directory, what: thrown.message.replace(/\. When no.*$/s, ''), cure });
  }
}

async function verifySnapshots(
  fs: FileSystem,
  directory: string,
  manifest: Manifest,
  cure: string,
  count: (bytes: number) => void,
): Promise<Finding[]> {
  const findings: Finding[] = [];
  const operators = new Set(manifest.operators.map(({ id }) => id));
  const path = join(directory, MANIFEST);
  for (const file of manifest.snapshots) {
    const problem = await checkSnapshot(fs, file);
    count(file.byteLength);
    if (problem !== undefined) findings.push({ severity: 'problem', path: file.path, what: problem, cure });
    if (operators.has(file.operator)) continue;
    findings.push({
      severity: 'note',
      path,
      what: `operator '${file.operator}' has state in ${file.path} and is not in the job's plan of the last start`,
      cure: `a start without it was refused, or it has no rows; to remove it: sluice checkpoint drop-operator`,
    });
  }
  return findings;
}

function verifyLog(directory: string, manifest: Manifest, log: LogPrefix): Finding[] {
  const findings: Finding[] = [];
  if (log.damage !== undefined) findings.push(findingOf(log.damage, join(directory, LOG_FOLDER), FROM_COPY));
  const last = log.segments.at(-1);
  if (log.damage === undefined && log.tornBytes > 0) {
    const what = `${log.tornBytes} bytes of a write that was never finished, as after a crash`;
    findings.push({ severity: 'note', path: last?.path ?? '', offset: last?.end ?? 0, what, cure: NONE });
  }
  try {
    batchesOf(log, manifest);
  } catch (thrown) {
    if (!isDamage(thrown)) throw thrown;
    if (log.damage === undefined) findings.push(findingOf(thrown, join(directory, LOG_FOLDER), FROM_COPY));
  }
  const operators = new Set(manifest.operators.map(({ id }) => id));
  const unknown = new Set<string>();
  for (const { record } of countedRecords(log, manifest)) {
    if (record.kind === 'commit')
      for (const { operator } of record.deltas) if (!operators.has(operator)) unknown.add(operator);
  }
  for (const operator of unknown) {
    findings.push({
      severity: 'note',
      path: join(directory, LOG_FOLDER),
      what: `it has changes of operator '${operator}', which is not in the job's plan of the last start`,
      cure: 'a restart of that job wants it back or removed: sluice checkpoint drop-operator',
    });
  }
  return findings;
}

/** Each segment by itself, and whether anything refers to it. */
async function verifySegments(
  fs: FileSystem,
  directory: string,
  manifests: readonly Manifest[],
  logs: readonly LogPrefix[],
  count: (bytes: number) => void,
): Promise<Finding[]> {
  const findings: Finding[] = [];
  const read = new Set(logs.flatMap(({ segments }) => segments.map(({ segment }) => segment)));
  const isWhole = logs.every(({ damage }) => damage === undefined);
  const first = Math.min(...manifests.map(({ firstSegment }) => firstSegment));
  for (const { segment, path, fileBytes, problem, header } of await findSegments(fs, directory)) {
    count(fileBytes);
    if (problem !== undefined && segment >= first) {
      findings.push({
        severity: isWhole ? 'note' : 'problem',
        path,
        offset: 0,
        what: problem,
        cure: isWhole ? NONE : FROM_COPY,
      });
    } else if (!read.has(segment) && isWhole) {
      const epoch = header === undefined ? '' : ` (epoch ${header.epoch})`;
      const what = `no manifest needs this part of the log${epoch}: a fenced driver's, or done with`;
      findings.push({ severity: 'note', path, what, cure: 'the next start removes what is done with' });
    }
  }
  return findings;
}

async function leftovers(fs: FileSystem, directory: string, manifests: readonly Manifest[]): Promise<Finding[]> {
  const named = new Set(manifests.flatMap(({ snapshots }) => snapshots.map(({ path }) => path)));
  const findings: Finding[] = [];
  for (const folder of ['', LOG_FOLDER, STATE_FOLDER]) {
    for (const name of await namesIn(fs, join(directory, folder))) {
      const path = join(directory, folder, name);
      const isUnused = isSnapshotName(`${folder}/${name}`) && !named.has(path);
      if (!isUnused && !TEMPORARY_FILE.test(name)) continue;
      const what = isUnused ? 'a snapshot that no manifest names' : 'a file that was on its way to another name';
      findings.push({ severity: 'note', path, what, cure: 'the next start removes it' });
    }
  }
  return findings;
}

const findingOf = (error: EngineError, path: string, cure: string): Finding => {
  const { file, offset } = error.detail;
  return {
    severity: 'problem',
    path: typeof file === 'string' ? file : path,
    ...(typeof offset === 'number' ? { offset } : {}),
    what: bareProblem(error).replace(/^[^:]*?( at byte \d+)?: /, ''),
    cure,
  };
};

/** Both manifests may name the same damage. */
function distinct(findings: readonly Finding[]): Finding[] {
  const seen = new Map(findings.map(finding => [`${finding.path} ${finding.offset ?? ''} ${finding.what}`, finding]));
  return [...seen.values()];
}
