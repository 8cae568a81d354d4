/**
 * Compiled jobs on disk. Per job file and Sluice entry one manifest, which names the compiled module and the content of
 * every file it was made of; per content one module, never changed and never removed by us, because threads of a
 * running engine may still load it after the job was edited.
 *
 *   <folder>/<key>.json               {"module": "count-3fa9c01be2d1.mjs", "inputs": {"/jobs/count.ts": "<sha256>" | null}}
 *   <folder>/count-3fa9c01be2d1.mjs
 *
 * The folder holds code that will run: it is made readable and writable for its owner only, and unless it was given
 * by name, one that others can write to is not used.
 */
import { createHash } from 'node:crypto';
import {
  accessSync,
  constants,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { basename, dirname, extname, join } from 'node:path';
import { EngineError, messageOf } from '../core/errors.js';
import type { JobBundle, JobIdentity } from './job-bundle.js';

interface Manifest {
  readonly module: string;
  /** sha256 of each file's content by its path; null = there was no such file. */
  readonly inputs: { readonly [path: string]: string | null };
}

/** Of a module's content, at the end of its name. */
const HASH_CHARS = 12;

/** Counts up when the same sources would be compiled to something else. */
const CACHE_VERSION = 1;

/**
 * The folder for a job's compiled modules, made if need be: the given one; else in the nearest node_modules above the
 * job, the user's cache folder, or a new temporary folder, whichever can be written.
 */
export function jobCacheFolder(job: string, given: string | undefined): string {
  if (given !== undefined) {
    const problem = makeFolder(given);
    if (problem === undefined) return given;
    throw new EngineError('outputUnwritable', `the folder for compiled jobs cannot be written: ${given}: ${problem}`);
  }
  const modules = nearestNodeModules(dirname(job));
  const candidates = modules === undefined ? [] : [join(modules, '.cache', 'sluice')];
  candidates.push(join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'sluice'));
  return (
    candidates.find(folder => makeFolder(folder) === undefined && isPrivate(folder)) ??
    mkdtempSync(join(tmpdir(), 'sluice-'))
  );
}

/** The compiled module of a job when none of its inputs changed. */
export function findCached(folder: string, identity: JobIdentity): string | undefined {
  const manifest = readManifest(manifestPath(folder, identity));
  if (manifest === undefined) return undefined;
  const module = join(folder, basename(manifest.module));
  const fresh = Object.entries(manifest.inputs).every(([path, hash]) => hashOfFile(path) === hash);
  return fresh && isWhole(module) ? module : undefined;
}

/** Writes a module and its manifest, each whole or not at all, so that processes that start together share the folder. */
export function storeModule(folder: string, identity: JobIdentity, bundle: JobBundle): string {
  const stem = basename(identity.job, extname(identity.job))
    .replace(/[^\w.-]/g, '_')
    .slice(0, 60);
  const module = `${stem}-${hashOf(bundle.text).slice(0, HASH_CHARS)}.mjs`;
  const inputs = Object.fromEntries(bundle.inputs.map(path => [path, hashOfFile(path)]));
  const manifest: Manifest = { module, inputs };
  // A file saved while it was compiled may be newer than what was compiled: the next start compiles again.
  const settled = bundle.inputs.every(
    path => (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0) < bundle.startedMs,
  );
  try {
    if (!isWhole(join(folder, module))) writeWhole(join(folder, module), bundle.text);
    if (settled) writeWhole(manifestPath(folder, identity), JSON.stringify(manifest));
  } catch (error) {
    throw new EngineError('outputUnwritable', `the compiled job cannot be written to ${folder}: ${messageOf(error)}`, {
      cause: error,
    });
  }
  return join(folder, module);
}

function manifestPath(folder: string, { job, sluiceEntry }: JobIdentity): string {
  return join(folder, `${hashOf(JSON.stringify([CACHE_VERSION, job, sluiceEntry])).slice(0, 24)}.json`);
}

function readManifest(path: string): Manifest | undefined {
  try {
    const manifest = JSON.parse(readFileSync(path, 'utf8')) as Manifest;
    return typeof manifest.module === 'string' && typeof manifest.inputs === 'object' ? manifest : undefined;
  } catch {
    // Missing or damaged: the job is compiled again.
    return undefined;
  }
}

function nearestNodeModules(from: string): string | undefined {
  for (let folder = from; ; folder = dirname(folder)) {
    const path = join(folder, 'node_modules');
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) return path;
    if (folder === dirname(folder)) return undefined;
  }
}

/** Whether only this process's user can have put files there. */
function isPrivate(folder: string): boolean {
  const me = process.getuid?.();
  const { uid, mode } = statSync(folder);
  return me === undefined || (uid === me && (mode & 0o022) === 0);
}

/** What is wrong with a folder, or undefined when it is there and can be written. */
function makeFolder(folder: string): string | undefined {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    accessSync(folder, constants.W_OK);
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}

/** Whether a module is what its name says. Nothing here is synced, so a loss of power may leave a name with zeros behind it. */
function isWhole(module: string): boolean {
  return hashOfFile(module)?.slice(0, HASH_CHARS) === basename(module, '.mjs').slice(-HASH_CHARS);
}

function writeWhole(path: string, text: string): void {
  const temporary = `${path}.${process.pid}.tmp`;
  writeFileSync(temporary, text, { mode: 0o600 });
  renameSync(temporary, path);
}

function hashOfFile(path: string): string | null {
  try {
    return hashOf(readFileSync(path));
  } catch {
    return null;
  }
}

const hashOf = (content: string | Uint8Array): string => createHash('sha256').update(content).digest('hex');
